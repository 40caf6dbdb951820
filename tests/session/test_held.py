"""An experiment whose run another process has: it waits, takes nothing, begins, or is given up."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from experimaestro import experiment
from experimaestro.exceptions import SubmissionError, WaitInterrupted, WorkspaceError
from experimaestro.scheduler import holding, lifetime
from experimaestro.workspace.layout import RunPaths
from experimaestro.workspace.locks import is_locked
from polling import wait_until
from tasks import Note, notes
from watching import View

OTHER = """
import sys
from experimaestro import experiment
from tasks import Note

runs, log, go = sys.argv[1:]
with experiment(runs, "first", display=False):
    Note.C(name="theirs", log=log, until=go).submit()
"""

LEAVES = """
import sys
import experimaestro.session
from experimaestro import experiment

experimaestro.session.is_kernel = lambda: True
print(experiment(sys.argv[1], "first", display=False).start().status)
"""

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}


@pytest.fixture
def in_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experimaestro.session.is_kernel", lambda: True)
    monkeypatch.setattr(holding, "PERIOD_S", 0.02)


@pytest.fixture
def end(runs: Path, log: str, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Another process has the run of "first"; called, it ends that."""
    command = [sys.executable, "-c", OTHER, str(runs), log, str(tmp_path / "go")]
    other = subprocess.Popen(command, env=ENVIRONMENT)

    def end() -> None:
        (tmp_path / "go").touch()
        assert other.wait(30) == 0

    wait_until(lambda: lifetime.holder(str(runs), "first").startswith("pid "))
    yield end
    end()
    while experiment.CURRENT is not None:  # after a failure
        experiment.CURRENT.stop()


def runs_of(runs: Path) -> int:
    return len(list((runs / "experiments" / "first").glob("2*")))


@pytest.mark.usefixtures("in_kernel")
def test_no_task_goes_into_another_experiment_while_the_last_started_is_held(
    runs: Path, log: str, end: Callable[[], None]
):
    other = experiment(runs, "other", display=False).start()
    xp = experiment(runs, "first", display=False).start()
    assert (xp.status, experiment.current()) == ("held", xp)
    task = Note.C(name="mine", log=log)

    for submit in (task.submit, lambda: xp.submit(task)):
        with pytest.raises(SubmissionError) as caught:
            submit()
        said = str(caught.value)
        assert said.startswith("the experiment 'first' is open in pid ")
        assert said.endswith(
            ": this one begins when that one ends, and takes no task before. stop() gives it up"
        )
    assert dict(other.jobs) == {}
    other.submit(Note.C(name="named", log=log))

    end()
    wait_until(lambda: xp.status == "running")
    task.submit()
    xp.wait()
    assert (len(xp.jobs), len(other.jobs)) == (1, 1)
    other.wait()
    assert notes(log) == ["mine", "named", "theirs"]
    xp.stop()
    other.stop()


@pytest.mark.usefixtures("in_kernel")
def test_one_that_began_later_is_not_the_last_started_if_another_was_started_meanwhile(
    runs: Path, end: Callable[[], None]
):
    xp = experiment(runs, "first", display=False).start()
    other = experiment(runs, "other", display=False).start()
    end()
    wait_until(lambda: xp.status == "running")
    assert experiment.CURRENT is other
    xp.stop()
    other.stop()


@pytest.mark.usefixtures("in_kernel")
def test_a_held_experiment_that_was_stopped_does_not_begin_until_it_is_started_again(
    runs: Path, end: Callable[[], None]
):
    other = experiment(runs, "other", display=False).start()
    xp = experiment(runs, "first", display=False).start()
    same = experiment(runs, "first", display=False).start()
    widget, view = xp.widget, View(xp.widget._feed)
    wait_until(lambda: widget.status == "held")

    xp.stop()

    assert [xp.status, same.status, experiment.CURRENT] == ["new", "new", other]
    wait_until(lambda: widget.status == "running")
    assert view.run["note"].startswith("The experiment 'first' was given up: nothing begins when this run")
    end()
    time.sleep(0.1)
    assert (xp.status, same.status, experiment.CURRENT, runs_of(runs)) == ("new", "new", other, 1)
    assert not is_locked(RunPaths(str(runs), "first", "run"))
    assert xp.start().status == "running"
    assert experiment.CURRENT is xp
    xp.stop()
    other.stop()
    widget.close()


@pytest.mark.usefixtures("in_kernel")
def test_two_of_a_name_begin_together(runs: Path, end: Callable[[], None]):
    one = experiment(runs, "first", display=False).start()
    two = experiment(runs, "first", display=False).start()
    widget, view = one.widget, View(one.widget._feed)
    end()
    wait_until(lambda: one.status == two.status == "running")
    assert one.run_id == two.run_id
    assert experiment.CURRENT is two
    wait_until(lambda: view.run.get("status") == "idle")
    assert widget.current is False  # `two` is
    one.stop()
    assert two.status == "done"
    widget.close()


def open_block(xp: experiment, *, is_async: bool) -> list[str]:
    """The status in a block, for which is waited."""
    seen: list[str] = []

    async def block() -> None:
        async with xp:
            seen.append(xp.status)

    if is_async:
        asyncio.run(block())
    else:
        with xp:
            seen.append(xp.status)
    return seen


@pytest.mark.usefixtures("in_kernel")
@pytest.mark.parametrize("is_async", [False, True])
def test_a_block_in_a_notebook_waits_for_the_end_of_the_other_process(
    runs: Path, end: Callable[[], None], is_async: bool, capsys: pytest.CaptureFixture[str]
):
    threading.Timer(0.3, end).start()
    xp = experiment(runs, "first", display=False)

    assert open_block(xp, is_async=is_async) == ["running"]

    assert (xp.status, runs_of(runs)) == ("done", 2)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].endswith(": waiting for its end")


@pytest.mark.usefixtures("in_kernel")
@pytest.mark.parametrize("is_started", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_block_whose_wait_is_interrupted_leaves_nothing_that_begins(
    runs: Path, end: Callable[[], None], is_async: bool, is_started: bool
):
    xp = experiment(runs, "first", display=False)
    if is_started:
        xp.start()
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt) as caught:
        open_block(xp, is_async=is_async)
    if not is_async:
        assert isinstance(caught.value, WaitInterrupted)
        assert str(caught.value).endswith(" was interrupted: nothing was started")
    assert (xp.status, experiment.CURRENT) == ("new", None)
    end()
    time.sleep(0.1)
    assert (xp.status, runs_of(runs)) == ("new", 1)


def test_a_script_that_is_interrupted_while_it_waits_leaves_nothing_either(
    runs: Path, end: Callable[[], None]
):
    async def main() -> None:
        async with experiment(runs, "first", display=False):
            pass

    async def impatient() -> None:
        await asyncio.wait_for(main(), 0.5)

    with pytest.raises((TimeoutError, asyncio.TimeoutError)):
        asyncio.run(impatient())
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        experiment(runs, "first", display=False).start()
    assert experiment.CURRENT is None
    end()
    assert (holding._holds, runs_of(runs)) == ({}, 1)


@pytest.mark.usefixtures("in_kernel")
def test_a_stop_while_a_block_waits_ends_the_wait(runs: Path, end: Callable[[], None]):
    xp = experiment(runs, "first", display=False)
    threading.Timer(0.3, xp.stop).start()
    with pytest.raises(WaitInterrupted, match=r" was stopped: nothing was started$"), xp:
        pass
    end()


@pytest.mark.usefixtures("in_kernel")
def test_an_error_when_the_turn_comes_is_told_and_start_works_again(
    runs: Path, log: str, end: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    def full(workspace: str, *_: object) -> None:
        raise OSError(28, "No space left on device", workspace)

    other = experiment(runs, "other", display=False).start()
    xp = experiment(runs, "first", display=False).start()
    widget, view = xp.widget, View(xp.widget._feed)
    waiting = experiment(runs, "first", display=False)
    with monkeypatch.context() as failing:
        failing.setattr(lifetime, "new_run", full)
        threading.Timer(0.3, end).start()
        with pytest.raises(WorkspaceError, match=r"No space left on device\."), waiting:
            pass
        wait_until(lambda: xp.status == "failed")

    assert waiting.status == "new"
    assert experiment.CURRENT is xp
    problem = (
        f"he experiment 'first' could not begin: {runs} cannot be used by the experiment 'first': No space "
        "left on device. Move it away, change permissions, or give another folder or name. Then call start() "
        "again"
    )
    wait_until(lambda: view.run["note"] == f"T{problem}.")
    with pytest.raises(SubmissionError) as caught:
        Note.C(name="mine", log=log).submit()
    assert str(caught.value) == f"t{problem}"
    assert dict(other.jobs) == {}

    assert xp.start().status == "running"
    Note.C(name="mine", log=log).submit()
    xp.wait()
    xp.stop()
    other.stop()
    widget.close()


@pytest.mark.usefixtures("in_kernel")
def test_an_error_without_a_view_is_said(
    runs: Path, end: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    xp = experiment(runs, "first", display=False).start()
    monkeypatch.setattr(xp, "_wanted", lambda: 1 / 0)
    wait_until(lambda: xp.status == "failed")
    assert capsys.readouterr().err.splitlines()[-1] == (
        "experimaestro: the experiment 'first' could not begin: division by zero. Then call start() again"
    )
    xp.stop()
    assert (xp.status, experiment.CURRENT) == ("new", None)
    end()


@pytest.mark.usefixtures("in_kernel")
def test_a_fork_holds_nothing(runs: Path, end: Callable[[], None]):
    xp = experiment(runs, "first", display=False).start()
    child = os.fork()
    if child == 0:
        is_free = (xp.status, experiment.CURRENT, holding._holds) == ("new", None, {})
        os._exit(0 if is_free else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert xp.status == "held"
    xp.stop()
    end()


def test_a_kernel_that_exits_while_it_waits_begins_nothing(runs: Path, end: Callable[[], None]):
    kernel = subprocess.run(
        [sys.executable, "-c", LEAVES, str(runs)], capture_output=True, text=True, check=False, timeout=20
    )
    assert (kernel.returncode, kernel.stdout) == (0, "held\n")
    end()
    assert runs_of(runs) == 1
