"""Nodes to values of Python types: what an annotation says is checked, and made.

Rules: all problems of a document are found in one go; a value is converted only if nothing is lost
(`"12"` is an int, `1.5` is none); a problem names the key, what was expected and what was found.

Types: None, bool, int, float, str, Path, Any, enumerations (by value or name), Literal, Optional, Union,
Annotated, NewType, lists, tuples, sets, dictionaries, classes made by attrs or dataclasses, and each of
them inside the others. Anything else is said to be of no use in a document.
"""

import collections.abc
import enum
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NoReturn

from experimaestro.documents.describing import LISTS, MAPPINGS, SETS, choices, describe, found
from experimaestro.documents.fields import Field, fields_of, has_fields
from experimaestro.documents.nodes import Node, plain
from experimaestro.documents.problems import Problem, did_you_mean

OWN_KEYS = "x-"
"""What the keys begin with that a document has for itself: anchors, notes"""

_TRUE = frozenset(("true", "yes", "on", "1", "t", "y"))
_FALSE = frozenset(("false", "no", "off", "0", "f", "n"))


class _Wrong(Exception):  # noqa: N818 - never leaves this module: it becomes a problem
    """The value is not what is wanted; the problems are noted."""


class Conversion:
    """Converts the parts of one document, and notes what is wrong.

    Args:
        lenient: Whether unknown keys are no problem: another version of this package may know them.

    Attributes:
        problems: What was wrong so far.
        unknown: The unknown keys; the same as `problems` unless they are none.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self.problems: list[Problem] = []
        self.unknown: list[Problem] = self.problems if not lenient else []

    def convert(self, node: Node, of: Any, key: str = "", default: Any = None) -> Any:
        """Makes a value of a type.

        Args:
            node: What was written.
            of: A type or annotation.
            key: Dotted key of the node.
            default: An object whose fields are kept where the document says nothing of them, if it is
                of the class that is made.

        Returns:
            The value; None if it is wrong, which `problems` tells.
        """
        try:
            return self._value(node, of, key, default)
        except _Wrong:
            return None

    # ------------------------------------------------------------------------------------------

    def _refuse(self, node: Node, key: str, text: str) -> NoReturn:
        self.problems.append(Problem(node.origin, key, text))
        raise _Wrong

    def _mismatch(self, node: Node, key: str, expected: str, hint: str = "") -> NoReturn:
        self._refuse(node, key, f"expected {expected}, got {found(node)}{hint}")

    def _value(self, node: Node, of: Any, key: str, default: Any) -> Any:
        if isinstance(of, typing.NewType):
            return self._value(node, of.__supertype__, key, default)
        kind, arguments = typing.get_origin(of) or of, typing.get_args(of)
        form = _FORMS.get(kind) if isinstance(kind, collections.abc.Hashable) else None
        if form is not None:
            return form(self, node, arguments, key, default)
        if isinstance(kind, typing.TypeVar):
            return plain(node)
        if isinstance(kind, type):
            return self._of_class(node, kind, key, default)
        return self._refuse(node, key, f"{describe(of)} cannot be written in YAML")

    def _of_class(self, node: Node, of: type, key: str, default: Any) -> Any:
        try:
            is_made = isinstance(node.value, of)  # given in Python, not in YAML
        except TypeError:  # a TypedDict, a Protocol
            return self._refuse(node, key, f"{describe(of)} cannot be written in YAML")
        if is_made:
            return node.value
        if has_fields(of):
            return self._record(node, of, key, default)
        if issubclass(of, enum.Enum):
            return self._enum(node, of, key)
        if issubclass(of, PurePath):
            return of(self._text(node, key, "a path"))
        hint = ": decorate the class with @configuration" if "__annotations__" in of.__dict__ else ""
        return self._refuse(node, key, f"{describe(of)} cannot be written in YAML{hint}")

    # Scalars.

    def _none(self, node: Node, _arguments: Sequence[Any], key: str, _default: Any) -> None:
        if node.value is not None:
            self._mismatch(node, key, "null")

    def _bool(self, node: Node, _arguments: Sequence[Any], key: str, _default: Any) -> bool:
        if isinstance(node.value, bool):
            return node.value
        word = str(node.value).lower() if isinstance(node.value, (str, int)) else ""
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        return self._mismatch(node, key, "a bool (true or false)")

    def _int(self, node: Node, _arguments: Sequence[Any], key: str, _default: Any) -> int:
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str):
            try:
                return int(value)
            except ValueError:
                pass
        return self._mismatch(node, key, "an int")

    def _float(self, node: Node, _arguments: Sequence[Any], key: str, _default: Any) -> float:
        value = node.value
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            try:
                return float(value)
            except (ValueError, OverflowError):
                pass
        return self._mismatch(node, key, "a float")

    def _str(self, node: Node, _arguments: Sequence[Any], key: str, _default: Any) -> str:
        return self._text(node, key, "a str")

    def _text(self, node: Node, key: str, expected: str) -> str:
        if isinstance(node.value, str):
            return node.value
        if node.text and node.value is not None:
            return node.text
        return self._mismatch(node, key, expected)

    def _any(self, node: Node, _arguments: Sequence[Any], _key: str, _default: Any) -> Any:
        return plain(node)

    # Choices.

    def _enum(self, node: Node, of: type[enum.Enum], key: str) -> enum.Enum:
        for member in of:
            if _is_same(member.value, node.value) or str(member.value) in {node.value, node.text}:
                return member
        if isinstance(node.value, str) and node.value in of.__members__:
            return of[node.value]
        return self._not_chosen(node, [str(member.value) for member in of], key)

    def _literal(self, node: Node, values: Sequence[Any], key: str, _default: Any) -> Any:
        for value in values:
            if _is_same(value, node.value) or (isinstance(value, str) and value == node.text):
                return value
        return self._not_chosen(node, values, key)

    def _not_chosen(self, node: Node, values: Sequence[Any], key: str) -> NoReturn:
        near = did_you_mean(str(node.value), map(str, values))
        self._mismatch(node, key, choices(values), f". {near}" if near.startswith("Did") else "")

    def _union(self, node: Node, arguments: Sequence[Any], key: str, default: Any) -> Any:
        """The member that the value fits best: one of its own type, else the first that takes it."""
        if type(None) in arguments and node.value is None:
            return None
        members = [member for member in arguments if member is not type(None)]
        members.sort(key=lambda member: type(node.value) is not member)  # stable
        tried: list[Sequence[Problem]] = []
        for member in members:
            trial = Conversion()
            made = trial.convert(node, member, key, default)
            if not trial.problems:
                return made
            tried.append(trial.problems)
        inside = [problems for problems in tried if problems[0].key != key]
        if len(members) == 1 or inside:  # the one with the fewest problems was meant
            fewest = min(inside or tried, key=len)
            self.problems += fewest
            raise _Wrong
        return self._mismatch(node, key, " or ".join(map(describe, members)))

    def _annotated(self, node: Node, arguments: Sequence[Any], key: str, default: Any) -> Any:
        return self._value(node, arguments[0], key, default)

    # Collections.

    def _items(self, node: Node, key: str, expected: str, of_scalars: bool = True) -> Sequence[Node]:
        if node.items is not None:
            return node.items
        is_scalar = of_scalars and node.entries is None and node.text and not set(node.text) & set("\n[]{},")
        return self._mismatch(node, key, expected, f". Write [{node.text}]" if is_scalar else "")

    def _list(self, node: Node, arguments: Sequence[Any], key: str, _default: Any) -> list[Any]:
        element = arguments[0] if arguments else Any
        of_scalars = not (isinstance(element, type) and has_fields(element))
        items = self._items(node, key, describe(list[element]), of_scalars)  # type: ignore[valid-type] # for its name
        return self._all((item, element, f"{key}[{n}]") for n, item in enumerate(items))

    def _tuple(self, node: Node, arguments: Sequence[Any], key: str, default: Any) -> tuple[Any, ...]:
        if not arguments or arguments[-1] is Ellipsis:
            return tuple(self._list(node, arguments[:1], key, default))
        items = self._items(node, key, f"a list of {len(arguments)}")
        if len(items) != len(arguments):
            self._refuse(node, key, f"expected a list of {len(arguments)}, got one of {len(items)}")
        parts = enumerate(zip(items, arguments, strict=True))
        return tuple(self._all((item, of, f"{key}[{n}]") for n, (item, of) in parts))

    def _set(self, node: Node, arguments: Sequence[Any], key: str, default: Any) -> set[Any]:
        values = self._list(node, arguments, key, default)
        try:
            return set(values)
        except TypeError:
            return self._refuse(node, key, "the elements of a set must be scalars")

    def _frozenset(self, node: Node, arguments: Sequence[Any], key: str, default: Any) -> frozenset[Any]:
        return frozenset(self._set(node, arguments, key, default))

    def _mapping(self, node: Node, arguments: Sequence[Any], key: str, _default: Any) -> dict[Any, Any]:
        of_key, of_value = arguments or (Any, Any)
        entries = node.entries
        if entries is None:
            return self._mismatch(node, key, "a mapping")
        names = [
            (Node(node.keys.get(name, name), item.origin, name), of_key, f"{joined(key, name)}: its key")
            for name, item in entries.items()
        ]
        values = [(item, of_value, joined(key, name)) for name, item in entries.items()]
        made = self._all([*names, *values])
        return dict(zip(made[: len(names)], made[len(names) :], strict=True))

    def _all(self, parts: Iterable[tuple[Node, Any, str]]) -> list[Any]:
        """Converts each, so that the problems of all are found."""
        before = len(self.problems)
        values = [self.convert(node, of, key) for node, of, key in parts]
        if len(self.problems) > before:
            raise _Wrong
        return values

    # Classes.

    def _record(self, node: Node, of: type, key: str, default: Any) -> Any:
        if node.entries is None:
            return self._mismatch(node, key, describe(of))
        try:
            fields = {field.name: field for field in fields_of(of)}
        except NameError as error:
            return self._refuse(node, key, f"the annotations of {of.__qualname__} cannot be read: {error}")
        base = default if type(default) is of else None
        before = len(self.problems)
        self._check_names(node, node.entries, fields, key, complete=base is not None)
        given = {} if base is None else {name: getattr(base, name) for name in fields}
        for name, item in node.entries.items():
            if name in fields:
                given[name] = self.convert(
                    item, fields[name].type, joined(key, name), given.get(name) or _default_of(fields[name])
                )
        if len(self.problems) > before:
            raise _Wrong
        try:
            return of(**{fields[name].argument: value for name, value in given.items()})
        except (ValueError, TypeError) as error:  # a validator of the user's
            return self._refuse(node, key, f"{of.__qualname__} refuses it: {error}")

    def _check_names(
        self,
        node: Node,
        entries: Mapping[str, Node],
        fields: Mapping[str, Field],
        key: str,
        *,
        complete: bool,
    ) -> None:
        """Notes keys that are no fields, and fields that are required and not there."""
        known = sorted(fields, key=lambda name: fields[name].is_inherited)  # stable
        for name, item in entries.items():
            if name not in fields and not name.startswith(OWN_KEYS):
                inside = [one.name for one in fields.values() if _has_field(one.type, name)]
                meant = f"Did you mean {joined(key, f'{inside[0]}.{name}')!r}?" if inside else ""
                text = f"unknown key. {meant or did_you_mean(name, known)}"
                self.unknown.append(Problem(item.origin, joined(key, name), text))
        for name, field in fields.items():
            if name not in entries and field.default is None and not complete:
                text = f"missing: expected {describe(field.type)}"
                self.problems.append(Problem(node.origin, joined(key, name), text))


_FORMS: Mapping[Any, Callable[[Conversion, Node, Sequence[Any], str, Any], Any]] = {
    None: Conversion._none,  # noqa: SLF001 - the table of the class above
    type(None): Conversion._none,  # noqa: SLF001 - same
    bool: Conversion._bool,  # noqa: SLF001 - same
    int: Conversion._int,  # noqa: SLF001 - same
    float: Conversion._float,  # noqa: SLF001 - same
    str: Conversion._str,  # noqa: SLF001 - same
    Any: Conversion._any,  # noqa: SLF001 - same
    object: Conversion._any,  # noqa: SLF001 - same
    typing.Literal: Conversion._literal,  # noqa: SLF001 - same
    typing.Union: Conversion._union,  # noqa: SLF001 - same
    types.UnionType: Conversion._union,  # noqa: SLF001 - same
    typing.Annotated: Conversion._annotated,  # noqa: SLF001 - same
    typing.Final: Conversion._annotated,  # noqa: SLF001 - same
    tuple: Conversion._tuple,  # noqa: SLF001 - same
    **dict.fromkeys(LISTS, Conversion._list),  # noqa: SLF001 - same
    **dict.fromkeys(SETS, Conversion._set),  # noqa: SLF001 - same
    frozenset: Conversion._frozenset,  # noqa: SLF001 - same
    **dict.fromkeys(MAPPINGS, Conversion._mapping),  # noqa: SLF001 - same
}
"""How each kind of annotation is converted; all others are classes"""


def joined(key: str, name: str) -> str:
    """The dotted key of an entry."""
    return f"{key}.{name}" if key else name


def _default_of(field: Field) -> Any:
    """The object that stands where nothing is given; None if it is nothing that has fields."""
    made = None if field.default is None else field.default()
    return made if has_fields(type(made)) else None


def _has_field(of: Any, name: str) -> bool:
    """Whether a type is a class that has a field of this name."""
    if not (isinstance(of, type) and has_fields(of)):
        return False
    try:
        return any(field.name == name for field in fields_of(of))
    except NameError:  # its own problem, told where it is filled
        return False


def _is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
