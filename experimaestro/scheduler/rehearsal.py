"""Runs that do a part of what a run does, and run no job.

Rule: each is a `Submitter` that the session takes in the place of an open run; it keeps no state on disk
but the folders of jobs.
"""

import sys
from collections.abc import Sequence

from experimaestro.core.context import Submission
from experimaestro.exceptions import ExperimaestroError
from experimaestro.scheduler import effects
from experimaestro.scheduler.dryrun import DryRun
from experimaestro.scheduler.effects import Taken, Work
from experimaestro.scheduler.modes import RunMode
from experimaestro.scheduler.preparing import Preparing
from experimaestro.workspace import attempts, interchange
from experimaestro.workspace.attached import Attached
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.opening import prepare


class GenerateOnly(DryRun):
    """Writes the folder of each job as it would be run.

    The folder is claimed, written and given free again, as a scheduler does whose process does not start:
    so nobody else writes at the same time.

    Args:
        workspace: The workspace's folder; made if it does not exist.
        attached: See `DryRun`.
    """

    def __init__(self, workspace: str, attached: Sequence[Attached] = ()) -> None:
        super().__init__(workspace, attached)
        prepare(workspace)
        self._written: set[str] = set()

    def submit(self, submission: Submission) -> None:
        """Writes the folder of a job that has no result and does not run; see `DryRun.submit`."""
        super().submit(submission)
        paths = JobPaths.of(self.workspace, submission.key)
        if not self._would_run[submission.key]:
            return
        attempts.settle(paths)
        work = Work(submission._replace(needs=()), {}, effects.users_path(sys.path))
        taken = effects.take(paths, work, self.workspace, 0)
        if isinstance(taken, Taken):
            interchange.release(taken.spec.descriptor)
            effects.give_up(paths, taken.attempt)
            self._written.add(submission.key)
            sys.stderr.write(f"  written: {paths.params}\n")
        else:
            sys.stderr.write(f"  not written: {taken}\n")

    def _sum(self, would: int, would_not: int) -> str:
        written = len(self._written)
        return f"generate: {written:,} of {would + would_not:,} written, none was run"


class PrepareOnly(DryRun):
    """Prepares what tasks use, each once.

    Args:
        workspace: The workspace's folder.
        attached: See `DryRun`.
    """

    def __init__(self, workspace: str, attached: Sequence[Attached] = ()) -> None:
        super().__init__(workspace, attached)
        self._preparing = Preparing()

    def submit(self, submission: Submission) -> None:
        """Prepares what a job would use, if the job would be run; see `DryRun.submit`.

        Raises:
            ExperimaestroError: It could not be prepared.
        """
        super().submit(submission)
        if self._would_run[submission.key]:
            error = self._preparing.prepare(submission.prepares)
            if error is not None:
                raise ExperimaestroError(error)

    def _sum(self, would: int, would_not: int) -> str:
        return f"prepare: {would:,} would run, and what they use is prepared; {would_not:,} would not"


def rehearse(mode: RunMode, workspace: str, attached: Sequence[Attached]) -> DryRun:
    """The submitter of a run mode that runs no job."""
    kinds = {RunMode.GENERATE_ONLY: GenerateOnly, RunMode.PREPARE: PrepareOnly}
    return kinds.get(mode, DryRun)(workspace, attached)
