"""The `Job` that users hold: what it tells, and what may be said for it."""

from pathlib import Path
from typing import Any

import pytest

from experimaestro import JobState, RunMode, TransientMode, experiment
from experimaestro.exceptions import FailedExperiment, NotSubmittedError, SubmissionError
from experimaestro.launchers import DirectLauncher
from experimaestro.workspace import attempts, processes
from experimaestro.workspace.layout import JobPaths
from polling import wait_until
from tasks import Fail, Note, Steps, notes


@pytest.mark.parametrize("mode", [RunMode.DRY_RUN, RunMode.GENERATE_ONLY, RunMode.PREPARE])
def test_a_rehearsed_job_stands_where_its_folder_says_and_no_wait_blocks(runs: Path, log: str, mode: RunMode):
    with pytest.raises(FailedExperiment), experiment(runs, "x", display=False):
        Note.C(name="done", log=log).submit()
        Fail.C(how="raise").submit()
    with experiment(runs, "x", display=False, run_mode=mode):
        done = Note.C(name="done", log=log).tag("which", "first").submit()
        failed = Fail.C(how="raise").submit()
        new = Note.C(name="new", log=log, needs=[done]).submit(max_retries=2, transient=TransientMode.REMOVE)
        for task, state in (
            (done, JobState.DONE),
            (failed, JobState.UNSCHEDULED if mode is RunMode.GENERATE_ONLY else JobState.ERROR),
            (new, JobState.UNSCHEDULED),
        ):
            assert (task.wait(), task.job.wait(), task.job.state) == (state,) * 3
            assert task.job.finalState().result(timeout=0) is state
            assert task.job.load_from_disk() is state
            assert task.job.state_dict()["state"] == state.value
            assert task.job.config is task
        new.job.set_progress(0, 0.5)
        assert (done.job.tags, new.job.dependencies) == ({"which": "first"}, (done.job.relpath,))
        assert new.job.transient == TransientMode.REMOVE
        if mode is not RunMode.GENERATE_ONLY:
            assert failed.job.failure_reason.value == "failed"
        with pytest.raises(NotSubmittedError, match="has no scheduler: it is only rehearsed"):
            new.job.ask(lambda _, row: row)

    assert notes(log) == ["done"]


def test_the_job_that_a_launcher_tells_of_can_be_asked_as_soon_as_it_was_submitted(runs: Path, log: str):
    launcher = DirectLauncher()
    jobs: list[Any] = []
    early: list[str] = []

    def look(job: Any) -> None:
        jobs.append(job)
        for ask in (lambda: job.state, job.wait, lambda: job.finalState().result(timeout=20)):
            with pytest.raises(NotSubmittedError) as raised:
                ask()
            early.append(str(raised.value))

    launcher.addListener(look)
    with experiment(runs, "x", display=False):
        task = Note.C(name="a", log=log).submit(launcher=launcher)
        assert jobs[0].wait() is JobState.DONE

    text = "was not handed to a scheduler yet: a hook comes before. (Or this process was forked before)"
    assert early == [f"{task.job.relpath} {text}"] * 3
    assert jobs[0].finalState().result(timeout=0) is jobs[0].state is JobState.DONE


def test_retries_are_what_was_asked_for_and_counted_anew_in_each_run(runs: Path, log: str):
    with experiment(runs, "x", display=False, run_mode=RunMode.GENERATE_ONLY):
        Steps.C(log=log).submit()
    for _ in range(2):
        with pytest.raises(FailedExperiment), experiment(runs, "x", display=False):
            steps = Steps.C(log=log, most=10).submit(max_retries=2)
            failing = Fail.C(how="raise").submit()
        assert (steps.job.max_retries, steps.job.retry_count) == (2, 2)
        assert (failing.job.max_retries, failing.job.retry_count) == (0, 0)
        assert steps.job.state_dict()["retry_count"] == 2
    with experiment(runs, "x", display=False):
        written = Steps.C(log=log).submit(max_retries=3)
    assert (written.job.max_retries, written.job.retry_count) == (3, 0)


def test_killing_all_leaves_out_what_rests(runs: Path, log: str):
    with experiment(runs, "x", display=False) as xp:
        idle = Note.C(name="idle", log=log).submit(transient=TransientMode.TRANSIENT)
        xp.wait()
        xp.kill()
        assert idle.wait() is JobState.TRANSIENT
        Note.C(name="after", log=log, needs=[idle]).submit()

    assert (xp.status, notes(log)) == ("done", ["after", "idle"])


def test_a_claim_whose_scheduler_is_gone_is_no_failure_of_the_job(runs: Path, log: str):
    with experiment(runs, "x", display=False, run_mode=RunMode.DRY_RUN):
        task = Note.C(name="a", log=log).submit()
        folder = JobPaths.of(str(runs), task.job.relpath)
        Path(folder.attempts).mkdir(parents=True)
        gone = processes.myself()._replace(pid=2**22 + 1, started="1")
        assert attempts.claim(folder, gone) == 1
        assert attempts.observe(folder).kind == "gone"
        assert task.job.load_from_disk() is JobState.UNSCHEDULED
        assert attempts.start(folder, 1, gone, 1.0)
        assert task.job.load_from_disk() is JobState.ERROR
        assert task.job.failure_reason.value == "failed"


def test_a_task_that_was_loaded_has_no_job_here_and_says_what_to_do(runs: Path, log: str):
    with experiment(runs, "x", display=False) as xp:
        task = Note.C(name="a", log=log).submit()
        xp.save(task)
    with experiment(runs, "y", display=False) as xp:
        loaded = xp.load("x")
        said = []
        for ask in (
            loaded.submit,
            lambda: loaded.job,
            loaded.wait,
            lambda: loaded.on_completed(print),
        ):
            with pytest.raises(SubmissionError) as raised:
                ask()
            said.append(str(raised.value).partition(" (")[0])
        copy = loaded.copy().submit()
        assert copy.wait() is JobState.DONE

    text = (
        f"this task was loaded. It was submitted before, as {task.job.relpath}, and task.jobpath has its "
        "files: to have it run again or followed, submit a copy: task.copy().submit()"
    )
    assert said == [f"Note.{what}: {text}" for what in ("submit()", "job", "job", "on_completed")]
    assert (copy.jobpath, notes(log)) == (task.jobpath, ["a"])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((1_000_000, 0.1), ValueError, "level=1000000): expected 0 to 1, where 0 is the outermost loop"),
        ((-1, 0.1), ValueError, "level=-1): expected 0 to 1, where 0 is the outermost loop"),
        (("0", 0.1), TypeError, "level='0'): expected an int"),
        ((True, 0.1), TypeError, "level=True): expected an int"),
        ((0, "0.1"), TypeError, "value='0.1'): expected a number from 0 to 1"),
        ((0, float("nan")), ValueError, "value=nan): expected a number from 0 to 1"),
        ((0, 0.1, None), TypeError, "desc=None): expected a str"),
        ((0, 0.1, 3), TypeError, "desc=3): expected a str"),
    ],
)
def test_progress_that_is_none_is_refused(
    runs: Path, log: str, tmp_path: Path, arguments: Any, error: type[Exception], text: str
):
    with experiment(runs, "x", display=False):
        job = Note.C(name="a", log=log, until=str(tmp_path / "end")).submit().job
        wait_until(lambda: job.state is JobState.RUNNING)
        try:
            with pytest.raises(error) as raised:
                job.set_progress(*arguments)
            assert str(raised.value) == f"set_progress({text}"
            assert job.progress == ()
        finally:
            (tmp_path / "end").touch()
    if error is ValueError and arguments[0] > 0:
        job.set_progress(*arguments)  # too late: for nobody
