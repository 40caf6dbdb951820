"""Which of the jobs that are ready may start: slots of the launchers, tokens, priorities.

Rules: pure, time is given. A job takes its slot and all its tokens together or nothing at all, so
that two jobs never wait for each other. What this process gave out is counted here; what others
hold is found when a job is to start, and then nobody here asks for that token for a while.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from experimaestro.events.model import JobKey, Need
from experimaestro.events.state import Job

ASK_S = 2.0
"""How long after a token was held by others it is asked for again, in seconds"""


class _Ready(NamedTuple):
    """A job in a heap; of two, the lower starts first. No two have the same number."""

    priority: int
    """Negative: the highest first"""
    number: int
    """Its place in the order of submission"""
    job: Job
    token: str = ""
    """The token that it waited for: if it does not take it now, another may"""


class Admission:
    """The ready jobs of one workspace, and what those that run have taken.

    Args:
        limits: For each launcher, how many of its jobs may run at once; None: it decides itself.
    """

    def __init__(self, limits: Mapping[str, int | None]) -> None:
        self._limits = dict(limits)
        self._ready: dict[str, list[_Ready]] = {name: [] for name in limits}
        self._offered: set[JobKey] = set()
        """In a heap of `_ready` or `_parked`, perhaps no longer ready"""
        self._running: dict[str, set[JobKey]] = {name: set() for name in limits}
        self._held: dict[JobKey, tuple[Need, ...]] = {}
        self._used: Counter[str] = Counter()
        self._parked: dict[str, list[_Ready]] = {}
        """For each token, the jobs that it keeps waiting"""
        self._ask_at: dict[str, float] = {}
        """For each token that others held, when it is asked for again"""

    def limit(self, launcher: str, jobs: int | None) -> None:
        """Changes how many jobs of a launcher may run at once."""
        self._limits[launcher] = jobs

    @property
    def wake_at(self) -> float | None:
        """When `wake` has something to do next."""
        return min(self._ask_at.values(), default=None)

    def is_started(self, job: Job) -> bool:
        """Whether a job has a slot."""
        return job.key in self._running[job.launcher]

    def offer(self, job: Job, number: int) -> None:
        """Says that a job is ready.

        Args:
            job: A job.
            number: Its place in the order of submission.
        """
        if job.key not in self._offered:
            self._offered.add(job.key)
            heapq.heappush(self._ready[job.launcher], _Ready(-job.priority, number, job))

    def release(self, job: Job) -> None:
        """Takes back what a job had: it has ended, or was not started after all."""
        self._running[job.launcher].discard(job.key)
        for need in self._held.pop(job.key, ()):
            self._used[need.token] -= need.count
            self._unpark(need.token, need.count)

    def refuse(self, job: Job, number: int, token: str, t: float) -> None:
        """Says that others hold a token which a job needs: it waits for that.

        Args:
            job: A job that was admitted.
            number: Its place in the order of submission.
            token: The token.
            t: Now, in seconds since the epoch.
        """
        self.release(job)
        self._ask_at[token] = t + ASK_S
        if job.key not in self._offered:
            self._offered.add(job.key)
            self._park(token, _Ready(-job.priority, number, job))

    def wake(self, t: float) -> None:
        """Lets jobs ask again for the tokens whose time has come."""
        for token in [token for token, at in self._ask_at.items() if at <= t]:
            del self._ask_at[token]
            parked = self._parked.get(token)
            if parked:
                total = next(need.total for need in parked[0].job.needs if need.token == token)
                self._unpark(token, max(1, total - self._used[token]))

    def wait_no_longer(self, t: float) -> None:
        """Waits for no token longer than it was to, as seen from now: the clock may have been set back."""
        for token, at in self._ask_at.items():
            self._ask_at[token] = min(at, t + ASK_S)

    def admit(self, launcher: str, may_start: Callable[[Job], bool]) -> list[JobKey]:
        """Gives out slots and tokens.

        Args:
            launcher: Whose jobs.
            may_start: Whether a job that was offered may still start.

        Returns:
            The jobs to start now, in order.
        """
        ready, running, limit = self._ready[launcher], self._running[launcher], self._limits[launcher]
        batch: list[JobKey] = []
        while ready and (limit is None or len(running) < limit):
            next_one = heapq.heappop(ready)
            job = next_one.job
            starts = may_start(job)
            lacking = self._lacking(job.needs) if starts else ""
            if next_one.token and (not starts or lacking not in {"", next_one.token}):
                self._unpark(next_one.token, _count(job, next_one.token))
            if lacking:
                self._park(lacking, next_one)
                continue
            self._offered.discard(job.key)
            if starts:
                running.add(job.key)
                if job.needs:
                    self._held[job.key] = job.needs
                    self._used.update({need.token: need.count for need in job.needs})
                batch.append(job.key)
        return batch

    def _lacking(self, needs: Iterable[Need]) -> str:
        """A token of which there is not enough, or ""."""
        for need in needs:
            if need.token in self._ask_at or self._used[need.token] + need.count > need.total:
                return need.token
        return ""

    def _park(self, token: str, one: _Ready) -> None:
        heapq.heappush(self._parked.setdefault(token, []), one._replace(token=token))

    def _unpark(self, token: str, count: int) -> None:
        """Lets as many jobs ask for a token as could share `count` of it, at least one."""
        parked = self._parked.get(token)
        while parked and count > 0:
            one = heapq.heappop(parked)
            count -= _count(one.job, token)
            heapq.heappush(self._ready[one.job.launcher], one)


def _count(job: Job, token: str) -> int:
    """How much of a token a job takes."""
    return next(need.count for need in job.needs if need.token == token)
