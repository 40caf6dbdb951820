"""What small files say, whoever wrote them: a value of the expected type and range, or none.

Rules: nothing here raises, whatever the bytes are; nothing that they name is opened, imported or called.
What comes out can be written into a journal: numbers are finite and of 64 bits, texts are UTF-8.
"""
# A job's process imports this: it is light

import json
from typing import Any

_LAST_S = 1e11
"""A time after which no clock of ours will be, in seconds since the epoch (the year 5138)"""

_LAST_PID = 2**31 - 1


def json_object(data: bytes | None) -> dict[str, Any]:
    """The JSON object that data are; empty if they are torn, of another form, or None."""
    try:
        content = json.loads(data or b"")
    except (ValueError, RecursionError):  # the second: nested deeper than Python reads
        return {}
    return content if isinstance(content, dict) else {}


def text(value: Any) -> str:
    """A text, also of what is none; characters that no file can hold are escaped."""
    try:
        shown = value if isinstance(value, str) else "" if value is None else str(value)
    except (ValueError, RecursionError):  # a number with thousands of digits
        return "?"
    return shown.encode("utf-8", "backslashreplace").decode()


def whole(value: Any, least: int, most: int) -> int | None:
    """A whole number of a range; None if it is none."""
    return value if type(value) is int and least <= value <= most else None


def pid(value: Any) -> int:
    """The number of a process; 0 if it is none."""
    return whole(value, 1, _LAST_PID) or 0


def seconds(value: Any) -> float:
    """A time since the epoch; 0 if it is none, or one that no clock shows."""
    return float(value) if type(value) in {int, float} and 0 <= value <= _LAST_S else 0.0
