"""What a person does to jobs: kill, retry, stop at a failure, limit what they share."""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from experimaestro import JobState, Task, TransientMode, experiment, settings
from experimaestro.exceptions import FailedExperiment, SubmissionError
from experimaestro.inventory import retrying
from experimaestro.scheduler import loop, runner
from experimaestro.scheduler.runs import RunFiles
from experimaestro.workspace import attempts, processes, tokens
from experimaestro.workspace.layout import JobPaths
from polling import wait_until
from tasks import Fail, Holds, Note, Shares, Sleeper, Steps, notes


def state(task: Task) -> str:
    """What is known of a job: its state, or why it failed."""
    job = task.job
    return str(job.failure_reason.value if job.failure_reason else job.state.value)


def most_at_once(log: str) -> int:
    now = most = 0
    for line in notes(log):
        now += 1 if " + " in line else -1
        most = max(most, now)
    return most


def test_a_running_job_is_killed_with_all_that_it_started(runs: Path, log: str):
    with pytest.raises(FailedExperiment, match="was stopped"), experiment(runs, "x", display=False) as xp:
        task = Sleeper.C(name="a", log=log).submit()
        after = Note.C(name="after", log=log).submit()
        wait_until(lambda: any("a " in line for line in notes(log)))
        child = int(next(line for line in notes(log) if line.startswith("a ")).split()[2])
        xp.kill(task)

    assert "a was asked: the job was asked to end (SIGTERM)" in notes(log)
    assert (state(task), state(after)) == ("cancelled", "done")
    wait_until(lambda: processes.owner_of(child) is None)


def test_a_job_that_does_not_end_when_it_is_asked_to_is_ended_by_force(
    runs: Path, log: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runner, "GRACE_S", 0.3)
    with pytest.raises(FailedExperiment, match="SIGKILL"), experiment(runs, "x", display=False) as xp:
        task = Sleeper.C(name="a", log=log, stubborn=True).submit()
        wait_until(lambda: notes(log))
        xp.kill(task)

    assert state(task) == "cancelled"


@pytest.mark.parametrize("of", ["the experiment", "a job", "a future", "await"])
def test_a_wait_ends_when_the_experiment_is_stopped(runs: Path, log: str, tmp_path: Path, of: str):
    xp = experiment(runs, "x", workers=1, display=False).start()
    first = Note.C(name="first", log=log, until=str(tmp_path / "go")).submit()
    second = Note.C(name="second", log=log, needs=[first]).submit()
    final = second.job.finalState()
    wait_until(lambda: state(first) == "running")
    threading.Timer(0.2, xp.stop).start()

    if of == "a job":
        assert second.wait() is JobState.WAITING
    elif of == "a future":
        assert final.result(timeout=20) is JobState.WAITING
    else:
        text = "the experiment was stopped: 2 unfinished jobs, those that run go on"
        with pytest.raises(KeyboardInterrupt, match=text):
            asyncio.run(awaited(xp)) if of == "await" else xp.wait()
        with pytest.raises(KeyboardInterrupt, match=text):
            xp.wait()
    (tmp_path / "go").touch()
    wait_until(lambda: notes(log) == ["first"])


async def awaited(xp: experiment) -> None:
    await xp


def test_a_job_that_waits_is_not_started_when_it_was_killed(runs: Path, log: str, tmp_path: Path):
    with pytest.raises(FailedExperiment), experiment(runs, "x", workers=1, display=False) as xp:
        first = Note.C(name="first", log=log, until=str(tmp_path / "go")).submit()
        second = Note.C(name="second", log=log, needs=[first]).submit()
        third = Note.C(name="third", log=log, needs=[second]).submit()
        wait_until(lambda: state(first) == "running")
        xp.kill(second)
        (tmp_path / "go").touch()

    assert notes(log) == ["first"]
    assert (state(second), state(third)) == ("cancelled", "dependency")


def test_a_clock_that_is_set_back_keeps_nobody_waiting(runs: Path, log: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loop, "LONGEST_S", 0.2)
    task = Note.C(name="a", log=log)
    folder = runs / "jobs" / task.__xpmtype__.typename / repr(task.__identifier__())
    paths = JobPaths(str(folder), "note")
    Path(paths.attempts).mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as elsewhere:
        owner = processes.owner_of(elsewhere.pid)
        assert owner is not None
        assert attempts.claim(paths, owner) == 1
        assert attempts.start(paths, 1, owner, time.time())
        xp = experiment(runs, "x", display=False).start()
        task.submit()
        wait_until(lambda: state(task) == "running")
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() - 7200)
        elsewhere.kill()
        elsewhere.wait()
        wait_until(lambda: state(task) != "running")
        monkeypatch.undo()
    xp.stop()


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_job_of_another_process_is_killed_through_its_pid(
    runs: Path, log: str, monkeypatch: pytest.MonkeyPatch, *, stubborn: bool
):
    monkeypatch.setattr(runner, "GRACE_S", 0.3)
    script = (
        "import sys; from experimaestro import experiment; from tasks import Sleeper\n"
        "xp = experiment(sys.argv[1], 'other', display=False).start()\n"
        "Sleeper.C(name='a', log=sys.argv[2], stubborn=bool(sys.argv[3])).submit()\n"
        "print('on', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(runs), log, "stubborn" if stubborn else ""],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")},
    ) as other:
        wait_until(lambda: notes(log))
        with pytest.raises(FailedExperiment), experiment(runs, "x", display=False) as xp:
            task = Sleeper.C(name="a", log=log, stubborn=stubborn).submit()
            wait_until(lambda: state(task) == "running")
            xp.kill(task)
        other.communicate(b"")

    assert state(task) == ("failed" if stubborn else "cancelled")
    assert sum(line.startswith("a ") and "asked" not in line for line in notes(log)) == 1


def test_a_done_job_whose_folder_was_removed_is_run_again_in_the_same_run(runs: Path, log: str):
    xp = experiment(runs, "x", display=False).start()
    task = Note.C(name="a", log=log).submit()
    xp.wait()
    shutil.rmtree(task.jobpath)

    again = Note.C(name="a", log=log).submit()
    Note.C(name="b", log=log, needs=[again]).submit()
    xp.wait()
    xp.stop()

    assert notes(log) == ["a", "a", "b"]


def test_who_joins_a_run_that_was_reopened_ends_it(runs: Path, log: str):
    xp = experiment(runs, "x", display=False).start()
    task = Fail.C(how="exit").submit()
    with pytest.raises(FailedExperiment):
        xp.wait()
    xp.stop()
    xp.retry(task)
    with pytest.raises(FailedExperiment), experiment(runs, "x", display=False) as joined:
        wait_until(lambda: state(task) == "failed")
        time.sleep(0.5)  # the run would have ended by now
        assert joined.status == "running"
        Note.C(name="later", log=log).submit()

    assert notes(log) == ["later"]


def test_what_has_no_effect_on_an_open_run_is_told(runs: Path, capsys: pytest.CaptureFixture[str]):
    xp = experiment(runs, "x", workers=2, display=False).start()
    experiment(runs, "x", display=False).start()
    assert capsys.readouterr().err == ""
    experiment(runs, "x", workers=3, on_failure="stop", display=False).start()
    said = capsys.readouterr().err
    assert "on_failure, workers: no effect, the experiment 'x' is open. They hold for its next run" in said
    xp.stop()


def test_a_token_whose_lock_is_held_keeps_no_other_job_waiting(
    runs: Path, log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path))
    monkeypatch.setattr(tokens, "LOCKED_S", 0.1)
    with experiment(runs, "x", workers=1, display=False) as xp:
        token = xp.token("gpu", 1)
        (lock,) = tmp_path.glob("tokens/gpu.counter")
        with (lock / "ipc.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            token(1, Note.C(name="a", log=log)).submit()
            wait_until(lambda: "another process has held" in caplog.text)
            Note.C(name="b", log=log).submit()
            wait_until(lambda: notes(log) == ["b"])

    assert sorted(notes(log)) == ["a", "b"]


def test_an_interrupt_while_an_experiment_opens_keeps_nobody_out(runs: Path, monkeypatch: pytest.MonkeyPatch):
    open_run = loop.Loop.open_run

    def interrupted(of: loop.Loop, files: RunFiles) -> None:
        signal.raise_signal(signal.SIGINT)
        open_run(of, files)

    with monkeypatch.context() as opening:
        opening.setattr(loop.Loop, "open_run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            experiment(runs, "x", display=False).start()
    with experiment(runs, "x", display=False) as xp:
        assert xp.status == "running"
    assert xp.status == "done"


def test_a_retry_after_the_end_opens_the_run_again_until_its_jobs_are_finished(
    runs: Path, log: str, tmp_path: Path
):
    with pytest.raises(FailedExperiment), experiment(runs, "x", display=False) as xp:
        first = Note.C(name="a", log=log, until=str(tmp_path / "go")).submit()
        Note.C(name="b", log=log, needs=[first]).submit()
        wait_until(lambda: state(first) == "running")
        os.kill(int(json.loads(first.jobpath.joinpath("note.pid").read_bytes())["pid"]), signal.SIGKILL)
    assert xp.status == "failed"

    (tmp_path / "go").touch()
    xp.retry()
    wait_until(lambda: xp.status == "done")

    assert notes(log) == ["a", "b"]
    with experiment(runs, "x", display=False) as again:
        Note.C(name="a", log=log).submit()
    assert again.run_id != xp.run_id


def test_the_first_failure_stops_an_experiment_that_wants_it(runs: Path, log: str):
    with (
        pytest.raises(
            FailedExperiment,
            match=r"^1 job failed\n3 jobs not started: the experiment stops at its first failure\n",
        ),
        experiment(runs, "x", workers=1, display=False, on_failure="stop"),
    ):
        Fail.C(how="raise").submit()
        others = [Note.C(name=str(i), log=log).submit() for i in range(3)]

    assert {state(other) for other in others} == {"stopped"}
    assert notes(log) == []


def test_jobs_share_a_token_with_those_of_other_experiments(
    runs: Path, log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path / "shared"))
    with experiment(runs, "x", workers=4, display=False) as xp:
        gpu = xp.token("gpu", 2)
        for i in range(6):
            gpu(1, Holds.C(name=str(i), log=log)).submit()

    assert len(notes(log)) == 12
    assert most_at_once(log) <= 2
    assert list((tmp_path / "shared/tokens/gpu.counter/jobs").iterdir()) == []


def test_a_job_that_is_run_again_without_its_plan_waits_for_its_token(
    runs: Path, log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path / "shared"))
    with contextlib.suppress(FailedExperiment), experiment(runs, "x", display=False) as xp:
        first = xp.token("gpu", 1)(1, Note.C(name="a", log=log, until=str(tmp_path / "a"))).submit()
        wait_until(lambda: state(first) == "running")
        xp.kill(first)
    paths = JobPaths.of(str(runs), first.job.relpath)
    (tmp_path / "a").touch()
    ended: list[str] = []
    with experiment(runs, "y", display=False) as xp:
        other = xp.token("gpu", 1)(1, Note.C(name="b", log=log, until=str(tmp_path / "b"))).submit()
        wait_until(lambda: state(other) == "running")
        again = threading.Thread(target=lambda: ended.append(retrying.retry(paths)))
        again.start()
        waits = "waiting for the token 'gpu', which others hold"
        wait_until(lambda: waits in Path(paths.err).read_text(encoding="utf-8"))
        assert (notes(log), ended) == ([], [])
        (tmp_path / "b").touch()
    again.join(30)

    assert (Path(log).read_text(encoding="utf-8").split(), ended) == (["b", "a"], ["done"])
    assert caplog.messages == [f"{paths.folder} waits for the token 'gpu', which others hold"]
    assert list((tmp_path / "shared/tokens/gpu.counter/jobs").iterdir()) == []


def test_a_job_whose_tokens_cannot_be_read_is_not_run_without_its_plan(runs: Path):
    with pytest.raises(FailedExperiment), experiment(runs, "x", display=False):
        task = Fail.C(how="raise").submit()
    paths = JobPaths.of(str(runs), task.job.relpath)
    Path(paths.needs).write_text("{", encoding="utf-8")

    assert retrying.retry(paths) == "failed"
    assert Path(paths.err).read_text(encoding="utf-8") == (
        f"experimaestro: {paths.needs} cannot be understood: it says which tokens the job takes. Run its "
        "experiment again\n"
    )


def test_the_output_of_each_try_of_a_task_is_kept_also_of_two_within_a_second(runs: Path, log: str):
    with experiment(runs, "x", display=False):
        task = Steps.C(log=log, most=5).submit(max_retries=5)

    texts = [path.read_text(encoding="utf-8") for path in task.jobpath.glob("steps*.out")]
    assert sorted(texts) == [f"step {n}\n" for n in range(1, 6)]


def test_what_a_dead_job_held_is_taken_by_the_next(
    runs: Path, log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path / "shared"))
    left = tmp_path / "shared/tokens/gpu.counter/jobs/some.task@0123.json"
    with experiment(runs, "x", display=False) as xp:
        gpu = xp.token("gpu", 1)
        left.write_text(
            f'{{"job_uri": "{tmp_path}/jobs/some.task/0123/task", "information": {{"count": 1}}}}',
            encoding="utf-8",
        )
        gpu(1, Note.C(name="a", log=log)).submit()

    assert notes(log) == ["a"]
    assert not left.exists()


def test_two_jobs_never_write_into_a_shared_folder_at_once(runs: Path, log: str):
    with experiment(runs, "x", workers=4, display=False):
        tasks = [Shares.C(epochs=i, log=log).submit() for i in range(4)]

    folders = {task.folder for task in tasks}
    assert len(folders) == 1
    assert sorted(path.name for path in folders.pop().iterdir()) == ["0", "1", "2", "3"]
    assert most_at_once(log) == 1


def test_a_resumable_job_goes_on_in_its_folder_and_keeps_what_it_printed(runs: Path, log: str):
    with experiment(runs, "x", display=False):
        task = Steps.C(log=log).submit()

    assert notes(log) == ["step 1", "step 2", "step 3"]
    assert task.stdout().read_text(encoding="utf-8") == "step 3\n"


def test_a_resumable_job_is_resumed_as_often_as_was_said(runs: Path, log: str):
    with (
        pytest.raises(FailedExperiment, match="2 of 9 steps"),
        experiment(runs, "x", display=False),
    ):
        task = Steps.C(log=log, most=9).submit(max_retries=1)

    assert state(task) == "timeout"
    assert notes(log) == ["step 1", "step 2"]


def test_a_resumable_task_goes_on_as_often_as_its_workspace_says(runs: Path, log: str):
    workspace = settings.WorkspaceSettings(path=runs, max_retries=1)
    with (
        pytest.raises(FailedExperiment, match="2 of 9 steps"),
        experiment(workspace, "x", display=False),
    ):
        Steps.C(log=log, most=9).submit()

    assert notes(log) == ["step 1", "step 2"]


def test_a_transient_job_is_run_only_for_one_that_needs_it(runs: Path, log: str):
    def plan(final: str) -> list[str]:
        Path(log).unlink(missing_ok=True)
        with experiment(runs, "x", display=False):
            base = Note.C(name="base", log=log).submit(transient=TransientMode.TRANSIENT)
            Note.C(name="unused", log=log).submit(transient=TransientMode.TRANSIENT)
            Note.C(name=final, log=log, needs=[base]).submit()
        return notes(log)

    assert plan("one") == ["base", "one"]
    assert plan("one") == []
    assert plan("two") == ["two"]


def test_what_is_needed_only_meanwhile_is_removed_after_success(runs: Path, log: str):
    def plan(how: str) -> list[Path]:
        with contextlib.suppress(FailedExperiment), experiment(runs, "x", display=False):
            base = Note.C(name="base", log=log).submit(transient=TransientMode.REMOVE)
            Note.C(name="top", log=log, needs=[base]).submit()
            if how == "badly":
                Fail.C(how="exit").submit()
        return [path for path in (runs / "jobs/tasks.note").iterdir() if path.name[0] != "."]

    assert len(plan("badly")) == 2
    assert len(plan("well")) == 1
    assert notes(log) == ["base", "top"]
    assert len(plan("well")) == 1, "nothing needs it any more"
    assert notes(log) == ["base", "top"]


def test_what_another_run_wants_is_not_removed(runs: Path, log: str, tmp_path: Path):
    def meanwhile(name: str) -> None:
        with experiment(runs, name, display=False):
            base = Note.C(name="base", log=log).submit(transient=TransientMode.REMOVE)
            Note.C(name=f"top of {name}", log=log, needs=[base]).submit()

    script = (
        "import sys; from experimaestro import experiment, TransientMode; from tasks import Note\n"
        "with experiment(sys.argv[1], 'other', display=False):\n"
        "    base = Note.C(name='base', log=sys.argv[2]).submit(transient=TransientMode.REMOVE)\n"
        "    Note.C(name='slow', log=sys.argv[2], until=sys.argv[3], needs=[base]).submit()"
    )
    folder = runs / "jobs" / Note.C(name="base", log=log).__xpmtype__.typename
    with subprocess.Popen(
        [sys.executable, "-c", script, str(runs), log, str(tmp_path / "go")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")},
    ) as other:
        base = folder / repr(Note.C(name="base", log=log).__identifier__())
        wait_until(lambda: (base / "note.done").exists() and len(list(folder.iterdir())) > 1)
        meanwhile("first")
        assert base.exists(), "the other process still uses it"
        (tmp_path / "go").touch()
        assert other.wait() == 0
    assert not base.exists(), "nobody uses it any more"

    with experiment(runs, "keeps", display=False):
        Note.C(name="base", log=log).submit()
    meanwhile("second")
    assert base.exists(), "another experiment has it as a result"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda t: t.submit(priority="high"), "Note.submit(priority='high'): expected a whole number"),
        (lambda t: t.submit(transient=7), "Note.submit(transient=7): expected a TransientMode"),
        (lambda t: t.submit(max_retries=-1), "Note.submit(max_retries=-1): expected a number from 0 up"),
    ],
)
def test_what_cannot_be_asked_of_a_submission_is_refused(
    runs: Path, log: str, call: Callable[[Note], Note], text: str
):
    with experiment(runs, "x", display=False), pytest.raises(SubmissionError) as raised:
        call(Note.C(name="a", log=log))

    assert str(raised.value) == text


def test_a_token_without_a_number_has_that_of_the_settings(
    tmp_path: Path, runs: Path, log: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path / "shared"))
    monkeypatch.setattr(settings, "_folder", tmp_path)
    (tmp_path / "tokens.yaml").write_text("countertoken: {gpu: {tokens: 2}}", encoding="utf-8")
    with experiment(runs, "x", workers=4, display=False) as xp:
        gpu = xp.token("gpu")
        for i in range(4):
            gpu(1, Holds.C(name=str(i), log=log)).submit()
        with pytest.raises(SubmissionError) as raised:
            xp.token("disk")

    assert gpu.total == 2
    assert most_at_once(log) <= 2
    assert str(raised.value) == (
        "token('disk'): how much is there in all? Say it, as in token('disk', 4), or in "
        f"{tmp_path}/tokens.yaml:\n  countertoken:\n    disk: {{tokens: 4}}"
    )


def test_a_token_that_became_too_small_is_told(
    runs: Path, log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path))
    with experiment(runs, "x", display=False) as xp:
        task = xp.token("gpu", 3)(3, Note.C(name="a", log=log))
        xp.token("gpu", 2)
        task.submit()
        wait_until(lambda: "it needs 3 of the token 'gpu', of which there are 2 now" in caplog.text)
        assert notes(log) == []
        xp.token("gpu", 3)

    assert notes(log) == ["a"]


def test_tokens_say_what_they_cannot_give(
    tmp_path: Path, runs: Path, log: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path / "shared"))
    with experiment(runs, "x", display=False) as xp:
        gpu = xp.token("gpu", 2)
        for call, text in (
            (lambda: xp.token("gpu", 0), "token('gpu', 0): expected a whole number from 1 up"),
            (
                lambda: gpu.dependency(3),
                "the token 'gpu' has 2: expected a whole number from 1 to that, got 3",
            ),
        ):
            with pytest.raises(SubmissionError) as raised:
                call()
            assert str(raised.value) == text
        task = gpu(2, gpu(1, Note.C(name="a", log=log)))
        with pytest.raises(SubmissionError, match="it needs 3 of a token of which there are 2"):
            task.submit()
        with pytest.raises(SubmissionError, match="was not submitted: only jobs are killed and retried"):
            xp.kill(task)
