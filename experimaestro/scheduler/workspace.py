"""A workspace as users' code sees it."""

import os
from collections.abc import MutableSequence
from pathlib import Path
from typing import Any

from experimaestro.core import context
from experimaestro.core.context import Submitter
from experimaestro.exceptions import SubmissionError
from experimaestro.scheduler.modes import RunMode, asked_for
from experimaestro.scheduler.rehearsal import rehearse
from experimaestro.settings import Settings, WorkspaceSettings
from experimaestro.workspace.attached import Attached


class Workspace(os.PathLike[str]):
    """The folder in which jobs and runs are kept, and how the jobs of an experiment are run there.

    It can be given wherever a path is expected. In that of an open experiment, what is changed of `env`,
    `python_path` and `launcher` holds for the tasks that are submitted from then on.

    Args:
        settings: Those of this person, whose variables all jobs have.
        workspace_settings: The folder and what is set for it.
        run_mode: What is done with submitted tasks.
        launcher: What starts jobs for which nothing else is said; None: processes of this machine.

    Attributes:
        path: The folder.
        env: Variables that the jobs have beside those of this process.
        python_path: Folders that the jobs find modules in, before those of this process.
        connector: The machine; None: this one.
    """

    def __init__(
        self,
        settings: Settings,
        workspace_settings: WorkspaceSettings,
        run_mode: RunMode = RunMode.NORMAL,
        launcher: Any = None,
    ) -> None:
        self.path = workspace_settings.path
        self.env = {**settings.env, **workspace_settings.env}
        self.attached = [
            Attached(os.path.realpath(one.path.expanduser()), one.mode) for one in workspace_settings.folders
        ]
        """Other workspaces whose results count"""
        self.run_mode = run_mode
        self.launcher = launcher
        self.python_path: MutableSequence[str | os.PathLike[str]] = []
        self.connector: Any = None

    def submitter(self, mode: Any = None) -> Submitter:
        """Who takes the tasks of `task.submit(workspace=...)`.

        Args:
            mode: The `RunMode` that was asked for; None: that of the workspace.

        Raises:
            SubmissionError: Tasks are run, and no experiment is open that runs them here.
        """
        folder = os.path.realpath(self.path)
        asked = RunMode.NORMAL if mode is None else asked_for(mode)
        here = asked if self.run_mode is RunMode.NORMAL else self.run_mode
        if here is not RunMode.NORMAL:
            return rehearse(here, folder, self.attached)
        current = context.named.get() or context.current
        if current is None or current.workspace != folder:
            raise SubmissionError(
                f"no experiment is open in the workspace {folder}. Open one there, or give a Workspace "
                "with run_mode=RunMode.DRY_RUN"
            )
        return current

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
