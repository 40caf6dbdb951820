"""The types that hold others: lists, sets, dictionaries, tuples, and the choice between types.

Rule: what is kept is a copy, so that what the user does with his own list later changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from experimaestro.core.base import Configuration
from experimaestro.core.problems import Mismatch, short
from experimaestro.core.scalars import StrType, Type


class Inside(Type):
    """Base of the types that hold others."""

    container = True

    def __init__(self, *inner: Type) -> None:
        self.inner = inner
        self.references = any(one.references for one in inner)
        self.unhashable = any(one.unhashable for one in inner)
        self.mixed = any(one.mixed for one in inner)
        self.deep = any(one.deep for one in inner)
        self.confusable = any(one.confusable for one in inner)
        self.has_variables = any(one.has_variables for one in inner)
        self.loads = any(one.loads for one in inner)
        self.classes = tuple(cls for one in inner for cls in one.classes)

    def bound_in(self, value: Any) -> Iterator[tuple[TypeVar, type]]:
        """See `Type.bound_in`."""
        return (pair for one, part in self.parts(value) for pair in one.bound_in(part))

    def parts(self, value: Any) -> Iterable[tuple[Type, Any]]:
        """The parts of a value, each with its type."""
        return ((self.inner[0], item) for item in value)


def check_at(check: Callable[[Any], Any], value: Any, where: str) -> Any:
    """What a check makes of a part of a value; says which part when it is refused."""
    try:
        return check(value)
    except Mismatch as mismatch:
        raise Mismatch(mismatch.text, f"{where}{mismatch.where}", mismatch.hint) from None


class ListType(Inside):
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
            return [check_at(check, item, f"[{position}]") for position, item in enumerate(value)]

    def load(self, value: Any) -> Any:
        """See `Type.load`."""
        return [self.of.load(item) for item in value] if isinstance(value, list) else value


class SetType(Inside):
    """`Set[T]`: a set, copied; configurations in it are sealed."""

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
        if not self.references:
            return {self.of.check(item) for item in value}
        return {sealed(self.of.check(item)) for item in value}

    def load(self, value: Any) -> Any:
        """See `Type.load`."""
        return {self.of.load(item) for item in value} if isinstance(value, set) else value


def sealed(value: Any) -> Any:
    """An element of a set: a configuration in it does not change any more."""
    if isinstance(value, Configuration) and not value.__xpm__.sealed:
        info = value.__xpm__
        raise Mismatch(
            f"{info.declaration.name} (made at {info.made_at}) is not sealed, and what is in a set may not "
            "change",
            hint="Use sealed_set(...)",
        )
    return value


class DictType(Inside):
    """`Dict[K, V]`: a dictionary, copied."""

    def __init__(self, key: Type, of: Type) -> None:
        super().__init__(key, of)
        self.is_dictionary = True
        self.key, self.of = key, of
        self.loads = of.loads or not isinstance(key, StrType)
        self.mixed = self.mixed or (of.is_dictionary and not isinstance(of, DictType))
        self.deep = self.deep or (isinstance(of, DictType) and of.of.is_dictionary)
        self.confusable = self.confusable or self.mixed or self.deep
        self.name = f"Dict[{key.name}, {of.name}]"
        self.text = f"a {self.name}"
        self.example = f"{{{key.example}: {of.example}}}"

    def parts(self, value: Any) -> Iterable[tuple[Type, Any]]:
        """See `Inside.parts`."""
        return ((one, part) for pair in value.items() for one, part in zip(self.inner, pair, strict=True))

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not isinstance(value, dict):
            raise self.mismatch(value)
        check_key, check = self.key.check, self.of.check
        try:
            kept = {check_key(key): check(item) for key, item in value.items()}
        except Mismatch:  # again, to say where
            for key, item in value.items():
                check_at(check_key, key, f" (key {short(key)})")
                check_at(check, item, f"[{short(key)}]")
            raise
        if len(kept) != len(value):
            meant: set[Any] = set()
            for key in map(check_key, value):
                if key in meant:
                    text = f"two keys mean {short(key)}, and one value would be lost"
                    raise Mismatch(text, f" (key {short(key)})")
                meant.add(key)
        return kept

    def load(self, value: Any) -> Any:
        """See `Type.load`: the keys of a JSON object are strings."""
        if not isinstance(value, dict):
            return value
        return {
            self.key.check(key) if isinstance(key, str) else key: self.of.load(item)
            for key, item in value.items()
        }


class TupleType(Inside):
    """`Tuple[X, Y]` and `Tuple[X, ...]`: a tuple, or a list made one. Has no identifier."""

    def __init__(self, *inner: Type, any_length: bool) -> None:
        super().__init__(*inner)
        self.any_length = any_length
        self.unhashable = self.loads = True
        names = ", ".join(one.name for one in inner)
        self.name = f"Tuple[{names}, ...]" if any_length else f"Tuple[{names}]"
        self.text = f"a {self.name}"
        self.example = f"({', '.join(one.example for one in inner)},)"

    def parts(self, value: Any) -> Iterable[tuple[Type, Any]]:
        """See `Inside.parts`."""
        return zip(self.inner * len(value) if self.any_length else self.inner, value, strict=False)

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not isinstance(value, (tuple, list)) or not (self.any_length or len(value) == len(self.inner)):
            raise self.mismatch(value)
        inner = self.inner * len(value) if self.any_length else self.inner
        pairs = enumerate(zip(inner, value, strict=True))
        return tuple(check_at(one.check, item, f"[{position}]") for position, (one, item) in pairs)

    def load(self, value: Any) -> Any:
        """See `Type.load`: an array of JSON is a list."""
        if not isinstance(value, list) or not (self.any_length or len(value) == len(self.inner)):
            return value
        inner = self.inner * len(value) if self.any_length else self.inner
        return tuple(one.load(item) for one, item in zip(inner, value, strict=True))


class UnionType(Inside):
    """`Union[X, Y]`, `X | Y`: the first that accepts the value, left to right."""

    def __init__(self, *inner: Type) -> None:
        super().__init__(*inner)
        self.container = any(one.container for one in inner)
        self.is_dictionary = any(one.is_dictionary for one in inner)
        self.name = " | ".join(one.name for one in inner)
        self.text = " or ".join(one.text for one in inner)
        self.example = inner[0].example

    def parts(self, value: Any) -> Iterable[tuple[Type, Any]]:
        """See `Inside.parts`: of the member that accepts the value as it is."""
        return ((one, value) for one in self.inner if one.loaded_as_is(value))

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


class OptionalType(Inside):
    """`Optional[X]`, `X | None`."""

    def __init__(self, of: Type) -> None:
        super().__init__(of)
        self.of = of
        self.container = of.container
        self.is_dictionary = of.is_dictionary
        self.name = f"Optional[{of.name}]"
        self.text, self.example = f"{of.text} or None", of.example

    def parts(self, value: Any) -> Iterable[tuple[Type, Any]]:
        """See `Inside.parts`."""
        return () if value is None else ((self.of, value),)

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
