"""A limited number of something that the jobs of several processes share, counted in a folder.

In the folder: `informations.json` says how much there is, each file in `jobs/` how much one job
holds, and whoever counts or takes has the lock of `ipc.lock`. The format is that of the compatible
versions, so that theirs and ours share one count.

Rule 1: a job holds what its file says until its process removes the file, or until somebody who has
the lock finds that nobody runs the job: its folder decides, never an age.
Rule 2: a job takes all that it needs or nothing. The locks are taken in the order of their names, so
that two that need the same tokens never wait for each other.
Rule 3: a file that cannot be understood holds one: what is unknown is never free.

Safe because: a scheduler claims the job, and only then notes what it holds, all under the lock; what
a kill leaves is a file whose job nobody runs.
"""
# A job's process imports this: paths are strings, and pathlib stays out

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from experimaestro.exceptions import FormatError
from experimaestro.workspace import attempts, contents, files, processes
from experimaestro.workspace.layout import JobPaths, TokenPaths

_LONGEST_NAME = 256
"""Characters of the name of a holder's file, without its ending: a part of the format"""


LOCKED_S = 2.0
"""How long a token's lock is waited for, in seconds: to count takes milliseconds"""


class LockedError(Exception):
    """The lock of a token is held by a process that does not let go of it, such as one that was stopped."""

    def __init__(self, folder: str) -> None:
        super().__init__(f"another process has held {TokenPaths(folder).lock} for {LOCKED_S:g} s")
        self.folder = folder


class Need(Protocol):
    """What a job takes of one token."""

    @property
    def folder(self) -> str:
        """Where the token is counted."""

    @property
    def amount(self) -> int:
        """How much the job takes."""

    @property
    def total(self) -> int:
        """How much there is, where the folder does not say."""


class NotedNeed(NamedTuple):
    """What a job takes of one token, as its folder says."""

    folder: str
    amount: int
    total: int


def note(needs: Sequence[Need], job: JobPaths) -> None:
    """Notes in the folder of a job what it takes, for who runs it without its plan.

    Raises:
        OSError: The disk cannot be written.
    """
    if needs:
        content = [[need.folder, need.amount, need.total] for need in needs]
        files.replace(job.needs, json.dumps(content).encode())
    else:
        files.remove(job.needs)


def noted(job: JobPaths) -> list[NotedNeed]:
    """What a job takes, as its folder says.

    Raises:
        FormatError: The file cannot be understood.
        OSError: The disk does not tell.
    """
    data = files.read(job.needs)
    if data is None:
        return []
    try:
        rows = json.loads(data)
        if all(map(_is_need, rows)):
            return [NotedNeed(*row) for row in rows]
    except (ValueError, TypeError, RecursionError):
        pass
    raise FormatError(
        f"{job.needs} cannot be understood: it says which tokens the job takes. Run its experiment again"
    )


def _is_need(row: Any) -> bool:
    folder, *counts = row
    is_folder = isinstance(folder, str) and os.path.isabs(folder) and "\0" not in folder  # noqa: PTH117 - light
    return is_folder and len(counts) == 2 and all(contents.whole(one, 1, 2**31) for one in counts)


def define(folder: str, total: int) -> None:
    """Says how much there is of a token; whoever says it last is right.

    Raises:
        OSError: The disk cannot be written.
    """
    paths = TokenPaths(folder)
    files.make_folder(paths.jobs)
    files.replace(paths.total, json.dumps({"total": total}).encode())


@contextlib.contextmanager
def counting(needs: Sequence[Need]) -> Iterator[None]:
    """Keeps everybody else from counting and taking some tokens; waits a little until that is possible.

    Raises:
        LockedError: Another process has the lock for longer than anybody needs it.
        OSError: A folder cannot be made or locked.
    """
    with contextlib.ExitStack() as locks:
        for folder in sorted({need.folder for need in needs}):
            paths = TokenPaths(folder)
            files.make_folder(paths.jobs)
            fd = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            locks.callback(os.close, fd)
            end = time.monotonic() + LOCKED_S
            while not _try_lock(fd):
                if time.monotonic() > end:
                    raise LockedError(folder)
                time.sleep(0.005)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lacking(needs: Sequence[Need], job: JobPaths) -> str | None:
    """The folder of a token of which too little is free for a job; to be called within `counting`.

    What jobs hold that nobody runs is taken from them.

    Raises:
        OSError: The disk does not tell.
    """
    for need in needs:
        paths = TokenPaths(need.folder)
        own = _holder_name(job)
        others = (name for name in files.names(paths.jobs) if name != own and name.endswith(".json"))
        used = sum(_held(f"{paths.jobs}/{name}") for name in others)
        if used + need.amount > _total(paths, need.total):
            return need.folder
    return None


def name_of(folder: str) -> str:
    """The name of the token that is counted in a folder."""
    return os.path.basename(folder).removesuffix(".counter")  # noqa: PTH119 - light


def too_few(needs: Sequence[Need]) -> list[str]:
    """What of some needs can never be had, as the tokens are now, in words.

    Raises:
        OSError: The disk does not tell.
    """
    found = []
    for need in needs:
        total = _total(TokenPaths(need.folder), need.total)
        if need.amount > total:
            found.append(
                f"it needs {need.amount} of the token {name_of(need.folder)!r}, of which there are {total} "
                "now. Say the number again: xp.token(name, count)"
            )
    return found


def take(needs: Sequence[Need], job: JobPaths) -> None:
    """Notes what a job holds; to be called within `counting`, by whoever has claimed the job.

    Raises:
        OSError: The disk cannot be written.
    """
    owner = processes.myself()
    held = [f"{TokenPaths(need.folder).jobs}/{_holder_name(job)}" for need in needs]
    files.replace(job.tokens, json.dumps(held).encode())
    for need, path in zip(needs, held, strict=True):
        content = {
            "job_uri": f"{job.folder}/{job.name}",
            "information": {"count": need.amount},
            "process": {"type": "local", "pid": owner.pid, "host": owner.host},
        }
        files.replace(path, json.dumps(content).encode())


def release(job: JobPaths, taker: str) -> None:
    """Gives back all that a job holds; called by its process at its end, or by who saw it end.

    Args:
        job: The job.
        taker: `attempts.mark` of who took it; "": whoever did. What another took since, for the next
            attempt, stays.

    Raises:
        OSError: The disk refuses; whoever counts next finds that nobody runs the job.
    """
    data = files.read(job.tokens)
    if data is None:
        return
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        held = [path for path in json.loads(data) if os.path.basename(path) == _holder_name(job)]  # noqa: PTH119 - light
        if not all(_is_of(path, taker) for path in held):
            return
        for path in held:
            files.remove(path)
    files.remove(job.tokens)


def _is_of(path: str, taker: str) -> bool:
    """Whether what a file says was taken by somebody; it may have been if it cannot be read, or is gone."""
    process = contents.json_object(files.read(path)).get("process")
    if not isinstance(process, dict) or "host" not in process:
        return True
    return not taker or taker.startswith(f"{process['host']}:{process.get('pid')}:")


def _holder_name(job: JobPaths) -> str:
    folder, _, identifier = job.folder.rpartition("/")
    return f"{f'{os.path.basename(folder)}@{identifier}'[:_LONGEST_NAME]}.json"  # noqa: PTH119 - light


def _held(path: str) -> int:
    """How much the file of a holder counts for; 0 after it was removed, since nobody runs the job."""
    data = files.read(path)
    if data is None:
        return 0  # its process has just removed it
    held = _holder(data)
    if held is None:
        return 1
    if attempts.observe(held.job).kind in {"running", "unknown"}:
        return held.amount
    files.remove(path)
    return 0


class _Holder(NamedTuple):
    """What the file of a holder says."""

    job: JobPaths
    amount: int


def _holder(data: bytes) -> _Holder | None:
    """What the file of a holder says; None if it cannot be understood."""
    content = contents.json_object(data)
    information = content.get("information")
    count = contents.whole(information.get("count") if isinstance(information, dict) else None, 1, 2**31)
    folder, slash, name = contents.text(content.get("job_uri")).rpartition("/")
    if count is None or not slash or not name or "\0" in folder + name:
        return None
    return _Holder(JobPaths(folder, name), count)


def not_understood(needs: Sequence[Need]) -> list[str]:
    """The files of holders of some tokens that count as one, since nobody understands them.

    Raises:
        OSError: The disk does not tell.
    """
    folders = sorted({TokenPaths(need.folder).jobs for need in needs})
    paths = [
        f"{folder}/{name}" for folder in folders for name in files.names(folder) if name.endswith(".json")
    ]
    return [path for path in paths if (data := files.read(path)) is not None and _holder(data) is None]


def _total(paths: TokenPaths, expected: int) -> int:
    total = contents.whole(contents.json_object(files.read(paths.total)).get("total"), 0, 2**31)
    return expected if total is None else total
