"""Does what the engine decides: one background thread, for one workspace of this process.

Rules: the thread runs an event loop and never blocks in it: what touches the disk runs in a pool
of threads, what ends a process wakes the loop. Everybody else only posts (`post`, `submit`) or
asks (`ask`). Each effect is answered by at least one event, also when it fails. An error of ours
ends all waits with that error; nothing waits for ever.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from itertools import chain
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from experimaestro.core.context import Submission
from experimaestro.events import model
from experimaestro.events.state import State
from experimaestro.events.states import JobState
from experimaestro.launchers.direct import LocalProcesses
from experimaestro.launchers.processes import Processes
from experimaestro.scheduler import effects
from experimaestro.scheduler.effects import Work
from experimaestro.scheduler.engine import Effect, Engine, Kill, Observe, Record, Start, WakeAt
from experimaestro.scheduler.modes import TransientMode
from experimaestro.scheduler.pool import DaemonPool
from experimaestro.scheduler.preparing import Preparing
from experimaestro.scheduler.runner import Runner, text, trouble
from experimaestro.scheduler.runs import RunFiles
from experimaestro.workspace.processes import cores

log = logging.getLogger("experimaestro.scheduler")

THREAD = "experimaestro-loop"
"""Name of the thread"""

GATHER_S = 0.001
"""How long a submission waits for others that it is handed over with, in seconds"""

FLUSH_S = 0.2
"""How long a line of the journal is kept in memory, in seconds"""

PROJECT_S = 30.0
"""How often the status of a run is written while it changes, in seconds"""

DETACH_S = 0.5
"""How long the exit of the process waits for the thread, in seconds"""

LONGEST_S = 5.0
"""How far ahead the engine asks to be woken, at most, in seconds: more is a clock that was set back"""

_BATCH = 256
"""Events between two turns of the event loop"""

T = TypeVar("T")


class Tell(Protocol):
    """What is told of a job."""

    def __call__(self, job: str, *, is_new: bool) -> None:
        """A job was submitted, or is in another state."""


class Loop:
    """The scheduler of one workspace in this process.

    Args:
        workspace: Absolute path of the workspace's folder, which exists.
        workers: Jobs at once on this machine; None: one for each core that this process may use.
    """

    def __init__(self, workspace: str, workers: int | None = None) -> None:
        self.workspace = workspace
        self.failure: BaseException | None = None
        self._workers = workers or cores()
        self._engine = Engine({"direct": self._workers})
        self._work: dict[str, Work] = {}
        self._preparing = Preparing()
        self._runner = Runner(workspace, self._work, self, self._preparing)
        self._items: deque[model.Event | Callable[[], None]] = deque()
        self._woken = False
        self._thread: threading.Thread | None = None
        self._waits: list[tuple[Callable[[State], bool], Callable[[State], object]]] = []
        self._runs: dict[str, RunFiles] = {}
        # Held while the thread begins or ends; what is called then may post, and so may a signal handler
        self._lifecycle = threading.RLock()
        self._closing = False  # end when no job of ours runs
        self._leaving = False  # end when what was posted is recorded
        self._over = True  # no thread takes what is posted
        self._listeners: dict[str, Tell] = {}
        self._on_done: dict[str, list[Callable[[], object]]] = {}
        self._number = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._awaited: set[asyncio.Task[Any]] = (
            set()
        )  # those of them before whose end the thread does not end
        self._wake_timer: asyncio.TimerHandle | None = None

    # What other threads call.

    def start(self) -> None:
        """Starts the thread, unless it runs; returns when it takes events. What was known is kept.

        Raises:
            BaseException: The error of ours that ended the thread before.
        """
        with self._lifecycle:
            self._closing = False
            if not self._over:
                return
        if self.failure is not None:
            raise self.failure
        if self._thread is not None:
            self._thread.join()
            self._runner = Runner(self.workspace, self._work, self, self._preparing)
            self._engine.resume()
        with self._lifecycle:  # meanwhile whoever asks is answered here and now; from then on, by the thread
            self._asyncio = asyncio.new_event_loop()
            self._wakeup = asyncio.Event()
            self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
            self._thread.start()
            self._over = self._woken = False

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return not self._over

    def set_workers(self, workers: int) -> None:
        """Changes how many jobs run at once on this machine; not to be called while the thread runs."""
        self._workers = workers
        self._engine.limit("direct", workers)

    @property
    def workers(self) -> int:
        """How many jobs run at once on this machine."""
        return self._workers

    def submit(self, work: Work, event: model.JobSubmitted) -> None:
        """Takes a job over. Touches no disk and does not wait.

        Args:
            work: What to run.
            event: That it was submitted.
        """

        def take() -> None:
            known = self._engine.state.jobs.get(event.job)
            if known is None or known.state.rests() or event.job not in self._work:
                self._work[event.job] = work  # of two that are the same and wait, the first is run
            self._step(event)

        if not self._post(take, self._wake_soon):
            raise self.failure or RuntimeError(f"the scheduler of {self.workspace} has ended")

    def kill(self, jobs: Sequence[str]) -> None:
        """Ends jobs: those that run are asked to, those that wait are not started. Does not wait.

        Args:
            jobs: Keys; those that are unknown or at rest are left out.
        """

        def begin() -> None:
            for key in jobs:
                job = self._engine.state.jobs.get(key)
                if job is not None and not job.state.rests():
                    self._step(model.KillRequested(t=time.time(), job=key))

        self.post(begin)

    def retry(self, jobs: Sequence[str]) -> None:
        """Runs failed jobs again, and those that did not run because of them. Does not wait.

        Args:
            jobs: Keys; those that have not failed are left out.
        """

        def begin() -> None:
            for key in jobs:
                job = self._engine.state.jobs.get(key)
                if job is not None and job.state is JobState.ERROR:
                    self._step(model.JobRetried(t=time.time(), job=key))

        self.post(begin)

    def post(self, item: model.Event | Callable[[], None]) -> bool:
        """Hands over an event, or something to call in the loop's thread; returns at once.

        Returns:
            False if the thread has ended: nothing will come of it.
        """
        return self._post(item, self._wake)

    def _post(self, item: model.Event | Callable[[], None], wake: Callable[[], None]) -> bool:
        with self._lifecycle:
            if self._over:
                return False
            self._items.append(item)
            if not self._woken:
                self._asyncio.call_soon_threadsafe(wake)
                self._woken = True  # in this order: an interrupt may come in between
            return True

    def _call(self, item: Callable[[], None]) -> None:
        """Calls something in the loop's thread; here and now if that has ended: nothing else happens then."""
        with self._lifecycle:
            if not self.post(item):
                item()

    def _wake(self) -> None:
        self._wakeup.set()

    def _wake_soon(self) -> None:
        self._asyncio.call_later(GATHER_S, self._wakeup.set)

    def ask(self, question: Callable[[State], T]) -> "Future[T]":
        """Asks something of the state, in the loop's thread.

        Args:
            question: Called once, with the state; must not block.

        Returns:
            The answer to come.
        """
        answer: Future[T] = Future()

        def reply() -> None:
            try:
                answer.set_result(question(self._engine.state))
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                answer.set_exception(error)

        self._call(reply)
        return answer

    def when(self, condition: Callable[[State], bool]) -> threading.Event:
        """Gives an event that is set when a condition holds after an event was folded.

        Args:
            condition: Cheap; called in the loop's thread.

        Returns:
            The event. It is also set when the thread ends, as nothing more comes then: see `failure`.
        """
        event = threading.Event()
        self.then(condition, lambda _: event.set())
        return event

    def then(self, condition: Callable[[State], bool], call: Callable[[State], object]) -> None:
        """Has something called once when a condition holds, or when the thread ends; at once if it has.

        Args:
            condition: Cheap; called in the loop's thread.
            call: Called with the state; must not block.
        """

        def begin() -> None:
            if self._over:
                call(self._engine.state)
            else:
                self._waits.append((condition, call))

        self._call(begin)

    def on_done(self, job: str, call: Callable[[], object]) -> None:
        """Has something called once when a job is done; soon, if it is. Kept if the thread ends before.

        Args:
            job: The key of a job that was submitted.
            call: Must not block.
        """

        def begin() -> None:
            if self._engine.state.jobs[job].state is JobState.DONE:
                call()
            else:
                self._on_done.setdefault(job, []).append(call)

        self._call(begin)

    def end_of(self, job: str) -> object:
        """What tells this end of a job from those of other tries; to be called in the loop's thread.

        Returns:
            None if something more happens to the job by itself, or if nothing is known of it yet.
        """
        row = self._engine.state.jobs.get(job)
        if row is None or not row.state.rests():
            return None
        return (row.state, row.retry_count, row.attempt, row.ended)

    def is_settled(self, run: str) -> bool:
        """Whether no job of a run is unfinished, and none looked at; to be called in the loop's thread."""
        return self._engine.state.runs[run].open == 0 and not self._engine.is_looking(run)

    def listen(self, run: str, tell: "Tell") -> None:
        """Has the changes of a run's jobs told.

        Args:
            run: Id of the run.
            tell: Called in the loop's thread; must not block.
        """
        self._call(lambda: self._listeners.__setitem__(run, tell))

    def open_run(self, files: RunFiles) -> None:
        """Makes the loop record a run; the first event of the run is to be posted after."""

        def begin() -> None:
            self._runs[files.run] = files
            self._preparing.forget()

        self.post(begin)

    def write_again(self, files: RunFiles, submissions: Mapping[str, Submission]) -> None:
        """Gives the files of a run whose folder was removed all that is known of it, before it is reopened.

        Args:
            files: Its files.
            submissions: What its jobs are, of those that still exist.
        """

        def begin() -> None:
            state = self._engine.state
            run = state.runs[files.run]
            started = model.RunStarted(t=run.started, run=run.id, owner=run.owner, stops=run.stops)
            files.journal.add(model.encode(started))
            stories = chain.from_iterable(map(state.events_of, run.jobs))
            for event in sorted(stories, key=lambda event: event.n):
                if isinstance(event, model.JobSubmitted):  # also to a later run: its jobs are those of this
                    mine = msgspec.structs.replace(event, run=run.id)
                    files.journal.add(model.encode(mine))
                    files.submitted(mine, submissions.get(event.job))
                else:
                    files.journal.add(model.encode(event))
            if run.ended is not None and run.status != "running":
                ended = model.RunEnded(t=run.ended, run=run.id, status=run.status)
                files.journal.add(model.encode(ended))

        self.post(begin)

    def close_run(self, event: model.RunEnded) -> "Future[None]":
        """Records the end of a run and writes all its files.

        Args:
            event: The end.

        Returns:
            Done when everything is on disk; an `OSError` if the disk refuses.
        """
        done: Future[None] = Future()

        def begin() -> None:  # posted, so that it comes after everything that was posted before
            task = self._asyncio.create_task(self._close_run(event))
            self._tasks.add(task)
            task.add_done_callback(lambda task: _copy_result(task, done))
            task.add_done_callback(self._tasks.discard)

        if not self.post(begin):
            done.set_exception(self.failure or RuntimeError(f"the scheduler of {self.workspace} has ended"))
        return done

    def close(self) -> None:
        """Ends the thread, now or when the last job that it started has ended (somebody must reap it)."""
        busy = self.ask(lambda _: self._runner.is_busy).result()
        self._closing = True
        self.post(lambda: None)
        if not busy and self._thread is not None:
            self._thread.join()

    def detach(self, t: float) -> None:
        """Leaves at the exit of the process: the open runs are recorded as detached.

        Called in the main thread when the interpreter shuts down.

        Args:
            t: Now, in seconds since the epoch.
        """
        self._leaving = True
        self.post(lambda: None)
        if self._thread is None:
            return
        self._thread.join(DETACH_S)
        if self._thread.is_alive():
            return  # a disk hangs: the journal ends with what it has
        for run, files in list(self._runs.items()):
            self._step(model.RunEnded(t=t, run=run, status="detached"))
            files.project(self._engine.state, t)
            try:
                files.close()
            except OSError as error:
                log.warning("the end of %s could not be written: %s", run, error)

    def forget(self) -> None:
        """Makes this the memory of a scheduler that runs in another process, after a fork."""
        self._lifecycle = threading.RLock()
        self._over = True

    # The thread.

    def _run(self) -> None:
        # Not asyncio.run: once a user's wait was nested (`waiting`), that one closes no loop.
        try:
            self._asyncio.run_until_complete(self._main())
        except BaseException as error:
            self.failure = self.failure or error
            log.exception("the scheduler of %s failed", self.workspace)
            self._answer_all()
        finally:
            self._asyncio.close()

    async def _main(self) -> None:
        with DaemonPool(8, "experimaestro-disk") as self._pool:
            local = LocalProcesses(self._workers, self._pool)
            self._processes: dict[str, Processes] = {local.name: local}
            self.spawn(self._runner.watch_ends(local))
            self.spawn(self._runner.sample())
            self.spawn(self._flush())
            try:
                await self._drain()
            except BaseException as error:  # noqa: BLE001 - shown to everybody who waits
                self._fail(error)
            self._answer_all()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if not self._leaving:
                await self._runner.close()
            await local.close()

    def _answer_all(self) -> None:
        """The thread takes nothing more: whoever asked gets an answer, and all waits end."""
        with self._lifecycle:
            self._over = True
        while self._items:
            item = self._items.popleft()
            try:
                if not isinstance(item, model.Event):
                    item()
            except Exception:  # another one has failed before: the rest are answered as well
                log.exception("the scheduler of %s failed again", self.workspace)
        waits, self._waits = self._waits, []
        for _, call in waits:
            call(self._engine.state)

    async def _drain(self) -> None:
        while not self._may_end():
            await self._wakeup.wait()
            self._wakeup.clear()
            with self._lifecycle:
                self._woken = False
            while self._items:
                for _ in range(min(_BATCH, len(self._items))):
                    item = self._items.popleft()
                    if isinstance(item, model.Event):
                        self._step(item)
                    else:
                        item()
                self._notify()
                await asyncio.sleep(0)
            self._notify()

    def _may_end(self) -> bool:
        with self._lifecycle:
            is_busy = self._runner.is_busy or self._awaited
            idle = not self._items and (self._leaving or (self._closing and not is_busy))
            self._over = idle or self.failure is not None
            return self._over

    def _notify(self) -> None:
        """Ends the waits whose condition holds."""
        state = self._engine.state
        still = []
        for condition, call in self._waits:
            if self.failure is not None or condition(state):
                call(state)
            else:
                still.append((condition, call))
        self._waits = still

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            log.error("the scheduler of %s failed", self.workspace, exc_info=error)
            self.failure = error
        self._notify()
        self._wakeup.set()

    def spawn(self, work: Coroutine[Any, Any, None], *, is_awaited: bool = False) -> None:
        """Runs an effect; an error of ours in it fails the scheduler.

        Args:
            work: The effect.
            is_awaited: Whether the thread does not end before it has.
        """
        task = self._asyncio.create_task(work)
        self._tasks.add(task)
        if is_awaited:
            self._awaited.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._awaited.discard(task)
        self._wakeup.set()  # perhaps it was the last thing to wait for
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def in_pool(self, work: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
        """Calls a function that may block in a thread of the pool."""
        return self._asyncio.run_in_executor(self._pool, work, *arguments)

    # Events.

    def _step(self, event: model.Event) -> None:
        """Records an event, decides, and begins what was decided; facts that follow come at once."""
        stack = [event]
        while stack:
            fact = stack.pop()
            if type(fact) is not model.Progress:
                self._number += 1
                msgspec.structs.force_setattr(fact, "n", self._number)
            decided = self._engine.step(fact)
            self._record(fact)
            if self._listeners:
                self._tell(fact)
            for effect in decided:
                if isinstance(effect, Record):
                    for after in effect.events:
                        msgspec.structs.force_setattr(after, "cause", fact.n)
                    stack.extend(reversed(effect.events))
                else:
                    self._perform(effect, fact.n)

    def _record(self, fact: model.Event) -> None:
        """Gives a fact to the files of each open run that it concerns."""
        if isinstance(fact, (model.Progress, model.StillRunning, model.Tick)):
            return
        if isinstance(fact, model.JobSubmitted):
            files = self._runs[fact.run]
            for event in self._joining(fact):
                files.journal.add(model.encode(event))
            files.submitted(fact, self._work[fact.job].submission)
            return
        if isinstance(
            fact,
            (model.RunStarted, model.RunStopped, model.RunReopened, model.RunEnded, model.CommandReceived),
        ):
            concerned: Sequence[str] = (fact.run,)
        elif isinstance(fact, (model.EffectFailed, model.TaskPaused, model.TaskContinued)):
            concerned = list(self._runs)
        else:
            concerned = self._engine.state.jobs[fact.job].runs  # type: ignore[attr-defined] # all others have one
            job = fact.job  # type: ignore[attr-defined] # same
            if self._engine.state.jobs[job].state is JobState.DONE:
                self._work.pop(job, None)
                for call in self._on_done.pop(job, ()):
                    call()
        line = model.encode(fact)
        for run in concerned:
            files_of_run = self._runs.get(run)
            if files_of_run is not None:
                files_of_run.journal.add(line)
                files_of_run.changed = True

    def _tell(self, fact: model.Event) -> None:
        """Tells whoever listens to a run which jobs came and which moved."""
        if isinstance(fact, model.JobSubmitted) and fact.run in self._listeners:
            self._listeners[fact.run](fact.job, is_new=True)
        for key in self._engine.moved:
            for run in self._engine.state.jobs[key].runs:
                if run in self._listeners:
                    self._listeners[run](key, is_new=False)

    def _joining(self, fact: model.JobSubmitted) -> list[model.Event]:
        """What the journal of a run needs of a job that joins it: where the job stands."""
        job = self._engine.state.jobs[fact.job]
        events: list[model.Event] = [fact]
        if len(job.runs) == 1 or self._runs[fact.run].has(fact.job) or job.state is JobState.UNSCHEDULED:
            return events
        found: Literal["done", "running", "free"] = "free"
        if job.state is JobState.DONE:
            found = "done"
        elif job.state is JobState.RUNNING and job.where == "elsewhere":
            found = "running"
        seen = model.JobObserved(
            t=fact.t,
            job=job.key,
            found=found,
            attempt=job.attempt,
            owner=job.owner,
            outcome=job.outcome,
            started=job.started,
            other_code=job.other_code,
        )
        events.append(seen)
        if job.where == "here" and job.state.running():
            story = self._engine.state.events_of(job.key)
            own = (model.JobQueued, model.JobStarted)
            events += [one for one in story if isinstance(one, own) and one.attempt == job.attempt]
        return events

    def _perform(self, effect: Effect, cause: int) -> None:
        if isinstance(effect, Observe):
            self._runner.observe(effect.jobs, cause)
        elif isinstance(effect, Start):
            self._runner.start(effect.jobs, self._processes[effect.launcher], cause)
        elif isinstance(effect, Kill):
            self._runner.kill(effect.jobs, cause)
        elif isinstance(effect, WakeAt):
            if self._wake_timer is not None:
                self._wake_timer.cancel()
            delay = min(max(0.0, effect.t - time.time()), LONGEST_S)
            self._wake_timer = self._asyncio.call_later(delay, lambda: self._post_tick(effect.t))

    def _post_tick(self, t: float) -> None:
        self.post(model.Tick(t=time.time(), due=t))

    # The files of runs.

    async def _flush(self) -> None:
        """Writes what the runs keep in memory, and now and then their status."""
        while True:
            await asyncio.sleep(FLUSH_S)
            for files in list(self._runs.values()):
                await self._flush_run(files)

    async def _flush_run(self, files: RunFiles) -> None:
        try:
            await self.in_pool(files.flush)
            if files.changed and time.monotonic() - files.projected > PROJECT_S:
                files.project(self._engine.state, time.time())
                await self.in_pool(files.write_projections)
        except OSError as error:
            if self._engine.state.trouble != text(error):  # tried again and again, said once
                self.post(trouble("journal", (), error))

    async def _close_run(self, event: model.RunEnded) -> None:
        self._step(event)
        files = self._runs.pop(event.run)
        files.project(self._engine.state, time.time())
        await self.in_pool(files.close)
        if event.status == "done" and (jobs := self._to_remove(event.run)):
            await self.in_pool(effects.remove, self.workspace, jobs, event.run)

    def _to_remove(self, run: str) -> list[str]:
        """Jobs of a run that succeeded that are kept only as long as something needs them."""
        state = self._engine.state
        rows = map(state.jobs.__getitem__, state.runs[run].jobs)
        return [
            row.key
            for row in rows
            if row.transient >= TransientMode.REMOVE
            and row.state is JobState.DONE
            and not any(other in self._runs for other in row.runs)
        ]


def _copy_result(task: "asyncio.Task[None]", done: "Future[None]") -> None:
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
