"""Who runs a job, and how it ended: the two values that jobs and schedulers write for each other.

Named tuples and no structs: a job process writes them, and importing msgspec there would cost
as much as the interpreter itself.
"""

from typing import Literal, NamedTuple, get_args

Status = Literal[
    "done",
    "failed",
    "memory",
    "timeout",
    "cancelled",
    "killed",
    "lost",
    "refused",
    "conflict",
    "stopped",
    "paused",
]
"""How an attempt ended: what its ``end`` file says, or what its scheduler found.

``done``: ``execute`` returned; ``failed``: it raised; ``memory``: out of memory; ``timeout`` and
``cancelled``: it was asked to stop; ``killed``: by a signal; ``lost``: its process is gone and
nobody saw how; ``refused``: it could not be started; ``conflict``: it was not, since the folder holds
the result of another definition; ``stopped``: it was not, since the run stops at its first failure;
``paused``: it was not, since jobs of its task failed alike at their start.
"""

STATUSES: tuple[Status, ...] = get_args(Status)


class Owner(NamedTuple):
    """A process, told apart from every other one that ever was or will be."""

    host: str
    """Name of the machine"""
    boot: str
    """Id of this start of the machine; "" where the system has none"""
    namespace: str
    """Pid namespace in which `pid` counts; "" where the system has none"""
    pid: int
    """Number of the process"""
    started: str
    """Start time of the process, in the system's own unit: only compared for equality"""
    slurm: str = ""
    """Slurm job id, if any"""

    def __str__(self) -> str:
        """For messages: `pid 12 on host`."""
        return f"pid {self.pid} on {self.host or 'an unknown machine'}"


class Outcome(NamedTuple):
    """How an attempt ended."""

    status: Status
    """See `Status`"""
    message: str = ""
    """For people: the error, the user's frame first, or what is known of the end; "" if done"""
    code: int | None = None
    """Exit code of the process, if known"""
    signal: int | None = None
    """Signal that ended the process, if known"""
    frame: str = ""
    """The user's line that failed: `train.py:12 in execute`"""
    t: float = 0.0
    """When, in seconds since the epoch (by the clock of the machine that ran the job)"""
    result: str = ""
    """What `execute` returned, as JSON, if that is small"""
    early: bool = False
    """Whether it failed before the first line of the task's own `execute`"""
    peak_memory: int | None = None
    """Resident memory of the largest of its processes at its peak, in bytes, if known"""

    @property
    def is_done(self) -> bool:
        """Whether the attempt succeeded."""
        return self.status == "done"


Kind = Literal["done", "failed", "free", "running", "gone", "unknown", "conflict"]
"""What the folder of a job says.

``done``: it has succeeded; ``failed``: its last attempt ended badly, nobody runs it; ``free``:
nobody runs it and it has no result; ``running``: somebody will run it or does; ``gone``: somebody
did, and is proven gone: to be settled; ``unknown``: somebody does, of whom nothing can be known
from here; ``conflict``: it is done or runs, under another definition.
"""


class Observation(NamedTuple):
    """What somebody found who looked at the folder of a job."""

    kind: Kind
    """See `Kind`"""
    attempt: int = 0
    """Highest attempt; 0 if none, or if nobody looked because the job is done"""
    owner: Owner | None = None
    """Who runs it (before `started_t`: the scheduler that will); None if the file cannot be read,
    or if another version of this package runs it and does not say who it is"""
    outcome: Outcome | None = None
    """How the last attempt ended"""
    started_t: float | None = None
    """When the attempt was started, in seconds since the epoch; 0 if that cannot be read; None
    before"""
    other_code: bool = False
    """Whether it is done by code that has changed since"""
