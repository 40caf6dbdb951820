"""How types and values are called in a sentence: `a float`, `a list, each an int`, `'fast'`."""

import collections.abc
import enum
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from experimaestro.documents.fields import has_fields
from experimaestro.documents.nodes import Node

LISTS: tuple[Any, ...] = (
    list,
    collections.abc.Sequence,
    collections.abc.Iterable,
    collections.abc.Collection,
)
"""What a list of a document can become a list for"""
SETS: tuple[Any, ...] = (set, frozenset, collections.abc.Set)
"""Same, a set"""
MAPPINGS: tuple[Any, ...] = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
"""What a mapping of a document can become a dictionary for"""

_NAMES: Mapping[Any, str] = {
    bool: "a bool",
    int: "an int",
    float: "a float",
    str: "a str",
    type(None): "null",
    None: "null",
    Any: "any value",
}


def describe(of: Any) -> str:
    """What a type is called: `a float`, `a list, each an int`."""
    if isinstance(of, collections.abc.Hashable) and of in _NAMES:
        return _NAMES[of]
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    form = _FORMS.get(origin or of)
    if form is not None:
        return form(arguments)
    return _class(of) if isinstance(of, type) else str(of)


def choices(values: Sequence[Any]) -> str:
    """Some values of which one is wanted: `one of 'a', 'b'`."""
    return f"one of {', '.join(map(repr, values))}" if len(values) > 1 else repr(values[0])


def found(node: Node) -> str:
    """What was found: `'fast'`, `1.5`, `null`, `a mapping`."""
    if node.entries is not None:
        return "a mapping"
    if node.items is not None:
        return "a list"
    if node.value is None:
        return "null"
    text = repr(node.value) if isinstance(node.value, str) else node.text or str(node.value)
    return text if len(text) <= 60 else f"{text[:50]}...{text[-7:]}"


def _class(of: type) -> str:
    if issubclass(of, enum.Enum):
        return choices([str(member.value) for member in of])
    if issubclass(of, PurePath):
        return "a path"
    return f"a mapping ({of.__qualname__})" if has_fields(of) else f"a {of.__qualname__}"


def _list(arguments: Sequence[Any]) -> str:
    elements = [one for one in arguments if one is not Ellipsis]
    return "a list" if not elements or elements[0] is Any else f"a list, each {describe(elements[0])}"


def _tuple(arguments: Sequence[Any]) -> str:
    if not arguments or arguments[-1] is Ellipsis:
        return _list(arguments)
    return f"a list of {len(arguments)}"


def _union(arguments: Sequence[Any]) -> str:
    return " or ".join(describe(one) for one in arguments)


_FORMS: Mapping[Any, Callable[[Sequence[Any]], str]] = {
    typing.Annotated: lambda arguments: describe(arguments[0]),
    typing.Final: lambda arguments: describe(arguments[0]),
    typing.Literal: choices,
    typing.Union: _union,
    types.UnionType: _union,
    tuple: _tuple,
    **dict.fromkeys((*LISTS, *SETS), _list),
    **dict.fromkeys(MAPPINGS, lambda _: "a mapping"),
}
