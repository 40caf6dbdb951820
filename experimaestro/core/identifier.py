r"""The bytes that a configuration is, and their digest: what makes a task the same task.

Rules: the bytes never change, since results are found again by them; nothing here looks at files,
clocks or the order of dictionaries and sets; explicit stack, since the depth comes from the user.
Each digest is computed once in a call (and kept for good once sealed), except on a cycle: there it
depends on where the walk came in, so it is computed again for each parent.

    digest(c) = sha256(00  [08 reference of the task that made it]  type name
                       [03 "__code__" 05 value, for classes of a notebook]
                       [03 name 05 value]...  [0c  reference of each init task])
    value     = 06 None | 02 double | 01 integer | 03 text | 07 list | 0e set | 0a enumeration
              | 09 dictionary | reference
    reference = 00 digest of a configuration  [0d which of several equal instances]
              | 00 0b levels up, on a cycle

Parameters come in the order of their names. Counts and numbers are big-endian, counts are doubles.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache, partial
from struct import Struct, pack
from typing import Any

from experimaestro.core.arguments import Argument
from experimaestro.core.base import Configuration
from experimaestro.core.marks import without_meta
from experimaestro.core.problems import Problem, failure
from experimaestro.core.scalars import Type
from experimaestro.core.versions import full_name


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
    kept = info.digest or info.own_digest
    if kept is not None:
        return Identifier(kept)
    memo: dict[int, bytes] = {}
    value = digest(config, memo)
    if info.sealed:
        if id(config) in memo:
            info.digest = value
        else:
            info.own_digest = value
    return Identifier(value)


def digest(root: Configuration, memo: dict[int, bytes]) -> bytes:
    """The digest of a configuration.

    Args:
        root: Where the walk starts.
        memo: Digests by `id` of the configuration, read and completed. One that depends on where
            the walk came in, or on what it met before, is never in it.
    """
    return Walk(memo).digest(root)


class Frame:
    """A configuration that waits for the digests of those that it holds."""

    __slots__ = ("config", "entries", "has_instances", "lowest", "pending", "references", "source")

    def __init__(self, config: Configuration, source: Configuration, entries: "Entries") -> None:
        self.config = config
        self.source = source
        """Itself, or what it is converted to"""
        self.entries = entries
        pending: list[Configuration] = []
        info = source.__xpm__
        if info.producer is not None:
            pending.append(info.producer)
        for argument, value in entries:
            if argument.type.references:
                _collect_in_order(value, pending)
        pending.extend(info.init_tasks)
        pending.reverse()
        self.pending = pending
        """What it holds; the last one comes first in the bytes"""
        self.references: dict[int, bytes] = {}
        self.lowest = _NO_LEVEL
        """The highest ancestor that something below refers back to"""
        self.has_instances = False
        """Whether something below counts by its identity"""


Entries = list[tuple[Argument, Any]]
_NO_LEVEL = 1 << 62
MOST_WAYS = 200_000
"""How often parts of cycles are digested: once for each way that leads to them"""


class Walk:
    """One computation of digests: which instances it met, and what is true in it alone.

    Sub-classes give other bytes to the same walk (`definition`).

    Args:
        memo: See `digest`.
        keeps: Whether a parameter of the root counts; None: all do.
    """

    def __init__(self, memo: dict[int, bytes], keeps: Callable[[Argument], bool] | None = None) -> None:
        self._memo = memo
        self._keeps = keeps
        self._with_instances: dict[int, bytes] = {}
        """Digests that count instances: the same until the end of this walk"""
        self._converted: list[Configuration] = []
        """What configurations of deprecated classes stand for: kept, as digests go by `id`"""
        self._again = 0
        """How often a part of a cycle was digested"""
        self._met: dict[bytes, dict[int, int]] = {}
        """Instances met, by their digest: position by `id`"""

    def digest(self, root: Configuration) -> bytes:  # noqa: C901 - one loop in place of recursion
        """The digest of a configuration; see the function of the same name."""
        memo, here = self._memo, self._with_instances
        frame = self._frame(root, self._keeps)
        frames = [frame]
        level = {id(root): 0}
        while True:
            depth = len(frames) - 1
            pending, references = frame.pending, frame.references
            deeper = None
            while pending:
                child = pending[-1]
                key = id(child)
                if key not in references:
                    known = self.known(child) or memo.get(key)
                    if known is None and key in here:
                        known = here[key]
                        frame.has_instances = True
                    if known is not None:
                        self._refer(frame, child, known)
                    elif key in level:
                        references[key] = b"\x00\x0b" + pack("!q", depth - level[key] + 1)
                        frame.lowest = min(frame.lowest, level[key])
                    elif child.__xpm__.declaration.is_leaf and self._stands_alone(child):
                        memo[key] = known = self.leaf(child)
                        self._refer(frame, child, known)
                    else:
                        deeper = child
                        break
                pending.pop()
            if deeper is not None:
                frame = self._frame(deeper, None)
                frames.append(frame)
                level[id(deeper)] = depth + 1
                continue
            value = self.encode(frame)
            done = frames.pop()
            key = id(done.config)
            del level[key]
            if done.lowest > depth and not (frames == [] and self._keeps):
                (here if done.has_instances else memo)[key] = value
            elif done.lowest <= depth:
                self._count_again(root)
            if not frames:
                return value
            frame = frames[-1]
            frame.pending.pop()
            self._refer(frame, done.config, value)
            frame.lowest = min(frame.lowest, done.lowest)
            frame.has_instances = frame.has_instances or done.has_instances

    def _count_again(self, root: Configuration) -> None:
        """Ends a walk that would not end: each way through a cycle has a digest of its own."""
        self._again += 1
        if self._again > MOST_WAYS:
            info = root.__xpm__
            text = (
                f"its parts refer back to each other in more than {MOST_WAYS:,} ways: take some of these out"
            )
            raise failure(f"{info.declaration.name}.C(...)", info.made_at, [Problem("identifier", text)])

    def depends_on_start(self, config: Configuration) -> bool:
        """Whether the digest of a configuration that was met holds only where this walk started: a cycle."""
        return id(config) not in self._memo and id(config) not in self._with_instances

    def _frame(self, config: Configuration, keeps: Callable[[Argument], bool] | None) -> Frame:
        convert = config.__xpm__.declaration.convert
        source = config
        if convert is not None:
            source = convert(config)
            self._converted.append(source)
        entries = self.entries(source)
        if keeps is not None:
            entries = [(argument, value) for argument, value in entries if keeps(argument)]
        return Frame(config, source, entries)

    def _refer(self, frame: Frame, child: Configuration, value: bytes) -> None:
        """Notes how a configuration is referred to: by its digest, and by its identity if that counts."""
        reference = b"\x00" + value
        if child.__xpm__.declaration.is_instance:
            met = self._met.setdefault(value, {})
            position = met.setdefault(id(child), len(met))
            frame.has_instances = True
            if position:
                reference += b"\x0d" + pack("!q", position)
        frame.references[id(child)] = reference

    @staticmethod
    def _stands_alone(config: Configuration) -> bool:
        info = config.__xpm__
        return info.producer is None and not info.init_tasks

    # What a sub-class may give.

    def known(self, config: Configuration) -> bytes | None:
        """The digest that a configuration has wherever it is used, if that is known already."""
        return config.__xpm__.digest

    def entries(self, config: Configuration) -> Entries:
        """The parameters that count, in the order of their names, with their values."""
        return _entries(config)

    def leaf(self, config: Configuration) -> bytes:
        """The digest of a configuration that holds no other."""
        declaration = config.__xpm__.declaration
        out = [declaration.hash_start if declaration.coded is None else _start_with_code(config)]
        for argument, value in _entries(config):
            out.append(argument.prefix)
            plain = _PLAIN.get(type(value))
            if plain is None:
                _append(value, _NONE, out)
            else:
                out.append(plain(value))
        return sha256(b"".join(out))

    def encode(self, frame: Frame) -> bytes:
        """The digest of a configuration when those of all that it holds are known."""
        info = frame.source.__xpm__
        references = frame.references
        declaration = info.declaration
        out = [declaration.hash_start if declaration.coded is None else _start_with_code(frame.source)]
        if info.producer is not None:
            out[0] = b"\x00\x08" + references[id(info.producer)] + out[0][1:]
        for argument, value in frame.entries:
            out.append(argument.prefix)
            plain = _PLAIN.get(type(value))
            if plain is None:
                _append(value, references, out)
            else:
                out.append(plain(value))
        if info.init_tasks:
            out.append(b"\x0c")
            out.extend(references[id(task)] for task in info.init_tasks)
        return sha256(b"".join(out))


def code_of(config: Configuration) -> str | None:
    """The digest of the code of a configuration of a class of a notebook; None for all others."""
    info = config.__xpm__
    return info.sealed_code if info.sealed else info.declaration.code


CODE = "__code__"
"""The name under which code counts: no parameter has such a name"""


def _start_with_code(config: Configuration) -> bytes:
    """The start of the bytes of a configuration whose code counts, as a constant before its parameters."""
    digest_of_code = code_of(config) or ""
    return config.__xpm__.declaration.hash_start + f"\x03{CODE}\x05\x03{digest_of_code}".encode()


_NONE: Mapping[int, bytes] = {}


def sha256(data: bytes) -> bytes:
    """The SHA-256 of bytes."""
    made: bytes = _sha256()(data).digest()
    return made


@cache
def _sha256() -> Callable[[bytes], Any]:
    from hashlib import sha256  # a job does not need it: its identifier was written down

    return sha256


def _entries(config: Configuration) -> Entries:
    declaration = config.__xpm__.declaration
    values = config.__dict__
    entries = []
    for argument in declaration.hashed:
        try:
            value = values[argument.name]
        except KeyError:
            if argument.ignored:
                continue
            raise KeyError(
                f"{declaration.name} (made at {config.__xpm__.made_at}) has no identifier yet: "
                f"its parameter {argument.name} is not set"
            ) from None
        default = argument.default
        if argument.type.references:
            if not counts(argument, value):
                continue
            value, default = without_meta(value), without_meta(default)
        if value is None and argument.skips_none:
            continue
        if argument.ignore_default and (default == value or _is_same_member(argument, default, value)):
            continue
        entries.append((argument, value))
    return entries


def _is_same_member(argument: Argument, default: Any, value: Any) -> bool:
    """Whether values differ only by the version of the enumerations in them: cells may run again."""
    of = argument.type
    return bool(of.classes) and not of.references and _bytes(default, _NONE) == _bytes(value, _NONE)


def counts(argument: Argument, value: Any) -> bool:
    """Whether the value of a parameter counts: as its declaration says, but for configurations marked."""
    if isinstance(value, Configuration) and value.__xpm__.meta is not None:
        return not value.__xpm__.meta
    return not argument.ignored


def _collect_in_order(value: Any, found: list[Configuration]) -> None:
    """Adds the configurations of a value, in the order of the bytes."""
    if isinstance(value, Configuration):
        found.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect_in_order(item, found)
    elif isinstance(value, dict):
        for key in _sorted(value):
            _collect_in_order(value[key], found)
    elif isinstance(value, set):
        found.extend(sorted((item for item in value if isinstance(item, Configuration)), key=_set_order))


def _sorted(keys: Iterable[Any]) -> list[Any]:
    """Keys in the order of the bytes; of several types, which no identifier but a definition has, in any."""
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=repr)


def _set_order(item: Any) -> bytes:
    """The place of an element in the bytes of a set: as if it were alone."""
    if isinstance(item, Configuration):
        return sha256(b"\x00" + identify(item).main)
    return sha256(_bytes(item, _NONE))


_PLAIN: Mapping[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"\x06",
    float: partial(Struct("!cd").pack, b"\x02"),
    int: partial(Struct("!cq").pack, b"\x01"),
    bool: partial(Struct("!cq").pack, b"\x01"),
    str: lambda value: b"\x03" + value.encode(),
}
"""The bytes of most values, by their exact types"""


def _append(value: Any, references: Mapping[int, bytes], out: list[bytes]) -> None:
    plain = _PLAIN.get(type(value))
    if plain is not None:
        out.append(plain(value))
    elif isinstance(value, Configuration):
        out.append(references[id(value)])
    elif isinstance(value, (float, int, str)):  # of a sub-class, an enumeration included
        base = next(base for base in (float, int, str) if isinstance(value, base))
        out.append(_PLAIN[base](str.__str__(value) if base is str else value))
    elif isinstance(value, list):
        out.append(b"\x07" + pack("!d", len(value)))
        for item in value:
            _append(item, references, out)
    elif isinstance(value, set):
        out.append(b"\x0e" + pack("!d", len(value)))
        out.extend(_bytes(item, references) for item in sorted(value, key=_set_order))
    elif isinstance(value, Enum):
        of = type(value)
        out.append(f"\x0a{full_name(of)}:{value.name}".encode())
    elif isinstance(value, dict):
        out.append(b"\x09")
        for key in sorted(value):
            _append(key, references, out)
            _append(value[key], references, out)
    else:
        raise NotImplementedError(
            f"Cannot compute hash of type {type(value).__name__}: declare the parameter as Meta[...]"
        )


def _bytes(value: Any, references: Mapping[int, bytes]) -> bytes:
    out: list[bytes] = []
    _append(value, references, out)
    return b"".join(out)


_TAGS = frozenset("\x01\x02\x03\x05")
"""Where a text has one of these, it can read as its end and a key, or a parameter, after it"""


def ambiguity(value: Any, of: Type) -> str | None:
    """Why the bytes of a value may be those of another one, as words; None if they are its own.

    The format has no lengths: a control character can read as the start of the next value, and a
    dictionary ends where the one around it goes on.

    Args:
        value: What a parameter was given.
        of: The type of the parameter.
    """
    if of.deep and isinstance(value, dict) and _has_empty(value) and list(value.values()) != [{}]:
        return "an empty dictionary can make its identifier that of one that is nested differently"
    return _ambiguity(value, mixed=of.mixed)


def _ambiguity(value: Any, *, mixed: bool) -> str | None:
    if isinstance(value, str):
        if value.isprintable() or _TAGS.isdisjoint(value):
            return None
        return f"the control characters of {value!r} can make its identifier that of another value"
    if isinstance(value, dict):
        if mixed and any(isinstance(item, dict) and (item or len(value) > 1) for item in value.values()):
            return "a dictionary in a dictionary can have the identifier of one that is nested differently"
        value = (*value, *value.values())
    elif not isinstance(value, (list, set)):
        return None
    for item in value:
        if item.isprintable() if type(item) is str else type(item) in _PLAIN:
            continue
        why = _ambiguity(item, mixed=mixed)
        if why is not None:
            return why
    return None


def _has_empty(value: dict[Any, Any]) -> bool:
    return any(isinstance(item, dict) and (not item or _has_empty(item)) for item in value.values())


def without_identifier(value: Any) -> str | None:
    """What in a value has no place in an identifier, as words; None if all has."""
    if value is None or isinstance(value, (str, int, float, Enum, Configuration)):
        return None
    if isinstance(value, (list, set)):
        return next((reason for reason in map(without_identifier, value) if reason), None)
    if isinstance(value, dict):
        if len({str if isinstance(key, str) else float for key in value}) > 1:
            return "a dictionary with keys of several types"
        if any(isinstance(key, Configuration) for key in value):
            return "a dictionary with configurations as keys"
        inner = (*value.keys(), *value.values())
        return next((reason for reason in map(without_identifier, inner) if reason), None)
    return "a tuple" if isinstance(value, tuple) else "a path in a container or in Any"
