"""Any run of a workspace, as its journal tells it: the one of another process, or last month's.

Rules: reads and changes nothing. What is known is the fold of the journal, as in the process that wrote
it. If that process is proven gone without having closed the run, the folders of its unfinished jobs say
what became of them: in memory only, the next scheduler settles them.
"""

import time
from typing import Literal

import msgspec

from experimaestro.events.model import JobObserved, RunEnded, RunStarted, decode
from experimaestro.events.owners import Kind
from experimaestro.events.state import Run, State
from experimaestro.exceptions import FormatError, ImpossibleEventError, WorkspaceError
from experimaestro.workspace import attempts, files, processes
from experimaestro.workspace.layout import JobPaths, RunPaths

_FOUND: dict[Kind, Literal["free", "failed", "running", "done"]] = {
    "done": "done",
    "failed": "failed",
    "free": "free",
    "running": "running",
    "unknown": "running",
    "gone": "free",
}


class RunReader:
    """A run that this process does not own.

    Args:
        workspace: The workspace's folder.
        experiment: Name of the experiment.
        run_id: Name of the run; "current": the last one.

    Attributes:
        state: What its journal says, since the last `refresh`.

    Raises:
        WorkspaceError: There is no such run.
    """

    def __init__(self, workspace: str, experiment: str, run_id: str = "current") -> None:
        paths = RunPaths(workspace, experiment, run_id)
        if run_id == "current":
            paths = RunPaths(workspace, experiment, current_run(paths))
        if not files.exists(paths.journal):
            raise WorkspaceError(
                f"{paths.folder} has no journal: it is no run of this version of experimaestro, or was "
                "not begun"
            )
        self.workspace = workspace
        self.paths = paths
        self.state = State()
        self._name = ""
        self._offset = 0
        self._line = 0
        self._rest = b""
        self._is_settled = False

    @property
    def run(self) -> Run:
        """The run.

        Raises:
            WorkspaceError: Its journal does not even say that it was started.
        """
        run = self.state.runs.get(self._name)
        if run is None:
            raise WorkspaceError(f"{self.paths.journal} does not say who started the run")
        return run

    @property
    def is_alive(self) -> bool:
        """Whether the process that owns the run may still be there."""
        if self._name not in self.state.runs:
            return True  # it has just begun
        return self.run.status == "running" and processes.fate(self.run.owner) != "gone"

    def refresh(self) -> bool:
        """Reads what was written since the last call.

        Returns:
            Whether anything is new.

        Raises:
            FormatError: A line of the journal is no event, or cannot follow those before it.
            OSError: The disk does not tell.
        """
        data = files.read_from(self.paths.journal, self._offset)
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line += 1
            if line:
                self._apply(line)
        if self._name and not self._is_settled and not self.is_alive:
            self._is_settled = True
            return self._settle() or bool(lines)
        return bool(lines)

    def _apply(self, line: bytes) -> None:
        try:
            event = decode(line)
            if isinstance(event, RunStarted):
                self._name = event.run
            self.state.apply(event)
            self.state.moved.clear()  # for an engine
        except (msgspec.DecodeError, UnicodeDecodeError, ImpossibleEventError) as error:
            raise FormatError(
                f"{self.paths.journal}:{self._line}: expected an event that follows those before, got "
                f"{line[:80]!r}: {error}. The folders of the jobs have all results: run the same code again"
            ) from None

    def _settle(self) -> bool:
        """Looks at the jobs that were not finished when the process of the run ended."""
        run = self.run
        t = time.time()
        unfinished = [self.state.jobs[key] for key in run.jobs if not self.state.jobs[key].state.rests()]
        for job in unfinished:
            try:
                seen = attempts.observe(JobPaths.of(self.workspace, job.key))
            except OSError:
                continue  # the disk does not tell: the last word of the journal stands
            found = _FOUND.get(seen.kind)
            if found is None or job.state.rests():
                continue
            event = JobObserved(
                t=t,
                job=job.key,
                found=found,
                attempt=seen.attempt,
                owner=seen.owner,
                outcome=seen.outcome,
                started=seen.started_t or None,
            )
            self.state.apply(event)
            self.state.moved.clear()
        if run.status == "running":
            self.state.apply(RunEnded(t=t, run=run.id, status="detached"))
        return True


def current_run(paths: RunPaths) -> str:
    """The name of the last run of an experiment.

    Raises:
        WorkspaceError: The experiment has none.
    """
    name = files.link_target(paths.current)
    if name is None:
        raise WorkspaceError(f"{paths.experiment_folder} has no run: the experiment was never started here")
    return name.rstrip("/").rpartition("/")[2]
