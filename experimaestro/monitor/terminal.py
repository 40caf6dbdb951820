"""The view of a run in a terminal, or as lines where there is none. Always on standard error.

A thread looks at the run five times a second and draws. Rules: the scheduler never waits for it;
whoever ends the run waits for it for a moment at most; a terminal that is slow, closed or gone
costs the view and nothing else. `draw` is the whole work of one look, and needs no thread.
"""

import atexit
import contextlib
import io
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, TimeoutError as NotYet
from typing import Protocol, TextIO

from rich.console import Console
from rich.text import Text

from experimaestro.events.state import Job, State
from experimaestro.monitor import failures, words
from experimaestro.monitor.live import LiveArea
from experimaestro.monitor.picture import failure, picture
from experimaestro.monitor.plain import PlainLines
from experimaestro.monitor.printable import printable
from experimaestro.monitor.snapshot import Snapshot, take
from experimaestro.workspace.layout import JobPaths

THREAD = "experimaestro-terminal"
"""Name of the thread"""

PERIOD_S = 0.2
"""Time between two looks, in seconds"""

ANSWER_S = 1.0
"""How long the last look waits for the scheduler, in seconds"""

STOP_S = 2.0
"""How long `TerminalView.stop` waits for a slow terminal, in seconds"""

IN_FULL = 5
"""Failures of one task that are told in full when they happen; of others, the first line"""

TOLD = 100
"""Failures that are told when they happen; others are only counted"""

_ROWS = 10
"""Running jobs that are shown where the terminal is high enough"""

Ask = Callable[[Callable[[State], Snapshot | None]], "Future[Snapshot | None]"]
"""Asks a question of the state, in the scheduler's thread"""


class _Surface(Protocol):
    """What a run is drawn on."""

    @property
    def rows(self) -> int:
        """How many running jobs it can show."""

    def show(self, snapshot: Snapshot) -> None: ...

    def fail(self, headline: str, details: Sequence[str]) -> None: ...

    def end(self, text: str) -> None: ...


class TerminalView:
    """Shows a run to whoever started it: what runs, how far, what failed, how long it will take.

    On a terminal, lines at its bottom that change, with failures printed above them at the moment
    they happen; anywhere else (a pipe, a file, `TERM=dumb`, an interactive session) plain lines.
    `NO_COLOR` is respected. Never writes to standard output.

    Args:
        ask: Asks a question of the state in the scheduler's thread; see `scheduler.loop.Loop.ask`.
        run_id: The run: `<experiment>/<run id>`.
        title: Its name for people.
        paths: The files of a job, by its key.
        workers: How many jobs run at once on this machine.
        stream: Where to draw; None: standard error.
    """

    def __init__(
        self,
        ask: Ask,
        run_id: str,
        title: str,
        paths: Callable[[str], JobPaths],
        workers: int,
        stream: TextIO | None = None,
    ) -> None:
        self._ask = ask
        self._run_id = run_id
        self._paths = paths
        self._workers = workers
        self._stream = stream if stream is not None else sys.stderr
        self._area = LiveArea(self._stream) if _is_live(self._stream) else None
        self._surface: _Surface
        if self._area is not None:
            self._surface = _Live(self._area, self._stream, printable(title))
        else:
            self._surface = PlainLines(self._write_line, printable(title))
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._answer: Future[Snapshot | None] | None = None
        self._last: Snapshot | None = None
        self._known_failures = 0
        self._told: Counter[str] = Counter()

    def start(self) -> None:
        """Starts to show the run; once."""
        if self._stream is None or self._thread is not None:  # pythonw has no standard error
            return
        if self._area is not None:
            self._area.open()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Shows the end of the run in one line, and leaves the terminal as it was.

        Returns after `STOP_S` even if the terminal takes nothing more. Further calls do nothing.
        """
        if self._thread is None:
            return
        atexit.unregister(self.stop)
        self._stopping.set()
        self._thread.join(STOP_S)
        if self._area is not None:
            self._area.abandon()

    def draw(self, snapshot: Snapshot) -> None:
        """Shows what a snapshot says: new failures once, the rest as it is now.

        Args:
            snapshot: A later one than the one before.

        Raises:
            OSError: The terminal is gone.
        """
        self._last = snapshot
        self._known_failures = snapshot.known_failures
        for job in snapshot.failures:
            self._tell(job)
        self._surface.show(snapshot)

    def finish(self) -> None:
        """Writes the last line.

        Raises:
            OSError: The terminal is gone.
        """
        if self._last is not None:
            self._surface.end(words.summary(self._last.tally, self._last.elapsed))

    def _run(self) -> None:
        """The thread."""
        try:
            while not self._stopping.wait(PERIOD_S):
                self._look(PERIOD_S)
            known = -1
            while known != self._known_failures:  # there may be more than one snapshot brings
                known = self._known_failures
                self._look(ANSWER_S)
            self.finish()
        except OSError:
            pass  # nobody reads any more; the run goes on without a view
        finally:
            if self._area is not None:
                self._area.abandon()

    def _look(self, wait_s: float) -> None:
        """Draws the run as it is now, if the scheduler answers in time."""
        with contextlib.suppress(NotYet, RuntimeError):  # busy, or ended
            if self._answer is None:
                known, rows = self._known_failures, self._surface.rows
                self._answer = self._ask(
                    lambda state: take(state, self._run_id, known, rows, t=time.time(), workers=self._workers)
                )
            snapshot = self._answer.result(wait_s)
            self._answer = None
            if snapshot is not None:
                self.draw(snapshot)

    def _tell(self, job: Job) -> None:
        told = self._told.total()
        if told >= TOLD:
            return
        self._told[job.task] += 1
        details: list[str] = []
        if self._told[job.task] <= IN_FULL:
            details = failures.details(job, self._paths(job.key))
        self._surface.fail(failures.headline(job), details)
        if told + 1 == TOLD:
            self._surface.fail("more failures are counted only", [])

    def _write_line(self, line: str) -> None:
        """Writes a line in one piece, in what the stream can encode."""
        if self._stream.closed:
            raise BrokenPipeError("the stream was closed")
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(f"{line}\n".encode(encoding, "backslashreplace").decode(encoding))
        self._stream.flush()


class _Live:
    """A terminal, drawn with colours where it has them."""

    def __init__(self, area: LiveArea, stream: TextIO, title: str) -> None:
        self._area = area
        self._title = title
        self._unicode = (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
        self._console = Console(
            file=io.StringIO(), force_terminal=True, force_jupyter=False, legacy_windows=False,
            highlight=False, markup=False, emoji=False,
        )  # fmt: skip

    @property
    def rows(self) -> int:
        """How many running jobs it can show."""
        return min(_ROWS, max(1, self._area.height - 4))

    def show(self, snapshot: Snapshot) -> None:
        """Draws the area."""
        height = min(_ROWS + 6, self._area.height - 1)
        lines = picture(snapshot, self._title, self._area.columns, height, unicode=self._unicode)
        self._area.show(self._styled(lines).splitlines())

    def fail(self, headline: str, details: Sequence[str]) -> None:
        """Prints a failure above the area."""
        self._area.print_above(self._styled(failure(headline, details, unicode=self._unicode)))

    def end(self, text: str) -> None:
        """Erases the area and prints the last line."""
        self._area.show([])
        self._area.print_above(self._styled([Text(f"{self._title}: {text}")]))
        self._area.close()

    def _styled(self, lines: Sequence[Text]) -> str:
        with self._console.capture() as captured:
            for line in lines:
                self._console.print(line, soft_wrap=True)
        text = captured.get()
        return text if self._unicode else text.encode("ascii", "backslashreplace").decode("ascii")


def _is_live(stream: TextIO | None) -> bool:
    """Whether lines can be drawn that change."""
    if stream is None or hasattr(sys, "ps1"):  # an interactive session draws its own prompt
        return False
    return stream.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}
