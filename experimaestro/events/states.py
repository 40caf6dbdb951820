"""The states of a job, why one failed, and every change that can happen.

`TRANSITIONS` is the whole truth about the life of a job: `State.apply` looks each change up here
and refuses what is not there; the diagram of the documentation is drawn from it
(`mermaid`). Rule: a state has no memory. If one needs a memory, it is two states.
"""

import enum
from collections.abc import Mapping
from typing import Literal

from experimaestro.events.owners import Status


class JobState(enum.Enum):
    """Where a job stands.

    Example:
        >>> JobState.DONE.finished(), JobState.READY.finished()
        (True, False)
    """

    UNSCHEDULED = "unscheduled"
    """Submitted; nobody has looked at its folder yet"""
    WAITING = "waiting"
    """Not done before, and some dependencies are not done"""
    TRANSIENT = "transient"
    """Not done before, and no job that will run needs it"""
    READY = "ready"
    """All dependencies are done; waits for a free slot"""
    SCHEDULED = "scheduled"
    """Handed to its launcher; its process has not begun"""
    RUNNING = "running"
    """Its process runs, started by this process or elsewhere"""
    DONE = "done"
    """Its result is there"""
    ERROR = "error"
    """It failed, or will not run because a dependency failed"""

    def notstarted(self) -> bool:
        """Whether the job has not been handed to a launcher."""
        return self in _NOT_STARTED

    def running(self) -> bool:
        """Whether the job is with its launcher or runs."""
        return self is JobState.SCHEDULED or self is JobState.RUNNING

    def finished(self) -> bool:
        """Whether the job is done or has failed."""
        return self is JobState.DONE or self is JobState.ERROR

    def rests(self) -> bool:
        """Whether nothing more will happen to the job by itself."""
        return self in _RESTING

    def is_error(self) -> bool:
        """Whether the job failed."""
        return self is JobState.ERROR

    def is_unscheduled(self) -> bool:
        """Whether nobody has looked at the job's folder yet."""
        return self is JobState.UNSCHEDULED


_NOT_STARTED = frozenset((JobState.UNSCHEDULED, JobState.WAITING, JobState.TRANSIENT, JobState.READY))
_RESTING = frozenset((JobState.DONE, JobState.ERROR, JobState.TRANSIENT))


class FailureReason(enum.Enum):
    """Why a job is in `JobState.ERROR` (the names of the compatible format)."""

    DEPENDENCY = "dependency"
    """A job that it needs failed"""
    FAILED = "failed"
    """Its process raised, was killed, or vanished"""
    MEMORY = "memory"
    """It ran out of memory"""
    TIMEOUT = "timeout"
    """It ran out of time"""
    CANCELLED = "cancelled"
    """It was asked to stop"""
    REJECTED_OTHER = "rejected_other"
    """Its process could not be started"""
    CONFLICT = "conflict"
    """Its folder holds the result of another definition"""
    STOPPED = "stopped"
    """It was not started: its run stops at the first failure"""
    PAUSED = "paused"
    """It was not started: jobs of its task failed alike at their start"""


SKIPPED = frozenset((FailureReason.DEPENDENCY, FailureReason.STOPPED, FailureReason.PAUSED))
"""The reasons of jobs that did not fail by themselves: they never ran"""


REASONS: Mapping[Status, FailureReason] = {
    "failed": FailureReason.FAILED,
    "killed": FailureReason.FAILED,
    "lost": FailureReason.FAILED,
    "memory": FailureReason.MEMORY,
    "timeout": FailureReason.TIMEOUT,
    "cancelled": FailureReason.CANCELLED,
    "refused": FailureReason.REJECTED_OTHER,
    "conflict": FailureReason.CONFLICT,
    "stopped": FailureReason.STOPPED,
    "paused": FailureReason.PAUSED,
}
"""The reason that a view shows for each way an attempt can end badly."""

Change = Literal[
    "submitted again",
    "found free",
    "found failed",
    "found running",
    "found done",
    "found conflict",
    "dependencies done",
    "dependency reopened",
    "dependency failed",
    "needed",
    "not needed",
    "dropped",
    "tokens busy",
    "kill requested",
    "queued",
    "started",
    "ended well",
    "ended badly",
    "ran out of time",
]
"""What can happen to a job, as `State.apply` reads it from an event and from what is known.

``found ...``: somebody looked at its folder. ``dependencies done``, ``dependency reopened``,
``needed`` and ``not needed`` (transient jobs) follow from events of other jobs.
"""

_S = JobState

TRANSITIONS: Mapping[tuple[JobState, Change], JobState] = {
    # A look at the folder decides where a submitted job begins; an old failure is tried again.
    (_S.UNSCHEDULED, "found free"): _S.WAITING,
    (_S.UNSCHEDULED, "found failed"): _S.WAITING,
    (_S.UNSCHEDULED, "found running"): _S.RUNNING,
    (_S.UNSCHEDULED, "found done"): _S.DONE,
    (_S.UNSCHEDULED, "found conflict"): _S.ERROR,
    (_S.UNSCHEDULED, "submitted again"): _S.UNSCHEDULED,
    # Dependencies.
    (_S.WAITING, "dependencies done"): _S.READY,
    (_S.READY, "dependency reopened"): _S.WAITING,
    (_S.WAITING, "dependency failed"): _S.ERROR,
    (_S.WAITING, "submitted again"): _S.WAITING,
    (_S.READY, "submitted again"): _S.READY,
    # A transient job is run when one that waits needs it.
    (_S.WAITING, "not needed"): _S.TRANSIENT,
    (_S.TRANSIENT, "needed"): _S.WAITING,
    (_S.TRANSIENT, "submitted again"): _S.WAITING,
    # What has not been started can be given up, by the user or because its run or task stops.
    (_S.WAITING, "dropped"): _S.ERROR,
    (_S.TRANSIENT, "dropped"): _S.ERROR,
    (_S.READY, "dropped"): _S.ERROR,
    (_S.READY, "tokens busy"): _S.READY,
    # A claim was lost: somebody else was faster, and the folder says what became of it.
    (_S.READY, "found free"): _S.READY,
    (_S.READY, "found failed"): _S.READY,
    (_S.READY, "found running"): _S.RUNNING,
    (_S.READY, "found done"): _S.DONE,
    (_S.READY, "found conflict"): _S.ERROR,
    # Whoever was to run a job, or ran it, is gone: somebody else looks at what became of it.
    (_S.WAITING, "found free"): _S.WAITING,
    (_S.WAITING, "found failed"): _S.WAITING,
    (_S.WAITING, "found running"): _S.RUNNING,
    (_S.WAITING, "found done"): _S.DONE,
    (_S.SCHEDULED, "found free"): _S.WAITING,
    (_S.SCHEDULED, "found failed"): _S.ERROR,
    (_S.SCHEDULED, "found running"): _S.RUNNING,
    (_S.SCHEDULED, "found done"): _S.DONE,
    # An attempt of ours.
    (_S.READY, "queued"): _S.SCHEDULED,
    (_S.READY, "ended badly"): _S.ERROR,
    (_S.SCHEDULED, "started"): _S.RUNNING,
    (_S.SCHEDULED, "ended badly"): _S.ERROR,
    (_S.RUNNING, "ended well"): _S.DONE,
    (_S.RUNNING, "ended badly"): _S.ERROR,
    (_S.RUNNING, "ran out of time"): _S.WAITING,
    (_S.SCHEDULED, "submitted again"): _S.SCHEDULED,
    (_S.RUNNING, "submitted again"): _S.RUNNING,
    # A job that runs elsewhere is looked at again and again.
    (_S.RUNNING, "found running"): _S.RUNNING,
    (_S.RUNNING, "found done"): _S.DONE,
    (_S.RUNNING, "found failed"): _S.ERROR,
    (_S.RUNNING, "found conflict"): _S.ERROR,
    (_S.RUNNING, "found free"): _S.WAITING,
    # A later submission: a failed job is tried again, a done one is looked at (its folder is the truth).
    (_S.ERROR, "submitted again"): _S.UNSCHEDULED,
    (_S.DONE, "submitted again"): _S.DONE,
    (_S.DONE, "found done"): _S.DONE,
    (_S.DONE, "found free"): _S.WAITING,
    (_S.DONE, "found failed"): _S.WAITING,
    (_S.DONE, "found conflict"): _S.ERROR,
    (_S.DONE, "found running"): _S.RUNNING,
}
"""`(state, change) -> state`. What is not here cannot happen.

A request to kill changes no state by itself: see `ALWAYS`."""

ALWAYS: frozenset[Change] = frozenset(("kill requested",))
"""Changes that can come in every state and leave it as it is"""


def mermaid() -> str:
    """Draws the table as a Mermaid state diagram, for the documentation.

    Returns:
        The text of a ``stateDiagram-v2``; changes between the same two states share an arrow.
    """
    arrows: dict[tuple[JobState, JobState], list[str]] = {}
    for (before, change), after in TRANSITIONS.items():
        if before is not after:
            arrows.setdefault((before, after), []).append(change)
    lines = ["stateDiagram-v2", "    [*] --> UNSCHEDULED: submitted"]
    lines += [f"    {a.name} --> {b.name}: {', '.join(changes)}" for (a, b), changes in arrows.items()]
    return "\n".join(lines)
