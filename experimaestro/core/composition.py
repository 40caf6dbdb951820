"""`a @ b`: gives `b` to the one parameter of `a` that accepts it."""

from types import CodeType
from typing import Any

from experimaestro.core.arguments import Argument
from experimaestro.core.base import Configuration, place
from experimaestro.core.containers import OptionalType
from experimaestro.core.problems import Mismatch, short
from experimaestro.core.references import AnyType, ConfigType
from experimaestro.core.versions import version
from experimaestro.exceptions import ConfigurationError


def compose(outer: Any, inner: Any, where: tuple[CodeType | None, int]) -> Any:
    """Sets the single parameter of a configuration whose type accepts another.

    Args:
        outer: The configuration.
        inner: The other one.
        where: The user's code and the instruction in it, for errors.

    Returns:
        The outer one.

    Raises:
        ConfigurationError: No parameter accepts it, or several do.
    """
    declaration = outer.__xpm__.declaration
    if not isinstance(inner, Configuration):
        raise ConfigurationError(
            f"{declaration.name}.C(...) @ {short(inner)}: expected a configuration on the right, Cls.C(...) "
            f"({place(*where)})"
        )
    fitting = [argument for argument in declaration.arguments.values() if _fits(argument, inner)]
    what = inner.__xpm__.declaration.name
    if not fitting:
        raise ConfigurationError(f"No parameter in {declaration.name} accepts type {what} ({place(*where)})")
    if len(fitting) > 1:
        names = ", ".join(argument.name for argument in fitting)
        raise ConfigurationError(
            f"Ambiguous composition: parameters [{names}] of {declaration.name} accept type {what} "
            f"({place(*where)}). "
            f"Name one: {declaration.name}.C({fitting[0].name}=...)"
        )
    name = fitting[0].name
    outer._xpm_assign({name: inner}, f"{declaration.name}.{name} = ...", where)  # noqa: SLF001 - our own
    return outer


def _fits(argument: Argument, inner: Configuration) -> bool:
    of = argument.type.of if isinstance(argument.type, OptionalType) else argument.type
    if argument.read_only or isinstance(of, AnyType) or not of.references:
        return False
    if isinstance(of, ConfigType):
        cls = type(inner)
        return of.of in cls.__mro__ or version(cls, of.of) is not None  # an edited one is told when it is set
    try:
        return of.check(inner) is inner
    except Mismatch:
        return False
