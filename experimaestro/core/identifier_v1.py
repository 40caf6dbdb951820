"""The identifiers of version 1.8, by which its results are found again.

Rules: as in `identifier`, with these differences, all measured on 1.8.3. The name of a type that a user gave
(`__xpmid__`) is written in upper and lower case. A parameter that has its default is left out, however the
default was declared. Init tasks are no part of a task: they are in the name of its folder alone, which is

    sha256(digest(task)  [0c  digest(init task)...])

1.8 had no sets of configurations, no instances, no code of notebooks: what uses them has no such name.
"""

import threading
from weakref import WeakKeyDictionary

from experimaestro.core.arguments import UNSET
from experimaestro.core.base import Configuration, Information
from experimaestro.core.deprecation import deprecation_of
from experimaestro.core.identifier import (
    Entries,
    Frame,
    Walk,
    _append as append_value,  # the bytes of values are the same
    sha256,
)
from experimaestro.core.marks import without_meta
from experimaestro.core.objects.declaration import Declaration


def key_v1(task: Configuration) -> str | None:
    """The folder of a task below `jobs/` in a workspace of version 1.8.

    Args:
        task: A submitted task.

    Returns:
        `<type name>/<64 hex digits>`; None if 1.8 could not have run it.
    """
    walk = _WalkV1()
    digest = walk.digest(task)
    if task.__xpm__.init_tasks:
        digest += b"\x0c" + b"".join(map(walk.digest, task.__xpm__.init_tasks))
    if not walk.is_possible:
        return None
    return f"{_typename(task.__xpm__.declaration)}/{sha256(digest).hex()}"


def _typename(declaration: Declaration) -> str:
    cls: type = declaration.cls
    while (deprecation := deprecation_of(cls)) is not None:
        cls = deprecation.target
    is_given = declaration.written_name != f"{cls.__module__}.{cls.__qualname__}"
    return declaration.written_name if is_given else declaration.typename


_known: "WeakKeyDictionary[Information, bytes]" = WeakKeyDictionary()
"""Digests of submitted tasks, so that those of a long chain cost no more than one walk along it"""

_knowing = threading.Lock()


class _WalkV1(Walk):
    """The walk of identifiers, with other bytes.

    Attributes:
        is_possible: Whether 1.8 knew everything that was met.
    """

    def __init__(self) -> None:
        super().__init__({})
        self.is_possible = True

    def known(self, config: Configuration) -> bytes | None:
        """The digest of a submitted task, once it was computed."""
        with _knowing:
            return _known.get(config.__xpm__) if config.__xpm__.key is not None else None

    def entries(self, config: Configuration) -> Entries:
        """Those of an identifier but for all that have their default."""
        return [
            (argument, value)
            for argument, value in super().entries(config)
            if argument.constant or argument.default is UNSET or without_meta(argument.default) != value
        ]

    def leaf(self, config: Configuration) -> bytes:
        """See `Walk.leaf`."""
        return self.encode(Frame(config, config, self.entries(config)))

    def encode(self, frame: Frame) -> bytes:
        """See `Walk.encode`."""
        info, references = frame.source.__xpm__, frame.references
        declaration = info.declaration
        if declaration.is_instance or declaration.coded is not None or declaration.convert is not None:
            self.is_possible = False
        out = [b"\x00" + _typename(declaration).encode()]
        if info.producer is not None:
            out[0] = b"\x00\x08" + references[id(info.producer)] + out[0][1:]
        for argument, value in frame.entries:
            out.append(argument.prefix)
            append_value(value, references, out)
        digest = sha256(b"".join(out))
        if info.key is not None and frame.config is frame.source and self.is_possible:
            with _knowing:
                _known[info] = digest
        return digest
