"""Lines that stay at the bottom of a terminal, below whatever the program prints.

How it works: the cursor stays where the program's own output goes on, and the area is drawn on the
lines *below* it, after which the cursor goes back up. So output that does not pass here (of a child
process, of C code) still lands in the right place, a resized terminal moves cursor and area
together, and erasing is one sequence, whatever the area's height.

`sys.stdout` and `sys.stderr` stay the same objects: while the area lives, their method `write` is
one that erases the area first. A log handler that got hold of a stream before is covered by that
too. Only streams that are this very terminal are touched: what is redirected to a file is not.

Rules: everything that is ours is written in one piece under one lock. A forked child writes
straight. What goes wrong with the terminal is raised to whoever draws, never to whoever prints.
"""

import contextlib
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from rich.cells import cell_len

_COLOURS = re.compile(r"\x1b\[[\d;:]*m")
_QUIET_S = 0.05
"""Time between two drawings that follow output, in seconds; more would slow printing down"""


class LiveArea:
    """The lines at the bottom of a terminal.

    Args:
        stream: A stream that is a terminal.
        clock: Seconds, by any clock.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._write = stream.write  # the stream's own
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._patched: list[TextIO] = []
        self._is_open = False
        self._lines: Sequence[str] = ()
        self._drawn = False
        self._drawn_at = -_QUIET_S
        self._column: int | None = 0  # of the cursor; None: not known
        self._is_fresh = True  # nothing was printed on the cursor's line

    @property
    def columns(self) -> int:
        """Width of the terminal."""
        return self._size().columns

    @property
    def height(self) -> int:
        """Height of the terminal, in lines."""
        return self._size().lines

    def open(self) -> None:
        """Takes note of what is printed from now on to this terminal."""
        self._is_open = True
        device = _device(self._stream)
        streams = (self._stream, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
        for stream in {id(stream): stream for stream in streams if stream is not None}.values():
            if stream is self._stream or (device is not None and _device(stream) == device):
                with contextlib.suppress(AttributeError):  # an object without attributes of its own
                    _set_write(stream, self._around(stream.write, stream.flush))
                    self._patched.append(stream)

    def close(self) -> None:
        """Erases the area and leaves the terminal as it was.

        Raises:
            OSError: The terminal is gone.
        """
        with self._lock:
            try:
                if self._is_open:
                    self._send(self._erased())
            finally:
                self.abandon()

    def abandon(self) -> None:
        """Lets go of the terminal without writing to it or waiting for it."""
        self._is_open = False
        for stream in self._patched:
            with contextlib.suppress(AttributeError):
                del stream.write
        self._patched.clear()

    def show(self, lines: Sequence[str]) -> None:
        """Draws the area.

        Args:
            lines: What it shows, none wider than the terminal; may hold colours.

        Raises:
            OSError: The terminal is gone.
        """
        with self._lock:
            self._lines = lines
            if self._is_open and self._may_draw():
                self._send(self._drawing())

    def print_above(self, text: str) -> None:
        """Prints text that stays, above the area.

        Args:
            text: Whole lines, each with its newline.

        Raises:
            OSError: The terminal is gone.
        """
        with self._lock:
            if not self._is_open:
                return
            new_line = "" if self._is_fresh else "\n"
            erased = self._erased()
            self._follow(new_line + text)
            self._send(erased + new_line + text + (self._drawing() if self._may_draw() else ""))

    def _around(self, write: Callable[[str], int], flush: Callable[[], None]) -> Callable[[str], int]:
        """A method `write` that keeps the area below what it writes."""

        def write_above(text: str) -> int:
            if not self._is_open or os.getpid() != self._pid:
                return write(text)
            with self._lock:
                with contextlib.suppress(OSError):
                    self._send(self._erased())
                written = write(text)
                flush()
                self._follow(text)
                is_time = text.endswith("\n") and self._clock() - self._drawn_at >= _QUIET_S
                if is_time and self._lines and self._may_draw():
                    with contextlib.suppress(OSError):
                        self._send(self._drawing())
            return written

        return write_above

    def _follow(self, text: str) -> None:
        """Works out where the cursor is after a text."""
        _, newline, last = text.rpartition("\n")
        if newline:
            self._column, self._is_fresh = 0, True
        if not last:
            return
        self._is_fresh = False
        _, back, last = last.rpartition("\r")
        if back:
            self._column = 0
        last = _COLOURS.sub("", last)
        if self._column is not None:
            self._column += cell_len(last)
            if not last.isprintable() or self._column >= self.columns:
                self._column = None

    def _may_draw(self) -> bool:
        return self._column is not None and _is_in_foreground(self._stream)

    def _drawing(self) -> str:
        """What draws the area below the cursor and brings the cursor back."""
        lines = self._lines[: max(0, self.height - 1)]
        if not lines:
            return self._erased()
        self._drawn, self._drawn_at = True, self._clock()
        clear = "\x1b[K" if self._is_fresh else ""  # what others printed past us
        rows = "".join(f"\n\r\x1b[2K{line}" for line in lines)
        return f"{clear}\x1b[?7l{rows}\x1b[J\x1b[?7h\x1b[{len(lines)}A{self._back()}"

    def _erased(self) -> str:
        """What erases the area."""
        if not self._drawn:
            return ""
        self._drawn = False
        return f"\n\r\x1b[J\x1b[A{self._back()}"

    def _back(self) -> str:
        return f"\r\x1b[{self._column}C" if self._column else "\r"

    def _send(self, text: str) -> None:
        if not text:
            return
        if self._stream.closed:
            raise BrokenPipeError("the terminal's stream was closed")
        self._write(text)
        self._stream.flush()

    def _size(self) -> os.terminal_size:
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            size = os.terminal_size((0, 0))
        return os.terminal_size((size.columns or 80, size.lines or 24))


def _set_write(stream: Any, write: Callable[[str], int]) -> None:
    stream.write = write


def _device(stream: TextIO) -> int | None:
    """The number of the terminal that a stream is; None for anything else."""
    try:
        return os.fstat(stream.fileno()).st_rdev if stream.isatty() else None
    except (OSError, ValueError):
        return None


def _is_in_foreground(stream: TextIO) -> bool:
    """Whether the terminal listens to this process, and not to the shell that put it aside."""
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return True  # not the terminal that controls this process: nobody else draws there
