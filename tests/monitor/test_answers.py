"""What a view is told about one job, of a real run in a real folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experimaestro import FailedExperiment, experiment
from experimaestro.monitor.answers import Answers
from experimaestro.monitor.messages import Ask, Refused
from experimaestro.scheduler.loop import Loop
from experimaestro.workspace.layout import JobPaths
from tasks import AfterFailure, Fail, Note, Unreadable


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(tmp_path / "executions.log")


@pytest.fixture
def xp(tmp_path: Path, log: str) -> Iterator[experiment]:
    """A run with a job that failed, one that was skipped, and one that is done."""
    xp = experiment(tmp_path / "runs", "answers", display=False).start()
    failed = Fail.C(how="raise").submit()
    AfterFailure.C(first=failed, log=log).submit()
    Note.C(name="done", log=log).submit()
    with pytest.raises(FailedExperiment):
        xp.wait()
    yield xp
    xp.stop()


def ask(xp: experiment, question: str, name: str, **more: Any) -> Any:
    run = xp._run
    assert run is not None
    loop: Loop = run.loop
    keys = loop.ask(lambda state: [key for key in state.jobs if f".{name}/" in key]).result()
    answers = Answers(loop.ask, lambda key: JobPaths.of(str(xp.workspace), key), lambda _: True)
    return answers.answer(Ask("1", question, job=keys[0], **more))  # type: ignore[arg-type] # a word of the messages


def test_a_failure_is_told_from_the_users_line(xp: experiment):
    error = ask(xp, "error", "fail")

    assert (error["type"], error["message"]) == ("ValueError", "no learning rate in {'lr': 1}")
    [frame] = error["frames"]
    assert frame["file"].endswith("tests/support/tasks.py")
    assert frame["name"] == "execute"
    assert [number for number, _ in frame["source"]] == list(range(frame["line"] - 2, frame["line"] + 2))
    assert error["traceback"].startswith("Traceback (most recent call last):")


def test_details_name_what_a_job_needs_and_its_attempts(xp: experiment):
    details = ask(xp, "details", "fail")

    assert ".fail/" in details["folder"]
    assert [(one["task"], one["state"]) for one in details["needed_by"]] == [("AfterFailure", "skipped")]
    [attempt] = details["attempts"]
    assert (attempt["n"], attempt["state"]) == (1, "failed")
    assert attempt["started"] <= attempt["ended"]
    assert 1 << 20 < attempt["peak_memory"] < 1 << 30
    assert ask(xp, "details", "afterfailure")["needs"][0]["state"] == "failed"


def test_parameters_are_those_of_the_job(xp: experiment, log: str):
    nodes = {node["key"]: node.get("value") for node in ask(xp, "parameters", "note")}

    assert nodes == {"name": "done", "log": log, "needs": "[]", "until": ""}


def test_a_job_that_never_ran_has_no_parameters_and_no_output(xp: experiment):
    assert ask(xp, "parameters", "afterfailure") is None
    assert ask(xp, "log", "afterfailure")["exists"] is False


def test_a_log_is_read_from_its_end(xp: experiment):
    part = ask(xp, "log", "fail", stream="stderr")

    assert part["text"].startswith("about to fail\nTraceback")
    assert ask(xp, "log", "fail", stream="stderr", offset=part["end"])["text"] == ""


def test_a_folder_that_is_none_is_said_to_be_so(xp: experiment, tmp_path: Path):
    [params] = (tmp_path / "runs" / "jobs").glob("*.note/*/params.json")
    params.unlink()
    params.mkdir()

    with pytest.raises(Refused) as refused:
        ask(xp, "parameters", "note")
    assert str(refused.value) == f"{params}: Is a directory"


def test_a_view_that_asks_something_else_ends_its_wait_for_a_log(xp: experiment):
    run = xp._run
    assert run is not None
    loop: Loop = run.loop
    key = loop.ask(lambda state: next(key for key in state.jobs if ".note/" in key)).result()
    waits: list[str] = []

    def pause(_: float) -> bool:
        waits.append("")
        if len(waits) == 2:
            answers.answer(Ask("a:2", "details", job=key))
        if len(waits) == 4:
            answers.answer(Ask("b:1", "details", job=key))
        return len(waits) > 5

    answers = Answers(loop.ask, lambda key: JobPaths.of(str(xp.workspace), key), pause)

    answers.answer(Ask("a:1", "log", job=key, offset=0))
    assert len(waits) == 2
    answers.answer(Ask("a:3", "log", job=key, offset=0))
    assert len(waits) == 6  # what another view asks ends no wait


def test_a_message_keeps_its_lines_and_nothing_that_was_printed_after_it(tmp_path: Path):
    xp = experiment(tmp_path / "runs", "lines", display=False).start()
    failed = Fail.C(how="lines").submit()
    with pytest.raises(FailedExperiment):
        xp.wait()
    with failed.stderr().open("a", encoding="utf-8") as log:
        log.write("a thread says goodbye\n")

    error = ask(xp, "error", "fail")
    xp.stop()

    assert error["message"] == "no learning rate in\n  the second epoch"
    assert error["frames"][0]["name"] == "execute"


def test_an_error_of_syntax_is_told_by_its_message_first(tmp_path: Path):
    xp = experiment(tmp_path / "runs", "syntax", display=False).start()
    Unreadable.C().submit()
    with pytest.raises(FailedExperiment, match=r"SyntaxError: '\(' was never closed \(rates.py, line 1\)"):
        xp.wait()

    error = ask(xp, "error", "unreadable")
    xp.stop()

    assert (error["type"], error["message"]) == ("SyntaxError", "'(' was never closed (rates.py, line 1)")
    assert [Path(frame["file"]).name for frame in error["frames"]] == ["rates.py", "tasks.py"]
