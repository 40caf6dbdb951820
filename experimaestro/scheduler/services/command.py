"""Any command that serves a page on a port, as a service."""

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence

from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services import ports
from experimaestro.scheduler.services.process import ProcessWebService
from experimaestro.scheduler.services.service import log


class CommandService(ProcessWebService):
    """A command that serves a page on a port, such as `mlflow ui --port {port}`.

    The program is looked for beside this process's Python first, as if its environment was active: that
    of a kernel often is not. No shell is between: quotes work, pipes and `$VAR` do not. Who can reach
    the page is up to the command: other users of the machine can, unless it asks for a password.

    Args:
        command: The command, as a line or as a list. `{port}` and `{host}` (127.0.0.1) are
            replaced in it.
        id: Names it in its experiment; None: the name of the program.
        port: The port; 0: a free one.
        path: Where its page is; begins with a `/`.
        description: What it shows.
        environment: Variables that it has beside those of this process.
        ready_timeout_s: How long its start may take, in seconds.

    Raises:
        ServiceError: `command` is empty or has no `{port}` although `port` is 0, or another argument
            makes no sense.

    Example:
        >>> service = CommandService("mlflow ui --host {host} --port {port}")
        >>> service.id
        'mlflow'
    """

    def __init__(
        self,
        command: str | Sequence[str],
        *,
        id: str | None = None,  # noqa: A002 - the name of the compatible API
        port: int = 0,
        path: str = "/",
        description: str = "",
        environment: Mapping[str, str] | None = None,
        ready_timeout_s: float = 60.0,
    ) -> None:
        super().__init__()
        try:
            self._command = (
                shlex.split(command) if isinstance(command, str) else [str(one) for one in command]
            )
        except ValueError as error:
            raise ServiceError(f"CommandService({command!r}): {error}") from None
        except TypeError:
            raise ServiceError(
                f"CommandService({command!r}): expected a command, as a line or list"
            ) from None
        if not self._command or not self._command[0]:
            raise ServiceError(f"CommandService({command!r}): expected a program and its arguments")
        if not port and not any("{port}" in part for part in self._command):
            raise ServiceError(
                f"CommandService({command!r}): expected {{port}} where the command takes its port, "
                "or port=... if it has a fixed one"
            )
        self.id = id or self._command[0].rpartition("/")[2]
        self.ready_timeout_s = ready_timeout_s
        self._wanted = ports.checked(port, f"CommandService({command!r})")
        self._path = f"/{path.lstrip('/')}"
        line = command if isinstance(command, str) else shlex.join(self._command)
        self._description = description or line.replace("'{host}'", "{host}").replace("'{port}'", "{port}")
        self._variables = {name: str(value) for name, value in (environment or {}).items()}
        self._port = 0

    def description(self) -> str:
        """What it shows."""
        return self._description

    def _build_command(self) -> Sequence[str]:
        program = self._command[0]
        if shutil.which(program, path=self._environment()["PATH"]) is None:
            raise ServiceError(
                f"{program} was not found: install it in the environment of this process, "
                "or give its whole path. Then press Start."
            )
        values = {"{port}": str(self._port), "{host}": ports.HOST}
        command = []
        for part in self._command:
            filled = part
            for name, value in values.items():  # not str.format: arguments may have other braces
                filled = filled.replace(name, value)
            command.append(filled)
        return command

    def _environment(self) -> Mapping[str, str]:
        beside = os.path.dirname(sys.executable)  # noqa: PTH120 - a string
        path = os.environ.get("PATH", os.defpath)
        return {"PATH": f"{beside}{os.pathsep}{path}", **self._variables}

    @contextlib.contextmanager
    def _resources(self) -> Iterator[Sequence[int]]:
        held = ports.Held(self._wanted)
        self._port = held.port
        try:
            yield ()
        finally:
            held.release()

    def _wait_for_ready(self) -> str:
        process = self.process
        assert process is not None
        where: str | None = None

        def answers() -> bool:
            nonlocal where
            if not ports.is_open(self._port):
                return False
            where = ports.listens(process.pid, self._port)
            return True

        self._until(answers)
        if where is None and not self.should_stop():
            raise ServiceError(
                f"Port {self._port} was taken by another process while {self.id!r} started. "
                "Press Start again."
            )
        if where in ports.EVERYWHERE:
            log.warning(
                "the service %r listens on all addresses of this machine, which others can reach: "
                "give its command the option for %s, such as --host {host}",
                self.id,
                ports.HOST,
            )
        return f"http://{ports.HOST}:{self._port}{self._path}"
