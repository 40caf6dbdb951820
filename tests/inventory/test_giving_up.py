"""Jobs of a machine that cannot be asked: listed by machine, and given up when a person says so."""

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from experimaestro import Meta, Param, Task, experiment
from experimaestro.cli.root import root
from experimaestro.events.owners import Outcome, Owner
from experimaestro.exceptions import FailedExperiment
from experimaestro.inventory import giving_up
from experimaestro.inventory.jobs import look
from experimaestro.workspace import attempts, opening
from experimaestro.workspace.layout import JobPaths
from polling import wait_until


def owner(host: str) -> Owner:
    return Owner(host, "another boot", "ns", 12, "100")


def begun(workspace: Path, number: int, host: str, key: str = "") -> JobPaths:
    """A job that runs on another machine, as far as its folder says."""
    paths = JobPaths.of(str(workspace), key or f"lab.train/{number:064}")
    Path(paths.attempts).mkdir(parents=True)
    n = attempts.claim(paths, owner(host))
    assert n is not None
    assert attempts.start(paths, n, owner(host), time.time())
    return paths


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    opening.prepare(str(tmp_path / "runs"))
    return tmp_path / "runs"


def run(*words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(root, ["jobs", "give-up", *words], input=answer)


def test_machines_are_listed_with_their_last_sign_of_life(workspace: Path):
    first, _ = begun(workspace, 1, "lost"), begun(workspace, 2, "lost")
    begun(workspace, 3, "busy")
    Path(first.err).write_text("still here", encoding="utf-8")
    for path in (first.err, *(paths.start(1) for paths in (first,))):
        os.utime(path, (time.time() - 7500,) * 2)

    said = run("--workdir", str(workspace), "--machine", "lost")

    assert said.exit_code == 0
    assert said.stdout == "lost: 2 jobs, last sign of life 0.0 s ago\n"
    assert said.stderr == "2 jobs: nothing was done, add --perform\n"
    assert [(one.machine, len(one.jobs)) for one in giving_up.silent(str(workspace))] == [
        ("busy", 1),
        ("lost", 2),
    ]
    rows = json.loads(run("--workdir", str(workspace), "--json").stdout)
    assert [row["machine"] for row in rows] == ["busy", "lost"]


def test_only_the_jobs_of_the_machine_that_is_named_are_given_up(workspace: Path):
    lost, busy = begun(workspace, 1, "lost"), begun(workspace, 2, "busy")

    said = run("--workdir", str(workspace), "--machine", "lost", "--perform")

    assert said.exit_code == 0
    assert "1 job given up" in said.stderr
    assert attempts.observe(lost).kind == "failed"
    assert attempts.observe(busy).kind == "unknown"


def test_each_machine_is_asked_about_once(workspace: Path):
    lost = [begun(workspace, number, "lost") for number in range(3)]
    busy = begun(workspace, 9, "busy")

    said = run("--workdir", str(workspace), "--perform", answer="n\ny\n")

    assert said.stdout.count("Does it run none of them any more?") == 2
    assert attempts.observe(busy).kind == "unknown"
    assert {attempts.observe(paths).kind for paths in lost} == {"failed"}


def test_a_job_that_has_said_how_it_ended_keeps_its_word(workspace: Path):
    paths = begun(workspace, 1, "lost")
    (machine,) = giving_up.silent(str(workspace))
    outcome = Outcome("done", t=time.time())
    assert attempts.end(paths, 1, outcome)
    attempts.conclude(paths, 1, outcome)

    assert giving_up.give_up(machine) == []

    assert look(str(workspace), machine.jobs[0].key).state == "done"


def test_a_machine_without_such_jobs_is_a_mistake(workspace: Path):
    said = run("--workdir", str(workspace), "--machine", "nowhere", "--perform")

    assert said.exit_code == 2
    assert "no job is waited for that runs on nowhere" in said.stderr


@pytest.mark.parametrize("host", ["", "lost"])
def test_a_job_of_another_version_is_given_up_too(workspace: Path, host: str):
    paths = JobPaths.of(str(workspace), f"lab.train/{'0' * 64}")
    Path(paths.folder).mkdir(parents=True)
    content = {"type": "local", "pid": os.getpid(), **({"host": host} if host else {})}
    Path(paths.pid).write_text(json.dumps(content), encoding="utf-8")
    name = host or "unknown"
    assert run("--workdir", str(workspace)).stdout.startswith(f"{name}: 1 job, last sign of life ")

    said = run("--workdir", str(workspace), "--machine", name, "--perform")

    assert said.stderr == "1 job given up\n"
    assert look(str(workspace), f"lab.train/{'0' * 64}").state == "not run"


class Count(Task):
    """Says once that it ran."""

    number: Param[int]
    log: Meta[Path]

    def execute(self) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write("ran\n")


def test_a_scheduler_that_waits_is_told_and_runs_what_is_given_up_when_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    task = Count.C(number=1, log=tmp_path / "log")
    key = f"{task.__xpmtype__.typename}/{task.__identifier__()!r}"
    paths = begun(tmp_path / "runs", 0, "lost", key)
    xp = experiment(tmp_path / "runs", "waits", workers=1, display=False).start()
    task.submit()
    wait_until(lambda: "the machine lost has jobs" in caplog.text, what="the warning")
    assert f"jobs give-up --machine lost --workdir {tmp_path}/runs" in caplog.text
    assert not (tmp_path / "log").exists()

    assert run("--workdir", str(tmp_path / "runs"), "--machine", "lost", "--perform").exit_code == 0
    with pytest.raises(FailedExperiment, match="pid 12 on lost is gone and left no word"):
        xp.wait()
    xp.retry()
    xp.wait()

    assert (tmp_path / "log").read_text(encoding="utf-8") == "ran\n"
    assert attempts.observe(paths).kind == "done"
    xp.stop()
