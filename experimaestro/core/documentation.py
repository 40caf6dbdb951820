"""What a class and its parameters are, in words: docstrings, and the texts under annotations.

Rules: Python keeps no text that stands under an annotation, so the source is read: once for each
file, when somebody asks, never at import and never in a job (this module is imported by those who
ask). The source is what `linecache` knows, which includes the cells of a notebook. Without a
source there is no text, and no error.
"""

import ast
import linecache
import re
import sys
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from itertools import pairwise
from typing import Any, NamedTuple

Texts = dict[str, str]
"""Of the parameters of one class, by name"""

_PARAMETER = re.compile(r":param\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)")
_sources: dict[str, tuple[Sequence[str], dict[tuple[str, int], Texts]]] = {}
"""By file: its lines, and the texts of its classes by name and line"""


class Docstring(NamedTuple):
    """A docstring, taken apart."""

    title: str
    """First line"""
    description: str
    """The rest, without `:param lr: ...`"""
    parameters: Texts
    """What `:param lr: ...` says"""


def help_of(owner: Any, name: str, note: str | None) -> str | None:
    """What a parameter is.

    Args:
        owner: The class that declares it.
        name: Its name.
        note: What the annotation itself says.

    Returns:
        The text under the annotation, else the note, else what the docstring says; for a parameter
        that is declared again without any, the same of the classes above. None if nobody says.
    """
    found = _literals(owner).get(name) or note or docstring_of(owner).parameters.get(name)
    for base in owner.__mro__[1:] if found is None else ():
        found = _literals(base).get(name) or docstring_of(base).parameters.get(name)
        if found is not None:
            break
    return found


def docstring_of(cls: Any) -> Docstring:
    """The docstring of a class itself, not of those above."""
    return docstring(cls.__dict__.get("__doc__"))


def docstring(text: str | None) -> Docstring:
    """Takes a docstring apart."""
    parameters: Texts = {}
    kept: list[str] = []
    current: str | None = None
    for line in cleandoc(text or "").splitlines():
        match = _PARAMETER.match(line)
        if match is not None:
            current = match[1]
            parameters[current] = match[2].strip()
        elif current is not None and line.startswith((" ", "\t")):
            parameters[current] = f"{parameters[current]} {line.strip()}".strip()
        else:
            current = current if not line else None
            kept.append(line)
    title, _, description = "\n".join(kept).strip().partition("\n")
    return Docstring(title, re.sub(r"\n{3,}", "\n\n", description.strip()), parameters)


def _literals(cls: Any) -> Texts:
    """The strings that stand under the annotations in the body of a class."""
    file, line = cls.__dict__.get("_xpm_defined_at", ("", 0))
    if not file:
        return {}
    module = sys.modules.get(cls.__module__)
    linecache.checkcache(file)  # a module may have been edited and loaded again
    lines = linecache.getlines(file, vars(module) if module else None)
    known = _sources.get(file)
    if known is None or known[0] is not lines:
        known = _sources[file] = (lines, dict(_classes("".join(lines))))
    texts = known[1]
    named = [one for one in texts if one[0] == cls.__name__]
    wanted = named[0] if len(named) == 1 else (cls.__name__, line)  # or edited, and not loaded again
    return texts.get(wanted, {})


def _classes(source: str) -> Iterator[tuple[tuple[str, int], Texts]]:
    """The classes of a source that document parameters."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            texts = dict(_texts(node.body))
            if texts:
                yield (node.name, node.lineno), texts


def _texts(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for one, after in pairwise(body):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            value = after.value if isinstance(after, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield one.target.id, cleandoc(value.value).strip()
