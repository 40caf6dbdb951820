"""What a view may do: checked, done once, answered."""

from collections.abc import Sequence

import pytest

from experimaestro.exceptions import ExperimentStopped
from experimaestro.monitor.commands import REMEMBERED, Commands
from experimaestro.monitor.messages import Do
from watching import Commanded

STATES = {"a": "running", "b": "waiting", "c": "failed", "d": "done", "e": "skipped", "f": "queued"}


class Jobs:
    def state_of(self, key: str) -> str | None:
        return STATES.get(key)

    def in_states(self, states: Sequence[str]) -> list[str]:
        return [key for key, state in STATES.items() if state in states]

    def in_rows(self, epoch: str, rows: Sequence[tuple[int, int]]) -> list[str] | None:
        keys = list(STATES)
        return [key for first, last in rows for key in keys[first : last + 1]] if epoch == "now" else None


@pytest.fixture
def control() -> Commanded:
    return Commanded()


@pytest.fixture
def commands(control: Commanded) -> Commands:
    return Commands(control, Jobs())


@pytest.mark.parametrize(
    ("do", "calls", "data"),
    [
        (Do("1", "kill", jobs=["a"]), [("kill", "a")], {"jobs": 1, "left_out": 0}),
        (Do("1", "kill", jobs=["a", "b", "d", "a"]), [("kill", "a", "b")], {"jobs": 2, "left_out": 1}),
        (Do("1", "kill", jobs=["d"]), [], {"jobs": 0, "left_out": 1}),
        (Do("1", "retry", jobs=["c", "a"]), [("retry", "c")], {"jobs": 1, "left_out": 1}),
        (Do("1", "kill", rows=[(0, 0), (3, 3)], epoch="now"), [("kill", "a")], {"jobs": 1, "left_out": 1}),
        (Do("1", "retry", states=["failed"]), [("retry", "c")], {"jobs": 1, "left_out": 0}),
        (Do("1", "kill"), [], {"jobs": 0, "left_out": 0}),
        (Do("1", "stop"), [("stop",)], None),
        (Do("1", "kill all"), [("stop",), ("kill", "a", "f")], {"jobs": 2, "left_out": 0}),
        (Do("1", "continue", task="lab.train"), [("continue", "lab.train")], None),
    ],
)
def test_a_command_is_done_to_the_jobs_for_which_it_makes_sense(
    commands: Commands, control: Commanded, do: Do, calls: object, data: object
):
    assert commands.perform(do) == {"t": "reply", "id": "1", "ok": True, "data": data}
    assert control.calls == calls


def test_rows_of_another_numbering_are_none(commands: Commands, control: Commanded):
    answer = commands.perform(Do("1", "kill", rows=[(0, 1)], epoch="before"))

    assert answer["error"] == "the rows of the table are others now: choose again"
    assert control.calls == []


def test_the_same_command_is_done_once(commands: Commands, control: Commanded):
    first = commands.perform(Do("1", "kill", jobs=["a"]))
    again = commands.perform(Do("1", "kill", jobs=["a"]))

    assert first == again
    assert control.calls == [("kill", "a")]


def test_only_the_last_commands_are_remembered(commands: Commands, control: Commanded):
    for i in range(REMEMBERED + 1):
        commands.perform(Do(str(i), "stop"))
    commands.perform(Do(str(REMEMBERED), "stop"))
    commands.perform(Do("0", "stop"))

    assert len(control.calls) == REMEMBERED + 2


def test_a_command_with_an_unknown_job_is_refused_as_a_whole(commands: Commands, control: Commanded):
    assert commands.perform(Do("1", "kill", jobs=["a", "z"])) == {
        "t": "reply",
        "id": "1",
        "ok": False,
        "error": "this run has no job 'z'",
    }
    assert control.calls == []


def test_a_run_that_is_over_can_only_be_looked_at():
    assert Commands(None, Jobs()).perform(Do("1", "stop"))["error"] == (
        "this run is over: it can be looked at, run the same code to go on"
    )


def test_why_a_command_failed_is_told(commands: Commands, control: Commanded):
    def stopped() -> None:
        raise ExperimentStopped("the run first/1 has ended")

    control.stop = stopped  # type: ignore[method-assign] # a run that ended meanwhile
    assert commands.perform(Do("1", "stop"))["error"] == "the run first/1 has ended"
