"""Looks at the folders of jobs: one thread while the disk is fast, more while it keeps that one waiting.

Threads that look at a fast disk at once take Python's lock from each other and from the user's thread
that submits: a look then takes four times as long. A disk that takes its time (a network disk) answers
many at once as fast as one.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from experimaestro.events.owners import Observation

BATCH = 32
"""Folders that one thread looks at in a row"""

PATIENCE_S = 0.01
"""How long a batch may take before another thread looks as well, in seconds"""

HANGS_S = 1.0
"""The same while threads wait for Python's lock, in seconds: the disk may hang all the same"""

MOST = 6
"""Threads that look at once, at most: those of the pool have other things to do"""

Seen = Observation | OSError


class Looking:
    """The folders that are to be looked at, in the order in which that was asked for.

    Args:
        spawn: Runs a coroutine in the loop.
        look: Looks at the folders of jobs, in a thread of the pool.
        answer: Told of each job what was seen, and the number of the event that asked for it.
    """

    def __init__(
        self,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        look: Callable[[Sequence[str]], "asyncio.Future[list[Seen]]"],
        answer: Callable[[str, Seen, int], None],
    ) -> None:
        self._spawn = spawn
        self._look = look
        self._answer = answer
        self._waiting: deque[tuple[str, int]] = deque()
        self._threads = 0
        self._next: object = None  # the one thread that takes batches; the others wait for the disk

    def ask(self, jobs: Sequence[str], cause: int) -> None:
        """Has the folders of jobs looked at.

        Args:
            jobs: Keys.
            cause: Number of the event that asks for it.
        """
        self._waiting.extend((job, cause) for job in jobs)
        self._add()

    def _add(self) -> None:
        """Has another thread look, if none is there to take what waits."""
        if self._waiting and self._next is None and self._threads < MOST:
            self._threads += 1
            self._next = me = object()
            self._spawn(self._serve(me))

    async def _serve(self, me: object) -> None:
        """Looks until nothing waits, or until another one took over while the disk took its time."""
        await asyncio.sleep(0)  # what is asked for before the loop's next turn comes along
        while self._waiting and self._next in {None, me}:
            self._next = me
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            looking = self._look([job for job, _ in batch])
            try:
                if not await _is_prompt(looking):
                    self._next = None
                    self._add()
                found = await looking
            finally:
                looking.cancel()
            for (job, cause), seen in zip(batch, found, strict=True):
                self._answer(job, seen, cause)
        self._threads -= 1
        if self._next is me:
            self._next = None


async def _is_prompt(looking: "asyncio.Future[Any]") -> bool:
    """Whether a thread comes back soon; one that waits for Python's lock is given more time."""
    begin = now = time.monotonic()
    while now < begin + HANGS_S:
        done, _ = await asyncio.wait([looking], timeout=PATIENCE_S)
        if done:
            return True
        before, now = now, time.monotonic()
        if now - before - PATIENCE_S < sys.getswitchinterval() / 2:
            return False  # this thread got the lock at once: nobody keeps it from the other
    return False
