"""What is wrong in documents, as one error with a line for each problem."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from experimaestro.documents.nodes import Origin, shown
from experimaestro.exceptions import DocumentError


class Problem(NamedTuple):
    """One thing that is wrong."""

    origin: Origin
    key: str
    """`learner.optim.lr`, or "" for the whole document"""
    text: str

    def __str__(self) -> str:
        """For messages: `full.yaml:12: learner.optim.lr: expected a float, got 'fast'`."""
        return ": ".join(part for part in (str(self.origin), self.key, self.text) if part)


def of_error(error: DocumentError) -> Sequence[Problem]:
    """The problems that an error tells."""
    known = [one for one in error.problems if isinstance(one, Problem)]
    return known or [Problem(Origin(""), "", str(error))]


def failure(source: str, problems: Sequence[Problem]) -> DocumentError:
    """The error that shows all problems of a document.

    Args:
        source: Path of the document.
        problems: At least one; each is shown once.
    """
    ordered = sorted(problems, key=lambda one: (not one.origin.line, one.origin))  # files, then options
    lines = list(dict.fromkeys(map(str, ordered)))
    if len(lines) > 1:
        lines = [f"{shown(source)}: {len(lines)} problems", *(f"  {one}" for one in lines)]
    error = DocumentError("\n".join(lines))
    error.problems = tuple(problems)
    return error


def did_you_mean(name: str, known: Iterable[str], what: str = "There are") -> str:
    """The nearest of some names, or all of them.

    Example:
        >>> did_you_mean("learnr", ["learner", "seed"])
        "Did you mean 'learner'?"
        >>> did_you_mean("LD", ["lr", "seed"])
        "Did you mean 'lr'?"
    """
    from difflib import get_close_matches  # only when something is wrong

    names = list(known)
    plain = {one.casefold(): one for one in reversed(names)}
    near = get_close_matches(name.casefold(), plain, n=1, cutoff=0.5 if len(name) < 4 else 0.6)
    if near:
        return f"Did you mean {plain[near[0]]!r}?"
    return f"{what}: {', '.join(names)}" if names else "There are none"
