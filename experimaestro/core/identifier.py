r"""The bytes that a configuration is, and their digest: what makes a task the same task.

Rules: the bytes never change, since results are found again by them; nothing here looks at files,
clocks or the order of dictionaries and sets; explicit stack, since the depth comes from the user.
Each digest is computed once in a call (and kept for good once sealed), except on a cycle: there it
depends on where the walk came in, so it is computed again for each parent.

    digest(c) = sha256(00  type name  [03 name 05 value]...  [0c  00 digest of each init task])
    value     = 06 None | 02 double | 01 integer | 03 text | 07 list | 0e set | 0a enumeration
              | 09 dictionary | 00 digest of a configuration | 00 0b levels up, on a cycle

Parameters come in the order of their names. Counts and numbers are big-endian, counts are doubles.
"""

from collections.abc import Mapping
from enum import Enum
from struct import pack
from typing import Any

from experimaestro.core.arguments import Argument
from experimaestro.core.base import Configuration
from experimaestro.core.walk import collect


class Identifier:
    """The identity of a configuration: 32 bytes, shown as 64 hexadecimal digits."""

    __slots__ = ("main",)

    def __init__(self, main: bytes) -> None:
        self.main = main

    @property
    def all(self) -> bytes:
        """The 32 bytes."""
        return self.main

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identifier) and self.main == other.main

    def __hash__(self) -> int:
        return hash(self.main)

    def __repr__(self) -> str:
        return self.main.hex()

    def state_dict(self) -> str:
        """The form that is written: the hexadecimal digits."""
        return self.main.hex()

    @staticmethod
    def from_state_dict(state: str | Mapping[str, str]) -> "Identifier":
        """Reads the written form; `{"main": digits}` is the old one."""
        return Identifier(bytes.fromhex(state if isinstance(state, str) else state["main"]))


def identify(config: Configuration) -> Identifier:
    """The identifier of a configuration; computed once when it is sealed.

    Raises:
        KeyError: A required parameter is not set.
        NotImplementedError: A value has no place in an identifier (a tuple, a path in a list).
    """
    info = config.__xpm__
    kept = info.digest or info.looped_digest
    if kept is not None:
        return Identifier(kept)
    memo: dict[int, bytes] = {}
    value = digest(config, memo)
    if info.sealed:
        if id(config) in memo:
            info.digest = value
        else:
            info.looped_digest = value
    return Identifier(value)


class _Frame:
    """A configuration that waits for the digests of those that it holds."""

    __slots__ = ("config", "entries", "lowest", "pending", "references")

    def __init__(self, config: Configuration) -> None:
        self.config = config
        self.entries = _entries(config)
        self.pending: list[Configuration] = []
        for argument, value in self.entries:
            if argument.type.references:
                collect(value, self.pending)
        self.pending.extend(config.__xpm__.init_tasks)
        self.references: dict[int, bytes] = {}
        self.lowest = 1 << 62
        """The highest ancestor that something below refers back to; beyond any level if none"""


def digest(root: Configuration, memo: dict[int, bytes]) -> bytes:
    """The digest of a configuration.

    Args:
        root: Where the walk starts.
        memo: Digests by `id` of the configuration, read and completed. One that depends on where
            the walk came in is never in it.
    """
    frame = _Frame(root)
    if not frame.pending:
        value = _sha256(_encode(frame))
        memo[id(root)] = value
        return value
    frames = [frame]
    level = {id(root): 0}
    while True:
        depth = len(frames) - 1
        deeper = None
        while frame.pending:
            child = frame.pending[-1]
            key = id(child)
            if key not in frame.references:
                known = child.__xpm__.digest or memo.get(key)
                if known is not None:
                    frame.references[key] = b"\x00" + known
                elif key in level:
                    frame.references[key] = b"\x00\x0b" + pack("!q", depth - level[key] + 1)
                    frame.lowest = min(frame.lowest, level[key])
                else:
                    deeper = child
                    break
            frame.pending.pop()
        if deeper is not None:
            frame = _Frame(deeper)
            frames.append(frame)
            level[id(deeper)] = depth + 1
            continue
        value = _sha256(_encode(frame))
        done = frames.pop()
        del level[id(done.config)]
        if done.lowest > depth:
            memo[id(done.config)] = value
        if not frames:
            return value
        frame = frames[-1]
        frame.references[id(done.config)] = b"\x00" + value
        frame.lowest = min(frame.lowest, done.lowest)


def _sha256(data: bytes) -> bytes:
    from hashlib import sha256  # a job does not need it: its identifier was written down

    return sha256(data).digest()


def _entries(config: Configuration) -> list[tuple[Argument, Any]]:
    """The parameters that count, in the order of their names, with their values."""
    declaration = config.__xpm__.declaration
    values = config.__dict__
    entries = []
    for argument in declaration.hashed:
        try:
            value = values[argument.name]
        except KeyError:
            raise KeyError(argument.name) from None
        if value is None and argument.skips_none:
            continue
        if argument.ignore_default and argument.default == value:
            continue
        entries.append((argument, value))
    return entries


def _encode(frame: _Frame) -> bytes:
    out = [frame.config.__xpm__.declaration.hash_start]
    for argument, value in frame.entries:
        out.append(argument.prefix)
        _append(value, frame.references, out)
    init_tasks = frame.config.__xpm__.init_tasks
    if init_tasks:
        out.append(b"\x0c")
        out.extend(frame.references[id(task)] for task in init_tasks)
    return b"".join(out)


def _append(  # noqa: C901 - one branch for each kind of value, in the order that the format asks for
    value: Any, references: Mapping[int, bytes], out: list[bytes]
) -> None:
    if value is None:
        out.append(b"\x06")
    elif isinstance(value, float):
        out.append(b"\x02" + pack("!d", value))
    elif isinstance(value, int):
        out.append(b"\x01" + pack("!q", value))
    elif isinstance(value, str):
        out.append(b"\x03" + str.__str__(value).encode())
    elif isinstance(value, list):
        out.append(b"\x07" + pack("!d", len(value)))
        for item in value:
            _append(item, references, out)
    elif isinstance(value, set):
        encoded = [_bytes(item, references) for item in value]
        encoded.sort(key=_sha256)
        out.append(b"\x0e" + pack("!d", len(value)))
        out.extend(encoded)
    elif isinstance(value, Enum):
        of = type(value)
        out.append(f"\x0a{of.__module__}.{of.__qualname__}:{value.name}".encode())
    elif isinstance(value, dict):
        out.append(b"\x09")
        for key in sorted(value):
            _append(key, references, out)
            _append(value[key], references, out)
    elif isinstance(value, Configuration):
        out.append(references[id(value)])
    else:
        raise NotImplementedError(
            f"Cannot compute hash of type {type(value).__name__}: declare the parameter as Meta[...]"
        )


def _bytes(value: Any, references: Mapping[int, bytes]) -> bytes:
    out: list[bytes] = []
    _append(value, references, out)
    return b"".join(out)


def without_identifier(value: Any) -> str | None:
    """What in a value has no place in an identifier, as words; None if all has."""
    if value is None or isinstance(value, (str, int, float, Enum, Configuration)):
        return None
    if isinstance(value, (list, set)):
        return next((reason for reason in map(without_identifier, value) if reason), None)
    if isinstance(value, dict):
        if len({str if isinstance(key, str) else float for key in value}) > 1:
            return "a dictionary with keys of several types"
        inner = (*value.keys(), *value.values())
        return next((reason for reason in map(without_identifier, inner) if reason), None)
    return "a tuple" if isinstance(value, tuple) else "a path in a container or in Any"
