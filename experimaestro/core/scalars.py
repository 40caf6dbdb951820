"""What a type is, and the types of single values: numbers, texts, paths, members of enumerations.

Rule: the coercions are part of identifiers: they are those of the documented table, no more, no less.
"""

import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any, TypeVar

from experimaestro.core.base import Declares
from experimaestro.core.problems import Mismatch, short
from experimaestro.core.tags import Tagged
from experimaestro.core.versions import defined, is_same, is_same_member, redefined, version
from experimaestro.exceptions import DefinitionError

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_TRUE = frozenset(("true", "yes", "on", "1", "t", "y"))
_FALSE = frozenset(("false", "no", "off", "0", "f", "n"))


class Type:
    """Base: what a parameter accepts.

    A class must provide `check`; the attributes say what the rest of the core may skip.
    """

    text: str
    """In an error, after "expected": `a float`"""
    name: str
    """In an annotation: `float`"""
    example: str = "..."
    """A value, as written in Python"""
    references: bool = False
    """Whether a value may hold configurations"""
    container: bool = False
    """Whether a value may be a list, a dictionary or a set, to be frozen when sealed"""
    unhashable: bool = False
    """Whether a value may hold what has no place in an identifier"""
    loads: bool = False
    """Whether `load` does something"""
    confusable: bool = False
    """Whether the identifier of a value may be that of another one"""
    is_dictionary: bool = False
    """Whether a value may be a dictionary"""
    mixed: bool = False
    """Whether a dictionary in a value may have dictionaries beside other values"""
    deep: bool = False
    """Whether a dictionary in a value may have dictionaries of dictionaries, and nothing else"""
    has_variables: bool = False
    """Whether it has type variables, at any depth"""
    classes: tuple[type, ...] = ()
    """Classes that a job must find to read a value, besides those of configurations"""

    def check(self, value: Any) -> Any:
        """The value that is kept.

        Raises:
            Mismatch: The type does not accept it.
        """
        raise NotImplementedError

    def load(self, value: Any) -> Any:
        """A value as it was before it became JSON."""
        return value

    def bound_in(self, value: Any) -> Iterator[tuple[TypeVar, type]]:  # noqa: ARG002 - of a base
        """Its type variables, each with the class of what stands in its place in a value."""
        return iter(())

    def loaded_as_is(self, value: Any) -> list[Any]:
        """A value that was of this type before it became JSON; empty if it was of another."""
        try:
            loaded = self.load(value)
            kept = self.check(loaded)
        except Mismatch:
            return []
        return [loaded] if type(kept) is type(loaded) and kept == loaded else []

    def mismatch(self, value: Any) -> Mismatch:
        """The fact that the value is not of this type."""
        if isinstance(value, type) and issubclass(value, Declares):
            return Mismatch(f"expected {self.text}, got the class {value.__name__}")
        if isinstance(value, Tagged):
            return Mismatch(
                f"{value!r} marks the whole value of a parameter, not a part of it",
                hint="Use config.tag('name', value)",
            )
        return Mismatch(f"expected {self.text}, got {short(value)}")


def unwrapped(value: Any) -> Any:
    """A scalar of NumPy as the Python number that it holds; anything else as it is."""
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    return value


def checked_range(value: int) -> int:
    """An integer that an identifier can hold."""
    if _SMALLEST <= value <= _LARGEST:
        return value
    raise Mismatch(f"integers have at most 64 bits, got {short(value)}", hint="Use a str or a float")


def checked_digits(value: int) -> int:
    """An integer that can be written down."""
    try:
        str(value)
    except ValueError:
        raise Mismatch(
            f"integers are written with at most {sys.get_int_max_str_digits()} digits, got one of "
            f"{value.bit_length()} bits",
            hint="Use a Path to a file",
        ) from None
    return value


class IntType(Type):
    """`int`: also `"12"`, `"1.0"`, `1.0` and `True`.

    Args:
        counts: Whether values are in identifiers, which have 64 bits for each.
    """

    text, name, example = "an int", "int", "3"

    def __init__(self, *, counts: bool = True) -> None:
        self._large = checked_range if counts else checked_digits

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if type(value) is int:
            return value if _SMALLEST <= value <= _LARGEST else self._large(value)
        value = unwrapped(value)
        if isinstance(value, int):
            return self._large(int(value))
        if isinstance(value, float) and value.is_integer():
            return self._large(int(value))
        if isinstance(value, str):
            whole, point, rest = value.strip().partition(".")
            if not (point and rest.strip("0")):
                try:
                    number = int(whole)
                except ValueError:
                    pass
                else:
                    return self._large(number)
        raise self.mismatch(value)


def checked_text(value: str) -> str:
    """A string that has an identifier.

    Raises:
        Mismatch: UTF-8 has no bytes for some of its characters.
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Mismatch(
            f"UTF-8 has no bytes for {value!a}, so it has no identifier",
            hint="Use a Path for the name of a file",
        ) from None
    return value


class FloatType(Type):
    """`float`: also integers and numeric strings."""

    text, name, example = "a float", "float", "1e-3"

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if type(value) is float:
            return value
        value = unwrapped(value)
        if isinstance(value, (float, int, str)):
            try:
                return float(value)
            except (ValueError, OverflowError):
                pass
        raise self.mismatch(value)


class StrType(Type):
    """`str`: nothing else, but an enumeration of strings."""

    text, name, example = "a str", "str", "'text'"
    confusable = True

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if type(value) is str:
            return value if value.isascii() else checked_text(value)
        if isinstance(value, Enum) and isinstance(value.value, str) and isinstance(value, str):
            return checked_text(value.value)
        if isinstance(value, str):
            return checked_text("".join(value))
        raise self.mismatch(value)


class BoolType(Type):
    """`bool`: also 0, 1 and the usual words."""

    text, name, example = "a bool", "bool", "True"

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if value is True or value is False:
            return value
        value = unwrapped(value)
        if isinstance(value, str):
            word = value.lower()
            if word in _TRUE:
                return True
            if word in _FALSE:
                return False
        elif isinstance(value, (int, float)) and value in {0, 1}:
            return bool(value)
        raise self.mismatch(value)


class PathType(Type):
    """`pathlib.Path`: also a string."""

    text, name, example = "a path (str or Path)", "Path", "'data/file.txt'"
    unhashable = True
    loads = True

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        from pathlib import Path  # a job without paths does not need it

        if isinstance(value, (str, Path)):
            return Path(value)
        raise self.mismatch(value)

    def load(self, value: Any) -> Any:
        """A path written as a string (before version 3)."""
        return self.check(value) if isinstance(value, str) else value


class EnumType(Type):
    """A member of an enumeration, not its name or value."""

    def __init__(self, of: type[Enum]) -> None:
        self.of = of
        self.classes = (of,)
        self.name = of.__qualname__
        self.text = f"a {of.__qualname__}"
        self.example = next((f"{of.__qualname__}.{member.name}" for member in of), "...")

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if isinstance(value, self.of):
            return named(value)
        if not is_version(value, self.of):
            raise self.mismatch(value)
        return present(named(value), self.of)


def is_version(value: Any, of: type[Enum]) -> bool:
    """Whether a value is a member of an enumeration of a cell that was run again.

    Raises:
        Mismatch: The enumeration was edited.
    """
    found = version(type(value), of)
    if found is not None and not is_same(found, of):
        raise redefined(found, of)
    return found is not None


def present(member: Enum, of: type[Enum]) -> Enum:
    """A member of a version of an enumeration as the cells name it now, else as the enumeration has it."""
    return member if type(member) is defined(of.__qualname__) else of[member.name]


def named(member: Enum) -> Enum:
    """A member of an enumeration, which its name must find again."""
    if member.name in type(member).__members__:
        return member
    raise Mismatch(
        f"{member!r} is a combination of flags, which has no name of its own",
        hint="Give the members: flags: Param[list[...]]",
    )


class LiteralType(Type):
    """`Literal["a", "b"]`: one of the values, of the same Python type."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        wrong = [value for value in values if not isinstance(value, (str, int, Enum, type(None)))]
        if wrong or not values:
            raise DefinitionError(
                f"a Literal holds str, int, bool, None or members of an Enum, got {short(wrong)}"
            )
        self.values = values
        self.classes = tuple({type(value) for value in values if isinstance(value, Enum)})
        shown = ", ".join(map(_shown, values))
        self.name = f"Literal[{shown}]"
        self.text = f"one of {shown}"
        self.example = _shown(values[0])

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not isinstance(value, Enum):
            value = unwrapped(value)
        for one in self.values:
            if type(one) is type(value) and one == value:
                return one
            if isinstance(one, Enum) and is_version(value, type(one)) and one.name == value.name:
                return present(value, type(one))
        raise self.mismatch(value)


class ChoicesType(Type):
    """A type of which only some values are accepted."""

    def __init__(self, of: Type, choices: tuple[Any, ...]) -> None:
        if not choices:
            raise DefinitionError("Choices([]) leaves no value")
        self.of = of
        self.choices = tuple(map(of.check, choices))
        self.name = of.name
        self.text = f"one of {', '.join(map(_shown, self.choices))}"
        self.example = _shown(self.choices[0])
        self.references, self.container, self.loads = of.references, of.container, of.loads
        self.has_variables = of.has_variables
        self.unhashable, self.classes = of.unhashable, of.classes
        self.confusable, self.is_dictionary = of.confusable, of.is_dictionary
        self.mixed, self.deep = of.mixed, of.deep

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        kept = self.of.check(value)
        for choice in self.choices:
            if (type(kept) is type(choice) and kept == choice) or is_same_member(kept, choice):
                return kept
        raise self.mismatch(value)

    def load(self, value: Any) -> Any:
        """See `Type.load`."""
        return self.of.load(value)


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, Enum) else repr(value)
