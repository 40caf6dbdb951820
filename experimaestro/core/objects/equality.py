"""When two configurations are equal: same class and equal parameters, or same identifier once sealed.

Rule: an explicit stack, and a pair that was met is taken as equal: chains are long, cycles end.
"""

from collections.abc import Iterable
from typing import Any

from experimaestro.core.base import Configuration
from experimaestro.core.identifier import identify
from experimaestro.core.versions import is_same, is_same_member


def equal(left: Configuration, right: Configuration) -> bool:
    """Whether two configurations are equal."""
    pending: list[tuple[Any, Any]] = [(left, right)]
    met: set[tuple[int, int]] = set()
    while pending:
        one, other = pending.pop()
        if isinstance(one, Configuration) and isinstance(other, Configuration):
            if one is other or (id(one), id(other)) in met:
                continue
            met.add((id(one), id(other)))
            parts = _parts(one, other)
        else:
            parts = _items(one, other)
        if parts is None:
            return False
        pending.extend(parts)
    return True


def _parts(one: Configuration, other: Configuration) -> list[tuple[Any, Any]] | None:
    """What must be equal for two configurations to be; None if they are different."""
    if not is_same(one.__xpm__.declaration.cls, other.__xpm__.declaration.cls):
        return None
    if one.__xpm__.sealed and other.__xpm__.sealed:
        return [] if identify(one) == identify(other) else None
    names = [
        argument.name for argument in one.__xpm__.declaration.arguments.values() if argument.generator is None
    ]
    if any((name in one.__dict__) != (name in other.__dict__) for name in names):
        return None
    return [(one.__dict__[name], other.__dict__[name]) for name in names if name in one.__dict__]


def _items(one: Any, other: Any) -> list[tuple[Any, Any]] | None:
    """As `_parts`, for any other values."""
    for kind in (list, tuple):
        if isinstance(one, kind) and isinstance(other, kind):
            return list(zip(one, other, strict=True)) if len(one) == len(other) else None
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() == other.keys():
            return [(one[key], other[key]) for key in one]
        return _items(_in_order(one.items()), _in_order(other.items()))
    if isinstance(one, set) and isinstance(other, set) and one != other:
        return _items(_in_order(one), _in_order(other))
    return [] if one == other or is_same_member(one, other) else None


def _in_order(values: Iterable[Any]) -> list[Any]:
    """An order in which members of an enumeration stand at the same places, whatever the version of it."""
    return sorted(values, key=repr)
