"""What the annotations of a class mean: names in strings are looked up, type variables filled in.

Rule: nothing else resolves an annotation. One that is no parameter and does not resolve is left alone, as
it may be there for a type checker only; that of a parameter must resolve.
"""

import sys
import types
import typing
from collections.abc import Mapping
from typing import Any

from experimaestro.core.arguments import KindMark
from experimaestro.exceptions import DefinitionError

_WORDS = ("Param[", "Meta[", "Option[", "Constant[", "Annotated[")
"""What the annotation of a parameter has in it, while it is a string"""


def substituted(of: Any, values: Mapping[Any, Any]) -> Any:
    """A type where what is known stands in the place of type variables."""
    if isinstance(of, typing.TypeVar):
        return values.get(of, of)
    free = getattr(of, "__parameters__", ())
    if not free or isinstance(of, type) or not any(one in values for one in free):
        return of
    return of[tuple(values.get(one, one) for one in free)]


def resolved_annotation(base: type, name: str, annotation: Any) -> Any:
    """An annotation without strings; None for a name that is no parameter and does not resolve."""
    holder = type(base.__name__, (), {"__annotations__": {name: _with_references(annotation)}})
    module = sys.modules.get(base.__module__)
    names = {
        base.__name__: base,
        **{key: value for key, value in vars(base).items() if isinstance(value, type)},
    }
    try:
        return typing.get_type_hints(holder, vars(module) if module else {}, names, include_extras=True)[name]
    except (NameError, AttributeError) as error:
        if isinstance(annotation, str) and not any(word in annotation for word in _WORDS):
            return None
        raise DefinitionError(
            f"{base.__qualname__}.{name}: the annotation {_written(annotation)!r} does not resolve: {error}. "
            "Import the name at the top level of the module, outside of `if TYPE_CHECKING:`"
        ) from error
    except TypeError as error:
        if isinstance(annotation, str) and not any(word in annotation for word in _WORDS):
            return None
        raise DefinitionError(
            f"{base.__qualname__}.{name}: {_written(annotation)!r} is no annotation: {error}"
        ) from error


def _with_references(annotation: Any) -> Any:
    """An annotation where `list["Node"]` is `list[ForwardRef("Node")]`: Python 3.10 resolves only that."""
    if isinstance(annotation, str):
        return annotation
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return typing.Annotated[(_with_references(inner[0]), *inner[1:])]
    if isinstance(annotation, types.GenericAlias):
        return types.GenericAlias(origin, tuple(_reference(one) for one in inner))
    if origin is typing.Union or origin is types.UnionType:
        return typing.Union[tuple(_reference(one) for one in inner)]  # noqa: UP007 - made of a tuple
    return annotation


def _reference(annotation: Any) -> Any:
    return typing.ForwardRef(annotation) if isinstance(annotation, str) else _with_references(annotation)


def _written(annotation: Any) -> str:
    """An annotation as the user wrote it, or nearly."""
    if isinstance(annotation, str):
        return annotation
    if typing.get_origin(annotation) is not typing.Annotated:
        return annotation.__forward_arg__ if isinstance(annotation, typing.ForwardRef) else str(annotation)
    of, *marks = typing.get_args(annotation)
    kind = next((mark.kind.value for mark in marks if isinstance(mark, KindMark)), "Annotated")
    return f"{kind}[{_written(of)}]"
