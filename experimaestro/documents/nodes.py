"""What a YAML document holds, each value with the place where it was written.

Rules: a node is never changed after it was made, so that merging can share them; a scalar keeps its
text beside its value, so that a field of text gets `1.10` as it was written.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Origin(NamedTuple):
    """Where a value was written."""

    source: str
    """Absolute path of a file, or the option of a command: `-c lr=fast`"""
    line: int = 0
    """From 1; 0 where there are no lines"""

    def __str__(self) -> str:
        """For messages: `full.yaml:12`."""
        return f"{shown(self.source)}:{self.line}" if self.line else shown(self.source)


def shown(path: str) -> str:
    """A path as a person would type it: relative if it is below the working directory."""
    try:
        here = os.getcwd()  # noqa: PTH109 - a string
    except FileNotFoundError:
        return path
    return path[len(here) + 1 :] if path.startswith(f"{here}/") else path


class Node:
    """A value of a document.

    Attributes:
        value: A scalar of Python, a sequence of nodes, or a mapping of texts to nodes.
        origin: Where it was written; of a value in a mapping, the line of its key.
        text: A scalar as it was written; "" for others.
        keys: For a mapping, the scalars behind the texts of its keys that are no texts.
    """

    __slots__ = ("keys", "origin", "text", "value")

    def __init__(
        self, value: Any, origin: Origin, text: str = "", keys: Mapping[str, Any] | None = None
    ) -> None:
        self.value = value
        self.origin = origin
        self.text = text
        self.keys = keys or {}

    def __repr__(self) -> str:
        return f"Node({plain(self)!r}, {self.origin})"

    @property
    def entries(self) -> Mapping[str, "Node"] | None:
        """The values of a mapping by their keys; None if this is none."""
        return self.value if isinstance(self.value, dict) else None

    @property
    def items(self) -> Sequence["Node"] | None:
        """The elements of a sequence; None if this is none."""
        return self.value if isinstance(self.value, list) else None

    def at(self, origin: Origin) -> "Node":
        """The same value, written elsewhere."""
        return Node(self.value, origin, self.text, self.keys)


def plain(node: Node) -> Any:
    """The value without places: scalars, lists and dictionaries."""
    if isinstance(node.value, dict):
        return {node.keys.get(key, key): plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def from_python(value: Any, origin: Origin) -> Node:
    """The node that stands for a value of Python, as if it had been written in a document."""
    if isinstance(value, Mapping):
        keys = {str(key): key for key in value if not isinstance(key, str)}
        return Node({str(key): from_python(item, origin) for key, item in value.items()}, origin, keys=keys)
    if isinstance(value, (list, tuple, set, frozenset)):
        return Node([from_python(item, origin) for item in value], origin)
    if isinstance(value, os.PathLike):
        return Node(os.fspath(value), origin)
    return Node(value, origin, "" if value is None or isinstance(value, bool) else str(value))


def empty(origin: Origin) -> Node:
    """A mapping without entries."""
    return Node({}, origin)


def leaves(node: Node, key: str = "") -> Iterator[tuple[str, Node]]:
    """The scalars and empty collections of a document, each with its dotted key."""
    if isinstance(node.value, dict) and node.value:
        for name, item in node.value.items():
            yield from leaves(item, f"{key}.{name}" if key else name)
    elif isinstance(node.value, list) and node.value:
        for position, item in enumerate(node.value):
            yield from leaves(item, f"{key}[{position}]")
    else:
        yield key, node
