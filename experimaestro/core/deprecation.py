"""Classes and parameters that have a new form, while results under the old one are still found.

Rules: a deprecated class has the identity of its target, so that its jobs are those of the target;
with `__convert__` the identity is that of the converted configuration. Nothing else in the core knows
why: a declaration says `typename`, `convert`, `replaced` and `deprecated`, and that is all.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from experimaestro.core.base import Configuration, Declares
from experimaestro.exceptions import ConfigurationError


class Deprecation(NamedTuple):
    """What `deprecate` noted on a class."""

    target: Any
    """The class to use"""
    replaces: bool
    """Whether `Old.C(...)` gives a configuration of the target"""


class DeprecatedParameter:
    """A parameter that is set through a function; made by `deprecate` of a method."""

    def __init__(self, function: Callable[[Any, Any], None]) -> None:
        self.function = function
        self.name = function.__name__

    def __set_name__(self, owner: type, name: str) -> None:
        """Learns the name of the parameter."""
        self.name = name

    def __get__(self, config: Any, owner: type | None = None) -> Any:
        """Refuses to read it: only the new parameters have values."""
        if config is None:
            return self
        raise NotImplementedError(f"{self.name} is deprecated: it can be set, not read")

    def assign(self, config: Any, value: Any) -> None:
        """Sets the new parameters from the value of the old one, with a warning in the log."""
        _warn(f"{config.__xpm__.declaration.name}.{self.name} is deprecated ({config.__xpm__.made_at})")
        self.function(config, value)


def deprecate(target: Any = None, *, replace: bool = False) -> Any:
    """Marks a class or a parameter as the old form of another.

    - `@deprecate` on a class: it has the identity of the class that it derives from.
    - `@deprecate(New)` on a class with `__convert__(self)`: it has the identity of the configuration
      of `New` that this makes. With `replace=True`, `Old.C(...)` gives that configuration.
    - `@deprecate` on a method `old(self, value)`: `old` is accepted as a parameter, and calls it.

    Raises:
        AssertionError: The class is deprecated already.
        RuntimeError: The class derives from several, and no target is given.

    Example:
        >>> @deprecate  # doctest: +SKIP
        ... class Model(NewModel):
        ...     pass
    """
    if target is None:
        return lambda cls: _deprecate_class(cls, None, replace=replace)
    if not isinstance(target, type):
        return DeprecatedParameter(target)
    if replace or _is_bound(target, sys._getframe(1).f_locals):  # noqa: SLF001 - the class may be local
        return lambda cls: _deprecate_class(cls, target, replace=replace)
    return _deprecate_class(target, None, replace=False)


def _is_bound(cls: type, names: dict[str, Any]) -> bool:
    """Whether a class has its name already: one that is being decorated has not."""
    if any(value is cls for value in names.values()):
        return True
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is cls


def _deprecate_class(cls: Any, target: Any, *, replace: bool) -> Any:
    if "_xpm_deprecation" in cls.__dict__:
        raise AssertionError(f"Already deprecated: {cls.__qualname__}")
    if target is None:
        parents = [base for base in cls.__bases__ if issubclass(base, Declares)]
        if len(parents) != 1:
            names = ", ".join(base.__qualname__ for base in parents)
            raise RuntimeError(
                f"{cls.__qualname__} derives from {names}: say which replaces it, @deprecate({names})"
            )
        target = parents[0]
        if target.__module__.startswith("experimaestro.core."):
            raise ConfigurationError(
                f"{cls.__qualname__} is deprecated in favour of {target.__qualname__}, which replaces "
                "nothing: derive it from the class that replaces it, or write @deprecate(NewClass)"
            )
    elif not callable(getattr(cls, "__convert__", None)):
        raise ConfigurationError(
            f"{cls.__qualname__} is deprecated in favour of {target.__qualname__}: add the method "
            f"`__convert__(self)` that returns {target.__qualname__}.C(...)"
        )
    type.__setattr__(cls, "_xpm_deprecation", Deprecation(target, replace))
    return cls


def deprecation_of(cls: type) -> Deprecation | None:
    """What was noted on a class itself, not on one that it derives from."""
    found: Deprecation | None = cls.__dict__.get("_xpm_deprecation")
    return found


def conversion(cls: Any) -> Callable[[Configuration], Configuration] | None:
    """How a configuration of a deprecated class becomes one of its target; None if it does not."""
    deprecation = deprecation_of(cls)
    if deprecation is None or not callable(getattr(cls, "__convert__", None)):
        return None

    def convert(config: Any) -> Configuration:
        made = cls.__convert__(config)
        if not isinstance(made, Configuration):
            raise ConfigurationError(
                f"{cls.__qualname__}.__convert__ (of the one made at {config.__xpm__.made_at}) returned "
                f"{made!r}: expected {deprecation.target.__qualname__}.C(...)"
            )
        if made.__xpm__.declaration.cls is cls:
            raise ConfigurationError(
                f"{cls.__qualname__}.__convert__ (of the one made at {config.__xpm__.made_at}) returned "
                f"one of the deprecated class again: expected {deprecation.target.__qualname__}.C(...)"
            )
        return made

    return convert


def replacing(cls: Any, behaviour: Any) -> dict[str, Any]:
    """What makes `Old.C(...)` give a configuration of the target; empty if it does not.

    Args:
        cls: A class.
        behaviour: The class whose `_set_up` fills a configuration.
    """
    deprecation = deprecation_of(cls)
    convert = conversion(cls)
    if deprecation is None or not deprecation.replaces or convert is None:
        return {}

    def new(made: type, /, *args: Any, **given: Any) -> Any:
        frame = sys._getframe(1)  # noqa: SLF001 - the user's line
        old: Any = object.__new__(made)
        behaviour._set_up(old, frame, args, given)  # noqa: SLF001 - its own
        _warn(
            f"{cls.__qualname__} is deprecated: use {deprecation.target.__qualname__} ({old.__xpm__.made_at})"
        )
        config = convert(old)
        info = config.__xpm__
        info.code, info.instruction = frame.f_code, frame.f_lasti
        info.replaced = frozenset(old.__xpm__.declaration.arguments) - frozenset(info.declaration.arguments)
        return config

    return {"__new__": new}


def discard(config: Configuration, name: str) -> None:
    """Says that a parameter of the old class has no effect."""
    _warn(
        f"{name} is no parameter of {config.__xpm__.declaration.name}, which replaced the deprecated class: "
        "the value is discarded"
    )


def _warn(text: str) -> None:
    from logging import getLogger  # only where something is deprecated

    getLogger("experimaestro").warning(text)
