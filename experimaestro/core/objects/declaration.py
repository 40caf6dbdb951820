"""What a class declares, compiled once at its first use.

Rules: annotations are resolved here and nowhere else, when the class is first used, so that classes
may name each other; everything that runs for each object (defaults, checks, bytes of the
identifier) is laid out here as tuples and dictionaries; nothing looks at a configuration.
"""

import sys
import types
import typing
import warnings
from enum import Enum
from typing import Any

from experimaestro.core.arguments import (
    UNSET,
    Argument,
    Field,
    Generator,
    GeneratorMark,
    Help,
    Kind,
    KindMark,
    Mark,
    PathGenerator,
)
from experimaestro.core.base import Configuration, Declares
from experimaestro.core.problems import Mismatch
from experimaestro.core.scalars import Type
from experimaestro.core.source import Home, home
from experimaestro.core.types import ConfigType, OptionalType, is_path, type_of
from experimaestro.exceptions import DefinitionError, LocalClassError

_WORDS = ("Param[", "Meta[", "Option[", "Constant[", "Annotated[")


def typename(cls: type) -> str:
    """The name that enters identifiers and is the first folder below `jobs/`."""
    own = cls.__dict__.get("__xpmid__")
    if isinstance(own, str):
        return own.lower()
    given = getattr(cls, "__xpmid__", None)
    if callable(given):
        return str(given()).lower()
    return f"{cls.__module__}.{cls.__qualname__}".lower()


class Declaration:
    """The parameters of one class, and what was made of them.

    Attributes:
        typename: See `typename`.
        title: First line of the docstring.
        description: The rest of the docstring.
        arguments: The parameters by name, in increasing order.
    """

    def __init__(self, cls: type[Declares]) -> None:
        self.cls = cls
        self.name = cls.__qualname__
        self.is_task = cls._xpm_is_job
        self.typename = typename(cls)
        self.arguments = _arguments(cls)
        every = tuple(self.arguments.values())
        self.hashed = tuple(one for one in every if one.hashed)
        self.hash_start = b"\x00" + self.typename.encode()
        self.references = tuple(one.name for one in every if one.type.references)
        self.containers = tuple(one for one in every if one.type.container)
        self.required = tuple(one for one in every if one.required)
        self.generated = tuple(one for one in every if one.generator is not None)
        settled = [one for one in every if not one.required]
        self.shared = {one.name: None if one.default is UNSET else one.default for one in settled}
        """Values of an object that was given none, and that all objects may share"""
        self.cloned = tuple(
            one for one in settled if isinstance(one.default, (list, dict, set, tuple, Configuration))
        )
        """Parameters whose default is copied for each object"""
        self.validate_hook: Any = getattr(cls, "__validate__", None)
        self._home: Home | None = None

    @property
    def home(self) -> Home:
        """Where a job finds the class.

        Raises:
            DefinitionError: Nowhere, or an enumeration that it uses is nowhere.
        """
        if self._home is None:
            for one in self.arguments.values():
                for cls in one.type.classes:
                    home(cls)
            self._home = home(self.cls)
        return self._home

    @property
    def title(self) -> str:
        """First line of the docstring."""
        return (self.cls.__doc__ or "").strip().partition("\n")[0]

    @property
    def description(self) -> str:
        """The docstring without its first line."""
        _, _, rest = (self.cls.__doc__ or "").strip().partition("\n")
        return "\n".join(line.strip() for line in rest.strip().splitlines())


def _arguments(cls: type[Declares]) -> dict[str, Argument]:
    if "<locals>" in cls.__qualname__:
        raise LocalClassError(
            f"{cls.__qualname__}: configurations should not be within functions, where no job finds them. "
            "Define the class at the top level of its module"
        )
    found: dict[str, Argument] = {}
    for base in reversed(cls.__mro__):
        if not issubclass(base, Declares) or issubclass(base, Configuration):
            continue
        for name, annotation in base.__annotations__.items():
            resolved = _resolved(base, name, annotation)
            if typing.get_origin(resolved) is not typing.Annotated:
                continue
            of, *marks = typing.get_args(resolved)
            if any(isinstance(mark, Mark) for mark in marks):
                one = _argument(base, name, of, [mark for mark in marks if isinstance(mark, Mark)])
                if name in found:
                    _check_redeclared(base, found[name], one)
                found[name] = one
    return {name: found[name] for name in sorted(found)}


def _resolved(base: type, name: str, annotation: Any) -> Any:
    """An annotation without strings; None for a name that is no parameter and does not resolve."""
    holder = type(base.__name__, (), {"__annotations__": {name: _with_references(annotation)}})
    module = sys.modules.get(base.__module__)
    names = {
        base.__name__: base,
        **{key: value for key, value in vars(base).items() if isinstance(value, type)},
    }
    try:
        return typing.get_type_hints(holder, vars(module) if module else {}, names, include_extras=True)[name]
    except (NameError, AttributeError) as error:
        if isinstance(annotation, str) and not any(word in annotation for word in _WORDS):
            return None
        raise DefinitionError(
            f"{base.__qualname__}.{name}: the annotation {annotation!r} does not resolve: {error}. "
            "Import the name at the top level of the module, outside of `if TYPE_CHECKING:`"
        ) from error
    except TypeError as error:
        if isinstance(annotation, str) and not any(word in annotation for word in _WORDS):
            return None
        raise DefinitionError(
            f"{base.__qualname__}.{name}: {annotation!r} is no annotation: {error}"
        ) from error


def _with_references(annotation: Any) -> Any:
    """An annotation where `list["Node"]` is `list[ForwardRef("Node")]`: Python 3.10 resolves only that."""
    if isinstance(annotation, str):
        return annotation
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return typing.Annotated[(_with_references(inner[0]), *inner[1:])]
    if isinstance(annotation, types.GenericAlias):
        return types.GenericAlias(origin, tuple(_reference(one) for one in inner))
    if origin is typing.Union or origin is types.UnionType:
        return typing.Union[tuple(_reference(one) for one in inner)]  # noqa: UP007 - made of a tuple
    return annotation


def _reference(annotation: Any) -> Any:
    return typing.ForwardRef(annotation) if isinstance(annotation, str) else _with_references(annotation)


def _argument(base: type, name: str, of: Any, marks: list[Mark]) -> Argument:
    where = f"{base.__qualname__}.{name}"
    try:
        kept = type_of(of)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error}") from None
    kind = next((mark.kind for mark in marks if isinstance(mark, KindMark)), Kind.PARAM)
    generator: Generator | None = next(
        (mark.generator for mark in marks if isinstance(mark, GeneratorMark)), None
    )
    text = next((mark.text for mark in marks if isinstance(mark, Help)), None)
    given = base.__dict__.get(name, UNSET)
    options = given if isinstance(given, Field) else None
    default, ignore_default = given, kind is Kind.PARAM and given is not UNSET
    if options is not None:
        default, ignore_default, made = _from_field(options)
        generator = made or generator
    elif ignore_default and given is not None:
        file, line = vars(base).get("_xpm_defined_at", ("", 0))
        warnings.warn_explicit(
            f"{where} = {given!r}: a bare default is left out of the identifier; write "
            f"field(default=...) to have it in, field(default=..., ignore_default=True) to keep it out",
            DeprecationWarning,
            file or "unknown",
            line,
            module=base.__module__,
        )
    if default is None:
        default = UNSET
    if kind is Kind.CONSTANT and default is UNSET and generator is None:
        raise AssertionError(f"{where}: a Constant needs a value")
    if default is not UNSET:
        try:
            default = kept.check(default)
        except Mismatch as mismatch:
            raise DefinitionError(f"{where}{mismatch.where}: the default is wrong: {mismatch.text}") from None
    return Argument(
        name,
        kept,
        kind,
        default=default,
        generator=generator,
        ignored=kind is Kind.META or is_path(kept),
        ignore_default=ignore_default and default is not UNSET and kind is not Kind.CONSTANT,
        ignore_generated=options is not None and options.ignore_generated,
        optional=isinstance(kept, OptionalType),
        overrides=options is not None and options.overrides,
        help=text,
    )


def _from_field(options: Field) -> tuple[Any, bool, Generator | None]:
    """The default, whether an equal value is left out of the identifier, and the generator."""
    ignore = options.ignore_default
    if options.default_factory is not UNSET:
        factory = options.default_factory
        if isinstance(factory, PathGenerator):
            return UNSET, False, factory
        return factory(), ignore is True, None
    if options.default is not UNSET:
        return options.default, ignore is True, None
    return ignore, ignore is not UNSET, None


def _check_redeclared(base: type, parent: Argument, child: Argument) -> None:
    where = f"{base.__qualname__}.{child.name}"
    if not _compatible(parent.type, child.type):
        raise DefinitionError(
            f"{where}: {child.type.name} is not compatible with parent type {parent.type.name}"
        )
    if not child.overrides:
        file, line = vars(base).get("_xpm_defined_at", ("", 0))
        warnings.warn_explicit(
            f"{where} redeclares a parameter of a parent class; write field(overrides=True) if it is meant",
            UserWarning,
            file or "unknown",
            line,
            module=base.__module__,
        )


def _compatible(parent: Type, child: Type) -> bool:
    if isinstance(parent, ConfigType):
        return isinstance(child, ConfigType) and issubclass(child.of, parent.of)
    return parent.name == child.name


def value_text(value: Any) -> str:
    """A value as shown in `repr` of a configuration."""
    return str(value) if isinstance(value, Enum) else repr(value)
