"""How things are called and look, wherever a person reads them: one table for the states of jobs.

A state is a mark, a word and a colour: any one of them may be missing and the others still tell
(no colour, no Unicode). The colours are readable on light and on dark ground. Pure; imports only
events.
"""

from collections.abc import Mapping
from typing import NamedTuple

from experimaestro.events.model import Tag
from experimaestro.events.state import Job
from experimaestro.events.states import FailureReason, JobState
from experimaestro.monitor.printable import printable


class Look(NamedTuple):
    """How a state is shown."""

    word: str
    mark: str
    ascii_mark: str
    """For streams without Unicode"""
    fill: str
    """One cell of a bar"""
    ascii_fill: str
    colour: str
    """#rrggbb"""


DONE = Look("done", "✓", "+", "━", "#", "#128a68")
RUNNING = Look("running", "▸", ">", "┅", "=", "#3b7de0")
QUEUED = Look("queued", "◔", ".", "─", ".", "#7d8590")
WAITING = Look("waiting", "○", ".", "─", ".", "#7d8590")
SKIPPED = Look("skipped", "⊘", "/", "┄", "/", "#7d8590")
UNNEEDED = Look("not needed", "⊖", "-", "┄", "/", "#7d8590")
FAILED = Look("failed", "✕", "x", "✕", "x", "#d4551c")
KILLED = Look("killed", "■", "x", "✕", "x", "#d4551c")

LOOKS: Mapping[JobState, Look] = {
    JobState.UNSCHEDULED: WAITING,
    JobState.WAITING: WAITING,
    JobState.TRANSIENT: UNNEEDED,
    JobState.READY: QUEUED,
    JobState.SCHEDULED: QUEUED,
    JobState.RUNNING: RUNNING,
    JobState.DONE: DONE,
    JobState.ERROR: FAILED,
}
"""The look of each state; see `look` for jobs that have failed."""

_LOOKS_OF_ERRORS: Mapping[FailureReason, Look] = {
    FailureReason.DEPENDENCY: SKIPPED,
    FailureReason.STOPPED: SKIPPED,
    FailureReason.PAUSED: SKIPPED,
    FailureReason.CANCELLED: KILLED,
}

ENDS: Mapping[FailureReason, str] = {
    FailureReason.DEPENDENCY: "did not run",
    FailureReason.FAILED: "failed",
    FailureReason.MEMORY: "ran out of memory",
    FailureReason.TIMEOUT: "ran out of time",
    FailureReason.CANCELLED: "was stopped",
    FailureReason.REJECTED_OTHER: "could not be started",
    FailureReason.CONFLICT: "is in conflict",
    FailureReason.STOPPED: "did not run",
    FailureReason.PAUSED: "did not run",
}
"""What became of a job that is in error, as the verb of a sentence."""


def look(state: JobState, reason: FailureReason | None = None) -> Look:
    """How a job is shown.

    Args:
        state: Its state.
        reason: Why it failed, if it did.

    Example:
        >>> look(JobState.ERROR, FailureReason.DEPENDENCY).word
        'skipped'
    """
    return _LOOKS_OF_ERRORS.get(reason, FAILED) if reason is not None else LOOKS[state]


class Tally(NamedTuple):
    """How many jobs of a run are where."""

    found: int = 0
    """Were done before, or by nobody of whom we know"""
    here: int = 0
    """Were run by this process and are done"""
    elsewhere: int = 0
    """Were run by another process meanwhile and are done"""
    running: int = 0
    waiting: int = 0
    """Are not finished and do not run"""
    skipped: int = 0
    """Do not run because others failed, or because nothing needs them"""
    failed: int = 0
    """Failed by themselves"""
    other_code: int = 0
    """Of `found`, those that ran code that has changed since"""

    @property
    def done(self) -> int:
        """Have a result."""
        return self.found + self.here + self.elsewhere

    @property
    def total(self) -> int:
        """All jobs."""
        return sum(self) - self.other_code

    @property
    def open(self) -> int:
        """Are not finished."""
        return self.running + self.waiting

    def parts(self) -> list[tuple[int, Look]]:
        """What a bar and its legend show, in order."""
        counts = (self.done, self.running, self.waiting, self.skipped, self.failed)
        return list(zip(counts, (DONE, RUNNING, WAITING, SKIPPED, FAILED), strict=True))


def task_name(task: str) -> str:
    """The short name of a task: the last part of its type's name."""
    return printable(task.rpartition(".")[2])


def tags_text(tags: Mapping[str, Tag]) -> str:
    """Tags on one line: `lr=0.001 seed=2`."""
    return " ".join(f"{printable(name)}={printable(str(value))}" for name, value in tags.items())


def job_name(job: Job) -> str:
    """What tells a job apart for a person: task and tags; without tags, the start of its identifier.

    Example:
        >>> job_name(Job(key="my.train/0123456789ab", task="my.train", tags={}, deps=(),
        ...              launcher="direct", submitted=0.0))
        'train 01234567'
    """
    return f"{task_name(job.task)} {tags_text(job.tags) or printable(job.key.partition('/')[2][:8])}"


def clock(seconds: float) -> str:
    """A duration for a place that is updated: `mm:ss`, from one hour `h:mm:ss`.

    Example:
        >>> clock(62), clock(3662)
        ('01:02', '1:01:02')
    """
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def duration(seconds: float) -> str:
    """A duration for a sentence: two units at most.

    Example:
        >>> duration(0.4), duration(200), duration(7500), duration(200000)
        ('0.4 s', '3 min 20 s', '2 h 5 min', '2 d 8 h')
    """
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    for size, unit, smaller, smaller_unit in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if round(seconds) >= size:
            whole, rest = divmod(round(seconds / smaller), size // smaller)
            return f"{whole} {unit} {rest} {smaller_unit}" if rest else f"{whole} {unit}"
    return f"{round(seconds)} s"


def about(seconds: float) -> str:
    """An estimate in words.

    Example:
        >>> about(12), about(540), about(9000)
        ('less than a minute', 'about 9 min', 'about 2 h 30 min')
    """
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    if minutes > 60:
        minutes = 10 * round(minutes / 10)
    if minutes >= 48 * 60:
        return f"about {round(minutes / 1440)} d"
    return f"about {duration(60 * minutes)}"


def jobs(count: int) -> str:
    """A number of jobs: `1 job`, `1,200 jobs`."""
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"


def summary(tally: Tally, seconds: float) -> str:
    """What became of a run, in one line.

    Args:
        tally: Its jobs.
        seconds: How long it was open.

    Example:
        >>> summary(Tally(found=37, here=3, failed=1), 12.3)
        '37 found done, 3 run, 1 failed in 12 s'
        >>> summary(Tally(found=40), 0.2)
        '40 found done: nothing to run'
        >>> summary(Tally(found=37, here=3, other_code=2), 12.3)
        '37 found done (2 of them ran other code), 3 run in 12 s'
    """
    if not tally.total:
        return "no task was submitted"
    found = "found done"
    if tally.other_code:
        found += f" ({tally.other_code:,} of them ran other code)"
    if tally.found == tally.total:
        return f"{tally.found:,} {found}: nothing to run"
    parts = (
        (tally.found, found),
        (tally.here, "run"),
        (tally.elsewhere, "run elsewhere"),
        (tally.failed, "failed"),
        (tally.skipped, "skipped"),
        (tally.running, "still running"),
        (tally.waiting, "not started"),
    )
    counts = ", ".join(f"{count:,} {what}" for count, what in parts if count)
    return f"{counts} in {duration(seconds)}"
