"""How far a job is: written by the job, read by whoever shows it.

Rules: only the process of the job writes; the file is replaced, at most every `INTERVAL_S`, and a
value that comes sooner is written by a thread as soon as it may; the last value wins and nothing
depends on it. Processes that the job forks, and secondary ranks of a distributed job, write
nothing.
"""

import contextlib
import json
import operator
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

from experimaestro.exceptions import NotInJobError
from experimaestro.workspace import contents
from experimaestro.workspace.files import read, replace

INTERVAL_S = 0.4
"""Time between two writes, in seconds: with the time to read it, a view knows after half a second"""

MOVED = 0.01
"""A value that moved by less is not written, except 1"""

T = TypeVar("T")


class ProgressFile:
    """The progress of the job that this process is.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._pid = os.getpid()
        self._levels: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        self._dirty = False
        self._written = 0.0
        self._writer: threading.Thread | None = None

    def set(self, value: float, level: int, text: str | None) -> None:
        """Notes a value; deeper levels are forgotten, since their loop begins anew.

        Args:
            value: From 0 to 1.
            level: 0 for the outer loop.
            text: What the loop does; None: as before.
        """
        if os.getpid() != self._pid:
            return
        with self._changed:
            known = self._levels[level] if level < len(self._levels) else (-1.0, "")
            text = known[1] if text is None else text
            same = abs(value - known[0]) < MOVED and text == known[1] and (value < 1 or known[0] >= 1)
            if same and len(self._levels) == level + 1:
                return
            self._levels += [(0.0, "")] * (level - len(self._levels))
            self._levels[level:] = [(value, text)]
            self._dirty = True
            if time.monotonic() - self._written >= INTERVAL_S:
                self._write()
            elif self._writer is None:
                self._writer = threading.Thread(
                    target=self._write_later, name="experimaestro-progress", daemon=True
                )
                self._writer.start()
            else:
                self._changed.notify()

    def close(self) -> None:
        """Writes the last value, if it is not there yet."""
        with self._changed:
            if self._dirty:
                self._write()

    def _write_later(self) -> None:
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._dirty)
                rest = self._written + INTERVAL_S - time.monotonic()
                if rest > 0:
                    self._changed.wait(rest)
                elif self._dirty:
                    self._write()

    def _write(self) -> None:
        """Writes what is noted; a disk that refuses must not end the job."""
        self._dirty = False
        self._written = time.monotonic()
        with contextlib.suppress(OSError):
            replace(self._path, json.dumps(self._levels).encode())


current: ProgressFile | None = None
"""Set by the runner of the job; None outside of a job"""


def read_progress(path: str) -> tuple[tuple[float, str], ...] | None:
    """Reads the progress of a job.

    Args:
        path: The file.

    Returns:
        Value (0 to 1) and text of each level, the outer one first; None if there is nothing to
        read or if it is not progress.
    """
    try:
        data = read(path)
        levels = [] if data is None else json.loads(data)
        return (
            tuple((min(1.0, max(0.0, float(value))), contents.text(said)) for value, said in levels) or None
        )
    except (OSError, ValueError, TypeError, RecursionError, OverflowError):
        return None


def progress(value: float, level: int = 0, desc: str | None = None, console: bool = False) -> None:
    """Says how far the running task is.

    Every view of the experiment shows it within half a second. In the processes of a distributed
    job, only the first (rank 0) is heard.

    Args:
        value: From 0 (just begun) to 1 (finished).
        level: 0 for the outer loop, 1 for the loop in it...
        desc: What is being done; None leaves the text as it is.
        console: Also print it to the job's standard error.

    Raises:
        NotInJobError: Called outside of a running job.

    Example:
        >>> for epoch in range(10):                         # doctest: +SKIP
        ...     progress(epoch / 10, desc=f"epoch {epoch}")
    """
    if current is None:
        raise NotInJobError(
            "progress() says how far a running job is, and this process is not a job. "
            "Call it in the execute() of a task that was submitted"
        )
    if console:
        sys.stderr.write(f"{'  ' * level}{desc or 'progress'}: {value:.0%}" + "\n")
        sys.stderr.flush()
    if not _is_secondary():
        current.set(float(value), level, desc)


def _is_secondary() -> bool:
    """Whether another process of the same distributed job speaks for it."""
    ranks = (os.environ.get(name, "") for name in ("SLURM_PROCID", "RANK", "LOCAL_RANK"))
    return any(rank.isdigit() and int(rank) > 0 for rank in ranks)


class tqdm(Generic[T]):  # noqa: N801 - the name of the compatible API
    """A loop whose progress the views of the experiment show; outside of a job, just a loop.

    Loops in loops become levels. The most used arguments and methods of the package of the same
    name are there.

    Args:
        iterable: What to go through; None: call `update` yourself.
        desc: What the loop does.
        total: Number of steps; found by itself where `iterable` has a length.
        **_options: Other options of the package of the same name: accepted, without effect.

    Attributes:
        n: Steps done.
        total: Number of steps, if known.

    Example:
        >>> sum(tqdm(range(4), desc="adding"))
        6
    """

    _depth = 0

    def __init__(
        self, iterable: Iterable[T] | None = None, desc: str = "", total: float | None = None, **_options: Any
    ) -> None:
        self.iterable = iterable
        self.desc = desc
        self.n: float = 0
        if total is None and iterable is not None:
            total = operator.length_hint(iterable) or None
        self.total = total
        self._postfix = ""
        self._level = tqdm._depth
        self._open = True
        tqdm._depth += 1
        self._report()

    def __iter__(self) -> Iterator[T]:
        """Goes through `iterable`; a loop that is left early is closed as well."""
        if self.iterable is None:
            raise TypeError("tqdm() was made without something to iterate over: use update()")
        try:
            for item in self.iterable:
                yield item
                self.update()
        finally:
            self.close()

    def __enter__(self) -> "tqdm[T]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self.total or 0)

    def update(self, n: float = 1) -> None:
        """Notes that `n` more steps are done."""
        self.n += n
        self._report()

    def set_description(self, desc: str | None = None, refresh: bool = True) -> None:  # noqa: ARG002 - compatible
        """Changes what the loop is said to do."""
        self.desc = desc or ""
        self._report()

    def set_postfix(self, ordered_dict: dict[str, object] | None = None, **values: object) -> None:
        """Shows values after the description: ``loss=0.31``."""
        shown = {**(ordered_dict or {}), **values}
        self._postfix = ", ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in shown.items()
        )
        self._report()

    def close(self) -> None:
        """Ends the loop: the next one begins at its level."""
        if self._open:
            self._open = False
            tqdm._depth -= 1

    def _report(self) -> None:
        if current is not None and not _is_secondary():
            text = " ".join(part for part in (self.desc, self._postfix) if part)
            current.set(min(1.0, self.n / self.total) if self.total else 0.0, self._level, text)
