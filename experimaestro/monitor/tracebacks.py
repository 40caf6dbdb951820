"""Reads a Python traceback from the end of a log: the user's lines apart from those of libraries.

Pure, except `with_source`, which reads the lines around a frame from the file that it names.
"""

import itertools
import re
from collections.abc import Callable
from typing import NamedTuple

from experimaestro.monitor.printable import printable

_START = "Traceback (most recent call last):"
_GROUP = "  + Exception Group Traceback (most recent call last):"
_IN_GROUP = re.compile(r"^ *(?:\| |\+-)", re.MULTILINE)
"""What stands before the lines of a group"""
_FRAME = re.compile(r'^  File "(?P<file>.+?)", line (?P<line>\d+)(?:, in (?P<name>.+))?$')
_LIBRARY = re.compile(r".*/(?:site|dist)-packages/(?P<package>[^/]+)|.*/lib/python3[^/]*/|<frozen ")

_CHAINED = (
    "\nThe above exception was the direct cause of the following exception:",
    "\nDuring handling of the above exception, another exception occurred:",
)

_BEFORE, _AFTER = 2, 1
"""Lines of source around the one that failed"""


class Frame(NamedTuple):
    """One call."""

    file: str
    line: int
    name: str
    text: str
    """The line, as the traceback shows it"""


class Traceback(NamedTuple):
    """An exception and the calls that led to it."""

    type: str
    """Full name of the exception's class"""
    message: str
    users: list[Frame]
    """Calls in the user's own code, innermost first"""
    library_calls: int
    """How many calls were in libraries"""
    libraries: list[str]
    """Names of these"""
    printed: str
    """The whole as Python printed it, with the exceptions that led to it"""


def parse(log: str) -> Traceback | None:
    """Finds the last traceback of a log.

    Args:
        log: The end of what a job printed to its error stream.

    Returns:
        The traceback; None if there is none that is whole.
    """
    group = log.rfind(_GROUP)
    if group >= 0 and f"\n{_START}" not in log[group:]:
        return _of_group(log[group:])
    start = log.rfind(_START)
    if start < 0:
        return None
    lines = log[start:].splitlines()
    frames: list[Frame] = []
    number = 1
    while number < len(lines) and (lines[number].startswith("  ") or not lines[number]):
        found = _FRAME.match(lines[number])
        if found:
            below = lines[number + 1] if number + 1 < len(lines) else ""
            text = below.strip() if below.startswith("    ") else ""
            frames.append(Frame(found["file"], int(found["line"]), found["name"] or "", text))
        number += 1
    if number >= len(lines) or not frames:
        return None
    kind, _, first = lines[number].partition(":")
    message = "\n".join([first.strip(), *lines[number + 1 :]]).strip()
    printed = log[_first(log, start) :].rstrip()
    return _traceback(kind.strip(), message, frames, printed)


def _of_group(printed: str) -> Traceback | None:
    """Several exceptions at once: the calls that led to each of them, those of the last on top."""
    lines = _IN_GROUP.sub("", printed).splitlines()
    said = next((line for line in lines[1:] if line and not line.startswith((" ", "-"))), None)
    frames = [
        Frame(found["file"], int(found["line"]), found["name"] or "", below.strip())
        for line, below in itertools.pairwise(lines)
        if (found := _FRAME.match(line))
    ]
    if said is None or not frames:
        return None
    kind, _, message = said.partition(":")
    return _traceback(kind, message.strip(), frames, printed.rstrip())


def _traceback(kind: str, message: str, frames: list[Frame], printed: str) -> Traceback:
    """Puts the user's calls apart."""
    libraries: list[str] = []
    users = []
    for frame in reversed(frames):
        inside = _LIBRARY.match(frame.file)
        if inside is None:
            users.append(frame)
        elif (package := inside["package"] or "Python") not in libraries:
            libraries.append(package)
    return Traceback(kind, message, users, len(frames) - len(users), libraries, printed)


def _first(log: str, start: int) -> int:
    """Where the first exception begins of those that led to the one that is printed at `start`."""
    while log[:start].rstrip().endswith(_CHAINED) and (before := log.rfind(_START, 0, start)) >= 0:
        start = before
    return start


def with_source(frame: Frame, read: Callable[[str], str | None]) -> dict[str, object]:
    """A frame and the lines around it, if the file still has the line that failed.

    Args:
        frame: A call.
        read: Reads a text file; None if it cannot.

    Returns:
        `file`, `line`, `name`, and `source`: pairs of number and text.
    """
    source: list[tuple[int, str]] = [(frame.line, printable(frame.text))] if frame.text else []
    text = read(frame.file)
    lines = text.splitlines() if text is not None else []
    if frame.line <= len(lines) and (not frame.text or lines[frame.line - 1].strip() == frame.text):
        first = max(1, frame.line - _BEFORE)
        last = min(len(lines), frame.line + _AFTER)
        source = [(number, printable(lines[number - 1].expandtabs(4))) for number in range(first, last + 1)]
    return {
        "file": printable(frame.file),
        "line": frame.line,
        "name": printable(frame.name),
        "source": source,
    }
