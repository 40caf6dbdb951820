"""A run that only says what it would do.

Rule: reads the folders of jobs, and writes nothing anywhere.
"""

import sys

from experimaestro.core.context import Submission
from experimaestro.core.objects import Config
from experimaestro.exceptions import ExperimentStopped
from experimaestro.scheduler.services import Services
from experimaestro.workspace import attempts
from experimaestro.workspace.layout import JobPaths

_WORDS = {"free": "not run", "gone": "not run", "unknown": "running"}


class DryRun:
    """The `Submitter` of an experiment in dry-run mode.

    Args:
        workspace: The workspace's folder; it need not exist.
    """

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        self.is_open = True
        self.services = Services()

    def submit(self, submission: Submission) -> None:
        """Says on standard error what the folder of a job tells, and so whether it would be run.

        Raises:
            ExperimentStopped: The experiment has ended.
            OSError: The disk does not tell.
        """
        if not self.is_open:
            raise ExperimentStopped(f"the dry run has ended: {submission.key} is not looked at")
        seen = attempts.observe(JobPaths.of(self.workspace, submission.key)).kind
        tags = " ".join(f"{name}={value}" for name, value in submission.tags.items())
        lines = [f"[{_WORDS.get(seen, seen)}] Simulating {submission.key}{f' ({tags})' if tags else ''}"]
        lines += [f"  needs {key}" for key in submission.dependencies]
        sys.stderr.write("\n".join([*lines, ""]))

    def add_action(self, action: Config) -> None:
        """See `context.Submitter.add_action`; nothing is kept."""
