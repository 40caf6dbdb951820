"""One table of words: complete, and the same everywhere."""

import pytest

from experimaestro.events.states import FailureReason, JobState
from experimaestro.monitor.words import ENDS, LOOKS, Tally, about, duration, look, summary


def test_every_state_and_every_reason_has_a_word():
    assert set(LOOKS) == set(JobState)
    assert set(ENDS) == set(FailureReason)
    assert {look(JobState.ERROR, reason).word for reason in FailureReason} == {"failed", "killed", "skipped"}


def test_looks_differ_in_word_and_mark():
    looks = {*LOOKS.values(), *(look(JobState.ERROR, reason) for reason in FailureReason)}
    assert len({one.word for one in looks}) == len({one.mark for one in looks}) == len(looks)


@pytest.mark.parametrize(
    ("tally", "seconds", "text"),
    [
        (Tally(), 1, "no task was submitted"),
        (Tally(found=40), 0.1, "40 found done: nothing to run"),
        (Tally(found=40, other_code=2), 0.1, "40 found done (2 of them ran other code): nothing to run"),
        (Tally(found=37, here=3, failed=1), 12.3, "37 found done, 3 run, 1 failed in 12 s"),
        (Tally(here=2, elsewhere=1), 3.04, "2 run, 1 run elsewhere in 3.0 s"),
        (Tally(here=1200, failed=1, skipped=12), 3600, "1,200 run, 1 failed, 12 skipped in 1 h"),
        (Tally(found=1, running=2, waiting=3), 60, "1 found done, 2 still running, 3 not started in 1 min"),
    ],
)
def test_the_summary_of_a_run(tally: Tally, seconds: float, text: str):
    assert summary(tally, seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min"), (61, "1 min 1 s"),
     (3599.6, "1 h"), (3661, "1 h 1 min"), (86400, "1 d"), (90000, "1 d 1 h")],
)  # fmt: skip
def test_durations_have_two_units_at_most(seconds: float, text: str):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59, "less than a minute"), (61, "about 1 min"), (3600, "about 1 h"), (3720, "about 1 h"),
     (5400, "about 1 h 30 min"), (1e6, "about 12 d")],
)  # fmt: skip
def test_estimates_are_round(seconds: float, text: str):
    assert about(seconds) == text
