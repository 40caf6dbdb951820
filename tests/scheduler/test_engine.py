"""Decisions, on random plans and random orders of what happens.

The world of these tests answers each effect later, in any order, in any way that the real one can:
jobs succeed or fail, are found done or running elsewhere, claims are lost, the disk refuses.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from experimaestro.events.model import (
    EffectFailed,
    Event,
    JobRetried,
    KillRequested,
    Need,
    RunEnded,
    RunReopened,
    RunStarted,
    StillRunning,
    TaskContinued,
    Tick,
    TokensBusy,
)
from experimaestro.events.state import check
from experimaestro.events.states import FailureReason, JobState
from experimaestro.scheduler.engine import ALIKE, Effect, Engine, Kill, Observe, Record, Start, WakeAt
from experimaestro.scheduler.loop import LONGEST_S
from facts import (
    CANCELLED,
    DONE,
    EARLY,
    FAILED,
    GPU,
    OTHER,
    TIMEOUT,
    ended,
    observed,
    queued,
    run_started,
    started,
    submitted,
)


class World:
    """Answers the effects of an engine, and checks what it asks for."""

    def __init__(self, limit: int | None, stops: bool = False) -> None:
        self.engine = Engine({"direct": limit})
        self.limit = limit
        self.t = 0.0
        self.to_observe: list[str] = []
        self.to_start: list[str] = []
        self.running: set[str] = set()
        self.to_kill: set[str] = set()
        self.elsewhere: set[str] = set()
        self.executed: list[str] = []
        self.asked_again: set[str] = set()
        self.wake: float | None = None
        self.step(RunStarted(t=0.0, run="xp/1", owner=OTHER, stops=stops))

    def step(self, event: Event) -> None:
        stack = [event]
        while stack:
            fact = stack.pop()
            if isinstance(fact, JobRetried):
                self.asked_again.add(fact.job)
            for effect in self.engine.step(fact):
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
                assert jobs[key].task not in self.engine.state.paused, f"{key} is of a paused task"
            self.to_start.extend(effect.jobs)
            busy = [*self.running, *self.to_start]
            assert self.limit is None or len(busy) <= self.limit, f"{busy} at once"
            used = Counter(need.token for key in busy for need in jobs[key].needs)
            assert all(count <= 2 for count in used.values()), f"{used} taken at once"
        elif isinstance(effect, Kill):
            assert set(effect.jobs) <= self.running | self.elsewhere, f"{effect} does not run"
            self.to_kill.update(effect.jobs)
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
            self.start(key, how)
        elif what == "end":
            self.running.remove(key)
            self.executed.append(key)
            outcome = {5: TIMEOUT, 6: EARLY, 7: EARLY, 8: FAILED, 9: FAILED}.get(how, DONE)
            if key in self.to_kill and how % 2:
                outcome = CANCELLED
            self.to_kill.discard(key)
            self.step(ended(key, outcome, t=self.t))
        else:
            assert self.wake is not None
            due, self.wake = self.wake, None
            self.t = min(max(self.t, due), self.t + LONGEST_S)
            self.step(Tick(t=self.t, due=due))

    def start(self, key: str, how: int) -> None:
        needs = self.engine.state.jobs[key].needs
        if how == 8:
            self.elsewhere.add(key)
            self.step(observed(key, "running", t=self.t, owner=OTHER))
        elif how == 9:
            self.step(EffectFailed(t=self.t, effect="start", jobs=(key,), error="full"))
        elif how == 7 and needs:
            self.step(TokensBusy(t=self.t, job=key, token=needs[0].token))
        else:
            self.running.add(key)
            self.step(queued(key, t=self.t))
            self.step(started(key, t=self.t))

    def look(self, key: str, how: int) -> None:
        if how == 9:
            self.step(EffectFailed(t=self.t, effect="observe", jobs=(key,), error="no answer"))
        elif key in self.elsewhere:
            found = {0: "done", 7: "failed", 8: "free"}.get(how, "running")
            if found != "running":
                self.elsewhere.remove(key)
            self.step(
                observed(key, found, t=self.t, owner=OTHER, outcome=FAILED if found == "failed" else None)
            )
        else:
            found = {6: "done", 7: "failed", 8: "running"}.get(how, "free")
            if found == "running":
                self.elsewhere.add(key)
            self.step(
                observed(key, found, t=self.t, owner=OTHER, outcome=FAILED if found == "failed" else None)
            )

    def command(self, key: str, how: int) -> None:
        """The user does something."""
        job = self.engine.state.jobs[key]
        if how < 5:
            self.step(KillRequested(t=self.t, job=key))
        elif job.state is JobState.ERROR:
            self.step(JobRetried(t=self.t, job=key))

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

kinds = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "needs": st.sampled_from([(GPU,), (Need("gpu", 2, 2),), (GPU, Need("disk", 1, 2))]),
            "priority": st.integers(-1, 1),
            "transient": st.integers(0, 2),
            "retries": st.integers(0, 2),
            "task": st.sampled_from(["task", "other"]),
        },
    ),
    min_size=12,
    max_size=12,
)
"""What else is said of each job"""


@settings(max_examples=600, deadline=None)
@given(
    plan=plans,
    kinds=kinds,
    limit=st.sampled_from([1, 2, 3, None]),
    stops=st.booleans(),
    again=st.lists(st.integers(0, 11), max_size=3),
    draws=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), max_size=120),
)
def test_any_history_respects_dependencies_slots_tokens_and_ends(
    plan: Sequence[set[int]],
    kinds: Sequence[dict[str, Any]],
    limit: int | None,
    stops: bool,
    again: Sequence[int],
    draws: Sequence[tuple[int, int]],
):
    world = World(limit, stops)
    waiting = [
        submitted(f"job{i}", *sorted(f"job{i - back}" for back in needs if i - back >= 0), **kinds[i])
        for i, needs in enumerate(plan)
    ]
    resubmitted = [waiting[i] for i in again if i < len(waiting)]
    waiting += resubmitted
    for which, how in draws:
        choices = world.choices()
        known = list(world.engine.state.jobs)
        if waiting and (which % 3 == 0 or not choices):
            world.step(waiting.pop(0))
        elif which % 11 == 5:
            world.t -= 7200.0  # the clock is set back
        elif known and which % 7 == 1:
            world.command(known[which % len(known)], how)
        elif choices:
            world.answer(*choices[which % len(choices)], how)
    for event in waiting:
        world.step(event)
    world.finish()

    state = world.engine.state
    assert all(job.state.rests() for job in state.jobs.values())
    resumed = {event.job for event in waiting if event.retries}
    tried_again = {event.job for event in resubmitted} | world.asked_again | resumed
    resumable = {key for i, key in enumerate(state.jobs) if kinds[i].get("retries")}
    ran = [key for key in world.executed if key not in tried_again | resumable]
    assert len(ran) == len(set(ran)), "a job ran twice"
    unneeded = {key for key, job in state.jobs.items() if job.state is JobState.TRANSIENT}
    assert not unneeded & set(ran), "a job ran that nothing needed"


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


def test_a_clock_that_is_set_back_keeps_no_job_from_being_looked_at():
    engine = Engine({"direct": 1})
    engine.step(run_started())
    engine.step(submitted("a"))
    engine.step(observed("a", "running", t=10_000.0, owner=OTHER))

    assert engine.step(Tick(t=10.0, due=10_000.5)) == [Observe(("a",)), WakeAt(10.5)]


@pytest.mark.parametrize("set_back", ["before a tick", "before a look"])
def test_a_clock_that_is_set_back_keeps_nothing_waiting_beside_what_is_looked_at_often(set_back: str):
    engine = Engine({"direct": 2})
    engine.step(run_started())
    for key in ("elsewhere", "unseen", "token"):
        engine.step(submitted(key, needs=(GPU,) if key == "token" else ()))
    engine.step(observed("token", t=10_000.0))
    engine.step(TokensBusy(t=10_000.0, job="token", token=GPU.token))
    engine.step(EffectFailed(t=10_000.0, effect="observe", jobs=("unseen",), error="full"))
    t, due = 10.0, 10_002.0
    look = observed("elsewhere", "running", t=10_000.0 if set_back == "before a tick" else t, owner=OTHER)
    asked: list[Effect] = []

    effects = engine.step(look)
    while t < 20.0:
        for effect in effects:
            if isinstance(effect, WakeAt):
                due = effect.t
            else:
                asked.append(effect)
        t = min(max(t, due), t + LONGEST_S)
        effects = engine.step(Tick(t=t, due=due))

    assert Observe(("elsewhere",)) in asked
    assert Observe(("unseen",)) in asked
    assert Start(("token",), "direct") in asked


def test_a_job_that_ended_long_ago_hastens_nothing():
    engine = Engine({"direct": 2})
    engine.step(run_started())
    for key in ("old", "new"):
        engine.step(submitted(key))
        engine.step(observed(key, t=10_000.0))
    engine.step(queued("old", t=10_000.0))
    engine.step(EffectFailed(t=10_000.0, effect="start", jobs=("new",), error="full"))
    engine.step(started("old", t=10.0))
    engine.step(ended("old", DONE, t=20.0))

    assert engine.step(Tick(t=10_001.0, due=10_000.0)) == [WakeAt(10_002.0)]


@pytest.mark.parametrize("run", ["xp/1", "xp/2"])
def test_a_done_job_that_is_submitted_again_is_looked_at_and_waited_for(run: str):
    engine = Engine({"direct": 1})
    engine.step(run_started())
    engine.step(run_started("xp/2"))
    engine.step(submitted("a"))
    engine.step(observed("a", "done"))

    assert engine.step(submitted("a", run=run)) == [Observe(("a",))]
    assert engine.step(submitted("b", "a")) == [Observe(("b",))]
    assert engine.step(observed("b")) == [], "whether what it needs is still there is not known"
    assert engine.step(observed("a", "done")) == [Start(("b",), "direct")]


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


def run_here(world: World, *keys: str) -> None:
    """Looks at jobs and starts them, in this order."""
    for key in keys:
        world.answer("look", key, how=0)
    for key in keys:
        if key in world.to_start:
            world.answer("start", key, how=0)


def states(world: World) -> dict[str, str]:
    jobs = world.engine.state.jobs
    return {key: (job.reason.value if job.reason else job.state.value) for key, job in jobs.items()}


def test_a_killed_job_is_asked_to_end_and_what_needs_it_does_not_run():
    world = World(1)
    for event in (submitted("a"), submitted("b", "a"), submitted("c")):
        world.step(event)
    run_here(world, "a", "b", "c")

    world.step(KillRequested(t=5.0, job="a"))
    world.step(KillRequested(t=5.0, job="c"))

    assert world.to_kill == {"a"}
    assert world.engine.state.jobs["a"].stopping
    assert states(world) == {"a": "running", "b": "waiting", "c": "cancelled"}
    world.answer("end", "a", how=1)
    assert states(world) == {"a": "cancelled", "b": "dependency", "c": "cancelled"}


def test_a_job_that_is_killed_while_it_is_looked_at_never_starts():
    world = World(1)
    world.step(submitted("a"))
    world.step(KillRequested(t=1.5, job="a"))
    world.answer("look", "a", how=0)

    assert states(world) == {"a": "cancelled"}
    assert not world.to_start


def test_a_retry_runs_a_job_again_and_those_that_were_skipped_because_of_it():
    world = World(1)
    for event in (submitted("a"), submitted("b", "a"), submitted("c", "b")):
        world.step(event)
    run_here(world, "a", "b", "c")
    world.answer("end", "a", how=9)
    assert states(world) == {"a": "failed", "b": "dependency", "c": "dependency"}

    world.step(JobRetried(t=20.0, job="a"))
    world.finish()

    assert states(world) == {"a": "done", "b": "done", "c": "done"}


def test_a_run_that_stops_at_its_first_failure_starts_nothing_more_until_it_is_retried():
    world = World(2, stops=True)
    for event in (submitted("a"), submitted("b"), submitted("c"), submitted("d", "c")):
        world.step(event)
    run_here(world, "a", "b", "c", "d")
    world.answer("end", "a", how=9)
    world.step(submitted("e"))
    world.answer("look", "e", how=0)

    assert states(world) == {"a": "failed", "b": "running", "c": "stopped", "d": "stopped", "e": "stopped"}
    world.step(RunReopened(t=30.0, run="xp/1"))
    for key in "ac":
        world.step(JobRetried(t=30.0, job=key))
    world.finish()
    assert states(world)["c"] == "done"


def test_a_task_whose_starts_fail_alike_is_paused_until_it_is_continued():
    world = World(1)
    keys = [f"job{i}" for i in range(ALIKE + 2)]
    for key in keys:
        world.step(submitted(key))
    run_here(world, *keys)
    for key in keys[:ALIKE]:
        world.answer("end", key, how=6)
        if world.to_start:
            world.answer("start", world.to_start[0], how=0)

    assert states(world) == {key: "failed" if key in keys[:ALIKE] else "paused" for key in keys}
    assert world.engine.state.paused == {"task": EARLY.message}
    world.step(submitted("late"))
    world.answer("look", "late", how=0)
    assert states(world)["late"] == "paused"

    world.step(TaskContinued(t=40.0, task="task"))
    world.finish()
    assert not world.engine.state.paused
    assert {states(world)[key] for key in [*keys[ALIKE:], "late"]} == {"done"}


def test_a_task_of_which_a_job_succeeded_is_never_paused():
    world = World(1)
    keys = [f"job{i}" for i in range(ALIKE + 2)]
    for key in keys:
        world.step(submitted(key))
    run_here(world, *keys)
    for key in keys:
        world.answer("end", key, how=0 if key == "job0" else 6)
        if world.to_start:
            world.answer("start", world.to_start[0], how=0)

    assert not world.engine.state.paused


def test_a_resumable_job_that_ran_out_of_time_goes_on_as_often_as_it_may():
    world = World(1)
    world.step(submitted("a", retries=1))
    run_here(world, "a")
    world.answer("end", "a", how=5)
    assert states(world) == {"a": "ready"}

    world.answer("start", "a", how=0)
    world.answer("end", "a", how=5)

    assert states(world) == {"a": "timeout"}
    assert world.executed == ["a", "a"]


def test_a_transient_job_runs_only_if_one_that_runs_needs_it():
    world = World(1)
    for event in (
        submitted("base", transient=1),
        submitted("middle", "base", transient=1),
        submitted("top", "middle"),
        submitted("other", "base"),
    ):
        world.step(event)
    run_here(world, "base", "middle")
    assert states(world) == {
        "base": "transient",
        "middle": "transient",
        "top": "unscheduled",
        "other": "unscheduled",
    }
    world.answer("look", "other", how=6)  # done: it needs nothing
    assert states(world)["base"] == "transient"

    world.answer("look", "top", how=0)

    assert states(world)["base"] == "ready"
    world.finish()
    assert set(states(world).values()) == {"done"}


def test_the_highest_priority_starts_first():
    engine = Engine({"direct": 1})
    engine.step(run_started())
    for key, priority in (("a", 0), ("b", 0), ("c", 5)):
        engine.step(submitted(key, priority=priority))
    assert engine.step(observed("a")) == [Start(("a",), "direct")]
    for event in (observed("b"), observed("c"), queued("a"), started("a")):
        engine.step(event)

    assert engine.step(ended("a")) == [Start(("c",), "direct")]


def test_jobs_that_need_a_token_run_as_many_at_once_as_there_is_and_no_other_waits():
    engine = Engine({"direct": None})
    engine.step(run_started())
    starts = []
    for key in "abcd":
        engine.step(submitted(key, needs=() if key == "d" else (GPU,)))
        starts += engine.step(observed(key))

    assert starts == [Start(("a",), "direct"), Start(("b",), "direct"), Start(("d",), "direct")]
    for event in (queued("a"), started("a")):
        engine.step(event)
    assert engine.step(ended("a")) == [Start(("c",), "direct")]


def test_a_token_that_others_hold_is_asked_for_again_after_a_while():
    engine = Engine({"direct": None})
    engine.step(run_started())
    for key in "ab":
        engine.step(submitted(key, needs=(GPU,)))
    engine.step(observed("a"))

    assert engine.step(TokensBusy(t=3.0, job="a", token="gpu")) == [WakeAt(5.0)]
    assert engine.state.jobs["a"].token == "gpu"
    assert engine.step(observed("b", t=4.0)) == []
    assert engine.step(Tick(t=5.0)) == [Start(("a", "b"), "direct")]


def test_what_gives_a_token_up_lets_another_job_have_it():
    engine = Engine({"direct": None})
    engine.step(run_started())
    for key in "abc":
        engine.step(submitted(key, needs=(Need("gpu", 2, 2),)))
        engine.step(observed(key))
    effects = engine.step(KillRequested(t=4.0, job="b"))
    assert isinstance(effects[0], Record)
    for fact in effects[0].events:
        engine.step(fact)
    for event in (queued("a"), started("a")):
        engine.step(event)

    assert engine.step(ended("a")) == [Start(("c",), "direct")]
