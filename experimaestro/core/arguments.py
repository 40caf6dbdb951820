"""How parameters are declared: the words that stand in a class, and what one declaration became.

Rules: the words (`Param[int]`, `field(...)`) keep what they were given and decide nothing; an
`Argument` is made once for each parameter of each class, by `objects.declaration`, and is all that
the rest of the core looks at. For a type checker `Param[int]` is `int`.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import (
    TYPE_CHECKING,
    Annotated as Annotated,  # noqa: PLC0414 - a public name
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    overload,
)

from experimaestro.core.base import Configuration
from experimaestro.core.problems import Mismatch, short
from experimaestro.exceptions import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

    from experimaestro.core.partial import Partial
    from experimaestro.core.scalars import Type

T = TypeVar("T")


class Kind(Enum):
    """What a parameter is to the identifier."""

    PARAM = "Param"
    META = "Meta"
    CONSTANT = "Constant"


class Mark:
    """Base of what may stand in `Annotated[T, ...]` and makes a name a parameter."""


class KindMark(Mark):
    """The word that declared the parameter."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind


class Help(Mark):
    """A line of documentation; made by `help`."""

    def __init__(self, text: str) -> None:
        self.text = text


class DataMark(Mark):
    """A path to data that is copied when the configuration is saved; made by `DataPath`."""


class Choices(Mark):
    """The values that a parameter may have.

    Args:
        choices: The values, each of the type of the parameter.

    Example:
        >>> metric: Annotated[str, Choices(["map", "ndcg"])]
    """

    def __init__(self, choices: Iterable[Any]) -> None:
        try:
            self.choices = tuple(choices)
        except TypeError:
            raise DefinitionError(f"Choices({short(choices)}): expected a list of values") from None


class ParamGroup(NamedTuple):
    """A group of parameters, known by its name; made by `param_group`."""

    name: str


def param_group(name: str) -> ParamGroup:
    """A group of parameters, which a `partial` identifier includes or leaves out.

    Example:
        >>> training = param_group("training")
        >>> class Learn(Task):  # doctest: +SKIP
        ...     epochs: Param[int] = field(groups=[training])
    """
    return ParamGroup(name)


class Generator:
    """Base of what makes a value when the configuration is sealed."""


PathFunction = Callable[[Any, Any], "str | Path"]


class PathGenerator(Generator):
    """A path inside the folder of the job, known once the task is submitted.

    Args:
        path: A relative path, or a function `(context, config) -> path` where `context.path` is
            the folder.
        partial: Puts the path in a folder that tasks share when they agree on a part of their
            parameters, in place of the folder of the job.

    Example:
        >>> class Index(Config):  # doctest: +SKIP
        ...     file: Meta[Path] = field(default_factory=PathGenerator("index.bin"))
    """

    def __init__(self, path: "str | Path | PathFunction" = "", *, partial: "Partial | None" = None) -> None:
        if not (isinstance(path, str) or hasattr(path, "__fspath__") or callable(path)):
            raise DefinitionError(
                f"PathGenerator({path!r}): expected a relative path, or a function (context, config) -> path"
            )
        self.path = path
        self.partial = partial

    if not TYPE_CHECKING:  # for a type checker it is no factory like others: see `field`

        def __call__(self) -> Any:
            """Nothing yet: the value is made when the configuration is sealed."""


class GeneratorMark(Mark):
    """A generated path; made by `pathgenerator`."""

    def __init__(self, generator: PathGenerator) -> None:
        self.generator = generator


Param = Annotated[T, KindMark(Kind.PARAM)]
"""A parameter: it counts for the identity of the task."""
Meta = Annotated[T, KindMark(Kind.META)]
"""A parameter that does not count: verbosity, number of processes, a path."""
Option = Annotated[T, KindMark(Kind.META)]
"""Another name of `Meta`."""
Constant = Annotated[T, KindMark(Kind.CONSTANT)]
"""A value of the class, such as a version: it counts, and cannot be set."""


def help(text: str) -> Help:  # noqa: A001 - the name of the compatible API
    """Documents a parameter.

    Example:
        >>> layers: Annotated[Param[int], help("Number of layers")]
    """
    return Help(text)


def STDOUT(_context: Any, config: Any) -> str:  # noqa: N802 - the name of the compatible API
    """For a path generator: the file with what the job prints."""
    return f"{config.__xpm__.declaration.short_name}.out"


def STDERR(_context: Any, config: Any) -> str:  # noqa: N802 - same
    """For a path generator: the file with the errors and warnings of the job."""
    return f"{config.__xpm__.declaration.short_name}.err"


def pathgenerator(path: "str | Path | PathFunction") -> GeneratorMark:
    """Declares a generated path.

    Example:
        >>> index: Annotated[Path, pathgenerator("index.bin")]
    """
    return GeneratorMark(PathGenerator(path))


class Unset:
    """The one value that means "not given"."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Any = Unset()


class Field:
    """What `field(...)` was given."""

    def __init__(
        self,
        *,
        default: Any,
        default_factory: Any,
        ignore_default: Any,
        ignore_generated: bool,
        overrides: bool,
        groups: frozenset[ParamGroup],
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.ignore_default = ignore_default
        self.ignore_generated = ignore_generated
        self.overrides = overrides
        self.groups = groups

    def __repr__(self) -> str:
        """As written, without what was not given; `help(Train)` shows it."""
        wanted = {"default", "default_factory", "ignore_default"}
        given = [
            f"{name}={value!r}"
            for name, value in vars(self).items()
            if value is not UNSET and (value or name in wanted)
        ]
        return f"field({', '.join(given)})"


@overload
def field(
    *,
    default: T,
    ignore_default: bool = False,
    ignore_generated: bool = False,
    overrides: bool = False,
    groups: Sequence[ParamGroup] = (),
) -> T: ...
@overload
def field(
    *,
    default_factory: Callable[[], T],
    ignore_default: bool = False,
    ignore_generated: bool = False,
    overrides: bool = False,
    groups: Sequence[ParamGroup] = (),
) -> T: ...
@overload
def field(
    *,
    default_factory: PathGenerator,
    ignore_default: bool = False,
    ignore_generated: bool = False,
    overrides: bool = False,
    groups: Sequence[ParamGroup] = (),
    init: Literal[False] = False,  # for pyright: `.C(...)` takes no value
) -> Any: ...
@overload
def field(
    *,
    ignore_default: Any = False,
    ignore_generated: bool = False,
    overrides: bool = False,
    groups: Sequence[ParamGroup] = (),
) -> Any: ...
def field(  # type: ignore[misc] # nobody gives `init`
    *,
    default: Any = UNSET,
    default_factory: Any = UNSET,
    ignore_default: Any = UNSET,
    ignore_generated: bool = False,
    overrides: bool = False,
    groups: Sequence[ParamGroup] = (),
) -> Any:
    """Declares the default of a parameter.

    Args:
        default: The value of an object that is not given one; part of the identifier.
        default_factory: A function without parameters that makes the default (called once), or
            a `PathGenerator`.
        ignore_default: Whether a value equal to the default leaves the identifier as if the
            parameter did not exist. In the old form, the default itself.
        ignore_generated: Whether the value may be a sealed configuration that has generated paths.
        overrides: Says that redeclaring the parameter of a parent class is meant.
        groups: Groups of the parameter, for `partial` identifiers.

    Raises:
        AssertionError: Two defaults were given.
    """
    if default is not UNSET and default_factory is not UNSET:
        raise AssertionError("field(...) takes `default` or `default_factory`, not both")
    return Field(
        default=default,
        default_factory=default_factory,
        ignore_default=ignore_default,
        ignore_generated=ignore_generated,
        overrides=overrides,
        groups=groups_of(groups, "field(groups={})"),
    )


def groups_of(given: Any, what: str) -> frozenset[ParamGroup]:
    """Groups that a user gave.

    Args:
        given: Anything.
        what: How it was given, with `{}` in its place, for the error.

    Raises:
        DefinitionError: It is no collection of groups.
    """
    if isinstance(given, Iterable) and not isinstance(given, str):
        found = list(given)
        if all(isinstance(one, ParamGroup) for one in found):
            return frozenset(found)
    expected = "a list of groups, [param_group('name')]"
    raise DefinitionError(f"{what.format(short(given))}: expected {expected}")


class Argument:
    """One parameter of one class, compiled."""

    __slots__ = (
        "check",
        "confusable",
        "constant",
        "data",
        "default",
        "generator",
        "groups",
        "hashed",
        "ignore_default",
        "ignore_generated",
        "ignored",
        "kind",
        "looks_inside",
        "name",
        "note",
        "overrides",
        "owner",
        "prefix",
        "required",
        "skips_none",
        "type",
        "unhashable",
    )

    def __init__(
        self,
        name: str,
        type: "Type",  # noqa: A002 - the attribute of the compatible API
        kind: Kind,
        *,
        default: Any = UNSET,
        generator: Generator | None = None,
        ignored: bool = False,
        ignore_default: bool = False,
        ignore_generated: bool = False,
        optional: bool = False,
        overrides: bool = False,
        data: bool = False,
        groups: frozenset[ParamGroup] = frozenset(),
        owner: type | None = None,
        note: str | None = None,
    ) -> None:
        self.name = name
        self.type = type
        self.check = type.check
        self.kind = kind
        self.constant = kind is Kind.CONSTANT
        self.default = default
        self.generator = generator
        self.ignored = ignored
        self.ignore_default = ignore_default
        self.ignore_generated = ignore_generated
        self.overrides = overrides
        self.data = data
        self.groups = groups
        self.owner = owner
        """The class that declares it"""
        self.note = note
        """What `help("...")` says in the annotation"""
        self.required = default is UNSET and generator is None and not optional
        self.hashed = not ignored and generator is None
        self.skips_none = not self.constant and default is UNSET and optional
        self.unhashable = self.hashed and type.unhashable
        self.confusable = self.hashed and type.confusable
        self.looks_inside = self.unhashable or type.references
        self.prefix = b"\x03" + name.encode() + b"\x05"

    @property
    def help(self) -> str | None:
        """What the parameter is, for people; None if nobody says.

        The text under the annotation, else that of `help("...")`, else that of `:param name:` in the
        docstring of the class.
        """
        from experimaestro.core.documentation import help_of  # it reads sources: never at import or in a job

        return help_of(self.owner, self.name, self.note)

    @property
    def is_data(self) -> bool:
        """Whether what it leads to is copied when the configuration is saved (`DataPath`)."""
        return self.data

    @property
    def read_only(self) -> bool:
        """Whether users may not set it."""
        return self.constant or self.generator is not None

    def accept(self, value: Any) -> Any:
        """The value that is kept for what a user gave.

        Raises:
            Mismatch: It is not of the type, or could not be part of an identifier.
        """
        value = self.check(value)
        return self._looked_into(value) if self.looks_inside else value

    def _looked_into(self, value: Any) -> Any:
        if self.unhashable and not (self.ignore_default and value == self.default):
            from experimaestro.core.identifier import without_identifier  # it looks at arguments

            reason = without_identifier(value)
            if reason is not None:
                raise Mismatch(
                    f"{reason} cannot be part of an identifier",
                    hint=f"Declare {self.name}: Meta[{self.type.name}]",
                )
        if isinstance(value, Configuration) and not self.ignore_generated:
            info = value.__xpm__
            if info.places_paths and info.sealed and info.key is None:
                raise Mismatch(
                    f"{info.declaration.name} (made at {info.made_at}) has paths in {info.folder}",
                    hint="Give a copy: config.copy()",
                )
        return value

    def problem_text(self, mismatch: Mismatch) -> str:
        """A mismatch, with what to do."""
        return f"{mismatch.text}. {mismatch.hint or f'Example: {self.name}={self.type.example}'}"
