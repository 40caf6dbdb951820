"""What is known: the one fold over events.

Rules: `State.apply` is the only mutator, and its only input is the event: no clock, no file, no
thread. It changes rows in place and notes them in `changed` (copying costs 100 times more at
10,000 jobs). What any view shows is read here. An event that cannot follow what is known raises
with the whole story of the job.

Invariants that make it simple (`check` verifies them and all others): `job.waiting` is at all times
the number of its dependencies that are not DONE, whatever the state of the job; a transient job
rests in TRANSIENT exactly as long as no job waits for it.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal, cast

from msgspec import Struct, field

from experimaestro.events.model import (
    CommandReceived,
    DependencyFailed,
    EffectFailed,
    Event,
    JobDropped,
    JobEnded,
    JobKey,
    JobObserved,
    JobQueued,
    JobRetried,
    JobStarted,
    JobSubmitted,
    KillRequested,
    Level,
    Need,
    Progress,
    RunEnded,
    RunReopened,
    RunStarted,
    RunStopped,
    StillRunning,
    Tag,
    TaskContinued,
    TaskPaused,
    Tick,
    TokensBusy,
)
from experimaestro.events.owners import Outcome, Owner
from experimaestro.events.states import (
    ALWAYS,
    REASONS,
    SKIPPED,
    TRANSITIONS,
    Change,
    FailureReason,
    JobState,
)
from experimaestro.exceptions import ImpossibleEventError

_DONE, _ERROR, _READY, _WAITING, _TRANSIENT, _UNSCHEDULED, _RUNNING = (
    JobState.DONE,
    JobState.ERROR,
    JobState.READY,
    JobState.WAITING,
    JobState.TRANSIENT,
    JobState.UNSCHEDULED,
    JobState.RUNNING,
)


class Job(Struct):
    """A row of every view: scalars, never a configuration or a process."""

    key: JobKey
    task: str
    tags: dict[str, Tag]
    deps: tuple[JobKey, ...]
    launcher: str
    submitted: float
    needs: tuple[Need, ...] = ()
    priority: int = 0
    transient: int = 0
    """See `JobSubmitted.transient`; the lowest that was asked for"""
    retries: int = 0
    """How often it may still be resumed after it ran out of time"""
    max_retries: int = 0
    """How often it is resumed at most: what was asked for"""
    retry_count: int = 0
    """How often it was resumed, or run again, in the runs that were open together"""
    state: JobState = _UNSCHEDULED
    reason: FailureReason | None = None
    """Why it is in ERROR"""
    outcome: Outcome | None = None
    """How the last attempt ended, if one did"""
    because: JobKey | None = None
    """The dependency that failed, if `reason` is DEPENDENCY"""
    attempt: int = 0
    """Number of its last attempt; 0 if none was made"""
    waiting: int = 0
    """How many of `deps` are not done"""
    stopping: bool = False
    """Whether it was asked to end"""
    token: str = ""
    """The token that others held when it was to start"""
    where: Literal["", "here", "elsewhere"] = ""
    """Who ran it: nobody since it was submitted, this process, another one"""
    other_code: bool = False
    """Whether it was found done by code that has changed since"""
    owner: Owner | None = None
    progress: tuple[Level, ...] = ()
    started: float | None = None
    ended: float | None = None
    runs: list[str] = field(default_factory=list)
    """Runs that it belongs to"""


class Run(Struct):
    """A run of an experiment."""

    id: str
    """`<experiment>/<run id>`"""
    owner: Owner
    started: float
    stops: bool = False
    """See `RunStarted.stops`"""
    stopped: str = ""
    """Why it starts no job any more, if it does not"""
    status: Literal["running", "done", "failed", "detached"] = "running"
    ended: float | None = None
    jobs: dict[JobKey, None] = field(default_factory=dict)
    """Its jobs, in the order of submission"""
    counts: Counter[JobState] = field(default_factory=Counter)
    """How many of its jobs are in each state"""
    unfinished: Counter[str] = field(default_factory=Counter)
    """How many of its jobs are not at rest, by task"""
    open: int = 0
    """How many of its jobs are not at rest"""
    running: dict[JobKey, None] = field(default_factory=dict)
    """Its jobs that run, in the order of their start"""
    ran_here: set[JobKey] = field(default_factory=set)
    """Its jobs that are done and were run by this process, in this run"""
    ran_elsewhere: set[JobKey] = field(default_factory=set)
    """Its jobs that are done and were run by another process meanwhile; any other done job was found"""
    ran_other_code: set[JobKey] = field(default_factory=set)
    """Its jobs that were found done by code that has changed since"""
    failures: list[JobKey] = field(default_factory=list)
    """Its jobs that failed by themselves, one entry for each time: only ever appended to"""
    commands: dict[str, str] = field(default_factory=dict)
    """Commands of other processes by their ids: "" if done, else why not"""
    skipped: int = 0
    """How many of its jobs did not run because others failed: see `SKIPPED`"""


class Duration(Struct):
    """How long the jobs of a task took that ran here."""

    jobs: int = 0
    seconds: float = 0.0

    @property
    def mean(self) -> float | None:
        """Seconds of one job on average; None before the first."""
        return self.seconds / self.jobs if self.jobs else None


class State:
    """All that is known of the jobs and runs of one workspace, in one process or one journal.

    Attributes:
        jobs: Each job by its key.
        runs: Each run by its id.
        durations: For each task, how long its jobs took that ran here.
        trouble: What stops all jobs at present (a full disk), or "".
        paused: What jobs of a task said that failed alike, for each task that is paused.
        changed: Keys of the jobs whose row changed since the reader last cleared it.
        moved: Keys of the jobs whose state changed, in order, since the engine last cleared it.
    """

    def __init__(self) -> None:
        self.jobs: dict[JobKey, Job] = {}
        self.runs: dict[str, Run] = {}
        self.durations: dict[str, Duration] = {}
        self.trouble = ""
        self.paused: dict[str, str] = {}
        self.changed: set[JobKey] = set()
        self.moved: list[JobKey] = []
        self._dependents: dict[JobKey, list[JobKey]] = {}
        self._story: dict[JobKey, list[Event]] = {}

    def dependents(self, key: JobKey) -> Iterable[JobKey]:
        """The jobs that need a job directly, in the order of submission."""
        return self._dependents.get(key, ())

    def events_of(self, key: JobKey) -> Iterable[Event]:
        """Everything that happened to a job, oldest first."""
        return self._story.get(key, ())

    def story(self, key: JobKey) -> str:
        """Everything that happened to a job, one line an event, oldest first."""
        return "\n".join(f"  {event}" for event in self._story.get(key, ()))

    def apply(self, event: Event) -> None:
        """Folds one event in.

        Args:
            event: What happened.

        Raises:
            ImpossibleEventError: The event cannot follow what is known; nothing was changed.
        """
        _FOLD[type(event)](self, event)

    # One method for each event, in the order of a job's life.

    def _run_started(self, e: RunStarted) -> None:
        if e.run in self.runs:
            raise ImpossibleEventError(f"{e}: this run was started before: {self.runs[e.run]}")
        self.runs[e.run] = Run(id=e.run, owner=e.owner, started=e.t, stops=e.stops)

    def _run_stopped(self, e: RunStopped) -> None:
        self._run(e, e.run).stopped = e.why

    def _run_reopened(self, e: RunReopened) -> None:
        run = self._run(e, e.run)
        run.status, run.ended, run.stopped = "running", None, ""

    def _run_ended(self, e: RunEnded) -> None:
        run = self._run(e, e.run)
        run.status, run.ended = e.status, e.t

    def _job_submitted(self, e: JobSubmitted) -> None:
        run = self._run(e, e.run)
        job = self.jobs.get(e.job)
        if job is None:
            unknown = [dep for dep in e.deps if dep not in self.jobs]
            if unknown:
                raise ImpossibleEventError(f"{e}: its dependencies were not submitted before: {unknown}")
            job = Job(
                key=e.job, task=e.task, tags=e.tags, deps=e.deps, launcher=e.launcher, submitted=e.t,
                needs=e.needs, priority=e.priority, transient=e.transient, retries=e.retries,
                max_retries=e.retries,
                waiting=sum(self.jobs[dep].state is not _DONE for dep in e.deps),
            )  # fmt: skip
            self.jobs[e.job] = job
            self._story[e.job] = [e]
            for dep in e.deps:
                self._dependents.setdefault(dep, []).append(e.job)
            self._join(job, run)
            self.changed.add(e.job)
            return
        self._record(job, e, "submitted again")
        is_anew = all(self.runs[one].status != "running" for one in job.runs)
        if e.run not in job.runs:
            self._join(job, run)
        job.tags, job.launcher, job.priority = e.tags, e.launcher, e.priority
        job.transient = min(job.transient, e.transient)
        self._again(job)
        if is_anew:
            job.retries, job.max_retries, job.retry_count = e.retries, e.retries, 0
        else:
            job.retries, job.max_retries = max(job.retries, e.retries), max(job.max_retries, e.retries)

    def _job_retried(self, e: JobRetried) -> None:
        self._again(self._record(self._job(e, e.job), e, "submitted again"))

    def _kill_requested(self, e: KillRequested) -> None:
        job = self._record(self._job(e, e.job), e, "kill requested")
        if not job.state.finished():
            job.stopping = True
            self.changed.add(job.key)

    def _job_dropped(self, e: JobDropped) -> None:
        job = self._record(self._job(e, e.job), e, "dropped")
        job.outcome, job.reason, job.ended = e.outcome, REASONS[e.outcome.status], e.t
        self._move(job, TRANSITIONS[job.state, "dropped"])

    def _tokens_busy(self, e: TokensBusy) -> None:
        job = self._record(self._job(e, e.job), e, "tokens busy")
        job.token = e.token
        self._move(job, TRANSITIONS[job.state, "tokens busy"])

    def _task_paused(self, e: TaskPaused) -> None:
        self.paused[e.task] = e.why

    def _task_continued(self, e: TaskContinued) -> None:
        self.paused.pop(e.task, None)

    def _job_observed(self, e: JobObserved) -> None:
        job = self._record(self._job(e, e.job), e, cast("Change", f"found {e.found}"))
        job.attempt = max(job.attempt, e.attempt)
        job.other_code = e.other_code
        before = job.state
        after = TRANSITIONS[before, cast("Change", f"found {e.found}")]
        if after is _RUNNING:
            job.where, job.owner = "elsewhere", e.owner
            job.started = e.started if job.started is None else job.started
        elif after is _ERROR and e.outcome is not None:
            job.outcome, job.reason = e.outcome, REASONS[e.outcome.status]
        elif after is _DONE and before is not _DONE:
            job.outcome = e.outcome
            if before is _READY:
                job.where = "elsewhere"
        elif after is _WAITING or after is _READY:
            job.where, job.owner, job.started = "", None, None
        if after.finished() and before is not after:
            told = e.outcome.t if e.outcome is not None else 0.0
            # what was done before we looked ended nobody knows when; what we watched, just now
            job.ended = told or (e.t if before is _RUNNING else None)
        self._move(job, after)

    def _job_queued(self, e: JobQueued) -> None:
        job = self._record(self._job(e, e.job), e, "queued")
        job.attempt, job.where, job.token, self.trouble = e.attempt, "here", "", ""
        job.other_code = False
        self._move(job, TRANSITIONS[job.state, "queued"])

    def _job_started(self, e: JobStarted) -> None:
        job = self._record(self._job(e, e.job), e, "started")
        job.owner, job.started = e.owner, e.t
        self._move(job, TRANSITIONS[job.state, "started"])

    def _job_ended(self, e: JobEnded) -> None:
        job = self._job(e, e.job)
        change: Change = "ended well" if e.outcome.is_done else "ended badly"
        if e.outcome.status == "timeout" and job.retries and not job.stopping:
            change = "ran out of time"
        self._record(job, e, change)
        job.outcome, job.ended, self.trouble = e.outcome, e.t, ""
        job.attempt = max(job.attempt, e.attempt)
        if e.outcome.is_done:
            job.progress = ()
            duration = self.durations.setdefault(job.task, Duration())
            duration.jobs += 1
            duration.seconds += e.t - (e.t if job.started is None else job.started)
        elif change == "ran out of time":
            job.retries -= 1
            job.retry_count += 1
            job.started = job.ended = job.owner = None
            job.where = ""
        else:
            job.reason = REASONS[e.outcome.status]
        self._move(job, TRANSITIONS[job.state, change])

    def _dependency_failed(self, e: DependencyFailed) -> None:
        job = self._record(self._job(e, e.job), e, "dependency failed")
        job.reason, job.because, job.ended = FailureReason.DEPENDENCY, e.because, e.t
        self._move(job, TRANSITIONS[job.state, "dependency failed"])

    def _command_received(self, e: CommandReceived) -> None:
        run = self._run(e, e.run)
        run.commands[e.id] = e.error

    def _effect_failed(self, e: EffectFailed) -> None:
        if e.effect != "kill":
            self.trouble = e.error
            return
        for key in e.jobs:
            self.jobs[key].stopping = False
            self.changed.add(key)

    def _progress(self, e: Progress) -> None:
        job = self._job(e, e.job)
        if job.state is _RUNNING:  # a sample may come late
            job.progress = e.levels
            self.changed.add(e.job)

    def _nothing(self, e: Event) -> None:
        """Time, and looks that found nothing new, are for the engine: no view shows them."""

    # What the methods above share.

    def is_left(self, key: JobKey) -> bool:
        """Whether nothing more happens to a job by itself: it rests, or no open run would start it."""
        job = self.jobs[key]
        return job.state.rests() or (
            job.state.notstarted() and all(self.runs[run].status != "running" for run in job.runs)
        )

    def _run(self, e: Event, key: str) -> Run:
        run = self.runs.get(key)
        if run is None:
            raise ImpossibleEventError(f"{e}: no run of this name was started")
        return run

    def _job(self, e: Event, key: JobKey) -> Job:
        job = self.jobs.get(key)
        if job is None:
            raise ImpossibleEventError(f"{e}: this job was never submitted")
        return job

    def _record(self, job: Job, e: Event, change: Change) -> Job:
        """Checks a change against the table and adds the event to the story."""
        if (job.state, change) not in TRANSITIONS and change not in ALWAYS:
            raise ImpossibleEventError(
                f"{e}: a job that is {job.state.value} cannot be '{change}'. "
                f"All that happened to it:\n{self.story(job.key)}"
            )
        self._story[job.key].append(e)
        return job

    def _join(self, job: Job, run: Run) -> None:
        job.runs.append(run.id)
        run.jobs[job.key] = None
        run.counts[job.state] += 1
        run.skipped += job.reason in SKIPPED
        if job.state is _RUNNING:
            run.running[job.key] = None
        if job.state is _DONE and job.other_code:
            run.ran_other_code.add(job.key)
        if not job.state.rests():
            run.unfinished[job.task] += 1
            run.open += 1

    def _again(self, job: Job) -> None:
        """What a job is after it was asked for again."""
        if job.state is _ERROR:
            if job.reason in SKIPPED:
                for key in job.runs:
                    self.runs[key].skipped -= 1
            job.retry_count += job.where != ""  # what never ran is not run again
            job.reason = job.outcome = job.because = job.started = job.ended = None
            job.progress, job.where, job.owner, job.stopping = (), "", None, False
        self._move(job, TRANSITIONS[job.state, "submitted again"])

    def _is_needed(self, job: Job) -> bool:
        """Whether a job that will start needs this one directly."""
        jobs = self.jobs
        return any(jobs[key].state in _NEEDING for key in self._dependents.get(job.key, ()))

    def _move(self, job: Job, after: JobState) -> None:
        """Puts a job into a state, and all that depends on it right."""
        stack = [(job, after)]  # transient jobs need transient jobs
        while stack:
            one, state = stack.pop()
            self._move_one(one, state)
            if one.state is _WAITING:
                wakes = (self.jobs[dep] for dep in one.deps)
                stack.extend(
                    (dep, TRANSITIONS[_TRANSIENT, "needed"]) for dep in wakes if dep.state is _TRANSIENT
                )

    def _move_one(self, job: Job, after: JobState) -> None:
        """Puts a job into a state; counts of its runs and its dependents follow."""
        if after is _WAITING and job.transient and not self._is_needed(job):
            after = TRANSITIONS[_WAITING, "not needed"]
        elif after is _WAITING and job.waiting == 0:
            after = TRANSITIONS[_WAITING, "dependencies done"]
        before, job.state = job.state, after
        self.changed.add(job.key)
        if before is after:
            return
        self.moved.append(job.key)
        if after.finished():
            job.stopping, job.token = False, ""
        reopened = int(before.rests()) - int(after.rests())  # 1: open again, -1: at rest now
        for key in job.runs:
            run = self.runs[key]
            run.counts[before] -= 1
            run.counts[after] += 1
            run.unfinished[job.task] += reopened
            run.open += reopened
            _file(run, job, before, after)
        if (before is _DONE) is not (after is _DONE):
            self._move_dependents(job.key, is_done=after is _DONE)

    def _move_dependents(self, done: JobKey, *, is_done: bool) -> None:
        """Tells the dependents of a job that it is done, or that it is not done any more."""
        for key in self._dependents.get(done, ()):
            dependent = self.jobs[key]
            if is_done:
                dependent.waiting -= 1
                if dependent.waiting == 0 and dependent.state is _WAITING:
                    self._move_one(dependent, TRANSITIONS[_WAITING, "dependencies done"])
            else:
                dependent.waiting += 1
                if dependent.state is _READY:
                    self._move_one(dependent, TRANSITIONS[_READY, "dependency reopened"])


def _file(run: Run, job: Job, before: JobState, after: JobState) -> None:
    """Enters a job into the lists of a run that follow from its new state, and out of the others."""
    if before is _RUNNING:
        del run.running[job.key]
    elif before is _DONE:
        run.ran_here.discard(job.key)
        run.ran_elsewhere.discard(job.key)
        run.ran_other_code.discard(job.key)
    if after is _RUNNING:
        run.running[job.key] = None
    elif after is _DONE and job.where:
        (run.ran_here if job.where == "here" else run.ran_elsewhere).add(job.key)
    elif after is _DONE and job.other_code:
        run.ran_other_code.add(job.key)
    elif after is _ERROR and job.reason in SKIPPED:
        run.skipped += 1
    elif after is _ERROR:
        run.failures.append(job.key)


_NEEDING = frozenset((JobState.WAITING, JobState.READY))
"""States of jobs that will start, and want what they need to be there"""

_FOLD: dict[type[Event], Callable[[State, Event], None]] = {
    kind: cast("Callable[[State, Event], None]", fold)
    for kind, fold in (
        (RunStarted, State._run_started),  # noqa: SLF001 - the table of the class above
        (RunStopped, State._run_stopped),  # noqa: SLF001 - same
        (RunReopened, State._run_reopened),  # noqa: SLF001 - same
        (RunEnded, State._run_ended),  # noqa: SLF001 - same
        (JobRetried, State._job_retried),  # noqa: SLF001 - same
        (KillRequested, State._kill_requested),  # noqa: SLF001 - same
        (JobDropped, State._job_dropped),  # noqa: SLF001 - same
        (TokensBusy, State._tokens_busy),  # noqa: SLF001 - same
        (TaskPaused, State._task_paused),  # noqa: SLF001 - same
        (TaskContinued, State._task_continued),  # noqa: SLF001 - same
        (JobSubmitted, State._job_submitted),  # noqa: SLF001 - same
        (JobObserved, State._job_observed),  # noqa: SLF001 - same
        (JobQueued, State._job_queued),  # noqa: SLF001 - same
        (JobStarted, State._job_started),  # noqa: SLF001 - same
        (JobEnded, State._job_ended),  # noqa: SLF001 - same
        (DependencyFailed, State._dependency_failed),  # noqa: SLF001 - same
        (CommandReceived, State._command_received),  # noqa: SLF001 - same
        (EffectFailed, State._effect_failed),  # noqa: SLF001 - same
        (Tick, State._nothing),  # noqa: SLF001 - same
        (StillRunning, State._nothing),  # noqa: SLF001 - same
        (Progress, State._progress),  # noqa: SLF001 - same
    )
}


def check(state: State) -> None:
    """Verifies every invariant of a state; tests call it after each history.

    Args:
        state: Any state between two events.

    Raises:
        AssertionError: An invariant does not hold; the text names the job or run.
    """
    for key, job in state.jobs.items():
        assert job.key == key, f"{key} is filed under another key: {job.key}"
        missing = sum(state.jobs[dep].state is not _DONE for dep in job.deps)
        assert job.waiting == missing, f"{key} waits for {job.waiting} jobs, {missing} are not done"
        assert job.state is not _READY or not job.waiting, f"{key} is ready but waits for {job.waiting}"
        assert job.state is not _WAITING or job.waiting, f"{key} waits for nothing"
        assert (job.reason is not None) == (job.state is _ERROR), f"{key} is {job.state} with {job.reason}"
        assert job.reason is not FailureReason.DEPENDENCY or job.because in job.deps, f"{key}: {job.because}"
        assert job.state is not _RUNNING or job.where, f"{key} runs nowhere"
        needed = any(state.jobs[one].state in _NEEDING for one in state.dependents(key))
        assert job.state is not _TRANSIENT or job.transient, f"{key} is not transient"
        assert job.state is not _TRANSIENT or not needed, f"{key} is needed and rests"
        assert not job.stopping or not job.state.finished(), f"{key} is finished and to be ended"
        assert job.runs, f"{key} belongs to no run"
        assert all(key in state.dependents(dep) for dep in job.deps), f"{key} is not known to what it needs"
    for run in state.runs.values():
        rows = [state.jobs[key] for key in run.jobs]
        assert +run.counts == Counter(row.state for row in rows), f"{run.id} counts {run.counts}"
        unfinished = Counter(row.task for row in rows if not row.state.rests())
        assert +run.unfinished == unfinished, f"{run.id} counts as unfinished {run.unfinished}"
        assert run.open == unfinished.total(), f"{run.id} has {run.open} open jobs, not {unfinished.total()}"
        assert set(run.running) == {row.key for row in rows if row.state is _RUNNING}, f"{run.id}: running"
        done = {row.key for row in rows if row.state is _DONE}
        assert run.ran_here | run.ran_elsewhere <= done, f"{run.id} ran jobs that are not done"
        assert not run.ran_here & run.ran_elsewhere, f"{run.id} ran jobs both here and elsewhere"
        assert run.ran_other_code <= done - run.ran_here - run.ran_elsewhere, f"{run.id}: other code"
        skipped = sum(row.reason in SKIPPED for row in rows)
        assert run.skipped == skipped, f"{run.id} counts {run.skipped} skipped jobs, not {skipped}"
        failed = {row.key for row in rows if row.state is _ERROR and row.reason not in SKIPPED}
        assert failed <= set(run.failures), (
            f"{run.id} did not note the failure of {failed - set(run.failures)}"
        )
