"""What the scheduler asks of every way of running jobs: start, say what ended, kill.

Rule: if another module has to ask what is behind `Processes`, a word is missing here. It knows
processes, never attempts or outcomes: whether a job succeeded is read from its folder.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Spec(NamedTuple):
    """A job as what starts its process sees it."""

    command: Sequence[str]
    """The program and its arguments"""
    folder: str
    """Working directory: the job's folder"""
    out: str
    """File for standard output, emptied first"""
    err: str
    """File for standard error, emptied first"""
    environment: Mapping[str, str]
    """All of its environment"""
    descriptor: int
    """Open descriptor that the process keeps: the lock of the job"""


class Refused(NamedTuple):
    """A job that could not be started, for a reason of its own."""

    why: str


class Gone(NamedTuple):
    """A process that has ended."""

    ref: str
    """What `Processes.start` called it"""
    code: int | None
    """Exit code; None if a signal ended it or if nobody saw it end"""
    signal: int | None
    """Signal that ended it, if one did"""


class Processes(Protocol):
    """The processes of jobs on a machine or a cluster."""

    @property
    def name(self) -> str:
        """What `JobSubmitted.launcher` calls it."""

    @property
    def limit(self) -> int | None:
        """Jobs at once; None: they are queued there."""

    async def start(self, batch: Sequence[Spec]) -> Sequence[str | Refused | OSError]:
        """Starts jobs.

        Args:
            batch: The jobs; those that a short window made ready come together.

        Returns:
            For each, the name of its process; or why it will never have one; or the error of a
            system that starts nothing at present (full disk, no memory).
        """

    async def ended(self) -> Sequence[Gone]:
        """Waits until at least one process has ended.

        Returns:
            All that ended since the last call, each once.
        """

    async def kill(self, refs: Sequence[str], grace_s: float) -> None:
        """Ends processes: asks them (SIGTERM), and after a while forces them (SIGKILL). Does not wait.

        Args:
            refs: Names of processes; those that have ended already are left out.
            grace_s: How long a process may take to end by itself, in seconds.
        """

    async def close(self) -> None:
        """Lets go of what runs, without killing it."""
