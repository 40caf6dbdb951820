"""How many threads look at the folders of jobs: with real threads, and disks that are fast, slow, or hang."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest

from experimaestro.events.owners import Observation
from experimaestro.scheduler import looking
from experimaestro.scheduler.looking import BATCH, MOST, Looking, Seen
from experimaestro.scheduler.pool import DaemonPool

Disk = Callable[[str], object]


class Host:
    """Looks with the threads of a pool, and counts how many do at once."""

    def __init__(self, disk: Disk) -> None:
        self.answers: list[tuple[str, Seen, int]] = []
        self.most = 0
        self._disk = disk
        self._now = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def run(
        self, asked: Sequence[tuple[Sequence[str], int]], work: Callable[[], Awaitable[None]]
    ) -> None:
        """Asks for looks, and does something meanwhile."""
        self._news = asyncio.Event()
        with DaemonPool(8, "disk") as self._pool:
            self.folders = Looking(
                lambda work: self._tasks.append(asyncio.create_task(work)), self._look, self._answer
            )
            for jobs, cause in asked:
                self.folders.ask(jobs, cause)
            await asyncio.wait_for(work(), 30)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits for something that looks and answers bring about."""
        while not holds():
            await self._news.wait()
            self._news.clear()

    def _look(self, jobs: Sequence[str]) -> "asyncio.Future[list[Seen]]":
        self._now += 1
        self.most = max(self.most, self._now)
        self._news.set()
        found = asyncio.get_running_loop().run_in_executor(self._pool, self._in_thread, jobs)
        found.add_done_callback(self._looked)
        return found

    def _in_thread(self, jobs: Sequence[str]) -> list[Seen]:
        for job in jobs:
            self._disk(job)
        return [Observation("done") for _ in jobs]

    def _looked(self, _: object) -> None:
        self._now -= 1

    def _answer(self, job: str, seen: Seen, cause: int) -> None:
        self.answers.append((job, seen, cause))
        self._news.set()


def look_at(disk: Disk, *asked: tuple[Sequence[str], int]) -> Host:
    """Asks for looks and waits for all answers."""
    host = Host(disk)
    count = sum(len(jobs) for jobs, _ in asked)
    asyncio.run(host.run(asked, lambda: host.until(lambda: len(host.answers) == count)))
    return host


def names(count: int) -> list[str]:
    return [f"a.b/{number}" for number in range(count)]


def test_one_thread_looks_at_a_fast_disk_and_answers_in_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(looking, "PATIENCE_S", 5.0)  # a machine with much to do is no slow disk

    host = look_at(lambda _: None, (names(100), 7), (["a.b/last"], 8))

    assert host.most == 1
    assert host.answers == [
        *((job, Observation("done"), 7) for job in names(100)),
        ("a.b/last", Observation("done"), 8),
    ]


def test_many_threads_look_at_a_slow_disk():
    jobs = names(BATCH * 2 * MOST)

    host = look_at(lambda _: time.sleep(0.01), (jobs, 7))

    assert host.most == MOST
    assert sorted(job for job, _, _ in host.answers) == sorted(jobs)


def test_a_folder_that_hangs_keeps_only_its_own_batch_waiting():
    end = threading.Event()
    host = Host(lambda job: job == "a.b/0" and end.wait(60))
    jobs = names(300)
    meanwhile: list[str] = []

    async def work() -> None:
        await host.until(lambda: len(host.answers) == 300 - BATCH)
        meanwhile.extend(job for job, _, _ in host.answers)
        end.set()
        await host.until(lambda: len(host.answers) == 300)

    asyncio.run(host.run([(jobs, 7)], work))

    assert sorted(meanwhile) == sorted(jobs[BATCH:])


def test_what_is_asked_for_while_all_threads_hang_is_looked_at_when_one_is_free(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(looking, "HANGS_S", 0.02)
    end = threading.Event()
    host = Host(lambda job: int(job[4:]) < BATCH * MOST and end.wait(60))

    async def work() -> None:
        await host.until(lambda: host.most == MOST)
        await asyncio.sleep(0.2)  # the last one is taken for a thread that hangs as well
        host.folders.ask(["a.b/9999"], 8)
        await asyncio.sleep(0.05)
        assert host.answers == []
        end.set()
        await host.until(lambda: len(host.answers) == BATCH * MOST + 1)

    asyncio.run(host.run([(names(BATCH * MOST), 7)], work))

    assert ("a.b/9999", Observation("done"), 8) in host.answers


def test_what_is_asked_for_later_is_looked_at():
    host = Host(lambda _: None)

    async def work() -> None:
        await host.until(lambda: bool(host.answers))
        host.folders.ask(["a.b/next"], 8)
        await host.until(lambda: len(host.answers) == 2)
        await asyncio.sleep(0.01)  # nothing looks any more
        host.folders.ask(["a.b/last"], 9)
        await host.until(lambda: len(host.answers) == 3)

    asyncio.run(host.run([(["a.b/first"], 7)], work))

    assert [cause for _, _, cause in host.answers] == [7, 8, 9]
