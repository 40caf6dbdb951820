"""The files by which other versions of this package see who runs a job, and we see them.

They know nothing of attempts: a job runs while the lock of `<name>.lock` is held (flock), its
process is in `<name>.pid`, and `<name>.failed` says why it failed.

Rule 1: whoever of us runs a job holds that lock: the scheduler takes it before it claims and hands
the open descriptor to the job's process, which keeps it until it exits.
Rule 2: these files are asked only when no attempt of ours is open and there is no `.done`.
Rule 3: a pid in a file proves nothing by itself: it must be alive, here, and older than the file.

Asking whether a lock is held takes it for an instant, shared, which makes a taker fail who does not
wait. Therefore the cheap signs are asked first, a lock file is never created by asking, other
versions wait for locks, and `lock` tells a question from an owner and tries again.
"""
# A job's process imports this: paths are strings, and pathlib stays out
# ruff: noqa: PTH116

import contextlib
import errno
import fcntl
import json
import os
import time
from typing import Any, NamedTuple

from experimaestro.events.owners import Outcome, Owner, Status
from experimaestro.workspace import contents, files, processes
from experimaestro.workspace.layout import JobPaths

_HELD = frozenset((errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES))
"""What `flock` says when another holds the lock"""

_REASONS: dict[Status, str] = {"memory": "memory", "timeout": "timeout", "cancelled": "cancelled"}
"""Reasons of the format; every other failure is `failed`"""

_STATUSES: dict[str, Status] = {"memory": "memory", "timeout": "timeout", "cancelled": "cancelled"}

_CODES: dict[Status, int] = {"cancelled": 15}
"""Exit codes of the format where the job left none; else 1 (0 would be read as success)"""

_SLACK_S = 2.0
"""How much later than its `.pid` a process may seem to have started (clocks tick coarsely)"""


_TRIES = 20
"""How often `lock` tries while others ask whether the lock is held"""


_taken: set[int] = set()
"""Descriptors of `lock` that this process has open"""


class PidFile(NamedTuple):
    """What `<name>.pid` says."""

    host: str
    """"" in files of old versions"""
    pid: int
    """0 where the process is no process of a machine, but that of a cluster or of another kind"""
    modified: float
    """When the file was written, in seconds since the epoch"""
    folder: str
    """Path of the job, in which its process works"""


# ----------------------------------------------------------------------------------------------
# The lock


def lock(paths: JobPaths) -> int | None:
    """Takes the lock of a job, without waiting.

    Returns:
        A descriptor: the lock is held until it, and each copy of it in another process, is
        closed. None if somebody holds the lock.

    Raises:
        OSError: The lock file cannot be made. Its folder is made if it is missing.
    """
    fd = _open_lock(paths)
    _taken.add(fd)
    for _ in range(_TRIES):
        if _flock(fd, fcntl.LOCK_EX):
            return fd
        if not _flock(fd, fcntl.LOCK_SH):
            break  # an owner
        fcntl.flock(fd, fcntl.LOCK_UN)  # somebody who asks, as `is_locked` does
        time.sleep(0.0005)
    release(fd)
    return None


def release(fd: int) -> None:
    """Closes a descriptor of `lock`: what this process held is free, unless a job has it too."""
    _taken.discard(fd)
    os.close(fd)


def _release_in_fork() -> None:
    """A process that the user forks while jobs are being started must not keep their locks."""
    while _taken:
        os.close(_taken.pop())


os.register_at_fork(after_in_child=_release_in_fork)


def keep_lock(fd: int) -> int:
    """Keeps the lock that a scheduler handed to this process, until the process exits.

    Processes that it starts do not keep it: exec closes the descriptor, and so does a fork.

    Args:
        fd: The descriptor that `lock` returned to the scheduler.
    """
    os.set_inheritable(fd, False)
    _taken.add(fd)
    return fd


def is_locked(paths: JobPaths) -> bool:
    """Whether somebody holds the lock of a job. Creates nothing.

    Raises:
        OSError: The disk does not tell.
    """
    try:
        fd = os.open(paths.lock, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not _flock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _open_lock(paths: JobPaths) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(paths.lock, flags, 0o666)
    except FileNotFoundError:
        files.make_folder(paths.folder)
        return os.open(paths.lock, flags, 0o666)
    except PermissionError:
        return os.open(paths.lock, os.O_RDONLY | os.O_CLOEXEC)  # of another user: enough to lock it


def _flock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD:
            raise
        return False
    return True


# ----------------------------------------------------------------------------------------------
# The process


def write_pid(paths: JobPaths, owner: Owner) -> None:
    """Says which process runs the job; called by it, after `start`.

    Raises:
        OSError: The disk cannot be written.
    """
    content = {"type": "local", "pid": owner.pid, "host": owner.host}
    files.replace(paths.pid, json.dumps(content).encode())


def remove_pid(paths: JobPaths) -> None:
    """Says that nobody runs the job, whoever did: by order of the user.

    Raises:
        OSError: The file cannot be removed.
    """
    files.remove(paths.pid)


def remove_pid_of(paths: JobPaths, owner: Owner) -> None:
    """Says that a process has ended: called by it after `.done` or `.failed`, or in its place.

    Args:
        paths: The job.
        owner: The process, or one that is proven gone; the file is left alone if it names another one.

    Raises:
        OSError: The disk does not tell, or the file cannot be removed.
    """
    file = read_pid(paths)
    if file is not None and (file.host, file.pid) == (owner.host, owner.pid):
        files.remove(paths.pid)


def read_pid(paths: JobPaths) -> PidFile | None:
    """Which process is said to run the job; None if none is, or if the file is not understood.

    Raises:
        OSError: The disk does not tell.
    """
    content = contents.json_object(files.read(paths.pid))
    if not content:
        return None
    pid = contents.pid(content.get("pid")) if content.get("type", "local") == "local" else 0
    try:
        modified = os.stat(paths.pid).st_mtime
    except FileNotFoundError:
        return None
    return PidFile(contents.text(content.get("host")), pid, modified, paths.folder)


def fate(file: PidFile) -> processes.Fate:
    """What is known of the process that a `.pid` names.

    Unlike an `Owner` the file has no start time: a process that started after the file was written
    is another one. A file without a machine may be of any: there, a process counts only if it is seen to
    be at work for the job.
    """
    if file.pid == 0 or file.host not in {"", processes.host_name()}:
        return "unknown"
    started = processes.started_at(file.pid)
    if started is None or started > file.modified + _SLACK_S:
        return "gone"
    return "alive" if file.host or processes.is_at_work(file.pid, file.folder) else "unknown"


# ----------------------------------------------------------------------------------------------
# The failure


def failed_content(outcome: Outcome) -> bytes:
    """Content of `.failed` for an attempt that ended badly."""
    content: dict[str, Any] = {
        "code": outcome.code or _CODES.get(outcome.status, 1),
        "reason": _REASONS.get(outcome.status, "failed"),
    }
    if outcome.message:
        content["message"] = outcome.message
    return json.dumps(content).encode()


def read_failed(paths: JobPaths) -> Outcome | None:
    """How a job failed according to `.failed`, in the form of any version; None if it is absent.

    The form of old versions is the exit code as text, where 0 is a success. What cannot be
    understood is a failure.

    Raises:
        OSError: The disk does not tell.
    """
    data = files.read(paths.failed)
    if data is None:
        return None
    with contextlib.suppress(ValueError):
        code = int(data)
        return Outcome("failed" if code else "done", code=_exit_code(code))
    content = contents.json_object(data)
    reason = contents.text(content.get("reason") or content.get("failure_status") or "failed").lower()
    return Outcome(
        _STATUSES.get(reason, "failed"),
        contents.text(content.get("message")),
        code=_exit_code(content.get("code")),
    )


def _exit_code(value: Any) -> int | None:
    return contents.whole(value, -(2**31), 2**31)
