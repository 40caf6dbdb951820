"""SIGKILL at every step of the scheduler and of a job, in real processes; then the same code again.

After each history an execution log has one line for each job that was not itself killed.
"""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks import notes

SUPPORT = Path(__file__).parents[1] / "support"
PLAN = Path(__file__).with_name("plan.py")
JOBS = {"top", "left", "right", "bottom", "beside"}
AT_ONCE = 3
"""Histories at the same time"""

SEED = int(os.environ.get("XPM_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)


def run_plan(folder: Path, name: str = "plan", crash: str = "", size: str = "") -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "PYTHONPATH": f"{SUPPORT / 'crash'}:{SUPPORT}",
        "CRASH_AT": crash,
        "PYTHONWARNINGS": "error",
    }
    command = [sys.executable, str(PLAN), str(folder / "runs"), str(folder / "log"), name, size]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    assert not out, "something was printed to standard output"
    return process.returncode, err


def run_until_done(folder: Path, size: str = "") -> None:
    """As a user would: the same command again, until it says that all is done."""
    for _ in range(3):
        code, err = finish(run_plan(folder, size=size))
        if code == 0:
            return
        assert "Traceback" not in err.partition("FailedExperiment")[0], err
    pytest.fail(f"not done after three runs:\n{err}")


def history(folder: Path, role: str, step: int) -> str | None:
    """One kill and what follows; None if the process has fewer steps."""
    folder.mkdir()
    token = folder / "token"
    code, err = finish(run_plan(folder, crash=f"{role}:{step}:{token}", size="small"))
    if not token.exists():
        assert code == 0, err
        return None
    what = token.read_text(encoding="utf-8")
    if role == "scheduler":
        assert code == -signal.SIGKILL, f"{what}: {err}"
    run_until_done(folder, size="small")
    counts = Counter(notes(folder / "log"))
    twice = {name for name, count in counts.items() if count > 1}
    assert set(counts) == {"top", "bottom"}, f"killed before {what}: {counts}"
    allowed = 1 if role == "job" else 0  # the job that was itself killed
    assert len(twice) <= allowed and max(counts.values()) <= 1 + allowed, f"killed before {what}: {counts}"
    left = [path for path in folder.glob("runs/jobs/*/*/*.pid") if role != "job"]
    assert not left, f"killed before {what}: {left}"
    return what


@pytest.mark.slow
@pytest.mark.parametrize("role", ["scheduler", "job"])
def test_a_kill_at_every_step_loses_nothing_and_repeats_nothing(tmp_path: Path, role: str) -> None:
    killed: list[str] = []
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for first in itertools.count(1, AT_ONCE):
            steps = range(first, first + AT_ONCE)
            done = list(pool.map(lambda step: history(tmp_path / str(step), role, step), steps))
            killed += [what for what in done if what is not None]
            if None in done:
                break

    kinds = {what.split()[0] for what in killed}
    assert {"os.link", "os.rename", "open", "os.remove"} <= kinds
    assert len(killed) > 10


@pytest.mark.slow
@pytest.mark.parametrize("repetition", range(3))
def test_several_kills_in_a_row_lose_nothing(tmp_path: Path, repetition: int) -> None:
    chance = random.Random(SEED + repetition)
    print(f"XPM_SEED={SEED}")
    killed_jobs = 0
    for kill in range(6):
        role = chance.choice(["scheduler", "job"])
        token = tmp_path / f"token{kill}"
        finish(run_plan(tmp_path, crash=f"{role}:{chance.randrange(1, 60)}:{token}"))
        killed_jobs += role == "job" and token.exists()
    run_until_done(tmp_path)

    counts = Counter(notes(tmp_path / "log"))
    assert set(counts) == JOBS
    assert sum(counts.values()) - len(JOBS) <= killed_jobs, counts


@pytest.mark.slow
def test_a_job_killed_from_outside_is_run_again_and_no_other(tmp_path: Path) -> None:
    code, _ = finish(run_plan(tmp_path, crash=f"job:3:{tmp_path / 'token'}"))
    assert code == 1
    run_until_done(tmp_path)

    assert Counter(notes(tmp_path / "log")) == dict.fromkeys(JOBS, 1)


@pytest.mark.slow
@pytest.mark.parametrize("names", [("one", "two"), ("same", "same")])
def test_two_processes_on_one_plan_run_each_job_once(tmp_path: Path, names: tuple[str, str]) -> None:
    processes = [run_plan(tmp_path, name) for name in names]
    results = [finish(process) for process in processes]

    assert [code for code, _ in results] == [0, 0], results
    assert Counter(notes(tmp_path / "log")) == dict.fromkeys(JOBS, 1)
    if names[0] == names[1]:
        assert sum("is open in" in err for _, err in results) == 1
        assert sum("5 found done" in err for _, err in results) == 1
    else:
        assert any("elsewhere" in err or "found done" in err for _, err in results), results


@pytest.mark.slow
def test_jobs_go_on_when_the_scheduler_is_killed_and_are_found(tmp_path: Path) -> None:
    process = run_plan(tmp_path)
    deadline = time.monotonic() + 30
    while not notes(tmp_path / "log") and time.monotonic() < deadline:
        os.sched_yield()
    process.kill()
    process.communicate()
    run_until_done(tmp_path)

    assert Counter(notes(tmp_path / "log")) == dict.fromkeys(JOBS, 1)
