"""The module that a job gets of the notebook.

Rules: a statement comes after those that it needs to run; a class whose objects the job makes must still be
what its name stands for. The module says at its end which versions of the classes it has, so that what a job
writes can say so too.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from experimaestro.core.base import Configuration, Declares
from experimaestro.core.cells.closure import Closure, closure, current, earlier, identity, needs
from experimaestro.core.cells.definitions import Definition, value_class
from experimaestro.core.references import AnyType
from experimaestro.core.source import CODES, is_of_notebook
from experimaestro.core.versions import is_same
from experimaestro.exceptions import DefinitionError, SubmissionError

_HEADER = '"""Classes that were defined in a notebook, and what they use of it. Made for this job."""\n'


class Module(NamedTuple):
    """Classes of the notebook, and all that they reach."""

    text: str
    codes: Mapping[str, str]
    """The identities of the classes in it that files name, by their names"""


class Shipped(NamedTuple):
    """What a job gets of the notebook."""

    classes: frozenset[type]
    """All whose objects it makes"""
    module: Module

    @property
    def source(self) -> str:
        """The text of the module."""
        return self.module.text


def shipped(order: Iterable[Configuration], used: Iterable["Shipped | None"]) -> "Shipped | None":
    """What a job needs of the notebook; None if nothing.

    Args:
        order: The configurations of the job.
        used: What the jobs got that it uses.

    Raises:
        SubmissionError: A class is not any more what its name stands for.
        DefinitionError: A class reaches what no module can hold.
    """
    order = list(order)
    _check_sealed(order)
    classes = {cls for config in order for cls in _classes(config) if is_of_notebook(cls)}
    classes.update(cls for one in used if one is not None for cls in one.classes)
    if not classes:
        return None
    for cls in classes:
        _check_current(cls)
    return Shipped(frozenset(classes), module({current(cls) for cls in classes}))


def _check_sealed(order: Iterable[Configuration]) -> None:
    """Refuses what has its identity from code that the job would not get any more."""
    infos = (config.__xpm__ for config in order)
    for declaration, code in {(one.declaration, one.sealed_code) for one in infos if one.sealed}:
        if code is not None and code != declaration.code:
            raise SubmissionError(
                f"`{declaration.name}`, or what it uses, was changed since this object was sealed "
                "(submitted, or made an instance); make it again"
            )


def _classes(config: Configuration) -> Iterator[type]:
    declaration = config.__xpm__.declaration
    yield declaration.cls
    registered = value_class(declaration.cls)
    if registered is not None:
        yield registered
    for argument in declaration.arguments.values():
        if isinstance(argument.type, AnyType):
            yield from _enumerations(config.__dict__.get(argument.name))


def _enumerations(value: Any) -> Iterator[type]:
    """The classes of the members of enumerations in a value."""
    if isinstance(value, Enum):
        yield type(value)
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _enumerations(pair)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from _enumerations(item)


def _check_current(cls: type) -> None:
    found = current(cls)
    if is_same(cls, found):
        return
    name = cls.__qualname__
    if found is None:
        raise SubmissionError(f"`{name}` is not defined any more: run its cell again")
    if not isinstance(found, type):
        raise SubmissionError(
            f"`{name}` stands for a {type(found).__name__} now, and no more for the class: give one of them "
            "another name"
        )
    raise SubmissionError(f"`{name}` was redefined since this object was made; make it again")


_modules: dict[frozenset[Closure], Module] = {}
"""The modules that were made, of the last few sets of classes"""


def module(classes: Iterable[type]) -> Module:
    """The module with classes, and all that they reach."""
    closures = frozenset(closure(cls) for cls in classes)
    if closures not in _modules:
        if len(_modules) >= 64:
            _modules.clear()
        definitions = {name: one for each in closures for name, one in each.definitions.items()}
        codes = {
            cls.__qualname__: identity(cls) for one in definitions.values() for cls in _in_files(one.value)
        }
        _modules[closures] = Module(_text(definitions, codes), codes)
    return _modules[closures]


def _in_files(value: Any) -> Iterator[type]:
    """The classes of the notebook in a value that files may name."""
    if not isinstance(value, type) or not is_of_notebook(value) or issubclass(value, Configuration):
        return
    if issubclass(value, (Declares, Enum)):
        yield value
    for inner in vars(value).values():
        if isinstance(inner, type) and inner.__qualname__.startswith(f"{value.__qualname__}."):
            yield from _in_files(inner)


def _text(definitions: Mapping[str, Definition], codes: Mapping[str, str]) -> str:
    imports = {line for one in definitions.values() for line in one.imports}
    parts = [_HEADER]
    if any(one.postponed for one in definitions.values()):
        parts.append("from __future__ import annotations\n")
    if imports:
        parts.append("".join(f"{line}\n" for line in sorted(imports)))
    values: list[str] = []
    for one in _in_order(definitions):
        if one.is_code:
            parts += ["".join(values)] if values else []
            values = []
            parts.append(f"\n{one.text}\n")
        elif one.text:
            values.append(f"{one.text}\n")
    parts += ["".join(values)] if values else []
    table = "".join(f"    {name!r}: {code!r},\n" for name, code in sorted(codes.items()))
    parts.append(f"\n{CODES} = {{\n{table}}}\n")
    return "\n".join(parts)


def _in_order(definitions: Mapping[str, Definition]) -> list[Definition]:
    """Definitions, each after those that it needs to run."""
    ordering = _Ordering(definitions)
    for name in sorted(definitions, key=lambda one: (definitions[one].is_code, one)):  # values first
        ordering.visit(name)
    return ordering.order


class _Ordering:
    """What a definition needs to run comes before it; what is only called then, where that is possible."""

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self.order: list[Definition] = []
        self._definitions = definitions
        self._started: set[str] = set()
        self._open: set[str] = set()
        self._before = {
            name: [use.name for use in one.uses if use.when == "defined" and use.name in definitions]
            for name, one in definitions.items()
        }

    def visit(self, name: str) -> None:
        """Adds a definition, after those that it uses."""
        if name in self._started:
            return
        self._started.add(name)
        self._open.add(name)
        for one in self._before[name]:
            if one in self._open:
                raise DefinitionError(earlier(name, one))
            self.visit(one)
        self._visit_called(name)
        self._open.remove(name)
        self.order.append(self._definitions[name])
        self._visit_called(name)

    def _visit_called(self, name: str) -> None:
        for use in needs(self._definitions[name]):
            if use.name in self._definitions and not self._is_waiting(use.name):
                self.visit(use.name)

    def _is_waiting(self, name: str) -> bool:
        """Whether a definition needs one to run that waits for others itself."""
        met, pending = {name}, [name]
        while pending:
            for one in self._before[pending.pop()]:
                if one in self._open:
                    return True
                if one not in met:
                    met.add(one)
                    pending.append(one)
        return False
