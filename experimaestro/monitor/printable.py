"""Text that comes from users and logs, made safe to show: one line each, no control characters.

A terminal obeys what it is sent: a log that holds an escape sequence could move its cursor, change
its title or hide text. Rule: what is not ours passes through here before it is shown.
"""

import re
import unicodedata

_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, moves of the cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # titles, links
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
_SPACES = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_HARMLESS = frozenset("\u200c\u200d")  # they join letters and emoji
_UNKNOWN = "\ufffd"


def printable(text: str, max_characters: int = 1000) -> str:
    r"""A text on one line, without anything that a terminal would obey.

    Args:
        text: Any text.
        max_characters: A longer one is cut, and ends with "…".

    Returns:
        Escape sequences are left out, line breaks and tabs are spaces, any other control
        character (those that turn the direction of writing too) is the replacement character.

    Example:
        >>> printable("a\x1b[31mb\tc")
        'ab c'
    """
    cut = len(text) > max_characters
    text = text[:max_characters]
    if not (text.isascii() and text.isprintable()):
        text = _SPACES.sub(" ", _SEQUENCES.sub("", text))
        text = "".join(c if c.isprintable() or c == " " or _is_shown(c) else _UNKNOWN for c in text)
    return f"{text}…" if cut else text


def printable_lines(text: str, max_lines: int, *, last: bool = False) -> list[str]:
    """The lines of a text, each as `printable` makes it, without empty ones at its ends.

    Args:
        text: Any text. Of a line that was overwritten (a progress bar), only what one would see.
        max_lines: No more than these are returned.
        last: Whether to return the last lines and not the first.
    """
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.strip("\r\n").split("\n")]
    cut = lines[-max_lines:] if last else lines[:max_lines]
    return [printable(line.replace("\t", "    ").rstrip()) for line in cut] if text.strip() else []


def _is_shown(character: str) -> bool:
    """Whether a character that Python does not print harms no terminal: other spaces, joiners."""
    return unicodedata.category(character) in {"Zs", "Co"} or character in _HARMLESS
