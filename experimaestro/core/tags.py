"""Tags: names for the values that an experiment varies. They never enter an identifier.

Rule: a tag is noted on the configuration whose parameter was given `tag(value)`; the union over a
task and all that it uses is made once, at submission or when asked for.
"""

from collections.abc import Iterator, KeysView, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from experimaestro.core.base import Configuration
from experimaestro.core.problems import information
from experimaestro.core.walk import children_of_this_job, collect, postorder

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


class Stopped:
    """A value on its way to a parameter, whose tags are not those of the configuration."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"stop_tags({self.value!r})"


def stop_tags(value: T) -> T:
    """Marks the value of a parameter as one whose tags stay below: for what sums up many variants.

    Args:
        value: A configuration, or a list or dictionary of some, given as the value of a parameter.

    Example:
        >>> Summary.C(evaluations=stop_tags(evaluations))  # doctest: +SKIP
    """
    return Stopped(value)  # type: ignore[return-value] # taken off when the parameter is set


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

    def keys(self) -> KeysView[str]:
        """The names; those of a Mapping are slow, and each job asks for them."""
        return self._tags.keys()

    def __hash__(self) -> int:
        return hash(tuple(self._tags.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self._tags == dict(other)

    def __repr__(self) -> str:
        return repr(self._tags)


def tags(config: "Config") -> TagDict:
    """Tags of a configuration, of all that it uses and of the tasks that it comes from.

    When two differ under one name, the outermost is kept.

    Raises:
        TypeError: It is no configuration.
    """
    info = information(config, "tags({})")
    if info.job_tags is not None:
        return TagDict(info.job_tags)
    return TagDict(union([info.owner], postorder([info.owner], children_of_this_job))[0])


def tagspath(config: "Config") -> str:
    """The tags of a configuration as the name of a file or folder: `lr=0.1_size=3`.

    Sorted by name; a `/` in a text becomes `-`.
    """
    return "_".join(f"{name}={_of_path(value)}" for name, value in tags(config).items())


def _of_path(value: Any) -> str:
    return str(value).replace("/", "-")


def union(roots: list[Configuration], order: list[Configuration]) -> tuple[dict[str, Any], list[str]]:
    """Tags of configurations and of all that they use; then one line for each tag with several values.

    Args:
        roots: The configurations.
        order: All that belongs to them, children first.
    """
    if any(config.__xpm__.stopped for config in order):
        order = postorder(roots, _children_with_tags)
    found: dict[str, Any] = {}
    several: dict[str, None] = {}
    for config in order:
        info = config.__xpm__
        own = info.own_tags if info.job_tags is None else info.job_tags
        made_by = info.producer.__xpm__.job_tags if info.producer is not None else None
        if own or made_by:
            for name, value in (*(made_by or {}).items(), *(own or {}).items()):
                if name in found and found[name] != value:
                    several[name] = None
                found[name] = value
    return found, [
        f"tag {name!r} has several values among what it uses: {found[name]!r} is kept. "
        "Give what sums up variants as stop_tags(...)"
        for name in several
    ]


def _children_with_tags(config: Configuration) -> list[Configuration]:
    info = config.__xpm__
    found: list[Configuration] = []
    if info.key is None:
        for name in info.declaration.references:
            if name not in info.stopped:
                collect(config.__dict__.get(name), found)
    return found
