"""Ending jobs: only processes that are proven to be theirs get a signal."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro.events.owners import Owner
from experimaestro.inventory.killing import Killed, kill
from experimaestro.workspace import attempts, processes
from experimaestro.workspace.layout import JobPaths


@pytest.fixture
def job(tmp_path: Path) -> JobPaths:
    paths = JobPaths.of(str(tmp_path), f"lab.train/{'0' * 64}")
    Path(paths.attempts).mkdir(parents=True)
    return paths


@pytest.fixture
def sleeper() -> "Iterator[subprocess.Popen[bytes]]":
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def owner_of(process: "subprocess.Popen[bytes]") -> Owner:
    owner = processes.owner_of(process.pid)
    assert owner is not None
    return owner


def begin(job: JobPaths, owner: Owner) -> None:
    n = attempts.claim(job, processes.myself())
    assert n is not None
    assert attempts.start(job, n, owner, time.time())


def test_a_process_of_the_job_is_ended_and_the_job_is_cancelled(
    job: JobPaths, sleeper: "subprocess.Popen[bytes]"
):
    begin(job, owner_of(sleeper))

    assert kill([job], grace_s=5) == [Killed("killed")]

    assert sleeper.wait() == -15
    assert json.loads(Path(job.failed).read_text(encoding="utf-8"))["reason"] == "cancelled"


def test_the_next_attempt_in_a_folder_made_anew_is_left_alone(
    job: JobPaths, sleeper: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
):
    begin(job, owner_of(sleeper))
    send = processes.send

    def send_and_remove(pid: int, number: int) -> None:
        send(pid, number)
        shutil.rmtree(job.folder)
        begin(job, processes.myself())

    monkeypatch.setattr(processes, "send", send_and_remove)

    assert kill([job], grace_s=5) == [Killed("killed")]

    assert sleeper.wait() == -15
    assert attempts.observe(job).kind == "running"


def test_a_process_that_has_the_pid_of_the_job_by_chance_is_left_alone(
    job: JobPaths, sleeper: "subprocess.Popen[bytes]"
):
    begin(job, owner_of(sleeper)._replace(started="1"))

    assert kill([job]) == [Killed("not running")]

    assert sleeper.poll() is None


def test_a_process_of_another_machine_is_left_alone_and_that_is_said(
    job: JobPaths, sleeper: "subprocess.Popen[bytes]"
):
    begin(job, owner_of(sleeper)._replace(host="elsewhere"))

    said = f"it runs as pid {sleeper.pid} on elsewhere: kill it there"
    assert kill([job]) == [Killed("cannot", said)]
    assert sleeper.poll() is None


def test_a_job_that_its_scheduler_has_not_started_is_left_to_it(job: JobPaths):
    assert attempts.claim(job, processes.myself()) == 1

    said = f"its scheduler, {processes.myself()}, has not started it yet: stop that one"
    assert kill([job]) == [Killed("cannot", said)]


def test_a_job_of_another_version_is_ended_by_its_pid_file(job: JobPaths, sleeper: "subprocess.Popen[bytes]"):
    content = {"type": "local", "pid": sleeper.pid, "host": processes.host_name()}
    Path(job.pid).write_text(json.dumps(content), encoding="utf-8")

    assert kill([job], grace_s=5) == [Killed("killed")]

    assert sleeper.wait() == -15


def test_a_process_that_an_old_file_names_without_a_machine_is_left_alone_unless_it_works_for_the_job(
    job: JobPaths, sleeper: "subprocess.Popen[bytes]"
):
    Path(job.pid).write_text(json.dumps({"type": "local", "pid": sleeper.pid}), encoding="utf-8")

    said = f"it runs as pid {sleeper.pid} on an unknown machine: kill it there"
    assert kill([job]) == [Killed("cannot", said)]

    assert sleeper.poll() is None


def test_jobs_that_do_not_run_are_said_to_be_so(job: JobPaths):
    assert kill([job]) == [Killed("not running")]
    Path(job.done).touch()
    assert kill([job]) == [Killed("not running")]
