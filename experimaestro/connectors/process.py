"""A process of this machine, such as that of a job, for those who did not start it."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping
from typing import Any, Literal

from experimaestro.connectors.base import Connector
from experimaestro.core.problems import short
from experimaestro.events.states import JobState
from experimaestro.exceptions import FormatError
from experimaestro.workspace import contents, processes

POLL_S = 0.05
"""How often it is looked whether a process has ended, in seconds"""


class Process:
    """A process of this machine: the one that has a pid now, and no later one that gets the same.

    Args:
        pid: Its number. If there is none now, the process has ended.

    Raises:
        FormatError: `pid` is no such number.

    Example:
        >>> machine = LocalConnector.instance()  # doctest: +SKIP
        >>> process = Process.fromspec(machine, json.loads(job.pidpath.read_text()))  # doctest: +SKIP
        >>> process.wait()  # doctest: +SKIP
    """

    def __init__(self, pid: int) -> None:
        if contents.pid(pid) == 0:
            raise FormatError(
                f"Process({short(pid)}): expected the number of a process, a whole one from 1 up"
            )
        self.pid = pid
        self._owner = processes.owner_of(pid)
        self._code: int | None = None

    @classmethod
    def fromspec(cls, connector: Connector, spec: Mapping[str, Any]) -> "Process":  # noqa: ARG003 - of the compatible API: a machine of another kind would be asked
        """The process that a file `<name>.pid` names.

        Args:
            connector: This machine.
            spec: Content of the file, such as `{"type": "local", "pid": 123, "host": "name"}`.

        Raises:
            FormatError: It names no process of this machine.
        """
        given: Any = spec  # read from a file
        pid = contents.pid(given.get("pid")) if isinstance(given, Mapping) else 0
        if pid == 0 or spec.get("type", "local") != "local":
            raise FormatError(f'{short(given)}: expected {{"type": "local", "pid": 123, "host": "name"}}')
        host, here = spec.get("host") or processes.host_name(), processes.host_name()
        if host != here:
            raise FormatError(f"the process {pid} is one of {host}, and this is {here}: ask for it there")
        return cls(pid)

    def tospec(self) -> dict[str, Any]:
        """The content of a file `<name>.pid` that names it."""
        return {"type": "local", "pid": self.pid, "host": processes.host_name()}

    def wait(self) -> int | None:
        """Blocks until it has ended.

        Returns:
            Its exit code, negative for a signal; None if this process did not start it, or has seen its
            end before.
        """
        while self._is_running():
            time.sleep(POLL_S)
        return self._code

    async def aio_wait(self) -> int | None:
        """See `wait`; other coroutines go on."""
        while self._is_running():  # noqa: ASYNC110 - nobody tells us of the end of another's process
            await asyncio.sleep(POLL_S)
        return self._code

    async def aio_code(self) -> int | None:
        """The same as `aio_wait`."""
        return await self.aio_wait()

    async def aio_isrunning(self) -> bool:
        """Whether it has not ended."""
        return self._is_running()

    async def aio_state(self) -> Literal["running", "ended"]:
        """Where it stands."""
        return "running" if self._is_running() else "ended"

    def get_job_state(self, code: int | None) -> JobState:
        """What an exit code says of a job, where nothing better does: of ours, ask `Job.state`.

        Args:
            code: What `wait` returned; None is an error, as nobody knows that it is a success.
        """
        return JobState.DONE if code == 0 else JobState.ERROR

    def kill(self) -> None:
        """Asks it to end (SIGTERM), with its group if it leads one; a job then saves what it can.

        Raises:
            PermissionError: It is another user's.
        """
        with contextlib.suppress(ProcessLookupError):
            if self._is_running():
                processes.send(self.pid, signal.SIGTERM)

    def _is_running(self) -> bool:
        """Looks whether it runs, and how it ended if it is a child of this process."""
        if self._owner is not None and processes.fate(self._owner) != "gone":
            return True
        if self._owner is not None:
            self._owner = None
            with contextlib.suppress(ChildProcessError):
                # It stays as it is for whoever has started it and waits for it
                seen = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if seen is not None:
                    self._code = seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status
        return False

    def __repr__(self) -> str:
        return f"Process({self.pid})"
