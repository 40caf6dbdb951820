"""A workspace as users' code sees it."""

import os
from collections.abc import Mapping, MutableSequence
from pathlib import Path
from typing import Any

from experimaestro.scheduler.modes import RunMode


class Workspace(os.PathLike[str]):
    """The folder in which jobs and runs are kept, and how the jobs of an experiment are run there.

    It can be given wherever a path is expected.

    Args:
        path: The folder.
        env: Variables that the jobs have beside those of this process.
        run_mode: What is done with submitted tasks.

    Attributes:
        launcher: What starts jobs for which nothing else is said; None: processes of this machine.
        python_path: Folders that the jobs find modules in, before those of this process.
        connector: The machine; None: this one.
    """

    def __init__(
        self, path: str | os.PathLike[str], env: Mapping[str, str], run_mode: RunMode = RunMode.NORMAL
    ) -> None:
        self.path = Path(path)
        self.env = dict(env)
        self.run_mode = run_mode
        self.launcher: Any = None
        self.python_path: MutableSequence[str] = []
        self.connector: Any = None

    @property
    def jobspath(self) -> Path:
        """The folder of all jobs."""
        return self.path / "jobs"

    @property
    def experimentspath(self) -> Path:
        """The folder of the runs of all experiments."""
        return self.path / "experiments"

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workspace) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)
