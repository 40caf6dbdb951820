"""`Config`, its metaclass, and what `.C(...)` makes of a class.

Rules: for each class one more is made, `Cls.XPMConfig`, at the first use of `Cls.C`: its objects
hold parameters, run none of the user's code and are instances of `Cls` for `isinstance`. The class
itself stays as the user wrote it. All problems of one call are shown in one error. What runs for
each object is straight-line code over the compiled declaration.
"""

import struct
import sys
import warnings
from abc import ABCMeta
from collections.abc import Callable
from contextlib import suppress
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from experimaestro.core import context
from experimaestro.core.arguments import Argument, field
from experimaestro.core.base import Configuration, Declares, Information, place
from experimaestro.core.context import Need
from experimaestro.core.deprecation import discard, replacing
from experimaestro.core.generics import bindings, disagreements
from experimaestro.core.identifier import Identifier, ambiguity, identify
from experimaestro.core.objects.copying import clone
from experimaestro.core.objects.declaration import Declaration, annotation_text
from experimaestro.core.objects.files import JobPath
from experimaestro.core.problems import Mismatch, Problem, failure, information, short, unknown
from experimaestro.core.source import is_of_notebook
from experimaestro.core.tags import Stopped, Tagged
from experimaestro.exceptions import (
    AmbiguityWarning,
    ExperimaestroError,
    NotATaskError,
    ReadOnlyError,
    RequiredError,
)

ConfigInformation = Information
"""Another name, of the compatible API"""

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self, dataclass_transform  # of the type checker, not needed to run

    from experimaestro.core.objects.instances import ObjectStore
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        """Says nothing while the program runs."""
        return lambda cls: cls


T = TypeVar("T")


class _Configurations:
    """The class of the configurations: `Cls.C(lr=1e-3)`; `help(Cls.C)` tells the parameters.

    As a `property`, but no `property`: the completion of a notebook evaluates none.
    """

    def __get__(self, cls: Any, owner: Any) -> Any:
        if cls is None:
            return self
        made = cls.__dict__.get("_xpm_configuration")
        return made if made is not None else _configuration_class(cls)

    def __set__(self, cls: Any, value: Any) -> None:
        raise AttributeError(f"{cls.__qualname__}.C is made of the parameters of the class, and is not set")


class ConfigMeta(ABCMeta):
    """Class of the configuration classes: notes where each was defined, and offers `C`."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        """Makes a class; its parameters are looked at when it is first used."""
        cls = super().__new__(mcs, name, bases, namespace, **kwargs)
        frame = sys._getframe(1)  # noqa: SLF001 - the only way to know the user's line
        type.__setattr__(cls, "_xpm_defined_at", (frame.f_code.co_filename, frame.f_lineno))
        if is_of_notebook(cls) and frame.f_globals is frame.f_locals:
            from experimaestro.core.cells.snapshots import in_body  # only in a notebook

            type.__setattr__(cls, "_xpm_defined_with", in_body(cls, frame.f_code, frame.f_globals))
            type.__setattr__(cls, "_xpm_body", namespace)
        return cls

    @property
    def XPMValue(cls) -> type:  # noqa: N802 - the name of the compatible API
        """The class of the instances."""
        value: type = cls.__dict__.get("_xpm_value", cls)
        return value

    def __dir__(cls) -> list[str]:
        return [*super().__dir__(), "C"]  # Python lists nothing of a class's class

    if not TYPE_CHECKING:  # type checkers read `Config.C` below, which keeps the class

        @property
        def __signature__(cls) -> Any:
            """What `inspect.signature` finds: the parameters of `C`; of the class itself, its `__init__`."""
            from experimaestro.core.documentation import signature_of  # not at import, nor in a job

            with suppress(ExperimaestroError, AssertionError):  # the class itself may be wrong
                _ = cls.C.__doc__  # `help` asks for the signature, then looks for texts in dictionaries
            if issubclass(cls, Configuration):
                return signature_of(declaration_of(cls))
            return signature_of(None) if cls.__init__ is Config.__init__ else None

        C = _Configurations()
        XPMConfig = C


class _TypeOf:
    """What reading `__xpmtype__` of a class, a configuration or an object finds: what the class declares."""

    def __get__(self, instance: Any, owner: Any) -> Declaration:
        return declaration_of(owner)


class _Documented:
    """What reading `__doc__` of `Cls.C` finds: the docstring of the user's class, and the parameters."""

    def __get__(self, config: Any, owner: Any) -> str:
        from experimaestro.core.documentation import with_parameters  # not at import, nor in a job

        text = with_parameters(declaration_of(owner))
        type.__setattr__(owner, "__doc__", text)
        return text


class _Missing:
    """What reading a parameter that is not set finds: its name and what to do.

    An object's own `__dict__` comes first, so this costs nothing once the parameter is set; and it
    hides what the class has under the same name.
    """

    def __init__(self, name: str, cls: str) -> None:
        self.name = name
        self.cls = cls

    def __get__(self, config: Any, owner: type | None = None) -> Any:
        if config is None:
            return self
        raise KeyError(f"{self.name} is not set: {self.cls}.C({self.name}=...)")

    def __repr__(self) -> str:
        return f"<parameter of {self.cls}.C>"


def _configuration_class(cls: Any) -> Any:
    declaration = Declaration(cls)
    namespace: dict[str, Any] = {
        "__module__": cls.__module__,
        "__qualname__": f"{cls.__qualname__}.XPMConfig",
        "__doc__": _Documented(),
        "__annotations__": {},
        "_xpm_declaration": declaration,
    }
    namespace.update({name: _Missing(name, cls.__qualname__) for name in declaration.arguments})
    if hasattr(cls, "__matmul__"):
        namespace["__matmul__"] = cls.__matmul__  # what the user means by @ comes before composition
    namespace.update(replacing(cls, _Behaviour))
    made: Any = type(cls)(f"{cls.__name__}.XPMConfig", (_Behaviour, cls), namespace)
    made.__abstractmethods__ = frozenset()  # only objects of the class need what it leaves open
    type.__setattr__(made, "_xpm_configuration", made)
    type.__setattr__(cls, "_xpm_configuration", made)
    return made


def declaration_of(cls: Any) -> Declaration:
    """What a class declares, compiled at its first use."""
    found: Declaration = cls.C._xpm_declaration  # noqa: SLF001 - of the class made above
    return found


class _Behaviour(Configuration):
    """What the objects of `Cls.XPMConfig` do; comes before the user's class."""

    _xpm_declaration: ClassVar[Declaration]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keeps the user's own hook from seeing the classes that are made here."""

    def __init__(self, /, *args: Any, **given: Any) -> None:
        frame = sys._getframe(1)  # noqa: SLF001 - inspect would cost more than the rest
        self._set_up(frame, args, given)

    def _set_up(  # noqa: C901 - straight-line code: it runs for each configuration
        self, frame: FrameType, args: tuple[Any, ...], given: dict[str, Any]
    ) -> None:
        """Fills a configuration with the parameters that it is given and the defaults of the others."""
        declaration = self._xpm_declaration
        info = Information(self, declaration, frame.f_code, frame.f_lasti)
        values = self.__dict__
        values.update(declaration.shared)
        values["__xpm__"] = info
        if args:
            raise TypeError(
                f"{declaration.name}.C(...) takes parameters by name only ({info.made_at}): "
                f"{declaration.name}.C({', '.join(f'{name}=...' for name in declaration.arguments)})"
            )
        if given:
            info.given = tuple(given)
        problems: list[Problem] = []
        arguments = declaration.arguments
        for name, value in given.items():
            argument = arguments.get(name)
            if argument is None:
                if name not in declaration.deprecated:
                    problems.append(unknown(name, arguments, annotation_text(declaration.cls, name)))
                continue
            try:
                values[name] = kept = _kept(info, argument, value)
            except _Refused as refused:
                problems.append(refused.problem)
                continue
            if argument.confusable:
                _warn_of_ambiguity(argument, kept)
        if declaration.variables:
            problems.extend(disagreements(declaration.variables, values))
        if problems:
            raise failure(f"{declaration.name}.C(...)", info.made_at, problems)
        for argument in declaration.cloned:
            if argument.name not in given:
                values[argument.name] = clone(argument.default)
        if declaration.variables or declaration.fixed:
            info.bindings = bindings(self)
        for name, parameter in declaration.deprecated.items():
            if name in given:
                parameter.assign(self, given[name])
        if declaration.is_task and (places := context.places.get()) is not None:
            places.made[frame.f_code, frame.f_lasti] = info

    def __setattr__(self, name: str, value: Any) -> None:
        info = self.__xpm__
        declaration = info.declaration
        argument = declaration.arguments.get(name)
        if argument is None:
            if name in declaration.deprecated:
                declaration.deprecated[name].assign(self, value)
            elif name in info.replaced:
                discard(self, name)
            else:
                object.__setattr__(self, name, value)
            return
        frame = sys._getframe(1)  # noqa: SLF001 - see __init__
        self._xpm_assign({name: value}, f"{declaration.name}.{name} = ...", (frame.f_code, frame.f_lasti))

    def _xpm_assign(self, given: dict[str, Any], what: str, where: tuple[CodeType | None, int]) -> None:
        """Sets parameters: all of them, or none if something is wrong.

        Args:
            given: Their values, by name.
            what: What the user wrote, for errors.
            where: The user's code and the instruction in it, for errors.
        """
        info = self.__xpm__
        declaration = info.declaration
        arguments = declaration.arguments
        if info.sealed:
            raise self._is_sealed(next(iter(given)), place(*where))
        problems: list[Problem] = []
        kept: dict[str, Any] = {}
        for name, value in given.items():
            argument = arguments.get(name)
            if argument is None:
                problems.append(unknown(name, arguments, annotation_text(declaration.cls, name)))
                continue
            try:
                kept[name] = _kept(info, argument, value)
            except _Refused as refused:
                problems.append(refused.problem)
        if declaration.variables:
            problems.extend(disagreements(declaration.variables, {**self.__dict__, **kept}))
        if problems:
            raise failure(what, place(*where), problems)
        for name, value in kept.items():
            if arguments[name].confusable:
                _warn_of_ambiguity(arguments[name], value)
        self.__dict__.update(kept)
        info.assigned = {**(info.assigned or {}), **dict.fromkeys(kept, where)}
        if declaration.variables:
            info.bindings = bindings(self)

    def __delattr__(self, name: str) -> None:
        if self.__xpm__.sealed and name in self.__xpm__.declaration.arguments:
            frame = sys._getframe(1)  # noqa: SLF001 - see __init__
            raise self._is_sealed(name, place(frame.f_code, frame.f_lasti))
        object.__delattr__(self, name)

    def _is_sealed(self, name: str, where: str) -> ReadOnlyError:
        info = self.__xpm__
        state = "was submitted" if info.key else "is sealed"
        return ReadOnlyError(
            f"{info.declaration.name}.{name} cannot be set ({where}): the configuration {state} and does not "
            f"change any more. Make another one: config.copy()"
        )

    def __getattr__(self, name: str) -> Any:
        declaration = self._xpm_declaration
        if name == "submit":
            raise NotATaskError(
                f"{declaration.name} is not a task: only a class derived from Task, with a method "
                "`execute`, can be submitted"
            )
        raise AttributeError(f"{declaration.name} has no parameter or attribute {name!r}")

    def __eq__(self, other: object) -> bool:
        from experimaestro.core.objects.equality import equal  # rarely needed

        return self is other or (isinstance(other, Configuration) and equal(self, other))

    def __hash__(self) -> int:
        if not self.__xpm__.sealed:
            raise TypeError(
                f"Unhashable: a {self.__xpm__.declaration.name} that is not sealed can still change. "
                "Call seal() first"
            )
        return hash(identify(self))

    def __repr__(self) -> str:
        return (context.line is not None and context.line(self)) or str(self)

    def __str__(self) -> str:
        from experimaestro.core.objects.printing import shown  # not needed to submit

        return shown(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str] | None:
        """What a notebook shows: a tree, that folds or as text; None until `experiment` is imported."""
        return None if context.draw is None else context.draw(self)

    def __dir__(self) -> list[str]:
        ours = [vars(base) for base in type(self).__mro__ if base.__module__.startswith("experimaestro.")]
        names = [name for name in super().__dir__() if not name.startswith(("_xpm_", "_abc_"))]
        return sorted(
            name for name in names if name[0] != "_" or name[1] == "_" or not any(name in one for one in ours)
        )

    def __copy__(self) -> Any:
        return clone(self)

    def __deepcopy__(self, _memo: Any) -> Any:
        return clone(self)

    def __reduce_ex__(self, _protocol: Any) -> Any:
        raise TypeError(
            f"{self._xpm_declaration.name}.C(...) is not pickled: give the other process an instance(), or "
            "the values"
        )

    def __identifier__(self) -> Identifier:
        """The identifier; final once sealed."""
        try:
            return identify(self)
        except (struct.error, TypeError, NotImplementedError, RecursionError):
            _explain(self)
            raise

    def __arguments__(self) -> dict[str, Any]:
        """See `Config.__arguments__`."""
        return {
            argument.name: value
            for argument, value in self.__xpm__.xpmvalues()
            if not argument.constant and argument.generator is None
        }

    def __matmul__(self, inner: Any) -> Any:
        """See `Config.__matmul__`."""
        from experimaestro.core.composition import compose  # rarely needed

        frame = sys._getframe(1)
        return compose(self, inner, (frame.f_code, frame.f_lasti))

    def instance(
        self, context: Any = None, *, objects: "ObjectStore | None" = None, keep: bool = True
    ) -> Any:
        """See `Config.instance`."""
        from experimaestro.core.objects.instances import make_instance  # not needed to submit

        return make_instance(self, context, objects, keep=keep)

    def seal(self) -> Any:
        """See `Config.seal`."""
        from experimaestro.core.objects.sealing import seal_alone  # it walks what is made here

        seal_alone(self)
        return self

    def copy(self) -> Any:
        """See `Config.copy`."""
        try:
            return clone(self)
        except RecursionError:
            _explain(self)
            raise

    def copy_dependencies(self, other: Configuration) -> Any:
        """See `Config.copy_dependencies`."""
        from experimaestro.core.objects.outputs import Marker  # rarely needed

        info = information(other, f"{self.__xpm__.declaration.name}.copy_dependencies({{}})")
        self.__xpm__.needs = (*self.__xpm__.needs, *info.needs)
        return self if info.task is None else Marker(info.task)(self)

    def add_dependencies(self, *needs: Need) -> Any:
        """See `Config.add_dependencies`."""
        info = self.__xpm__
        for need in needs:
            if not isinstance(need, Need):
                raise TypeError(
                    f"{info.declaration.name}.add_dependencies({short(need)}): expected what a token gives, "
                    'as in task.add_dependencies(xp.token("gpu", 4).dependency(1))'
                )
        if info.task is not None:
            raise ReadOnlyError(
                f"{info.declaration.name}.add_dependencies(...): the task was submitted without. "
                "Add them before"
            )
        info.needs = (*info.needs, *needs)
        return self

    def tag(self, name: str, value: Any) -> Any:
        """See `Config.tag`."""
        if not isinstance(name, str):
            raise TypeError(f"tag({short(name)}, ...): expected the name of the tag, a str")
        if type(value) not in {str, int, float, bool}:
            raise TypeError(_tag_refused(value))
        info = self.__xpm__
        if info.key is not None:
            raise ReadOnlyError(
                f"{info.declaration.name}.tag({name!r}, ...): the task was submitted with its tags"
            )
        info.own_tags = {**(info.own_tags or {}), name: value}
        return self

    def tags(self) -> dict[str, Any]:
        """See `Config.tags`."""
        from experimaestro.core.tags import tags  # the method has the same name

        return dict(tags(self))  # type: ignore[arg-type] # its class derives from the user's Config


def _explain(config: Configuration) -> None:
    """Raises our error for what an algorithm stumbled over, if a list was changed since it was given."""
    from experimaestro.core.objects.sealing import recheck  # only when something is wrong

    recheck(config)


def _warn_of_ambiguity(argument: Argument, value: Any, depth: int = 4) -> None:
    """Warns at the user's line of a value whose identifier may be that of another one."""
    if type(value) is str and value.isprintable():
        return
    why = ambiguity(value, argument.type)
    if why is not None:
        warnings.warn(
            f"{argument.name}: {why}. Should that ever happen, the job fails as a conflict. Use a "
            f"configuration class, or declare {argument.name}: Meta[...] if it does not count",
            AmbiguityWarning,
            stacklevel=depth,
        )


class _Refused(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


def _tag_refused(value: Any) -> str:
    return (
        f"a tag is a str, int, float or bool, got {value!r}. "
        "Tag the configuration in words: config.tag('name', 'text')"
    )


def _kept(info: Information, argument: Argument, value: Any) -> Any:
    """The value that a parameter keeps for what it was given; notes a tag."""
    name = argument.name
    if argument.constant or argument.generator is not None:
        word = "a Constant" if argument.constant else "generated when the task is submitted"
        raise _Refused(Problem(name, f"Property {name} is read-only: it is {word}", ReadOnlyError))
    stopped = type(value) is Stopped
    if stopped:
        value = value.value
    tagged = type(value) is Tagged
    if tagged:
        value = value.value
        if type(value) not in {str, int, float, bool}:
            raise _Refused(Problem(name, _tag_refused(value)))
    try:
        kept = argument.accept(value)
    except Mismatch as mismatch:
        if value is None:
            text = f"Cannot set required attribute {name!r} to None: {argument.problem_text(mismatch)}"
            raise _Refused(Problem(name, text, RequiredError)) from None
        raise _Refused(Problem(name + mismatch.where, argument.problem_text(mismatch))) from None
    if tagged:
        info.own_tags = {**(info.own_tags or {}), name: value}
    elif info.own_tags is not None:
        info.own_tags.pop(name, None)
    if stopped or info.stopped:
        info.stopped = info.stopped | {name} if stopped else info.stopped - {name}
    return kept


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class Config(Declares, metaclass=ConfigMeta):
    """Base of the classes with parameters.

    You must provide annotated names, `lr: Param[float]`; for that you get `Cls.C(lr=1e-3)`, a
    configuration: checked values with an identifier, that other configurations and tasks can use,
    and that `instance()` makes an object of `Cls`.

    Example:
        >>> class Model(Config):  # doctest: +SKIP
        ...     size: Param[int] = field(default=128)
        >>> Model.C(size=256).instance().size  # doctest: +SKIP
        256
    """

    if TYPE_CHECKING:
        C: ClassVar[type[Self]]
        """Makes configurations: `Cls.C(lr=1e-3)`"""
        XPMConfig: ClassVar[type[Self]]
        """Another name of `C`"""
        __xpm__: ClassVar[Information]
        """State of a configuration"""
        __xpmtype__: ClassVar[Declaration]
        """What the class declares"""
        __taskdir__: ClassVar[Path]
        """Of an object in a job: the folder of the job"""
        __xpm_stdout__: ClassVar[Path]
        """Of an object in a job: what the job prints"""
        __xpm_stderr__: ClassVar[Path]
        """Of an object in a job: its errors and warnings"""

        def __identifier__(self) -> Identifier:
            """The identity: `.all` is 32 bytes, `repr` 64 hexadecimal digits; final once sealed."""

        def __arguments__(self) -> dict[str, Any]:
            """The parameters that were given or have defaults: `Other.C(**config.__arguments__())`."""

        def __matmul__(self, inner: "Config") -> Self:
            """Gives another configuration to the one parameter that accepts it; returns this one."""

        def instance(
            self, context: Any = None, *, objects: "ObjectStore | None" = None, keep: bool = True
        ) -> Self:
            """Makes the object that the configuration describes, those that it uses first.

            Args:
                context: Where generated paths go: a `DirectoryContext`.
                objects: Instances made before; two calls with one store share them.
                keep: Whether `xpmconfig` of the object gives the configuration.
            """

        def seal(self) -> Self:
            """Makes the configuration and all that it uses final; returns it."""

        def copy(self) -> Self:
            """A new configuration, not sealed, with copies of all that it uses but submitted tasks."""

        def copy_dependencies(self, other: "Config") -> Self:
            """Makes it an output of the task that another one is, or is an output of; returns it.

            The tokens that the other one needs (`add_dependencies`) are needed for it as well.
            """

        def add_dependencies(self, *needs: Need) -> Self:
            """Makes the tasks that use it wait for tokens, and hold them while they run; returns it.

            Args:
                needs: What `CounterToken.dependency` gave.
            """

        def tag(self, name: str, value: str | float) -> Self:
            """Notes a tag; returns the configuration."""

        def tags(self) -> dict[str, Any]:
            """The tags of the configuration and of all that it uses."""

    else:
        __xpmtype__ = _TypeOf()
        __taskdir__, __xpm_stdout__, __xpm_stderr__ = JobPath(None), JobPath("out"), JobPath("err")

    @classmethod
    def value_class(cls) -> Callable[[type[T]], type[T]]:
        """Makes the decorated class the one of the objects that configurations of this class describe.

        So that a heavy class (of a model, say) is in a module of its own, which plans do not import.

        Raises:
            TypeError: The decorated class does not derive from this one, or from the parent's.

        Example:
            >>> @Model.value_class()  # doctest: +SKIP
            ... class TorchModel(Model, nn.Module):
            ...     def forward(self, x): ...
        """

        def register(value: type[T]) -> type[T]:
            if not isinstance(value, type):
                raise TypeError(
                    f"{short(value)} cannot be the value class of {cls.__qualname__}: expected a class that "
                    "derives from it"
                )
            needed = {cls, *(base.XPMValue for base in cls.__bases__ if isinstance(base, ConfigMeta))}
            missing = [one.__qualname__ for one in needed if not issubclass(value, one)]
            if missing:
                raise TypeError(
                    f"{value.__qualname__} cannot be the value class of {cls.__qualname__}: "
                    f"it does not derive from {', '.join(sorted(missing))}"
                )
            type.__setattr__(cls, "_xpm_value", value)
            return value

        return register

    if not TYPE_CHECKING:  # a type checker makes one of the parameters

        def __init__(self, /, *args: Any, **given: Any) -> None:
            if (args or given) and super(Config, type(self)).__init__ is object.__init__:
                name, written = type(self).__qualname__, ", ".join(f"{one}=..." for one in given) or "..."
                raise TypeError(f"{name}({written}) makes no configuration. Write {name}.C({written})")
            super().__init__(*args, **given)

    @classmethod
    def __getxpmtype__(cls) -> Declaration:
        """What the class declares: `title`, `description`, `arguments`."""
        return declaration_of(cls)


class InstanceConfig(Config):
    """Base of the classes whose configurations are told apart even when they are equal.

    Two layers that are equal are two layers: a configuration that uses both has another identity
    than one that uses one of them twice.

    Example:
        >>> class Layer(InstanceConfig):  # doctest: +SKIP
        ...     size: Param[int]
    """

    _xpm_is_instance: ClassVar[bool] = True
