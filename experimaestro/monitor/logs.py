"""Parts of a job's log for a view: the end, what came since, what stands before. Never the whole.

Rules: a log may be of any size and hold any bytes, so a part is at most `PART` bytes and cut between
two characters; a file that shrank was begun anew by another attempt, and is read from its start.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

PART = 64 * 1024
"""Bytes of a part"""

LEASE_S = 10.0
"""How long a question for more waits, in seconds: whoever still looks asks again"""

PERIOD_S = 0.25
"""Time between two looks at a file that is followed, in seconds"""


class Part(NamedTuple):
    """Some bytes of a log, as text."""

    begin: int
    """Where it begins, in bytes"""
    end: int
    """Where it ends: where to go on"""
    size: int
    """Of the file"""
    text: str
    exists: bool = True
    """Whether there is a file"""


def tail(path: str) -> Part:
    """The end of a log, from the beginning of a line.

    Raises:
        OSError: The disk does not tell.
    """
    return _read(path, lambda size: (max(0, size - PART), size), at_line=True)


def before(path: str, offset: int) -> Part:
    """The part that ends at `offset`, from the beginning of a line.

    Raises:
        OSError: The disk does not tell.
    """
    return _read(
        path, lambda size: (max(0, min(offset, size) - PART), max(0, min(offset, size))), at_line=True
    )


def after(path: str, offset: int) -> Part:
    """What stands after `offset`, from there or, if that is too much, the end.

    Raises:
        OSError: The disk does not tell.
    """

    def place(size: int) -> tuple[int, int]:
        if offset > size:  # begun anew
            return max(0, size - PART), size
        return max(offset, size - PART), size

    return _read(path, place, at_line=False)


def follow(path: str, offset: int, pause: Callable[[float], bool], lease_s: float = LEASE_S) -> Part:
    """What stands after `offset`: waits for it, up to `lease_s`.

    Args:
        path: The file.
        offset: What the view has, in bytes.
        pause: Waits so many seconds; True ends the wait at once.
        lease_s: How long to wait, in seconds.

    Raises:
        OSError: The disk does not tell.
    """
    left = lease_s
    while True:
        part = after(path, offset)
        if part.text or part.size < offset or left <= 0 or pause(PERIOD_S):
            return part
        left -= PERIOD_S


def _read(path: str, place: Callable[[int], tuple[int, int]], *, at_line: bool) -> Part:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return Part(0, 0, 0, "", exists=False)
    try:
        size = os.fstat(fd).st_size
        begin, end = place(size)
        data = os.pread(fd, end - begin, begin)
    finally:
        os.close(fd)
    skipped = 0
    if begin:
        line = data.find(b"\n") + 1 if at_line else 0
        skipped = line if 0 < line < len(data) else _continuation(data)
    kept = data[skipped : len(data) - _unfinished(data)]
    begin += skipped
    return Part(begin, begin + len(kept), size, kept.decode("utf-8", "replace"))


def _continuation(data: bytes) -> int:
    """How many bytes at the beginning belong to a character that began before."""
    count = 0
    while count < min(3, len(data)) and data[count] & 0xC0 == 0x80:
        count += 1
    return count


def _unfinished(data: bytes) -> int:
    """How many bytes at the end are the beginning of a character that is not whole yet."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 4 if 0xF0 <= byte < 0xF8 else 3 if 0xE0 <= byte < 0xF0 else 2 if 0xC0 <= byte < 0xE0 else 1
        return back if length > back else 0
    return 0
