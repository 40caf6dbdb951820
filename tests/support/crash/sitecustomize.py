"""Faults inside a process, at one of its steps: put this folder on PYTHONPATH, and ask in variables.

`CRASH_AT=scheduler:17:/tmp/token` kills the process that runs a plan just before the 17th change that
it makes to a file (or the start of a process); `job:17:/tmp/token` does that to the first job that
gets so far. The token is made first, so that only one process is ever killed. Python itself tells of
the steps (audit events): nothing of the package is patched.

`CLOCK_STEP=0.3:-7200` sets the clock of each process back by two hours when it is 0.3 s old.
"""

import os
import pathlib
import signal
import sys
import time
from typing import Any

_CHANGES = {"os.link", "os.rename", "os.remove", "os.mkdir", "os.symlink", "fcntl.flock", "subprocess.Popen"}


def _install(role: str, step: int, token: str) -> None:
    seen = 0
    me = os.getpid()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in _CHANGES and not (event == "open" and _writes(arguments)):
            return
        if os.getpid() != me or _role() != role:
            return
        seen += 1
        if seen == step:
            try:
                os.close(os.open(token, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                return
            with pathlib.Path(token).open("w", encoding="utf-8") as file:
                file.write(f"{event} {arguments[0]!r} in {sys.argv[0]} as {me}")
            os.kill(me, signal.SIGKILL)

    sys.addaudithook(hook)


def _writes(arguments: tuple[Any, ...]) -> bool:
    path, _, flags = arguments
    return isinstance(path, str) and bool(flags & (os.O_WRONLY | os.O_RDWR)) and not path.startswith("/dev")


def _role() -> str:
    program = sys.argv[0] if sys.argv else ""
    if "/jobs/" in program:
        return "job"
    return "scheduler" if program.endswith(("plan.py", "play.py")) else ""


def _step_clock(age_s: float, by_s: float) -> None:
    """Replaces `time.time` before anybody has taken it."""
    true_time, age = time.time, time.monotonic
    end = age() + age_s

    def stepped() -> float:
        return true_time() + (by_s if age() > end else 0.0)

    time.time = stepped


_wanted = os.environ.get("CRASH_AT", "")
if _wanted:
    _what, _step, _token = _wanted.split(":", 2)
    _install(_what, int(_step), _token)

_clock = os.environ.get("CLOCK_STEP", "")
if _clock:
    _age, _by = _clock.split(":")
    _step_clock(float(_age), float(_by))
