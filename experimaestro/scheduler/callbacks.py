"""The user's code that is called while jobs run: when one is done, and for what it gives out meanwhile.

Rules: it is called in one thread of its own, one call at a time, in the order of what happened; what it
submits goes to the run that it belongs to. What it raises is logged with its traceback and kept: a wait
for the run ends with it. A run is not finished while calls are pending.
"""

import json
import logging
import os
import threading
import traceback
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any, NamedTuple

from experimaestro.core import context
from experimaestro.core.context import Watch
from experimaestro.core.objects.outputs import Marker
from experimaestro.core.registering import MOST_BYTES
from experimaestro.workspace.layout import JobPaths

log = logging.getLogger("experimaestro.scheduler")

THREAD = "experimaestro-callbacks"
"""Name of the thread"""


class Given(NamedTuple):
    """One output that a job said it has."""

    key: str
    """`<identifier of the configuration>/<name of the method>`"""
    args: list[Any]
    kwargs: dict[str, Any]


class Callbacks:
    """The calls of one run.

    Args:
        run: Where tasks go that are submitted by a call.
        on_change: Called in any thread when a call has ended.
    """

    def __init__(self, run: context.Submitter, on_change: Callable[[], object]) -> None:
        self.errors: list[str] = []
        """What calls raised, for people"""
        self._run = run
        self._on_change = on_change
        self._queue: SimpleQueue[tuple[str, Callable[[], object]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._pending = 0
        self._has_thread = False
        self._thread: threading.Thread | None = None

    @property
    def is_mine(self) -> bool:
        """Whether the calling code is called here."""
        return threading.current_thread() is self._thread

    @property
    def pending(self) -> int:
        """How many calls are not over."""
        return self._pending

    def call(self, what: str, callback: Callable[[], object]) -> None:
        """Has something called soon; returns at once.

        Args:
            what: What it is, for the message of its error.
            callback: The user's code.
        """
        with self._lock:
            self._pending += 1
            if not self._has_thread:
                self._has_thread = True
                self._thread = threading.Thread(target=self._serve, name=THREAD, daemon=True)
                self._thread.start()
        self._queue.put((what, callback))

    def _serve(self) -> None:
        context.named.set(self._run)
        while True:
            what, callback = self._queue.get()
            try:
                callback()
            except BaseException as error:  # sys.exit() as well: the thread has calls of others to make
                log.exception("%s failed", what)
                said = "".join(traceback.format_exception_only(type(error), error)).strip()
                if f"{what} failed: {said}" not in self.errors:
                    self.errors.append(f"{what} failed: {said}")
            with self._lock:
                self._pending -= 1
                is_idle = self._pending == 0
                self._has_thread = not is_idle
            self._on_change()
            if is_idle:
                return  # the next call starts another thread


class Watched:
    """A job whose outputs are waited for.

    Args:
        key: The job.
        task: Its task.
        watch: What is done with its outputs.
    """

    def __init__(self, key: str, task: Any, watch: Watch) -> None:
        self.key = key
        self.task = task
        self.watch = watch
        self.offset = 0
        """Where the next look at its file begins"""
        self.read: object = None
        """The end of the job (`Loop.end_of`) up to which all was read; None: of none yet"""
        self._seen: set[str] = set()

    def new(self, given: Iterable[Given]) -> list[Given]:
        """Those that were not given out before: a job that is resumed or run again says some once more."""
        found = []
        for one in given:
            text = json.dumps([one.args, one.kwargs], sort_keys=True)
            if one.key == self.watch.key and text not in self._seen:
                self._seen.add(text)
                found.append(one)
        return found


def output_call(watched: Watched, given: Given) -> Callable[[], object]:
    """What is to be called for an output of a running job."""

    def call() -> object:
        watch = watched.watch
        made = watch.method(Marker(watched.task, waits=False), *given.args, **given.kwargs)
        return watch.callback(made)

    return call


def read_outputs(paths: JobPaths, offset: int) -> tuple[list[Given], int]:
    """What a job said since the last look.

    Args:
        paths: The job.
        offset: Where the last look ended; 0 at first.

    Returns:
        The outputs, and where the next look begins. A line that the job is writing is left for it; of one
        that is longer than any that we write, the parts are told to be no outputs.

    Raises:
        OSError: The disk does not tell.
    """
    try:
        with open(paths.task_outputs, "rb") as file:  # noqa: PTH123 - a string
            if os.fstat(file.fileno()).st_size < offset:
                offset = 0  # the job began again with another file
            file.seek(offset)
            data = file.read(2 * MOST_BYTES)
    except FileNotFoundError:
        return [], 0
    whole, newline, _ = data.rpartition(b"\n")
    if not newline and len(data) == 2 * MOST_BYTES:
        whole = data
    return list(_parsed(paths, whole.split(b"\n"))), offset + len(whole) + len(newline)


def _parsed(paths: JobPaths, lines: Iterable[bytes]) -> Iterable[Given]:
    for line in lines:
        if not line.strip():
            continue
        try:
            content = json.loads(line)
            yield Given(str(content["key"]), list(content["args"]), dict(content["kwargs"]))
        except (ValueError, TypeError, KeyError) as error:
            log.warning("%s: %r is no output of a task: %s", paths.task_outputs, line[:80], error)
