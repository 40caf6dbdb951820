"""Lists, dictionaries and sets of sealed configurations: as the plain ones, but they do not change.

Rule: sub-classes of the plain ones, so that everything that reads a list reads them.
"""

from typing import Any, NoReturn

from experimaestro.core.base import plain
from experimaestro.exceptions import ReadOnlyError


def _refuse(self: Any, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG001 - stands for many methods
    raise ReadOnlyError(
        "the configuration that holds this is sealed (submitted, or made an instance): its lists, "
        "dictionaries and sets do not change any more. Make a copy: config.copy()"
    )


class FrozenList(list[Any]):
    """A list that does not change."""

    __slots__ = ()
    append = extend = insert = remove = pop = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return (list, (list(self),))


class FrozenDict(dict[Any, Any]):
    """A dictionary that does not change."""

    __slots__ = ()
    update = pop = popitem = clear = setdefault = _refuse
    __setitem__ = __delitem__ = __ior__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return (dict, (dict(self),))


class FrozenSet(set[Any]):
    """A set that does not change (a `frozenset` is not a `set`)."""

    __slots__ = ()
    add = remove = discard = pop = clear = update = _refuse
    difference_update = intersection_update = symmetric_difference_update = _refuse
    __ior__ = __iand__ = __isub__ = __ixor__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return (set, (set(self),))


def frozen(value: Any) -> Any:
    """A value whose containers do not change, all the way down; configurations as they are."""
    if isinstance(value, list):
        return FrozenList(map(frozen, value))
    if isinstance(value, dict):
        return FrozenDict({key: frozen(item) for key, item in value.items()})
    if isinstance(value, set):
        return FrozenSet(value)
    if isinstance(value, tuple):
        return tuple(map(frozen, value))
    return value


def thawed(value: Any) -> Any:
    """A copy with plain containers; configurations as they are."""
    return plain(value, lambda config: config)
