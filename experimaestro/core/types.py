"""From an annotation to the type that checks values.

Rules: a type's `check` returns the value that is kept (coerced, containers copied) or raises
`Mismatch`, and touches nothing else; `load` brings what JSON could not hold back to the type; both are
made once for each class, never for each object. The identifier depends on the coercions: they are
those of the table in the documentation of parameters, neither more nor less.
"""

import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any as Any  # noqa: PLC0414 - the public name of "anything"

from experimaestro.core.base import Declares
from experimaestro.core.containers import (
    DictType,
    ListType,
    OptionalType,
    SetType,
    TupleType,
    UnionType,
)
from experimaestro.core.generics import GenericType, VariableType
from experimaestro.core.references import AnyType, ConfigType
from experimaestro.core.scalars import (
    BoolType,
    ChoicesType,
    EnumType,
    FloatType,
    IntType,
    LiteralType,
    PathType,
    StrType,
    Type as Type,  # noqa: PLC0414 - found here by those who look for it
)
from experimaestro.exceptions import DefinitionError

ObjectType = ConfigType
"""Another name, of the compatible API"""

_PLAIN: Mapping[Any, Type] = {
    int: IntType(),
    float: FloatType(),
    str: StrType(),
    bool: BoolType(),
    Any: AnyType(),
}
_LARGE_INT = IntType(counts=False)
_PATH = PathType()


def is_path(one: Type) -> bool:
    """Whether a type is a path, or a path or None: such a parameter is not in identifiers."""
    while isinstance(one, (OptionalType, ChoicesType)):
        one = one.of
    return isinstance(one, PathType)


def type_of(annotation: Any, names: Mapping[str, Any] = MappingProxyType({}), *, counts: bool = True) -> Type:
    """The type that an annotation asks for.

    Args:
        annotation: Resolved, but for what the bounds of type variables refer to.
        names: What the names in those references stand for.
        counts: Whether values are in identifiers: no integer is too large for a `Meta`.

    Raises:
        DefinitionError: No parameter can be of this type.
    """

    def inside(part: Any) -> Type:
        return type_of(part, names, counts=counts)

    if isinstance(annotation, typing.ForwardRef):
        annotation = _referred(annotation, names)
    origin = typing.get_origin(annotation)
    if isinstance(annotation, typing.TypeVar):
        bounds = annotation.__constraints__ or (annotation.__bound__,)
        return VariableType(annotation, [inside(bound) for bound in bounds if bound is not None])
    if origin is not None:
        return _generic(annotation, origin, typing.get_args(annotation), inside)
    if annotation is int and not counts:
        return _LARGE_INT
    try:
        known = _PLAIN.get(annotation)
    except TypeError:  # not hashable
        known = None
    if known is not None:
        return known
    if isinstance(annotation, type) and (found := _of_class(annotation)) is not None:
        return found
    raise DefinitionError(
        f"no type for {getattr(annotation, '__name__', annotation)}: use int, float, str, bool, Path, "
        "an Enum, Literal, List, Dict, Set, Optional, Union, Any, a TypeVar or a configuration class"
    )


def _of_class(annotation: type) -> Type | None:
    if issubclass(annotation, Declares):
        return ConfigType(annotation)
    if issubclass(annotation, Enum):
        return EnumType(annotation)
    if annotation.__name__ == "Path" and annotation.__module__.partition(".")[0] == "pathlib":
        return _PATH
    if annotation in {list, dict, set, tuple}:
        name = annotation.__name__
        inside = "str, int" if annotation is dict else "int"
        raise DefinitionError(f"no type for {name}: say what it holds, {name}[{inside}]")
    return None


def _referred(reference: typing.ForwardRef, names: Mapping[str, Any]) -> Any:
    try:
        return eval(reference.__forward_arg__, dict(names))  # noqa: S307 - an annotation of the user's class
    except (NameError, AttributeError) as error:
        raise DefinitionError(f"the bound {reference.__forward_arg__!r} does not resolve: {error}") from error


_ARITY = {list: 1, set: 1, dict: 2}


def _generic(annotation: Any, origin: Any, arguments: tuple[Any, ...], inside: Callable[[Any], Type]) -> Type:
    if len(arguments) != _ARITY.get(origin, len(arguments)):
        takes = _ARITY[origin]
        raise DefinitionError(f"no type for {annotation}: {origin.__name__} takes {takes} in brackets")
    if origin is typing.Union or origin is types.UnionType:
        inner = [inside(one) for one in arguments if one is not type(None)]
        one = inner[0] if len(inner) == 1 else UnionType(*inner)
        return OptionalType(one) if type(None) in arguments else one
    if origin is list:
        return ListType(inside(arguments[0]))
    if origin is set:
        return SetType(inside(arguments[0]))
    if origin is dict:
        return DictType(inside(arguments[0]), inside(arguments[1]))
    if origin is tuple:
        any_length = len(arguments) == 2 and arguments[1] is Ellipsis
        kept = arguments[:1] if any_length else arguments
        return TupleType(*map(inside, kept), any_length=any_length)
    if origin is typing.Annotated:
        return inside(arguments[0])
    if origin is typing.Literal:
        return LiteralType(arguments)
    if isinstance(origin, type) and issubclass(origin, Declares):
        return GenericType(annotation)
    raise DefinitionError(f"no type for {annotation}")
