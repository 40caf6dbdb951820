"""From an annotation to checked values: one small class for each kind of type.

Rules: `check` returns the value that is kept (coerced, containers copied) or raises `Mismatch`, and
touches nothing else; `load` brings what JSON could not hold back to the type; both are made once
for each class, never for each object. The identifier depends on the coercions: they are those of
the table in the documentation of parameters, neither more nor less.
"""

import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any as Any  # noqa: PLC0414 - the public name of "anything"

from experimaestro.core.base import Configuration, Declares
from experimaestro.core.problems import Mismatch, short
from experimaestro.core.scalars import (
    BoolType,
    EnumType,
    FloatType,
    IntType,
    PathType,
    StrType,
    Type,
    checked_range,
    checked_text,
    unwrapped,
)
from experimaestro.core.tags import Tagged
from experimaestro.exceptions import DefinitionError


class _Inside(Type):
    """Base of the types that hold others."""

    container = True

    def __init__(self, *inner: Type) -> None:
        self.inner = inner
        self.references = any(one.references for one in inner)
        self.unhashable = any(one.unhashable for one in inner)
        self.loads = any(one.loads for one in inner)
        self.classes = tuple(cls for one in inner for cls in one.classes)


def _check_at(check: Callable[[Any], Any], value: Any, where: str) -> Any:
    try:
        return check(value)
    except Mismatch as mismatch:
        raise Mismatch(mismatch.text, f"{where}{mismatch.where}", mismatch.hint) from None


class ListType(_Inside):
    """`List[T]`: a list, copied."""

    def __init__(self, of: Type) -> None:
        super().__init__(of)
        self.of = of
        self.name = f"List[{of.name}]"
        self.text = f"a {self.name}"
        self.example = f"[{of.example}]"

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not isinstance(value, list):
            raise self.mismatch(value)
        check = self.of.check
        try:
            return [check(item) for item in value]
        except Mismatch:  # again, to say which
            return [_check_at(check, item, f"[{position}]") for position, item in enumerate(value)]

    def load(self, value: Any) -> Any:
        """See `Type.load`."""
        return [self.of.load(item) for item in value] if isinstance(value, list) else value


class SetType(_Inside):
    """`Set[T]`: a set of plain values, copied."""

    def __init__(self, of: Type) -> None:
        super().__init__(of)
        self.of = of
        self.name = f"Set[{of.name}]"
        self.text = f"a {self.name}"
        self.example = f"{{{of.example}}}"

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not isinstance(value, set):
            raise self.mismatch(value)
        return {self.of.check(item) for item in value}

    def load(self, value: Any) -> Any:
        """See `Type.load`."""
        return {self.of.load(item) for item in value} if isinstance(value, set) else value


class DictType(_Inside):
    """`Dict[K, V]`: a dictionary, copied."""

    def __init__(self, key: Type, of: Type) -> None:
        super().__init__(key, of)
        self.key, self.of = key, of
        self.loads = of.loads or not isinstance(key, StrType)
        self.name = f"Dict[{key.name}, {of.name}]"
        self.text = f"a {self.name}"
        self.example = f"{{{key.example}: {of.example}}}"

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not isinstance(value, dict):
            raise self.mismatch(value)
        check_key, check = self.key.check, self.of.check
        try:
            return {check_key(key): check(item) for key, item in value.items()}
        except Mismatch:  # again, to say where
            for key, item in value.items():
                _check_at(check_key, key, f" (key {short(key)})")
                _check_at(check, item, f"[{short(key)}]")
            raise

    def load(self, value: Any) -> Any:
        """See `Type.load`: the keys of a JSON object are strings."""
        if not isinstance(value, dict):
            return value
        return {
            self.key.check(key) if isinstance(key, str) else key: self.of.load(item)
            for key, item in value.items()
        }


class TupleType(_Inside):
    """`Tuple[X, Y]` and `Tuple[X, ...]`: a tuple, or a list made one. Has no identifier."""

    def __init__(self, *inner: Type, any_length: bool) -> None:
        super().__init__(*inner)
        self.any_length = any_length
        self.unhashable = self.loads = True
        names = ", ".join(one.name for one in inner)
        self.name = f"Tuple[{names}, ...]" if any_length else f"Tuple[{names}]"
        self.text = f"a {self.name}"
        self.example = f"({', '.join(one.example for one in inner)},)"

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not isinstance(value, (tuple, list)) or not (self.any_length or len(value) == len(self.inner)):
            raise self.mismatch(value)
        inner = self.inner * len(value) if self.any_length else self.inner
        pairs = enumerate(zip(inner, value, strict=True))
        return tuple(_check_at(one.check, item, f"[{position}]") for position, (one, item) in pairs)

    def load(self, value: Any) -> Any:
        """See `Type.load`: an array of JSON is a list."""
        if not isinstance(value, list):
            return value
        inner = self.inner * len(value) if self.any_length else self.inner
        return tuple(one.load(item) for one, item in zip(inner, value, strict=False))


class UnionType(_Inside):
    """`Union[X, Y]`, `X | Y`: the first that accepts the value, left to right."""

    def __init__(self, *inner: Type) -> None:
        super().__init__(*inner)
        self.container = any(one.container for one in inner)
        self.name = " | ".join(one.name for one in inner)
        self.text = " or ".join(one.text for one in inner)
        self.example = inner[0].example

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        hinted: Mismatch | None = None
        for one in self.inner:
            try:
                return one.check(value)
            except Mismatch as mismatch:  # noqa: PERF203 - the question is which of them raises
                hinted = mismatch if mismatch.hint else hinted
        raise hinted or self.mismatch(value)

    def load(self, value: Any) -> Any:
        """See `Type.load`: by the member that accepts the loaded value as it is."""
        return next((loaded for one in self.inner for loaded in one.loaded_as_is(value)), value)


class OptionalType(_Inside):
    """`Optional[X]`, `X | None`."""

    def __init__(self, of: Type) -> None:
        super().__init__(of)
        self.of = of
        self.container = of.container
        self.name = f"Optional[{of.name}]"
        self.text, self.example = f"{of.text} or None", of.example

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if value is None:
            return None
        try:
            return self.of.check(value)
        except Mismatch as mismatch:
            if mismatch.where or mismatch.hint:
                raise
            raise self.mismatch(value) from None

    def load(self, value: Any) -> Any:
        """See `Type.load`."""
        return None if value is None else self.of.load(value)


class ConfigType(Type):
    """A configuration of a class or of one below it; a task once submitted."""

    references = True

    def __init__(self, of: type[Declares]) -> None:
        self.of = of
        self.name = of.__name__
        self.text = f"a configuration of {of.__name__}"
        self.example = f"{of.__name__}.C(...)"

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not isinstance(value, Configuration):
            raise refused_object(value) or self.mismatch(value)
        if self.of not in type(value).__mro__:
            raise self.mismatch(value)
        return usable(value)


def refused_object(value: Any) -> Mismatch | None:
    """What to say when an object or a class stands where a configuration should; None if neither does."""
    if isinstance(value, type) and issubclass(value, Declares):
        return Mismatch(f"got the class {value.__name__}", hint=f"Use {value.__name__}.C(...)")
    if isinstance(value, Declares):
        name = type(value).__name__
        return Mismatch(
            f"got an instance of {name} where a configuration is expected", hint=f"Use {name}.C(...)"
        )
    return None


def usable(value: Configuration) -> Configuration:
    """A configuration that may be used by another: a task only once submitted."""
    info = value.__xpm__
    if info.key is None and info.declaration.is_task:
        name = info.declaration.name
        raise Mismatch(
            f"the task {name} (made at {info.made_at}) must be submitted before another task uses it",
            hint=f"Submit it first: {name}.C(...).submit()",
        )
    return value


class AnyType(Type):
    """`Any`: whatever can be written down as JSON and read back."""

    text, name = "any value that JSON can hold", "Any"
    references = True
    container = True
    unhashable = True

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if isinstance(value, str) and not isinstance(value, Enum):
            return value if value.isascii() else checked_text(value)
        if value is None or isinstance(value, (float, bool, Enum)):
            return value
        if isinstance(value, int):
            return checked_range(value)
        if isinstance(value, Configuration):
            return usable(value)
        if isinstance(value, (list, dict, set, tuple)):
            return self._container(value)
        bare = unwrapped(value)
        if bare is not value:
            return self.check(bare)
        refused = refused_object(value)
        if refused is not None:
            raise refused
        from pathlib import PurePath  # a job without paths does not need it

        if isinstance(value, PurePath):
            return value
        if isinstance(value, Tagged):
            raise self.mismatch(value)
        raise Mismatch(
            f"a job cannot get {short(value)}: a {type(value).__name__} is not written as JSON",
            hint="Use numbers, strings, lists, dictionaries or configurations",
        )

    def _container(self, value: Any) -> Any:
        if isinstance(value, list):
            return [_check_at(self.check, item, f"[{position}]") for position, item in enumerate(value)]
        if isinstance(value, set):
            return {self.check(item) for item in value}
        if isinstance(value, tuple):
            return tuple(self.check(item) for item in value)
        return {
            _check_at(self.check, key, f" (key {short(key)})"): _check_at(self.check, item, f"[{short(key)}]")
            for key, item in value.items()
        }


_PLAIN: Mapping[Any, Type] = {
    int: IntType(),
    float: FloatType(),
    str: StrType(),
    bool: BoolType(),
    Any: AnyType(),
}
_PATH = PathType()


def is_path(one: Type) -> bool:
    """Whether a type is a path, or a path or None: such a parameter is not in identifiers."""
    return isinstance(one.of if isinstance(one, OptionalType) else one, PathType)


def type_of(annotation: Any) -> Type:
    """The type that an annotation asks for.

    Args:
        annotation: Resolved: no string, no forward reference.

    Raises:
        DefinitionError: No parameter can be of this type.
    """
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _generic(annotation, origin, typing.get_args(annotation))
    try:
        known = _PLAIN.get(annotation)
    except TypeError:  # not hashable
        known = None
    if known is not None:
        return known
    if isinstance(annotation, type):
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
    raise DefinitionError(
        f"no type for {getattr(annotation, '__name__', annotation)}: use int, float, str, bool, Path, "
        "an Enum, List, Dict, Set, Optional, Union, Any or a configuration class"
    )


def _generic(annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> Type:
    if origin is typing.Union or origin is types.UnionType:
        inner = [type_of(one) for one in arguments if one is not type(None)]
        one = inner[0] if len(inner) == 1 else UnionType(*inner)
        return OptionalType(one) if type(None) in arguments else one
    if origin is list:
        return ListType(type_of(arguments[0]))
    if origin is set:
        return SetType(type_of(arguments[0]))
    if origin is dict:
        return DictType(type_of(arguments[0]), type_of(arguments[1]))
    if origin is tuple:
        any_length = len(arguments) == 2 and arguments[1] is Ellipsis
        kept = arguments[:1] if any_length else arguments
        return TupleType(*(type_of(one) for one in kept), any_length=any_length)
    if origin is typing.Annotated:
        return type_of(arguments[0])
    raise DefinitionError(f"no type for {annotation}")
