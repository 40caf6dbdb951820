"""Tasks for tests: small ones that leave traces, wait for files, or end badly."""

import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from experimaestro import (
    Config,
    DependentMarker,
    GracefulTimeout,
    Meta,
    Param,
    PathGenerator,
    ResumableTask,
    Task,
    TaskCancelled,
    field,
    param_group,
    partial,
    progress,
    tqdm,
)


def note(log: str, text: str) -> None:
    """Appends a line in one write, so that lines of several processes do not mix."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)


def notes(log: str | Path) -> list[str]:
    """The lines of an execution log, sorted."""
    path = Path(log)
    return sorted(path.read_text(encoding="utf-8").splitlines()) if path.exists() else []


def wait_for(path: str, seconds: float = 60.0) -> None:
    """Waits in a job until a file exists."""
    end = time.monotonic() + seconds
    while not Path(path).exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.01)


class Note(Task):
    """Leaves its name in the execution log."""

    name: Param[str]
    log: Meta[str]
    needs: Param[list["Note"]] = field(default_factory=list)
    until: Meta[str] = field(default="")
    """A file that it waits for"""

    def execute(self) -> None:
        if self.until:
            wait_for(self.until)
        note(self.log, self.name)


class Table(Task):
    """Needs other tasks by name."""

    parts: Param[dict[str, Note]]
    out: Meta[Path] = field(default_factory=PathGenerator("table.json"))

    def execute(self) -> None:
        self.out.write_text(json.dumps({k: v.name for k, v in self.parts.items()}), encoding="utf-8")


class Tee:
    """A stream as users write one: it has what `print` needs."""

    def write(self, text: str) -> int:
        return len(text)


class Exits(Task):
    """Ends its interpreter, with a number or a text."""

    what: Param[str]

    def execute(self) -> None:
        sys.exit(int(self.what) if self.what.isdigit() else self.what)


class Fail(Task):
    """Ends badly, in the way that is asked for."""

    how: Param[str]

    def execute(self) -> None:
        if self.how in {"raise", "lines"}:
            values: object = {"lr": 1} if self.how == "raise" else "\n  the second epoch"
            print("about to fail", file=sys.stderr)
            raise ValueError(f"no learning rate in {values}")
        if self.how == "no folder":
            shutil.rmtree(".")
            return
        if self.how == "other output":
            sys.stdout = Tee()
            return
        if self.how == "closed output":
            sys.stdout.close()
            return
        if self.how == "memory":
            raise MemoryError("cannot allocate")
        if self.how.startswith("/sys/fs/cgroup"):
            Path(self.how, "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
            filled = [bytearray(2**20) for _ in range(1000)]
            raise AssertionError(f"{len(filled)} MiB and still alive")
        if self.how == "exit":
            os._exit(3)
        if self.how == "sys.exit":
            sys.exit("giving up")
        os.kill(os.getpid(), getattr(signal, self.how))


class Broken:
    """A stream as users write one that has an error."""

    def write(self, text: str) -> int:
        raise RuntimeError(f"cannot write {text}")


class Mute(Task):
    """Breaks its standard error, then fails."""

    how: Param[str]

    def execute(self) -> None:
        if self.how == "closed":
            sys.stderr.close()
        else:
            sys.stderr = Broken() if self.how == "broken" else None
        raise ValueError("nobody reads this in the log")


class Unreadable(Task):
    """Reads code that is none."""

    def execute(self) -> None:
        compile("rates = (", "rates.py", "exec")


class AfterFailure(Task):
    """Needs a task that fails."""

    first: Param[Fail]
    log: Meta[str]

    def execute(self) -> None:
        note(self.log, "after failure")


class Where(Task):
    """Says in what surroundings it runs."""

    number: Param[int] = field(default=0)
    out: Meta[Path] = field(default_factory=PathGenerator("where.json"))

    def execute(self) -> None:
        print("to standard output")
        print("to standard error", file=sys.stderr)
        found = {
            "cwd": os.getcwd(),
            "session": os.getsid(0) == os.getpid(),
            "stdin": sys.stdin.read(),
            "environment": dict(os.environ),
            "path": sys.path,
            "modules": sorted(sys.modules),
            "files": sorted(os.listdir(".")),
        }
        self.out.write_text(json.dumps(found), encoding="utf-8")


class Progressing(Task):
    """Says how far it is, then waits for a file."""

    until: Meta[str]

    def execute(self) -> None:
        progress(0.25, desc="loading")
        for _ in tqdm(range(4), desc="waiting"):
            wait_for(self.until)


class LeavesThread(Task):
    """Ends its execute() before a thread and an exit handler of it are done."""

    log: Meta[str]

    def execute(self) -> None:
        import atexit
        import threading

        def later() -> None:
            time.sleep(0.2)
            note(self.log, "thread")

        atexit.register(note, self.log, "exit handler")
        threading.Thread(target=later).start()


class Checkpoint(Config):
    """What a learner gives out while it runs."""

    step: Param[int]


class Score(Task):
    """Says what it found out, in the way that is asked for."""

    learner: Param[Checkpoint]
    lr: Param[float]
    how: Meta[str] = field(default="return")

    def execute(self) -> object:
        if self.how == "file":
            Path("results.json").write_text('{"loss": 0.5}', encoding="utf-8")
            return None
        if self.how == "nonsense":
            return {"loss": self.lr / 2, "model": object()}
        return {"loss": self.lr / 2, "test": {"f1": 0.75}, "state": "converged"}


class ReadsFile(Task):
    """Reads a file, whose path does not count."""

    data: Param[Path]
    log: Meta[str]

    def execute(self) -> None:
        note(self.log, self.data.name)


class ReadsOther(Task):
    """Reads what another job printed, in the folder of that one."""

    other: Param[Note]
    log: Meta[str]

    def execute(self) -> None:
        here = Path.cwd()
        assert self.jobpath == here
        assert self.other.jobpath != here
        note(self.log, f"{self.other.stdout().name} in {self.other.jobpath.name}")


class Forks(Task):
    """Starts processes that are asked to end at once."""

    times: Param[int]
    log: Meta[str]

    def execute(self) -> None:
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(abs, [-1, -2]) == [1, 2]
        note(self.log, str(os.getpid()))
        for _ in range(self.times):
            assert self.end_of_a_fork(0.0) == signal.SIGTERM
        ours: Any = signal.getsignal(signal.SIGTERM)

        def asked(number: int, frame: Any) -> None:  # as users add to a handler
            note(self.log, "asked")
            ours(number, frame)

        signal.signal(signal.SIGTERM, asked)
        assert self.end_of_a_fork(0.1) == signal.SIGTERM

    def end_of_a_fork(self, seconds: float) -> int:
        """The signal by which a process ends that is asked to after a while."""
        asked = os.fork()
        if asked == 0:
            try:
                time.sleep(30)
            finally:
                os._exit(0)
        time.sleep(seconds)
        os.kill(asked, signal.SIGTERM)
        return os.WTERMSIG(os.waitpid(asked, 0)[1])


class Sleeper(Task):
    """Says that it runs and waits for a file; asked to end, it says so and may go on for a while."""

    name: Param[str]
    log: Meta[str]
    until: Meta[str] = field(default="")
    stubborn: Meta[bool] = field(default=False)
    """Whether it ignores that it is asked to end"""

    def execute(self) -> None:
        import subprocess

        child = subprocess.Popen(["sleep", "100"])
        note(self.log, f"{self.name} {os.getpid()} {child.pid}")
        try:
            wait_for(self.until or "/nowhere")
        except TaskCancelled as cancelled:
            note(self.log, f"{self.name} was asked: {cancelled}")
            if not self.stubborn:
                raise
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            wait_for("/nowhere")


class Steps(ResumableTask):
    """Does one of three steps each time that it runs, and is out of time after it."""

    log: Meta[str]
    most: Meta[int] = field(default=3)

    def execute(self) -> None:
        done = Path("steps")
        count = len(done.read_text(encoding="utf-8")) + 1 if done.exists() else 1
        done.write_text("x" * count, encoding="utf-8")
        print(f"step {count}")
        note(self.log, f"step {count}")
        if count < self.most:
            raise GracefulTimeout(f"{count} of {self.most} steps")


class Learner(ResumableTask):
    """Gives out checkpoints, and goes on when somebody has evaluated the last."""

    log: Meta[str]
    until: Meta[str]

    def checkpoint(self, dep: DependentMarker, step: int) -> Checkpoint:
        return dep(Checkpoint.C(step=step))

    def execute(self) -> None:
        for step in (1, 2):
            self.register_task_output(self.checkpoint, step)
        wait_for(self.until)
        note(self.log, "learner ends")


class Trier(ResumableTask):
    """Gives out the same checkpoints at each try; runs out of time at the first, fails at the second."""

    log: Meta[str]

    def checkpoint(self, dep: DependentMarker, step: int) -> Checkpoint:
        return dep(Checkpoint.C(step=step))

    def execute(self) -> None:
        note(self.log, "try")
        tries = len(notes(self.log))
        for step in (1, 2, 10 * tries):
            self.register_task_output(self.checkpoint, step)
        if tries == 1:
            raise GracefulTimeout("no time left")
        if tries == 2:
            raise ValueError("wrong")


class Large(ResumableTask):
    """Gives out more than fits."""

    name: Param[str]

    def checkpoint(self, dep: DependentMarker, step: str) -> Checkpoint:
        return dep(Checkpoint.C(step=len(step)))

    def execute(self) -> None:
        self.register_task_output(self.checkpoint, "x" * (1 << 20))


class Evaluate(Task):
    """Evaluates a checkpoint, and lets the learner go on after the second."""

    checkpoint: Param[Checkpoint]
    log: Meta[str]
    go: Meta[str]

    def execute(self) -> None:
        note(self.log, f"evaluated {self.checkpoint.step}")
        if self.checkpoint.step == 2:
            Path(self.go).touch()


class Answers(Task):
    """Says that it runs, waits for a file, and returns something."""

    name: Param[str]
    log: Meta[str]
    until: Meta[str] = field(default="")

    def execute(self) -> str:
        note(self.log, self.name)
        if self.until:
            wait_for(self.until)
        return f"the answer of {os.getpid()}"


class Holds(Task):
    """Notes when it begins and ends, so that a test sees which ran together."""

    name: Param[str]
    log: Meta[str]

    def execute(self) -> None:
        note(self.log, f"{time.monotonic_ns()} + {self.name}")
        time.sleep(0.05)
        note(self.log, f"{time.monotonic_ns()} - {self.name}")


_epochs = param_group("epochs")


class Shares(Task):
    """Writes into a folder that tasks share which differ only in their epochs."""

    epochs: Param[int] = field(groups=[_epochs])
    log: Meta[str]
    checkpoints = partial(exclude_groups=[_epochs])
    folder: Meta[Path] = field(default_factory=PathGenerator("shared", partial=checkpoints))

    def execute(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        note(self.log, f"{time.monotonic_ns()} + {self.epochs}")
        (self.folder / f"{self.epochs}").touch()
        time.sleep(0.05)
        note(self.log, f"{time.monotonic_ns()} - {self.epochs}")
