"""The typed configuration of an experiment, as users declare it and YAML fills it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

import attrs

from experimaestro.documents.fields import MISSING
from experimaestro.experiments.grid import GridSearch
from experimaestro.workspace.git import DirtyGitAction

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform  # of the type checker, not needed to run
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        """Says nothing while the program runs."""
        return lambda function: function


T = TypeVar("T")


@overload
def configuration(cls: type[T], /) -> type[T]: ...


@overload
def configuration(**options: Any) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(kw_only_default=True, field_specifiers=(attrs.field,))
def configuration(cls: Any = None, /, **options: Any) -> Any:
    """Makes a class one whose fields are read from YAML: `@configuration` or `@configuration()`.

    The fields are those that the class annotates. Objects are made with keywords, compare by their
    values, and have a hash if their values do.

    Args:
        cls: The class.
        **options: Options of `attrs.define`.

    Example:
        >>> @configuration
        ... class Optimizer:
        ...     lr: float = 1e-3
        >>> Optimizer(lr=0.1)
        Optimizer(lr=0.1)
    """
    if cls is None:
        return lambda cls: configuration(cls, **options)
    return attrs.define(cls, **{"kw_only": True, "unsafe_hash": True, "slots": False, **options})


@configuration
class ConfigurationBase:
    """What every experiment has; derive your configuration from it.

    Each field may be given in YAML, or as a default in your class.
    """

    id: str = MISSING
    """Name of the experiment: a folder of that name holds its runs"""

    file: str | None = None
    """The Python file of the experiment, relative to the YAML file that says so; `.py` may be left out"""

    module: str | None = None
    """In place of `file`, the module of the experiment"""

    pythonpath: list[str] | None = None
    """Folders where modules are looked for, relative to the YAML file that says so"""

    imports: list[str] | None = None
    """YAML files that come before this one, relative to it"""

    parent: str | None = None
    """One YAML file that comes before this one (the old form of `imports`)"""

    pre_experiment: str | None = None
    """A Python file (with a `/`, or that ends with `.py`) or a module that is run before the experiment's"""

    title: str = ""
    """Title of the experiment"""

    subtitle: str = ""
    """What follows the title"""

    paper: str = ""
    """Where it was published"""

    description: str = ""
    """What it is about"""

    add_timestamp: bool = False
    """Whether the name of the experiment ends with the time of its start"""

    dirty_git: DirtyGitAction = DirtyGitAction.WARN
    """What to do when the code has changes that are not committed"""

    grid_search: GridSearch | None = None
    """Values of fields that are to be tried; see `generate_grid`"""
