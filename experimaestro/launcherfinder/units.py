"""Times and sizes as people write them: `2h`, `10 min`, `4G` (decimal), `4GiB` (binary)."""

import re

from experimaestro.exceptions import RequirementError

SECONDS = {
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
}
"""Seconds of each unit of time"""

BYTES = {"G": 10**9, "M": 10**6, "GiB": 1 << 30, "MiB": 1 << 20}
"""Bytes of each unit of memory"""

_NUMBER = re.compile(r"\s*(\d+)\s*([A-Za-z]*)\s*")


def in_seconds(time: str | int) -> int:
    """A time in seconds.

    Args:
        time: Seconds, or a text.

    Raises:
        RequirementError: The text cannot be read.

    Example:
        >>> in_seconds("2h"), in_seconds("10 min")
        (7200, 600)
    """
    return time if isinstance(time, int) else _read(time, SECONDS, "a time such as 2h, 3 days or 30 min")


def in_bytes(memory: str | int) -> int:
    """A size in bytes.

    Args:
        memory: Bytes, or a text.

    Raises:
        RequirementError: The text cannot be read.

    Example:
        >>> in_bytes("4G"), in_bytes("1MiB")
        (4000000000, 1048576)
    """
    return memory if isinstance(memory, int) else _read(memory, BYTES, "a size such as 4G, 512M or 8GiB")


def _read(text: str, units: dict[str, int], expected: str) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None or match[2] not in units:
        raise RequirementError(f"expected {expected}, got {text!r}")
    return int(match[1]) * units[match[2]]
