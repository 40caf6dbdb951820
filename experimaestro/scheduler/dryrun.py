"""A run that only says what it would do, and why.

Rule: reads the folders of jobs, and writes nothing to the workspace. What the user's plan writes to the
folder of its run goes to a temporary one, which is removed at the end.
"""

import shutil
import sys
import tempfile
import time
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from msgspec.structs import replace

from experimaestro.core.context import Submission, Watch
from experimaestro.core.objects import Config
from experimaestro.events import state as known
from experimaestro.events.owners import Observation
from experimaestro.events.states import REASONS, JobState
from experimaestro.exceptions import ExperimentStopped
from experimaestro.scheduler import elsewhere
from experimaestro.scheduler.job import Job, seen_state
from experimaestro.scheduler.modes import asked_for
from experimaestro.scheduler.services import Services
from experimaestro.workspace import attempts, files
from experimaestro.workspace.attached import Attached
from experimaestro.workspace.layout import JobPaths, RunPaths

T = TypeVar("T")

_WORDS = {"free": "not run", "gone": "not run", "unknown": "running", "conflict": "failed"}


class RehearsedJob(Job):
    """A job that is not run: it stands where its folder says whenever it is asked, and no wait blocks.

    Args:
        row: What was submitted.
        workspace: The workspace's folder.
        config: Its task.
    """

    def __init__(self, row: known.Job, workspace: str, config: Config | None) -> None:
        super().__init__(row.key, workspace, config)
        self._submitted = row

    def wait(self) -> JobState:
        """Returns at once where it stands."""
        return self.state

    def finalState(self) -> "Future[JobState]":  # noqa: N802 - the name of the compatible API
        """Where it stands, as a future that has its result."""
        future: Future[JobState] = Future()
        future.set_result(self.state)
        return future

    def _row(self, question: Callable[[known.Job], T]) -> T:
        seen = attempts.observe(self._files)
        state = seen_state(seen)
        failed = state is JobState.ERROR
        reason = REASONS["lost" if seen.outcome is None else seen.outcome.status] if failed else None
        return question(replace(self._submitted, state=state, outcome=seen.outcome, reason=reason))


class DryRun:
    """The `Submitter` of an experiment in dry-run mode.

    Args:
        workspace: The workspace's folder; it need not exist.
        attached: Other workspaces whose results count.
    """

    def __init__(self, workspace: str, attached: Sequence[Attached] = ()) -> None:
        self.workspace = workspace
        self.attached = attached
        self.is_open = True
        self.services = Services()
        self._would_run: dict[str, bool] = {}
        self._rows: dict[str, known.Job] = {}
        self._tasks: weakref.WeakValueDictionary[str, Config] = weakref.WeakValueDictionary()
        self._scratch: str | None = None
        self._remove: Callable[[], object] = lambda: None

    def run_paths(self, experiment: str) -> RunPaths:
        """The files of a run that is none: in a temporary folder, made when somebody asks for it.

        Args:
            experiment: Name of the experiment.
        """
        if self._scratch is None:
            self._scratch = tempfile.mkdtemp(prefix="experimaestro-")
            self._remove = weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        paths = RunPaths(self._scratch, experiment, "dry-run")
        if self.is_open:
            files.make_folder(paths.folder)
        return paths

    def in_mode(self, mode: object) -> "DryRun":
        """See `context.Submitter.in_mode`: where nothing is run, nothing more than that is done."""
        asked_for(mode)
        return self

    def submit(self, submission: Submission) -> None:
        """Says on standard error what the folder of a job tells, and so whether it would be run.

        Raises:
            ExperimentStopped: The experiment has ended.
            OSError: The disk does not tell.
        """
        if not self.is_open:
            raise ExperimentStopped(f"the dry run has ended: {submission.key} is not looked at")
        self._tasks.setdefault(submission.key, submission.task)
        self._rows[submission.key] = known.Job(
            key=submission.key,
            task=submission.task.__xpm__.declaration.written_name,
            tags=dict(submission.tags),
            deps=tuple(submission.dependencies),
            launcher="",
            submitted=time.time(),
            transient=submission.options.transient,
            max_retries=submission.options.retries or 0,
        )
        paths = JobPaths.of(self.workspace, submission.key)
        seen = attempts.observe(paths)
        found = elsewhere.find(paths, submission, self.attached) if seen.kind == "free" else None
        if found is not None:
            seen = Observation("done")
        tags = " ".join(f"{name}={value}" for name, value in submission.tags.items())
        word = _WORDS.get(seen.kind, seen.kind)
        lines = [f"[{word}] Simulating {submission.key}{f' ({tags})' if tags else ''}"]
        why = self._why(submission, seen)
        lines.append(f"  {why if found is None else f'its result would be {found.how}'}")
        lines += [f"  needs {key}" for key in submission.dependencies]
        sys.stderr.write("\n".join([*lines, ""]))

    def close(self, *, by_error: bool = False) -> None:
        """Says how many jobs would be run.

        Args:
            by_error: Whether an error ends it: then there is no sum.
        """
        if self.is_open:
            self.is_open = False
            self._remove()
            if not by_error:
                counts = Counter(self._would_run.values())
                sys.stderr.write(f"{self._sum(counts[True], counts[False])}\n")

    def _sum(self, would: int, would_not: int) -> str:
        """What is said at the end.

        Args:
            would: How many jobs would be run.
            would_not: How many would not.
        """
        return f"dry run: {would:,} would run, {would_not:,} would not"

    def job(self, key: str) -> Job:
        """See `context.Submitter.job`."""
        return RehearsedJob(self._rows[key], self.workspace, self._tasks.get(key))

    def on_completed(self, key: str, callback: Callable[[], object]) -> None:
        """See `context.Submitter.on_completed`; nothing is ever completed."""

    def watch(self, key: str, watch: Watch) -> None:
        """See `context.Submitter.watch`; nothing is ever given out."""

    def add_action(self, action: Config) -> None:
        """See `context.Submitter.add_action`; nothing is kept."""

    def _why(self, submission: Submission, seen: Observation) -> str:
        """Why a job would be run, or would not."""
        self._would_run[submission.key] = seen.kind not in {"done", "running", "unknown"}
        if seen.kind == "done":
            return "its result is there"
        if seen.kind in {"running", "unknown"}:
            return f"it runs already{f' as {seen.owner}' if seen.owner is not None else ''}"
        waits = [key for key in submission.dependencies if self._would_run.get(key)]
        after = f", after {len(waits)} of the jobs that it needs" if waits else ""
        if seen.kind == "gone":
            return f"would run{after}: it was interrupted"
        if seen.outcome is not None and seen.kind == "failed":
            said = seen.outcome.message.splitlines() or [seen.outcome.status]
            return f"would run{after}: it failed before ({said[0]})"
        return f"would run{after}: it has no result"
