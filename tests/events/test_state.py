"""The fold: what is known after each event, and what it refuses."""

from pathlib import Path

import pytest

from experimaestro.events.model import (
    DependencyFailed,
    EffectFailed,
    Event,
    JobObserved,
    JobRetried,
    Level,
    Progress,
    RunEnded,
    Tick,
    decode,
    encode,
)
from experimaestro.events.state import State, check
from experimaestro.events.states import TRANSITIONS, FailureReason, JobState, mermaid
from experimaestro.exceptions import ImpossibleEventError
from facts import DONE, FAILED, OTHER, TIMEOUT, ended, observed, queued, run_started, started, submitted


def fold(*events: Event) -> State:
    state = State()
    state.apply(run_started())
    fold_into(state, *events)
    return state


def fold_into(state: State, *events: Event) -> None:
    for event in events:
        state.apply(event)
        check(state)


def test_a_job_goes_from_submission_to_done():
    state = fold(submitted("a"))
    states = [state.jobs["a"].state]
    for event in (observed("a"), queued("a"), started("a"), ended("a")):
        state.apply(event)
        check(state)
        states.append(state.jobs["a"].state)

    assert [s.name for s in states] == ["UNSCHEDULED", "READY", "SCHEDULED", "RUNNING", "DONE"]
    assert state.runs["xp/1"].open == 0
    assert state.durations["task"].mean == 5.0


def test_a_job_waits_for_what_it_needs_and_is_ready_when_the_last_is_done():
    state = fold(submitted("a"), submitted("b"), submitted("c", "a", "b"), observed("c"))

    assert (state.jobs["c"].state, state.jobs["c"].waiting) == (JobState.WAITING, 2)

    state.apply(observed("a", "done"))
    assert (state.jobs["c"].state, state.jobs["c"].waiting) == (JobState.WAITING, 1)

    state.apply(observed("b", "done"))
    assert (state.jobs["c"].state, state.jobs["c"].waiting) == (JobState.READY, 0)
    check(state)


def test_a_done_job_that_vanished_makes_what_is_ready_wait_again():
    state = fold(
        run_started("xp/2"), submitted("a"), observed("a", "done"), submitted("b", "a"), observed("b")
    )
    assert state.jobs["b"].state is JobState.READY

    state.apply(submitted("a", run="xp/2"))
    state.apply(observed("a", "free"))

    assert (state.jobs["a"].state, state.jobs["b"].state) == (JobState.READY, JobState.WAITING)
    check(state)


def test_a_failed_job_that_is_submitted_again_begins_anew():
    state = fold(submitted("a"), observed("a"), queued("a"), started("a"), ended("a", FAILED))
    assert (state.jobs["a"].reason, state.runs["xp/1"].open) == (FailureReason.FAILED, 0)

    state.apply(submitted("a"))
    check(state)

    assert (state.jobs["a"].state, state.jobs["a"].reason) == (JobState.UNSCHEDULED, None)
    assert state.runs["xp/1"].open == 1


def test_retries_are_counted_anew_in_each_run_and_void_attempts_are_none():
    state = fold(submitted("a", retries=2), observed("a"))
    for attempt in (4, 5):  # three were void, or of other runs
        fold_into(state, queued("a", attempt), started("a", attempt), ended("a", TIMEOUT, attempt))
    job = state.jobs["a"]
    assert (job.retry_count, job.max_retries, job.retries) == (2, 2, 0)

    fold_into(state, queued("a", 6), started("a", 6), ended("a", FAILED, 6), JobRetried(t=10.0, job="a"))
    assert (job.retry_count, job.max_retries) == (3, 2)
    fold_into(state, submitted("a", retries=1))
    assert (job.retry_count, job.max_retries, job.retries) == (3, 2, 1), "the same run"

    fold_into(state, RunEnded(t=11.0, run="xp/1", status="failed"), run_started("xp/2"))
    fold_into(state, submitted("a", run="xp/2", retries=1))
    assert (job.retry_count, job.max_retries, job.retries) == (0, 1, 1)


def test_what_never_ran_is_not_run_again():
    state = fold(submitted("a"), submitted("b", "a"), observed("a"), observed("b"))
    fold_into(
        state, queued("a"), started("a"), ended("a", FAILED), DependencyFailed(t=9.0, job="b", because="a")
    )
    fold_into(state, JobRetried(t=10.0, job="a"), JobRetried(t=10.0, job="b"))

    assert (state.jobs["a"].retry_count, state.jobs["b"].retry_count) == (1, 0)


def test_an_earlier_failure_found_in_the_folder_is_tried_again():
    state = fold(submitted("a"), observed("a", "failed", outcome=FAILED))

    assert state.jobs["a"].state is JobState.READY


def test_a_job_that_runs_elsewhere_is_watched_and_its_failure_is_a_failure():
    state = fold(submitted("a"), observed("a", "running", owner=OTHER))
    assert (state.jobs["a"].state, state.jobs["a"].where) == (JobState.RUNNING, "elsewhere")

    state.apply(observed("a", "failed", outcome=FAILED))

    assert (state.jobs["a"].state, state.jobs["a"].outcome) == (JobState.ERROR, FAILED)
    check(state)


def test_a_time_that_nobody_knows_is_none():
    done = fold(submitted("a"), observed("a", "done", t=9.0)).jobs["a"]
    assert (done.started, done.ended) == (None, None)

    state = fold(submitted("a"), observed("a", "running", owner=OTHER, t=9.0))
    assert state.jobs["a"].started is None

    state.apply(observed("a", "done", t=12.0))
    assert state.jobs["a"].ended == 12.0


def test_a_job_that_runs_elsewhere_started_when_it_says():
    running = JobObserved(t=9.0, job="a", found="running", owner=OTHER, started=3.0)

    assert fold(submitted("a"), running).jobs["a"].started == 3.0


def test_progress_is_kept_while_a_job_runs_and_ignored_after():
    late = Progress(t=5.0, job="a", levels=(Level(0.5, "half"),))
    state = fold(submitted("a"), observed("a"), queued("a"), started("a"), late)
    seen = [state.jobs["a"].progress]

    state.apply(ended("a"))
    state.apply(late)

    assert [*seen, state.jobs["a"].progress] == [(Level(0.5, "half"),), ()]


def test_an_impossible_event_tells_the_story_and_changes_nothing():
    state = fold(submitted("a"), observed("a"), queued("a"), started("a"), ended("a"))

    with pytest.raises(ImpossibleEventError) as caught:
        state.apply(started("a"))

    lines = str(caught.value).splitlines()
    assert lines[0].endswith("a job that is done cannot be 'started'. All that happened to it:")
    assert [line.strip().partition("(")[0] for line in lines[1:]] == [
        "JobSubmitted", "JobObserved", "JobQueued", "JobStarted", "JobEnded"
    ]  # fmt: skip
    assert state.jobs["a"].state is JobState.DONE
    check(state)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (observed("x"), "this job was never submitted"),
        (submitted("x", "y"), "its dependencies were not submitted before: ['y']"),
        (submitted("x", run="other/1"), "no run of this name was started"),
        (run_started(), "this run was started before"),
    ],
)
def test_events_about_the_unknown_are_impossible(event: Event, text: str):
    with pytest.raises(ImpossibleEventError) as caught:
        fold(event)

    assert text in str(caught.value)


def test_a_full_disk_is_a_trouble_until_a_job_starts():
    state = fold(submitted("a"), observed("a"))
    state.apply(EffectFailed(t=3.0, effect="start", jobs=("a",), error="/w: No space left on device"))
    assert state.trouble == "/w: No space left on device"

    state.apply(queued("a"))

    assert not state.trouble


def test_a_run_of_two_experiments_counts_a_shared_job_in_both():
    state = fold(run_started("xp/2"), submitted("a"), submitted("a", run="xp/2"), observed("a", "done"))

    assert [run.counts[JobState.DONE] for run in state.runs.values()] == [1, 1]


def test_every_event_is_read_back_from_its_line_as_it_was():
    events = [
        run_started(),
        RunEnded(t=1.5, run="xp/1", status="detached"),
        submitted("a", "b"),
        observed("a", "failed", outcome=FAILED, owner=OTHER),
        queued("a"),
        started("a"),
        ended("a", DONE),
        DependencyFailed(t=1.0, n=7, cause=3, job="a", because="b"),
        EffectFailed(t=1.0, effect="start", jobs=("a",), error="é\n"),
        Tick(t=1.0),
        Progress(t=1.0, job="a", levels=(Level(0.25, "x"),)),
    ]

    assert [decode(encode(event)) for event in events] == events
    assert all(b"\n" not in encode(event) for event in events)


def test_a_line_of_before_there_was_peak_memory_is_read():
    line = encode(ended("a", FAILED._replace(peak_memory=5)))

    assert decode(line.replace(b",5]", b"]")) == ended("a", FAILED)


def test_every_state_can_be_reached_and_left_or_is_final():
    reached = set(TRANSITIONS.values())
    left = {before for before, _ in TRANSITIONS}

    assert reached == set(JobState)
    assert left == set(JobState)


def test_the_diagram_shows_every_transition():
    drawn = mermaid()

    assert all(
        before is after or f"{before.name} --> {after.name}" in drawn
        for (before, _), after in TRANSITIONS.items()
    )


def test_the_documentation_shows_the_diagram_of_the_table():
    page = Path(__file__).parents[2] / "docs" / "architecture.md"

    assert f"```mermaid\n{mermaid()}\n```" in page.read_text(encoding="utf-8")
