"""What a snapshot holds, what it costs, and how the remaining time is estimated."""

import sys
from typing import Any

import pytest

from experimaestro.events.model import JobObserved, JobSubmitted, Level, RunStarted
from experimaestro.events.owners import Owner
from experimaestro.events.state import State, check
from experimaestro.monitor.rows import text
from experimaestro.monitor.snapshot import RunningJob, remaining, take, tally
from experimaestro.monitor.words import Tally
from study import Study


def running(seconds: float = 10.0, value: float | None = None, here: bool = True) -> RunningJob:
    levels = () if value is None else (Level(value),)
    return RunningJob("a/1", "a", {}, levels, seconds, here)


def test_jobs_are_tallied_by_where_their_result_comes_from():
    study = Study()
    study.submit("a").observe("a", "done")
    study.submit("b").observe("b", "running").observe("b", "done")
    study.start("c").end("c").start("d").start("e").fail("e").submit("f", "e").observe("f").skip("f", "e")
    study.submit("g")

    assert study.look().tally == Tally(
        found=1, here=1, elsewhere=1, running=1, waiting=1, skipped=1, failed=1
    )


def test_a_job_that_this_process_ran_for_another_run_is_found_done():
    study = Study()
    study.start("a").end("a")
    study.state.apply(RunStarted(t=20.0, run="second/1", owner=Owner("h", "b", "n", 1, "1")))
    study.state.apply(JobSubmitted(t=21.0, job=study.key("a"), run="second/1", task="lab.train"))

    second = take(study.state, "second/1", 0, 1, t=22.0, workers=1)

    assert second is not None
    assert second.tally == Tally(found=1)


def test_a_job_found_done_by_other_code_is_told_until_it_is_run_again():
    study = Study()
    study.submit("a")
    study.state.apply(JobObserved(t=2.0, job=study.key("a"), found="done", other_code=True))
    study.state.apply(RunStarted(t=3.0, run="second/1", owner=Owner("h", "b", "n", 1, "1")))
    study.state.apply(JobSubmitted(t=3.0, job=study.key("a"), run="second/1", task="lab.train"))
    job = study.state.jobs[study.key("a")]

    assert [tally(run) for run in study.state.runs.values()] == [Tally(found=1, other_code=1)] * 2
    assert tally(study.state.runs["second/1"]).total == 1
    assert text(study.state, job) == "code changed since"
    check(study.state)

    study.observe("a").start("a").end("a")

    assert tally(study.state.runs["second/1"]) == Tally(here=1)
    assert text(study.state, job) == ""
    check(study.state)


def test_a_failed_job_that_is_run_again_is_no_longer_counted_as_failed():
    study = Study()
    study.start("a").fail("a").submit("b", "a").observe("b").skip("b", "a")
    study.submit("a").submit("b", "a")

    assert study.look().tally == Tally(waiting=2)


def test_running_jobs_keep_their_order_and_the_first_are_shown():
    study = Study()
    study.start("a").start("b").start("c").end("a").start("d")

    assert [job.key[-1] for job in study.look(limit=2).running] == ["b", "c"]


def test_each_failure_is_told_once_and_again_if_it_fails_again():
    study = Study()

    def told() -> list[str]:
        return [job.key[-1] for job in study.look().failures]

    study.start("a").fail("a").start("b").fail("b")
    assert (told(), told()) == (["a", "b"], [])

    study.submit("a").observe("a").start("a").fail("a")
    assert (told(), told()) == (["a"], [])


def test_a_failure_that_is_already_being_retried_is_not_told():
    study = Study()
    study.start("a").fail("a").submit("a")
    assert study.look().failures == ()


def test_many_failures_come_in_several_snapshots():
    study = Study()
    for i in range(50):
        study.start(i + 100).fail(i + 100)

    counts = []
    while failures := study.look().failures:
        counts.append(len(failures))

    assert counts == [20, 20, 10]


def test_a_snapshot_shares_nothing_that_changes():
    study = Study()
    study.start("a").fail("a")
    before = study.look()
    study.submit("a")

    assert before.failures[0].outcome is not None


def test_a_run_that_was_not_started_has_no_snapshot():
    assert take(State(), "first/1", 0, 10, t=1.0, workers=1) is None


def steps(function: Any) -> int:
    """How many lines of Python a call runs."""
    count = 0

    def trace(*_: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def test_the_cost_of_a_snapshot_does_not_follow_the_number_of_jobs():
    study = Study()
    study.start("a").start("b")
    few = steps(lambda: take(study.state, study.run, 0, 10, t=1.0, workers=2))
    for i in range(2000):
        study.submit(1000 + i).observe(1000 + i, "done" if i % 2 else "free")
    many = steps(lambda: take(study.state, study.run, 0, 10, t=1.0, workers=2))

    assert many <= few + 10


@pytest.mark.parametrize(
    ("means", "unfinished", "jobs", "workers", "expected"),
    [
        ({}, {}, [], 2, 0.0),
        ({}, {"a": 3}, [], 2, None),
        ({}, {"a": 3}, [running()], 2, None),
        ({"a": 10.0}, {"a": 4}, [], 2, 20.0),
        ({"a": 10.0}, {"a": 1}, [], 8, 10.0),  # no faster than one job
        ({"a": 10.0}, {"a": 2}, [running(seconds=4.0)], 1, 16.0),
        ({"a": 10.0}, {"a": 1}, [running(seconds=40.0)], 1, 0.0),  # any moment now
        ({"a": 10.0}, {"a": 1}, [running(seconds=30.0, value=0.75)], 1, 10.0),  # progress is believed
        ({}, {"a": 3}, [running(seconds=10.0, value=0.5)], 1, 50.0),  # and tells of the others
        ({}, {"a": 3}, [running(seconds=10.0, value=0.001)], 1, None),  # not yet
        ({}, {"a": 3}, [running(seconds=10.0, value=float("nan"))], 1, None),
        ({"a": 10.0}, {"a": 2}, [running(here=False)], 1, 10.0),  # takes no slot
        ({"a": 10.0}, {"a": 5, "b": 1}, [], 2, 30.0),  # one unknown job is like the others
        ({"a": 10.0}, {"a": 1, "b": 5}, [], 2, None),  # too many
        ({"a": 10.0, "b": None}, {"a": 0, "b": 5}, [], 2, None),
    ],
)
def test_remaining_time(means: Any, unfinished: Any, jobs: Any, workers: int, expected: float | None):
    known = {task: mean for task, mean in means.items() if mean is not None}
    assert remaining(known, unfinished, jobs, workers) == pytest.approx(expected)


def test_the_estimate_of_a_run():
    study = Study()
    study.start("a", t=0.0).end("a", t=10.0).start("b", t=12.0).start("c", t=16.0)
    study.submit("d").submit("e")

    assert study.look(t=20.0).remaining == pytest.approx((2 + 6 + 10 + 10) / 2)
