"""What a view shows of a run at one moment: a small value, taken in the scheduler's thread.

Rules: `take` is called five times a second while the scheduler waits: its cost follows the number
of jobs that run, up to a limit, and never that of all jobs. Pure: time is given. A snapshot shares
nothing that changes, so any thread may read it.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from experimaestro.events.model import JobKey, Level, Tag
from experimaestro.events.state import Job, Run, State
from experimaestro.events.states import JobState
from experimaestro.monitor.words import Tally

_LOOKED_AT = 500
"""Running jobs whose progress counts in the estimate; more would tell little more"""

_NEW_FAILURES = 20
"""Failures in one snapshot; the next one brings the others"""

_SURE = 0.02
"""Progress below which a job does not yet tell how long it will take"""

_UNKNOWN_SHARE = 0.2
"""Share of the unfinished jobs, of tasks that never ran, above which no estimate is made"""


class RunningJob(NamedTuple):
    """A job that runs."""

    key: JobKey
    task: str
    tags: Mapping[str, Tag]
    progress: tuple[Level, ...]
    """The outer loop first"""
    seconds: float
    """Since it started"""
    is_here: bool
    """Whether this process started it, so that it takes one of its slots"""


class Snapshot(NamedTuple):
    """A run at one moment."""

    t: float
    """When, in seconds since the epoch"""
    started: float
    """When the run was opened"""
    tally: Tally
    running: tuple[RunningJob, ...] = ()
    """The jobs that run longest, in the order of their start: rows keep their place"""
    failures: tuple[Job, ...] = ()
    """Jobs that failed since the last snapshot: copies"""
    known_failures: int = 0
    """What to pass for the next snapshot"""
    remaining: float | None = None
    """Estimate of the time to the end, in seconds; None if nothing is known"""
    trouble: str = ""
    """What stops all jobs at present"""

    @property
    def elapsed(self) -> float:
        """Seconds since the run was opened."""
        return max(0.0, self.t - self.started)


def take(
    state: State, run_id: str, known_failures: int, limit: int, *, t: float, workers: int
) -> Snapshot | None:
    """Looks at a run.

    Args:
        state: All that is known.
        run_id: `<experiment>/<run id>`.
        known_failures: `Snapshot.known_failures` of the snapshot before; 0 at first.
        limit: How many running jobs to return.
        t: Now, in seconds since the epoch.
        workers: How many jobs run at once on this machine.

    Returns:
        The snapshot; None if the run was not started.
    """
    run = state.runs.get(run_id)
    if run is None:
        return None
    looked_at = [
        _running(state.jobs[key], t) for key in itertools.islice(run.running, max(limit, _LOOKED_AT))
    ]
    new = run.failures[known_failures : known_failures + _NEW_FAILURES]
    failed = [state.jobs[key] for key in dict.fromkeys(new)]
    means = {task: known.mean for task in run.unfinished if (known := state.durations.get(task))}
    return Snapshot(
        t=t,
        started=run.started,
        tally=tally(run),
        running=tuple(looked_at[:limit]),
        failures=tuple(msgspec.structs.replace(job) for job in failed if job.state is JobState.ERROR),
        known_failures=known_failures + len(new),
        remaining=remaining(
            {k: v for k, v in means.items() if v is not None}, run.unfinished, looked_at, workers
        ),
        trouble=state.trouble,
    )


def tally(run: Run) -> Tally:
    """Counts the jobs of a run."""
    counts = run.counts
    here, elsewhere = len(run.ran_here), len(run.ran_elsewhere)
    return Tally(
        found=counts[JobState.DONE] - here - elsewhere,
        here=here,
        elsewhere=elsewhere,
        running=counts[JobState.RUNNING],
        waiting=run.open - counts[JobState.RUNNING],
        skipped=run.skipped + counts[JobState.TRANSIENT],
        failed=counts[JobState.ERROR] - run.skipped,
        other_code=len(run.ran_other_code),
    )


def remaining(
    means: Mapping[str, float],
    unfinished: Mapping[str, int],
    running: Sequence[RunningJob],
    workers: int,
) -> float | None:
    """Estimates the time to the end of a run.

    The work that is left, shared by the workers, and no less than what the slowest running job
    still needs. A job that tells its progress is believed; any other takes as long as its task
    took on average.

    Args:
        means: Seconds that a job of a task takes on average, where known.
        unfinished: Jobs that are not finished, by task; running ones too.
        running: Jobs that run.
        workers: How many jobs run at once.

    Returns:
        Seconds; None where too little is known.
    """
    left = {task: count for task, count in unfinished.items() if count > 0}
    if not left:
        return 0.0
    told: dict[str, list[float]] = {}
    for job in running:
        if _fraction(job) >= _SURE:
            told.setdefault(job.task, []).append(job.seconds / _fraction(job))
    expected = {task: sum(seconds) / len(seconds) for task, seconds in told.items()}
    expected.update(means)
    unknown = sum(count for task, count in left.items() if task not in expected)
    if unknown > _UNKNOWN_SHARE * sum(left.values()):
        return None
    known = [(count, expected[task]) for task, count in left.items() if task in expected]
    usual = sum(count * seconds for count, seconds in known) / sum(count for count, _ in known)

    work = slowest = 0.0
    for job in running:
        if _fraction(job) >= _SURE:
            rest = job.seconds * (1 / _fraction(job) - 1)
        else:
            rest = max(0.0, expected.get(job.task, usual) - job.seconds)
        slowest = max(slowest, rest)
        work += rest if job.is_here else 0.0
        left[job.task] = left.get(job.task, 0) - 1
    waiting = {task: count for task, count in left.items() if count > 0}
    work += sum(count * expected.get(task, usual) for task, count in waiting.items())
    longest = max((expected.get(task, usual) for task in waiting), default=0.0)
    return max(work / max(1, workers), slowest, longest)


def _running(job: Job, t: float) -> RunningJob:
    started = t if job.started is None else job.started
    return RunningJob(
        job.key, job.task, dict(job.tags), job.progress, max(0.0, t - started), job.where == "here"
    )


def _fraction(job: RunningJob) -> float:
    """How much of a job is done, by what it says itself; 0 if it says nothing that can be used."""
    value = job.progress[0].value if job.progress else 0.0
    return value if 0.0 <= value <= 1.0 else 0.0
