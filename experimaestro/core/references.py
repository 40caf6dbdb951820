"""The types whose values are configurations: of one class, or `Any`, which takes them as well."""

from enum import Enum
from typing import Any

from experimaestro.core.base import Configuration, Declares
from experimaestro.core.containers import check_at, sealed
from experimaestro.core.problems import Mismatch, short
from experimaestro.core.scalars import Type, checked_range, checked_text, named, unwrapped
from experimaestro.core.tags import Tagged
from experimaestro.core.versions import is_same, loaded_again, redefined, version


class ConfigType(Type):
    """A configuration of a class or of one below it; a task once submitted."""

    references = True

    def __init__(self, of: type[Declares]) -> None:
        self.of = of
        self.name = of.__name__
        self.text = f"a configuration of {of.__name__}"
        self.example = f"{of.__name__}.C(...)"

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        if not isinstance(value, Configuration):
            raise refused_object(value) or self.mismatch(value)
        if self.of not in type(value).__mro__:
            self._check_again(value)
        return usable(value)

    def _check_again(self, value: Configuration) -> None:
        """Raises unless its class is this one, made again by a cell of a notebook that was run again."""
        found = version(type(value), self.of)
        if found is None:
            raise loaded_again(type(value), self.of) or self.mismatch(value)
        if not is_same(found, self.of):
            raise redefined(found, self.of)


def refused_object(value: Any) -> Mismatch | None:
    """What to say when an object or a class stands where a configuration should; None if neither does."""
    if isinstance(value, type) and issubclass(value, Declares):
        name = value.__qualname__.removesuffix(".XPMConfig").rpartition(".")[2]  # of `Model` or of `Model.C`
        return Mismatch(f"got the class {name}", hint=f"Use {name}.C(...)")
    if isinstance(value, Declares):
        name = type(value).__name__
        return Mismatch(
            f"got an instance of {name} where a configuration is expected", hint=f"Use {name}.C(...)"
        )
    return None


def usable(value: Configuration) -> Configuration:
    """A configuration that may be used by another: a task only once submitted."""
    info = value.__xpm__
    if info.key is None and info.declaration.is_task:
        name = info.declaration.name
        raise Mismatch(
            f"the task {name} (made at {info.made_at}) must be submitted before another task uses it",
            hint=f"Submit it first: {name}.C(...).submit()",
        )
    return value


DEEPEST = 50
"""How deep lists and dictionaries may be nested in a value of `Any`"""


class AnyType(Type):
    """`Any`: whatever can be written down as JSON and read back."""

    text, name = "any value that JSON can hold", "Any"
    references = True
    container = True
    unhashable = True
    confusable = True
    is_dictionary = True
    mixed = True

    def check(self, value: Any) -> Any:
        """See `Type.check`."""
        return self._checked(value, 0)

    def _checked(self, value: Any, depth: int) -> Any:
        if isinstance(value, str) and not isinstance(value, Enum):
            return value if value.isascii() else checked_text(value)
        if isinstance(value, Enum):
            return named(value)
        if value is None or isinstance(value, (float, bool)):
            return value
        if isinstance(value, int):
            return checked_range(value)
        if isinstance(value, Configuration):
            return usable(value)
        if isinstance(value, (list, dict, set, tuple)):
            return self._container(value, depth + 1)
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> Any:
        """What is wrapped, or a path; anything else is refused."""
        bare = unwrapped(value)
        if bare is not value:
            return self._checked(bare, depth)
        refused = refused_object(value)
        if refused is not None:
            raise refused
        from pathlib import PurePath  # a job without paths does not need it

        if isinstance(value, PurePath):
            return value
        if isinstance(value, Tagged):
            raise self.mismatch(value)
        raise Mismatch(
            f"a job cannot get {short(value)}: a {type(value).__name__} is not written as JSON",
            hint="Use numbers, strings, lists, dictionaries or configurations",
        )

    def _container(self, value: Any, depth: int) -> Any:
        if depth > DEEPEST:
            raise Mismatch(f"the value is nested more than {DEEPEST} deep, or contains itself")

        def check(item: Any) -> Any:
            return self._checked(item, depth)

        if isinstance(value, list):
            return [check_at(check, item, f"[{position}]") for position, item in enumerate(value)]
        if isinstance(value, set):
            return {sealed(check(item)) for item in value}
        if isinstance(value, tuple):
            return tuple(check(item) for item in value)
        return {
            check_at(check, key, f" (key {short(key)})"): check_at(check, item, f"[{short(key)}]")
            for key, item in value.items()
        }
