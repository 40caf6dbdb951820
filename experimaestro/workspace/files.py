"""Reading and writing whole files so that no reader sees a half of one, and no two writers win.

Rule 1: a file appears complete or not at all. It is written under a temporary name in the same
folder, then renamed (`replace`: the last one wins) or linked (`put_if_absent`: the first one wins).
Rule 2: what decides something is asked of the file system in one call (`link`), never by looking
first and acting later. Whoever loses looks again and never tries the same name twice.
Rule 3: absent is an answer; any other error of reading is raised, never taken for absent.
Rule 4: nothing here knows what a file means, or reads a clock.

Safe because: `link` and `rename` are atomic on the file systems that we know, shared ones
included, and the temporary file is complete (on a network disk: sent to the server, by its
`close`) before either. A process that is killed in between leaves a hidden temporary file, which
nobody reads.

These functions are all that the protocol of ownership (`attempts`) knows of a disk: its tests put
a disk in memory in their place, each function one step, and kill real processes at each system
call made here.
"""
# A job's process imports this: paths are strings, and pathlib stays out
# ruff: noqa: PTH103, PTH104, PTH108, PTH115, PTH116, PTH123, PTH208

import contextlib
import errno
import itertools
import json
import os
from typing import Any

from experimaestro.exceptions import FormatError
from experimaestro.workspace import layout

_NO_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))
"""What `link` says where the file system has no hard links (or on some, to whoever loses)"""

_READ_BYTES = 2**16
"""What is read of a file at once; most files have less"""

_CANNOT_WRITE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO))
"""What says that nothing can be written, which is not the same as having lost"""

_counter = itertools.count()


# ----------------------------------------------------------------------------------------------
# Writing


def replace(path: str, data: bytes, *, fsync: bool = False) -> None:
    """Writes a file in one step: a reader sees the old content or the new one.

    Args:
        path: The file; its folder exists.
        data: All its content.
        fsync: Whether to return only when it would survive a power cut.

    Raises:
        OSError: The disk cannot be written; the old content is still there.
    """
    temporary = _write_temporary(path, data, fsync)
    try:
        os.rename(temporary, path)
    except OSError:
        _remove_temporary(temporary)
        raise
    if fsync:
        fsync_folder(_folder(path))


def put_if_absent(path: str, data: bytes, *, fsync: bool = False) -> bool:
    """Creates a file unless it exists, in one step: of all that try, one wins.

    Where the file system has no hard links, the file is created exclusively and then written: also
    one winner, but a reader may see it empty for an instant, or for ever if the writer is killed.

    Args:
        path: The file; its folder exists.
        data: All its content.
        fsync: Whether to return only when it would survive a power cut.

    Returns:
        Whether this call created it. False also if the answer of the disk leaves that open: look
        again.

    Raises:
        OSError: The disk cannot be written (full, read-only...), and the file does not exist.
    """
    temporary = _write_temporary(path, data, fsync)
    try:
        won = _link(temporary, path, data, fsync)
    finally:
        _remove_temporary(temporary)
    if won and fsync:
        fsync_folder(_folder(path))
    return won


def create_marker(path: str, *, fsync: bool = False) -> None:
    """Creates an empty file; nothing changes if it exists.

    Raises:
        OSError: The disk cannot be written.
    """
    with contextlib.suppress(FileExistsError):  # perhaps of another user, who alone may open it
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    if fsync:
        fsync_folder(_folder(path))


def remove(path: str) -> bool:
    """Removes a file, and returns whether it was there.

    Raises:
        OSError: It cannot be removed.
    """
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def make_folder(path: str) -> None:
    """Makes a folder and those above it, where they are missing.

    Raises:
        OSError: The disk cannot be written, or a file has that name.
    """
    os.makedirs(path, exist_ok=True)


def fsync_folder(path: str) -> None:
    """Returns when the names in a folder would survive a power cut.

    Raises:
        OSError: The disk could not keep them. File systems that cannot do this at all are no error.
    """
    fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(fd)


# ----------------------------------------------------------------------------------------------
# Reading


def exists(path: str) -> bool:
    """Whether there is a file or folder of this name.

    Raises:
        OSError: The disk does not tell (no permission, no answer), which is not "no".
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def names(folder: str) -> list[str]:
    """The names in a folder, in no order; none if it is absent.

    Raises:
        OSError: The disk does not tell.
    """
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def read(path: str) -> bytes | None:
    """The content of a file; None if it is absent.

    Raises:
        OSError: The disk does not tell.
    """
    try:
        return _read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
    return _read(path)  # a network disk: the file was replaced between finding and reading it


def read_from(path: str, offset: int) -> bytes:
    """What a file that only grows has after `offset`; empty if it is absent.

    Raises:
        OSError: The disk does not tell.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""


def link_target(path: str) -> str | None:
    """Where a symbolic link leads, as it is written; None if there is none.

    Raises:
        OSError: The disk does not tell, or the name is that of something else.
    """
    try:
        return os.readlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_json(path: str) -> Any:
    """The value in a JSON file; None if the file is absent.

    Raises:
        FormatError: The file is not JSON.
        OSError: The disk does not tell.
    """
    data = read(path)
    if data is None:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"{path}: expected JSON, got {len(data)} bytes that are not: {error}. "
            "Move the file away if you do not need it"
        ) from None


def tail(path: str, max_bytes: int, max_lines: int) -> str:
    """The last lines of a text file; "" if it is absent.

    Args:
        path: The file; bytes that are not UTF-8 are replaced.
        max_bytes: No more than these are read; a first line that they cut is left out, unless it
            is the only one.
        max_lines: No more than these are returned.

    Raises:
        OSError: The disk does not tell.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    try:
        begin = max(0, os.fstat(fd).st_size - max_bytes)
        # One byte more tells whether the first line is whole
        data = os.pread(fd, max_bytes + 1, begin - 1) if begin else os.pread(fd, max_bytes, 0)
    finally:
        os.close(fd)
    if begin:
        _, newline, whole = data.partition(b"\n")
        data = whole if newline and whole else data[1:]
    return "".join(data.decode("utf-8", "replace").splitlines(keepends=True)[-max_lines:])


# ----------------------------------------------------------------------------------------------


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _link(temporary: str, path: str, data: bytes, fsync: bool) -> bool:
    try:
        os.link(temporary, path)
    except OSError as error:
        if _has_two_names(temporary):
            return True  # a network disk did it, lost its answer, and refused when asked again
        if exists(path):
            return False
        if error.errno in _NO_LINKS:
            return _create(path, data, fsync)
        if error.errno in _CANNOT_WRITE:
            raise
        return False
    return True


def _has_two_names(path: str) -> bool:
    # Opened, since a network disk then asks its server in place of its cache
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.fstat(fd).st_nlink == 2
    finally:
        os.close(fd)


def _create(path: str, data: bytes, fsync: bool) -> bool:
    try:
        _write_new(path, data, fsync)
    except FileExistsError:
        return False
    return True


def _write_temporary(path: str, data: bytes, fsync: bool) -> str:
    while True:
        temporary = layout.temporary(path, f"{os.uname().nodename}.{os.getpid()}.{next(_counter)}")
        try:
            _write_new(temporary, data, fsync)
        except FileExistsError:  # left by a process that had our number: take the next name
            continue
        return temporary


def _write_new(path: str, data: bytes, fsync: bool) -> None:
    """Creates and writes a file; removes it if it cannot be written."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            if fsync:
                os.fsync(fd)
        finally:
            os.close(fd)  # on a network disk, this is where a full disk shows
    except OSError:
        _remove_temporary(path)
        raise


def _remove_temporary(path: str) -> None:
    with contextlib.suppress(OSError):  # the real error is on its way up; else nobody reads it
        os.unlink(path)


def _read(path: str) -> bytes:
    """As `open(path, "rb").read()` with half of its system calls, each of which lets go of Python's lock."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(descriptor, _READ_BYTES):
            parts.append(part)
        return b"".join(parts)
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(descriptor)
