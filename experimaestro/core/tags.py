"""Tags: names for the values that an experiment varies. They never enter an identifier.

Rule: a tag is noted on the configuration whose parameter was given `tag(value)`; the union over a
task and all that it uses is made once, at submission or when asked for.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from experimaestro.core.base import Configuration
from experimaestro.core.walk import children_of_this_job, postorder

if TYPE_CHECKING:
    from experimaestro.core.objects.config import Config

T = TypeVar("T")


class Tagged:
    """A value on its way to a parameter, marked by `tag`."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"tag({self.value!r})"


def tag(value: T) -> T:
    """Marks the value of a parameter as one that the experiment varies.

    Args:
        value: A str, int, float or bool, given as the whole value of a parameter.

    Example:
        >>> Train.C(lr=tag(1e-3))  # doctest: +SKIP
    """
    return Tagged(value)  # type: ignore[return-value] # taken off when the parameter is set


class TagDict(Mapping[str, Any]):
    """Tags of a configuration: read-only, sorted by name, hashable."""

    __slots__ = ("_tags",)

    def __init__(self, tags: Mapping[str, Any]) -> None:
        self._tags = {name: tags[name] for name in sorted(tags)}

    def __getitem__(self, name: str) -> Any:
        return self._tags[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tags)

    def __len__(self) -> int:
        return len(self._tags)

    def __hash__(self) -> int:
        return hash(tuple(self._tags.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self._tags == dict(other)

    def __repr__(self) -> str:
        return repr(self._tags)


def tags(config: "Config") -> TagDict:
    """Tags of a configuration, of all that it uses and of the tasks that it comes from.

    When two differ under one name, the outermost is kept.
    """
    info = config.__xpm__
    if info.job_tags is not None:
        return TagDict(info.job_tags)
    return TagDict(union(postorder([info.owner], children_of_this_job))[0])


def union(order: list[Configuration]) -> tuple[dict[str, Any], list[str]]:
    """Tags of configurations given with children first; then one line for each conflict."""
    found: dict[str, Any] = {}
    conflicts = []
    for config in order:
        info = config.__xpm__
        own = info.tags if info.job_tags is None else info.job_tags
        if own:
            for name, value in own.items():
                if name in found and found[name] != value:
                    conflicts.append(f"tag {name!r} is {found[name]!r} and {value!r}: {value!r} is kept")
                found[name] = value
    return found, conflicts
