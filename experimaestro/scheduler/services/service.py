"""What a service is: an id, a state that others are told of, and how to make it again.

Laws: a state changes only along `states.NEXT`; listeners are told once for each change, one change
at a time, and what they raise is logged and stops nobody. How a service was made is kept as the
arguments of its constructor, so that another process, much later, can make it again
(`from_state_dict`). Nothing here starts anything.
"""

import importlib
import inspect
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services.states import NEXT, ServiceState
from experimaestro.workspace import files
from experimaestro.workspace.layout import RunPaths

log = logging.getLogger("experimaestro.services")

PathTranslator = Callable[[Path], Path]
"""Where a path of another machine is here"""


class ServiceListener:
    """What is told of the changes of a service; to be sub-classed, or any object with this method."""

    def service_state_changed(self, service: "Service") -> None:
        """Called once for each change of state, in the thread that makes it."""


class Owner(Protocol):
    """The experiment of a service, as much of it as a service needs."""

    @property
    def experiment_id(self) -> str:
        """Name of the experiment."""

    @property
    def run_id(self) -> str:
        """Name of the run."""

    @property
    def workspace(self) -> str | os.PathLike[str]:
        """Folder of the workspace."""


class Service:
    """Something that belongs to an experiment and can be started and stopped.

    You must provide an `id`, and for a service that can be made again either a constructor whose
    arguments are plain values and paths, or a `state_dict`. `WebService` and `ProcessWebService`
    do the rest for what has a page.

    Args:
        log_directory: Folder of its logs; None: that of the run to which it is added.
    """

    id: str = ""
    """Names it in its experiment, and its folder"""
    log_directory: Path | None
    """Folder of its logs, made when it starts"""
    experiment_id: str
    run_id: str
    error: str | None
    """Why it is in `ServiceState.ERROR`"""

    def __new__(cls, *args: Any, **kwargs: Any) -> "Service":  # noqa: PYI034 - Self needs Python 3.11
        """Sets it up here, so that a sub-class need not call `__init__`."""
        service = super().__new__(cls)
        service._state = ServiceState.STOPPED
        service._changing = threading.Lock()
        service._untold, service._teller = 0, None
        service._listeners = []
        service._arguments = _arguments(service, args, kwargs)
        service.log_directory = service._folder = service.error = None
        service.experiment_id = service.run_id = ""
        return service

    def __init__(self, *, log_directory: str | Path | None = None) -> None:
        if log_directory is not None:
            self.log_directory = Path(log_directory)

    _state: ServiceState
    _changing: threading.Lock
    _untold: int
    _teller: threading.Thread | None
    _listeners: list[ServiceListener]
    _folder: Path | None
    _arguments: Mapping[str, Any]

    # Its state.

    @property
    def state(self) -> ServiceState:
        """Where it stands. Setting another state tells the listeners.

        Raises:
            ServiceError: The new state cannot follow the present one.
        """
        return self._state

    @state.setter
    def state(self, state: ServiceState) -> None:
        self._change(state, None)

    def set_error(self, text: str) -> None:
        """Puts it into `ServiceState.ERROR`.

        Args:
            text: What happened, and what to do.
        """
        self._change(ServiceState.ERROR, text)

    def _change(
        self, state: ServiceState, error: str | None, before: frozenset[ServiceState] | None = None
    ) -> bool:
        """Changes the state, if it is another one.

        Args:
            state: The new one.
            error: Why it is an error.
            before: Nothing happens unless the present state is one of these; None: any.

        Returns:
            Whether it was changed.
        """
        with self._changing:
            if state is self._state or (before is not None and self._state not in before):
                return False
            if state not in NEXT[self._state]:
                raise ServiceError(f"service {self.id!r}: {self._state.name} cannot become {state.name}")
            self._state, self.error = state, error
            self._untold += 1
            if self._teller is not None:
                return True  # whoever tells now goes on until all is told
            self._teller = threading.current_thread()
        self._tell()
        return True

    def _tell(self) -> None:
        """Tells the listeners of each change, one at a time, with no lock held: they may stop it."""
        interrupt: BaseException | None = None
        while True:
            with self._changing:
                if not self._untold:
                    self._teller = None
                    break
                self._untold -= 1
                listeners = tuple(self._listeners)
            for listener in listeners:
                try:  # each alone: the others are to be told
                    listener.service_state_changed(self)
                except Exception:  # noqa: PERF203 - of a listener
                    log.exception("a listener of the service %r failed", self.id)
                except BaseException as error:  # noqa: BLE001 - Ctrl-C: raised when all is told
                    interrupt = error
        if interrupt is not None:
            raise interrupt

    def add_listener(self, listener: ServiceListener) -> None:
        """Tells an object of each change from now on."""
        with self._changing:
            self._listeners.append(listener)

    def listeners(self) -> Sequence[ServiceListener]:
        """Those that are told of its changes."""
        with self._changing:
            return tuple(self._listeners)

    def remove_listener(self, listener: ServiceListener) -> None:
        """Tells it no more; nothing happens if it was not told before."""
        with self._changing:
            self._listeners = [one for one in self._listeners if one is not listener]

    # Where it belongs.

    def set_experiment(self, xp: Owner) -> None:
        """Makes it a service of an experiment's run; called by `add_service`."""
        self._belong(
            RunPaths(os.fspath(xp.workspace), xp.experiment_id, xp.run_id), xp.experiment_id, xp.run_id
        )

    def _belong(self, paths: RunPaths, experiment_id: str, run_id: str) -> None:
        self.experiment_id, self.run_id = experiment_id, run_id
        folder = Path(paths.service(self.id))
        if self.log_directory in {None, self._folder}:  # else it was given
            self.log_directory = self._folder = folder
        for part in self._known_parts():
            part._belong(paths, experiment_id, run_id)  # noqa: SLF001 - of the same class

    @property
    def stdout(self) -> Path | None:
        """What it prints; None while it has no folder."""
        return None if self.log_directory is None else self.log_directory / "logs.out"

    @property
    def stderr(self) -> Path | None:
        """What it prints on standard error; None while it has no folder."""
        return None if self.log_directory is None else self.log_directory / "logs.err"

    def log_tail(self, max_bytes: int = 65536, max_lines: int = 200) -> str:
        """The end of what it printed: on standard error, or on standard output if that is empty.

        Args:
            max_bytes: No more than these are read.
            max_lines: No more than these are returned.

        Raises:
            OSError: The disk does not tell.
        """
        for path in (self.stderr, self.stdout):
            if path is not None and (text := files.tail(str(path), max_bytes, max_lines)):
                return text
        return ""

    # What it is made of.

    def description(self) -> str:
        """What it shows, in a few words."""
        return ""

    def _described(self) -> str:
        """Its description as a text, whatever a sub-class gives."""
        try:
            return str(self.description())
        except Exception as error:  # noqa: BLE001 - of a user's class: its state is told all the same
            return f"{self.id} (its description() raised {error!r})"

    def subservices(self) -> Sequence["Service"]:
        """Services that it is made of; it may be one of them."""
        return []

    def parts(self) -> dict[str, "Service"]:
        """The other services that it is made of, by id."""
        return {one.id: one for one in self.subservices() if one is not self}

    def _known_parts(self) -> Sequence["Service"]:
        """Its parts; none if its own code cannot say which."""
        try:
            return tuple(self.parts().values())
        except Exception as error:  # noqa: BLE001 - of a user's class: it has the rest of its life all the same
            log.warning("the parts of %r are not known: %r", self, error)
            return ()

    def get_subservice(self, service_id: str) -> "Service":
        """One of the services that it is made of, or itself.

        Raises:
            KeyError: There is none of that id.
        """
        return {self.id: self, **self.parts()}[service_id]

    def state_dict(self) -> Mapping[str, Any]:
        """The arguments that make it again: plain values and paths, also in lists and dictionaries."""
        return self._arguments

    def full_state_dict(self) -> dict[str, Any]:
        """All that other processes may know of it, as JSON values; no token is in it.

        Raises:
            ServiceError: `state_dict` has something that is no JSON value.
        """
        return self._row(_encoded(dict(self.state_dict()), f"service {self.id!r}"))

    def _row(self, arguments: Any) -> dict[str, Any]:
        """What `full_state_dict` gives, with these arguments; None: it cannot be made again."""
        row = {
            "service_id": self.id,
            "description": self._described(),
            "class": f"{type(self).__module__}.{type(self).__qualname__}",
            "state_dict": arguments,
            "experiment_id": self.experiment_id,
            "run_id": self.run_id,
            "state": self.state.name,
            "url": None,
        }
        if arguments is None:
            return row
        below = {name: one.full_state_dict() for name, one in self.parts().items()}
        return {**row, "subservices": below} if below else row

    @staticmethod
    def from_state_dict(
        class_name: str, data: Mapping[str, Any] | None, path_translator: PathTranslator | None = None
    ) -> "Service":
        """Makes a service again. Imports its class: do it when a user asks for it.

        Args:
            class_name: Module and name of its class, as in `full_state_dict`.
            data: What `state_dict` gave, as it was written; None: that could not be kept.
            path_translator: Where the paths are here; None: where they were.

        Raises:
            ServiceError: The class is not there, or does not take these arguments.
        """
        if data is None:
            raise ServiceError(f"{class_name} was made from what could not be kept: define its state_dict()")
        cls = _class(class_name)
        try:
            service = cls(**_decoded(data, path_translator or Path))
        except TypeError as error:
            raise ServiceError(f"{class_name} cannot be made again from {sorted(data)}: {error}") from error
        assert isinstance(service, Service)
        return service

    # What views show.

    def describe(self) -> dict[str, Any]:
        """A row of a view, as JSON values; may be kept: it has no token.

        Returns:
            `id`, `description`, `state` (lower case), `error`, `port` and `path` of its page (None
            unless it runs), `can_start` and `can_stop`, `log` (path of its standard error) and
            `subservices` (rows).
        """
        return {
            "id": self.id,
            "description": self._described(),
            "state": self.state.name.lower(),
            "error": self.error,
            "port": None,
            "path": None,
            "can_start": False,
            "can_stop": False,
            "log": None if self.stderr is None else str(self.stderr),
            "subservices": [one.describe() for one in self.parts().values()],
        }

    make_widget: "ClassVar[Callable[[Service], Any] | None]" = None
    """Makes the display of a service: a slot that the layer above fills"""

    @property
    def widget(self) -> Any:
        """Its display in a notebook, an ipywidget with `state`, `error` and `link` to observe.

        Raises:
            ServiceError: Nothing that can show it is loaded.
        """
        make = Service.make_widget
        if make is None:
            raise ServiceError(f"{self!r} can be shown once `experimaestro.experiment` is imported")
        return make(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id!r}: {self.state.name}>"


def _arguments(service: Service, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the constructor was called with, by name; nothing if the call is wrong: it will say so."""
    try:
        bound = inspect.signature(type(service).__init__).bind(service, *args, **kwargs)
    except TypeError:
        return {}
    found: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        else:
            found[name] = list(value) if kind is inspect.Parameter.VAR_POSITIONAL else value
    return found


def _class(name: str) -> Any:
    """The class of a full name; the module is as much of it as can be imported."""
    parts = name.split(".")
    for length in range(len(parts) - 1 if parts[0] else 0, 0, -1):
        module_name = ".".join(parts[:length])
        try:
            found: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is not None and not f"{module_name}.".startswith(f"{error.name}."):
                raise ServiceError(f"{name} cannot be imported: {error}") from error
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        if isinstance(found, type) and issubclass(found, Service):
            return found
        break
    hint = "a class of a script or notebook is found in that one only: move it to a module"
    raise ServiceError(
        f"{name} is no service that can be imported here: "
        f"{hint if parts[0] == '__main__' else 'install its package, or add its folder to sys.path'}"
    )


def _encoded(value: Any, where: str) -> Any:
    if isinstance(value, Path):
        return {"__path__": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _encoded(one, f"{where}, {name}") for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(one, where) for one in value]
    raise ServiceError(
        f"{where}: a {type(value).__name__} cannot be kept with the run. "
        "Define state_dict(), which returns plain values and paths that the constructor takes"
    )


def _decoded(value: Any, translate: PathTranslator) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"__path__"}:
            return translate(Path(value["__path__"]))
        return {name: _decoded(one, translate) for name, one in value.items()}
    return [_decoded(one, translate) for one in value] if isinstance(value, list) else value
