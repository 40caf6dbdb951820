"""What a class declares, compiled once at its first use.

Rules: annotations are resolved (`annotations`) when the class is first used, so that classes may name
each other; everything that runs for each object (defaults, checks, bytes of the
identifier) is laid out here as tuples and dictionaries; nothing looks at a configuration.
"""

import sys
import typing
import warnings
from collections.abc import Mapping
from typing import Any

from experimaestro.core.arguments import (
    UNSET,
    Argument,
    Choices,
    DataMark,
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
from experimaestro.core.containers import OptionalType
from experimaestro.core.deprecation import DeprecatedParameter, conversion, deprecation_of
from experimaestro.core.generics import fixed
from experimaestro.core.identifier import Identifier, ambiguity, without_identifier
from experimaestro.core.objects.annotations import resolved_annotation, substituted
from experimaestro.core.objects.hooks import hooks_of
from experimaestro.core.problems import Mismatch, short
from experimaestro.core.references import ConfigType
from experimaestro.core.scalars import BoolType, ChoicesType, Type
from experimaestro.core.source import Home, home, is_of_notebook
from experimaestro.core.types import is_path, type_of
from experimaestro.core.versions import code, full_name, is_subclass, was_of_notebook
from experimaestro.exceptions import AmbiguityWarning, DefinitionError, LocalClassError


def written_name(cls: type) -> str:
    """The name of a class in identifiers and below `jobs/`, before it is written in lower case."""
    deprecation = deprecation_of(cls)
    if deprecation is not None:
        return written_name(deprecation.target)
    given = getattr(cls, "__xpmid__", None)  # a method is bound to the class
    if isinstance(given, Identifier):
        return repr(given)
    if isinstance(given, str):
        own = cls.__dict__.get("__xpmid__")  # that of a parent is the parent's
        return own if isinstance(own, str) else full_name(cls)
    if given is None:
        return full_name(cls)
    try:
        made = given()
    except Exception as error:  # the user's function, or something that is none
        raise DefinitionError(f"{cls.__qualname__}.__xpmid__ does not work: {error}") from error
    if isinstance(made, str):
        return made
    raise DefinitionError(
        f"{cls.__qualname__}.__xpmid__: expected a str, an Identifier, or a class method that returns a str, "
        f"got {short(made)}"
    )


def _coded(cls: type) -> type | None:
    """The class whose code a class has its identity from: none with a name that the user gave."""
    deprecation = deprecation_of(cls)
    if deprecation is not None:
        return _coded(deprecation.target)
    is_notebooks = is_of_notebook(cls) or was_of_notebook(cls)
    return cls if is_notebooks and written_name(cls) == full_name(cls) else None


class Declaration:
    """The parameters of one class, and what was made of them.

    Attributes:
        typename: The name that enters identifiers, and is the first folder below `jobs/`.
        title: First line of the docstring.
        description: The rest of the docstring.
        arguments: The parameters by name, in increasing order.
    """

    def __init__(self, cls: type[Declares]) -> None:
        self.cls = cls
        self.name = cls.__qualname__
        self.is_task = cls._xpm_is_job
        self.prepares = cls._xpm_prepares
        self.is_instance = cls._xpm_is_instance
        self.written_name = written_name(cls)
        """As `typename`, in upper and lower case as the user wrote it"""
        self.typename = _folder_name(self.name, self.written_name.lower())
        self.fixed = fixed(cls)
        """What stands for the type variables of the generic classes above"""
        self.arguments = _arguments(cls, self.fixed)
        self.deprecated = _deprecated(cls)
        self.convert = conversion(cls)
        every = tuple(self.arguments.values())
        self.hashed = tuple(
            one for one in every if one.hashed or (one.generator is None and one.type.references)
        )
        """Parameters that may count: a configuration in an ignored one does when it is marked so"""
        self.is_leaf = self.convert is None and not any(one.type.references for one in every)
        self.variables = tuple(one for one in every if one.type.has_variables)
        self.hash_start = b"\x00" + self.typename.encode()
        self.coded = _coded(cls)
        """The class of a notebook whose code is a part of the identity"""
        self.references = tuple(one.name for one in every if one.type.references)
        self.containers = tuple(one for one in every if one.type.container)
        self.required = tuple(one for one in every if one.required)
        self.generated = tuple(one for one in every if one.generator is not None)
        paths = [one.generator for one in self.generated if isinstance(one.generator, PathGenerator)]
        self.partials = tuple(one.partial for one in paths if one.partial is not None)
        """The folders that it shares with other tasks"""
        settled = [one for one in every if not one.required]
        self.shared = {one.name: None if one.default is UNSET else one.default for one in settled}
        """Values of an object that was given none, and that all objects may share"""
        self.cloned = tuple(
            one for one in settled if isinstance(one.default, (list, dict, set, tuple, Configuration))
        )
        """Parameters whose default is copied for each object"""
        hook: Any = getattr(cls, "__validate__", None)
        self.validate_hook = None if hook is Declares.__validate__ else hook
        self.hooks = hooks_of(cls)
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
    def code(self) -> str | None:
        """Digest of the code of a class of a notebook, as it is now; None for all others.

        It counts as a constant parameter: whoever edits the class has another one.
        """
        return None if self.coded is None else code(self.coded)

    @property
    def identifier(self) -> str:
        """Another name of `typename`."""
        return self.typename

    @property
    def short_name(self) -> str:
        """The last part of `typename`, which the files of a job begin with."""
        return self.typename.rpartition(".")[2]

    def parents(self) -> "list[Declaration]":
        """What the user's classes that it derives from declare."""
        return [
            base.C._xpm_declaration  # type: ignore[attr-defined] # noqa: SLF001 - made by the metaclass
            for base in self.cls.__bases__
            if issubclass(base, Declares) and not base.__module__.startswith("experimaestro.core.")
        ]

    @property
    def title(self) -> str:
        """First line of the docstring."""
        from experimaestro.core.documentation import docstring_of  # not at import, nor in a job

        return docstring_of(self.cls).title

    @property
    def description(self) -> str:
        """The docstring without its first line and without what it says of parameters (`:param lr:`)."""
        from experimaestro.core.documentation import docstring_of  # same

        return docstring_of(self.cls).description


def annotation_text(cls: type, name: str) -> str | None:
    """How a class annotates a name; None if it does not, or says that it is the class's own."""
    for base in cls.__mro__:
        found = getattr(base, "__annotations__", {}).get(name)
        if found is not None:
            text = found.__qualname__ if type(found) is type else str(found).replace("typing.", "")
            return None if "ClassVar" in text else text
    return None


def _folder_name(cls: str, typename: str) -> str:
    """The name of a type, which must be able to name a folder."""
    if typename in {"", ".", ".."} or "/" in typename or not typename.isprintable() or len(typename) > 200:
        raise DefinitionError(
            f"{cls}: {typename!r} cannot name its type, since it names a folder: set __xpmid__ to a "
            "name without '/' and of at most 200 characters"
        )
    return typename


def _deprecated(cls: type) -> dict[str, DeprecatedParameter]:
    """The deprecated parameters of a class and of those above."""
    return {
        name: value
        for base in reversed(cls.__mro__)
        for name, value in vars(base).items()
        if isinstance(value, DeprecatedParameter)
    }


def _arguments(cls: type[Declares], fixed: Mapping[type, Mapping[Any, Any]]) -> dict[str, Argument]:
    if "<locals>" in cls.__qualname__:
        raise LocalClassError(
            f"{cls.__qualname__}: configurations should not be within functions, where no job finds them. "
            "Define the class at the top level of its module"
        )
    found: dict[str, Argument] = {}
    for base in reversed(cls.__mro__):
        if not issubclass(base, Declares) or issubclass(base, Configuration):
            continue
        _warn_of_bare_values(base, found)
        for name, annotation in base.__annotations__.items():
            resolved = resolved_annotation(base, name, annotation)
            if typing.get_origin(resolved) is not typing.Annotated:
                _refuse_inner_mark(base, name, resolved)
                continue
            of, *marks = typing.get_args(resolved)
            of = substituted(of, fixed.get(base, {}))
            if any(isinstance(mark, Mark) for mark in marks):
                if name.startswith("__"):
                    raise DefinitionError(
                        f"{base.__qualname__}.{name}: names with two underscores are Python's and ours"
                    )
                one = _argument(base, name, of, [mark for mark in marks if isinstance(mark, Mark)])
                if name in found:
                    _check_redeclared(base, found[name], one)
                found[name] = one
    return {name: found[name] for name in sorted(found)}


def _warn_of_bare_values(base: type, inherited: Mapping[str, Argument]) -> None:
    """Warns of `lr = 0.1` in a class whose parent declares `lr`: it looks like another default."""
    for name, value in list(vars(base).items()):
        if name in inherited and name not in base.__annotations__ and not hasattr(value, "__get__"):
            one = inherited[name]
            _warn(
                base,
                f"{base.__qualname__}.{name} = {short(value)} has no effect: {name} is a parameter of "
                f"{one.owner.__qualname__ if one.owner else 'a parent'}. Declare it again: {name}: "
                f"{one.kind.value}[{one.type.name}] = field(default={short(value)}, overrides=True)",
                UserWarning,
            )


def _refuse_inner_mark(base: type, name: str, annotation: Any) -> None:
    """Refuses `Optional[Param[int]]`, which looks like a parameter and would be none."""
    pending = list(typing.get_args(annotation))
    while pending:
        one = pending.pop()
        kinds = [mark for mark in getattr(one, "__metadata__", ()) if isinstance(mark, KindMark)]
        if kinds:
            word = kinds[0].kind.value
            raise DefinitionError(
                f"{base.__qualname__}.{name}: {word}[...] stands inside of another annotation. Write it "
                f"outermost: {name}: {word}[Optional[...]]"
            )
        pending.extend(typing.get_args(one))


def _kept_type(base: type, where: str, of: Any, marks: list[Mark]) -> Type:
    """The type of a parameter, restricted to its choices."""
    try:
        names = vars(sys.modules[base.__module__]) if base.__module__ in sys.modules else {}
        counts = not any(isinstance(mark, KindMark) and mark.kind is Kind.META for mark in marks)
        kept = type_of(of, names, counts=counts)
        choices = next((mark.choices for mark in marks if isinstance(mark, Choices)), None)
        return kept if choices is None else ChoicesType(kept, choices)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error}") from None
    except Mismatch as mismatch:
        raise DefinitionError(f"{where}: a choice is wrong: {mismatch.text}") from None


def _argument(base: type, name: str, of: Any, marks: list[Mark]) -> Argument:
    where = f"{base.__qualname__}.{name}"
    kept = _kept_type(base, where, of, marks)
    kinds = list(dict.fromkeys(mark.kind for mark in marks if isinstance(mark, KindMark)))
    if len(kinds) > 1:
        words = " and ".join(one.value for one in kinds)
        raise DefinitionError(f"{where} is {words} at once: leave one of them")
    kind = kinds[0] if kinds else Kind.PARAM
    generator: Generator | None = next(
        (mark.generator for mark in marks if isinstance(mark, GeneratorMark)), None
    )
    text = next((mark.text for mark in marks if isinstance(mark, Help)), None)
    given = base.__dict__.get(name, UNSET)
    options = given if isinstance(given, Field) else None
    default, ignore_default = given, kind is Kind.PARAM and given is not UNSET
    if options is not None:
        default, ignore_default, made = _from_field(where, options, kept)
        generator = made or generator
    elif ignore_default and given is not None:
        _warn(
            base,
            f"{where} = {short(given)}: a bare default is left out of the identifier; write "
            f"field(default=...) to have it in, field(default=..., ignore_default=True) to keep it out",
            DeprecationWarning,
        )
    if default is None:
        default = UNSET
        _check_none(base, f"{where}: {kind.value}", kept, bare=options is None)
    if kind is Kind.CONSTANT and default is UNSET and generator is None:
        raise AssertionError(f"{where}: a Constant needs a value")
    if default is not UNSET:
        try:
            default = kept.check(default)
        except Mismatch as mismatch:
            raise DefinitionError(f"{where}{mismatch.where}: the default is wrong: {mismatch.text}") from None
    argument = Argument(
        name,
        kept,
        kind,
        default=default,
        generator=generator,
        ignored=kind is Kind.META or is_path(kept),
        ignore_default=ignore_default and default is not UNSET and kind is not Kind.CONSTANT,
        ignore_generated=options is not None and options.ignore_generated,
        optional=isinstance(kept, OptionalType),
        data=any(isinstance(mark, DataMark) for mark in marks),
        groups=frozenset() if options is None else options.groups,
        overrides=options is not None and options.overrides,
        owner=base,
        note=text,
    )
    if default is not UNSET and not argument.ignore_default:
        _check_identity(base, argument, where)
    return argument


def _check_identity(base: type, argument: Argument, where: str) -> None:
    """Refuses a default that no identifier can have, and warns of one whose identifier others have."""
    reason = without_identifier(argument.default) if argument.unhashable else None
    if reason is not None:
        raise DefinitionError(
            f"{where}: the default is wrong: {reason} cannot be part of an identifier. Declare "
            f"Meta[{argument.type.name}], or leave the default out: field(default=..., ignore_default=True)"
        )
    why = ambiguity(argument.default, argument.type) if argument.confusable else None
    if why is not None:
        _warn(base, f"{where}: the default is ambiguous: {why}", AmbiguityWarning)


def _warn(base: type, text: str, category: type[Warning]) -> None:
    """Warns at the line where a class was defined."""
    file, line = vars(base).get("_xpm_defined_at", ("", 0))
    warnings.warn_explicit(text, category, file or "unknown", line, module=base.__module__)


def _from_field(where: str, options: Field, kept: Type) -> tuple[Any, bool, Generator | None]:
    """The default, whether an equal value is left out of the identifier, and the generator."""
    ignore = options.ignore_default
    if options.default_factory is not UNSET:
        factory = options.default_factory
        if isinstance(factory, PathGenerator):
            return UNSET, False, factory
        try:
            return factory(), ignore is True, None
        except Exception as error:  # the user's function, or something that is none
            raise DefinitionError(f"{where}: its default_factory does not work: {error}") from error
    if options.default is not UNSET:
        return options.default, ignore is True, None
    if ignore is True and not isinstance(kept, BoolType):
        raise DefinitionError(
            f"{where}: ignore_default=True needs a default: field(default=..., ignore_default=True)"
        )
    return ignore, ignore is not UNSET, None


def _check_none(base: type, declared: str, kept: Type, *, bare: bool) -> None:
    if not isinstance(kept, OptionalType):
        written = "None" if bare else "field(default=None)"
        file, line = vars(base).get("_xpm_defined_at", ("", 0))
        warnings.warn_explicit(
            f"{declared}[{kept.name}] = {written} has no default: declare Optional[{kept.name}]",
            UserWarning,
            file or "unknown",
            line,
            module=base.__module__,
        )


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
        return isinstance(child, ConfigType) and is_subclass(child.of, parent.of)
    return parent.name == child.name
