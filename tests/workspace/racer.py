"""A scheduler, or a job's process, that is killed at one of its file operations: for the race.

    python racer.py schedule <workspace> <number of jobs> <seed>
    python racer.py run <folder> <name> <attempt> <descriptor of the lock>

`XPM_CRASH_AT=k` in the environment kills the process by SIGKILL at its k-th file operation: before
it if k is odd, else after it.
"""

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

from experimaestro.events.owners import Outcome
from experimaestro.workspace import attempts, files, interchange
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.processes import myself

OPERATIONS = ("open", "write", "close", "link", "rename", "unlink", "stat", "listdir", "makedirs", "fsync")
CRASH_AT = "XPM_CRASH_AT"
AT_ONCE = 4


class CrashingOs:
    """The module `os` in which one operation kills the process."""

    def __init__(self, crash_at: int) -> None:
        self._left = crash_at
        self._before = crash_at % 2 == 1

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if name not in OPERATIONS:
            return found

        def operation(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._before:
                os.kill(os.getpid(), signal.SIGKILL)
            result = found(*args, **kwargs)
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return operation


def log(workspace: str, line: str) -> None:
    fd = os.open(f"{workspace}/executions", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(fd, f"{line}\n".encode())
    os.close(fd)


def run(folder: str, name: str, attempt: int, lock: int) -> None:
    interchange.keep_lock(lock)
    paths = JobPaths(folder, name)
    owner = myself()
    if not attempts.start(paths, attempt, owner, time.time()):
        return
    interchange.write_pid(paths, owner)
    workspace = folder.rpartition("/jobs/")[0]
    alone = os.open(f"{folder}/alone", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log(workspace, f"{folder} {attempt} not-alone")
    log(workspace, f"{folder} {attempt} executed")
    files.replace(f"{folder}/output", b"output")
    os.close(alone)
    outcome = Outcome("done")
    if attempts.end(paths, attempt, outcome):
        attempts.conclude(paths, attempt, outcome)
    interchange.remove_pid(paths)


class Scheduler:
    """Runs all jobs of a folder, with others who do the same."""

    def __init__(self, workspace: str, count: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._jobs = [JobPaths.of(workspace, f"race.job/{number:064x}") for number in range(count)]
        self._random.shuffle(self._jobs)
        self._children: list[tuple[subprocess.Popen[bytes], JobPaths, int]] = []

    def run(self) -> None:
        while self._jobs:
            for paths in tuple(self._jobs):
                self._reap()
                seen = attempts.settle(paths)
                if seen.kind == "done":
                    self._jobs.remove(paths)
                elif seen.kind in {"free", "failed"} and len(self._children) < AT_ONCE:
                    self._start(paths)
            time.sleep(0.002)
        while self._children:
            self._reap()
            time.sleep(0.002)

    def _start(self, paths: JobPaths) -> None:
        lock = interchange.lock(paths)
        if lock is None:
            return
        attempt = attempts.claim(paths, myself())
        if attempt is not None:
            files.replace(paths.params, b"{}")
            command = [sys.executable, __file__, "run", paths.folder, paths.name, str(attempt), str(lock)]
            environment = {**os.environ, CRASH_AT: "0"}
            if attempt <= 3 and self._random.random() < 0.5:
                environment[CRASH_AT] = str(self._random.randrange(1, 34))
            child = subprocess.Popen(command, env=environment, pass_fds=(lock,), start_new_session=True)
            self._children.append((child, paths, attempt))
        os.close(lock)

    def _reap(self) -> None:
        for child in tuple(self._children):
            process, paths, attempt = child
            if process.poll() is not None:
                self._children.remove(child)
                killed = Outcome("killed", signal=9)
                if not attempts.void(paths, attempt) and attempts.lose(paths, attempt, killed):
                    attempts.conclude(paths, attempt, killed)


def main(what: str, *arguments: str) -> None:
    crash_at = int(os.environ.get(CRASH_AT, "0"))
    if crash_at:
        vars(files)["os"] = CrashingOs(crash_at)
    first, second, *others = arguments
    if what == "run":
        run(first, second, *map(int, others))
    else:
        Scheduler(first, int(second), *map(int, others)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
