"""Several processes: one owns a run, others see it and command it, also after it was killed."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro import experiment
from experimaestro.events.state import State, check
from experimaestro.exceptions import ExperimentStopped, FormatError, WorkspaceError
from experimaestro.scheduler import openrun
from experimaestro.scheduler.remote import RemoteRun
from experimaestro.workspace import inbox
from experimaestro.workspace.layout import RunPaths
from experimaestro.workspace.reader import RunReader
from polling import wait_until
from tasks import Note, notes

SCRIPT = """
import sys
from experimaestro import experiment
from tasks import Note

runs, log, folder = sys.argv[1:]
with experiment(runs, "plan", workers=2, display=False):
    first = Note.C(name="first", log=log, until=folder + "/go").submit()
    Note.C(name="second", log=log, needs=[first]).submit()
    Note.C(name="third", log=log).submit()
"""


@pytest.fixture
def owner(runs: Path, log: str, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process with an open run, of which one job waits for `go`."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(runs), log, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: notes(log) == ["third"])
    yield process
    (tmp_path / "go").touch()
    process.communicate(timeout=30)


def words(state: State) -> list[str]:
    """Where the three jobs are, in the order of submission."""
    check(state)
    return [job.reason.value if job.reason else job.state.value for job in state.jobs.values()]


def seen(reader: RunReader) -> list[str]:
    reader.refresh()
    return words(reader.state)


def test_another_process_shows_a_run_live_and_after_its_end(
    owner: "subprocess.Popen[str]", runs: Path, tmp_path: Path
):
    reader = RunReader(str(runs), "plan")
    wait_until(lambda: seen(reader) == ["running", "waiting", "done"])
    assert reader.is_alive
    assert reader.run.owner.pid == owner.pid

    (tmp_path / "go").touch()
    wait_until(lambda: seen(reader) == ["done", "done", "done"])
    wait_until(lambda: reader.refresh() or reader.run.status == "done")


def test_after_a_kill_the_folders_say_what_became_of_the_jobs(
    owner: "subprocess.Popen[str]", runs: Path, log: str, tmp_path: Path
):
    reader = RunReader(str(runs), "plan")
    wait_until(lambda: seen(reader) == ["running", "waiting", "done"])
    owner.kill()
    owner.wait()
    (tmp_path / "go").touch()
    wait_until(lambda: "first" in notes(log))
    wait_until(lambda: list(runs.glob("jobs/*/*/note.done"))[1:])

    late = RunReader(str(runs), "plan")

    assert seen(late) == ["done", "ready", "done"]
    assert late.run.status == "detached"
    with pytest.raises(ExperimentStopped, match=r"is gone: run the same code again to go on$"):
        RemoteRun(late).stop()


@pytest.mark.usefixtures("owner")
def test_another_process_kills_and_retries(runs: Path, log: str, tmp_path: Path):
    reader = RunReader(str(runs), "plan")
    remote = RemoteRun(reader)
    wait_until(lambda: remote.ask(words).result() == ["running", "waiting", "done"])
    first = next(iter(reader.state.jobs))

    remote.kill([first])
    wait_until(lambda: remote.ask(words).result() == ["cancelled", "dependency", "done"])

    (tmp_path / "go").touch()
    assert list(reader.run.commands.values()) == [""]
    wait_until(lambda: not remote.is_alive or not list(Path(reader.paths.inbox).iterdir()))
    assert notes(log) == ["third"]


def test_a_retry_and_an_unreadable_command_reach_the_owner(
    runs: Path, log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(openrun, "INBOX_S", 0.05)
    xp = experiment(runs, "plan", display=False).start()
    Note.C(name="a", log=log, until=str(tmp_path / "go")).submit()
    paths = RunPaths(str(runs), "plan", xp.run_id)
    reader = RunReader(str(runs), "plan")
    wait_until(lambda: seen(reader) == ["running"])
    key = next(iter(reader.state.jobs))
    inbox.send(paths, inbox.Command("kill", jobs=(key, "unknown.task/0123")))
    wait_until(lambda: seen(reader) == ["cancelled"])
    Path(paths.inbox, "broken.json").write_bytes(b"{")
    (tmp_path / "go").touch()
    inbox.send(paths, inbox.Command("retry", jobs=(key,)))

    wait_until(lambda: seen(reader) == ["done"])
    kept = Path(paths.inbox, "broken.json.unreadable")
    wait_until(lambda: list(Path(paths.inbox).iterdir()) == [kept])
    xp.stop()
    reader.refresh()
    said = reader.run.commands["broken"]
    assert said.startswith(f"{paths.inbox}/broken.json is no command: ")
    assert said.endswith(f". It is kept as {kept}")
    assert kept.read_bytes() == b"{"
    assert notes(log) == ["a"]


def test_commands_that_come_while_a_run_ends_stop_nobody(
    runs: Path, log: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(openrun, "INBOX_S", 0.001)
    for number in range(5):
        xp = experiment(runs, "plan", display=False).start()
        Note.C(name=str(number), log=log).submit()
        for _ in range(60):
            paths = RunPaths(str(runs), "plan", xp.run_id)
            inbox.send(paths, inbox.Command("continue", task="tasks.Note"))
            inbox.send(paths, inbox.Command("retry", jobs=("tasks.note/0",)))
        ended = threading.Thread(target=xp.stop, daemon=True)
        ended.start()
        ended.join(30)
        assert not ended.is_alive()


def test_a_job_that_joins_a_second_run_is_whole_in_the_journal_of_both(runs: Path, log: str, tmp_path: Path):
    one = experiment(runs, "one", display=False).start()
    first = Note.C(name="first", log=log, until=str(tmp_path / "go")).submit()
    done = Note.C(name="done", log=log).submit()
    wait_until(lambda: notes(log) == ["done"])
    two = experiment(runs, "two", display=False).start()
    Note.C(name="second", log=log, needs=[first, done]).submit()
    reader = RunReader(str(runs), "two")
    wait_until(lambda: sorted(seen(reader)) == ["done", "running", "waiting"])

    (tmp_path / "go").touch()
    two.wait()
    one.stop()
    two.stop()

    assert sorted(seen(reader)) == ["done", "done", "done"]
    other = RunReader(str(runs), "one")
    assert seen(other) == ["done", "done"]


def test_what_is_no_run_or_no_journal_is_said(runs: Path, log: str):
    with pytest.raises(WorkspaceError, match="has no run: the experiment was never started here"):
        RunReader(str(runs), "plan")
    with experiment(runs, "plan", display=False) as xp:
        Note.C(name="a", log=log).submit()
    with pytest.raises(WorkspaceError, match="has no journal"):
        RunReader(str(runs), "plan", "20200101_000000")
    journal = Path(xp.workdir, "journal.jsonl")
    text = journal.read_text(encoding="utf-8").splitlines()
    for line, bad in ((2, '{"type": "Nonsense"}'), (3, text[0])):
        journal.write_text("\n".join([*text[: line - 1], bad, ""]), encoding="utf-8")
        with pytest.raises(FormatError) as raised:
            RunReader(str(runs), "plan").refresh()
        assert str(raised.value).startswith(f"{xp.workdir}/journal.jsonl:{line}: expected an event")
