"""Copies of configurations that can change again.

Rules: a copy has no tags, no job and no generated paths; submitted tasks inside, what they made, and the
elements of sets are used, not copied: each is what it is because it does not change.
"""

import sys
from typing import Any, TypeVar

from experimaestro.core.base import Configuration, Information, plain
from experimaestro.core.frozen import thawed
from experimaestro.core.problems import information
from experimaestro.core.walk import children, collect, postorder

ConfigT = TypeVar("ConfigT")


def clone(value: Any) -> Any:
    """A deep copy of a value: of lists, dictionaries, and the configurations in them."""
    roots: list[Configuration] = []
    collect(value, roots)
    if not roots:
        return thawed(value)
    first = value if isinstance(value, Configuration) else None
    kept = _in_sets(value)

    def is_copied(config: Configuration) -> bool:
        return config is first or (config.__xpm__.task is None and id(config) not in kept)

    def inner(config: Configuration) -> list[Configuration]:
        if not is_copied(config):
            return []
        for name in config.__xpm__.declaration.references:
            kept.update(_in_sets(config.__dict__.get(name)))
        return children(config)

    order = [one for one in postorder(roots, inner) if is_copied(one)]
    copies = {id(one): _bare(one) for one in order}
    for one in order:
        values = copies[id(one)].__dict__
        for argument in one.__xpm__.declaration.arguments.values():
            if argument.generator is not None:
                values[argument.name] = None
            elif argument.name in one.__dict__:
                values[argument.name] = plain(
                    one.__dict__[argument.name], lambda config: copies.get(id(config), config)
                )
    return plain(value, lambda config: copies.get(id(config), config))


def copyconfig(config: ConfigT, **changes: Any) -> ConfigT:
    """A copy of a configuration that shares what the first one uses, with some parameters changed.

    Args:
        config: The configuration; a submitted task or one of its outputs gives a copy that is neither.
        **changes: Parameters with their new values.

    Returns:
        A configuration that can change, without generated paths.

    Raises:
        ConfigurationError: A change is wrong; or what is shared has paths in the folder of a job.
    """
    frame = sys._getframe(1)  # noqa: SLF001 - the user's line, for errors
    info = information(config, "copyconfig({})")
    copy: Any = _bare(info.owner)
    values = copy.__dict__
    for argument in info.declaration.arguments.values():
        if argument.generator is not None:
            values[argument.name] = None
        elif argument.name in config.__dict__:
            values[argument.name] = thawed(config.__dict__[argument.name])
    what = f"copyconfig({info.declaration.name}, ...)"
    copy._xpm_assign(changes, what, (frame.f_code, frame.f_lasti))  # noqa: SLF001 - our own
    return copy  # type: ignore[no-any-return] # of the class of `config`


def _bare(config: Configuration) -> Configuration:
    """A configuration without values, of the same class, made at the same place."""
    new: Any = object.__new__(type(config))
    old = config.__xpm__
    info = Information(new, old.declaration, old.code, old.instruction)
    if old.meta is not None:
        info.meta = old.meta
    if old.bindings:
        info.bindings = old.bindings
    info.given, info.assigned = old.given, old.assigned
    new.__dict__["__xpm__"] = info
    return new  # type: ignore[no-any-return] # what `type(config)` makes


def _in_sets(value: Any) -> set[int]:
    """The configurations in sets of a value, by `id`."""
    if isinstance(value, set):
        found: list[Configuration] = []
        collect(value, found)
        return {id(config) for config in found}
    if isinstance(value, (list, tuple)):
        return {key for item in value for key in _in_sets(item)}
    if isinstance(value, dict):
        return {key for item in value.values() for key in _in_sets(item)}
    return set()
