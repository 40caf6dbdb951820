"""What names stood for when a class or a function was defined, as far as that counts afterwards.

A class attribute, a default and an argument of `field(...)` keep the value that a name had when the statement
ran, whatever the name stands for now. So a job must get that value.

Rule: only values that never change are kept, so that nothing large is held and nothing is copied.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from types import CodeType, FunctionType
from typing import Any


def in_body(cls: type, code: CodeType, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the names that the statement of a class may use, while the class is being made.

    Args:
        cls: The class.
        code: What runs its statement.
        namespace: The variables of the notebook.
    """
    names = {*code.co_names, *(name for body in _bodies(code, cls.__name__) for name in _at_once(body))}
    return {name: namespace[name] for name in names if name in namespace and _is_constant(namespace[name])}


def _bodies(code: CodeType, name: str) -> Iterator[CodeType]:
    """The code of the bodies of the classes of a name; those with type parameters are one level deeper."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_name == name:
                yield inner
            elif inner.co_name.startswith("<generic parameters"):
                yield from _bodies(inner, name)


def _at_once(code: CodeType) -> Iterator[str]:
    """The names in a body and in the comprehensions in it."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and inner.co_name.startswith("<") and inner.co_name != "<lambda>":
            yield from _at_once(inner)


def in_defaults(function: FunctionType, node: ast.stmt) -> dict[str, Any]:
    """The values of the names that are defaults of a function.

    Args:
        function: The function.
        node: Its statement, or the assignment of a `lambda`.
    """
    arguments = getattr(getattr(node, "value", node), "args", None)
    if not isinstance(arguments, ast.arguments):
        return {}
    named = arguments.kwonlyargs, arguments.kw_defaults
    pairs: list[tuple[ast.expr | None, Any]] = [
        *zip(arguments.defaults, function.__defaults__ or (), strict=False),
        *((node, (function.__kwdefaults__ or {}).get(one.arg)) for one, node in zip(*named, strict=True)),
    ]
    return {node.id: value for node, value in pairs if isinstance(node, ast.Name) and _is_constant(value)}


def in_attributes(cls: type, node: ast.stmt) -> dict[str, Any]:
    """The values of the names that are attributes of a class: `depth = DEPTH`, `depth: int = DEPTH`.

    Args:
        cls: The class.
        node: Its statement.
    """
    found = {}
    for one in getattr(node, "body", ()):
        if not isinstance(one, (ast.Assign, ast.AnnAssign)) or not isinstance(one.value, ast.Name):
            continue
        targets = one.targets if isinstance(one, ast.Assign) else [one.target]
        value = vars(cls).get(targets[0].id) if isinstance(targets[0], ast.Name) else None
        if value is not None and _is_constant(value):
            found[one.value.id] = value
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same constant."""
    return one is other or (type(one) is type(other) and _is_constant(one) and bool(one == other))


def _is_constant(value: Any) -> bool:
    if type(value) in {tuple, frozenset}:
        return all(map(_is_constant, value))
    return (
        value is None or type(value) in {bool, int, float, complex, str, bytes} or isinstance(value, PurePath)
    )
