"""Everything that happens, as values: one frozen struct for each fact.

Rules: a fact is journalled once and read back equal; a sample (`Progress`) is never journalled;
nothing here reads a clock: events carry `t`. Names are in the past tense. Fields are scalars and
tuples, never a configuration or a process.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from experimaestro.events.owners import Outcome, Owner

JobKey = str
"""`<type name>/<64 hex digits>`: the folder of a job under `jobs/`"""

Tag = str | int | float | bool | None
"""Value of a tag"""


class Event(Struct, frozen=True, tag=True, kw_only=True, omit_defaults=True):
    """Something that happened."""

    t: float
    """When, in seconds since the epoch"""
    n: int = 0
    """Number in the journal of the process that records it"""
    cause: int | None = None
    """Number of the event that led here"""


class RunStarted(Event, frozen=True, kw_only=True):
    """A process opened a run of an experiment."""

    run: str
    """`<experiment>/<run id>`"""
    owner: Owner
    """The process"""
    stops: bool = False
    """Whether its first failure keeps all jobs from starting that have not"""


class RunStopped(Event, frozen=True, kw_only=True):
    """A run that is open starts no job any more; those that run go on."""

    run: str
    """See `RunStarted.run`"""
    why: str
    """For people: what its jobs say that were not started"""


class RunReopened(Event, frozen=True, kw_only=True):
    """A run that had ended or stopped starts jobs again."""

    run: str
    """See `RunStarted.run`"""


class RunEnded(Event, frozen=True, kw_only=True):
    """A run was closed by its owner."""

    run: str
    """See `RunStarted.run`"""
    status: Literal["done", "failed", "detached"]
    """`failed`: jobs failed or the user's block raised; `detached`: jobs go on without it"""


class Need(Struct, frozen=True, array_like=True):
    """How much of a token a job takes while it runs."""

    token: str
    """Name of the token: the folder in which it is kept"""
    count: int
    total: int
    """How much there is in all"""


class JobSubmitted(Event, frozen=True, kw_only=True):
    """The user asked for a job, in a run."""

    job: JobKey
    run: str
    """See `RunStarted.run`"""
    task: str
    """Name of the type of the task, in upper and lower case as the user wrote it"""
    tags: dict[str, Tag] = {}
    deps: tuple[JobKey, ...] = ()
    """Jobs that must be done before; each was submitted before"""
    launcher: str = "direct"
    """Name of the launcher that runs it"""
    needs: tuple[Need, ...] = ()
    """Tokens that it takes, all or none"""
    priority: int = 0
    """Of the jobs that could start, the highest comes first"""
    transient: int = 0
    """From 1 on it is run only if a job that runs needs it"""
    retries: int = 0
    """How often it is resumed after it ran out of time"""


class JobRetried(Event, frozen=True, kw_only=True):
    """The user asked for a job that failed to be run again."""

    job: JobKey


class KillRequested(Event, frozen=True, kw_only=True):
    """The user asked for a job to be ended."""

    job: JobKey


class JobDropped(Event, frozen=True, kw_only=True):
    """A job will not be started: it was killed while it waited, or its run or task stops."""

    job: JobKey
    outcome: Outcome


class TokensBusy(Event, frozen=True, kw_only=True):
    """A job could not start because others hold a token; it stays ready."""

    job: JobKey
    token: str
    """See `Need.token`"""


class TaskPaused(Event, frozen=True, kw_only=True):
    """No job of a task is started any more: several failed alike before their own code ran."""

    task: str
    why: str
    """What they said"""


class TaskContinued(Event, frozen=True, kw_only=True):
    """The user wants jobs of a paused task to be started again."""

    task: str


class JobObserved(Event, frozen=True, kw_only=True):
    """Somebody looked at the folder of a job."""

    job: JobKey
    found: Literal["free", "failed", "running", "done", "conflict"]
    """`free`: nobody runs it and it has no result"""
    attempt: int = 0
    """Highest attempt present"""
    owner: Owner | None = None
    """Who runs it, if it runs"""
    outcome: Outcome | None = None
    """How the last attempt ended, if it did"""
    started: float | None = None
    """When the attempt that runs was started, if that is known"""
    other_code: bool = False
    """Whether it is done by code that has changed since"""


class StillRunning(Event, frozen=True, kw_only=True):
    """A job that runs elsewhere was looked at again: nothing is new. A sample, never journalled."""

    job: JobKey


class JobQueued(Event, frozen=True, kw_only=True):
    """Our claim won and the launcher accepted the job."""

    job: JobKey
    attempt: int
    ref: str
    """Name of the process for its launcher: a pid, a cluster's job id"""


class JobStarted(Event, frozen=True, kw_only=True):
    """The process of the job made the attempt its own."""

    job: JobKey
    attempt: int
    owner: Owner


class JobEnded(Event, frozen=True, kw_only=True):
    """An attempt of ours is over."""

    job: JobKey
    attempt: int
    outcome: Outcome


class DependencyFailed(Event, frozen=True, kw_only=True):
    """A job will not run because one that it needs failed."""

    job: JobKey
    because: JobKey
    """The direct dependency that failed"""


class CommandReceived(Event, frozen=True, kw_only=True):
    """The owner of a run found a command of another process, and did it."""

    run: str
    """See `RunStarted.run`"""
    id: str
    """As the sender named it"""
    do: str
    """What was asked for"""
    error: str = ""
    """Why it was not done, if it was not"""


class EffectFailed(Event, frozen=True, kw_only=True):
    """Something that the scheduler tried to do failed for a reason that concerns all jobs."""

    effect: Literal["observe", "start", "kill", "journal", "project"]
    """What was tried"""
    jobs: tuple[JobKey, ...]
    """Jobs that it was tried for: they stay as they were"""
    error: str
    """What the system said, with the path"""


class Tick(Event, frozen=True, kw_only=True):
    """A time that the engine asked for has come."""

    due: float = 0.0
    """That time; later than `t` if the clock was set back meanwhile"""


class Level(Struct, frozen=True, array_like=True):
    """Progress of one loop of a job; the outer loop first."""

    value: float
    """From 0 to 1"""
    text: str = ""
    """What the loop does"""


class Progress(Event, frozen=True, kw_only=True):
    """How far a job is: a sample, the last one counts, never journalled."""

    job: JobKey
    levels: tuple[Level, ...]


AnyEvent = (
    RunStarted
    | RunStopped
    | RunReopened
    | RunEnded
    | JobSubmitted
    | JobRetried
    | KillRequested
    | JobDropped
    | TokensBusy
    | TaskPaused
    | TaskContinued
    | JobObserved
    | StillRunning
    | JobQueued
    | JobStarted
    | JobEnded
    | DependencyFailed
    | CommandReceived
    | EffectFailed
    | Tick
    | Progress
)
"""Every event."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """Makes the journal's line of an event, without the newline.

    Args:
        event: A fact.

    Returns:
        UTF-8 JSON on one line.
    """
    return _encoder.encode(event)


def decode(line: bytes | str) -> AnyEvent:
    """Reads a line of a journal.

    Args:
        line: JSON of one event.

    Returns:
        The event; equal to the one that was written.

    Raises:
        msgspec.DecodeError: The line is torn or is not an event.
    """
    try:
        return _decoder.decode(line)
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None
