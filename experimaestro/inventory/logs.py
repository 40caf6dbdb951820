"""What a job prints, as it comes."""

import os
import time
from collections.abc import Iterator

from experimaestro.workspace import attempts
from experimaestro.workspace.layout import JobPaths

_PERIOD_S = 0.2
_PART = 1 << 16


def parts(paths: JobPaths, file: str, *, follow: bool = False) -> Iterator[str]:
    """Reads a log in parts.

    Args:
        paths: The job.
        file: Its log; absent is empty.
        follow: Whether to go on until the job has ended.

    Yields:
        Text; bytes that are no UTF-8 are replaced.
    """
    position = 0
    while True:
        is_over = not follow or attempts.observe(paths).kind != "running"
        for part in _from(file, position):
            position += len(part)
            yield part.decode("utf-8", "replace")
        if is_over:
            return
        time.sleep(_PERIOD_S)


def _from(file: str, position: int) -> Iterator[bytes]:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        while part := os.pread(descriptor, _PART, position):
            position += len(part)
            yield part
    finally:
        os.close(descriptor)
