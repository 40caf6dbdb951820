"""A configuration as text: what the user wrote, on one line if it fits, else indented, at most a screen.

Rules: the text is Python that makes the configuration again, as long as nothing had to be left out;
what was left out is `...`. The work is bounded by the size of the text, never by that of the
configuration: a list of 100,000 and a chain of 10,000 are shown as fast as small ones.
"""

from collections.abc import Collection, Iterable
from enum import Enum
from itertools import islice
from typing import Any, NamedTuple

from experimaestro.core.base import Configuration

WIDTH = 100
LINES = 40
DEPTH = 5
"""Configurations in configurations"""
NESTING = 6
"""Containers in containers"""
ITEMS = 10
"""Of a container"""
CHARACTERS = 80
"""Of a single value"""


class _Open(NamedTuple):
    """A value that holds others."""

    start: str
    parts: list[tuple[str, Any]]
    """Each with what stands before it: `lr=`"""
    more: int
    """How many were left out"""
    end: str
    above: tuple[int, ...]
    """The configurations that hold the parts, outermost first"""
    nesting: int


def shown(value: Any) -> str:
    """A value as `repr` shows it."""
    return "\n".join(_lines(value, 0, LINES, (), 0))


def one_line(value: Any) -> str:
    """A value on one line, shortened if it has more than some 60 characters."""
    flat = _flat(value, 60, (), 0)
    if flat is not None:
        return flat
    opened = _open(value, (), 0)
    return opened if isinstance(opened, str) else f"{opened.start}...{opened.end.lstrip(',')}"


def on_one_line(value: Any, room: int) -> str | None:
    """A value on one line; None if that takes more characters than there are."""
    return _flat(value, room, (), 0)


def value_text(value: Any) -> str:
    """A single value as Python code."""
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, (str, bytes)) and len(value) > CHARACTERS:
        return f"{value[:60]!r}... {len(value) - 60:,} more"
    return repr(value)


def _open(value: Any, above: tuple[int, ...], nesting: int) -> _Open | str:
    """What a value holds; the text of one that holds nothing, or is not looked into."""
    if isinstance(value, Configuration):
        return _configuration(value, above)
    if isinstance(value, (set, frozenset)) and not value:
        return "set()"
    if not isinstance(value, (list, set, frozenset, dict, tuple)) or not value:
        return value_text(value)
    more = max(len(value) - ITEMS, 0)
    if isinstance(value, dict):
        start, end = "{", "}"
        parts = [(f"{value_text(key)}: ", item) for key, item in islice(value.items(), ITEMS)]
    else:
        start, end = (
            ("[", "]") if isinstance(value, list) else ("(", ")") if isinstance(value, tuple) else "{}"
        )
        end = ",)" if isinstance(value, tuple) and len(value) == 1 else end
        items = _sorted(value) if isinstance(value, (set, frozenset)) else value
        parts = [("", item) for item in islice(items, ITEMS)]
    if nesting == NESTING:
        return f"{start}...{end}"
    return _Open(start, parts, more, end, above, nesting + 1)


def _sorted(values: Collection[Any]) -> Iterable[Any]:
    """The elements of a set in an order that is the same in every process, if they are not too many."""
    return sorted(values, key=repr) if len(values) <= 10 * ITEMS else values


def _configuration(value: Configuration, above: tuple[int, ...]) -> _Open | str:
    if id(value) in above:
        return "..."
    declaration = value.__xpm__.declaration
    values, shared = value.__dict__, declaration.shared
    names = [
        name
        for name in declaration.arguments
        if name in values and not (name in shared and shared[name] is values[name])
    ]
    start = f"{declaration.name}.C("
    if not names:
        return f"{start})"
    if len(above) == DEPTH:
        return f"{start}...)"
    parts = [(f"{name}=", values[name]) for name in names[:LINES]]
    return _Open(start, parts, len(names) - len(parts), ")", (*above, id(value)), 0)


def _flat(value: Any, room: int, above: tuple[int, ...], nesting: int) -> str | None:
    """As `on_one_line`, for a value in others."""
    opened = _open(value, above, nesting)
    if isinstance(opened, str):
        return opened if len(opened) <= room else None
    text = opened.start
    for position, (before, part) in enumerate(opened.parts):
        text += f"{', ' if position else ''}{before}"
        inner = _flat(part, room - len(text), opened.above, opened.nesting)
        if inner is None:
            return None
        text += inner
    text += f"{_left_out(', ', opened.more)}{opened.end}"
    return text if len(text) <= room else None


def _lines(value: Any, indent: int, allowed: int, above: tuple[int, ...], nesting: int) -> list[str]:
    """A value on one line if it fits, else on several, at most as many as allowed.

    Args:
        value: What is shown.
        indent: Columns that are taken already.
        allowed: At least 1.
        above: The configurations that hold it.
        nesting: The containers that hold it, in the last of these configurations.
    """
    flat = _flat(value, WIDTH - indent, above, nesting)
    if flat is not None:
        return [flat]
    opened = _open(value, above, nesting)
    if isinstance(opened, str):
        return [opened]
    if allowed < 3:
        return [f"{opened.start}...{opened.end.lstrip(',')}"]
    room = allowed - 2 - bool(opened.more)
    parts, more = opened.parts, opened.more
    if len(parts) > room:
        room -= not more
        more += len(parts) - room
        parts = parts[:room]
    inside = _indented(parts, indent + 4, room, opened)
    if more:
        inside.append(f"    {_left_out('', more)}")
    return [opened.start, *inside, opened.end.lstrip(",")]


def _indented(parts: list[tuple[str, Any]], indent: int, room: int, opened: _Open) -> list[str]:
    """The parts of a value, a comma after each; those that need several lines share what is there."""
    flats = [
        _flat(part, WIDTH - indent - len(before) - 1, opened.above, opened.nesting) for before, part in parts
    ]
    long = sum(flat is None for flat in flats)
    spare = room - len(parts)
    lines: list[str] = []
    for (before, part), flat in zip(parts, flats, strict=True):
        found: Iterable[str]
        if flat is None:
            found = _lines(part, indent + len(before), 1 + spare // long, opened.above, opened.nesting)
            spare -= len(found) - 1
            long -= 1
        else:
            found = [flat]
        first, *others = found
        lines += [f"    {before}{first}", *(f"    {line}" for line in others)]
        lines[-1] += ","
    return lines


def _left_out(before: str, more: int) -> str:
    return f"{before}... {more:,} more" if more else ""
