"""Guards around every test: what it started is gone after it, and no event loop was blocked.

Four laws, checked after each test that ran with the fixture `guarded` (tests/conftest.py makes
that every test):

1. No process that it started is alive, or a zombie. Each test has an id in its environment, so
   that a process is found even if its parent is gone. What is left is killed.
2. No thread that it started is alive.
3. It has no more open files than before (Linux).
4. The thread of the scheduler's event loop made no call that can block.

Law 4 listens to Python's audit events (PEP 578), which tell of every `open`, rename or `Popen`,
also when C code does it; the few calls without an event are wrapped. It only notes the call and
never changes what it does. The library `blockbuster` has the same aim; it sees neither `open`
nor `Popen`, stops the call (which an error handler may swallow) and looks at every event loop,
also at those of a test's own.

Rules: nothing here may slow a test down (now about 6 ms for each); whoever needs an exception adds
it below, by name, with its reason.
"""

import asyncio
import contextlib
import functools
import gc
import os
import signal
import sys
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

GRACE_S = 3.0
"""What ends by itself within this time is no leak."""

LOOP_THREAD = "experimaestro-loop"
"""Name of the thread whose event loop must not be blocked."""

ALLOWED_THREADS = (
    "pydevd",  # a debugger
)
"""Beginnings of the names of threads that may outlive a test."""

ALLOWED_PROCESSES = (
    "multiprocessing.resource_tracker",  # one for the whole process, started by the first user
    "multiprocessing.forkserver",  # same
)
"""What the command line of a process that may outlive a test contains."""

MAY_BLOCK = (
    ("<frozen importlib._bootstrap>", "_find_and_load"),  # a first import, once in a process
    ("linecache.py", "updatecache"),  # source lines of a traceback
    ("linecache.py", "checkcache"),  # same
    ("traceback.py", "_extract_caret_anchors_from_line_segment"),  # same: what cannot be parsed is looked for
    ("threading.py", "start"),  # waits for the new thread's first step
    ("concurrent/futures/thread.py", "_adjust_thread_count"),  # looks with a time-out of 0
)
"""Functions, by file and name, below which the loop's thread may make a call that can block."""

BLOCKING_EVENTS = frozenset(
    {
        "fcntl.flock",
        "fcntl.lockf",
        "open",  # also os.open
        "os.chmod",
        "os.link",
        "os.listdir",
        "os.mkdir",
        "os.posix_spawn",
        "os.remove",  # also os.unlink
        "os.rename",  # also os.replace
        "os.rmdir",
        "os.scandir",
        "os.symlink",
        "os.truncate",
        "os.utime",
        "shutil.rmtree",
        "socket.connect",
        "socket.getaddrinfo",
        "subprocess.Popen",
    }
)
"""Audit events of calls that can block."""


# ----------------------------------------------------------------------------------------------
# Law 4: the event loop


class BlockingCalls:
    """The calls that blocked the scheduler's event loop, as texts, since the last `take`."""

    def __init__(self) -> None:
        self._found: list[tuple[str, traceback.StackSummary]] = []

    def install(self) -> None:
        """Starts to listen. For ever: an audit hook cannot be taken away."""
        sys.addaudithook(self._audit)
        self._wrap(os, "stat", "lstat", "fsync", "access")
        self._wrap(threading.Condition, "wait")  # futures, queues and events wait here
        self._wrap(time, "sleep")

    def take(self) -> list[str]:
        """What was found, once."""
        found, self._found = self._found, []
        return [f"{call}\n{''.join(stack.format())}" for call, stack in found]

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in BLOCKING_EVENTS or asyncio._get_running_loop() is None:
            return
        if event == "socket.connect" and args[0].gettimeout() == 0:
            return
        self._note(event)

    def _wrap(self, owner: Any, *names: str) -> None:
        for name in names:
            original = getattr(owner, name)
            call = f"{owner.__name__}.{name}"
            wrapper = self._wrapper(original, call)
            for functions in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
                if original in functions:
                    functions.add(wrapper)
            setattr(owner, name, wrapper)

    def _wrapper(self, original: Callable[..., Any], call: str) -> Callable[..., Any]:
        running_loop = asyncio._get_running_loop
        note = self._note

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if running_loop() is not None:
                note(call)
            return original(*args, **kwargs)

        return wrapper

    def _note(self, call: str) -> None:
        if threading.current_thread().name != LOOP_THREAD:
            return
        frame = sys._getframe(2)
        for above, _ in traceback.walk_stack(frame):
            code = above.f_code
            if any(code.co_filename.endswith(file) and code.co_name == name for file, name in MAY_BLOCK):
                return
        stack = traceback.StackSummary.extract(traceback.walk_stack(frame), lookup_lines=False)
        stack.reverse()
        self._found.append((call, stack))


BLOCKING_CALLS = BlockingCalls()
BLOCKING_CALLS.install()


# ----------------------------------------------------------------------------------------------
# Law 1: processes


def _processes_of(test_id: str, before: set[int]) -> list[psutil.Process]:
    """The processes that a test started: our children, and all that carry its id."""
    pids = {child.pid for child in psutil.Process().children(recursive=True)}
    mark = f"XPM_TEST_ID={test_id}\0".encode()
    for folder in Path("/proc").glob("[0-9]*") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError):  # gone, or another user's
            if mark in _environment(folder) + b"\0":
                pids.add(int(folder.name))
    found = []
    for pid in sorted(pids - before - {os.getpid()}):
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if not any(part in _command(process) for part in ALLOWED_PROCESSES):
                found.append(process)
    return found


def _environment(folder: Path) -> bytes:
    """The environment of a process; it is empty for a moment when the process has just become a program."""
    for _ in range(20):
        found = (folder / "environ").read_bytes()
        if found or not (folder / "exe").exists():  # a part of the kernel, or a zombie
            break
        time.sleep(0.001)
    return found


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        if process.status() == psutil.STATUS_ZOMBIE:
            return "(a zombie: nobody waited for it)"
        return " ".join(process.cmdline())
    return "(gone)"


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=GRACE_S)


# ----------------------------------------------------------------------------------------------
# Laws 2 and 3: threads and open files


def _new_threads(before: set[threading.Thread]) -> list[str]:
    return [
        f"thread {thread.name!r}{' (daemon)' if thread.daemon else ''}"
        for thread in threading.enumerate()
        if thread not in before and thread.is_alive() and not thread.name.startswith(ALLOWED_THREADS)
    ]


def _open_files() -> Counter[str]:
    """What each open file descriptor of this process is; empty where /proc is missing."""
    found: Counter[str] = Counter()
    with contextlib.suppress(FileNotFoundError):
        for number in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # the one that lists
                found[str(number.readlink())] += 1
    return found


def _new_files(before: Counter[str]) -> list[str]:
    now = _open_files()
    if now.total() <= before.total():
        return []
    return [f"open file {target}" for target in (now - before).elements()]


# ----------------------------------------------------------------------------------------------


def _after_grace(look: Callable[[], list[Any]]) -> list[Any]:
    """What is still found once that which was about to end has ended."""
    end = time.monotonic() + GRACE_S
    found = look()
    while found and time.monotonic() < end:
        gc.collect()  # files and pools that wait in a cycle for the collector
        time.sleep(0.01)
        found = look()
    return found


@pytest.fixture(autouse=True)
def guarded() -> Iterator[None]:
    """Fails the test at its end if it broke one of the four laws."""
    test_id = uuid.uuid4().hex
    outer_id = os.environ.get("XPM_TEST_ID")
    os.environ["XPM_TEST_ID"] = test_id
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    threads = set(threading.enumerate())
    files = _open_files()
    BLOCKING_CALLS.take()

    yield

    if outer_id is None:
        del os.environ["XPM_TEST_ID"]
    else:
        os.environ["XPM_TEST_ID"] = outer_id
    processes = _after_grace(lambda: _processes_of(test_id, children))
    left = [f"process {process.pid}: {_command(process)}" for process in processes]
    _end(processes)
    left += _after_grace(lambda: _new_threads(threads))
    left += _after_grace(lambda: _new_files(files))
    left += [f"the event loop was blocked by {call}" for call in BLOCKING_CALLS.take()]
    if left:
        pytest.fail("after the test there is\n  " + "\n  ".join(left), pytrace=False)
