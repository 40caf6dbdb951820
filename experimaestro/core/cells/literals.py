"""Plain values as the Python text that makes them again.

Rule: a value is plain if its text says all of it: numbers, texts, containers of such, and the few objects
that are known by a name or a text of their own (a path, a pattern, a logger, a type, a type variable).
The text is the same in every process.
"""

import enum
import inspect
import logging
import math
import pathlib
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any

from experimaestro.core.arguments import ParamGroup

DEEPEST = 50
"""How deep containers may be nested"""


class NotPlain(Exception):  # noqa: N818 - never leaves this package
    """A value has no text that makes it again."""


class Writer:
    """Writes values, and notes the modules that the texts need.

    Args:
        name_of: The name that a class of the notebook has there; raises `NotPlain` if it has none.
    """

    def __init__(self, name_of: Callable[[Any], str]) -> None:
        self.modules: set[str] = set()
        self._name_of = name_of
        self._open: set[int] = set()
        """The containers around the one that is written, by `id`"""

    def text(self, value: Any, depth: int = 0) -> str:  # noqa: C901 - one branch for each kind of value
        """The text of a value.

        Raises:
            NotPlain: It has none.
        """
        kind = type(value)
        if value is None or value is Ellipsis or kind in {bool, int, str, bytes}:
            return repr(value)
        if kind is float:
            return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
        if kind in {complex, range}:
            return repr(value)
        if kind in {list, tuple, dict, set, frozenset}:
            if depth > DEEPEST or id(value) in self._open:
                raise NotPlain
            self._open.add(id(value))
            text = self._container(value, depth + 1)
            self._open.remove(id(value))
            return text
        if isinstance(value, enum.Enum):
            return f"{self._class(kind)}.{value.name}"
        if isinstance(value, pathlib.PurePath):
            return f"{self._class(kind)}({str(value)!r})"
        if kind is re.Pattern:
            self.modules.add("re")
            return f"re.compile({value.pattern!r}, {int(value.flags)})"
        if kind is logging.Logger:
            self.modules.add("logging")
            return f"logging.getLogger({value.name!r})"
        if isinstance(value, ParamGroup):
            self.modules.add("experimaestro")
            return f"experimaestro.param_group({value.name!r})"
        return self._type(value, depth + 1)

    def call(self, value: Any) -> str:
        """The text of the call that makes a type: a named tuple, an enumeration, a `NewType`.

        Raises:
            NotPlain: No call makes it.
        """
        if isinstance(value, typing.NewType):
            of = self._type(value.__supertype__, 1)
            return f"{self._of('typing', 'NewType')}({value.__name__!r}, {of})"
        if not isinstance(value, type) or len(value.__bases__) != 1:
            raise NotPlain
        (base,) = value.__bases__
        if base is tuple and hasattr(value, "_fields"):
            return self._named_tuple(value)
        if issubclass(value, enum.Enum) and home_of(base) is not None:
            members = {name: member.value for name, member in value.__members__.items()}
            return f"{self._class(base)}({value.__name__!r}, {self.text(members)})"
        raise NotPlain

    def _named_tuple(self, value: Any) -> str:
        name, fields, defaults = value.__name__, value._fields, value._field_defaults
        types_of = inspect.get_annotations(value)
        if types_of:
            pairs = ", ".join(f"({one!r}, {self._type(of, 1)})" for one, of in types_of.items())
            return f"{self._of('typing', 'NamedTuple')}({name!r}, [{pairs}])"
        given = f", defaults={self.text(list(defaults.values()))}" if defaults else ""
        return f"{self._of('collections', 'namedtuple')}({name!r}, {list(fields)!r}{given})"

    def _container(self, value: Any, depth: int) -> str:
        if isinstance(value, dict):
            pairs = (f"{self.text(key, depth)}: {self.text(item, depth)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        items = [self.text(item, depth) for item in value]
        if isinstance(value, list):
            return f"[{', '.join(items)}]"
        if isinstance(value, tuple):
            return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
        items.sort()
        inner = f"{{{', '.join(items)}}}" if items else "set()"
        return inner if isinstance(value, set) else f"frozenset({inner})"

    def _type(self, value: Any, depth: int) -> str:
        """The text of a type, as it stands in annotations."""
        if depth > DEEPEST:
            raise NotPlain
        origin, inner = typing.get_origin(value), typing.get_args(value)
        if isinstance(value, typing.TypeVar):
            return self._variable(value, depth)
        name = getattr(value, "__name__", "")
        if getattr(typing, name, None) is value:  # `List` without brackets, whose origin is `list`
            return self._of("typing", name)
        if origin is None:
            if isinstance(value, typing.ForwardRef):
                return repr(value.__forward_arg__)
            if isinstance(value, type):
                return self._class(value)
            raise NotPlain
        if origin is typing.Union or origin is types.UnionType:
            return f"{self._of('typing', 'Union')}[{self._types(inner, depth)}]"
        if origin is typing.Literal:
            return f"{self._of('typing', 'Literal')}[{', '.join(self.text(one, depth) for one in inner)}]"
        if isinstance(origin, type) and origin.__module__ != "typing":
            return f"{self._class(origin)}[{self._types(inner, depth) or '()'}]"
        raise NotPlain

    def _types(self, inner: Iterable[Any], depth: int) -> str:
        return ", ".join(
            f"[{self._types(one, depth)}]"
            if isinstance(one, list)
            else "..."
            if one is Ellipsis
            else self._type(one, depth + 1)
            for one in inner
        )

    def _variable(self, variable: typing.TypeVar, depth: int) -> str:
        parts = [repr(variable.__name__), *(self._type(one, depth) for one in variable.__constraints__)]
        if variable.__bound__ is not None:
            parts.append(f"bound={self._type(variable.__bound__, depth)}")
        parts += [
            f"{name}=True" for name in ("covariant", "contravariant") if getattr(variable, f"__{name}__")
        ]
        return f"{self._of('typing', 'TypeVar')}({', '.join(parts)})"

    def _class(self, cls: Any) -> str:
        if cls is type(None):
            return "None"
        if cls.__module__ == "builtins":
            return str(cls.__qualname__)
        if home_of(cls) is None:
            return self._name_of(cls)
        return self._of(cls.__module__, cls.__qualname__)

    def _of(self, module: str, name: str) -> str:
        self.modules.add(module)
        return f"{module}.{name}"


def home_of(value: Any) -> tuple[str, str] | None:
    """The module and the name under which another process finds a class or a function; None if none does."""
    module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str) or module == "__main__":
        return None
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return (module, qualname) if found is value else None
