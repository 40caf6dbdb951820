"""Decides what to do next, and does nothing itself.

Rules: events in, effects out; no clock, file or thread. `Engine` owns one `State`; what it keeps
besides (ready heaps, slots, who is being looked at) is derived from it. Each effect is answered
by at least one event, also when it fails. The cost of an event does not depend on how many jobs
there are, only on how many depend directly on the one that it is about.

Time is a value: events carry it, and `WakeAt` asks for a `Tick`.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from experimaestro.events.model import (
    DependencyFailed,
    EffectFailed,
    Event,
    JobEnded,
    JobKey,
    JobObserved,
    JobQueued,
    JobSubmitted,
    StillRunning,
    Tick,
)
from experimaestro.events.state import Job, State
from experimaestro.events.states import JobState

WATCH_S = 0.5
"""How often the folder of a job that runs elsewhere is looked at, in seconds"""

RETRY_S = 2.0
"""How long nothing is started after an effect failed for all jobs (a full disk), in seconds"""


class Observe(NamedTuple):
    """Look at the folders of jobs; answered by a `JobObserved` each, or one `EffectFailed`."""

    jobs: Sequence[JobKey]


class Start(NamedTuple):
    """Claim and start jobs.

    Answered for each job by `JobQueued`, by `JobObserved` (somebody else was faster), by
    `JobEnded` (it cannot be started), or together by one `EffectFailed`.
    """

    jobs: Sequence[JobKey]
    launcher: str


class Record(NamedTuple):
    """Facts that follow from an event: to be journalled and stepped at once."""

    events: Sequence[Event]


class WakeAt(NamedTuple):
    """Send a `Tick` at this time; replaces every earlier request."""

    t: float


Effect = Observe | Start | Record | WakeAt


class Engine:
    """The decisions for all runs of one workspace in one process.

    Args:
        limits: For each launcher, how many of its jobs may run at once; None: it decides itself.

    Attributes:
        state: What is known. Read by every view, changed only by `step`.
    """

    def __init__(self, limits: Mapping[str, int | None]) -> None:
        self.state = State()
        self._limits = dict(limits)
        self._ready: dict[str, list[tuple[int, JobKey]]] = {name: [] for name in limits}
        self._queued: set[JobKey] = set()  # in a heap of `_ready`, perhaps no longer ready
        self._busy: dict[str, set[JobKey]] = {name: set() for name in limits}
        self._order: dict[JobKey, int] = {}
        self._observing: set[JobKey] = set()
        self._watched: set[JobKey] = set()
        self._unseen: set[JobKey] = set()  # looking at them failed: to be looked at again
        self._doomed: set[JobKey] = set()  # their DependencyFailed is on its way
        self._watch_at: float | None = None
        self._retry_at: float | None = None
        self._decide: dict[type[Event], Callable[..., list[Effect]]] = {
            JobSubmitted: self._job_submitted,
            JobObserved: self._job_observed,
            StillRunning: self._still_running,
            JobQueued: lambda _: [],
            JobEnded: self._job_ended,
            DependencyFailed: self._dependency_failed,
            EffectFailed: self._effect_failed,
            Tick: self._tick,
        }

    def step(self, event: Event) -> list[Effect]:
        """Folds an event into the state and decides what follows.

        Args:
            event: What happened.

        Returns:
            What to do, in this order.

        Raises:
            ImpossibleEventError: The event cannot follow what is known.
        """
        self.state.apply(event)
        decide = self._decide.get(type(event))
        if decide is None:
            return []
        effects = decide(event)
        effects.extend(self._start(event.t))
        return effects

    # One method for each event that leads to a decision.

    def _job_submitted(self, e: JobSubmitted) -> list[Effect]:
        job = self.state.jobs[e.job]
        self._order.setdefault(e.job, len(self._order))
        again = job.state is JobState.DONE and len(job.runs) > 1 and job.runs[-1] == e.run
        self._offer(job)  # it may have become ready when no run wanted it any more
        if (job.state is JobState.UNSCHEDULED or again) and e.job not in self._observing:
            self._observing.add(e.job)
            return [Observe((e.job,))]
        return []

    def _job_observed(self, e: JobObserved) -> list[Effect]:
        job = self.state.jobs[e.job]
        self._observing.discard(e.job)
        self._release(job)
        if job.state is JobState.RUNNING:
            self._watched.add(e.job)
            if self._watch_at is None:
                self._watch_at = e.t + WATCH_S
                return self._wake()
            return []
        self._watched.discard(e.job)
        if job.state is JobState.ERROR:
            return self._fail_dependents(job, e.t)
        return self._after_wait(job, e.t)

    def _still_running(self, e: StillRunning) -> list[Effect]:
        self._observing.discard(e.job)
        return []

    def _job_ended(self, e: JobEnded) -> list[Effect]:
        job = self.state.jobs[e.job]
        self._release(job)
        return self._fail_dependents(job, e.t) if job.state is JobState.ERROR else self._after_wait(job, e.t)

    def _dependency_failed(self, e: DependencyFailed) -> list[Effect]:
        self._doomed.discard(e.job)
        return self._fail_dependents(self.state.jobs[e.job], e.t)

    def _effect_failed(self, e: EffectFailed) -> list[Effect]:
        for key in e.jobs:
            job = self.state.jobs[key]
            if e.effect == "observe":
                self._unseen.add(key)
            elif e.effect == "start":
                self._release(job)
                self._offer(job)
        self._retry_at = e.t + RETRY_S
        return self._wake()

    def _tick(self, e: Tick) -> list[Effect]:
        effects: list[Effect] = []
        if self._retry_at is not None and e.t >= self._retry_at:
            self._retry_at = None
            if self._unseen:
                effects.append(Observe(tuple(sorted(self._unseen, key=self._order.__getitem__))))
                self._unseen.clear()
        if self._watch_at is not None and e.t >= self._watch_at:
            look = sorted(self._watched - self._observing, key=self._order.__getitem__)
            self._watch_at = e.t + WATCH_S if self._watched else None
            if look:
                self._observing.update(look)
                effects.append(Observe(tuple(look)))
        return effects + self._wake()

    # What they share.

    def _after_wait(self, job: Job, t: float) -> list[Effect]:
        """A job became DONE, WAITING or READY: offers what can start, ends what never can."""
        if job.state is JobState.DONE:
            for key in self.state.dependents(job.key):
                self._offer(self.state.jobs[key])
        elif job.state is JobState.WAITING:
            failed = (dep for dep in job.deps if self.state.jobs[dep].state is JobState.ERROR)
            because = next(failed, None)
            if because is not None:
                return self._doom([job.key], because, t)
        else:
            self._offer(job)
        return []

    def _fail_dependents(self, job: Job, t: float) -> list[Effect]:
        return self._doom(self.state.dependents(job.key), job.key, t)

    def _doom(self, keys: Iterable[JobKey], because: JobKey, t: float) -> list[Effect]:
        """Ends jobs that wait for one that failed; each once, also if it waits for several."""
        jobs = self.state.jobs
        facts = [
            DependencyFailed(t=t, job=key, because=because)
            for key in keys
            if jobs[key].state is JobState.WAITING and key not in self._doomed
        ]
        self._doomed.update(fact.job for fact in facts)
        return [Record(facts)] if facts else []

    def _offer(self, job: Job) -> None:
        if job.state is JobState.READY and job.key not in self._queued:
            self._queued.add(job.key)
            heapq.heappush(self._ready[job.launcher], (self._order[job.key], job.key))

    def _release(self, job: Job) -> None:
        self._busy[job.launcher].discard(job.key)

    def _start(self, t: float) -> list[Effect]:
        """Fills the free slots of each launcher, in the order of submission."""
        if self._retry_at is not None and t < self._retry_at:
            return []
        effects: list[Effect] = []
        for launcher, ready in self._ready.items():
            limit, busy = self._limits[launcher], self._busy[launcher]
            batch: list[JobKey] = []
            while ready and (limit is None or len(busy) < limit):
                key = heapq.heappop(ready)[1]
                self._queued.discard(key)
                if self.state.jobs[key].state is JobState.READY and key not in busy and self._is_wanted(key):
                    busy.add(key)
                    batch.append(key)
            if batch:
                effects.append(Start(tuple(batch), launcher))
        return effects

    def _is_wanted(self, key: JobKey) -> bool:
        """Whether a run that is open asks for a job: what has ended starts nothing."""
        return any(self.state.runs[run].status == "running" for run in self.state.jobs[key].runs)

    def _wake(self) -> list[Effect]:
        times = [t for t in (self._watch_at, self._retry_at) if t is not None]
        return [WakeAt(min(times))] if times else []
