"""Type variables: parameters that take anything, as long as those of one variable agree.

Rules: a class that fixes a variable (`class Ints(Holder[int])`) has the parameter of that type; one
that leaves it free takes any value within the bound, and the values of all parameters with the same
variable must have comparable classes, which is looked at for the configuration as a whole.
"""

import typing
from collections.abc import Iterator, Mapping
from typing import Any

from experimaestro.core.arguments import Argument
from experimaestro.core.base import Configuration, Declares
from experimaestro.core.problems import Mismatch, Problem, short
from experimaestro.core.references import AnyType, ConfigType
from experimaestro.core.scalars import Type
from experimaestro.core.versions import is_subclass, redefined, version
from experimaestro.exceptions import VariableError


class VariableType(AnyType):
    """A type variable: anything within its bound.

    Args:
        variable: The variable.
        bounds: The types of its bound, or of its constraints; empty if it has none.
    """

    has_variables = True

    def __init__(self, variable: typing.TypeVar, bounds: list[Type]) -> None:
        self.variable = variable
        self.name = variable.__name__
        self.bounds = bounds
        self.text = " or ".join(bound.text for bound in bounds) or AnyType.text
        self.classes = tuple(cls for bound in bounds for cls in bound.classes)

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not self.bounds:
            return super().check(value)
        for bound in self.bounds:
            try:
                return bound.check(value)
            except Mismatch as mismatch:  # noqa: PERF203 - the question is which of them raises
                if mismatch.hint:
                    raise
        raise Mismatch(f"expected {self.text} (the bound of {self.name}), got {short(value)}")

    def bound_in(self, value: Any) -> Iterator[tuple[typing.TypeVar, type]]:
        """See `Type.bound_in`."""
        yield self.variable, class_of(value)


class GenericType(ConfigType):
    """`G[X]`: a configuration of `G` whose variables stand for what is asked for."""

    def __init__(self, alias: Any) -> None:
        of: type[Declares] = typing.get_origin(alias)
        super().__init__(of)
        self.arguments = typing.get_args(alias)
        names = ", ".join(getattr(one, "__name__", str(one)) for one in self.arguments)
        self.name = f"{of.__name__}[{names}]"
        self.text = f"a configuration of {self.name}"
        self.has_variables = any(isinstance(one, typing.TypeVar) for one in self.arguments)

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        kept = super().check(value)
        for variable, wanted, found in self._bound(kept):
            if found is Any or wanted is Any:  # a class from Python 3.11 on
                continue
            if found is None or not isinstance(wanted, type) or not isinstance(found, type):
                continue
            if not is_subclass(found, wanted):
                if (other := version(found, wanted)) is not None:
                    raise redefined(other, wanted)
                raise Mismatch(
                    f"expected {self.text}, got a {kept.__xpm__.declaration.name} whose "
                    f"{variable.__name__} is {found.__name__}"
                )
        return kept

    def bound_in(self, value: Any) -> Iterator[tuple[typing.TypeVar, type]]:
        """See `Type.bound_in`."""
        for _, wanted, cls in self._bound(value):
            if isinstance(wanted, typing.TypeVar) and isinstance(cls, type):
                yield wanted, cls

    def _bound(self, value: Any) -> Iterator[tuple[typing.TypeVar, Any, Any]]:
        """Each variable, what is asked for, and what it stands for in a configuration."""
        cls = type(value)
        of = self.of if self.of in cls.__mro__ else version(cls, self.of)  # its cell may have run again
        bound = value.__xpm__.bindings
        for variable, wanted in zip(_variables(of), self.arguments, strict=False):
            yield variable, wanted, bound.get((of, variable))


def _variables(cls: Any) -> tuple[typing.TypeVar, ...]:
    return tuple(getattr(cls, "__parameters__", ()))


def fixed(cls: type) -> dict[type, dict[Any, Any]]:
    """What stands for the variables of each generic class above one, as its bases say."""
    found: dict[type, dict[Any, Any]] = {}
    pending: list[tuple[Any, Mapping[Any, Any]]] = [(cls, {})]
    while pending:
        one, known = pending.pop()
        for base in one.__dict__.get("__orig_bases__", one.__bases__):
            origin = typing.get_origin(base)
            if origin is typing.Generic:
                continue
            if origin is None:
                if isinstance(base, type):
                    pending.append((base, {}))
                continue
            given = [known.get(argument, argument) for argument in typing.get_args(base)]
            values = dict(zip(_variables(origin), given, strict=False))
            found.setdefault(origin, {}).update(values)
            pending.append((origin, values))
    return found


def bindings(config: Configuration) -> dict[tuple[type, Any], Any]:
    """The classes that the variables of a configuration stand for, by class and variable.

    Those of the configurations that it holds are known already, so that nothing recurses.
    """
    declaration = config.__xpm__.declaration
    found = {
        (origin, variable): value
        for origin, values in declaration.fixed.items()
        for variable, value in values.items()
        if not isinstance(value, typing.TypeVar)
    }
    for variable, pairs in _uses(declaration.variables, config.__dict__).items():
        classes = [cls for _, cls in pairs]
        for origin in type(config).__mro__:
            if variable in _variables(origin):
                found.setdefault((origin, variable), classes[0])
    return found


def disagreements(variables: tuple[Argument, ...], values: Mapping[str, Any]) -> Iterator[Problem]:
    """The parameters whose values disagree on what a type variable stands for.

    Args:
        variables: The parameters with variables in their types.
        values: The values of all parameters.
    """
    for variable, pairs in _uses(variables, values).items():
        first, cls = pairs[0]
        for name, other in pairs[1:]:
            if not (is_subclass(cls, other) or is_subclass(other, cls)):
                yield Problem(
                    name,
                    f"{variable.__name__} is {cls.__name__} in {first} and {other.__name__} here: "
                    "give values of comparable classes",
                    VariableError,
                )


def _uses(
    variables: tuple[Argument, ...], values: Mapping[str, Any]
) -> dict[typing.TypeVar, list[tuple[str, type]]]:
    found: dict[typing.TypeVar, list[tuple[str, type]]] = {}
    for argument in variables:
        if values.get(argument.name) is not None:
            for variable, cls in argument.type.bound_in(values[argument.name]):
                found.setdefault(variable, []).append((argument.name, cls))
    return found


def class_of(value: Any) -> type:
    """The class of a value; of a configuration, that of the user."""
    return value.__xpm__.declaration.cls if isinstance(value, Configuration) else type(value)
