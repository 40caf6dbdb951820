"""A machine and its processes, as users' code asks for them: whoever started them."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import Timeout

from experimaestro import CounterToken, JobState, experiment
from experimaestro.connectors import Connector, Process
from experimaestro.connectors.local import LocalConnector
from experimaestro.exceptions import FailedExperiment, FormatError, SubmissionError
from experimaestro.launchers import DirectLauncher
from polling import wait_until
from tasks import Sleeper, notes

HERE = LocalConnector.instance()


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that ends when it is told to: with exit code 3, or by a signal."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(3)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_the_process_of_a_job_is_found_by_its_file_and_killed(tmp_path: Path):
    log = str(tmp_path / "log")
    with contextlib.suppress(FailedExperiment), experiment(tmp_path, "x", display=False):
        job = Sleeper.C(name="a", log=log).submit().job
        wait_until(lambda: job.pidpath.exists() and notes(log))
        spec = json.loads(job.pidpath.read_text(encoding="utf-8"))
        process = Process.fromspec(HERE, spec)
        assert process.tospec() == spec
        assert asyncio.run(process.aio_state()) == "running"
        process.kill()
        process.wait()
    assert job.state is JobState.ERROR
    assert asyncio.run(process.aio_state()) == "ended"
    process.kill()  # does nothing


def test_the_exit_code_of_a_child_is_known_and_left_to_whoever_waits_for_it(child: "subprocess.Popen[bytes]"):
    process = Process(child.pid)
    assert asyncio.run(process.aio_isrunning())
    assert child.stdin is not None
    child.stdin.close()
    assert process.wait() == 3
    assert asyncio.run(process.aio_code()) == 3
    assert child.wait() == 3


def test_a_signal_is_a_negative_code(child: "subprocess.Popen[bytes]"):
    process = Process(child.pid)
    process.kill()
    assert asyncio.run(process.aio_wait()) == -signal.SIGTERM
    assert child.wait() == -signal.SIGTERM


def test_other_coroutines_go_on_while_a_process_is_waited_for(child: "subprocess.Popen[bytes]"):
    async def ends_it() -> None:
        child.terminate()

    async def both() -> int | None:
        return (await asyncio.gather(Process(child.pid).aio_wait(), ends_it()))[0]

    assert asyncio.run(both()) == -signal.SIGTERM


def test_the_code_of_a_process_that_is_nobody_known_is_none(child: "subprocess.Popen[bytes]"):
    child.terminate()
    child.wait()
    assert Process(child.pid).wait() is None


@pytest.mark.parametrize(
    "spec",
    [{}, {"pid": "12"}, {"type": "slurm", "pid": 12}, {"pid": -1}, {"pid": 0}, []],
    ids=["empty", "text", "another kind", "negative", "none", "a list"],
)
def test_what_names_no_process_is_refused(spec: Any):
    with pytest.raises(FormatError) as caught:
        Process.fromspec(HERE, spec)
    assert str(caught.value) == f'{spec}: expected {{"type": "local", "pid": 123, "host": "name"}}'


def test_the_process_of_another_machine_is_refused():
    with pytest.raises(FormatError) as caught:
        Process.fromspec(HERE, {"type": "local", "pid": 12, "host": "elsewhere"})
    assert str(caught.value) == (
        f"the process 12 is one of elsewhere, and this is {socket.gethostname()}: ask for it there"
    )


def test_an_exit_code_says_how_a_job_ended(child: "subprocess.Popen[bytes]"):
    states = [Process(child.pid).get_job_state(code) for code in (0, 1, -9, None)]
    assert states == [JobState.DONE, JobState.ERROR, JobState.ERROR, JobState.ERROR]


@pytest.mark.parametrize("pid", ["12", 0, True, None])
def test_what_is_no_number_of_a_process_is_refused(pid: Any):
    with pytest.raises(FormatError) as caught:
        Process(pid)
    assert str(caught.value) == (f"Process({pid!r}): expected the number of a process, a whole one from 1 up")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("A", 1, "two str. Use str(...)"), ("A=b", "1", "a name without '=', and no NUL")],
)
def test_a_variable_that_no_job_can_have_is_refused(name: str, value: Any, expected: str):
    with pytest.raises(SubmissionError) as caught:
        DirectLauncher().setenv(name, value)
    assert str(caught.value) == f"setenv({name!r}, {value!r}): expected {expected}"


def test_a_launcher_wants_a_machine():
    machine: Any = "here"
    with pytest.raises(TypeError) as caught:
        DirectLauncher(machine)
    assert str(caught.value) == "DirectLauncher('here'): expected a Connector, or nothing"


def test_a_lock_is_held_once(tmp_path: Path):
    connector = Connector(tmp_path)
    with connector.lock(tmp_path / "lock"), pytest.raises(Timeout), connector.lock(tmp_path / "lock", 0.01):
        pass

    async def again() -> bool:
        async with connector.async_lock(tmp_path / "lock") as lock:
            return lock.is_locked

    assert asyncio.run(again())


def test_a_connector_makes_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XPM_WORKDIR", str(tmp_path))
    token = Connector(tmp_path).createtoken("gpu", 4)
    assert (type(token), token.name, token.total) == (CounterToken, "gpu", 4)


def test_paths_are_resolved_and_files_made_executable(tmp_path: Path):
    connector = Connector(tmp_path)
    script = tmp_path / "script"
    script.touch(mode=0o644)
    connector.setExecutable(script, True)
    assert os.access(script, os.X_OK)
    connector.setExecutable(script, False)
    assert script.stat().st_mode & 0o777 == 0o644
    assert connector.resolve(script) == str(script)
    assert connector.resolve(script, tmp_path) == "script"
