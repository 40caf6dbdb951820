"""A run that only says what it would do, and why.

Rule: reads the folders of jobs, and writes nothing anywhere.
"""

import sys
from collections import Counter
from collections.abc import Callable

from experimaestro.core.context import Submission, Watch
from experimaestro.core.objects import Config
from experimaestro.events.owners import Observation
from experimaestro.exceptions import ExperimentStopped
from experimaestro.scheduler.job import Job
from experimaestro.scheduler.modes import asked_for
from experimaestro.scheduler.services import Services
from experimaestro.workspace import attempts
from experimaestro.workspace.layout import JobPaths

_WORDS = {"free": "not run", "gone": "not run", "unknown": "running", "conflict": "failed"}


class DryRun:
    """The `Submitter` of an experiment in dry-run mode.

    Args:
        workspace: The workspace's folder; it need not exist.
    """

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        self.is_open = True
        self.services = Services()
        self._would_run: dict[str, bool] = {}

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
        seen = attempts.observe(JobPaths.of(self.workspace, submission.key))
        tags = " ".join(f"{name}={value}" for name, value in submission.tags.items())
        word = _WORDS.get(seen.kind, seen.kind)
        lines = [f"[{word}] Simulating {submission.key}{f' ({tags})' if tags else ''}"]
        lines.append(f"  {self._why(submission, seen)}")
        lines += [f"  needs {key}" for key in submission.dependencies]
        sys.stderr.write("\n".join([*lines, ""]))

    def close(self) -> None:
        """Says how many jobs would be run."""
        if self.is_open:
            self.is_open = False
            counts = Counter(self._would_run.values())
            sys.stderr.write(f"dry run: {counts[True]:,} would run, {counts[False]:,} would not\n")

    def job(self, key: str) -> Job:
        """See `context.Submitter.job`."""
        return Job(key, self.workspace)

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
