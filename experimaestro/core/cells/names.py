"""The global names that a statement uses, and when.

Rules: the compiler is asked, not the text: what it compiled knows which names are local, in functions,
lambdas and comprehensions alike. Only annotations that are text (`"Node"`, or all below
`from __future__ import annotations`) are read here. Names with two underscores at both ends that the
notebook does not define are Python's.
"""

import __future__

import ast
import dis
from collections.abc import Iterator
from inspect import CO_OPTIMIZED
from types import CodeType
from typing import Literal, NamedTuple

When = Literal["defined", "called", "annotated"]
"""When a name is needed: as soon as the statement runs; when what it defines is called; never for certain"""


POSTPONED = __future__.annotations.compiler_flag
"""The flag of code that ran below `from __future__ import annotations`"""


class Use(NamedTuple):
    """One use of a global name."""

    name: str
    when: When
    place: str
    """Where: `Train.execute`"""
    attributes: tuple[str, ...] = ()
    """What is read of it at once: ("linalg", "norm") in `np.linalg.norm`"""


_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}
_AT_ONCE = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<generic parameters")


def uses(node: ast.stmt, name: str, *, postponed: bool) -> list[Use]:
    """The uses of global names in a statement, each once.

    Args:
        node: A statement.
        name: What it defines.
        postponed: Whether it was run below `from __future__ import annotations`.
    """
    flags = POSTPONED if postponed else 0
    code = compile(ast.Module([node], []), "<notebook>", "exec", flags, dont_inherit=True)
    found = [*_in_code(code, name, "defined", top=True), *_in_annotations(node, name, postponed=postponed)]
    return list(dict.fromkeys(found))


def _in_code(code: CodeType, place: str, when: When, *, top: bool = False) -> Iterator[Use]:
    stored: set[str] = set()
    name, attributes = None, []
    for step in dis.get_instructions(code):
        if name is not None and step.opname in _ATTRIBUTES:
            attributes.append(step.argval)
            continue
        if name is not None:
            yield Use(name, when, place, tuple(attributes))
            name, attributes = None, []
        if step.opname in _LOADS and step.argval not in stored:
            name = step.argval
        elif step.opname == "STORE_NAME":
            stored.add(step.argval)
    for inner in code.co_consts:
        if not isinstance(inner, CodeType):
            continue
        where = place if top or inner.co_name.startswith(("<", "__annotate")) else f"{place}.{inner.co_name}"
        yield from _in_code(inner, where, _when(inner, when))


def _when(inner: CodeType, when: When) -> When:
    if inner.co_name.startswith("__annotate"):  # Python 3.14 makes annotations when they are asked for
        return "annotated"
    at_once = not inner.co_flags & CO_OPTIMIZED or inner.co_name.startswith(_AT_ONCE)
    return when if at_once or when == "annotated" else "called"


def _in_annotations(node: ast.AST, place: str, *, postponed: bool) -> Iterator[Use]:
    """The names in the annotations of a class that Python left as text."""
    for inner in getattr(node, "body", ()):
        if isinstance(inner, ast.ClassDef):
            yield from _in_annotations(inner, f"{place}.{inner.name}", postponed=postponed)
    if isinstance(node, ast.ClassDef):
        for inner in node.body:
            if isinstance(inner, ast.AnnAssign):
                for one in _in_annotation(inner.annotation, as_text=postponed):
                    yield Use(one, "annotated", place)


def _in_annotation(node: ast.AST, *, as_text: bool) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            yield from _in_annotation(ast.parse(node.value, mode="eval").body, as_text=True)
        except SyntaxError:  # a text that is none of an annotation
            return
    elif isinstance(node, ast.Name):
        if as_text:
            yield node.id
    elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Literal"):
        yield from _in_annotation(node.value, as_text=as_text)  # the texts in it are values
    else:
        for inner in ast.iter_child_nodes(node):
            is_argument = isinstance(node, ast.Call) and inner is not node.func
            if not (is_argument and isinstance(inner, ast.Constant)):
                yield from _in_annotation(inner, as_text=as_text)
