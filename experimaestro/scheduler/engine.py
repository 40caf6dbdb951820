"""Decides what to do next, and does nothing itself.

Rules: events in, effects out; no clock, file or thread. `Engine` owns one `State`; what it keeps
besides (ready heaps, slots, who is being looked at) is derived from it. Each effect is answered
by at least one event, also when it fails. The cost of an event does not depend on how many jobs
there are, only on how many depend directly on the one that it is about. `step` has three parts:
what is due to the event itself, what follows for each job that it moved, and what can start now.

Time is a value: events carry it, and `WakeAt` asks for a `Tick`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from experimaestro.events.model import (
    DependencyFailed,
    EffectFailed,
    Event,
    JobDropped,
    JobEnded,
    JobKey,
    JobObserved,
    JobRetried,
    JobStarted,
    JobSubmitted,
    KillRequested,
    RunReopened,
    RunStopped,
    StillRunning,
    TaskContinued,
    TaskPaused,
    Tick,
    TokensBusy,
)
from experimaestro.events.owners import Outcome
from experimaestro.events.state import Job, State
from experimaestro.events.states import FailureReason, JobState
from experimaestro.scheduler.admission import Admission

WATCH_S = 0.5
"""How often the folder of a job that runs elsewhere is looked at, in seconds"""

RETRY_S = 2.0
"""How long nothing is started after an effect failed for all jobs (a full disk), in seconds"""

ALIKE = 5
"""Jobs of one task that fail alike before their own code runs, and none succeeds, until it is paused"""


class Observe(NamedTuple):
    """Look at the folders of jobs; answered by a `JobObserved` each, or one `EffectFailed`."""

    jobs: Sequence[JobKey]


class Start(NamedTuple):
    """Claim and start jobs.

    Answered for each job by `JobQueued`, by `JobObserved` (somebody else was faster), by
    `TokensBusy`, by `JobEnded` (it cannot be started), or together by one `EffectFailed`.
    """

    jobs: Sequence[JobKey]
    launcher: str


class Kill(NamedTuple):
    """End the processes of jobs; answered by what ends them, or by one `EffectFailed`."""

    jobs: Sequence[JobKey]


class Record(NamedTuple):
    """Facts that follow from an event: to be journalled and stepped at once."""

    events: Sequence[Event]


class WakeAt(NamedTuple):
    """Send a `Tick` at this time; replaces every earlier request."""

    t: float


Effect = Observe | Start | Kill | Record | WakeAt


class Engine:
    """The decisions for all runs of one workspace in one process.

    Args:
        limits: For each launcher, how many of its jobs may run at once; None: it decides itself.

    Attributes:
        state: What is known. Read by every view, changed only by `step`.
        moved: Jobs whose state the last `step` changed, in order.
    """

    def __init__(self, limits: Mapping[str, int | None]) -> None:
        self.state = State()
        self.moved: list[JobKey] = []
        self._launchers = tuple(limits)
        self._admission = Admission(limits)
        self._order: dict[JobKey, int] = {}
        self._observing: set[JobKey] = set()
        self._watched: set[JobKey] = set()
        self._unseen: set[JobKey] = set()  # looking at them failed: to be looked at again
        self._ending: set[JobKey] = set()  # the fact that ends them is on its way
        self._to_kill: set[JobKey] = set()  # as soon as it is known where they stand
        self._alike: dict[str, tuple[str, int]] = {}  # by task: what the last failed starts said, how many
        self._proven: set[str] = set()  # tasks of which a job succeeded
        self._watch_at: float | None = None
        self._retry_at: float | None = None
        self._woken_at: float | None = None
        self._decide: dict[type[Event], Callable[..., list[Effect]]] = {
            RunStopped: self._run_stopped,
            RunReopened: self._run_reopened,
            JobSubmitted: self._job_submitted,
            JobRetried: self._job_retried,
            KillRequested: self._kill_requested,
            JobObserved: self._job_observed,
            StillRunning: self._still_running,
            TokensBusy: self._tokens_busy,
            JobEnded: self._job_ended,
            JobDropped: self._job_dropped,
            DependencyFailed: self._job_dropped,
            TaskPaused: self._task_paused,
            TaskContinued: self._task_continued,
            EffectFailed: self._effect_failed,
            Tick: self._tick,
        }

    def limit(self, launcher: str, jobs: int | None) -> None:
        """Changes how many jobs of a launcher may run at once, from the next event on."""
        self._admission.limit(launcher, jobs)

    def resume(self) -> None:
        """Forgets the effects that are under way: whoever performed them has ended."""
        self._observing.clear()
        self._woken_at = None

    def is_looking(self, run: str) -> bool:
        """Whether a done job of a run is being looked at again: its result may be gone."""
        jobs = self.state.jobs
        return any(jobs[key].state is JobState.DONE and run in jobs[key].runs for key in self._observing)

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
        if type(event) not in _TOLD:
            self._wait_no_longer(event.t)
        decide = self._decide.get(type(event))
        effects = [] if decide is None else decide(event)
        self.moved, self.state.moved = self.state.moved, []
        for key in self.moved:
            effects.extend(self._follow(self.state.jobs[key], event.t))
        if not any(type(effect) is Record for effect in effects):  # the facts may change what can start
            effects.extend(self._start(event.t))
        effects.extend(self._wake())
        return effects

    def _wait_no_longer(self, t: float) -> None:
        """Waits for nothing longer than it was to, as seen from now: the clock may have been set back."""
        if self._retry_at is not None:
            self._retry_at = min(self._retry_at, t + RETRY_S)
        if self._watch_at is not None:
            self._watch_at = min(self._watch_at, t + WATCH_S)
        self._admission.wait_no_longer(t)

    # What is due to an event itself.

    def _run_stopped(self, e: RunStopped) -> list[Effect]:
        jobs = (self.state.jobs[key] for key in self.state.runs[e.run].jobs)
        return [effect for job in jobs if job.state.notstarted() for effect in self._follow(job, e.t)]

    def _run_reopened(self, e: RunReopened) -> list[Effect]:
        effects: list[Effect] = []
        for key in self.state.runs[e.run].jobs:
            job = self.state.jobs[key]
            if job.state is JobState.UNSCHEDULED:
                effects.extend(self._look(job))
            self._offer(job)
        return effects

    def _job_submitted(self, e: JobSubmitted) -> list[Effect]:
        job = self.state.jobs[e.job]
        self._order.setdefault(e.job, len(self._order))
        self._offer(job)  # it may have become ready when no run wanted it any more
        if job.state is JobState.DONE:  # its result may have been removed since, to have it run again
            return [] if any(map(self._is_being_started, self.state.dependents(e.job))) else self._look(job)
        return self._look(job) if job.state is JobState.UNSCHEDULED else []

    def _is_being_started(self, key: JobKey) -> bool:
        """Whether a job is on its way to its launcher, and counts on what it needs."""
        job = self.state.jobs[key]
        return job.state is JobState.READY and self._admission.is_started(job)

    def _job_retried(self, e: JobRetried) -> list[Effect]:
        job = self.state.jobs[e.job]
        after: list[Event] = [RunReopened(t=e.t, run=run) for run in job.runs if self.state.runs[run].stopped]
        after += [
            JobRetried(t=e.t, job=key)
            for key in self.state.dependents(e.job)
            if self.state.jobs[key].reason is FailureReason.DEPENDENCY
        ]
        if job.task in self.state.paused:
            after.append(TaskContinued(t=e.t, task=job.task))
        return [*self._look(job), *([Record(after)] if after else [])]

    def _kill_requested(self, e: KillRequested) -> list[Effect]:
        job = self.state.jobs[e.job]
        if job.state.finished():
            return []
        self._to_kill.add(e.job)
        return self._follow(job, e.t)

    def _job_observed(self, e: JobObserved) -> list[Effect]:
        job = self.state.jobs[e.job]
        self._observing.discard(e.job)
        self._admission.release(job)
        if job.state is JobState.RUNNING:
            self._watched.add(e.job)
            if self._watch_at is None:
                self._watch_at = e.t + WATCH_S
        else:
            self._watched.discard(e.job)
        for key in self.state.dependents(e.job) if job.state is JobState.DONE else ():
            self._offer(self.state.jobs[key])  # they waited for this look
        # If the claim was lost and nobody has the job after all, it did not move.
        return self._follow(job, e.t) if job.state is JobState.READY else []

    def _still_running(self, e: StillRunning) -> list[Effect]:
        self._observing.discard(e.job)
        return []

    def _tokens_busy(self, e: TokensBusy) -> list[Effect]:
        job = self.state.jobs[e.job]
        self._admission.refuse(job, self._order[e.job], e.token, e.t)
        return self._follow(job, e.t) if e.job in self._to_kill else []

    def _job_ended(self, e: JobEnded) -> list[Effect]:
        job = self.state.jobs[e.job]
        self._admission.release(job)
        if e.outcome.is_done:
            self._proven.add(job.task)
            self._alike.pop(job.task, None)
        elif e.outcome.early and job.task not in self._proven:
            said = e.outcome.message.replace(job.key, "...")
            before, count = self._alike.get(job.task, ("", 0))
            count = count + 1 if before == said else 1
            self._alike[job.task] = said, count
            if count >= ALIKE and job.task not in self.state.paused:
                return [Record([TaskPaused(t=e.t, task=job.task, why=e.outcome.message)])]
        return []

    def _job_dropped(self, e: JobDropped | DependencyFailed) -> list[Effect]:
        self._ending.discard(e.job)
        return []

    def _task_paused(self, e: TaskPaused) -> list[Effect]:
        jobs = self.state.jobs
        return [
            effect
            for key in [key for key, job in jobs.items() if job.task == e.task and job.state.notstarted()]
            for effect in self._follow(jobs[key], e.t)
        ]

    def _task_continued(self, e: TaskContinued) -> list[Effect]:
        self._alike.pop(e.task, None)
        held = [
            JobRetried(t=e.t, job=key)
            for key, job in self.state.jobs.items()
            if job.task == e.task and job.reason is FailureReason.PAUSED
        ]
        return [Record(held)] if held else []

    def _effect_failed(self, e: EffectFailed) -> list[Effect]:
        effects: list[Effect] = []
        for key in e.jobs:
            job = self.state.jobs[key]
            if e.effect == "observe":
                self._unseen.add(key)
            elif e.effect == "start":
                self._admission.release(job)
                effects.extend(self._follow(job, e.t))
        if e.effect != "kill":
            self._retry_at = e.t + RETRY_S
        return effects

    def _tick(self, e: Tick) -> list[Effect]:
        effects: list[Effect] = []
        now = max(e.t, e.due)  # the clock may have been set back meanwhile
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            if self._unseen:
                effects.append(Observe(tuple(sorted(self._unseen, key=self._order.__getitem__))))
                self._unseen.clear()
        if self._watch_at is not None and now >= self._watch_at:
            look = sorted(self._watched - self._observing, key=self._order.__getitem__)
            self._watch_at = e.t + WATCH_S if self._watched else None
            if look:
                self._observing.update(look)
                effects.append(Observe(tuple(look)))
        self._admission.wake(now)
        self._woken_at = None
        return effects

    # What follows for a job from where it is now.

    def _follow(self, job: Job, t: float) -> list[Effect]:
        if job.state is JobState.ERROR:
            self._to_kill.discard(job.key)
            return [*self._fail_dependents(job, t), *self._stop_runs(job, t)]
        if job.state is JobState.DONE:
            self._to_kill.discard(job.key)
        elif job.key in self._to_kill and job.state.running():
            self._to_kill.discard(job.key)
            return [Kill((job.key,))]
        elif self._may_be_dropped(job):
            outcome = self._why_not(job)
            if outcome is not None:
                self._ending.add(job.key)
                return [Record([JobDropped(t=t, job=job.key, outcome=outcome)])]
            if job.state is JobState.WAITING:
                failed = (dep for dep in job.deps if self.state.jobs[dep].state is JobState.ERROR)
                because = next(failed, None)
                return [] if because is None else self._doom([job.key], because, t)
            self._offer(job)
        return []

    def _may_be_dropped(self, job: Job) -> bool:
        """Whether a job waits for its start and nobody is looking at it or starting it."""
        return (
            job.state.notstarted()
            and job.state is not JobState.UNSCHEDULED
            and job.key not in self._ending
            and not self._admission.is_started(job)
        )

    def _why_not(self, job: Job) -> Outcome | None:
        """Why a job will never be started; None if it will."""
        if job.key in self._to_kill:
            return Outcome("cancelled", "killed before it started")
        why = self.state.paused.get(job.task)
        if why is not None:
            return Outcome("paused", f"not started: {ALIKE} jobs of its task failed alike: {why}")
        stopped = [run.stopped for run in map(self.state.runs.__getitem__, job.runs) if run.stopped]
        if stopped and not self._is_wanted(job):
            return Outcome("stopped", f"not started: {stopped[-1]}")
        return None

    def _fail_dependents(self, job: Job, t: float) -> list[Effect]:
        return self._doom(self.state.dependents(job.key), job.key, t)

    def _doom(self, keys: Iterable[JobKey], because: JobKey, t: float) -> list[Effect]:
        """Ends jobs that wait for one that failed; each once, also if it waits for several."""
        jobs = self.state.jobs
        facts = [
            DependencyFailed(t=t, job=key, because=because)
            for key in keys
            if jobs[key].state is JobState.WAITING and key not in self._ending
        ]
        self._ending.update(fact.job for fact in facts)
        return [Record(facts)] if facts else []

    def _stop_runs(self, job: Job, t: float) -> list[Effect]:
        """Stops the runs that stop at a failure such as this one."""
        if job.reason in _NO_FAILURE:
            return []
        runs = (self.state.runs[name] for name in job.runs)
        facts = [
            RunStopped(t=t, run=run.id, why="the experiment stops at its first failure")
            for run in runs
            if run.stops and run.status == "running" and not run.stopped
        ]
        return [Record(facts)] if facts else []

    # What can start.

    def _look(self, job: Job) -> list[Effect]:
        if job.key in self._observing:
            return []
        self._observing.add(job.key)
        return [Observe((job.key,))]

    def _offer(self, job: Job) -> None:
        if job.state is JobState.READY:
            self._admission.offer(job, self._order[job.key])

    def _start(self, t: float) -> list[Effect]:
        """Fills the free slots of each launcher."""
        if self._retry_at is not None and t < self._retry_at:
            return []
        batches = ((name, self._admission.admit(name, self._startable)) for name in self._launchers)
        return [Start(tuple(batch), name) for name, batch in batches if batch]

    def _startable(self, job: Job) -> bool:
        if job.state is not JobState.READY or job.key in self._ending or self._admission.is_started(job):
            return False
        return self._is_wanted(job) and self._observing.isdisjoint(job.deps)

    def _is_wanted(self, job: Job) -> bool:
        """Whether a run that is open asks for a job: what has ended or stopped starts nothing."""
        runs = map(self.state.runs.__getitem__, job.runs)
        return any(run.status == "running" and not run.stopped for run in runs)

    def _wake(self) -> list[Effect]:
        times = [t for t in (self._watch_at, self._retry_at, self._admission.wake_at) if t is not None]
        at = min(times, default=None)
        if at is None or at == self._woken_at:
            return []
        self._woken_at = at
        return [WakeAt(at)]


_TOLD = frozenset({JobStarted, JobEnded})
"""Events with a time that the process of a job wrote, perhaps long ago"""

_NO_FAILURE = frozenset(
    {FailureReason.DEPENDENCY, FailureReason.STOPPED, FailureReason.PAUSED, FailureReason.CANCELLED}
)
"""Ends that do not stop a run by themselves: consequences of others, or what the user wanted"""
