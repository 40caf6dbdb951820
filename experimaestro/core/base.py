"""What every part of the core knows of a configuration: that it is one, and its state.

Rules: imports nothing of ours, so that types, walks, identifiers and objects can all build on it.
The values of the parameters are in the `__dict__` of the configuration, the rest is in `__xpm__`.
Nothing is computed here that a plain attribute can hold: a configuration is made 10,000 times.
"""

from types import CodeType, MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from experimaestro.core.arguments import Argument
    from experimaestro.core.context import Need, SerializationContext, SerializedPath, Submission, Submitter
    from experimaestro.core.identifier import Identifier
    from experimaestro.core.objects.declaration import Declaration


class Declares:
    """Root of the classes that declare parameters (`Config` and below)."""

    _xpm_is_job: ClassVar[bool] = False
    """Whether its configurations are jobs of their own, used by others only once submitted"""

    def __validate__(self) -> None:
        """Called on a configuration that is submitted or made an object, after those that it holds.

        Raise any error to say that the parameters do not fit together: nothing is then changed.
        """

    def __post_init__(self) -> None:
        """Called on an object when its parameters are set, after those of the objects that it holds."""

    def __xpm_serialize__(self, context: "SerializationContext") -> "dict[str, SerializedPath]":
        """Gives the data of a configuration their places when it is saved; called on the configuration.

        Define it to give them other names, or to save other files than the parameters lead to.

        Args:
            context: Its `serialize(context.var_path + ["name"], path, self)` saves a file or a folder.

        Returns:
            What it returned, by the names of the parameters.
        """
        return {
            argument.name: context.serialize([*context.var_path, argument.name], value, self)  # type: ignore[arg-type] # a Config
            for argument, value in self.__xpm__.xpmvalues()  # type: ignore[attr-defined] # of a configuration
            if argument.is_data and value is not None
        }

    _xpm_prepares: ClassVar[bool] = False
    """Whether its objects are prepared before the tasks start that use it"""
    _xpm_is_instance: ClassVar[bool] = False
    """Whether equal configurations of it are different things to those that use several"""


class Configuration:
    """Root of what `.C(...)` makes: parameters that are not yet an object of the class."""

    __xpm__: "Information"


class Information:
    """State of one configuration: where it was made, whether it is final, its job.

    What most configurations never have is an attribute of the class, so that making one sets four.
    """

    sealed = False
    sealed_code: str | None = None
    """Digest of the code of its class as it was when it was sealed, if that is of a notebook"""
    validated = False
    """Whether its `__validate__` was called: a sealed one has no need of another call"""
    loaded = False
    """Whether it was read from a file; its job is none of this run's"""
    digest: bytes | None = None
    """Of a sealed configuration, the same wherever it is used"""
    own_digest: bytes | None = None
    """Of a sealed configuration on a cycle or with instances inside: true when the walk starts at it"""
    meta: bool | None = None
    """Whether it is left out of identifiers (True) or always in (False), whatever the parameter says"""
    producer: "Configuration | None" = None
    """The submitted task that it is an output of"""
    waits = True
    """Whether a task that uses it waits for the end of its producer"""
    completions: "tuple[Callable[[], object], ...]" = ()
    """What is called when it is done, until it is submitted"""
    watches: "tuple[tuple[Callable[..., Any], Callable[[Any], object]], ...]" = ()
    """Methods and callbacks for what it gives out while it runs, until it is submitted"""
    preparation: "Configuration | None" = None
    """The task that prepares it as a job, which tasks that use it wait for; a `Prepare` only"""
    submitter: "Submitter | None" = None
    """Whoever runs it, once submitted"""
    key: str | None = None
    """`<type name>/<64 hex digits>`, once submitted"""
    workspace: str | None = None
    """Where it was submitted"""
    submission: "Submission | None" = None
    """What was handed over, once submitted"""
    stub: "Mapping[str, Any] | None" = None
    """What is written of the task that made it, if it was loaded without that task"""
    init_tasks: "tuple[Configuration, ...]" = ()
    folder: str | None = None
    """Where its generated paths lie, once sealed with some"""
    places_paths = False
    """Whether it or something in it has generated paths"""
    needs: "tuple[Need, ...]" = ()
    """What the tasks that use it hold while they run"""
    own_tags: dict[str, Any] | None = None
    stopped: frozenset[str] = frozenset()
    """Parameters whose values keep their tags to themselves"""
    job_tags: "Mapping[str, Any] | None" = None
    """Its tags and those of all that it uses, once submitted"""
    bindings: "Mapping[tuple[type, Any], Any]" = MappingProxyType({})
    """What its type variables stand for"""
    replaced: frozenset[str] = frozenset()
    """Parameters of a deprecated class that it was made from, and that it has not"""
    given: tuple[str, ...] = ()
    """Parameters that it was made with"""
    assigned: "Mapping[str, tuple[CodeType | None, int]] | None" = None
    """Where parameters were set after the configuration was made: code and instruction, by name"""

    def __init__(
        self, owner: Configuration, declaration: "Declaration", code: CodeType | None, instruction: int
    ) -> None:
        self.owner = owner
        self.declaration = declaration
        self.code = code
        self.instruction = instruction

    @property
    def made_at(self) -> str:
        """Where the configuration was made: `train.py:31`."""
        return place(self.code, self.instruction)

    @property
    def task(self) -> "Configuration | None":
        """The submitted task that it is, or that it is an output of."""
        return self.owner if self.key is not None else self.producer

    @property
    def identifier(self) -> "Identifier":
        """The identifier; final once sealed."""
        from experimaestro.core.identifier import identify  # it builds on this module

        return identify(self.owner)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters that have a value, by name."""
        own = self.owner.__dict__
        return {name: own[name] for name in self.declaration.arguments if name in own}

    def xpmvalues(self, generated: bool = False) -> "Iterator[tuple[Argument, Any]]":
        """The parameters that have a value, with it.

        Args:
            generated: Whether generated ones that are not known yet are included, as None.
        """
        for argument in self.declaration.arguments.values():
            value = self.owner.__dict__.get(argument.name)
            if value is not None or (argument.name in self.owner.__dict__ and argument.generator is None):
                yield argument, value
            elif generated and argument.generator is not None:
                yield argument, None

    def tags(self) -> dict[str, Any]:
        """The tags of the configuration and of all that it uses."""
        from experimaestro.core.tags import tags  # it builds on this module

        return dict(tags(self.owner))  # type: ignore[arg-type] # its class derives from the user's Config

    def seal(self, context: Any = None) -> None:
        """Makes the configuration and all that it uses final.

        Args:
            context: Where generated paths go, if there are any.
        """
        from experimaestro.core.objects.sealing import seal_alone  # it builds on this module

        seal_alone(self.owner, context)

    def validate(self) -> None:
        """Checks that nothing is missing in the configuration and in what it uses.

        Raises:
            ConfigurationError: Naming every parameter that is missing.
        """
        from experimaestro.core.objects.sealing import validate  # it builds on this module

        validate(self.owner)

    def serialize(self, folder: "str | Path") -> None:
        """Saves the configuration in the older form; see `experimaestro.save`."""
        from experimaestro.core.serialization.saving import save_objects  # it opens files: not in a job

        save_objects(self.owner, folder)

    @staticmethod
    def deserialize(
        path: "str | Path | Callable[[Any], Path]",
        *,
        as_instance: bool = False,
        partial_loading: bool | None = None,
        definition_filename: str = "experimaestro.json",
    ) -> Any:
        """Loads the configuration that was saved in a folder, in any form.

        Args:
            path: The folder; or a function that gives the file of a name, and of data (a `SerializedPath`).
            as_instance: Whether an object is made of it.
            partial_loading: Whether the tasks that only made something are left out; None: as `as_instance`.
            definition_filename: The file.
        """
        from experimaestro.core.serialization.saving import load_one  # same

        return load_one(path, definition_filename, as_instance=as_instance, partial_loading=partial_loading)

    @staticmethod
    def load_objects(objects: "Sequence[Mapping[str, Any]]", as_instance: bool = True) -> dict[Any, Any]:
        """Loads configurations from the lines of an `objects.jsonl`, each read as JSON.

        Args:
            objects: The lines.
            as_instance: Whether objects are made of the configurations.

        Returns:
            What was loaded, by the `id` of each line.
        """
        from experimaestro.core.serialization.saving import load_objects  # same

        return load_objects(objects, as_instance=as_instance)

    def provenance_of(self, name: str) -> "Provenance":
        """How and where a parameter got its value.

        Raises:
            KeyError: There is no such parameter, or it has no value.
        """
        argument = self.declaration.arguments[name]
        value = self.owner.__dict__[name]
        if argument.generator is not None:
            return Provenance("generated", self.made_at)
        if self.loaded:
            return Provenance("deserialized", "loaded")
        if self.assigned is not None and name in self.assigned:
            return Provenance("explicit", place(*self.assigned[name]))
        shared = self.declaration.shared
        if name not in self.given and name in shared and value == shared[name]:
            return Provenance("default", self.made_at)
        return Provenance("explicit", self.made_at)


class Provenance(NamedTuple):
    """How a parameter got its value."""

    how: str
    """`explicit`, `default`, `generated` or `deserialized`"""
    where: str
    """`train.py:31`"""


def place(code: CodeType | None, instruction: int) -> str:
    """File and line of an instruction, as shown in errors: `train.py:31`."""
    if code is None:
        return "loaded"
    line = next(
        (number for start, end, number in code.co_lines() if start <= instruction < end and number),
        code.co_firstlineno,
    )
    return f"{_file_or_cell(code.co_filename)}:{line}"


def _file_or_cell(filename: str) -> str:
    """The name of a file, as people know it: of a cell of a notebook, the number beside it."""
    if "ipykernel_" in filename:
        from sys import modules  # only in a notebook

        shell = modules["IPython"].get_ipython() if "IPython" in modules else None
        names = getattr(getattr(shell, "compile", None), "_filename_map", {})
        if filename in names:
            return f"In[{names[filename]}]"
    return filename.rpartition("/")[2]


def plain(value: Any, found: "Callable[[Configuration], Any]") -> Any:
    """Copy of a value: containers made anew and unfrozen, each configuration replaced by `found(it)`."""
    if isinstance(value, Configuration):
        return found(value)
    if isinstance(value, list):
        return [plain(item, found) for item in value]
    if isinstance(value, dict):
        return {plain(key, found): plain(item, found) for key, item in value.items()}
    if isinstance(value, set):
        return {plain(item, found) for item in value}
    if isinstance(value, tuple):
        return tuple(plain(item, found) for item in value)
    return value
