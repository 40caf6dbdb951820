"""A job as users' code sees it: what a hook may change before it is handed over."""

from pathlib import Path
from typing import TYPE_CHECKING

from experimaestro.core.context import Submission
from experimaestro.workspace.layout import job_folder, job_name

if TYPE_CHECKING:
    from experimaestro.core.objects import Config


class Job:
    """A submitted task on its way to the scheduler.

    Attributes:
        config: The task.
        environ: Variables that its process has beside those of this process; may be changed.
    """

    def __init__(self, submission: Submission, workspace: str, environ: dict[str, str]) -> None:
        self.config: Config = submission.task
        self.environ = environ
        self._key = submission.key
        self._workspace = workspace

    @property
    def type(self) -> str:
        """Name of the type of the task."""
        return self._key.partition("/")[0]

    @property
    def identifier(self) -> str:
        """The 64 hexadecimal digits of its identity."""
        return self._key.partition("/")[2]

    @property
    def name(self) -> str:
        """The name with which its files begin."""
        return job_name(self._key)

    @property
    def path(self) -> Path:
        """Its folder."""
        return Path(job_folder(self._workspace, self._key))

    def __repr__(self) -> str:
        return f"<Job {self._key}>"
