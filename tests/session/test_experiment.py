"""Whole experiments: real processes in real folders."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro import FailedExperiment, experiment
from experimaestro.events.model import JobEnded, JobStarted, RunEnded, RunStarted
from experimaestro.exceptions import ExperimentStopped
from experimaestro.workspace.journal import read_events
from polling import wait_until
from tasks import AfterFailure, Fail, LeavesThread, Note, Progressing, Table, Where, notes


def events_of(xp: experiment) -> list[str]:
    return [type(event).__name__ for event in read_events(f"{xp.workdir}/journal.jsonl")]


def test_every_task_of_a_plan_runs_once_after_what_it_needs(runs: Path, log: str):
    with experiment(runs, "plan", display=False):
        a = Note.C(name="a", log=log).submit()
        b = Note.C(name="b", log=log, needs=[a]).submit()
        Note.C(name="c", log=log, needs=[a, b]).submit()
        table = Table.C(parts={"first": a, "second": b}).submit()

    assert Path(log).read_text(encoding="utf-8").splitlines() == ["a", "b", "c"]
    assert json.loads((table.jobpath / "table.json").read_text()) == {"first": "a", "second": "b"}


def test_a_second_run_executes_nothing(runs: Path, log: str):
    for _ in range(2):
        with experiment(runs, "plan", display=False) as xp:
            a = Note.C(name="a", log=log).submit()
            Note.C(name="b", log=log, needs=[a]).submit()

    assert notes(log) == ["a", "b"]
    assert events_of(xp).count("JobQueued") == 0


def test_a_task_submitted_while_others_run_is_run(runs: Path, log: str, tmp_path: Path):
    with experiment(runs, "plan", display=False):
        Note.C(name="slow", log=log, until=str(tmp_path / "go")).submit()
        quick = Note.C(name="quick", log=log).submit()
        wait_until((quick.jobpath / "note.done").exists)
        (tmp_path / "go").touch()

    assert notes(log) == ["quick", "slow"]


def test_an_equal_task_shares_the_job(runs: Path, log: str):
    with experiment(runs, "plan", display=False):
        first = Note.C(name="a", log=log).submit()
        second = Note.C(name="a", log=log).submit()

    assert first.jobpath == second.jobpath
    assert notes(log) == ["a"]


def test_started_in_one_place_waited_for_in_another(runs: Path, log: str):
    xp = experiment(runs, "cells", display=False).start()
    Note.C(name="a", log=log).submit()
    xp.wait()
    statuses = [xp.status]
    Note.C(name="b", log=log).submit()
    xp.wait()
    xp.stop()

    assert [*statuses, xp.status] == ["running", "done"]
    assert notes(log) == ["a", "b"]
    with pytest.raises(ExperimentStopped):
        xp.submit(Note.C(name="c", log=log))


def test_the_same_names_join_the_open_run(runs: Path):
    first = experiment(runs, "cells", display=False).start()
    second = experiment(runs, "cells", display=False).start()
    assert second.run_id == first.run_id

    second.stop()

    assert first.status == "done"
    assert experiment.CURRENT is None


def test_async_code_goes_on_while_an_experiment_is_awaited(runs: Path, log: str, tmp_path: Path):
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while ticks < 5:
            await asyncio.sleep(0)
            ticks += 1
        (tmp_path / "go").touch()

    async def main() -> None:
        async with experiment(runs, "plan", display=False) as xp:
            Note.C(name="a", log=log, until=str(tmp_path / "go")).submit()
            ticking = asyncio.create_task(tick())
            await xp
            await ticking

    asyncio.run(main())

    assert notes(log) == ["a"]


def test_a_blocking_wait_in_a_coroutine_lets_other_coroutines_go_on(runs: Path, log: str, tmp_path: Path):
    # In a process of its own: nest_asyncio changes asyncio for good.
    script = tmp_path / "nested.py"
    script.write_text(
        f"""
import asyncio
from pathlib import Path
from tasks import Note
from experimaestro import experiment

async def open_the_way():
    Path({str(tmp_path / "go")!r}).touch()

async def main():
    opening = asyncio.create_task(open_the_way())
    with experiment({str(runs)!r}, "plan", display=False):
        Note.C(name="a", log={log!r}, until={str(tmp_path / "go")!r}).submit()
    await opening

if __name__ == "__main__":
    asyncio.run(main())
""",
        encoding="utf-8",
    )
    support = str(Path(__file__).parents[1] / "support")
    subprocess.run(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": support}, check=True, timeout=60
    )

    assert notes(log) == ["a"]


def test_a_failure_names_the_task_and_the_users_line_and_the_rest_goes_on(runs: Path, log: str):
    with pytest.raises(FailedExperiment) as caught, experiment(runs, "plan", display=False) as xp:
        failing = Fail.C(how="raise").submit()
        AfterFailure.C(first=failing, log=log).submit()
        Note.C(name="other", log=log).submit()

    text = str(caught.value)
    assert "tasks.fail" in text
    assert "tasks.py" in text and "in execute" in text
    assert "ValueError: no learning rate in {'lr': 1}" in text
    assert str(failing.jobpath) in text
    assert notes(log) == ["other"]
    assert xp.status == "failed"
    assert json.loads((failing.jobpath / "fail.failed").read_text())["reason"] == "failed"


def test_a_failed_job_is_run_again_by_the_next_run(runs: Path):
    for attempt in (1, 2):
        with pytest.raises(FailedExperiment), experiment(runs, "plan", display=False) as xp:
            task = Fail.C(how="raise").submit()
        ends = [e for e in read_events(f"{xp.workdir}/journal.jsonl") if isinstance(e, JobEnded)]
        assert [e.attempt for e in ends] == [attempt]
    assert len(list((task.jobpath / ".experimaestro/attempts").glob("*.end"))) == 2


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("SIGKILL", "killed by SIGKILL"),
        ("SIGTERM", "cancelled (SIGTERM)"),
        ("SIGSEGV", "killed by SIGSEGV"),
        ("memory", "MemoryError: cannot allocate"),
        ("exit", "its process exited with code 3 without saying how it ended"),
        ("sys.exit", "giving up"),
    ],
)
def test_every_bad_end_is_a_failure_that_says_how(runs: Path, how: str, expected: str):
    with pytest.raises(FailedExperiment) as caught, experiment(runs, "plan", display=False):
        task = Fail.C(how=how).submit()

    assert expected in str(caught.value)
    assert not (task.jobpath / "fail.done").exists()
    failed = json.loads((task.jobpath / "fail.failed").read_text())
    assert failed["reason"] == {"memory": "memory", "SIGTERM": "cancelled"}.get(how, "failed")


@pytest.fixture
def small_memory() -> Iterator[str]:
    """A control group of 64 MiB; needs the right to make one."""
    v1 = Path("/sys/fs/cgroup/memory")
    group = (v1 if v1.exists() else Path("/sys/fs/cgroup")) / f"xpm-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / ("memory.limit_in_bytes" if v1.exists() else "memory.max")).write_text(str(64 * 2**20))
        yield str(group)
    finally:
        group.rmdir()


@pytest.mark.linux
def test_a_job_that_the_system_kills_for_lack_of_memory_says_so(runs: Path, small_memory: str):
    with pytest.raises(FailedExperiment) as caught, experiment(runs, "plan", display=False):
        task = Fail.C(how=small_memory).submit()

    assert "killed by the system (SIGKILL): out of memory" in str(caught.value)
    assert json.loads((task.jobpath / "fail.failed").read_text())["reason"] == "memory"


def test_a_job_has_clean_surroundings(runs: Path, monkeypatch: pytest.MonkeyPatch):
    kept = {"MPLBACKEND": "agg", "OWN": "kept"}
    made_by_a_kernel = {
        "FORCE_COLOR": "1",
        "CLICOLOR": "1",
        "PAGER": "cat",
        "JPY_PARENT_PID": "1",
        "PYDEVD_X": "1",
    }
    for name, value in {**kept, **made_by_a_kernel}.items():
        monkeypatch.setenv(name, value)
    with experiment(runs, "plan", display=False) as xp:
        xp.setenv("SEED", "7")
        task = Where.C().submit()

    found = json.loads((task.jobpath / "where.json").read_text())
    assert found["cwd"] == str(task.jobpath)
    assert found["session"] is True
    assert found["stdin"] == ""
    assert {name: found["environment"].get(name) for name in (*kept, "SEED")} == {**kept, "SEED": "7"}
    assert not set(made_by_a_kernel) & set(found["environment"])
    assert {"where.lock", "where.pid", "where.py", "params.json"} <= set(found["files"])
    assert task.stdout().read_text() == "to standard output\n"
    assert task.stderr().read_text() == "to standard error\n"
    assert "SEED" not in (task.jobpath / "params.json").read_text()


@pytest.mark.linux  # elsewhere psutil tells one process from another
def test_a_job_imports_nothing_that_it_does_not_need(runs: Path):
    with experiment(runs, "plan", display=False):
        task = Where.C().submit()

    modules = set(json.loads((task.jobpath / "where.json").read_text())["modules"])
    assert not modules & {
        "asyncio",
        "msgspec",
        "rich",
        "click",
        "psutil",
        "numpy",
        "IPython",
        "experimaestro.session",
    }


def test_progress_reaches_the_state_while_the_job_runs(runs: Path, tmp_path: Path):
    xp = experiment(runs, "plan", display=False).start()
    Progressing.C(until=str(tmp_path / "go")).submit()
    loop = xp._run.loop  # type: ignore[union-attr] # what views read
    seen = wait_until(
        lambda: next((job.progress for job in loop.ask(lambda s: list(s.jobs.values())).result()), ())
    )
    assert seen[0].text in {"loading", "waiting"}
    wait_until(
        lambda: loop.ask(lambda s: [j.progress[0].text for j in s.jobs.values()]).result() == ["waiting"]
    )
    (tmp_path / "go").touch()
    xp.wait()
    xp.stop()


def test_the_end_of_a_job_is_after_its_threads_and_exit_handlers(runs: Path, log: str):
    with experiment(runs, "plan", display=False):
        LeavesThread.C(log=log).submit()

    assert notes(log) == ["exit handler", "thread"]


def test_a_run_leaves_the_files_of_the_format(runs: Path, log: str):
    with experiment(runs, "plan", display=False) as xp:
        task = Note.C(name="a", log=log).submit()

    run = xp.workdir
    kind, identifier = task.jobpath.parent.name, task.jobpath.name
    assert (runs / ".__experimaestro__").exists()
    assert os.readlink(runs / "experiments/plan/current") == xp.run_id
    assert os.readlink(run / "jobs" / kind / identifier) == str(task.jobpath)
    line = json.loads((run / "jobs.jsonl").read_text())
    assert (line["job_id"], line["task_id"], line["tags"]) == (identifier, kind, {})
    objects = [json.loads(text) for text in (run / "objects.jsonl").read_text().splitlines()]
    assert objects[-1]["identifier"] == identifier
    status = json.loads((run / "status.json").read_text())
    assert (status["status"], status["job_states"]) == ("done", {identifier: "done"})
    environment = json.loads((run / "environment.json").read_text())
    assert environment["run"]["status"] == "completed"
    assert "msgspec" in environment["packages"]
    params = json.loads((task.jobpath / "params.json").read_text())
    assert (params["version"], params["workspace"]) == (3, str(runs))
    assert not (task.jobpath / "note.pid").exists()


def test_the_journal_tells_what_happened_in_order(runs: Path, log: str):
    with experiment(runs, "plan", display=False) as xp:
        Note.C(name="a", log=log).submit()

    events = list(read_events(f"{xp.workdir}/journal.jsonl"))
    assert events_of(xp) == [
        "RunStarted", "JobSubmitted", "JobObserved", "JobQueued", "JobStarted", "JobEnded", "RunEnded"
    ]  # fmt: skip
    assert [event.n for event in events] == sorted(event.n for event in events)
    first, last = events[0], events[-1]
    assert isinstance(first, RunStarted) and first.owner.pid == os.getpid()
    assert isinstance(last, RunEnded) and last.status == "done"
    begun = next(event for event in events if isinstance(event, JobStarted))
    assert begun.owner.pid != os.getpid()


def test_an_error_in_the_block_ends_the_run_at_once_and_the_jobs_go_on(runs: Path, log: str, tmp_path: Path):
    with pytest.raises(RuntimeError), experiment(runs, "plan", display=False) as xp:
        task = Note.C(name="a", log=log, until=str(tmp_path / "go")).submit()
        wait_until((task.jobpath / "note.pid").exists)
        raise RuntimeError("of the user")

    assert xp.status == "failed"
    (tmp_path / "go").touch()
    wait_until((task.jobpath / "note.done").exists)
    assert notes(log) == ["a"]


def test_a_job_left_by_one_run_is_waited_for_by_the_next(runs: Path, log: str, tmp_path: Path):
    first = experiment(runs, "plan", display=False).start()
    task = Note.C(name="a", log=log, until=str(tmp_path / "go")).submit()
    wait_until((task.jobpath / "note.pid").exists)
    first.stop()
    assert first.status == "detached"

    second = experiment(runs, "plan", display=False).start()
    Note.C(name="a", log=log, until=str(tmp_path / "go")).submit()
    (tmp_path / "go").touch()
    second.wait()
    second.stop()

    assert second.status == "done"
    assert notes(log) == ["a"]
    assert len(list((task.jobpath / ".experimaestro/attempts").glob("*.claim"))) == 1


@pytest.mark.parametrize("place", ["in the block", "while waiting"])
def test_an_interrupt_ends_the_run_and_not_the_jobs(runs: Path, log: str, tmp_path: Path, place: str):
    script = tmp_path / "interrupted.py"
    script.write_text(
        f"""
import time
from pathlib import Path
from tasks import Note
from experimaestro import experiment

if __name__ == "__main__":
    with experiment({str(runs)!r}, "plan"):
        task = Note.C(name="a", log={log!r}, until={str(tmp_path / "go")!r}).submit()
        while not (task.jobpath / "note.pid").exists():
            time.sleep(0.01)
        print("running", flush=True)
        if {place == "in the block"}:
            time.sleep(60)
""",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode != 0
    assert (
        "interrupted: 1 unfinished job of 'plan': those that run go on, run the same code again for the rest"
    ) in err
    status = json.loads((runs / "experiments/plan/current/environment.json").read_text())["run"]["status"]
    assert status == "detached"
    (tmp_path / "go").touch()
    wait_until(lambda: notes(log) == ["a"])
    wait_until(lambda: not list(runs.glob("jobs/*/*/*.pid")))
