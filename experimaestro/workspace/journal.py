"""Files of one JSON document a line, appended by one process.

Rules: one writer; lines are kept in memory and written in batches by whoever calls `flush` (a
pool thread); a line that a kill or a full disk cut is completed by the next flush, or ignored by
readers when it is the last.
"""

import os
from collections.abc import Iterator

import msgspec

from experimaestro.events.model import AnyEvent, decode
from experimaestro.exceptions import FormatError
from experimaestro.workspace.files import read


class LineFile:
    """A file that grows by whole lines.

    Args:
        path: The file; made by the first flush that has something to write.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: list[bytes] = []
        self._rest = b""
        self._descriptor: int | None = None

    def add(self, line: bytes) -> None:
        """Keeps a line for the next flush. Never blocks.

        Args:
            line: Without its newline.
        """
        self._lines.append(line)

    def flush(self) -> None:
        """Writes what is kept. Not to be called by two threads at once.

        Raises:
            OSError: The disk refuses; what was not written is kept.
        """
        lines, self._lines = self._lines, []
        if lines:
            self._rest += b"\n".join(lines) + b"\n"
        if not self._rest:
            return
        if self._descriptor is None:
            self._descriptor = os.open(
                self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666
            )
        while self._rest:
            self._rest = self._rest[os.write(self._descriptor, self._rest) :]

    def close(self) -> None:
        """Writes what is kept, so that it would survive a power cut, and closes the file.

        Raises:
            OSError: The disk refuses; the file is closed all the same.
        """
        try:
            self.flush()
            if self._descriptor is not None:
                os.fsync(self._descriptor)
        finally:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


def read_events(path: str) -> Iterator[AnyEvent]:
    """Reads a journal, also one that is being written.

    Args:
        path: `journal.jsonl` of a run; absent is empty.

    Yields:
        Its events, oldest first; a torn last line is left out.

    Raises:
        FormatError: A line that is not the last is not an event.
    """
    lines = (read(path) or b"").split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            event = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if number == len(lines):
                return
            raise FormatError(
                f"{path}:{number}: expected an event, got {line[:80]!r}: {error}. "
                "The folders of the jobs have all results: move the journal away and run again"
            ) from None
        yield event
