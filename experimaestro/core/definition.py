"""The unambiguous record of what a job is: what tells two definitions with one identifier apart.

The bytes of identifiers cannot change, and some different things have the same (a dictionary in another,
`Model` and `MODEL`, 1 and True, a default that is left out and was changed). The definition says in
canonical JSON everything that can influence the task: all parameters that count with their values,
defaults that identifiers leave out included; `Meta`, paths and the Python names of classes that have
their own `__xpmid__` are not in it.

Rules: same walk as identifiers, so cost, cycles and sharing are theirs; a node is known by the digest of
its text, so that equal parts are written once. Two definitions are compared on the parameters that both
have: one that was added or removed since is no difference.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import Any, NamedTuple

from experimaestro.core.arguments import Kind
from experimaestro.core.base import Configuration
from experimaestro.core.identifier import CODE, Entries, Frame, Walk, code_of, counts, sha256
from experimaestro.core.marks import without_meta
from experimaestro.core.versions import full_name
from experimaestro.core.walk import Route, children_of_this_job, postorder, routes, spell

Node = dict[str, Any]
"""`{"type": name, "fields": {name: value}, "init": [value], "made by": value}`; a value is a scalar of
JSON, a list, or a dictionary with one of the keys `config`, `dict`, `set`, `enum`, `job`, `up`"""


UNKNOWN = "unknown"
"""The value of a member of an enumeration that another version wrote"""


class Definition(NamedTuple):
    """What a job is."""

    digest: str
    """Of all of it, and key of its own node"""
    nodes: Mapping[str, Node]


class Difference(NamedTuple):
    """A parameter that two definitions have with different values."""

    key: str
    """`model.layers[2].size`"""
    old: str
    new: str


def define(task: Configuration) -> Definition:
    """The definition of a sealed task, its init tasks included.

    Returns:
        Its nodes; the work is that of its identifier, so it is done where nobody waits.
    """
    walk = _Definitions(task)
    digest = walk.digest(task).hex()
    return Definition(digest, walk.nodes)


class _Definitions(Walk):
    def __init__(self, root: Configuration) -> None:
        super().__init__({})
        self.nodes: dict[str, Node] = {}
        self._root = root
        self._jobs: dict[bytes, str] = {}

    def known(self, config: Configuration) -> bytes | None:
        """A submitted task is known by the name of its job, which has a definition of its own."""
        key = config.__xpm__.key
        if key is None or config is self._root:
            return None
        digest = sha256(key.encode())
        self._jobs[digest] = key
        return digest

    def entries(self, config: Configuration) -> Entries:
        """All parameters but those that do not count."""
        values = config.__dict__
        return [
            (argument, without_meta(values[argument.name]))
            for argument in config.__xpm__.declaration.arguments.values()
            if argument.generator is None
            and argument.name in values
            and counts(argument, values[argument.name])
        ]

    def leaf(self, config: Configuration) -> bytes:
        """See `Walk.leaf`."""
        return self.encode(Frame(config, config, self.entries(config)))

    def encode(self, frame: Frame) -> bytes:
        """Writes a node; its digest is its key."""
        info = frame.source.__xpm__
        node: Node = {
            "type": info.declaration.written_name,
            "fields": {
                argument.name: self._value(value, frame.references) for argument, value in frame.entries
            },
        }
        code = code_of(frame.source)
        if code is not None:
            node["fields"][CODE] = code
        if info.init_tasks:
            node["init"] = [self._value(task, frame.references) for task in info.init_tasks]
        if info.producer is not None:
            node["made by"] = self._value(info.producer, frame.references)
        digest = sha256(_text(node).encode())
        self.nodes[digest.hex()] = node
        return digest

    def _value(self, value: Any, references: Mapping[int, bytes]) -> Any:
        if isinstance(value, Enum):
            of = type(value)
            return {"enum": f"{full_name(of)}.{value.name}", "value": self._of_member(value.value)}
        if value is None or isinstance(value, (str, int, float)):
            return value
        if isinstance(value, Configuration):
            return self._reference(references[id(value)])
        if isinstance(value, (list, tuple)):
            return [self._value(item, references) for item in value]
        if isinstance(value, set):
            return {"set": sorted((self._value(item, references) for item in value), key=_text)}
        if isinstance(value, dict):
            pairs = [
                [self._value(key, references), self._value(item, references)] for key, item in value.items()
            ]
            return {"dict": sorted(pairs, key=_text)}
        return {"other": repr(value)}

    def _of_member(self, value: Any) -> Any:
        """The value of a member of an enumeration; None if its text may differ from process to process."""
        if value is None or isinstance(value, (str, int, float, PurePath)):
            return str(value) if isinstance(value, PurePath) else value
        if isinstance(value, (list, tuple)):
            return [self._of_member(item) for item in value]
        if isinstance(value, (set, frozenset)):
            return sorted(map(self._of_member, value), key=_text)
        if isinstance(value, dict):
            return sorted(
                ([self._of_member(key), self._of_member(item)] for key, item in value.items()), key=_text
            )
        return None

    def _reference(self, reference: bytes) -> Any:
        if reference[1:2] == b"\x0b" and len(reference) == 10:
            return {"up": int.from_bytes(reference[2:], "big")}
        digest = reference[1:33]
        if digest in self._jobs:
            return {"job": self._jobs[digest].partition("/")[2]}
        if len(reference) > 33:
            return {"config": digest.hex(), "which": 1 + int.from_bytes(reference[34:], "big")}
        return {"config": digest.hex()}


_text = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""`json.dumps` with these options would make an encoder at each call"""


def differences(old: Definition, new: Definition) -> list[Difference]:
    """The parameters that two definitions have with different values, each once."""
    found: list[Difference] = []
    pending: list[tuple[str, str, str]] = [("", old.digest, new.digest)]
    met: set[tuple[str, str]] = set()
    while pending:
        where, one, other = pending.pop()
        if one == other or (one, other) in met:
            continue
        met.add((one, other))
        before, after = old.nodes[one], new.nodes[other]
        if before["type"] is not None and before["type"] != after["type"]:
            found.append(Difference(where or "the class", before["type"], after["type"]))
            continue
        for name in sorted(before["fields"].keys() & after["fields"].keys()):
            key = f"{where}.{name}" if where else name
            _compare(key, before["fields"][name], after["fields"][name], found, pending)
        _compare(f"{where or 'the task'}: init_tasks", before.get("init"), after.get("init"), found, pending)
    return found


def _compare(
    key: str, one: Any, other: Any, found: list[Difference], pending: list[tuple[str, str, str]]
) -> None:
    """Notes how two values differ; configurations are left for later."""
    for where, left, right in _parts(key, one, other):
        if _are_configurations(left, right):
            pending.append((where, left["config"], right["config"]))
        elif _text(left) != _text(right) and not _is_known_member(left, right):
            found.append(Difference(where, _shown(left), _shown(right)))


def _are_configurations(left: Any, right: Any) -> bool:
    """Whether two values are configurations that may be the same."""
    both = isinstance(left, dict) and isinstance(right, dict) and "config" in left and "config" in right
    return both and left.get("which") == right.get("which")


def _is_known_member(left: Any, right: Any) -> bool:
    """Whether two values are one member of an enumeration, whose value was not written down."""
    return (
        isinstance(left, dict)
        and isinstance(right, dict)
        and left.get("value") == UNKNOWN
        and "enum" in left
        and left["enum"] == right.get("enum")
    )


def _parts(key: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Two values, or their elements if they have the same number."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for position, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _parts(f"{key}[{position}]", left, right)
    elif isinstance(one, dict) and isinstance(other, dict) and "dict" in one and "dict" in other:
        left, right = ({_key(name): value for name, value in each["dict"]} for each in (one, other))
        if left.keys() == right.keys():
            for name, value in left.items():
                yield from _parts(f"{key}[{name!r}]", value, right[name])
        else:
            yield key, one, other
    else:
        yield key, one, other


def _key(value: Any) -> str:
    """The key of a dictionary as a text: JSON has no others."""
    return value if isinstance(value, str) else _text(value)


def _shown(value: Any) -> str:
    """A value as a person wrote it, as far as it is known."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if not isinstance(value, dict):
        return repr(value)
    if "dict" in value:
        return "{" + ", ".join(f"{_shown(key)}: {_shown(item)}" for key, item in value["dict"]) + "}"
    if "set" in value:
        return "{" + ", ".join(map(_shown, value["set"])) + "}"
    if "enum" in value:
        return f"{value['enum']} (value {value['value']!r})"
    if "job" in value:
        return f"the job {value['job'][:8]}"
    return f"instance {value['which']}" if "which" in value else "the first instance"


def write(definition: Definition) -> bytes:
    """The file of a definition: its digest first, so that equal ones need no reading."""
    return _text({"digest": definition.digest, "nodes": definition.nodes}).encode()


def start_of_file(digest: str) -> bytes:
    """What the file of a definition with a digest begins with."""
    return f'{{"digest":"{digest}"'.encode()


def read(data: bytes) -> Definition | None:
    """The definition in a file; None if it is not one."""
    try:
        found = json.loads(data)
        nodes = found["nodes"]
        if all(isinstance(node["fields"], dict) and node["type"] for node in nodes.values()):
            return Definition(found["digest"], nodes) if found["digest"] in nodes else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return None


def of_params(data: bytes) -> Definition | None:
    """What is known of a definition from a `params.json`, which any version writes.

    Args:
        data: The content of the file.

    Returns:
        Its nodes have no type, and the values of enumerations are not known; None if the file is not
        as it should be.
    """
    try:
        objects = json.loads(data)["objects"]
        file = sha256(data).hex()  # two files may give one number to different objects
        by_number = {f"{file}/{one['id']}": one for one in objects}
        root = f"{file}/{objects[-1]['id']}"

        def value(of: Any) -> Any:
            if isinstance(of, list):
                return [value(item) for item in of]
            if not isinstance(of, dict):
                return of
            kind = of.get("type")
            if kind == "python":
                number = f"{file}/{of['value']}"
                one = by_number[number]
                is_job = number != root and f"{file}/{one.get('task')}" == number
                return {"job": one["identifier"]} if is_job else {"config": number}
            if kind == "enum":
                return {"enum": f"{of['module']}.{of['enum']}.{of['value']}", "value": UNKNOWN}
            if kind == "set":
                return {"set": sorted((value(item) for item in of["items"]), key=_text)}
            pairs = of["items"] if kind == "dict" else of.items()
            return {"dict": sorted(([value(key), value(item)] for key, item in pairs), key=_text)}

        nodes: dict[str, Node] = {}
        for number, one in by_number.items():
            nodes[number] = {"type": None, "fields": {name: value(of) for name, of in one["fields"].items()}}
            if one.get("init-tasks"):
                nodes[number]["init"] = [{"config": f"{file}/{task}"} for task in one["init-tasks"]]
        return Definition(root, nodes)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError):
        return None


def conflict(key: str, found: Sequence[Difference]) -> str:
    """What to say of a job whose folder holds the result of another definition."""
    lines = ["another definition has the same identifier, and its result is there:"]
    lines += [f"  {one.key}: was {one.old}, is {one.new}" for one in found[:10]]
    if len(found) > 10:
        lines.append(f"  and {len(found) - 10} more")
    lines.append(
        "Either give it an identity of its own (a Constant that you raise, a default that is not ignored), "
        f"or remove the folder of the job, jobs/{key}, to run it as it is now"
    )
    return "\n".join(lines)


def different_paths(one: Configuration, other: Configuration) -> list[str]:
    """The parameters in which two configurations of one definition have different paths.

    Paths do not count for what a configuration is (a workspace may move), which is not what everybody
    expects of a parameter.

    Returns:
        `data: train.txt and test.txt` for each; those that are generated, or declared as `Meta`, are
        left out.
    """
    places = dict(_placed(other))
    found = []
    for route, config in _placed(one):
        there = places.get(route)
        for argument in config.__xpm__.declaration.arguments.values() if there is not None else ():
            mine, its = config.__dict__.get(argument.name), there.__dict__.get(argument.name)
            is_counted = argument.kind is Kind.PARAM and argument.generator is None
            if is_counted and isinstance(mine, PurePath) and isinstance(its, PurePath) and mine != its:
                found.append(f"{spell((*route, argument.name))}: {mine} and {its}")
    return found


def _placed(root: Configuration) -> list[tuple[Route, Configuration]]:
    """Each configuration of a job with the route to it."""
    found = routes(root)
    return [(found[id(one)], one) for one in postorder([root], children_of_this_job) if id(one) in found]
