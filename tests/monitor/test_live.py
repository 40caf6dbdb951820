"""What stays on the screen of a real terminal: a pseudo-terminal, read by an emulator of one."""

import contextlib
import fcntl
import io
import os
import pty
import struct
import sys
import termios
from collections.abc import Iterator
from typing import TextIO

import pyte
import pytest

from experimaestro.monitor.live import LiveArea


class Terminal:
    """A terminal of 30 columns and 8 lines: `stream` writes to it, `lines` is what one sees."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8")
        self._screen = pyte.HistoryScreen(30, 8, history=1000)
        self._parser = pyte.ByteStream(self._screen)
        self.resize(30, 8)
        self.raw = b""

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._screen.resize(lines, columns)

    def second_stream(self) -> TextIO:
        return os.fdopen(os.dup(self.stream.fileno()), "w", encoding="utf-8")

    def lines(self) -> list[str]:
        """All lines, those that left the screen too, without empty ones at the end."""
        self._read()
        above = ["".join(line[i].data for i in range(30)).rstrip() for line in self._screen.history.top]
        shown = [*above, *(line.rstrip() for line in self._screen.display)]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.close()
        with contextlib.suppress(OSError):
            os.close(self._master)

    def hang_up(self) -> None:
        os.close(self._master)

    def _read(self) -> None:
        os.set_blocking(self._master, False)
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._master, 65536):
                self.raw += data
                self._parser.feed(data)


class Clock:
    """Seconds, as the test says; each look is a second later."""

    t = 0.0

    def __call__(self) -> float:
        self.t += 1.0
        return self.t


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.fixture
def area(terminal: Terminal) -> Iterator[LiveArea]:
    area = LiveArea(terminal.stream, Clock())
    area.open()
    yield area
    area.abandon()


def test_the_area_is_below_what_is_printed(terminal: Terminal, area: LiveArea):
    area.show(["one", "two"])
    print("hello", file=terminal.stream)
    print("world", file=terminal.stream)

    assert terminal.lines() == ["hello", "world", "", "one", "two"]


def test_the_area_changes_in_its_place(terminal: Terminal, area: LiveArea):
    print("hello", file=terminal.stream)
    area.show(["one", "two", "three"])
    area.show(["ONE"])

    assert terminal.lines() == ["hello", "", "ONE"]


def test_closing_leaves_only_what_was_printed(terminal: Terminal, area: LiveArea):
    area.show(["one", "two"])
    print("hello", file=terminal.stream)
    area.close()
    print("after", file=terminal.stream)
    terminal.stream.flush()

    assert terminal.lines() == ["hello", "after"]
    assert "write" not in vars(terminal.stream)


def test_an_empty_area_is_erased(terminal: Terminal, area: LiveArea):
    print("hello", file=terminal.stream)
    area.show(["one", "two"])
    area.show([])

    assert terminal.lines() == ["hello"]


def test_what_is_printed_on_a_full_screen_goes_up_and_nothing_is_lost(terminal: Terminal, area: LiveArea):
    for i in range(30):
        area.show([f"shown {i}", "two"])
        print(f"line {i}", file=terminal.stream)

    assert terminal.lines() == [*(f"line {i}" for i in range(30)), "", "shown 29", "two"]


def test_a_line_in_pieces_stays_one_line(terminal: Terminal, area: LiveArea):
    area.show(["area"])
    print("a ", end="", file=terminal.stream)
    area.show(["area"])
    assert terminal.lines() == ["a", "area"]

    print("\x1b[32mb\x1b[0m", "c", file=terminal.stream)
    assert terminal.lines() == ["a b c", "", "area"]


def test_a_progress_bar_of_the_program_is_drawn_over_itself(terminal: Terminal, area: LiveArea):
    for i in range(3):
        terminal.stream.write(f"\r{i}0% ##")
        area.show([f"area {i}"])

    assert terminal.lines() == ["20% ##", "area 2"]


def test_a_line_that_wraps_or_moves_the_cursor_hides_the_area_until_it_ends(
    terminal: Terminal, area: LiveArea
):
    area.show(["area"])
    terminal.stream.write("x" * 40)
    area.show(["area"])
    assert terminal.lines() == ["x" * 30, "x" * 10]

    terminal.stream.write("\n")
    assert terminal.lines() == ["x" * 30, "x" * 10, "", "area"]


def test_a_failure_is_printed_above_and_after_an_unfinished_line(terminal: Terminal, area: LiveArea):
    area.show(["area"])
    terminal.stream.write("loading")
    area.print_above("failed\n")

    assert terminal.lines() == ["loading", "failed", "", "area"]


def test_output_that_does_not_pass_here_lands_in_the_right_place(terminal: Terminal, area: LiveArea):
    area.show(["area, long enough", "two"])
    os.write(terminal.stream.fileno(), b"from a child\n")
    area.show(["area, long enough", "two"])
    print("hello", file=terminal.stream)

    assert terminal.lines() == ["from a child", "hello", "", "area, long enough", "two"]


def test_every_stream_of_the_terminal_is_followed_and_no_other(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
):
    elsewhere = io.StringIO()
    with terminal.second_stream() as out:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", elsewhere)
        area = LiveArea(terminal.stream, Clock())
        area.open()
        area.show(["area"])
        print("to standard output")
        print("to a file", file=sys.stderr)

        assert terminal.lines() == ["to standard output", "", "area"]
        assert elsewhere.getvalue() == "to a file\n"
        assert "write" not in vars(elsewhere)
        area.close()


def test_whoever_prints_gets_the_length_and_the_errors_of_the_stream_itself(
    terminal: Terminal, area: LiveArea
):
    area.show(["area"])
    assert terminal.stream.write("four") == 4
    with pytest.raises(TypeError):
        terminal.stream.write(b"bytes")  # type: ignore[arg-type] # what is tested
    terminal.stream.writelines(["\n", "more\n"])
    assert terminal.lines() == ["four", "more", "", "area"]


def test_a_forked_child_writes_straight(terminal: Terminal, area: LiveArea, monkeypatch: pytest.MonkeyPatch):
    area.show(["area"])
    terminal.lines()
    terminal.raw = b""
    monkeypatch.setattr(os, "getpid", lambda: -1)
    print("child", file=terminal.stream, flush=True)

    terminal.lines()
    assert terminal.raw == b"child\r\n"


def test_a_higher_area_than_the_terminal_is_cut(terminal: Terminal, area: LiveArea):
    print("hello", file=terminal.stream)
    area.show([str(i) for i in range(20)])
    print("world", file=terminal.stream)

    assert terminal.lines() == ["hello", "world", "", *(str(i) for i in range(7))]


def test_a_resized_terminal_is_no_trouble(terminal: Terminal, area: LiveArea):
    area.show(["one", "two"])
    terminal.lines()
    terminal.resize(30, 6)
    assert (area.columns, area.height) == (30, 6)
    area.show(["ONE", "TWO"])
    print("hello", file=terminal.stream)

    assert [line for line in terminal.lines() if line] == ["hello", "ONE", "TWO"]


def test_a_terminal_that_is_gone_is_an_error_for_the_view_and_not_for_who_prints(
    terminal: Terminal, area: LiveArea
):
    area.show(["area"])
    terminal.hang_up()

    with pytest.raises(OSError, match=r"."):
        area.show(["area"])


def test_printing_a_lot_does_not_draw_each_time(terminal: Terminal):
    class Still(Clock):
        def __call__(self) -> float:
            return 0.0

    area = LiveArea(terminal.stream, Still())
    area.open()
    area.show(["area"])
    for i in range(100):
        print(i, file=terminal.stream)
    area.close()

    assert terminal.lines() == [str(i) for i in range(100)]
    assert terminal.raw.count(b"area") == 1
