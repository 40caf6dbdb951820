"""The view as a whole: on a terminal, in a file, on something that is gone or does not move."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pyte
import pytest

from experimaestro.events.state import State
from experimaestro.monitor import terminal
from experimaestro.monitor.snapshot import Snapshot
from experimaestro.monitor.terminal import TerminalView
from experimaestro.workspace.layout import JobPaths
from polling import wait_until
from study import Study

A = "a" * 64


def paths(key: str) -> JobPaths:
    return JobPaths.of("/no/such", key)


def view_of(study: Study, stream: io.StringIO) -> TerminalView:
    def ask(question: Callable[[State], Snapshot | None]) -> "Future[Snapshot | None]":
        answer: Future[Snapshot | None] = Future()
        answer.set_result(question(study.state))
        return answer

    return TerminalView(ask, study.run, "first", paths, 2, stream)


class FakeTerminal(io.StringIO):
    """Says that it is a terminal and keeps what it is sent."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def ordinary_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


def test_a_file_gets_the_start_each_failure_and_the_summary():
    study, file = Study(), io.StringIO()
    view = view_of(study, file)

    view.draw(study.submit("a", lr=0.1).observe("a").start("a").submit("b").observe("b", "done").look(t=5.0))
    view.draw(study.fail("a").look(t=20.0))
    view.finish()

    assert (
        file.getvalue()
        == f"""\
first: 2 jobs: 1 done, 1 running
first: train lr=0.1 failed
  train.py:12 in execute: raise ValueError('no')
  ValueError: no
  folder: /no/such/jobs/lab.train/{A}
first: 2 jobs: 1 done, 1 failed
first: 1 found done, 1 failed in 20 s
"""
    )


@pytest.mark.parametrize(
    ("found", "text"), [(0, "no task was submitted"), (40, "40 found done: nothing to run")]
)
def test_a_run_in_which_nothing_runs_says_so(found: int, text: str):
    study, file = Study(), io.StringIO()
    for i in range(found):
        study.submit(100 + i).observe(100 + i, "done")
    view = view_of(study, file)

    view.draw(study.look())
    view.finish()

    assert file.getvalue().splitlines()[-1] == f"first: {text}"


def test_the_start_is_told_without_waiting_and_stop_tells_the_end():
    study, file = Study().start("a").end("a"), io.StringIO()
    view = view_of(study, file)

    view.start()
    view.stop()
    view.stop()

    assert re.fullmatch(r"first: 1 job: 1 done\nfirst: 1 run in .*\n", file.getvalue())


def test_all_failures_of_the_end_are_told_even_if_they_are_many():
    study, file = Study(), io.StringIO()
    for i in range(50):
        study.start(100 + i).fail(100 + i)
    view = view_of(study, file)

    view.start()
    view.stop()

    assert file.getvalue().count("first: train ") == 50
    assert file.getvalue().count("train.py:12") == terminal.IN_FULL


def test_failures_beyond_a_hundred_are_counted_only():
    study, file = Study(), io.StringIO()
    for i in range(150):
        study.start(100 + i).fail(100 + i)
    view = view_of(study, file)

    view.start()
    view.stop()

    lines = file.getvalue().splitlines()
    assert sum(line.startswith("first: train ") for line in lines) == terminal.TOLD
    assert "first: more failures are counted only" in lines
    assert ", 150 failed in " in f", {lines[-1]}".replace("first: ", "")


def test_what_the_stream_cannot_encode_is_escaped():
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file:
        study = Study().submit("a", corpus="été").observe("a").start("a").fail("a")
        view = TerminalView(lambda _: Future(), study.run, "学", paths, 2, file)
        view.draw(study.look())

        assert b"\\u5b66: train corpus=\\xe9t\\xe9 failed\n" in raw.getvalue()


@pytest.mark.parametrize("term", ["dumb", "unknown", None])
def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch, term: str | None):
    if term is None:
        monkeypatch.delenv("TERM")
    else:
        monkeypatch.setenv("TERM", term)
    study, file = Study().start("a"), FakeTerminal()

    view_of(study, file).draw(study.look())

    assert file.getvalue() == "first: 1 job: 1 running\n"


def test_an_interactive_session_gets_plain_lines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    study, file = Study().start("a"), FakeTerminal()

    view_of(study, file).draw(study.look())

    assert file.getvalue() == "first: 1 job: 1 running\n"


@pytest.mark.parametrize("no_color", [False, True])
def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch, no_color: bool):
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    study, file = Study().start("a").start("b").fail("b"), FakeTerminal()
    view = view_of(study, file)

    view.start()
    view.stop()

    assert "✕ train bbbbbbbb failed" in file.getvalue()
    assert bool(re.search(r"\x1b\[[\d;]*38;", file.getvalue())) is not no_color


def test_a_stream_that_is_closed_costs_the_view_and_nothing_else():
    study, file = Study().start("a"), io.StringIO()
    view = view_of(study, file)

    file.close()
    view.start()
    view.stop()


def test_a_reader_that_is_gone_costs_the_view_and_nothing_else():
    reader, writer = os.pipe()
    os.close(reader)
    study = Study().start("a")
    file = os.fdopen(writer, "w")
    view = TerminalView(view_of(study, io.StringIO())._ask, study.run, "first", paths, 2, file)

    view.start()
    view.stop()

    with pytest.raises(BrokenPipeError):
        file.close()


def test_a_terminal_that_does_not_move_is_waited_for_a_moment_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(terminal, "STOP_S", 0.01)
    moves = threading.Event()

    class Stuck(FakeTerminal):
        def write(self, text: str) -> int:
            moves.wait()
            return len(text)

    study, file = Study().start("a"), Stuck()
    view = view_of(study, file)

    view.start()
    view.stop()
    assert "write" not in vars(file)

    moves.set()


@pytest.mark.parametrize("ended", [False, True])
def test_a_scheduler_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, ended: bool):
    monkeypatch.setattr(terminal, "ANSWER_S", 0.01)
    file = io.StringIO()

    def ask(_: Callable[[State], Snapshot | None]) -> "Future[Snapshot | None]":
        if ended:
            raise RuntimeError("Event loop is closed")
        return Future()

    view = TerminalView(ask, "first/1", "first", paths, 2, file)
    view.start()
    view.stop()

    assert file.getvalue() == ""


def test_without_standard_error_there_is_no_view(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", None)
    view = TerminalView(lambda _: Future(), "first/1", "first", paths, 2)
    view.start()
    view.stop()


# ----------------------------------------------------------------------------------------------
# A program of its own on a pseudo-terminal, as a person has it

PROGRAM = """
import logging, os, subprocess, sys
from concurrent.futures import Future
from types import SimpleNamespace
from study import Study
from experimaestro.monitor import terminal
from experimaestro.monitor.terminal import TerminalView
from experimaestro.workspace.layout import JobPaths

terminal.time = SimpleNamespace(time=lambda: 20.0)  # it is always 20 s after the start
logging.basicConfig(format="%(message)s")          # keeps sys.stderr as it is now

def ask(question):
    answer = Future()
    answer.set_result(question(study.state))
    return answer

study = Study().submit("c").observe("c", "done")
study.submit("a", lr=0.1).observe("a").start("a").progress("a", (0.25, "epoch 1/4"))
view = TerminalView(ask, study.run, "first", lambda key: JobPaths.of("/no/such", key), 2)
view.start()
print("printed [bold]\\t\\x1b[1mby the\\x1b[0m program")
print("no newline", end="")
sys.stdin.readline()
print("")
logging.warning("logged by the program")
study.fail("a")
sys.stdin.readline()
view.stop()
print("after")
"""


class Session:
    """A program whose standard error (and output, unless it goes to a file) is a terminal."""

    def __init__(self, columns: int, output: Path | None = None) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self._screen = pyte.Screen(columns, 24)
        self._parser = pyte.ByteStream(self._screen)
        os.set_blocking(self._master, False)
        support = Path(__file__).parents[1] / "support"
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(support), str(support.parents[1])])}
        out = slave if output is None else output.open("wb")
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=out, stderr=slave, env=env
            )
        finally:
            os.close(slave)
            if not isinstance(out, int):
                out.close()

    def screen(self) -> list[str]:
        try:
            while data := os.read(self._master, 65536):
                self._parser.feed(data)
        except OSError:  # nothing more for now, or for ever
            pass
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def wait_for(self, text: str) -> list[str]:
        wait_until(lambda: any(text in line for line in self.screen()), what=f"{text!r} on the screen")
        return self.screen()

    def press_enter(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def end(self) -> list[str]:
        self.press_enter()
        assert self.process.wait(20) == 0
        return self.screen()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._master)


@pytest.fixture
def session() -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def begin(columns: int, output: Path | None = None) -> Session:
        sessions.append(Session(columns, output))
        return sessions[-1]

    yield begin

    for session in sessions:
        session.close()


def test_a_person_sees_what_runs_and_reads_what_the_program_prints(session: Callable[..., Session]):
    program = session(80)
    assert program.wait_for("epoch 1/4") == [
        "printed [bold]  by the program",
        "no newline",
        "▸ first  00:20  less than a minute left",
        "  ━━━━━━━━━━━━━━┅┅┅┅┅┅┅┅┅┅┅┅┅  1 done  1 running",
        "  train lr=0.1  ━━━─────────   25%  00:16  epoch 1/4",
    ]

    program.press_enter()
    assert program.wait_for("1 failed")[1:] == [
        "no newline",
        "logged by the program",
        "✕ train lr=0.1 failed",
        "  train.py:12 in execute: raise ValueError('no')",
        "  ValueError: no",
        f"  folder: /no/such/jobs/lab.train/{A}"[:80],
        f"  folder: /no/such/jobs/lab.train/{A}"[80:],
        "",
        "✕ first  00:20",
        "  ━━━━━━━━━━━━━━✕✕✕✕✕✕✕✕✕✕✕✕✕  1 done  1 failed",
    ]

    assert program.end()[-2:] == ["first: 1 found done, 1 failed in 20 s", "after"]


def test_what_is_printed_to_a_file_is_exactly_what_the_program_prints(
    session: Callable[..., Session], tmp_path: Path
):
    program = session(40, tmp_path / "out")
    lines = program.wait_for("train lr=0.1")
    assert lines[1:] == [
        "▸ first  00:20  less than a minute left",
        "  ━━━━━━━━━━━━━━━━━━━┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅",
        "  1 done  1 running",
        "  train lr=0.1   25%  00:16  epoch 1/4",
    ]
    program.press_enter()
    program.wait_for("1 failed")
    shown = program.end()

    assert (tmp_path / "out").read_bytes() == (
        b"printed [bold]\t\x1b[1mby the\x1b[0m program\nno newline\nafter\n"
    )
    assert "after" not in shown
    assert "logged by the program" in shown
