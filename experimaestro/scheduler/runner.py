"""Performs the effects that are about jobs: looks at folders, starts processes, sees how they end.

Rules: lives in the thread of the loop and never blocks it; what touches the disk is a function of
`effects`, called in a thread of the pool. It knows which processes are ours; what a job is and what
comes next is the engine's business. Each effect is answered by events, also when it fails.
"""

import asyncio
import errno
import logging
import signal
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from shlex import quote
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from experimaestro.events import model
from experimaestro.events.owners import Observation, Outcome, Owner
from experimaestro.launchers.processes import Gone, Processes, Refused
from experimaestro.scheduler import effects
from experimaestro.scheduler.effects import Work
from experimaestro.scheduler.looking import Looking
from experimaestro.scheduler.preparing import Preparing
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.progress import read_progress

log = logging.getLogger("experimaestro.scheduler")

SAMPLE_S = 0.1
"""How often the start and the progress of running jobs are read, in seconds"""

RETRY_S = 1.0
"""How long after a disk refused to tell or keep the end of a job it is asked again, in seconds"""

_TROUBLE = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOLCK),
        *(errno.EHOSTDOWN, errno.ETIMEDOUT),
    }
)
"""Errors that concern all jobs and may pass; any other is that of one job"""

_NOBODY_RUNS = "you are sure that nobody runs it, move it away"

T = TypeVar("T")


GRACE_S = 10.0
"""How long a process that is asked to end may take, in seconds"""


class _Attempt(NamedTuple):
    """An attempt of ours whose process we started."""

    job: str
    number: int
    oom_kills: int
    processes: Processes


_Ours = Sequence[tuple[str, _Attempt]]
"""Attempts of ours with the names of their processes"""


class _Host(Protocol):
    """What the runner needs of the loop."""

    def post(self, item: model.Event) -> bool: ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...

    def in_pool(self, work: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]": ...


class Runner:
    """The processes of one workspace that this scheduler started.

    Args:
        workspace: The workspace's folder.
        work: What to run for each job.
        host: The loop.
        preparing: What was prepared in this process.
    """

    def __init__(self, workspace: str, work: Mapping[str, Work], host: _Host, preparing: Preparing) -> None:
        self._workspace = workspace
        self._work = work
        self._host = host
        self._starting = 0  # batches on their way to a launcher
        self._claims: dict[str, int] = {}  # won, without a process yet
        self._attempts: dict[str, _Attempt] = {}
        self._refs: dict[str, str] = {}  # of the jobs in `_attempts`
        self._killed: set[str] = set()  # jobs in `_attempts` that were asked to end
        self._unseen: set[str] = set()  # refs whose start was not seen
        self._progress: dict[str, tuple[tuple[float, str], ...]] = {}
        self._looking = Looking(host.spawn, self._look, self._seen)
        self._preparing = preparing
        self._elsewhere: dict[str, tuple[int, Owner | None]] = {}  # what was last said of it
        self._warned: set[str] = set()

    @property
    def is_busy(self) -> bool:
        """Whether processes of ours run, or are about to: somebody must see their end."""
        return bool(self._attempts) or self._starting > 0

    def observe(self, jobs: Sequence[str], cause: int) -> None:
        """Performs `Observe`."""
        self._looking.ask(jobs, cause)

    def _look(self, jobs: Sequence[str]) -> "asyncio.Future[list[Observation | OSError]]":
        """Looks at folders; with what the jobs are, if that may have to be compared."""
        return self._host.in_pool(effects.look, [(self.paths(job), self._work.get(job)) for job in jobs])

    def _seen(self, job: str, seen: Observation | OSError, cause: int) -> None:
        """Answers a look."""
        if not isinstance(seen, OSError):
            self._observed(job, seen, cause)
        elif seen.errno in _TROUBLE:
            self._host.post(trouble("observe", (job,), seen, cause))
        else:  # to start it will meet the same error, and fail with it
            self._observed(job, Observation("free"), cause)

    def _observed(self, job: str, seen: Observation, cause: int) -> None:
        """Answers a look; that a job still runs where it ran is no news for the journal."""
        t = time.time()
        if seen.kind == "unknown" and seen.owner is None:
            paths = self.paths(job)
            path = paths.claim(seen.attempt) if seen.started_t is None else paths.start(seen.attempt)
            self._warn(
                f"{path} cannot be read: nobody knows who runs {job}, so it is waited for. If {_NOBODY_RUNS}"
            )
        elif seen.kind == "unknown" and seen.owner is not None:
            host = seen.owner.host or "unknown"  # old files do not say which
            self._warn(
                f"the machine {host} has jobs of this workspace, and cannot be asked from here "
                "whether they run: they are waited for. If it is lost: `experimaestro jobs give-up "
                f"--machine {quote(host)} --workdir {quote(self._workspace)}`"
            )
        if seen.kind in {"running", "unknown", "gone"}:
            if self._elsewhere.get(job) == (seen.attempt, seen.owner):
                self._host.post(model.StillRunning(t=t, job=job))
                return
            self._elsewhere[job] = (seen.attempt, seen.owner)
            found: Literal["free", "failed", "running", "done", "conflict"] = "running"
        else:
            self._elsewhere.pop(job, None)
            found = seen.kind  # type: ignore[assignment] # the four that are left
        self._host.post(
            model.JobObserved(
                t=t,
                job=job,
                found=found,
                attempt=seen.attempt,
                owner=seen.owner,
                outcome=seen.outcome,
                started=seen.started_t or None,
                other_code=seen.other_code,
                cause=cause,
            )
        )

    def _warn_of_tokens(self, job: str, busy: effects.Busy) -> None:
        for path in busy.not_understood:
            self._warn(f"{path} cannot be read: it counts as one that is held. If {_NOBODY_RUNS}")
        for why in busy.why:
            self._warn(f"{job} waits: {why}")

    def _warn(self, text: str) -> None:
        """Says something once."""
        if text not in self._warned:
            self._warned.add(text)
            log.warning("%s", text)

    def start(self, jobs: Sequence[str], processes: Processes, cause: int) -> None:
        """Performs `Start`; a job that waits for something to be prepared keeps no other waiting."""
        unready = [job for job in jobs if self._preparing.is_needed(self._work[job].submission.prepares)]
        others = [job for job in jobs if job not in unready] if unready else jobs
        if others:
            self._starting += 1
            self._host.spawn(self._start(others, processes, cause))
        for job in unready:
            self._starting += 1
            self._host.spawn(self._prepare(job, processes, cause))

    async def _prepare(self, job: str, processes: Processes, cause: int) -> None:
        """Prepares what a job needs, then starts it."""
        prepares = self._work[job].submission.prepares
        why = await self._host.in_pool(self._preparing.prepare, prepares)
        if why is None:
            await self._start([job], processes, cause)
        else:
            await self._refuse(job, why, cause)
            self._starting -= 1

    async def _start(self, jobs: Sequence[str], processes: Processes, cause: int) -> None:
        """Claims jobs, prepares their folders and has their processes started."""
        taken = await self._host.in_pool(
            lambda: [
                effects.take(self.paths(job), self._work[job], self._workspace, self._claims.get(job, 0))
                for job in jobs
            ]
        )
        batch: list[tuple[str, effects.Taken]] = []
        for job, result in zip(jobs, taken, strict=True):
            if isinstance(result, effects.Taken):
                self._claims[job] = result.attempt
                batch.append((job, result))
            elif isinstance(result, effects.Busy):
                self._warn_of_tokens(job, result)
                self._host.post(model.TokensBusy(t=time.time(), job=job, token=result.token, cause=cause))
            elif isinstance(result, Observation):
                self._claims.pop(job, None)
                self._observed(job, result, cause)
            else:
                if result.attempt:
                    self._claims[job] = result.attempt
                await self._not_started(job, result.error, cause)
        refs = await processes.start([result.spec for _, result in batch])
        not_started: list[tuple[str, Refused | OSError]] = []
        for (job, result), ref in zip(batch, refs, strict=True):  # no await: their ends may come at once
            if isinstance(ref, str):
                self._attempts[ref] = _Attempt(job, result.attempt, result.oom_kills, processes)
                self._refs[job] = ref
                self._unseen.add(ref)
                n = self._claims.pop(job)
                self._host.post(model.JobQueued(t=time.time(), job=job, attempt=n, ref=ref, cause=cause))
            else:
                not_started.append((job, ref))
        # The processes hold the locks now.
        await self._host.in_pool(effects.close_descriptors, [result.spec.descriptor for _, result in batch])
        for job, why in not_started:
            if isinstance(why, Refused):
                await self._refuse(job, why.why, cause)
            else:
                await self._not_started(job, why, cause)
        self._starting -= 1

    async def _not_started(self, job: str, error: OSError, cause: int) -> None:
        """A job that the disk or the system did not let start: later, or never."""
        if error.errno in _TROUBLE:
            self._host.post(trouble("start", (job,), error, cause))
        else:
            await self._refuse(job, text(error), cause)

    async def _refuse(self, job: str, why: str, cause: int) -> None:
        attempt = self._claims.pop(job, 0)
        await self._give_up(job, attempt)
        outcome = Outcome("refused", why, t=time.time(), early=True)
        self._host.post(model.JobEnded(t=outcome.t, job=job, attempt=attempt, outcome=outcome, cause=cause))

    def kill(self, jobs: Sequence[str], cause: int) -> None:
        """Performs `Kill`."""
        self._host.spawn(self._kill(jobs, cause))

    async def _kill(self, jobs: Sequence[str], cause: int) -> None:
        for job in jobs:
            ref = self._refs.get(job)
            if ref is None:
                await self._kill_elsewhere(job, cause)
            else:
                self._killed.add(job)
                await self._attempts[ref].processes.kill([ref], GRACE_S)

    async def _kill_elsewhere(self, job: str, cause: int) -> None:
        """Asks a process that another scheduler started to end, and after a while forces it."""
        why = await self._host.in_pool(effects.end_elsewhere, self.paths(job), signal.SIGTERM)
        if not why:
            self._host.spawn(self._force_elsewhere(job))
        if why:
            error = f"{job} cannot be killed: {why}"
            self._host.post(
                model.EffectFailed(t=time.time(), effect="kill", jobs=(job,), error=error, cause=cause)
            )

    async def _force_elsewhere(self, job: str) -> None:
        """Ends a process that another scheduler started and that did not end when it was asked to."""
        last = self._elsewhere.get(job)
        await asyncio.sleep(GRACE_S)
        if last is not None and self._elsewhere.get(job) == last:  # still this one, as far as is known
            await self._host.in_pool(effects.end_elsewhere, self.paths(job), signal.SIGKILL)

    async def close(self) -> None:
        """Gives up the claims that wait for a disk: nobody else may while this process lives."""
        while self._claims:
            await self._give_up(*self._claims.popitem())

    async def _give_up(self, job: str, attempt: int) -> None:
        if attempt:
            try:
                await self._host.in_pool(effects.give_up, self.paths(job), attempt)
            except OSError as error:
                log.warning("%s: its claim stays open until this process ends: %s", job, error)

    async def watch_ends(self, processes: Processes) -> None:
        """Sees processes end, until it is cancelled."""
        while True:
            for gone in await processes.ended():
                self._host.spawn(self._finish(gone))

    async def _finish(self, gone: Gone) -> None:
        """Reads or writes how an attempt ended; tries again while the disk refuses."""
        attempt = self._attempts[gone.ref]
        paths = self.paths(attempt.job)
        while True:
            try:
                n, kills, is_killed = attempt.number, attempt.oom_kills, attempt.job in self._killed
                ended = await self._host.in_pool(effects.finish, paths, n, gone, kills, is_killed)
                break
            except OSError as error:
                if error.errno not in _TROUBLE:
                    ended = effects.Ended(
                        None, Outcome("failed", f"its folder cannot be used: {text(error)}")
                    )
                    break
                self._host.post(trouble("observe", (), error))
                await asyncio.sleep(RETRY_S)
        self._progress.pop(gone.ref, None)
        if gone.ref in self._unseen and ended.start is not None:
            self._unseen.discard(gone.ref)
            owner, t = ended.start
            self._host.post(model.JobStarted(t=t, job=attempt.job, attempt=attempt.number, owner=owner))
        self._unseen.discard(gone.ref)
        outcome = ended.outcome if ended.outcome.t else ended.outcome._replace(t=time.time())
        self._host.post(model.JobEnded(t=outcome.t, job=attempt.job, attempt=attempt.number, outcome=outcome))
        del self._attempts[gone.ref], self._refs[attempt.job]
        self._killed.discard(attempt.job)

    async def sample(self) -> None:
        """Sees jobs start, and how far they are, until it is cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            if not self._attempts:
                continue
            unseen = [(ref, self._attempts[ref]) for ref in self._unseen]
            seen = [(ref, at) for ref, at in self._attempts.items() if ref not in self._unseen]
            try:
                starts, levels = await self._host.in_pool(self._read, unseen, seen)
            except OSError as error:
                log.debug("the progress of jobs cannot be read: %s", error)
                continue
            for (ref, at), start in zip(unseen, starts, strict=True):
                if start is not None and ref in self._unseen:
                    self._unseen.discard(ref)
                    owner, t = start
                    self._host.post(model.JobStarted(t=t, job=at.job, attempt=at.number, owner=owner))
            for (ref, at), now in zip(seen, levels, strict=True):
                if now is not None and ref in self._attempts and self._progress.get(ref) != now:
                    self._progress[ref] = now
                    shown = tuple(model.Level(value, text) for value, text in now)
                    self._host.post(model.Progress(t=time.time(), job=at.job, levels=shown))

    def _read(self, unseen: _Ours, seen: _Ours) -> tuple[list[Any], list[Any]]:
        """What the jobs say: who started, and how far the others are."""
        starts = effects.read_started((self.paths(at.job), at.number) for _, at in unseen)
        return starts, [read_progress(self.paths(at.job).progress) for _, at in seen]

    def paths(self, job: str) -> JobPaths:
        """The files of a job."""
        return JobPaths.of(self._workspace, job)


def trouble(
    effect: Literal["observe", "start", "journal"],
    jobs: Sequence[str],
    error: OSError,
    cause: int | None = None,
) -> model.EffectFailed:
    """The event that says that the disk or the system refused something."""
    return model.EffectFailed(t=time.time(), effect=effect, jobs=tuple(jobs), error=text(error), cause=cause)


def text(error: OSError) -> str:
    """The system's error with the path that it is about."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
