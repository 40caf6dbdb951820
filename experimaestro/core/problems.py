"""How what is wrong is collected and shown: one text for all problems of one call.

Rule: whoever finds a problem says the short fact (`Mismatch`); the name of the parameter, the
user's file and line and the class of the error are added here, on the way up.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from experimaestro.core.base import Configuration, Information
from experimaestro.exceptions import (
    ConfigurationError,
    ExperimaestroError,
    RequiredError,
)

SHOWN = 20
"""How many problems an error shows: a list of thousands may have the same one in each element"""


class Mismatch(Exception):  # noqa: N818 - never leaves the core: it becomes a line of an error
    """A value is not what a parameter wants.

    Attributes:
        text: What was expected, and what came.
        where: Which part of the value: `[2]`, `['a']`, or empty.
        hint: What to do, when the example of the parameter would not tell.
    """

    def __init__(self, text: str, where: str = "", hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.where = where
        self.hint = hint


class Problem(NamedTuple):
    """One line of an error."""

    name: str
    """The parameter, or the path to it"""
    text: str
    cause: type[ExperimaestroError] = ConfigurationError
    """What is raised when all problems of a call are of this kind"""


def failure(what: str, place: str, problems: Iterable[Problem]) -> ExperimaestroError:
    """The error that shows the problems of one call, one a line.

    Args:
        what: What the user wrote: `Train.C(...)`.
        place: Where: `train.py:31`.
        problems: At least one.
    """
    found = list(problems)
    shown = found[:SHOWN]
    width = max(len(problem.name) for problem in shown) + 3
    count = "1 problem" if len(found) == 1 else f"{len(found):,} problems"
    lines = [f"{what}: {count} ({place})"]
    lines += [f"  {problem.name:<{width}}{problem.text}" for problem in shown]
    if len(found) > len(shown):
        lines.append(f"  ... and {len(found) - len(shown):,} more")
    causes = {problem.cause for problem in found}
    text = "\n".join(lines)
    if len(causes) == 1:
        return causes.pop()(text)
    return (RequiredError if RequiredError in causes else ConfigurationError)(text)


def unknown(name: str, declared: Iterable[str], annotation: str | None = None) -> Problem:
    """The problem of a name that is no parameter, with what was probably meant.

    Args:
        name: What the user wrote.
        declared: The names of the parameters.
        annotation: How the class annotates the name, if it does.
    """
    from difflib import get_close_matches  # only when something is wrong

    if annotation is not None:
        declare = f"{name}: Param[{annotation}]"
        return Problem(name, f"`{name}` is annotated but is no parameter: write `{declare}`")
    names = list(declared)
    near = get_close_matches(name, names, n=1)
    if near:
        return Problem(name, f"unknown parameter. Did you mean {near[0]!r}?")
    if names:
        return Problem(name, f"unknown parameter. There are: {', '.join(names)}")
    return Problem(name, "unknown parameter. The class declares none")


def information(value: Any, call: str) -> Information:
    """What a configuration knows of itself, where a user may have given something else.

    Args:
        value: What the user gave.
        call: Where to: `setmeta({}, True)`, with braces for the value.

    Raises:
        TypeError: It is no configuration.
    """
    if isinstance(value, Configuration):
        return value.__xpm__
    raise TypeError(f"{call.format(short(value))}: expected a configuration, Cls.C(...)")


def short(value: Any) -> str:
    """A value as shown in an error: at most some 60 characters."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the user's class: what it is must be said all the same
        text = f"<a {type(value).__name__} that cannot be shown>"
    return text if len(text) <= 60 else f"{text[:50]}...{text[-7:]}"
