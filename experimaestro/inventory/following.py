"""A run of another process, folded from its journal while it is written.

Rule: reads only. The journal has what its owner knew; the progress of the jobs is in their folders.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import msgspec

from experimaestro.events.model import Level, Progress, decode
from experimaestro.events.state import State
from experimaestro.events.states import JobState
from experimaestro.exceptions import WorkspaceError
from experimaestro.workspace import files
from experimaestro.workspace.layout import JobPaths, RunPaths
from experimaestro.workspace.progress import read_progress

T = TypeVar("T")


class Followed:
    """A run that is read while another process writes it.

    Args:
        workspace: The workspace's folder.
        paths: The files of the run.

    Attributes:
        state: What is known.
        run: The id of the run, `<experiment>/<run id>`.

    Raises:
        WorkspaceError: The run has no journal: an earlier version wrote it.
    """

    def __init__(self, workspace: str, paths: RunPaths) -> None:
        self.state = State()
        self._workspace = workspace
        self._path = paths.journal
        self._position = 0
        self._rest = b""
        self.update()
        run = next(iter(self.state.runs), None)
        if run is None:
            raise WorkspaceError(
                f"{paths.folder} has no journal to watch: it is of an earlier version, or just begins"
            )
        self.run = run

    def ask(self, question: Callable[[State], T]) -> "Future[T]":
        """Asks something of what is known now; see `scheduler.loop.Loop.ask`."""
        answer: Future[T] = Future()
        try:
            self.update()
            answer.set_result(question(self.state))
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            answer.set_exception(error)
        return answer

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, as its journal says."""
        return self.state.runs[self.run].status != "running"

    def update(self) -> None:
        """Folds what was written since."""
        new = files.read_from(self._path, self._position)
        self._position += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            try:
                event = decode(line)
            except msgspec.DecodeError:
                continue
            self.state.apply(event)
        for job in self.state.jobs.values():
            if job.state is JobState.RUNNING:
                levels = read_progress(JobPaths.of(self._workspace, job.key).progress)
                if levels is not None:
                    self.state.apply(
                        Progress(
                            t=job.started or 0.0, job=job.key, levels=tuple(Level(*one) for one in levels)
                        )
                    )
