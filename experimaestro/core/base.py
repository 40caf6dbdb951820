"""What every part of the core knows of a configuration: that it is one, and its state.

Rules: imports nothing of ours, so that types, walks, identifiers and objects can all build on it.
The values of the parameters are in the `__dict__` of the configuration, the rest is in `__xpm__`.
Nothing is computed here that a plain attribute can hold: a configuration is made 10,000 times.
"""

from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from experimaestro.core.context import Submission
    from experimaestro.core.identifier import Identifier
    from experimaestro.core.objects.declaration import Declaration


class Declares:
    """Root of the classes that declare parameters (`Config` and below)."""

    _xpm_is_job: ClassVar[bool] = False
    """Whether its configurations are jobs of their own, used by others only once submitted"""


class Configuration:
    """Root of what `.C(...)` makes: parameters that are not yet an object of the class."""

    __xpm__: "Information"


class Information:
    """State of one configuration: where it was made, whether it is final, its job."""

    __slots__ = (
        "code",
        "declaration",
        "digest",
        "folder",
        "init_tasks",
        "instruction",
        "job_tags",
        "key",
        "looped_digest",
        "owner",
        "places_paths",
        "sealed",
        "stopped",
        "submission",
        "tags",
        "workspace",
    )

    def __init__(
        self, owner: Configuration, declaration: "Declaration", code: CodeType | None, instruction: int
    ) -> None:
        self.owner = owner
        self.declaration = declaration
        self.code = code
        self.instruction = instruction
        self.sealed = False
        self.digest: bytes | None = None
        """Of a sealed configuration, the same wherever it is used"""
        self.looped_digest: bytes | None = None
        """Of a sealed configuration on a cycle: true when the walk starts at it, not inside parents"""
        self.key: str | None = None
        """`<type name>/<64 hex digits>`, once submitted"""
        self.workspace: str | None = None
        """Where it was submitted"""
        self.folder: str | None = None
        """Where its generated paths lie, once sealed with some"""
        self.places_paths = False
        """Whether it or something in it has generated paths"""
        self.tags: dict[str, Any] | None = None
        """Its own tags"""
        self.submission: Submission | None = None
        """What was handed over, once submitted"""
        self.stopped: frozenset[str] = frozenset()
        """Parameters whose values keep their tags to themselves"""
        self.job_tags: Mapping[str, Any] | None = None
        """Its tags and those of all that it uses, once submitted"""
        self.init_tasks: tuple[Configuration, ...] = ()

    @property
    def made_at(self) -> str:
        """Where the configuration was made: `train.py:31`."""
        return place(self.code, self.instruction)

    @property
    def identifier(self) -> "Identifier":
        """The identifier; final once sealed."""
        from experimaestro.core.identifier import identify  # it builds on this module

        return identify(self.owner)

    def validate(self) -> None:
        """Checks that nothing is missing in the configuration and in what it uses.

        Raises:
            ConfigurationError: Naming every parameter that is missing.
        """
        from experimaestro.core.objects.sealing import validate  # it builds on this module

        validate(self.owner)


def place(code: CodeType | None, instruction: int) -> str:
    """File and line of an instruction, as shown in errors: `train.py:31`."""
    if code is None:
        return "loaded"
    line = next(
        (number for start, end, number in code.co_lines() if start <= instruction < end and number),
        code.co_firstlineno,
    )
    return f"{code.co_filename.rpartition('/')[2]}:{line}"


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
