"""A service with a page, served by a process.

Laws: the process is a child of a `keeper`, in a group of its own, so that nothing of it is left
when this process is gone, killed included; what leaves the group is the keeper's too. The service's
thread waits for the keeper's end, and so knows at once when the command dies. What it prints goes to
files, never to this process; who has them is the only one of its folder.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO

from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.effects import clean_environment
from experimaestro.scheduler.services import keeper
from experimaestro.scheduler.services.web import KILLED_S, WebService
from experimaestro.workspace.processes import LINUX

_POLL_S = 0.05
"""How often a process is asked whether it is ready, in seconds"""


class ProcessWebService(WebService):
    """A service with a page that is served by a command.

    You must provide `_build_command` and `_wait_for_ready`; for that you get logs in files, an end
    of the whole process group with `stop` or with this process, and an error with the last lines of
    its log when it dies.
    """

    process: "subprocess.Popen[bytes] | None" = None
    """What runs the command (a keeper, not the command itself); None unless it runs"""

    # What a sub-class provides.

    def _build_command(self) -> Sequence[str]:
        """The program and its arguments."""
        raise NotImplementedError(f"{type(self).__name__} must define _build_command(self)")

    def _wait_for_ready(self) -> str:
        """Waits until the page can be asked for; to be given up when `should_stop`.

        Returns:
            Its address.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _wait_for_ready(self)")

    def _environment(self) -> Mapping[str, str]:
        """Variables that the command has beside those of this process."""
        return {}

    @contextlib.contextmanager
    def _resources(self) -> Iterator[Sequence[int]]:
        """What is needed from before the start until it is ready or will not be.

        Yields:
            Descriptors that the command inherits.
        """
        yield ()

    # What it does.

    def should_stop(self) -> bool:
        """Whether somebody asked it to stop, or its process has ended."""
        return super().should_stop() or (self.process is not None and self.process.returncode is not None)

    def _serve(self, running: threading.Event) -> None:
        with self._resources() as descriptors:
            with self._logs() as logs:
                command = [str(part) for part in self._build_command()]
                process = self._start(command, descriptors, logs)
            try:
                waiter = threading.Thread(
                    target=self._become_ready, args=(running,), name=f"service[{self.id}].ready", daemon=True
                )
                waiter.start()
                if super().should_stop():
                    self._interrupt()  # it was asked before there was a process
                while waiter.is_alive() and not _has_ended(process):
                    waiter.join(_POLL_S)
            except BaseException:
                _end_group(process)
                raise
        _wait(process)
        _end_group(process)
        asked, code = super().should_stop(), process.returncode
        waiter.join(1.0)
        self.process = None
        if not asked:
            raise ServiceError(
                f"The service {self.id!r} ended: {_how(command[0], code)}.{self._last_lines()}"
            )

    @contextlib.contextmanager
    def _logs(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Opens its logs, empty. They are locked as long as a process of it lives: see `_locked`."""
        out, err = self.stdout, self.stderr
        if out is None or err is None:
            raise ServiceError(
                f"the service {self.id!r} has no folder for its logs: add it to an experiment "
                f"(xp.add_service), or give {type(self).__name__}(..., log_directory=...)"
            )
        with contextlib.ExitStack() as opened:
            try:
                out.parent.mkdir(parents=True, exist_ok=True)
                files = opened.enter_context(out.open("ab")), opened.enter_context(err.open("ab"))
                is_free = _locked(files[0])
            except OSError as error:
                raise self._unstartable(error) from None
            if not is_free:
                raise ServiceError(
                    f"the service {self.id!r} runs already, perhaps in another process: it has the logs "
                    f"in {out.parent}. Stop it there first"
                )
            for file in files:
                file.truncate(0)
            yield files

    def _start(
        self, command: list[str], descriptors: Sequence[int], logs: tuple[IO[bytes], IO[bytes]]
    ) -> "subprocess.Popen[bytes]":
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, *command],
                env={**clean_environment(os.environ), **self._environment()},
                stdin=subprocess.PIPE,
                stdout=logs[0],
                stderr=logs[1],
                pass_fds=tuple(descriptors),
                start_new_session=True,
            )
        except OSError as error:
            raise self._unstartable(error) from None
        self.process = process
        return process

    def _unstartable(self, error: OSError) -> ServiceError:
        return ServiceError(
            f"the service {self.id!r} could not be started: {error.filename or ''}: {error.strerror}"
        )

    def _become_ready(self, running: threading.Event) -> None:
        try:
            address = self._wait_for_ready()
            if self._is_present(running) and not self.should_stop():
                self.url = address
                running.set()
        except ServiceError as error:
            self._give_up(running, str(error))
        except Exception as error:  # noqa: BLE001 - a user's code: its traceback is the error
            self._give_up(running, self._told(error))

    def _give_up(self, running: threading.Event, text: str) -> None:
        """Ends it because it cannot become ready; nothing happens if it is another life's turn."""
        if self._is_present(running) and not self.should_stop():
            self._fail(text)

    def _until(self, is_ready: Callable[[], bool]) -> None:
        """Waits until a condition holds, or `should_stop`."""
        while not self.should_stop() and not is_ready():
            time.sleep(_POLL_S)

    def _interrupt(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        """Closes this process's end of the keeper's pipe: when all ends are closed, it ends the group."""
        process = self.process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _kill(self) -> None:
        process = self.process
        if process is not None:
            below = _below(process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            for one in below:  # also what left the group
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(one, signal.SIGKILL)

    def _forget(self) -> None:
        super()._forget()
        self._let_go()


def _locked(file: IO[bytes]) -> bool:
    """Locks a file for all who inherit it, until the last of them has ended.

    Returns:
        Whether nobody else has it. What was killed just now has a moment to be gone.
    """
    end = time.monotonic() + KILLED_S
    while not (is_ours := _is_ours(file)) and time.monotonic() < end:
        time.sleep(_POLL_S)
    return is_ours


def _is_ours(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it has ended; on Linux it stays a zombie, so that its group cannot become another's."""
    if not LINUX:
        return process.poll() is not None
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    return True


def _wait(process: "subprocess.Popen[bytes]") -> None:
    """Returns when it has ended; see `_has_ended`."""
    if LINUX:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


def _below(pid: int) -> list[int]:
    """The processes below one, now."""
    import psutil  # slow to load, and needed here only if something does not end

    with contextlib.suppress(psutil.NoSuchProcess):
        return [one.pid for one in psutil.Process(pid).children(recursive=True)]
    return []


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kills what is left of the group, and takes note of the end of its leader."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _how(program: str, code: int | None) -> str:
    if code == 0:
        return (
            f"{program} exited with code 0, and what it left in the background was ended: "
            "let it stay in the foreground"
        )
    if code is not None and code > 128:
        with contextlib.suppress(ValueError):
            return f"{program} was killed by {signal.Signals(code - 128).name}"
    if code is not None and code < 0:
        return f"the process that keeps {program} was killed by {signal.Signals(-code).name}"
    return f"{program} exited with code {code}"
