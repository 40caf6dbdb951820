"""Does what the engine decides: one background thread, for one workspace of this process.

Rules: the thread runs an event loop and never blocks in it: what touches the disk runs in a pool
of threads, what ends a process wakes the loop. Everybody else only posts (`post`, `submit`) or
asks (`ask`). Each effect is answered by at least one event, also when it fails. An error of ours
ends all waits with that error; nothing waits for ever.
"""

import asyncio
import errno
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import msgspec

from experimaestro.core.context import Submission
from experimaestro.events import model
from experimaestro.events.owners import Observation, Outcome
from experimaestro.events.state import State
from experimaestro.launchers.base import Gone, Launcher, Refused
from experimaestro.launchers.direct import DirectLauncher
from experimaestro.scheduler import effects
from experimaestro.scheduler.engine import Effect, Engine, Observe, Record, Start, WakeAt
from experimaestro.scheduler.runs import RunFiles
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.processes import cores
from experimaestro.workspace.progress import read_progress

log = logging.getLogger("experimaestro.scheduler")

THREAD = "experimaestro-loop"
"""Name of the thread"""

SAMPLE_S = 0.1
"""How often the start and the progress of running jobs are read, in seconds"""

FLUSH_S = 0.2
"""How long a line of the journal is kept in memory, in seconds"""

PROJECT_S = 30.0
"""How often the status of a run is written while it changes, in seconds"""

DETACH_S = 0.5
"""How long the exit of the process waits for the thread, in seconds"""

_BATCH = 256
"""Folders that one thread looks at in a row, and events between two breaths of the loop"""

_TROUBLE = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOLCK),
        *(errno.EHOSTDOWN, errno.ETIMEDOUT),
    }
)
"""Errors that concern all jobs and may pass; any other is that of one job"""

T = TypeVar("T")


class _Attempt(NamedTuple):
    """An attempt of ours whose process we started."""

    job: str
    number: int
    oom_kills: int


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
        self._submissions: dict[str, Submission] = {}
        self._environments: dict[str, Mapping[str, str]] = {}
        self._items: deque[model.Event | Callable[[], None]] = deque()
        self._woken = False
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._waits: list[tuple[Callable[[State], bool], threading.Event]] = []
        self._runs: dict[str, RunFiles] = {}
        self._lifecycle = threading.Lock()
        self._closing = False  # end when no job of ours runs
        self._leaving = False  # end now
        self._over = False
        self._number = 0
        self._claims: dict[str, int] = {}
        self._attempts: dict[str, _Attempt] = {}
        self._unseen: set[str] = set()  # refs of ours whose start was not seen
        self._progress: dict[str, tuple[tuple[float, str], ...]] = {}
        self._to_observe: list[str] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wake_timer: asyncio.TimerHandle | None = None

    # What other threads call.

    def start(self) -> None:
        """Starts the thread; returns when it takes events."""
        self._thread.start()
        self._started.wait()

    def keep(self) -> bool:
        """Keeps the thread for another run; False if it has ended or failed."""
        with self._lifecycle:
            self._closing = False
            return not self._over and self.failure is None

    @property
    def workers(self) -> int:
        """How many jobs run at once on this machine."""
        return self._workers

    def submit(
        self, submission: Submission, event: model.JobSubmitted, environment: Mapping[str, str]
    ) -> None:
        """Takes a job over. Touches no disk and does not wait.

        Args:
            submission: What to run.
            event: The same, as an event.
            environment: Variables for its process, over those of this process.
        """
        self._submissions[event.job] = submission
        self._environments[event.job] = environment
        if not self.post(event):
            raise self.failure or RuntimeError(f"the scheduler of {self.workspace} has ended")

    def post(self, item: model.Event | Callable[[], None]) -> bool:
        """Hands over an event, or something to call in the loop's thread; returns at once.

        Returns:
            False if the thread has ended: nothing will come of it.
        """
        with self._lifecycle:
            if self._over:
                return False
            self._items.append(item)
            if not self._woken:
                self._woken = True
                self._asyncio.call_soon_threadsafe(self._wakeup.set)
            return True

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

        if not self.post(reply):
            reply()  # nobody changes the state any more
        return answer

    def when(self, condition: Callable[[State], bool]) -> threading.Event:
        """Gives an event that is set when a condition holds after an event was folded.

        Args:
            condition: Cheap; called in the loop's thread.

        Returns:
            The event. It is also set when the scheduler itself fails: see `failure`.
        """
        event = threading.Event()
        if not self.post(lambda: self._waits.append((condition, event))):
            event.set()
        return event

    def open_run(self, files: RunFiles) -> None:
        """Makes the loop record a run; the first event of the run is to be posted after."""
        self.post(lambda: self._runs.__setitem__(files.run, files))

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
        busy = self.ask(lambda _: bool(self._attempts)).result()
        self._closing = True
        self.post(lambda: None)
        if not busy:
            self._thread.join()

    def detach(self, t: float) -> None:
        """Leaves at the exit of the process: the open runs are recorded as detached.

        Called in the main thread when the interpreter shuts down, where the pool takes nothing
        more: the files are written here.

        Args:
            t: Now, in seconds since the epoch.
        """
        self._leaving = True
        self.post(lambda: None)
        self._thread.join(DETACH_S)
        for run, files in list(self._runs.items()):
            self._step(model.RunEnded(t=t, run=run, status="detached"))
            files.project(self._engine.state, t)
            try:
                files.close()
            except OSError as error:
                log.warning("the end of %s could not be written: %s", run, error)

    # The thread.

    def _run(self) -> None:
        # Not asyncio.run: once a user's wait was nested (`waiting`), that one closes no loop.
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._main())
        finally:
            loop.close()

    async def _main(self) -> None:
        self._asyncio = asyncio.get_running_loop()
        self._wakeup = asyncio.Event()
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="experimaestro-disk") as self._pool:
            launcher = DirectLauncher(self._workers, self._pool)
            self._launchers: dict[str, Launcher] = {launcher.name: launcher}
            self._started.set()
            self._spawn(self._watch_ends(launcher))
            self._spawn(self._sample())
            self._spawn(self._flush())
            try:
                await self._drain()
            except BaseException as error:  # noqa: BLE001 - shown to everybody who waits
                self._fail(error)
            with self._lifecycle:
                self._over = True
            while self._items:  # after a failure: whoever asked gets an answer
                item = self._items.popleft()
                if not isinstance(item, model.Event):
                    item()
            self._notify()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await launcher.close()

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
            idle = self._closing and not self._attempts and not self._items
            self._over = self._leaving or idle or self.failure is not None
            return self._over

    def _notify(self) -> None:
        """Ends the waits whose condition holds."""
        still = []
        for condition, event in self._waits:
            if self.failure is not None or condition(self._engine.state):
                event.set()
            else:
                still.append((condition, event))
        self._waits = still

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            log.error("the scheduler of %s failed", self.workspace, exc_info=error)
            self.failure = error
        self._notify()
        self._wakeup.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs an effect; an error of ours in it fails the scheduler."""
        task = self._asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    async def _in_pool(self, work: Callable[..., T], *arguments: Any) -> T:
        try:
            future = self._asyncio.run_in_executor(self._pool, work, *arguments)
        except RuntimeError:  # this process is exiting: `detach` ends what is left
            await self._asyncio.create_future()
            raise
        return await future

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
            for effect in decided:
                if isinstance(effect, Record):
                    for after in effect.events:
                        msgspec.structs.force_setattr(after, "cause", fact.n)
                    stack.extend(reversed(effect.events))
                else:
                    self._perform(effect, fact.n)

    def _record(self, fact: model.Event) -> None:
        """Gives a fact to the files of each open run that it concerns."""
        if isinstance(fact, (model.Progress, model.Tick)):
            return
        if isinstance(fact, model.JobSubmitted):
            files = self._runs[fact.run]
            files.journal.add(model.encode(fact))
            files.submitted(fact, self._submissions[fact.job])
            return
        if isinstance(fact, (model.RunStarted, model.RunEnded)):
            concerned: Sequence[str] = (fact.run,)
        elif isinstance(fact, model.EffectFailed):
            concerned = list(self._runs)
        else:
            concerned = self._engine.state.jobs[fact.job].runs  # type: ignore[attr-defined] # all others have one
        line = model.encode(fact)
        for run in concerned:
            files_of_run = self._runs.get(run)
            if files_of_run is not None:
                files_of_run.journal.add(line)
                files_of_run.changed = True

    def _perform(self, effect: Effect, cause: int) -> None:
        if isinstance(effect, Observe):
            if not self._to_observe:
                self._spawn(self._observe(cause))
            self._to_observe.extend(effect.jobs)
        elif isinstance(effect, Start):
            self._spawn(self._start(effect.jobs, self._launchers[effect.launcher], cause))
        elif isinstance(effect, WakeAt):
            if self._wake_timer is not None:
                self._wake_timer.cancel()
            delay = max(0.0, effect.t - time.time())
            self._wake_timer = self._asyncio.call_later(delay, lambda: self._post_tick(effect.t))

    def _post_tick(self, t: float) -> None:
        self.post(model.Tick(t=max(t, time.time())))

    # Effects.

    async def _observe(self, cause: int) -> None:
        """Looks at all folders that were asked for since, several threads at a time."""
        jobs, self._to_observe = self._to_observe, []
        chunks = [jobs[i : i + _BATCH] for i in range(0, len(jobs), _BATCH)]
        await asyncio.gather(*(self._observe_chunk(chunk, cause) for chunk in chunks))

    async def _observe_chunk(self, jobs: Sequence[str], cause: int) -> None:
        try:
            seen = await self._in_pool(effects.look, [self._paths(job) for job in jobs])
        except OSError as error:
            self.post(self._trouble("observe", jobs, error, cause))
            return
        for job, observation in zip(jobs, seen, strict=True):
            self.post(_observed(job, observation, cause))

    async def _start(self, jobs: Sequence[str], launcher: Launcher, cause: int) -> None:
        """Claims jobs, prepares their folders and hands them to their launcher."""
        clean = effects.clean_environment(os.environ)
        taken = await self._in_pool(
            lambda: [
                effects.take(
                    self._paths(job), self._submissions[job], self.workspace,
                    {**clean, **self._environments[job]}, self._claims.get(job, 0),
                )
                for job in jobs
            ]
        )  # fmt: skip
        batch: list[tuple[str, effects.Taken]] = []
        for job, result in zip(jobs, taken, strict=True):
            if isinstance(result, effects.Taken):
                self._claims[job] = result.attempt
                batch.append((job, result))
            elif isinstance(result, Observation):
                self.post(_observed(job, result, cause))
            else:
                if result.attempt:
                    self._claims[job] = result.attempt
                await self._not_started(job, result.error, cause)
        refs = await launcher.start([result.spec for _, result in batch])
        for (job, result), ref in zip(batch, refs, strict=True):
            if isinstance(ref, str):
                self._attempts[ref] = _Attempt(job, result.attempt, result.oom_kills)
                self._unseen.add(ref)
                del self._claims[job]
                self.post(
                    model.JobQueued(t=time.time(), job=job, attempt=result.attempt, ref=ref, cause=cause)
                )
            elif isinstance(ref, Refused):
                await self._refuse(job, ref.why, cause)
            else:
                await self._not_started(job, ref, cause)
        # The processes hold the locks now.
        await self._in_pool(effects.close_descriptors, [result.spec.descriptor for _, result in batch])

    async def _not_started(self, job: str, error: OSError, cause: int) -> None:
        """A job that the disk or the system did not let start: later, or never."""
        if error.errno in _TROUBLE:
            self.post(self._trouble("start", (job,), error, cause))
        else:
            await self._refuse(job, _text(error), cause)

    async def _refuse(self, job: str, why: str, cause: int) -> None:
        attempt = self._claims.pop(job, 0)
        if attempt:
            try:
                await self._in_pool(effects.give_up, self._paths(job), attempt)
            except OSError as error:
                log.warning("%s: its claim stays open until this process ends: %s", job, error)
        outcome = Outcome("refused", why, t=time.time())
        self.post(model.JobEnded(t=outcome.t, job=job, attempt=attempt, outcome=outcome, cause=cause))

    async def _watch_ends(self, launcher: Launcher) -> None:
        while True:
            for gone in await launcher.ended():
                self._spawn(self._finish(gone))

    async def _finish(self, gone: Gone) -> None:
        """Reads or writes how an attempt ended; tries again while the disk refuses."""
        attempt = self._attempts[gone.ref]
        paths = self._paths(attempt.job)
        while True:
            try:
                ended = await self._in_pool(effects.finish, paths, attempt.number, gone, attempt.oom_kills)
                break
            except OSError as error:
                self._say_trouble("observe", error)
                await asyncio.sleep(1.0)
        self._progress.pop(gone.ref, None)
        if gone.ref in self._unseen and ended.start is not None:
            self._unseen.discard(gone.ref)
            owner, t = ended.start
            self.post(model.JobStarted(t=t, job=attempt.job, attempt=attempt.number, owner=owner))
        self._unseen.discard(gone.ref)
        outcome = ended.outcome if ended.outcome.t else ended.outcome._replace(t=time.time())
        self.post(model.JobEnded(t=outcome.t, job=attempt.job, attempt=attempt.number, outcome=outcome))
        del self._attempts[gone.ref]

    async def _sample(self) -> None:
        """Sees jobs start, and how far they are."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            if not self._attempts:
                continue
            unseen = [ref for ref in self._unseen if ref in self._attempts]
            seen = [ref for ref in self._attempts if ref not in self._unseen]
            try:
                starts, levels = await self._in_pool(self._read_samples, unseen, seen)
            except OSError as error:
                log.debug("the progress of jobs cannot be read: %s", error)
                continue
            for ref, start in zip(unseen, starts, strict=True):
                if start is not None and ref in self._unseen:
                    self._unseen.discard(ref)
                    job, number, _ = self._attempts[ref]
                    self.post(model.JobStarted(t=start[1], job=job, attempt=number, owner=start[0]))
            for ref, now in zip(seen, levels, strict=True):
                if now is not None and ref in self._attempts and self._progress.get(ref) != now:
                    self._progress[ref] = now
                    shown = tuple(model.Level(value, text) for value, text in now)
                    self.post(model.Progress(t=time.time(), job=self._attempts[ref].job, levels=shown))

    def _read_samples(self, unseen: Sequence[str], seen: Sequence[str]) -> tuple[list[Any], list[Any]]:
        attempts = [self._attempts.get(ref) for ref in unseen]
        starts = [
            effects.read_started([(self._paths(attempt.job), attempt.number)])[0] if attempt else None
            for attempt in attempts
        ]
        running = [self._attempts.get(ref) for ref in seen]
        return starts, [read_progress(self._paths(a.job).progress) if a else None for a in running]

    # The files of runs.

    async def _flush(self) -> None:
        """Writes what the runs keep in memory, and now and then their status."""
        while True:
            await asyncio.sleep(FLUSH_S)
            for files in list(self._runs.values()):
                await self._flush_run(files)

    async def _flush_run(self, files: RunFiles) -> None:
        try:
            await self._in_pool(files.flush)
            if files.changed and time.monotonic() - files.projected > PROJECT_S:
                files.project(self._engine.state, time.time())
                await self._in_pool(files.write_projections)
        except OSError as error:
            self._say_trouble("journal", error)

    async def _close_run(self, event: model.RunEnded) -> None:
        self._step(event)
        files = self._runs.pop(event.run)
        files.project(self._engine.state, time.time())
        await self._in_pool(files.close)

    # Shared.

    def _paths(self, job: str) -> JobPaths:
        return JobPaths.of(self.workspace, job)

    def _say_trouble(self, effect: Any, error: OSError) -> None:
        """Shows what is tried again and again, once."""
        if self._engine.state.trouble != _text(error):
            self.post(self._trouble(effect, (), error, None))

    def _trouble(
        self, effect: Any, jobs: Sequence[str], error: OSError, cause: int | None
    ) -> model.EffectFailed:
        return model.EffectFailed(
            t=time.time(), effect=effect, jobs=tuple(jobs), error=_text(error), cause=cause
        )


def _copy_result(task: "asyncio.Task[None]", done: "Future[None]") -> None:
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _observed(job: str, seen: Observation, cause: int) -> model.JobObserved:
    found: Any = "running" if seen.kind in {"unknown", "gone"} else seen.kind
    return model.JobObserved(
        t=time.time(), job=job, found=found, attempt=seen.attempt, owner=seen.owner,
        outcome=seen.outcome, cause=cause,
    )  # fmt: skip


def _text(error: OSError) -> str:
    """The system's error with the path that it is about."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
