"""What other versions are known to get wrong, in the words of what happens here instead.

Each test makes the situation in which a failure was seen in another version, in real processes. Failures of
services have their tests in `tests/services`; `docs/reliability.md` lists all.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro import experiment
from experimaestro.exceptions import FailedExperiment
from experimaestro.workspace import processes
from polling import wait_until
from tasks import AfterFailure, Exits, Fail, Note, Sleeper, Where, notes

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has nothing to do with any job."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process
        if process.stdin is not None:
            process.stdin.close()


def folder_of(runs: Path, name: str, log: str) -> Path:
    """The folder of a `Note` that was never run."""
    with experiment(runs, "once", display=False) as xp:
        task = Note.C(name=name, log=log).submit()
        xp.wait()
    folder = task.jobpath
    Path(log).unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return Path(folder)


def write_pid(folder: Path, pid: int) -> None:
    content = {"type": "local", "pid": pid, "host": os.uname().nodename}
    (folder / "note.pid").write_text(json.dumps(content), encoding="utf-8")


def test_a_pid_file_that_names_a_foreign_process_never_makes_a_job_done(
    runs: Path, log: str, stranger: "subprocess.Popen[bytes]"
):
    folder = folder_of(runs, "a", log)
    write_pid(folder, stranger.pid)
    xp = experiment(runs, "again", display=False).start()
    task = Note.C(name="a", log=log).submit()
    wait_until(lambda: task.job.state.running())  # noqa: PLW0108 - it is another state each time

    assert stranger.stdin is not None
    stranger.stdin.close()
    xp.wait()
    xp.stop()

    assert notes(log) == ["a"]
    assert (folder / "note.done").exists()


def test_a_pid_file_older_than_the_process_that_has_the_pid_now_is_not_waited_for(
    runs: Path, log: str, stranger: "subprocess.Popen[bytes]"
):
    folder = folder_of(runs, "a", log)
    write_pid(folder, stranger.pid)
    os.utime(folder / "note.pid", (1, 1))

    with experiment(runs, "again", display=False):
        Note.C(name="a", log=log).submit()

    assert notes(log) == ["a"]


def test_a_pid_file_beside_a_result_is_no_reason_to_wait(
    runs: Path, log: str, stranger: "subprocess.Popen[bytes]"
):
    folder = folder_of(runs, "a", log)
    write_pid(folder, stranger.pid)
    (folder / "note.done").touch()

    with experiment(runs, "again", display=False) as xp:
        Note.C(name="a", log=log).submit()

    assert xp.status == "done"
    assert notes(log) == []


def test_a_job_that_was_killed_is_failed_for_all_who_look(runs: Path, log: str):
    xp = experiment(runs, "plan", display=False).start()
    task = Sleeper.C(name="a", log=log).submit()
    wait_until(lambda: bool(notes(log)))
    _, pid, child = notes(log)[0].split()
    os.kill(int(pid), signal.SIGKILL)
    with pytest.raises(FailedExperiment):
        xp.wait()
    xp.stop()
    os.kill(int(child), signal.SIGKILL)

    failed = json.loads((task.jobpath / "sleeper.failed").read_text())
    status = json.loads((xp.workdir / "status.json").read_text())
    assert failed == {"code": 1, "reason": "failed", "message": "killed by SIGKILL"}
    assert not (task.jobpath / "sleeper.pid").exists()
    assert set(status["job_states"].values()) == {"error"}


def test_a_job_that_was_killed_with_its_scheduler_leaves_no_pid_file_after_the_next_run(
    runs: Path, log: str, tmp_path: Path
):
    go = tmp_path / "go"
    program = (
        "import os, sys; from experimaestro import experiment; from tasks import Note\n"
        f"experiment({str(runs)!r}, 'plan', display=False).start()\n"
        f"Note.C(name='a', log={log!r}, until={str(go)!r}).submit()\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, env=ENVIRONMENT
    ) as scheduler:
        pid = wait_until(lambda: list(runs.glob("jobs/*/*/note.pid")), deadline=30)[0]
        scheduler.kill()
    job = json.loads(pid.read_text(encoding="utf-8"))["pid"]
    os.kill(job, signal.SIGKILL)
    wait_until(lambda: processes.owner_of(job) is None)  # one that is seen to die is a failure

    go.touch()
    with experiment(runs, "plan", display=False):
        Note.C(name="a", log=log).submit()

    assert notes(log) == ["a"]
    assert not pid.exists()


def test_a_result_that_was_removed_is_made_again_by_the_next_experiment_of_the_same_process(
    runs: Path, log: str
):
    for name in ("one", "two", "three"):
        with experiment(runs, name, display=False):
            task = Note.C(name="a", log=log).submit()
        shutil.rmtree(task.jobpath)

    assert notes(log) == ["a", "a", "a"]


def test_the_exit_code_of_a_job_is_kept(runs: Path):
    with pytest.raises(FailedExperiment), experiment(runs, "plan", display=False):
        task = Fail.C(how="exit").submit()

    assert json.loads((task.jobpath / "fail.failed").read_text())["code"] == 3
    assert task.job.exit_code == 3


@pytest.mark.parametrize(("what", "code"), [("4", 4), ("no such corpus", 1)])
def test_the_exit_code_is_that_which_the_job_chose(runs: Path, what: str, code: int):
    with pytest.raises(FailedExperiment), experiment(runs, "plan", display=False):
        task = Exits.C(what=what).submit()

    assert json.loads((task.jobpath / "exits.failed").read_text())["code"] == code
    assert task.job.exit_code == code


def test_the_exit_code_of_a_success_is_zero(runs: Path, log: str):
    with experiment(runs, "plan", display=False):
        task = Note.C(name="a", log=log).submit()

    assert task.job.exit_code == 0


def test_a_job_that_is_skipped_leaves_no_folder(runs: Path, log: str):
    with pytest.raises(FailedExperiment), experiment(runs, "plan", display=False):
        skipped = AfterFailure.C(first=Fail.C(how="exit").submit(), log=log).submit()

    assert not skipped.jobpath.exists()


def test_a_job_whose_lock_cannot_be_taken_fails_and_the_experiment_ends(runs: Path, log: str):
    folder = folder_of(runs, "a", log)
    (folder / "note.lock").mkdir()

    with pytest.raises(FailedExperiment) as caught, experiment(runs, "again", display=False):
        Note.C(name="a", log=log).submit()
        Note.C(name="b", log=log).submit()

    assert f"{folder}/note.lock: Is a directory" in str(caught.value)
    assert notes(log) == ["b"]


def test_a_run_with_failed_jobs_is_recorded_as_failed(runs: Path):
    with pytest.raises(FailedExperiment), experiment(runs, "plan", display=False) as xp:
        Fail.C(how="exit").submit()

    status = json.loads((xp.workdir / "status.json").read_text())
    environment = json.loads((xp.workdir / "environment.json").read_text())
    assert (status["status"], environment["run"]["status"]) == ("failed", "failed")


def test_waiting_raises_for_failed_jobs(runs: Path):
    xp = experiment(runs, "plan", display=False).start()
    Fail.C(how="exit").submit()

    with pytest.raises(FailedExperiment):
        xp.wait()
    xp.stop()


def test_stopping_one_experiment_lets_another_one_go_on(runs: Path, log: str):
    one = experiment(runs, "one", display=False).start()
    two = experiment(runs, "two", display=False).start()
    one.stop()
    two.submit(Note.C(name="a", log=log))
    two.wait()
    two.stop()

    assert notes(log) == ["a"]


def test_a_variable_for_jobs_is_added_to_those_that_they_have(runs: Path):
    with experiment(runs, "plan", display=False) as xp:
        xp.setenv("GIVEN", "yes")
        xp.setenv("PYTHONPATH", "/somewhere/of/mine")
        task = Where.C().submit()

    found = json.loads((task.jobpath / "where.json").read_text())
    environment = found["environment"]
    assert (environment["GIVEN"], environment["PATH"]) == ("yes", os.environ["PATH"])
    assert environment["PYTHONPATH"] == "/somewhere/of/mine"
    assert "/somewhere/of/mine" in found["path"]


def test_each_test_that_the_page_on_reliability_names_is_there():
    root = Path(__file__).parents[2]
    page = (root / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)

    assert len(named) > 30
    assert [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"^def {name}\(", (root / file).read_text(encoding="utf-8"), re.MULTILINE)
    ] == []
