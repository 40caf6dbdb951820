"""The folder of a job is removed while its process is about to run, or runs: another's is left alone."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from experimaestro import JobState, RunMode, experiment
from experimaestro.events.owners import Outcome, Owner
from experimaestro.exceptions import FailedExperiment
from experimaestro.launchers.processes import Gone
from experimaestro.scheduler import effects
from experimaestro.workspace import attempts, interchange, processes, tokens
from experimaestro.workspace.layout import JobPaths, TokenPaths
from polling import wait_until
from tasks import Answers, notes

DONE = Outcome("done", t=9.0)


@pytest.fixture
def another() -> Iterator[Owner]:
    """A process that lives."""
    with subprocess.Popen(["sleep", "100"]) as process:
        try:
            owner = processes.owner_of(process.pid)
            assert owner is not None
            yield owner
        finally:
            process.kill()


@pytest.fixture
def prepared(runs: Path, log: str) -> JobPaths:
    """A job with all of its files that nobody has claimed."""
    with experiment(runs, "x", run_mode=RunMode.GENERATE_ONLY, display=False):
        task = Answers.C(name="a", log=log).submit()
    paths = JobPaths(str(task.jobpath), "answers")
    shutil.rmtree(paths.attempts, ignore_errors=True)
    return paths


def contents(folder: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def take(needs: Sequence[tokens.Need], paths: JobPaths, taker: Owner) -> None:
    """Takes tokens as another process would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "myself", lambda: taker)
        tokens.take(needs, paths)


def run(paths: JobPaths, n: int, claimer: Owner | None) -> str:
    """Runs a job as a scheduler would (None: as an earlier version); returns its standard error."""
    lock = interchange.lock(paths)
    assert lock is not None
    command = [sys.executable, paths.script, str(n), str(lock)]
    command += [] if claimer is None else [attempts.mark(claimer)]
    ended = subprocess.run(command, pass_fds=[lock], capture_output=True, text=True, check=True)
    os.close(lock)
    return ended.stderr


@pytest.mark.parametrize("ends", ["well", "killed", "asked"])
@pytest.mark.parametrize("next_one", ["runs", "is done", "is void"])
def test_what_runs_in_a_folder_that_was_removed_leaves_the_next_one_its_attempt_result_and_tokens(
    runs: Path, log: str, tmp_path: Path, another: Owner, ends: str, next_one: str
) -> None:
    with pytest.raises(FailedExperiment) as failed, experiment(runs, "x", display=False) as xp:
        token = xp.token("gpus", 1)
        task = token(1, Answers.C(name="a", log=log, until=str(tmp_path / "go"))).submit()
        wait_until(lambda: task.job.state is JobState.RUNNING and notes(log) == ["a"])
        paths = JobPaths(str(task.jobpath), "answers")
        needs = tokens.noted(paths)
        job = interchange.read_pid(paths)
        assert job is not None
        shutil.rmtree(paths.folder)
        assert attempts.claim(paths, another) == 1
        if next_one == "is void":
            attempts.void(paths, 1)
        else:
            take(needs, paths, another)
            assert attempts.start(paths, 1, another, time.time())
            interchange.write_pid(paths, another)
            Path(paths.results).write_text('"the next answer"', encoding="utf-8")
        if next_one == "is done":
            assert attempts.end(paths, 1, DONE)
            attempts.conclude(paths, 1, DONE)
        before = contents(paths.folder), contents(TokenPaths(needs[0].folder).jobs)
        if ends == "killed":
            xp.kill(task)
        elif ends == "asked":
            os.kill(job.pid, signal.SIGTERM)
        else:
            (tmp_path / "go").touch()

    assert "its folder was removed before it ended" in str(failed.value)
    assert (contents(paths.folder), contents(TokenPaths(needs[0].folder).jobs)) == before


def test_a_process_whose_folder_was_removed_before_it_began_runs_nothing(
    prepared: JobPaths, log: str
) -> None:
    me = processes.myself()

    assert "its folder was removed: nothing is run" in run(prepared, 3, me)
    assert notes(log) == []
    assert attempts.observe(prepared).kind == "free"

    assert attempts.claim(prepared, me) == 1
    assert run(prepared, 1, me) == ""
    assert notes(log) == ["a"]


def test_a_process_takes_no_attempt_that_another_scheduler_claimed_in_the_folder_made_anew(
    prepared: JobPaths, log: str, another: Owner
) -> None:
    me = processes.myself()
    assert attempts.claim(prepared, me) == 1

    assert "nothing is run" in run(prepared, 1, another)
    assert notes(log) == []
    assert run(prepared, 1, me) == ""
    assert notes(log) == ["a"]


def test_a_scheduler_that_began_before_the_package_was_updated_has_its_jobs_run(
    prepared: JobPaths, log: str, tmp_path: Path
) -> None:
    need = tokens.NotedNeed(str(tmp_path / "token"), 1, 1)
    tokens.define(need.folder, 1)
    assert attempts.claim(prepared, processes.myself()) == 1
    tokens.take([need], prepared)

    assert run(prepared, 1, None) == ""
    assert notes(log) == ["a"]
    assert contents(TokenPaths(need.folder).jobs) == {}


def test_a_claim_that_cannot_be_read_keeps_no_job_from_running(prepared: JobPaths, log: str) -> None:
    assert attempts.claim(prepared, processes.myself()) == 1
    Path(prepared.claim(1)).write_bytes(b"\xff")

    assert run(prepared, 1, processes.myself()) == ""
    assert attempts.observe(prepared).kind == "done"
    assert notes(log) == ["a"]


def test_a_claim_that_was_kept_while_the_disk_was_full_is_made_anew(
    runs: Path, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_job = effects._write_job
    tries = []

    def full_once(paths: JobPaths, attempt: int, work: effects.Work, workspace: str) -> None:
        tries.append(attempt)
        if len(tries) == 1:
            shutil.rmtree(paths.folder)
            raise OSError(errno.ENOSPC, "No space left on device")
        write_job(paths, attempt, work, workspace)

    monkeypatch.setattr(effects, "_write_job", full_once)
    with experiment(runs, "x", display=False):
        Answers.C(name="a", log=log).submit()

    assert len(tries) == 2
    assert notes(log) == ["a"]


def test_a_claim_of_ours_is_given_up_only_where_it_still_is(prepared: JobPaths, another: Owner) -> None:
    assert attempts.claim(prepared, another) == 1
    before = contents(prepared.folder)

    effects.give_up(prepared, 1)
    assert contents(prepared.folder) == before

    shutil.rmtree(prepared.folder)
    effects.give_up(prepared, 1)
    assert not Path(prepared.folder).exists()


def test_an_end_that_is_seen_late_gives_back_no_token_of_the_next_attempt(
    prepared: JobPaths, tmp_path: Path, another: Owner
) -> None:
    me = processes.myself()
    need = tokens.NotedNeed(str(tmp_path / "token"), 1, 1)
    tokens.define(need.folder, 1)
    assert attempts.claim(prepared, me) == 1
    tokens.take([need], prepared)
    attempts.void(prepared, 1)
    assert attempts.claim(prepared, another) == 2
    take([need], prepared, another)

    effects.finish(prepared, 1, Gone("ref", 0, None), 0, is_killed=False)
    assert len(contents(TokenPaths(need.folder).jobs)) == 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "myself", lambda: another)
        effects.finish(prepared, 2, Gone("ref", 0, None), 0, is_killed=False)
    assert contents(TokenPaths(need.folder).jobs) == {}
