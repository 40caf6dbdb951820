"""The folder of a job is removed while its process is about to run, or runs: another's is left alone."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro import JobState, RunMode, experiment
from experimaestro.events.owners import Owner
from experimaestro.exceptions import FailedExperiment
from experimaestro.workspace import attempts, interchange, processes, tokens
from experimaestro.workspace.layout import JobPaths, TokenPaths
from polling import wait_until
from tasks import Note, notes


@pytest.fixture
def another() -> Iterator[Owner]:
    """A process that lives."""
    with subprocess.Popen(["sleep", "100"]) as process:
        owner = processes.owner_of(process.pid)
        assert owner is not None
        yield owner
        process.kill()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("ends", ["well", "killed"])
def test_what_runs_in_a_folder_that_was_removed_leaves_the_next_one_its_attempt_and_tokens(
    runs: Path, log: str, tmp_path: Path, another: Owner, ends: str
) -> None:
    with pytest.raises(FailedExperiment) as failed, experiment(runs, "x", display=False) as xp:
        token = xp.token("gpus", 1)
        task = token(1, Note.C(name="a", log=log, until=str(tmp_path / "go"))).submit()
        folder = Path(task.jobpath)
        paths = JobPaths(str(folder), "note")
        wait_until(lambda: task.job.state is JobState.RUNNING and Path(paths.pid).exists())
        needs = tokens.noted(paths)
        shutil.rmtree(folder)
        assert attempts.claim(paths, another) == 1
        assert attempts.start(paths, 1, another, time.time())
        interchange.write_pid(paths, another)
        tokens.take(needs, paths)
        before = contents(folder), contents(Path(TokenPaths(needs[0].folder).jobs))
        if ends == "killed":
            xp.kill(task)
        else:
            (tmp_path / "go").touch()

    assert "its folder was removed before it ended" in str(failed.value)
    assert (contents(folder), contents(Path(TokenPaths(needs[0].folder).jobs))) == before
    assert attempts.observe(paths).owner == another


def test_a_process_whose_folder_was_removed_before_it_began_runs_nothing(runs: Path, log: str) -> None:
    with experiment(runs, "x", run_mode=RunMode.GENERATE_ONLY, display=False):
        task = Note.C(name="a", log=log).submit()
    paths = JobPaths(str(task.jobpath), "note")

    def run() -> str:
        lock = interchange.lock(paths)
        assert lock is not None
        command = [sys.executable, paths.script, "3", str(lock)]
        ended = subprocess.run(command, pass_fds=[lock], capture_output=True, text=True, check=True)
        os.close(lock)
        return ended.stderr

    assert "its folder was removed: nothing is run" in run()
    assert notes(log) == []
    assert attempts.observe(paths).kind == "free"

    Path(paths.attempts).mkdir(exist_ok=True)
    Path(paths.claim(3)).write_text("{}", encoding="utf-8")
    assert run() == ""
    assert notes(log) == ["a"]
