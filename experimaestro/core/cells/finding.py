"""Which statement of the cells made a class or a function.

Rules: a function says where it was made, and a configuration class too. Of another class it is where its
methods were made; without any, the cell that ran last, unless it cannot have made an enumeration with these
members.
"""

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import Enum
from inspect import get_annotations
from types import CellType, CodeType, FunctionType
from typing import Any, NamedTuple

from experimaestro.core.cells import texts
from experimaestro.core.cells.names import POSTPONED

MAIN = "__main__"
_GENERATED = ("<string>", "<attrs generated")
"""Names of the texts of methods that dataclasses and the like make"""


class Found(NamedTuple):
    """The statement that defines something."""

    cell: texts.Cell
    node: ast.stmt
    postponed: bool
    function: FunctionType | None = None
    """What it made, but for decorators, if it is one of a function"""


def class_statement(name: str, cls: type, namespace: Mapping[str, Any]) -> Found | None:
    """The statement of a class of a name; None if it is not known."""
    functions = [one for one in map(_function_in, vars(cls).values()) if one is not None]
    own = [
        one
        for one in functions
        if one.__globals__ is namespace
        and one.__qualname__ == f"{cls.__qualname__}.{one.__name__}"
        and not one.__code__.co_filename.startswith(_GENERATED)
    ]
    postponed = any(one.__code__.co_flags & POSTPONED for one in own)
    places = [(one.__code__.co_filename, one.__code__.co_firstlineno) for one in own]
    places.insert(0, cls.__dict__.get("_xpm_defined_at", ("", 0)))
    for file, line in places:
        cell = texts.cell(file) if file else None
        node = None if cell is None else texts.definition_at(cell, name, line)
        if cell is not None and node is not None:
            return Found(cell, node, postponed or _is_postponed(cls, node))
    if places[0][0] or own:  # it says where it was made, and that is not known
        return None
    for cell in texts.cells(namespace):
        for node in texts.definitions(cell, name):
            if not issubclass(cls, Enum) or _has_members(cls, node):
                return Found(cell, node, _is_postponed(cls, node))
    return None


def _has_members(cls: type[Enum], node: ast.stmt) -> bool:
    """Whether a statement may have made an enumeration, which does not say where it was made."""
    bases = [ast.unparse(one).rpartition(".")[2] for one in getattr(node, "bases", ())]
    assigned = [
        (one.targets[0].id, one.value)
        for one in getattr(node, "body", ())
        if isinstance(one, ast.Assign) and len(one.targets) == 1 and isinstance(one.targets[0], ast.Name)
    ]
    members = [(name, value) for name, value in assigned if name in cls.__members__]
    return (
        bases == [base.__name__ for base in cls.__bases__]
        and [name for name, _ in members] == list(cls.__members__)
        and all(hasattr(cls, name) for name, _ in assigned)
        and all(_may_be(value, cls[name].value) for name, value in members)
    )


def _may_be(node: ast.expr, value: Any) -> bool:
    """Whether an expression may have a value: a literal has its own, of anything else nothing is known."""
    try:
        literal = ast.literal_eval(node)
    except (ValueError, TypeError):
        return True
    return type(literal) is type(value) and bool(literal == value)


def methods(cls: type, namespace: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What a class has of functions of the notebook, by name."""
    found = ((name, value, _function_in(value)) for name, value in vars(cls).items())
    return tuple((name, one) for name, one, of in found if of is not None and of.__globals__ is namespace)


def _function_in(value: Any) -> FunctionType | None:
    """The function of a method, a class method or a property."""
    found = getattr(value, "fget", None) or getattr(value, "__func__", value)
    return found if isinstance(found, FunctionType) else None


def _is_postponed(cls: type, node: ast.stmt) -> bool:
    """Whether Python left the annotations of a class as text that the user wrote as none."""
    written = {
        one.target.id
        for one in getattr(node, "body", ())
        if isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and not isinstance(one.annotation, ast.Constant)
    }
    annotations: Mapping[str, Any] = {}
    with suppress(NameError):  # Python 3.14 evaluates them now, and only what is not text may fail
        annotations = get_annotations(cls)
    return any(isinstance(annotations.get(one), str) for one in written)


def function_statement(name: str, value: Any) -> Found | None:
    """The statement of the function that something of a name is, or wraps; None if it is not known."""
    for function in _functions(value):
        code: CodeType = function.__code__
        cell = texts.cell(code.co_filename) if function.__module__ == MAIN else None
        if cell is None:
            continue
        node = (
            texts.lambda_at(cell, name, code.co_firstlineno)
            if function.__name__ == "<lambda>"
            else texts.definition_at(cell, name, code.co_firstlineno)
            if function.__qualname__ == name
            else None
        )
        if node is not None:
            return Found(cell, node, bool(code.co_flags & POSTPONED), function)
    return None


def _functions(value: Any, depth: int = 0) -> Iterator[FunctionType]:
    """The function that a value is, and those that a decorator wrapped in it."""
    if isinstance(value, FunctionType):
        yield value
    if depth == 4 or isinstance(value, type):
        return
    inner = [getattr(value, "__wrapped__", None)]
    inner += [one.cell_contents for one in getattr(value, "__closure__", None) or () if one != CellType()]
    inner += list(getattr(value, "__dict__", {}).values())
    for one in inner:
        if callable(one):
            yield from _functions(one, depth + 1)
