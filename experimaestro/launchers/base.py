"""What users give to a task to say how it is run."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from experimaestro.connectors.base import Connector
from experimaestro.core.problems import short
from experimaestro.exceptions import LauncherNotFoundError, SubmissionError

if TYPE_CHECKING:
    from experimaestro.launchers.direct import DirectLauncher


def check_variable(name: Any, value: Any) -> None:
    """Refuses what cannot be a variable of the environment of a job.

    Raises:
        SubmissionError: It is none.
    """
    if type(name) is not str or type(value) is not str:
        raise SubmissionError(f"setenv({short(name)}, {short(value)}): expected two str. Use str(...)")
    if not name or "=" in name or "\0" in name + value:
        raise SubmissionError(
            f"setenv({short(name)}, {short(value)}): expected a name without '=', and no NUL"
        )


class Launcher:
    """How a task is run: `task.submit(launcher=...)`. The one there is: `DirectLauncher`, on this machine.

    Args:
        connector: The machine that its jobs are started from.
        priority: Kept for those who choose between launchers.

    Attributes:
        environ: Variables that the jobs have beside those of this process and of the experiment.
    """

    def __init__(self, connector: Connector, *, priority: int = 0) -> None:
        if not isinstance(connector, Connector):
            raise TypeError(f"{type(self).__name__}({short(connector)}): expected a Connector, or nothing")
        self.connector = connector
        self.priority = priority
        self.environ: dict[str, str] = {}
        self._listeners: list[Callable[[Any], object]] = []

    @staticmethod
    def get(path: str | os.PathLike[str]) -> "DirectLauncher":
        """The launcher of the machine that has a folder.

        Args:
            path: The folder.

        Raises:
            LauncherNotFoundError: It is an address on another machine, such as `ssh://host/runs`.
        """
        from experimaestro.launchers.direct import DirectLauncher  # it is one of these

        if "://" in str(path):
            raise LauncherNotFoundError(f"{path}: expected a folder of this machine: jobs are run here only")
        return DirectLauncher()

    def setenv(self, name: str, value: str) -> None:
        """Sets a variable for the jobs that are submitted from now on.

        Raises:
            SubmissionError: No process can have such a variable.
        """
        check_variable(name, value)
        self.environ[name] = value

    def addListener(self, listener: Callable[[Any], object]) -> None:  # noqa: N802 - of the compatible API
        """Has something called with each `Job` that is submitted with this launcher."""
        self._listeners.append(listener)

    def onSubmit(self, job: Any) -> None:  # noqa: N802 - of the compatible API
        """Tells those who listen of a job, before its hooks and before it is handed over."""
        for listener in self._listeners:
            listener(job)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
