"""When two configurations are equal: same class and equal parameters, or same identifier once sealed.

Rule: an explicit stack, and a pair that was met is taken as equal: chains are long, cycles end.
"""

from typing import Any

from experimaestro.core.base import Configuration
from experimaestro.core.identifier import identify


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
            if type(one) is not type(other):
                return False
            if one.__xpm__.sealed and other.__xpm__.sealed:
                if identify(one) != identify(other):
                    return False
                continue
            for argument in one.__xpm__.declaration.arguments.values():
                if argument.generator is None:
                    name = argument.name
                    if (name in one.__dict__) != (name in other.__dict__):
                        return False
                    pending.append((one.__dict__.get(name), other.__dict__.get(name)))
        elif (isinstance(one, list) and isinstance(other, list)) or (
            isinstance(one, tuple) and isinstance(other, tuple)
        ):
            if len(one) != len(other):
                return False
            pending.extend(zip(one, other, strict=True))
        elif isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pending.extend((one[key], other[key]) for key in one)
        elif one != other:
            return False
    return True
