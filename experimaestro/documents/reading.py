"""YAML text to nodes.

Rules: the safe subset of YAML; nothing is executed. Numbers are those that people mean: `1e-4` is a
float, `12:30` is a text, `010` is a text (YAML 1.1 makes an octal number of it). Dates are texts. A key
that is written twice is an error, as one of the two would be lost.
"""

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

from experimaestro.documents.nodes import Node, Origin, empty, shown
from experimaestro.exceptions import DocumentError

_BOOLEANS = "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"
_FLOAT = r"""^(?:
    [-+]? (?: [0-9][0-9_]*\.[0-9_]* | \.[0-9][0-9_]* ) (?: [eE][-+]?[0-9]+ )?
  | [-+]? [0-9][0-9_]* [eE][-+]?[0-9]+
  | [-+]? \.(?:inf|Inf|INF) | \.(?:nan|NaN|NAN)
)$"""
RESOLVERS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("bool", rf"^(?:{_BOOLEANS})$", [*"yYnNtTfFoO"]),
    ("int", r"^[-+]?(?:0|[1-9][0-9_]*|0b[01_]+|0x[0-9a-fA-F_]+)$", [*"-+0123456789"]),
    ("float", _FLOAT, [*"-+0123456789."]),
    ("merge", r"^<<$", ["<"]),
    ("null", r"^(?:~|null|Null|NULL|)$", [*"~nN", ""]),
)
"""What plain scalars are: the tag, the pattern, the first characters"""
_MERGE = "tag:yaml.org,2002:merge"
_MOST = 10_000_000
"""How many values a document may have, those that aliases stand for included"""


class _Loader(yaml.SafeLoader):
    """The safe loader with numbers as people mean them."""

    yaml_implicit_resolvers: ClassVar[Any] = {}  # type: ignore[misc] # the stubs make it one of the object


for _tag, _pattern, _first in RESOLVERS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern, re.VERBOSE), _first)


def read_file(path: Path) -> Node:
    """Reads a YAML file.

    Args:
        path: The file.

    Returns:
        What it holds; an empty file is an empty mapping.

    Raises:
        DocumentError: The file is missing or cannot be read, or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DocumentError(f"{shown(str(path))}: there is no such file") from None
    except IsADirectoryError:
        raise DocumentError(f"{shown(str(path))}: expected a YAML file, found a folder") from None
    except UnicodeDecodeError as error:
        raise DocumentError(f"{shown(str(path))}: not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise DocumentError(f"{shown(str(path))}: cannot be read: {error.strerror or error}") from None
    return read_text(text, str(path))


def read_text(text: str, source: str, *, has_lines: bool = True) -> Node:
    """Reads YAML text.

    Args:
        text: YAML.
        source: What to call it in messages: a path, or an option of a command.
        has_lines: Whether lines tell where something is.

    Raises:
        DocumentError: It is not YAML.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return empty(Origin(source))
            return _Reading(loader, source, has_lines).node(node, None)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None and has_lines else 0
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise DocumentError(
            f"{Origin(source, line)}: not YAML: {what}{_hint(text, mark, error.problem)}"
        ) from None
    except yaml.reader.ReaderError as error:
        raise DocumentError(f"{shown(source)}: not YAML: {error.reason}") from None
    except RecursionError:
        raise DocumentError(f"{shown(source)}: nested too deeply") from None


def _hint(text: str, mark: Any, problem: str | None) -> str:
    """What to do about the most common mistakes of YAML."""
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    if "\t" in line:
        return ". The line has a tab: indent with spaces"
    if problem == "mapping values are not allowed here":
        return ". Look at the spaces before this line and the one above; quote a text that has ': '"
    return ". Write `key: value`, with a space" if problem == "could not find expected ':'" else ""


class _Reading:
    """The nodes of one text."""

    def __init__(self, loader: Any, source: str, has_lines: bool) -> None:
        self._loader = loader
        self._source = source
        self._has_lines = has_lines
        self._open: set[int] = set()
        self._done: dict[int, Node] = {}
        self._sizes: dict[int, int] = {}

    def node(self, of: yaml.Node, line: int | None) -> Node:
        """A node of ours.

        Args:
            of: What PyYAML made.
            line: The line of its key; None: its own.
        """
        origin = self._origin(of) if line is None else Origin(self._source, line)
        known = self._done.get(id(of))
        if known is not None:
            return known.at(origin)
        if id(of) in self._open:
            raise DocumentError(f"{origin}: an alias (*name) inside of what it names: it would never end")
        self._open.add(id(of))
        made = self._made(of, origin)
        self._count(made)
        self._open.discard(id(of))
        self._done[id(of)] = made
        return made

    def _count(self, made: Node) -> None:
        """Refuses aliases of aliases: a few lines can stand for more values than anybody can look at."""
        parts = made.items if made.entries is None else made.entries.values()
        if parts is not None:
            size = 1 + sum(self._sizes.get(id(one.value), 1) for one in parts)
            if size > _MOST:
                raise DocumentError(f"{made.origin}: its aliases stand for more than {_MOST:,} values")
            self._sizes[id(made.value)] = size

    def _made(self, of: yaml.Node, origin: Origin) -> Node:
        if isinstance(of, yaml.MappingNode):
            return self._mapping(of, origin)
        if isinstance(of, yaml.SequenceNode):
            return Node([self.node(item, None) for item in of.value], origin)
        if of.tag == "tag:yaml.org,2002:timestamp":
            return Node(of.value, origin, of.value)
        try:
            value = self._loader.construct_object(of)
        except (ValueError, OverflowError) as error:  # an explicit tag, such as !!int x
            raise DocumentError(f"{origin}: {of.value!r} is not what its tag says: {error}") from None
        return Node(value, origin, of.value)

    def _mapping(self, of: yaml.MappingNode, origin: Origin) -> Node:
        self._refuse_twice(of)
        entries: dict[str, Node] = {}
        keys: dict[str, Any] = {}
        for base in reversed(self._bases(of)):  # of those, the first one wins; what is written here, over all
            entries.update(base.value)
            keys.update(base.keys)
        for key, item in of.value:
            if key.tag == _MERGE:
                continue
            name, value = self._key(key)
            keys.pop(name, None)
            if value != name:
                keys[name] = value
            entries[name] = self.node(item, self._origin(key).line)
        return Node(entries, origin, keys=keys)

    def _bases(self, of: yaml.MappingNode) -> list[Node]:
        """The mappings that `<<: *name` and `<<: [*one, *other]` put into a mapping, in order.

        PyYAML could merge them, but takes the last one's values in some of its versions.
        """
        bases: list[Node] = []
        for key, item in of.value:
            if key.tag == _MERGE:
                found = self.node(item, None)
                bases += [found] if found.items is None else found.items
        for base in bases:
            if base.entries is None:
                raise DocumentError(f"{base.origin}: <<: expected a mapping, or a list of mappings, to merge")
        return bases

    def _refuse_twice(self, of: yaml.MappingNode) -> None:
        first: dict[str, yaml.Node] = {}
        for key, _ in of.value:
            if key.tag == _MERGE:
                continue
            name, _ = self._key(key)
            if name in first:
                before = self._origin(first[name]).line
                raise DocumentError(
                    f"{self._origin(key)}: {name}: written twice, first in line {before}: keep one of them"
                )
            first[name] = key

    def _key(self, key: yaml.Node) -> tuple[str, Any]:
        """The text of a key, and its value."""
        if not isinstance(key, yaml.ScalarNode):
            raise DocumentError(f"{self._origin(key)}: a key must be a text or a number")
        value = self._loader.construct_object(key)
        if isinstance(value, bool) or value is None or not isinstance(value, Hashable):
            return key.value, key.value  # `on`, `no` are names here
        return (value, value) if isinstance(value, str) else (key.value, value)

    def _origin(self, of: yaml.Node) -> Origin:
        return Origin(self._source, of.start_mark.line + 1 if self._has_lines else 0)
