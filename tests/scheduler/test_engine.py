"""Decisions, on random plans and random orders of what happens.

The world of these tests answers each effect later, in any order, in any way that the real one can:
jobs succeed or fail, are found done or running elsewhere, claims are lost, the disk refuses.
"""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings, strategies as st

from experimaestro.events.model import EffectFailed, Event, RunEnded, RunStarted, StillRunning, Tick
from experimaestro.events.state import check
from experimaestro.events.states import FailureReason, JobState
from experimaestro.scheduler.engine import Effect, Engine, Observe, Record, Start, WakeAt
from facts import DONE, FAILED, OTHER, ended, observed, queued, run_started, started, submitted


class World:
    """Answers the effects of an engine, and checks what it asks for."""

    def __init__(self, limit: int | None) -> None:
        self.engine = Engine({"direct": limit})
        self.limit = limit
        self.t = 0.0
        self.to_observe: list[str] = []
        self.to_start: list[str] = []
        self.running: set[str] = set()
        self.elsewhere: set[str] = set()
        self.executed: list[str] = []
        self.wake: float | None = None
        self.step(RunStarted(t=0.0, run="xp/1", owner=OTHER))

    def step(self, event: Event) -> None:
        stack = [event]
        while stack:
            for effect in self.engine.step(stack.pop()):
                if isinstance(effect, Record):
                    stack.extend(reversed(effect.events))
                else:
                    self.perform(effect)
        check(self.engine.state)

    def perform(self, effect: Effect) -> None:
        jobs = self.engine.state.jobs
        if isinstance(effect, Observe):
            assert not set(effect.jobs) & set(self.to_observe), "looked at twice at the same time"
            self.to_observe.extend(effect.jobs)
        elif isinstance(effect, Start):
            for key in effect.jobs:
                assert key not in self.running, f"{key} runs already"
                assert key not in self.to_start, f"{key} is being started"
                assert all(jobs[dep].state is JobState.DONE for dep in jobs[key].deps), (
                    f"{key} came too early"
                )
            self.to_start.extend(effect.jobs)
            busy = len(self.running) + len(self.to_start)
            assert self.limit is None or busy <= self.limit, f"{busy} jobs at once"
        elif isinstance(effect, WakeAt):
            self.wake = effect.t

    @property
    def open(self) -> int:
        return self.engine.state.runs["xp/1"].open

    def choices(self) -> list[tuple[str, str]]:
        return [
            *(("look", key) for key in self.to_observe),
            *(("start", key) for key in self.to_start),
            *(("end", key) for key in sorted(self.running)),
            *([("tick", "")] if self.wake is not None else []),
        ]

    def answer(self, what: str, key: str, how: int) -> None:
        """One thing happens. `how` from 0 to 9 chooses in which way; 0 is the good one."""
        self.t += 1.0
        if what == "look":
            self.to_observe.remove(key)
            self.look(key, how)
        elif what == "start":
            self.to_start.remove(key)
            if how == 8:
                self.elsewhere.add(key)
                self.step(observed(key, "running", t=self.t, owner=OTHER))
            elif how == 9:
                self.step(EffectFailed(t=self.t, effect="start", jobs=(key,), error="full"))
            else:
                self.running.add(key)
                self.step(queued(key, t=self.t))
                self.step(started(key, t=self.t))
        elif what == "end":
            self.running.remove(key)
            self.executed.append(key)
            self.step(ended(key, FAILED if how >= 8 else DONE, t=self.t))
        else:
            assert self.wake is not None
            self.t, self.wake = max(self.t, self.wake), None
            self.step(Tick(t=self.t))

    def look(self, key: str, how: int) -> None:
        if key in self.elsewhere:
            found = {0: "done", 7: "failed", 8: "free"}.get(how, "running")
            if found != "running":
                self.elsewhere.remove(key)
            self.step(
                observed(key, found, t=self.t, owner=OTHER, outcome=FAILED if found == "failed" else None)
            )
        elif how == 9:
            self.step(EffectFailed(t=self.t, effect="observe", jobs=(key,), error="no answer"))
        else:
            found = {6: "done", 7: "failed", 8: "running"}.get(how, "free")
            if found == "running":
                self.elsewhere.add(key)
            self.step(
                observed(key, found, t=self.t, owner=OTHER, outcome=FAILED if found == "failed" else None)
            )

    def finish(self) -> None:
        """From here on everything goes well: all must end, in a number of steps that is bounded."""
        for _ in range(100 * (len(self.engine.state.jobs) + 1)):
            if not self.open:
                return
            choices = self.choices()
            assert choices, f"stuck: {[(j.key, j.state) for j in self.engine.state.jobs.values()]}"
            self.answer(*choices[0], how=0)
        raise AssertionError("does not end")


plans = st.lists(st.sets(st.integers(1, 4), max_size=3), min_size=1, max_size=12)
"""For each job, how far back the jobs are that it needs"""


@settings(max_examples=300, deadline=None)
@given(
    plan=plans,
    limit=st.sampled_from([1, 2, 3, None]),
    again=st.lists(st.integers(0, 11), max_size=3),
    draws=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), max_size=120),
)
def test_any_history_respects_dependencies_slots_and_ends(
    plan: Sequence[set[int]], limit: int | None, again: Sequence[int], draws: Sequence[tuple[int, int]]
):
    world = World(limit)
    waiting = [
        submitted(f"job{i}", *sorted(f"job{i - back}" for back in needs if i - back >= 0))
        for i, needs in enumerate(plan)
    ]
    resubmitted = [waiting[i] for i in again if i < len(waiting)]
    waiting += resubmitted
    for which, how in draws:
        choices = world.choices()
        if waiting and (which % 3 == 0 or not choices):
            world.step(waiting.pop(0))
        elif choices:
            world.answer(*choices[which % len(choices)], how)
    for event in waiting:
        world.step(event)
    world.finish()

    jobs = world.engine.state.jobs
    assert all(job.state.finished() for job in jobs.values())
    tried_again = {event.job for event in resubmitted}
    ran = [key for key in world.executed if key not in tried_again]
    assert len(ran) == len(set(ran)), "a job ran twice"


def test_a_failure_ends_the_whole_chain_without_recursion():
    world = World(1)
    keys = [f"job{i}" for i in range(5000)]
    for i, key in enumerate(keys):
        for event in (submitted(key, *keys[max(0, i - 1) : i]), observed(key)):
            for effect in world.engine.step(event):
                if isinstance(effect, Start):
                    world.to_start.extend(effect.jobs)
    world.to_observe.clear()
    world.answer("start", "job0", how=0)
    world.answer("end", "job0", how=9)

    jobs = world.engine.state.jobs
    assert {jobs[key].reason for key in keys[1:]} == {FailureReason.DEPENDENCY}
    assert jobs["job4999"].because == "job4998"


def test_a_job_that_needs_two_failed_jobs_fails_once():
    world = World(1)
    for event in (submitted("a"), submitted("b", "a"), submitted("c", "a", "b")):
        world.step(event)
    for key in "abc":
        world.answer("look", key, how=0)
    world.answer("start", "a", how=0)
    world.answer("end", "a", how=9)

    assert [world.engine.state.jobs[key].reason for key in "bc"] == [FailureReason.DEPENDENCY] * 2


def test_jobs_start_in_the_order_of_submission():
    engine = Engine({"direct": 2})
    engine.step(run_started())
    for key in "abc":
        engine.step(submitted(key))

    starts = [engine.step(observed(key)) for key in "cba"]

    assert starts == [[Start(("c",), "direct")], [Start(("b",), "direct")], []]
    engine.step(queued("c"))
    engine.step(started("c"))
    assert engine.step(ended("c")) == [Start(("a",), "direct")]


def test_nothing_starts_while_the_disk_is_full_and_then_all_goes_on():
    engine = Engine({"direct": 2})
    engine.step(run_started())
    engine.step(submitted("a"))
    assert engine.step(observed("a", t=2.0)) == [Start(("a",), "direct")]

    assert engine.step(EffectFailed(t=3.0, effect="start", jobs=("a",), error="full")) == [WakeAt(5.0)]
    assert engine.step(Tick(t=4.0)) == [WakeAt(5.0)]
    assert engine.step(Tick(t=5.0)) == [Start(("a",), "direct")]


def test_a_job_that_runs_elsewhere_takes_no_slot_and_is_looked_at_again():
    engine = Engine({"direct": 1})
    engine.step(run_started())
    engine.step(submitted("a"))
    engine.step(submitted("b"))

    assert engine.step(observed("a", "running", t=1.0, owner=OTHER)) == [WakeAt(1.5)]
    assert engine.step(observed("b", t=1.0)) == [Start(("b",), "direct")]
    assert engine.step(Tick(t=1.5)) == [Observe(("a",)), WakeAt(2.0)]
    assert engine.step(observed("a", "done", t=1.6)) == []


@pytest.mark.parametrize("again", [False, True])
def test_a_done_job_is_looked_at_again_only_in_another_run(again: bool):
    engine = Engine({"direct": 1})
    engine.step(run_started())
    engine.step(run_started("xp/2"))
    engine.step(submitted("a"))
    engine.step(observed("a", "done"))

    effects = engine.step(submitted("a", run="xp/2" if again else "xp/1"))

    assert effects == ([Observe(("a",))] if again else [])


def test_a_job_that_no_open_run_asks_for_is_not_started_until_one_does():
    engine = Engine({"direct": 1})
    engine.step(run_started())
    engine.step(submitted("a"))
    engine.step(RunEnded(t=1.5, run="xp/1", status="detached"))
    assert engine.step(observed("a")) == []

    engine.step(run_started("xp/2"))

    assert engine.step(submitted("a", run="xp/2")) == [Start(("a",), "direct")]


def test_a_look_that_finds_nothing_new_leaves_the_job_watched():
    engine = Engine({"direct": 1})
    engine.step(run_started())
    engine.step(submitted("a"))
    engine.step(observed("a", "running", t=1.0, owner=OTHER))
    assert engine.step(Tick(t=1.5)) == [Observe(("a",)), WakeAt(2.0)]
    assert engine.step(StillRunning(t=1.6, job="a")) == []

    assert engine.step(Tick(t=2.0)) == [Observe(("a",)), WakeAt(2.5)]
