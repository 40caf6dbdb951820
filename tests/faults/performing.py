"""Performs a history: real schedulers, real jobs, real faults. What is done is noted for the judge.

Rules: faults are made from outside of the package, by what a system does to processes and files; a
process is found by a variable in its environment, and ended by its number. A scheduler that neither ends
nor says what it waits for is ended after `DEADLINE_S`, with a traceback of each thread.

Linux only. As root, processes run without the capabilities that set permissions aside, and a full disk is
a real one: a small one in memory. Else a disk is full by a limit of the size of files.
"""

import contextlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from histories import Fault, History, Round

HERE = Path(__file__).parent
CRASH = HERE.parent / "support" / "crash"

DEADLINE_S = 600.0
"""How long a scheduler may take: many times what the longest plan needs on a busy machine"""

QUIET_S = 300.0
"""How long a job may take to end after its scheduler"""

MOST_RUNS = 8
"""How often a plan is run again until it is done: each job may fail twice, and faults fail more"""

DISK = "size=8m"
"""Of the small disk"""

IS_ROOT = os.geteuid() == 0

UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if IS_ROOT else ()
"""What a command begins with, so that taking permissions away hits it"""


@dataclass
class Damage:
    """A file whose content was replaced."""

    path: Path
    content: bytes
    was_moved: bool = False
    """Whether a message asked to move it away"""


@dataclass
class Ended:
    """A scheduler that has ended."""

    code: int
    said: str
    """Standard error"""
    was_hit: bool
    """Whether it was killed or terminated on purpose"""
    was_troubled: bool
    """Whether its disk was full or refused while it ran"""


@dataclass
class Record:
    """What was done in a history, and what came of it."""

    hits: set[int] = field(default_factory=set)
    """Processes of jobs that were killed or asked to end"""
    deleted: set[str] = field(default_factory=set)
    """Folders of jobs that were deleted: `<type>/<id>`"""
    forgotten: set[int] = field(default_factory=set)
    """Processes of jobs whose folder was deleted: they may run, and nobody knows of them any more"""
    too_late: set[int] = field(default_factory=set)
    """Those of them that had not said that they run: they may not begin any more"""
    full: list[tuple[float, float]] = field(default_factory=list)
    """When the disk was full: a job may fail, but one that has succeeded waits for space to say so"""
    refused: list[tuple[float, float]] = field(default_factory=list)
    """When permission was taken away, or files could not be longer: nothing can be said for good"""
    damages: list[Damage] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What happened, for the report"""
    problems: list[str] = field(default_factory=list)
    """What nobody may see"""


class Scheduler:
    """A process that runs the plan."""

    def __init__(self, stage: "Stage", place: int, environment: dict[str, str]) -> None:
        stage.number += 1
        self.said_at = stage.folder / f"stderr{stage.number}"
        self.was_hit = False
        self.was_troubled = stage.limit is not None
        self.token = Path(environment["CRASH_AT"].split(":")[2]) if "CRASH_AT" in environment else None
        history = stage.history
        command = [
            *UNPRIVILEGED,
            sys.executable,
            str(HERE / "play.py"),
            str(stage.workspaces[place]),
            str(stage.log),
            history.experiments[place],
            json.dumps(asdict(history.plan)),
        ]
        with self.said_at.open("wb") as said:
            self.process = subprocess.Popen(
                command,
                env={**stage.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                preexec_fn=stage.limit,  # noqa: PLW1509 - nothing here forks while a lock is held
            )

    @property
    def said(self) -> str:
        return self.said_at.read_text(encoding="utf-8", errors="replace")


class Stage:
    """The place of one history.

    Args:
        history: What happens.
        folder: An empty folder on a disk of this machine, for all but the workspace.
        mounts: Folders through which the schedulers see one shared folder, in turn; none: one disk.
    """

    def __init__(self, history: History, folder: Path, mounts: tuple[Path, ...] = ()) -> None:
        self.history, self.folder = history, folder
        self.log = folder / "log"
        self.record = Record()
        self.number = 0
        self.limit: Callable[[], None] | None = None
        """Limits each process of a round, where no disk can be made full"""
        self._mounts = mounts or (folder / "disk",)
        self._is_mounted = False
        self._moves = 0
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("XPM_")},
            "PYTHONPATH": os.pathsep.join(filter(None, (str(CRASH), os.environ.get("PYTHONPATH")))),
            "PYTHONWARNINGS": "error",
            "PYTHONFAULTHANDLER": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(folder / "home"),
            "XPM_WORKDIR": str(folder / "shared"),
            "FAULTS_STAGE": str(folder),
            "COLUMNS": "200",
        }

    @property
    def workspaces(self) -> tuple[Path, Path]:
        """The workspace, as each of two schedulers sees it."""
        name = f"{self.folder.name}-{self._moves}"
        return self._mounts[0] / name, self._mounts[-1] / name

    # The whole

    def perform(self, judge: Callable[[], list[str]]) -> Record:
        """Performs the history.

        Args:
            judge: Called at the end, while all is there: gives what broke a law.

        Returns:
            What was done, with what broke a law.
        """
        with self._disk():
            try:
                for one in self.history.rounds:
                    self._round(one)
                self._until_done()
            finally:
                self._end_all()
            self.record.problems = judge()
        return self.record

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        (self.folder / "home").mkdir()
        if len(self._mounts) > 1:
            yield  # whoever mounted it removes it
            return
        disk = self._mounts[0]
        disk.mkdir()
        self._is_mounted = IS_ROOT and not _run("mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(disk))
        try:
            yield
        finally:
            if self._is_mounted:
                if self.record.problems:
                    shutil.copytree(disk, self.folder / "kept", symlinks=True)
                _run("umount", "-l", str(disk))

    def _until_done(self) -> None:
        """As a user would: the same command again, until it says that all is done; then once more."""
        for _ in range(MOST_RUNS):
            self._wait_for_rest()
            started = self._start()
            self._wait(started, [])
            if all(one.process.returncode == 0 for one in started):
                break
        else:
            self.record.problems.append(
                f"not done after {MOST_RUNS} runs: {self.record.ended[-1].said[-3000:]}"
            )
            return
        self._wait_for_rest()
        before = self.log.read_bytes() if self.log.exists() else b""
        self._wait(self._start(), [])
        if self.log.read_bytes() != before:
            self.record.problems.append("a run of what was done executed something")
        if self.record.ended[-1].code != 0:
            self.record.problems.append(
                f"a run of what was done failed: {self.record.ended[-1].said[-3000:]}"
            )

    # Rounds

    def _round(self, one: Round) -> None:
        crash = clock = ""
        for fault in one.while_running:
            if fault.kind == "kill at step":
                role = "scheduler" if fault.number % 3 else "job"
                crash = f"{role}:{1 + fault.number % 70}:{self.folder}/token{self.number}"
            elif fault.kind == "step clock":
                clock = f"{fault.at_s}:{random.Random(fault.number).choice([-7200, -1, 1, 3600, 10**6])}"
                self.record.faults.append("step clock")
        self.limit = self._limit_of(one)
        begin = time.monotonic()
        started = self._start(crash, clock)
        self._wait(
            started,
            [fault for fault in one.while_running if fault.kind not in {"kill at step", "step clock"}],
        )
        if self.limit is not None:
            self._wait_for_rest()  # its jobs have the limit too
            self.record.refused.append((begin, time.monotonic()))
        self.limit = None
        for scheduler in started[:1]:
            if scheduler.token is not None and scheduler.token.exists():
                self.record.faults.append("kill at step")
        if one.at_rest:
            self._wait_for_rest()
        for fault in one.at_rest:
            if fault.kind == "damage":
                self._damage(fault)
            else:
                self._move()

    def _limit_of(self, one: Round) -> Callable[[], None] | None:
        """Where no disk can be made full, files of more than a few bytes cannot be written."""
        if self._is_mounted or not any(fault.kind == "full disk" for fault in one.while_running):
            return None
        self.record.faults.append("full disk")
        size = 1000

        def limit() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        return limit

    def _start(self, crash: str = "", clock: str = "") -> list[Scheduler]:
        wanted = {"CRASH_AT": crash, "CLOCK_STEP": clock}
        environment = {name: value for name, value in wanted.items() if value}
        return [Scheduler(self, place, environment) for place in range(len(self.history.experiments))]

    def _wait(self, started: list[Scheduler], faults: list[Fault]) -> None:
        """Waits for the end of schedulers while faults come over them."""
        begin = time.monotonic()
        coming = list(faults)
        while any(one.process.poll() is None for one in started):
            now = time.monotonic() - begin
            if coming and now >= coming[0].at_s and self._inflict(coming[0], started):
                del coming[0]
            self._obey_messages(started)
            if now > DEADLINE_S:
                self._give_up(started)
            time.sleep(0.02)
        self._note_crashes(started)
        for one in started:
            killed = one.token is not None and one.token.exists()
            said = one.said
            was_hit = one.was_hit or (killed and one.process.returncode == -signal.SIGKILL)
            ended = Ended(one.process.returncode, said, was_hit, one.was_troubled)
            self.record.ended.append(ended)

    def _note_crashes(self, started: list[Scheduler]) -> None:
        for one in started:
            if one.token is not None and one.token.exists():
                words = one.token.read_text(encoding="utf-8").split()
                if words and words[-1].isdigit():
                    self.record.hits.add(int(words[-1]))

    def _give_up(self, started: list[Scheduler]) -> None:
        for one in started:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
                one.process.send_signal(signal.SIGABRT)
                one.process.wait()
                one.was_hit = True
                self.record.problems.append(
                    f"a scheduler did not end within {DEADLINE_S:g} s: {one.said[-6000:]}"
                )

    def _obey_messages(self, started: list[Scheduler]) -> None:
        """Moves away what a scheduler asks to move away, as a person would who knows that nothing runs."""
        waiting = [one for one in self.record.damages if not one.was_moved]
        if not waiting:
            return
        said = "".join(one.said for one in started)
        for damage in waiting:
            for place in self._places(damage.path):
                if f"{place} cannot be read" in said and "move it away" in said:
                    damage.was_moved = True
                    aside = damage.path.with_name(f"{damage.path.name}.moved{len(self.record.faults)}")
                    with contextlib.suppress(FileNotFoundError):
                        damage.path.rename(aside)

    def _places(self, path: Path) -> Iterator[str]:
        """A path as each scheduler may name it."""
        yield str(path)
        for mount in self._mounts[1:]:
            with contextlib.suppress(ValueError):
                yield str(mount / path.relative_to(self._mounts[0]))

    # Processes

    def _jobs(self) -> list[int]:
        """The processes of jobs of this stage, oldest first."""
        mark = f"FAULTS_STAGE={self.folder}".encode()
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    if mark in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                        command = Path("/proc", entry, "cmdline").read_bytes()
                        if b"/jobs/" in command and b"play.py" not in command:
                            found.append(int(entry))
        return sorted(found)

    def _wait_for_rest(self) -> None:
        end = time.monotonic() + QUIET_S
        while left := self._jobs():
            if time.monotonic() > end:
                self.record.problems.append(f"jobs did not end: {left}")
                self._end_all()
                return
            time.sleep(0.02)

    def _end_all(self) -> None:
        for pid in self._jobs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # Faults

    def _inflict(self, fault: Fault, started: list[Scheduler]) -> bool:
        """Makes a fault; False if what it hits is not there yet."""
        chance = random.Random(fault.number)
        what, _, whom = fault.kind.partition(" ")
        if what in _SIGNALS:
            signalled = self._signal_scheduler if whom == "scheduler" else self._signal_job
            return signalled(fault, _SIGNALS[what], started, chance)
        if fault.kind == "full disk":
            return not self._is_mounted or self._trouble(started, fault, self._fill())
        if fault.kind == "permission":
            return self._take_permission(started, fault, chance)
        return self._delete(chance) if fault.kind == "delete folder" else self._send_garbage(chance)

    def _signal_scheduler(
        self, fault: Fault, number: signal.Signals, started: list[Scheduler], chance: random.Random
    ) -> bool:
        running = [one for one in started if one.process.poll() is None]
        if running:
            target = chance.choice(running)
            target.was_hit |= number != signal.SIGSTOP
            self._send(fault, number, target.process.pid)
        return True

    def _signal_job(
        self, fault: Fault, number: signal.Signals, _: list[Scheduler], chance: random.Random
    ) -> bool:
        jobs = self._jobs()
        if jobs:
            pid = chance.choice(jobs)
            if number != signal.SIGSTOP:
                self.record.hits.add(pid)
            self._send(fault, number, pid)
        return bool(jobs)

    def _send(self, fault: Fault, number: signal.Signals, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            self.record.faults.append(fault.kind)
        if number == signal.SIGSTOP:
            self._later(fault.lasts_s, lambda: _continue(pid))

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, call)
        timer.daemon = True
        timer.start()

    def _trouble(self, started: list[Scheduler], fault: Fault, heal: Callable[[], None]) -> bool:
        """Heals after a while; what happened in between is excused."""
        for one in started:
            one.was_troubled = True
        self.record.faults.append(fault.kind)
        begin = time.monotonic()
        time.sleep(fault.lasts_s)
        heal()
        windows = self.record.full if fault.kind == "full disk" else self.record.refused
        windows.append((begin, time.monotonic()))
        return True

    def _fill(self) -> Callable[[], None]:
        filler = self._mounts[0] / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 65536)
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 512)
        return filler.unlink

    def _take_permission(self, started: list[Scheduler], fault: Fault, chance: random.Random) -> bool:
        workspace = self.workspaces[0]
        folders = [Path(folder) for folder, _, _ in os.walk(workspace)]
        if not folders:
            return False
        folder = chance.choice(folders)
        try:
            mode = folder.stat().st_mode
            folder.chmod(chance.choice([0o000, 0o500]))
        except FileNotFoundError:
            return False

        def heal() -> None:
            with contextlib.suppress(FileNotFoundError):
                folder.chmod(mode)

        return self._trouble(started, fault, heal)

    def _delete(self, chance: random.Random) -> bool:
        """Deletes the folder of a job that runs."""
        jobs = self._jobs()
        if not jobs:
            return False
        folder = _folder_of(chance.choice(jobs))
        if folder is None or folder.parent.parent.name != "jobs":
            return False
        aside = folder.parents[2] / f"deleted{len(self.record.faults)}"
        forgotten = {pid for pid in self._jobs() if _folder_of(pid) == folder}
        try:
            folder.rename(aside)  # at one moment: what has begun, and what may not any more
        except OSError:
            return False
        forgotten.update(pid for pid in self._jobs() if _folder_of(pid) == aside)
        if len(self._mounts) == 1:  # else what is seen may be old
            begun = {_pid_in(path) for path in aside.glob(".experimaestro/attempts/*.start")}
            self.record.too_late.update(forgotten - begun)
        self.record.forgotten.update(forgotten)
        self.record.deleted.add(f"{folder.parent.name}/{folder.name}")
        self.record.faults.append("delete folder")
        shutil.rmtree(aside, ignore_errors=True)
        return True

    def _send_garbage(self, chance: random.Random) -> bool:
        """Leaves something in the inbox of a run that is no command."""
        inboxes = [path.parent / "inbox" for path in self.workspaces[0].glob("experiments/*/*/journal.jsonl")]
        if not inboxes:
            return False
        path = max(inboxes) / f"{chance.randrange(10**6)}.json"
        content = _garbage(chance, b'{"do": "stop"}')
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            self.record.damages.append(Damage(path, content))
            self.record.faults.append("bad command")
        return True

    def _damage(self, fault: Fault) -> None:
        """Replaces the content of a file, of those that are not the user's own."""
        chance = random.Random(fault.number)
        try:  # what was listed may be gone: others remove folders, and a mount may remember names
            names = sorted(path for path in self._files() if _may_be_damaged(path))
            kinds = sorted({_kind_of(path) for path in names})
            if not kinds:
                return
            kind = chance.choice(kinds)
            path = chance.choice([path for path in names if _kind_of(path) == kind])
            content = _garbage(chance, path.read_bytes())
        except FileNotFoundError:
            return
        path.write_bytes(content)
        others = [one for one in self.record.damages if one.path != path or one.was_moved]
        self.record.damages = [*others, Damage(path, content)]
        self.record.faults.append("damage")

    def _files(self) -> Iterator[Path]:
        """All files of the workspace and of the tokens."""
        for root in (self.workspaces[0], self.folder / "shared"):
            for folder, _, names in os.walk(root):
                yield from (Path(folder, name) for name in names)

    def _move(self) -> None:
        """Moves the workspace, as both schedulers see it."""
        here, _ = self.workspaces
        self._moves += 1
        there, _ = self.workspaces
        if not here.exists():
            self._moves -= 1
            return
        here.rename(there)
        self.record.faults.append("move workspace")
        for damage in self.record.damages:
            with contextlib.suppress(ValueError):
                damage.path = there / damage.path.relative_to(here)


_SPARED = re.compile(r"^(result|steps)\.txt$|\.unreadable$|\.moved\d+$")
"""Names of what is the user's own, or was damaged before and set aside"""

_SIGNALS = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM, "stop": signal.SIGSTOP}


def _may_be_damaged(path: Path) -> bool:
    """Whether a file is one of ours, and none that is spared."""
    if not path.is_file() or path.is_symlink() or _SPARED.search(path.name):
        return False
    # The same file has a name by which messages call it: a kill came between link and unlink.
    return path.suffix != ".tmp" or path.stat().st_nlink == 1


def _kind_of(path: Path) -> str:
    """Files of one kind are damaged as often as those of another, however many there are."""
    return path.name if path.name[0].isalpha() and path.parent.name != "jobs" else path.suffix


def _garbage(chance: random.Random, before: bytes) -> bytes:
    """What may be found in the place of a content, which it is not."""
    made = [
        b"",
        before[: len(before) // 2],
        bytes(chance.randrange(256) for _ in range(40)),
        b"null",
        b"[]",
        b'{"owner": 3, "status": [], "do": {}, "total": "x"}',
        b'{"' + b"[" * 5000,
        b"9" * 5000,
    ]
    return chance.choice([content for content in made if content != before])


def _folder_of(pid: int) -> Path | None:
    """Where a process runs; None if it is gone."""
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        return None


def _pid_in(path: Path) -> int:
    """The process that a start names; 0 if none."""
    try:
        return int(json.loads(path.read_bytes())["owner"]["pid"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0


def _continue(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _run(*command: str) -> int:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode
