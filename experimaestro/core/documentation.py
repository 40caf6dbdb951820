"""What a class and its parameters are, in words: docstrings, and the texts under annotations.

Rules: Python keeps no text that stands under an annotation, so the source is read: once for each
file, when somebody asks, never at import and never in a job (this module is imported by those who
ask). The source is what `linecache` knows, which includes the cells of a notebook. Without a
source there is no text, and no error. Whoever has an `Argument` asks it for its `help`.
"""

import ast
import linecache
import re
import sys
from collections.abc import Iterator, Sequence
from inspect import Parameter, Signature, cleandoc
from itertools import pairwise
from textwrap import indent
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from experimaestro.core.arguments import Argument
    from experimaestro.core.objects.declaration import Declaration

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


class _Written:
    """An annotation or a default of a signature, shown as a user writes it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def signature_of(declaration: "Declaration | None") -> Signature:
    """How configurations of a class are made: by name, without constants and generated values."""
    if declaration is None:
        return Signature()
    return Signature(
        [
            Parameter(
                one.name,
                Parameter.KEYWORD_ONLY,
                annotation=_Written(one.type.name),
                default=Parameter.empty if one.required else _Written(_default(declaration, one)),
            )
            for one in in_order(declaration)
            if not one.read_only
        ]
    )


def with_parameters(declaration: "Declaration") -> str:
    """The docstring of a class and a line for each of its parameters."""
    title, description, _ = docstring_of(declaration.cls)
    blocks = [block for block in (title, description) if block]
    lines = [_line(declaration, one) for one in in_order(declaration)]
    if lines:
        blocks.append("\n".join(["Parameters:", *lines]))
    methods = [f"    {name}(): {docstring(one.__doc__).title}" for name, one in _marked(declaration.cls)]
    if methods:
        blocks.append("\n".join(["Methods:", *methods]))
    return "\n\n".join(blocks)


def _marked(cls: Any) -> Iterator[tuple[str, Any]]:
    """The functions that `documentation` marks, those of the classes above first."""
    every = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    for name, value in every.items():
        function = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if getattr(function, "_xpm_documented", False) is True:
            yield name, function


def in_order(declaration: "Declaration") -> list["Argument"]:
    """The parameters as they are declared, those of the classes above first."""
    every = [
        name for base in reversed(declaration.cls.__mro__) for name in getattr(base, "__annotations__", ())
    ]
    return [declaration.arguments[name] for name in dict.fromkeys(every) if name in declaration.arguments]


def _line(declaration: "Declaration", argument: "Argument") -> str:
    facts = argument.type.name
    if argument.generator is not None:
        facts += ", generated"
    elif argument.constant:
        facts += f", always {_default(declaration, argument)}"
    elif not argument.required:
        facts += f", default {_default(declaration, argument)}"
    text = f"{argument.name} ({facts})"
    if argument.help:
        text += f": {argument.help}"
    first, _, others = text.partition("\n")
    return "\n".join([f"    {first}", indent(others, 8 * " ")]) if others else f"    {first}"


def _default(declaration: "Declaration", argument: "Argument") -> str:
    from experimaestro.core.objects.printing import one_line  # it knows configurations

    return one_line(declaration.shared[argument.name])


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
