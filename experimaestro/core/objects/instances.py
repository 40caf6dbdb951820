"""From configurations to objects of the user's classes.

Rules: children before parents; for each object the class's `__init__` without arguments, then the
parameters as attributes, then `__post_init__`; shared configurations give shared objects. All objects
exist before the first `__init__`, so that cycles can be tied.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experimaestro.core.base import Configuration, plain
from experimaestro.core.objects.sealing import check, seal_alone
from experimaestro.core.problems import short
from experimaestro.core.walk import children, postorder
from experimaestro.exceptions import ConfigurationError


class ObjectStore:
    """Objects made of configurations; calls of `instance` that share one share the objects."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Configuration, Any]] = {}

    def get(self, config: Configuration) -> Any:
        """The object made of a configuration; None if there is none."""
        known = self._made.get(id(config))
        return None if known is None else known[1]

    def add(self, config: Configuration, instance: Any) -> None:
        """Keeps an object, and the configuration with it."""
        self._made[id(config)] = (config, instance)

    def forget(self, configs: Iterable[Configuration]) -> None:
        """Gives up objects that could not be completed."""
        for config in configs:
            self._made.pop(id(config), None)


def make_instance(config: Configuration, context: Any, objects: ObjectStore | None, *, keep: bool) -> Any:
    """See `Config.instance`."""
    store = ObjectStore() if objects is None else objects
    if not isinstance(store, ObjectStore):
        raise ConfigurationError(f"instance(objects={short(objects)}): expected an ObjectStore")
    frame = sys._getframe(2)  # noqa: SLF001 - the user's line, for errors
    what = f"{config.__xpm__.declaration.name}.instance()"
    check([config], what, (frame.f_code, frame.f_lasti))
    seal_alone(config, context)
    order = [one for one in postorder([config], lambda one: _children(one, store)) if store.get(one) is None]
    for one in order:
        store.add(one, object_of(one.__xpm__.declaration.cls))
    shells = [store.get(one) for one in order]
    values = [
        {
            name: plain(one.__dict__[name], store.get)
            for name in one.__xpm__.declaration.arguments
            if name in one.__dict__
        }
        for one in order
    ]
    extra = [{"xpmconfig": one} if keep else {} for one in order]
    try:
        fill(shells, values, extra)
    except BaseException:
        store.forget(order)  # some are half made, and others may hold those
        raise
    return store.get(config)


def object_of(cls: Any) -> Any:
    """An object of a class, or of its value class, before its `__init__`."""
    value = cls.XPMValue
    return value.__new__(value)


def _children(config: Configuration, store: ObjectStore) -> Sequence[Configuration]:
    return children(config) if store.get(config) is None else ()


def fill(
    shells: Sequence[Any], values: Sequence[Mapping[str, Any]], extra: Sequence[Mapping[str, Any]]
) -> None:
    """Completes objects that were made without `__init__`, in order.

    Args:
        shells: The objects, children first.
        values: For each, its parameters.
        extra: For each, attributes that are not the user's: set around `__init__`.
    """
    for shell, parameters, hidden in zip(shells, values, extra, strict=True):
        cls = type(shell)
        cls.__init__(shell)
        for name, value in hidden.items():
            object.__setattr__(shell, name, value)
        for name, value in parameters.items():
            setattr(shell, name, value)
        shell.__post_init__()
