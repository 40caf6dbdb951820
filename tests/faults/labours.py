"""The tasks of random plans: each leaves lines in an execution log, and sees for itself if it is not alone.

A line is `<monotonic s> <what> <name> <pid>`, written in one call. The log is outside of the workspace, on
a disk of this machine, so that no fault reaches it. That two executions of a job overlap, or that more of
a token is used than there is, is seen by locks beside the log: the system gives them up with the process
that has them, however that ends.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from experimaestro import (
    GracefulTimeout,
    Meta,
    Param,
    PathGenerator,
    ResumableTask,
    Task,
    TaskCancelled,
    field,
)


def note(log: str, what: str, name: str, pid: int) -> None:
    """Appends a line to the execution log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(descriptor, f"{time.monotonic():.4f} {what} {name} {pid}\n".encode())
    os.close(descriptor)


def try_lock(path: str) -> int | None:
    """A descriptor that holds a lock until it is closed; None if another has the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


class Labour(Task):
    """Does some work: waits, fails as often as it is to, and writes a result."""

    name: Param[str]
    log: Meta[str]
    needs: Param[list["Labour"]] = field(default_factory=list)
    lasts: Meta[float] = field(default=0.0)
    """Seconds"""
    failures: Meta[int] = field(default=0)
    """How many executions fail before one succeeds"""
    slots: Meta[int] = field(default=0)
    """How many tasks may hold the token at once; 0: it needs none"""
    result: Meta[Path] = field(default_factory=PathGenerator("result.txt"))

    def execute(self) -> None:
        with self.alone():
            self.work()
            self.succeed()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Notes beginning and end of an execution, and whether another is going on."""
        self.note("begin")
        own = try_lock(f"{self.log}.{self.name}.lock")
        if own is None:
            self.note("overlap")
        slot = None
        for number in range(self.slots):
            slot = slot or try_lock(f"{self.log}.slot{number}.lock")
        if self.slots and slot is None:
            self.note("exceeded")
        try:
            yield
        except TaskCancelled:
            self.note("asked")
            raise
        finally:
            for descriptor in (own, slot):
                if descriptor is not None:
                    os.close(descriptor)

    def work(self) -> None:
        """Waits, and reads what it needs."""
        time.sleep(self.lasts)
        for needed in self.needs:
            if needed.result.read_text(encoding="utf-8") != needed.name:
                self.note("misread")

    def succeed(self) -> None:
        """Fails if it is to, else writes the result."""
        failed = f"{self.log}.{self.name}.failures"
        count = os.path.getsize(failed) if os.path.exists(failed) else 0
        if count < self.failures:
            with open(failed, "ab") as file:
                file.write(b"x")
            self.note("fail")
            raise ValueError(f"{self.name} fails on purpose, {count + 1} of {self.failures}")
        self.result.write_text(self.name, encoding="utf-8")
        self.note("ok")

    def note(self, what: str) -> None:
        note(self.log, what, self.name, os.getpid())


class Journey(ResumableTask, Labour):
    """Goes one step each time that it runs; what it has done is in its folder."""

    steps: Meta[int] = field(default=2)

    def execute(self) -> None:
        with self.alone():
            self.work()
            done = Path("steps.txt")
            count = len(done.read_bytes()) + 1 if done.exists() else 1
            done.write_bytes(b"x" * count)
            if count < self.steps:
                self.note("timeout")
                raise GracefulTimeout(f"{count} of {self.steps} steps")
            self.succeed()
