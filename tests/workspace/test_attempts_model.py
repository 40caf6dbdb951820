"""The protocol of ownership, on a disk in memory: every order of steps, every kill.

The product's own functions run here, unchanged: `files`, the lock and `fate` are replaced by
requests to a `World`, each of which is one atomic step. A program (one round of a scheduler, a
job's process) is run from its beginning for each step, with the answers that it got so far, until
it makes its next request: so a program at rest is nothing but the tuple of its answers, worlds can
be compared, and killing is forgetting. `explore` visits every world that can be reached, `wander`
takes random ways through larger ones, with readers whose view of the disk is out of date.

The laws are checked at each step (`World._check...`) and at the end (`live`):

- at most one process executes the job, and none does so after it has ended well;
- what ended well stays so; names of attempts are never removed or changed;
- `.done` and `.failed` say what an `end` says;
- nobody gives up the living;
- from every world, those who are alive get the job done.

Each rule of the protocol is left out in turn, and is missed.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from experimaestro.events.owners import Observation, Outcome, Owner
from experimaestro.workspace import attempts, contents, interchange
from experimaestro.workspace.layout import JobPaths, attempt_part
from experimaestro.workspace.processes import Fate

pytestmark = pytest.mark.slow

T = TypeVar("T")

JOB = JobPaths("/job", "task")
DONE = Outcome("done")
FAILED = Outcome("failed", "it failed")
KILLED = Outcome("killed", "by a signal", signal=9)


class BrokenLawError(Exception):
    """The protocol broke one of the laws."""


class Waiting(BaseException):
    """A program has made its next request."""


# ----------------------------------------------------------------------------------------------
# The world


class Actor(NamedTuple):
    """A process: what it executes and the answers that it got so far."""

    pid: int
    host: str
    program: str
    attempt: int = 0
    answers: tuple[Any, ...] = ()
    is_executing: bool = False

    @property
    def owner(self) -> Owner:
        return Owner(self.host, "boot", "ns", self.pid, "0")


@dataclass(frozen=True)
class World:
    """All that there is at one moment."""

    disk: frozenset[tuple[str, bytes]] = frozenset()
    actors: tuple[Actor, ...] = ()
    lock: frozenset[int] = frozenset()
    """Who holds an open descriptor of the lock"""
    pids: int = 0
    kills: int = 0
    """How many may still be killed"""
    failures: int = 0
    """How many times the job may still fail"""
    past: tuple[frozenset[tuple[str, bytes]], ...] = field(default=(), compare=False)
    """Older contents of the disk, for readers who see them"""

    def with_actor(self, host: str, program: str, attempt: int = 0) -> "World":
        actor = Actor(self.pids + 1, host, program, attempt)
        return replace(self, actors=(*self.actors, actor), pids=self.pids + 1)

    def alive(self, pid: int) -> bool:
        return any(actor.pid == pid for actor in self.actors)

    def changed(self, actor: Actor) -> "World":
        return replace(self, actors=tuple(actor if a.pid == actor.pid else a for a in self.actors))

    def without(self, actor: Actor) -> "World":
        return replace(
            self,
            actors=tuple(other for other in self.actors if other.pid != actor.pid),
            lock=self.lock - {actor.pid},
        )


class Machine:
    """Runs one program to its next request, and performs that in a world.

    It stands where the product expects the module `files`.
    """

    def __init__(
        self,
        *,
        locks: bool = False,
        torn: bool = False,
        manners: bool = True,
        stale: Callable[[int], int] | None = None,
        programs: Mapping[str, "Program"] | None = None,
    ) -> None:
        self.programs = {**PROGRAMS, **(programs or {})}
        self.locks = locks
        """Whether the lock keeps others out; the protocol needs none, and some disks have none"""
        self.torn = torn
        """Whether put-if-absent is two steps: an empty file, then its content"""
        self.manners = manners
        """Whether to check the laws that forbid what only later does harm"""
        self.stale = stale
        """Given the number of older contents of the disk, how far back a reader sees"""
        self.world = World()
        self.actor = Actor(0, "", "")
        self.choice = 0
        self._answers: list[Any] = []
        self._next = 0
        self._may_act = False

    # Programs

    def step(self, world: World, actor: Actor, choice: int = 0) -> World:
        """The world after the next request of an actor."""
        self.world, self.actor, self.choice = world, actor, choice
        self._answers, self._next, self._may_act = list(actor.answers), 0, True
        try:
            goes_on = self.programs[actor.program](self)
        except Waiting:
            actor = next(a for a in self.world.actors if a.pid == actor.pid)
            return self.world.changed(actor._replace(answers=tuple(self._answers)))
        return self.world.changed(actor._replace(answers=())) if goes_on else self.world.without(actor)

    def ask(self, perform: Callable[[], T]) -> T:
        """One request: the answer that it got before, or the one step that this run may make."""
        if self._next < len(self._answers):
            answer: T = self._answers[self._next]
        elif self._may_act:
            self._may_act = False
            answer = perform()
            self._answers.append(answer)
        else:
            raise Waiting
        self._next += 1
        return answer

    # What stands for `files`

    def exists(self, path: str) -> bool:
        if path == JOB.folder:
            return True
        return self.ask(lambda: path in self._view())

    def names(self, folder: str) -> list[str]:
        def perform() -> tuple[str, ...]:
            found = (path.rpartition("/") for path in self._view())
            return tuple(sorted(name for above, _, name in found if above == folder))

        return list(self.ask(perform))

    def read(self, path: str) -> bytes | None:
        return self.ask(lambda: self._view().get(path))

    def put_if_absent(self, path: str, data: bytes, *, fsync: bool = False) -> bool:
        del fsync

        def perform() -> bool:
            if path in dict(self.world.disk):
                return False
            self._write(path, b"" if self.torn else data)
            return True

        won = self.ask(perform)
        if won and self.torn:
            self.ask(lambda: self._write(path, data, old=b""))
        return won

    def replace(self, path: str, data: bytes, *, fsync: bool = False) -> None:
        del fsync
        self.ask(lambda: self._write(path, data, old=None))

    def create_marker(self, path: str, *, fsync: bool = False) -> None:
        self.replace(path, b"", fsync=fsync)

    def remove(self, path: str) -> bool:
        def perform() -> bool:
            if attempt_part(path.rpartition("/")[2]):
                raise BrokenLawError(f"{path} was removed")
            if path == JOB.done:
                raise BrokenLawError("the job is not done any more")
            disk = dict(self.world.disk)
            found = disk.pop(path, None) is not None
            self._set_disk(disk)
            return found

        return self.ask(perform)

    def make_folder(self, path: str) -> None:
        """Folders come with their files here."""

    def _view(self) -> dict[str, bytes]:
        past = self.world.past
        back = self.stale(len(past)) if self.stale else 0
        return dict(past[-back] if back else self.world.disk)

    def _write(self, path: str, data: bytes, old: bytes | None = b"-") -> None:
        """Writes a file.

        Args:
            path: The file.
            data: Its content.
            old: What it holds, if it is filled: if somebody replaced it meanwhile, that stays.
        """
        disk = dict(self.world.disk)
        if old == b"" and disk.get(path) != b"":
            return
        self._check_write(disk, path, data)
        disk[path] = data
        self._set_disk(disk)

    def _set_disk(self, disk: dict[str, bytes]) -> None:
        past = (*self.world.past, self.world.disk)[-12:] if self.stale else ()
        self.world = replace(self.world, disk=frozenset(disk.items()), past=past)

    # What stands for processes and the lock

    def fate(self, owner: Owner) -> Fate:
        if owner.host != self.actor.host:
            return "unknown"
        return self.ask(lambda: "alive" if self.world.alive(owner.pid) else "gone")

    def lock(self) -> bool:
        if not self.locks:
            return True

        def perform() -> bool:
            if self.world.lock:
                return False
            self.world = replace(self.world, lock=frozenset({self.actor.pid}))
            return True

        return self.ask(perform)

    def unlock(self) -> None:
        def perform() -> None:
            self.world = replace(self.world, lock=self.world.lock - {self.actor.pid})

        if self.locks:
            self.ask(perform)

    def is_locked(self, paths: JobPaths) -> bool:
        del paths
        return self.locks and self.ask(lambda: bool(self.world.lock))

    def spawn(self, attempt: int) -> int:
        def perform() -> int:
            self.world = self.world.with_actor(self.actor.host, "job", attempt)
            if self.actor.pid in self.world.lock:
                self.world = replace(self.world, lock=self.world.lock | {self.world.pids})
            return self.world.pids

        return self.ask(perform)

    def wait(self, pid: int) -> None:
        """Goes on when a process has ended; a step that changes nothing before."""
        if not self.ask(lambda: not self.world.alive(pid)):
            self._answers.pop()
            raise Waiting

    def execute(self) -> None:
        def perform() -> None:
            self._check_execute()
            self.world = self.world.changed(self.actor._replace(is_executing=True))

        self.ask(perform)

    def finish(self) -> Outcome:
        """The task's own end: well or, if it is chosen and may still be, badly."""

        def perform() -> Outcome:
            fails = self.choice == 1 and self.world.failures > 0
            self.world = self.world.changed(self.actor._replace(is_executing=False))
            if fails:
                self.world = replace(self.world, failures=self.world.failures - 1)
            return FAILED if fails else DONE

        return self.ask(perform)

    # Laws

    def _check_execute(self) -> None:
        if any(actor.is_executing for actor in self.world.actors):
            raise BrokenLawError("two processes execute the job at the same time")
        disk = dict(self.world.disk)
        if self.actor.program == "original":
            return  # it knows nothing of an `end` whose process was killed before `.done`
        if JOB.done in disk or DONE in _ends(disk).values():
            raise BrokenLawError("a job that is done is executed again")

    def _check_write(self, disk: dict[str, bytes], path: str, data: bytes) -> None:
        if not self.manners:
            return
        ends = _ends(disk)
        part = attempt_part(path.rpartition("/")[2])
        # Two may write `lost` over an `end` that was torn: the second one changes nothing
        is_same = part and part[1] == "end" and disk.get(path) == data
        if part and contents.json_object(disk.get(path, b"")) and not is_same:
            raise BrokenLawError(f"{path} was written again")
        if path == JOB.done and self.actor.program != "original" and DONE not in ends.values():
            raise BrokenLawError("`.done` without an `end` that says so")
        if path == JOB.failed and data not in map(interchange.failed_content, _bad(ends)):
            raise BrokenLawError("`.failed` without an `end` that says so")
        if part and part[1] == "start" and contents.json_object(data).get("void"):
            scheduler = _owner(disk, JOB.claim(part[0]))
            if scheduler and scheduler.pid != self.actor.pid and self.world.alive(scheduler.pid):
                raise BrokenLawError("the claim of a living scheduler was declared void")
        if part and part[1] == "end":
            process = _owner(disk, JOB.start(part[0]))
            if process and process.pid != self.actor.pid and self.world.alive(process.pid):
                raise BrokenLawError("a living process was declared lost")


def _ends(disk: dict[str, bytes]) -> dict[int, Outcome]:
    found = {}
    for path, data in disk.items():
        part = attempt_part(path.rpartition("/")[2])
        outcome = attempts._outcome(data) if part and part[1] == "end" else None
        if part and outcome:
            found[part[0]] = outcome
    return found


def _bad(ends: dict[int, Outcome]) -> list[Outcome]:
    return [outcome for outcome in ends.values() if not outcome.is_done]


def _owner(disk: dict[str, bytes], path: str) -> Owner | None:
    owner = attempts._owner(contents.json_object(disk.get(path, b"")))
    return None if owner == attempts._NOBODY else owner


# ----------------------------------------------------------------------------------------------
# Programs: each returns whether it begins again

Program = Callable[[Machine], bool]


def scheduler(machine: Machine) -> bool:
    """One round: looks, and runs the job if nobody does; leaves when the job is done."""
    seen = attempts.settle(JOB, machine.fate)
    if seen.kind == "done":
        return False
    if seen.kind in {"free", "failed"} and machine.lock():
        n = attempts.claim(JOB, machine.actor.owner)
        if n is None:
            machine.unlock()
            return True
        process = machine.spawn(n)
        machine.unlock()
        machine.wait(process)
        if not attempts.void(JOB, n) and attempts.lose(JOB, n, KILLED):
            attempts.conclude(JOB, n, KILLED)
    return True


def job(machine: Machine) -> bool:
    """A job's process."""
    n = machine.actor.attempt
    if attempts.start(JOB, n, machine.actor.owner, 0.0):
        machine.execute()
        outcome = machine.finish()
        if attempts.end(JOB, n, outcome):
            attempts.conclude(JOB, n, outcome)
    return False


def original(machine: Machine) -> bool:
    """Another version of the package, scheduler and job in one: it knows the lock and `.done`."""
    if not machine.lock():
        return True
    if not machine.exists(JOB.done):
        machine.execute()
        machine.finish()
        machine.create_marker(JOB.done)
    machine.unlock()
    return False


PROGRAMS: dict[str, Program] = {"scheduler": scheduler, "job": job, "original": original}


# ----------------------------------------------------------------------------------------------
# Ways through the worlds


def killed(world: World, actor: Actor) -> World:
    """The world without a process; who wants the job runs the same code again."""
    world = replace(world.without(actor), kills=world.kills - 1)
    return world if actor.program == "job" else world.with_actor(actor.host, actor.program)


def successors(machine: Machine, world: World) -> Iterator[World]:
    for actor in world.actors:
        yield machine.step(world, actor)
        if actor.is_executing and world.failures:
            yield machine.step(world, actor, choice=1)
        if world.kills:
            yield killed(world, actor)


def check_end(world: World, *, tidy: bool) -> None:
    """The law of a world that all have left."""
    disk = dict(world.disk)
    if JOB.done not in disk:
        raise BrokenLawError("all have left, and there is no `.done`")
    if tidy and JOB.failed in disk:
        raise BrokenLawError("`.failed` stands beside `.done`, and nobody was killed")


def is_tidy(world: World) -> bool:
    """Whether one marker must remain: another version does not take away our `.failed`."""
    return not world.kills and all(actor.program != "original" for actor in world.actors)


def explore(machine: Machine, world: World, *, live: bool = True) -> int:
    """Visits every world that follows from this one, and returns how many there are.

    Raises:
        BrokenLawError: One of them breaks a law, or (if `live`) has no way to the end.
    """
    tidy = is_tidy(world)
    numbers = {world: 0}
    before: list[list[int]] = [[]]
    ends = []
    todo = deque([world])  # nearest first: a broken law is found on a short way
    while todo:
        world = todo.popleft()
        number = numbers[world]
        if not world.actors:
            check_end(world, tidy=tidy)
            ends.append(number)
        for after in successors(machine, world):
            if after not in numbers:
                numbers[after] = len(numbers)
                before.append([])
                todo.append(after)
            before[numbers[after]].append(number)
    if live:
        lead_to_end = set(ends)
        while ends:
            new = set(before[ends.pop()]) - lead_to_end
            lead_to_end |= new
            ends.extend(new)
        if len(lead_to_end) < len(numbers):
            raise BrokenLawError("some are stuck, though all who are alive keep trying")
    return len(numbers)


def wander(machine: Machine, world: World, choose: Callable[[int], int], steps: int) -> World:
    """Takes one way through the worlds: some steps as chosen, then all in turn to the end."""
    tidy = is_tidy(world)
    for _ in range(steps):
        if not world.actors:
            break
        actor = world.actors[choose(len(world.actors))]
        if world.kills and choose(30) == 1:
            world = killed(world, actor)
        else:
            world = machine.step(world, actor, choice=choose(2))
    machine.stale = None
    world = replace(world, kills=0, failures=0)
    for _ in range(400):
        if not world.actors:
            check_end(world, tidy=tidy)
            return world
        for actor in world.actors:
            if world.alive(actor.pid):
                world = machine.step(world, next(a for a in world.actors if a.pid == actor.pid))
    raise BrokenLawError("some are stuck, though all who are alive keep trying")


def begin(*programs: str, kills: int = 0, failures: int = 0) -> World:
    """A world before anything happened; a program is a name, perhaps with a host: `job@b`."""
    world = World(kills=kills, failures=failures)
    for program in programs:
        name, _, host = program.partition("@")
        world = world.with_actor(host or "a", name)
    return world


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return install(monkeypatch, Machine())


def install(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> Machine:
    """Puts a machine in the place of the disk."""
    monkeypatch.setattr(attempts, "files", machine)
    monkeypatch.setattr(interchange, "files", machine)
    monkeypatch.setattr(interchange, "is_locked", machine.is_locked)
    return machine


# ----------------------------------------------------------------------------------------------
# Every way through small worlds


@pytest.mark.parametrize(
    ("programs", "kills", "failures", "at_least"),
    [
        pytest.param(("scheduler",), 2, 1, 10_000, id="one scheduler, two kills, a failure"),
        pytest.param(("scheduler", "scheduler"), 0, 1, 10_000, id="two schedulers, a failure"),
        pytest.param(("scheduler", "original"), 1, 0, 1_000, id="another version beside us, a kill"),
        pytest.param(("scheduler", "scheduler@b"), 1, 0, 15_000, id="two machines, a kill"),
        pytest.param(("scheduler", "scheduler"), 1, 0, 40_000, id="two schedulers, a kill"),
    ],
)
def test_in_every_order_of_steps_a_job_runs_once_and_ends(
    monkeypatch: pytest.MonkeyPatch, programs: tuple[str, ...], kills: int, failures: int, at_least: int
):
    machine = install(monkeypatch, Machine(locks="original" in programs))

    visited = explore(machine, begin(*programs, kills=kills, failures=failures))

    assert visited > at_least


@pytest.mark.parametrize(
    ("programs", "kills", "failures"), [(("scheduler", "scheduler"), 0, 0), (("scheduler",), 2, 0)]
)
def test_where_files_are_created_empty_and_then_written_nothing_runs_twice(
    monkeypatch: pytest.MonkeyPatch, programs: tuple[str, ...], kills: int, failures: int
):
    machine = install(monkeypatch, Machine(torn=True))

    # A claim or start that stays empty is left to the user: not every world has a way to the end
    explore(machine, begin(*programs, kills=kills, failures=failures), live=not kills)


# ----------------------------------------------------------------------------------------------
# Some ways through larger ones

TEAM = ("scheduler", "scheduler", "scheduler@b")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 2**16), max_size=300), st.booleans())
def test_three_schedulers_on_two_machines_run_a_job_once(
    monkeypatch: pytest.MonkeyPatch, tape: list[int], sees_the_past: bool
):
    choices = iter(tape)

    def choose(n: int) -> int:
        return next(choices, 0) % n

    def back(n: int) -> int:
        return choose(n + 1) if choose(3) == 1 else 0

    machine = install(monkeypatch, Machine(stale=back if sees_the_past else None))
    wander(machine, begin(*TEAM, kills=4, failures=2), choose, steps=len(tape) // 2)


def test_in_many_random_histories_a_job_runs_once(monkeypatch: pytest.MonkeyPatch):
    for seed in range(2_000):
        choose = random.Random(seed).randrange

        def back(n: int, choose: Callable[[int], int] = choose) -> int:
            return choose(n + 1) if choose(3) == 1 else 0

        # Not both: a machine sees at least what its own process wrote before it was gone
        torn = seed % 5 == 0
        machine = install(monkeypatch, Machine(stale=back if seed % 2 and not torn else None, torn=torn))
        world = begin(*TEAM, kills=0 if torn else 4, failures=2)
        try:
            wander(machine, world, choose, steps=200)
        except BrokenLawError as error:
            pytest.fail(f"seed {seed}: {error}")


# ----------------------------------------------------------------------------------------------
# Each rule is needed: left out, it is missed


class EverybodyGone(Machine):
    """Takes everybody for gone."""

    def fate(self, owner: Owner) -> Fate:
        del owner
        return "gone"


class LookThenWrite(Machine):
    """Has no put-if-absent in one step."""

    def put_if_absent(self, path: str, data: bytes, *, fsync: bool = False) -> bool:
        if self.exists(path):
            return False
        self.replace(path, data, fsync=fsync)
        return True


def test_leaving_out_that_a_claim_waits_for_the_attempt_before_is_caught(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(attempts, "_may_follow", lambda _paths, _last: True)

    with pytest.raises(BrokenLawError, match="two processes execute the job at the same time"):
        explore(machine, begin("scheduler", "scheduler"))


def test_leaving_out_that_a_claim_looks_for_a_result_is_caught(monkeypatch: pytest.MonkeyPatch):
    machine = install(monkeypatch, Machine(locks=True))

    def claim(paths: JobPaths, owner: Owner) -> int | None:
        exists = machine.exists
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(machine, "exists", lambda path: path != paths.done and exists(path))
            return real_claim(paths, owner)

    real_claim = attempts.claim
    monkeypatch.setattr(attempts, "claim", claim)

    with pytest.raises(BrokenLawError, match="a job that is done is executed again"):
        explore(machine, begin("scheduler", "original"))


def test_leaving_out_that_each_claim_has_a_new_number_is_caught(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    def last(paths: JobPaths) -> attempts._Last:
        found = real_last(paths)
        return found._replace(n=max(1, found.n) - 1) if found.has_start or found.has_end else found

    def claim(paths: JobPaths, owner: Owner) -> int | None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(attempts, "_last", last)
            return real_claim(paths, owner)

    real_last, real_claim = attempts._last, attempts.claim
    monkeypatch.setattr(attempts, "claim", claim)

    with pytest.raises(BrokenLawError, match="some are stuck"):
        explore(machine, begin("scheduler", failures=1))


def test_leaving_out_that_a_process_without_start_exits_is_caught(monkeypatch: pytest.MonkeyPatch):
    def job_that_runs_anyway(machine: Machine) -> bool:
        n = machine.actor.attempt
        attempts.start(JOB, n, machine.actor.owner, 0.0)
        machine.execute()
        outcome = machine.finish()
        if attempts.end(JOB, n, outcome):
            attempts.conclude(JOB, n, outcome)
        return False

    machine = install(monkeypatch, Machine(programs={"job": job_that_runs_anyway}))

    with pytest.raises(BrokenLawError, match="two processes execute the job at the same time"):
        explore(machine, begin("scheduler", kills=1))


def test_leaving_out_that_void_and_start_are_one_name_is_caught(monkeypatch: pytest.MonkeyPatch):
    machine = install(monkeypatch, Machine(manners=False))
    monkeypatch.setattr(attempts, "void", lambda paths, n: attempts.end(paths, n, Outcome("lost")))

    with pytest.raises(BrokenLawError, match="two processes execute the job at the same time"):
        explore(machine, begin("scheduler", kills=1))


def test_leaving_out_the_proof_before_void_is_caught(monkeypatch: pytest.MonkeyPatch):
    machine = install(monkeypatch, EverybodyGone())

    with pytest.raises(BrokenLawError, match="the claim of a living scheduler was declared void"):
        explore(machine, begin("scheduler", "scheduler"))


def test_leaving_out_the_proof_before_lost_is_caught(monkeypatch: pytest.MonkeyPatch):
    machine = install(monkeypatch, EverybodyGone(manners=False))

    with pytest.raises(BrokenLawError, match="two processes execute the job at the same time"):
        explore(machine, begin("scheduler", "scheduler"))


def test_leaving_out_that_only_the_winner_writes_markers_is_caught(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    def lose(paths: JobPaths, n: int, outcome: Outcome) -> bool:
        attempts.end(paths, n, outcome)
        return True

    monkeypatch.setattr(attempts, "lose", lose)

    with pytest.raises(BrokenLawError, match=r"`\.failed` without an `end` that says so"):
        explore(machine, begin("scheduler", "scheduler", kills=1))


def test_leaving_out_that_a_marker_is_completed_is_caught(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    def settle(paths: JobPaths, fate: Callable[[Owner], Fate]) -> Observation:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(attempts, "conclude", lambda _paths, _n, _outcome: None)
            return real_settle(paths, fate)

    real_settle = attempts.settle
    monkeypatch.setattr(attempts, "settle", settle)

    with pytest.raises(BrokenLawError, match=r"all have left, and there is no `\.done`"):
        explore(machine, begin("scheduler", kills=1))


def test_leaving_out_that_done_wins_over_failed_is_caught(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    def conclude(paths: JobPaths, n: int, outcome: Outcome) -> None:
        if outcome.is_done:
            real_conclude(paths, n, outcome)
        else:
            machine.replace(paths.failed, interchange.failed_content(outcome))

    real_conclude = attempts.conclude
    monkeypatch.setattr(attempts, "conclude", conclude)

    with pytest.raises(BrokenLawError, match=r"`\.failed` stands beside `\.done`"):
        explore(machine, begin("scheduler", "scheduler", failures=1))


def test_leaving_out_that_put_if_absent_is_one_step_is_caught(monkeypatch: pytest.MonkeyPatch):
    machine = install(monkeypatch, LookThenWrite(manners=False))

    with pytest.raises(BrokenLawError, match="two processes execute the job at the same time"):
        explore(machine, begin("scheduler", "scheduler"))


def test_leaving_out_that_an_unreadable_start_is_no_void_is_caught(monkeypatch: pytest.MonkeyPatch):
    def read_start(paths: JobPaths, n: int) -> attempts._Start:
        found = real_read_start(paths, n)
        return found._replace(is_void=found.is_void or found.owner == attempts._NOBODY)

    real_read_start = attempts._read_start
    machine = install(monkeypatch, Machine(torn=True, manners=False))
    monkeypatch.setattr(attempts, "_read_start", read_start)

    with pytest.raises(BrokenLawError, match="two processes execute the job at the same time"):
        explore(machine, begin("scheduler", "scheduler"))


def test_leaving_out_that_an_unreadable_end_is_no_failure_is_caught(monkeypatch: pytest.MonkeyPatch):
    def read_end(paths: JobPaths, n: int) -> Outcome:
        return real_read_end(paths, n) or FAILED

    real_read_end = attempts._read_end
    machine = install(monkeypatch, Machine(torn=True, manners=False))
    monkeypatch.setattr(attempts, "_read_end", read_end)

    with pytest.raises(BrokenLawError, match="a job that is done is executed again"):
        explore(machine, begin("scheduler", "scheduler"))


def test_leaving_out_the_lock_beside_another_version_is_caught(monkeypatch: pytest.MonkeyPatch):
    machine = install(monkeypatch, Machine(locks=True))
    lock = machine.lock
    monkeypatch.setattr(machine, "lock", lambda: machine.actor.program == "scheduler" or lock())

    with pytest.raises(BrokenLawError, match="two processes execute the job at the same time"):
        explore(machine, begin("scheduler", "original"))
