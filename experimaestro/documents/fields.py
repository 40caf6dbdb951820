"""The fields of classes made by attrs or dataclasses, as a document sees them."""

import dataclasses
import typing
from collections.abc import Callable
from typing import Any, NamedTuple


class _Missing:
    """The type of `MISSING`."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""The default of a field that must be given all the same; false in conditions"""


class Field(NamedTuple):
    """A field of a class."""

    name: str
    type: Any
    default: Callable[[], Any] | None
    """Makes the value where there is none; None: it is required"""
    is_inherited: bool
    """Whether it comes from another class"""
    argument: str
    """What the class calls it where an object is made: attrs has aliases"""


def has_fields(cls: type) -> bool:
    """Whether attrs or dataclasses made the class itself, not only one that it derives from."""
    return "__attrs_attrs__" in cls.__dict__ or "__dataclass_fields__" in cls.__dict__


def fields_of(cls: type) -> list[Field]:
    """The fields that a class with fields takes when an object is made, in order.

    Raises:
        NameError: An annotation names what its module does not have.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    if "__attrs_attrs__" in cls.__dict__:
        found = [
            (one.name, _attrs_default(one.default), one.alias)
            for one in cls.__dict__["__attrs_attrs__"]
            if one.init
        ]
    else:
        found = [(one.name, _dataclass_default(one), one.name) for one in dataclasses.fields(cls) if one.init]
    inherited = {field.name for base in cls.__bases__ if has_fields(base) for field in fields_of(base)}
    return [
        Field(name, hints.get(name, Any), default, name in inherited, argument)
        for name, default, argument in found
    ]


def _attrs_default(default: Any) -> Callable[[], Any] | None:
    import attrs  # whoever has such a class has loaded it

    if default is attrs.NOTHING or default is MISSING:
        return None
    factory: Any = attrs.Factory  # a class, typed as a function
    if not isinstance(default, factory):
        return lambda: default
    made: Any = default
    return (
        (lambda: None) if made.takes_self else made.factory
    )  # it looks at the object, which is not there yet


def _dataclass_default(field: "dataclasses.Field[Any]") -> Callable[[], Any] | None:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    if field.default is dataclasses.MISSING or field.default is MISSING:
        return None
    return lambda: field.default
