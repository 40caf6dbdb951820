"""An experiment among others: several at once or in a row, threads, forks, and how a process leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from experimaestro import FailedExperiment, experiment
from experimaestro.exceptions import SubmissionError
from experimaestro.launchers import DirectLauncher
from experimaestro.workspace.journal import read_events
from polling import wait_until
from tasks import Fail, Forks, Mute, Note, Where, notes

SUPPORT = str(Path(__file__).parents[1] / "support")


def start_script(folder: Path, text: str) -> "subprocess.Popen[str]":
    """Runs a script of a user as a process of its own."""
    script = folder / "script.py"
    script.write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": SUPPORT}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=pipe, stderr=pipe, text=True
    )


def status_of(runs: Path) -> str:
    environment = json.loads((runs / "experiments/plan/current/environment.json").read_text(encoding="utf-8"))
    return str(environment["run"]["status"])


def test_a_task_of_an_earlier_experiment_is_used_by_the_next(runs: Path, log: str):
    with experiment(runs, "first", display=False):
        first = Note.C(name="first", log=log).submit()
        second = Note.C(name="second", log=log, needs=[first]).submit()
    with experiment(runs, "next", display=False) as xp:
        Note.C(name="third", log=log, needs=[second]).submit()

    assert notes(log) == ["first", "second", "third"]
    assert len((xp.workdir / "jobs.jsonl").read_text().splitlines()) == 3


def test_a_task_of_another_workspace_is_refused_at_the_users_line(tmp_path: Path, log: str):
    with experiment(tmp_path / "one", "plan", display=False):
        first = Note.C(name="first", log=log).submit()
    with experiment(tmp_path / "two", "plan", display=False), pytest.raises(SubmissionError) as caught:
        Note.C(name="second", log=log, needs=[first]).submit()

    text = str(caught.value)
    assert text.startswith(
        f"Note.submit(): it uses Note, which was submitted in the workspace {tmp_path}/one, "
        f"and this experiment is in {tmp_path}/two (test_surroundings.py:"
    )
    assert text.endswith("Submit a copy of it here: task.copy().submit()")


def test_an_experiment_that_has_ended_starts_nothing_more(runs: Path, log: str, tmp_path: Path):
    xp = experiment(runs, "plan", workers=1, display=False).start()
    first = Note.C(name="first", log=log, until=str(tmp_path / "go")).submit()
    Note.C(name="second", log=log).submit()
    wait_until((first.jobpath / "note.pid").exists)
    xp.stop()
    (tmp_path / "go").touch()
    wait_until((first.jobpath / "note.done").exists)

    with experiment(runs, "next", workers=1, display=False):
        Note.C(name="last", log=log).submit()

    assert notes(log) == ["first", "last"]
    with experiment(runs, "plan", workers=1, display=False):
        Note.C(name="second", log=log).submit()
    assert notes(log) == ["first", "last", "second"]


def test_each_thread_submits_to_the_experiment_that_it_names(runs: Path, log: str):
    with experiment(runs, "a", display=False) as a, experiment(runs, "b", display=False) as b:

        def submit_to_a() -> None:
            for i in range(10):
                a.submit(Note.C(name=f"a{i}", log=log))

        thread = threading.Thread(target=submit_to_a)
        thread.start()
        for i in range(10):
            Note.C(name=f"b{i}", log=log).submit()
        thread.join()

    counts = [len((xp.workdir / "jobs.jsonl").read_text().splitlines()) for xp in (a, b)]
    assert counts == [10, 10]
    assert len(notes(log)) == 20


def test_the_inner_block_of_a_joined_experiment_does_not_end_the_outer_one(runs: Path, log: str):
    with experiment(runs, "plan", display=False) as outer:
        with experiment(runs, "plan", display=False):
            Note.C(name="inner", log=log).submit()
        Note.C(name="outer", log=log).submit()

    assert outer.status == "done"
    assert notes(log) == ["inner", "outer"]


@pytest.mark.parametrize(
    ("how", "fails"), [("no folder", True), ("closed output", False), ("other output", False)]
)
def test_what_a_job_does_to_its_own_surroundings_ends_it_or_not(runs: Path, how: str, fails: bool):
    xp = experiment(runs, "plan", display=False).start()
    Fail.C(how=how).submit()
    if fails:
        with pytest.raises(FailedExperiment, match="its folder was removed before it ended: submit it again"):
            xp.wait()
    else:
        xp.wait()
    xp.stop()


@pytest.mark.parametrize("how", ["closed", "broken", "none"])
def test_a_job_that_broke_its_errors_says_why_it_failed(runs: Path, how: str):
    with (
        pytest.raises(FailedExperiment, match="ValueError: nobody reads this"),
        experiment(runs, "plan", display=False),
    ):
        Mute.C(how=how).submit()


def test_processes_that_a_job_starts_end_as_they_would_anywhere(runs: Path, log: str):
    with experiment(runs, "plan", display=False):
        task = Forks.C(times=200, log=log).submit()

    assert task.stderr().read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_job_that_is_asked_to_end_while_it_forks_ends(runs: Path, log: str, number: int):
    with pytest.raises(FailedExperiment), experiment(runs, "plan", display=False):
        task = Forks.C(times=20_000, log=log).submit()
        wait_until(lambda: bool(notes(log)))
        os.kill(int(notes(log)[0]), number)

    assert task.job.failure_reason.value == "cancelled"
    assert "Exception ignored" not in task.stderr().read_text(encoding="utf-8")


def test_a_script_that_ends_right_after_it_submitted_has_complete_files(runs: Path, tmp_path: Path):
    process = start_script(
        tmp_path,
        f"""
from experimaestro import Param, Task, experiment

class Small(Task):
    number: Param[int]

    def execute(self):
        pass

if __name__ == "__main__":
    experiment({str(runs)!r}, "plan", display=False).start()
    Small.C(number=1).submit()
""",
    )
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err) == (0, "", "")
    written = os.listdir(runs / "experiments/plan/current")
    assert {"objects.jsonl", "status.json", "environment.json", "jobs.jsonl"} <= set(written)
    assert status_of(runs) == "detached"


def test_a_run_whose_folder_is_gone_still_tells_of_failed_jobs(
    runs: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(FailedExperiment), experiment(runs, "plan", display=False) as xp:
        Fail.C(how="raise").submit()
        shutil.rmtree(xp.workdir)

    assert f"the end of the run plan/{xp.run_id} could not be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("X", 3, "setenv('X', 3): expected two str. Use str(...)"),
        ("X=", "1", "setenv('X=', '1'): expected a name without '=', and no NUL"),
        ("", "1", "setenv('', '1'): expected a name without '=', and no NUL"),
        ("X", "\0", "setenv('X', '\\x00'): expected a name without '=', and no NUL"),
    ],
)
def test_a_variable_that_no_process_can_have_is_refused(runs: Path, name: str, value: str, text: str):
    with experiment(runs, "plan", display=False) as xp, pytest.raises(SubmissionError) as caught:
        xp.setenv(name, value)

    assert str(caught.value) == text


def test_a_tag_that_no_file_can_hold_is_refused(runs: Path, log: str):
    with experiment(runs, "plan", display=False) as xp:
        with pytest.raises(SubmissionError, match="characters that no file can hold"):
            Note.C(name="bad", log=log).tag("where", "\udc80").submit()
        Note.C(name="good", log=log).submit()

    assert xp.status == "done"
    assert notes(log) == ["good"]


def test_a_forked_process_of_the_user_leaves_the_experiment_alone(runs: Path, log: str, tmp_path: Path):
    process = start_script(
        tmp_path,
        f"""
import os
import sys
from tasks import Note
from experimaestro import experiment

if __name__ == "__main__":
    with experiment({str(runs)!r}, "plan", display=False):
        Note.C(name="a", log={log!r}, until={str(tmp_path / "go")!r}).submit()
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            open({str(tmp_path / "go")!r}, "w").close()
""",
    )
    _, err = process.communicate(timeout=30)

    assert process.returncode == 0, err
    assert notes(log) == ["a"]
    events = list(read_events(f"{runs}/experiments/plan/current/journal.jsonl"))
    assert [type(event).__name__ for event in events].count("RunEnded") == 1
    assert status_of(runs) == "completed"


def test_a_process_that_exits_without_stop_leaves_its_jobs_running(runs: Path, log: str, tmp_path: Path):
    process = start_script(
        tmp_path,
        f"""
import time
from tasks import Note
from experimaestro import experiment

if __name__ == "__main__":
    xp = experiment({str(runs)!r}, "plan").start()
    task = Note.C(name="a", log={log!r}, until={str(tmp_path / "go")!r}).submit()
    while not (task.jobpath / "note.pid").exists():
        time.sleep(0.01)
""",
    )
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (0, ""), err
    assert status_of(runs) == "detached"
    (tmp_path / "go").touch()
    wait_until(lambda: notes(log) == ["a"])
    wait_until(lambda: not list(runs.glob("jobs/*/*/*.pid")))


def test_an_interrupt_is_seen_by_a_wait_inside_a_running_loop(runs: Path, log: str, tmp_path: Path):
    process = start_script(
        tmp_path,
        f"""
import asyncio
import time
from tasks import Note
from experimaestro import experiment

async def main():
    with experiment({str(runs)!r}, "plan", display=False):
        task = Note.C(name="a", log={log!r}, until={str(tmp_path / "go")!r}).submit()
        while not (task.jobpath / "note.pid").exists():
            time.sleep(0.01)
        print("running", flush=True)

if __name__ == "__main__":
    asyncio.run(main())
""",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    begin = time.monotonic()
    while process.poll() is None and time.monotonic() - begin < 30:
        process.send_signal(2)  # the first may come before the wait
        with_pause = wait_until(lambda: process.poll() is not None or time.monotonic() - begin > 0.5, 5)
        assert with_pause
    process.communicate(timeout=30)

    assert process.returncode not in {0, None}
    assert status_of(runs) == "detached"
    (tmp_path / "go").touch()
    wait_until(lambda: notes(log) == ["a"])
    wait_until(lambda: not list(runs.glob("jobs/*/*/*.pid")))


def test_a_run_that_is_stopped_while_a_job_is_being_started_leaves_no_claim_behind(runs: Path, log: str):
    for name in ("first", "second", "third"):
        xp = experiment(runs, name, display=False).start()
        for i in range(5):
            Note.C(name=f"note{i}", log=log).submit()
        xp.stop()  # at once: some are on their way
    with experiment(runs, "last", display=False):
        for i in range(5):
            Note.C(name=f"note{i}", log=log).submit()

    assert notes(log) == [f"note{i}" for i in range(5)]


@pytest.mark.linux
@pytest.mark.slow
def test_a_claim_that_waits_for_a_full_disk_is_given_up_at_the_end(tmp_path: Path, log: str):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], check=True)
    try:
        xp = experiment(disk / "runs", "full", display=False).start()
        assert xp._run is not None
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        Note.C(name="a", log=log).submit()
        assert xp._run.loop.when(lambda state: bool(state.trouble)).wait(30)
        filler.unlink()
        xp.stop()
        with experiment(disk / "runs", "again", display=False):
            Note.C(name="a", log=log).submit()
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert notes(log) == ["a"]


OTHER_CODE = """
import os, sys
sys.dont_write_bytecode = True
import task_of_study
from experimaestro import experiment

if __name__ == "__main__":
    with experiment("runs", "code"):
        for number in range(int(sys.argv[1])):
            task_of_study.Count.C(number=number).submit()
"""

TASK = """
from experimaestro import Param, Task

class Count(Task):
    number: Param[int]

    def execute(self):
        return self.number
"""


def test_jobs_found_done_that_ran_other_code_are_told(tmp_path: Path):
    (tmp_path / "study.py").write_text(OTHER_CODE, encoding="utf-8")

    def run(task: str, count: int) -> str:
        (tmp_path / "task_of_study.py").write_text(task, encoding="utf-8")
        command = [sys.executable, str(tmp_path / "study.py"), str(count)]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return ended.stderr.splitlines()[-1]

    run(TASK, 2)
    changed = run(TASK.replace("return self.number", "return self.number + 1"), 3)
    commented = run(TASK.replace("return self.number", "return self.number  # again"), 2)

    assert changed.startswith("code: 2 found done (2 of them ran other code), 1 run in ")
    assert commented == "code: 2 found done: nothing to run"


def surroundings(task: Where) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(task.out.read_text(encoding="utf-8"))
    return found


def test_what_is_changed_of_the_workspace_holds_for_jobs_submitted_from_then_on(runs: Path, tmp_path: Path):
    launcher = DirectLauncher()
    launcher.setenv("COLOUR", "green")
    launcher.setenv("SHAPE", "round")
    with experiment(runs, "first", display=False) as xp:
        xp.setenv("SIZE", "large")
        xp.workspace.env["SHAPE"] = "square"
        xp.workspace.env["LOST"] = "yes"
        xp.workspace.python_path.append(tmp_path / "modules")
        xp.workspace.launcher = launcher
        first = Where.C(number=1).submit()
        del xp.workspace.env["LOST"]
        xp.workspace.launcher = None
        second = Where.C(number=2).submit()
        with experiment(runs, "first", display=False) as joined:
            assert joined.workspace is xp.workspace

    of_first, of_second = surroundings(first), surroundings(second)
    names = ("COLOUR", "SHAPE", "SIZE", "LOST")
    assert [of_first["environment"].get(name) for name in names] == ["green", "square", "large", "yes"]
    assert [of_second["environment"].get(name) for name in names] == [None, "square", "large", None]
    assert of_first["path"].index(str(tmp_path / "modules")) < of_first["path"].index(SUPPORT)


def test_the_launcher_of_an_experiment_starts_its_jobs(runs: Path):
    launcher = DirectLauncher()
    launcher.setenv("COLOUR", "green")
    with experiment(runs, "first", display=False, launcher=launcher):
        task = Where.C().submit()

    assert surroundings(task)["environment"]["COLOUR"] == "green"


def test_what_a_workspace_cannot_have_is_refused_where_a_task_is_submitted(runs: Path):
    with experiment(runs, "first", display=False) as xp:
        xp.workspace.launcher = "slurm"
        task = Where.C()
        with pytest.raises(SubmissionError) as caught:
            task.submit()
        assert str(caught.value).partition(": ")[2] == (
            "xp.workspace.launcher = 'slurm': expected DirectLauncher(), or None for this machine"
        )
        xp.workspace.launcher = None
        xp.workspace.env["A=b"] = "1"
        with pytest.raises(SubmissionError) as caught:
            task.submit()
        assert str(caught.value) == "setenv('A=b', '1'): expected a name without '=', and no NUL"
        del xp.workspace.env["A=b"]
        task.submit()
