"""A service with a page, served by a thread of this process.

Laws: one life at a time; its thread alone ends it. Whoever starts or stops only asks, and waits
with a deadline: nothing waits for ever. A thread that raises, ends by itself or is not ready in
time is an error that says so. Two threads may start and stop at once: the lock decides, and
nothing of a user's is called with it held.
"""

import contextlib
import secrets
import threading
import time
import traceback
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services import links
from experimaestro.scheduler.services.service import Service, log
from experimaestro.scheduler.services.states import ServiceState
from experimaestro.workspace import files

KILLED_S = 1.0
"""How long the end of what was killed may take, in seconds"""

_ALIVE = frozenset({ServiceState.STARTING, ServiceState.RUNNING})

_living: "weakref.WeakSet[WebService]" = weakref.WeakSet()


class Address(str):
    """The address of a page, perhaps with its token, which only `str` and `print` show.

    What a notebook keeps as the value of a cell is the `repr`: it hides the token.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        shown, found, _ = self.partition(f"{links.TOKEN_PARAMETER}=")
        return repr(f"{shown}{found}[secret]" if found else str(self))


class _Ready(threading.Event):
    """What `_serve` is given: setting it tells the service."""

    def __init__(self, service: "WebService") -> None:
        super().__init__()
        self._service = service

    def set(self) -> None:
        super().set()
        self._service._is_ready(self)  # noqa: SLF001 - a part of it


class _Life:
    """From one start to its end."""

    def __init__(self, service: "WebService") -> None:
        self.ready = _Ready(service)
        self.stop_asked = threading.Event()
        self.settled = threading.Event()
        """It runs, or will not"""
        self.ended = threading.Event()
        """Its thread does nothing more"""
        self.thread = threading.Thread(
            target=service._live,  # noqa: SLF001 - a part of it
            args=(self,),
            name=f"service[{service.id}]",
            daemon=True,
        )
        self.limit = threading.Timer(service.ready_timeout_s, service._is_late, (self,))  # noqa: SLF001 - same
        self.limit.daemon = True


class WebService(Service):
    """A service with a page.

    You must provide `_serve`; for that you get `start`, `stop`, `get_url`, the states, a time limit
    and a token.

    Example:
        >>> class Page(WebService):
        ...     id = "page"
        ...
        ...     def _serve(self, running):
        ...         server = make_server()
        ...         self.url = f"http://127.0.0.1:{server.port}/"
        ...         running.set()
        ...         while not self.should_stop():
        ...             server.handle_request()
    """

    ready_timeout_s: float = 60.0
    """How long a start may take"""
    asks_token: bool = False
    """Whether its page wants `token` (see `gate.TokenGate`): links then bring it"""
    token: str = ""
    """What its page asks for; another one at each start"""

    _life: _Life | None = None
    _address: str | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> "WebService":  # noqa: PYI034 - as in Service
        """See `Service.__new__`."""
        service = super().__new__(cls, *args, **kwargs)
        assert isinstance(service, WebService)
        service._lock = threading.Lock()
        return service

    _lock: threading.Lock

    # What a sub-class provides.

    def _serve(self, running: threading.Event) -> None:
        """Serves until `should_stop`; called in a thread of its own.

        Args:
            running: To be set when the page can be asked for and `url` is set.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _serve(self, running)")

    def _interrupt(self) -> None:
        """Makes `_serve` notice that it should stop; called in any thread, perhaps more than once."""

    def _kill(self) -> None:
        """Ends by force what `_serve` waits for; called when it did not stop in time."""

    # What it may use.

    def should_stop(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._life is None or self._life.stop_asked.is_set()

    @property
    def url(self) -> str | None:
        """Its address as this process sees it: behind the Jupyter server if there is one.

        It has no token. None unless it runs. `_serve` sets it to the address on this machine.

        Raises:
            ServiceError: What is set is no address, or the template of the user cannot be filled.
        """
        return None if self._address is None else links.server_view(links.Place.of(self._address))

    @url.setter
    def url(self, address: str | None) -> None:
        if address is not None:
            links.Place.of(address)  # a wrong one: said where it is set
        self._address = address

    @property
    def address(self) -> str | None:
        """Its address on the machine where it runs, as `_serve` gave it."""
        return self._address

    # What users call.

    def start(self) -> None:
        """Starts it, unless it runs or starts; does not wait.

        Raises:
            ServiceError: It is stopping, or its last life has not ended.
        """
        with self._lock:
            before = self._life
            if before is not None and not before.ended.is_set():
                if not before.stop_asked.is_set():
                    return
                raise ServiceError(f"the service {self.id!r} has not ended yet: start it when it is stopped")
            life = self._life = _Life(self)
            self.token = secrets.token_urlsafe(32) if self.asks_token else ""
            self._address = None
        _living.add(self)
        try:
            self.state = ServiceState.STARTING
            life.thread.start()
            life.limit.start()
        except BaseException as error:  # Ctrl-C, or the system gives no more threads
            self._fail(f"The service {self.id!r} could not be started: {str(error) or type(error).__name__}")
            if life.thread.ident is None:
                life.ended.set()
            if not isinstance(error, RuntimeError):
                raise

    def get_url(self) -> str:
        """Starts it if needed, and waits until it runs, at most `ready_timeout_s`.

        Returns:
            Its address (see `url`), with the token if it asks for one: to be opened, not to be kept.

        Raises:
            ServiceError: It did not start; the text says why.
        """
        life = self._life
        if life is not None and life.stop_asked.is_set():
            life.ended.wait(self.ready_timeout_s)
        life = self._started()
        if self._teller is not threading.current_thread():  # a listener may ask when it is told
            life.settled.wait(self.ready_timeout_s + KILLED_S)
        return self._opened()

    async def get_url_async(self) -> str:
        """As `get_url`, while the caller's other coroutines go on. To cancel it does not stop the service."""
        life = self._life
        if life is not None and life.stop_asked.is_set():
            await _set(life.ended, self.ready_timeout_s)
        await _set(self._started().settled, self.ready_timeout_s + KILLED_S)
        return self._opened()

    def _started(self) -> _Life:
        self.start()
        assert self._life is not None
        return self._life

    def _opened(self) -> str:
        """What `get_url` gives when it runs, or will not."""
        url, token = self.url, self.token
        if self.state is not ServiceState.RUNNING or url is None:
            how = (
                "does not answer yet"
                if self.state is ServiceState.STARTING
                else "was stopped while it started"
            )
            raise ServiceError(self.error or f"the service {self.id!r} {how}")
        return Address(links.with_token(url, token))

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it has ended; whether it has.

        Args:
            timeout: For so many seconds at most; None: for ever.
        """
        life = self._life
        return life is None or life.ended.wait(timeout)

    def stop(self, timeout: float = 2.0) -> None:
        """Stops it, and waits for its end. Nothing happens if it does not run.

        Args:
            timeout: After so many seconds what it started is killed. A thread cannot be: one that
                goes on is an error.
        """
        life = self._ask_to_stop()
        if life is None or life.thread is threading.current_thread():
            return
        if not life.ended.wait(timeout):
            self._kill()
            if not life.ended.wait(KILLED_S):
                self._goes_on(life, timeout)
                return
        life.thread.join(KILLED_S)

    def link(self) -> dict[str, Any] | None:
        """What a browser needs to open its page, token included: to be sent, never to be kept.

        Returns:
            See `links.describe`; None unless it runs.
        """
        address, token = self._address, self.token
        if self.state is not ServiceState.RUNNING or address is None:
            return None
        return links.describe(links.Place.of(address), token)

    def describe(self) -> dict[str, Any]:
        """See `Service.describe`."""
        row, address = super().describe(), self._address
        if self.state is ServiceState.RUNNING and address is not None:
            place = links.Place.of(address)
            row.update(port=place.port, path=place.path)
        row["can_start"] = self.state in {ServiceState.STOPPED, ServiceState.ERROR}
        row["can_stop"] = self.state in _ALIVE
        return row

    def _row(self, arguments: Any) -> dict[str, Any]:
        return {**super()._row(arguments), "url": self._address}

    # A life.

    def _live(self, life: _Life) -> None:
        problem: str | None = None
        try:
            if not life.stop_asked.is_set():
                self._serve(life.ready)
            if not life.stop_asked.is_set():
                problem = f"The service {self.id!r} ended by itself: _serve returned, and nobody asked it to."
        except ServiceError as error:
            problem = str(error)
        except BaseException as error:  # noqa: BLE001 - a user's code: its traceback is the error
            problem = self._told(error)
            self._write_log(problem)
        life.limit.cancel()
        self._address = None
        try:
            if life.stop_asked.is_set() or self.state is ServiceState.STOPPING:
                # unless it was late, which is an error already
                self._change(ServiceState.STOPPED, None, _ALIVE | {ServiceState.STOPPING})
            else:
                self.set_error(problem or "")
        finally:
            life.settled.set()
            life.ended.set()

    def _is_present(self, running: threading.Event) -> bool:
        """Whether what `_serve` was given is of the present life, which has not ended."""
        life = self._life
        return life is not None and life.ready is running and not life.ended.is_set()

    def _is_ready(self, running: threading.Event) -> None:
        life = self._life
        if life is None or not self._is_present(running):
            return
        life.limit.cancel()
        if self._address is None:
            raise ServiceError(f"the service {self.id!r} says that it is ready, and has set no url")
        links.server_view(links.Place.of(self._address))  # a wrong template: said now
        self._change(ServiceState.RUNNING, None, frozenset({ServiceState.STARTING}))
        life.settled.set()

    def _is_late(self, life: _Life) -> None:
        if life is self._life and not life.ready.is_set():
            late = f"The service {self.id!r} was not ready within {self.ready_timeout_s:g} s."
            self._fail(f"{late}{self._last_lines()}")

    def _fail(self, text: str) -> None:
        """Makes it an error that it does not become ready, and ends it."""
        life = self._life
        if life is not None and self._change(ServiceState.ERROR, text, frozenset({ServiceState.STARTING})):
            life.stop_asked.set()
            life.settled.set()
            self._interrupt()

    def _ask_to_stop(self) -> _Life | None:
        """Asks it to stop; the life that will end, None if there is none."""
        life = self._life
        if life is None or life.ended.is_set():
            return None
        self._change(ServiceState.STOPPING, None, _ALIVE)  # told before it can be told that it stopped
        life.stop_asked.set()
        self._interrupt()
        return life

    def _goes_on(self, life: _Life, timeout: float) -> None:
        text = (
            f"The service {self.id!r} did not stop within {timeout:g} s: its thread goes on. "
            "Its _serve must return soon after should_stop() is true."
        )
        if not life.ended.is_set():
            self._change(ServiceState.ERROR, text, frozenset({ServiceState.STOPPING}))

    def _forget(self) -> None:
        """In a process that was forked: nothing of its life is here."""
        self._life = None

    def _told(self, error: BaseException) -> str:
        """What is said of an exception of a sub-class: what it is, then from where, without our own lines."""
        trace = error.__traceback__
        lines = traceback.format_exception(type(error), error, trace and trace.tb_next)
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        return f"The service {self.id!r} failed: {what}\n{''.join(lines)}"

    # Its logs.

    def _write_log(self, text: str) -> None:
        if self.stderr is None:
            return
        try:
            self.stderr.parent.mkdir(parents=True, exist_ok=True)
            with self.stderr.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            log.warning("%s cannot be written: %s", self.stderr, error)

    def _last_lines(self) -> str:
        """What it printed last, as the end of an error's text."""
        for path in (self.stderr, self.stdout):
            with contextlib.suppress(OSError):
                if path is not None and (text := files.tail(str(path), 8192, 10).rstrip()):
                    return f" Last lines of {path}:\n{text}"
        return ""


async def _set(event: threading.Event, timeout: float) -> None:
    """Waits for an event, and holds no thread meanwhile."""
    import asyncio  # only who awaits needs it

    end = time.monotonic() + timeout
    while not event.is_set() and time.monotonic() < end:  # noqa: ASYNC110 - threads set it
        await asyncio.sleep(0.02)


def stop_all(services: Iterable[Service], timeout: float = 2.0) -> None:
    """Stops services and their parts at the same time, and waits for the end of all.

    Args:
        services: Those that have no page are left as they are. What one raises is logged.
        timeout: For all together, in seconds.
    """
    stopping = [one for one in _with_parts(services) if isinstance(one, WebService) and not one.wait(0)]
    threads = []
    for one in stopping:
        thread = threading.Thread(target=_stop, args=(one, timeout), name=f"stop[{one.id}]", daemon=True)
        life = one._life  # noqa: SLF001 - our own
        is_this = (
            life is not None and life.thread is threading.current_thread()
        )  # which cannot wait for itself
        if is_this or len(stopping) == 1 or not _is_started(thread):
            _stop(one, timeout)
        else:
            threads.append(thread)
    end = time.monotonic() + timeout + 2 * KILLED_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _with_parts(services: Iterable[Service]) -> Iterator[Service]:
    for service in services:
        yield service
        yield from _with_parts(service._known_parts())  # noqa: SLF001 - our own


def _is_started(thread: threading.Thread) -> bool:
    try:
        thread.start()
    except RuntimeError:  # there can be no more, or this process exits
        return False
    return True


def _stop(service: WebService, timeout: float) -> None:
    try:
        service.stop(timeout)
    except Exception:  # noqa: BLE001 - of a sub-class: the others are to be stopped
        log.exception("the service %r could not be stopped", service.id)


def leave(timeout: float = 1.0) -> None:
    """At the exit of the process: nothing that it started stays behind."""
    stop_all(list(_living), timeout)


def forget() -> None:
    """In a process that the user forked: none of the services is its own."""
    for one in list(_living):
        one._forget()  # noqa: SLF001 - our own
    _living.clear()
