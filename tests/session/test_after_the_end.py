"""What is asked of a job when its run has ended: answered at once, or kept for when it goes on."""

import asyncio
import subprocess
import threading
import time
from pathlib import Path

import pytest

from experimaestro import Job, JobState, Listener, experiment
from experimaestro.exceptions import FailedExperiment
from experimaestro.scheduler import openrun
from experimaestro.scheduler.callbacks import Given, read_outputs
from experimaestro.scheduler.loop import Loop
from experimaestro.scheduler.runner import Runner
from experimaestro.workspace import attempts, processes
from experimaestro.workspace.layout import JobPaths
from polling import wait_until
from tasks import Note, Trier


class Moves(Listener):
    """Keeps the states of jobs that it is told of."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_job_state_changed(self, job: Job) -> None:
        self.seen.append(job.name)


class BrokenError(Exception):
    """An error of ours."""


def failed(runs: Path, log: str) -> "tuple[experiment, Trier]":
    """A run that has ended, and its task, which fails at its first attempt only."""
    with pytest.raises(FailedExperiment), experiment(runs, "x", display=False) as xp:
        task = Trier.C(log=log).submit()
    return xp, task


def test_a_callback_of_a_task_that_is_done_is_called_after_the_end(runs: Path, log: str):
    called: list[str] = []
    with experiment(runs, "x", display=False):
        task = Note.C(name="a", log=log).submit()
    task.on_completed(lambda: called.append(threading.current_thread().name))

    wait_until(lambda: called == ["experimaestro-callbacks"])


def test_a_callback_and_a_listener_that_came_after_the_end_are_called_when_the_job_is_retried(
    runs: Path, log: str
):
    xp, task = failed(runs, log)
    called: list[int] = []
    moves = Moves()
    task.on_completed(lambda: called.append(1))
    xp.add_listener(moves)
    assert called == []
    xp.retry()
    xp.wait()

    assert (task.job.state, called) == (JobState.DONE, [1])
    assert len(moves.seen) >= 3


def test_how_a_job_ended_is_a_future_that_has_its_result_after_the_end(runs: Path, log: str):
    xp, task = failed(runs, log)
    assert task.job.finalState().result(timeout=0) is JobState.ERROR
    assert asyncio.run(asyncio.wait_for(awaited(task.job), 5)) is JobState.ERROR

    xp.retry()
    assert task.job.finalState().result(timeout=20) is JobState.DONE


async def awaited(job: Job) -> JobState:
    return await asyncio.wrap_future(job.finalState())


def test_outputs_of_a_task_that_is_done_are_given_out_after_the_end(runs: Path, log: str):
    xp, task = failed(runs, log)
    steps: list[int] = []
    task.watch_output(task.checkpoint, lambda made: steps.append(made.step))
    wait_until(lambda: steps == [1, 2, 10, 20])
    xp.retry()
    xp.wait()
    assert steps == [1, 2, 10, 20, 30], "and those of a run that was opened again"

    found: list[int] = []
    with experiment(runs, "another", display=False):
        task.watch_output(task.checkpoint, lambda made: found.append(made.step))
        wait_until(lambda: found == steps)  # while the scheduler goes on for another run


def test_outputs_that_are_asked_for_right_before_the_end_are_given_out(
    runs: Path, log: str, monkeypatch: pytest.MonkeyPatch
):
    def slowly(paths: JobPaths, offset: int) -> tuple[list[Given], int]:
        time.sleep(0.5)  # the run ends meanwhile
        return read_outputs(paths, offset)

    xp, _ = failed(runs, log)
    xp.retry()
    xp.wait()
    wait_until(lambda: xp.status != "running")
    found: list[int] = []
    monkeypatch.setattr(openrun, "read_outputs", slowly)
    again = experiment(runs, "again", display=False).start()
    same = Trier.C(log=log)
    same.submit()
    again.wait()
    same.watch_output(same.checkpoint, lambda made: found.append(made.step))
    again.stop()

    wait_until(lambda: found == [1, 2, 10, 20, 30])


def test_a_wait_for_a_job_that_runs_elsewhere_ends_when_nobody_looks_at_it_any_more(runs: Path, log: str):
    task = Note.C(name="a", log=log)
    paths = JobPaths.of(str(runs), f"{task.__xpmtype__.typename}/{task.__identifier__()!r}")
    Path(paths.attempts).mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as elsewhere:
        owner = processes.owner_of(elsewhere.pid)
        assert owner is not None
        assert attempts.claim(paths, owner) == 1
        assert attempts.start(paths, 1, owner, time.time())
        xp = experiment(runs, "x", display=False).start()
        task.submit()
        wait_until(lambda: task.job.state is JobState.RUNNING)
        final = task.job.finalState()
        threading.Timer(0.1, xp.stop).start()

        assert task.wait() is JobState.RUNNING
        assert final.result(timeout=20) is task.job.finalState().result(timeout=0) is JobState.RUNNING
        elsewhere.kill()


def test_all_that_wait_are_answered_when_the_scheduler_fails(
    runs: Path, log: str, monkeypatch: pytest.MonkeyPatch
):
    def breaks(*_: object) -> None:
        raise BrokenError

    monkeypatch.setattr(Runner, "observe", lambda *_: None)
    xp = experiment(runs, "x", display=False).start()
    task = Note.C(name="a", log=log).submit()
    before = task.job.finalState()
    assert task.job.state is JobState.UNSCHEDULED  # asked of the scheduler: it has taken the task
    monkeypatch.setattr(Runner, "observe", breaks)
    Note.C(name="b", log=log).submit()
    for future in (before, task.job.finalState()):
        with pytest.raises(BrokenError):
            future.result(timeout=20)
    assert task.wait() is JobState.UNSCHEDULED
    with pytest.raises(BrokenError):
        xp.stop()


def test_whoever_asks_while_runs_begin_and_end_is_answered(runs: Path, log: str):
    with experiment(runs, "x", display=False):
        task = Note.C(name="a", log=log).submit()
    is_over = threading.Event()
    answers: list[object] = []

    def ask() -> None:
        while not is_over.is_set():
            try:
                answers.append(task.job.state)
            except BaseException as error:  # noqa: BLE001, PERF203 - what is looked for
                answers.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        with experiment(runs, "y", display=False):
            pass
    is_over.set()
    for thread in threads:
        thread.join(20)

    assert set(answers) == {JobState.DONE}
    assert not any(thread.is_alive() for thread in threads)


def test_what_is_posted_while_the_thread_begins_is_handled(tmp_path: Path):
    loop = Loop(str(tmp_path), 1)
    assert loop.post(lambda: None) is False
    assert loop.ask(lambda state: len(state.jobs)).result(timeout=0) == 0
    for _ in range(20):
        threading.Thread(target=loop.start).start()
        while not loop.is_alive:
            loop.ask(lambda state: len(state.jobs)).result(timeout=20)
        assert loop.ask(lambda _: threading.current_thread().name).result(timeout=20) == "experimaestro-loop"
        loop.close()
        assert not loop.is_alive
