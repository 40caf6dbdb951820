"""What a task gives to others: configurations that it marks as its own.

Rule: a mark is made after the task was handed over, once; whoever uses a marked configuration depends on
the task. A marked configuration has another identifier than one that nobody produced.
"""

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from experimaestro.core.base import Configuration
from experimaestro.core.problems import short
from experimaestro.exceptions import MarkError

if TYPE_CHECKING:
    from experimaestro.core.objects.config import Config

ConfigT = TypeVar("ConfigT", bound="Config")
OutputsT_co = TypeVar("OutputsT_co", covariant=True)


class DependentMarker(Protocol):
    """What `task_outputs` is given: marks a configuration as an output of the task, and returns it."""

    def __call__(self, config: ConfigT, *, dynamic: bool = False) -> ConfigT:
        """Marks a configuration; returns it.

        Args:
            config: Any configuration but a task.
            dynamic: Whether tasks that use it do not wait for the end of the task.
        """


class HasOutputs(Protocol[OutputsT_co]):
    """For a type checker: a task whose `submit` returns what its `task_outputs` does."""

    def task_outputs(self, dep: Any, /) -> OutputsT_co:
        """Gives what others use of the task."""


class SubmitsItself(Protocol[OutputsT_co]):
    """For a type checker: a task whose `submit` returns what its `__submit__` does."""

    def __submit__(self, dep: Any, add_action: Any, /) -> OutputsT_co:
        """Gives what others use of the task, and tells what a person may do with it."""


class Marker:
    """The `DependentMarker` of one task.

    Args:
        task: The task.
        waits: Whether tasks that use what is marked wait for its end; not while it runs.
    """

    def __init__(self, task: Configuration, *, waits: bool = True) -> None:
        self._task = task
        self._waits = waits

    def __call__(self, config: Any, *, dynamic: bool = False) -> Any:
        """Marks a configuration.

        Raises:
            MarkError: It is no configuration, is a task, or is an output of another task.
        """
        name = self._task.__xpm__.declaration.name
        if not isinstance(config, Configuration):
            raise MarkError(f"{name}: dep({short(config)}): only configurations are marked, dep(Cls.C(...))")
        info = config.__xpm__
        if info.declaration.is_task:
            raise MarkError(
                f"{name}: dep({info.declaration.name}): a task is no output of another. Return it as it is"
            )
        if info.producer is not None and info.producer is not self._task:
            raise MarkError(
                f"{name}: dep({info.declaration.name}): Configuration has already been marked as an "
                f"output of {info.producer.__xpm__.declaration.name}. Mark a copy: dep(config.copy())"
            )
        if info.producer is None:
            info.producer = self._task
            info.waits = self._waits and not dynamic
            info.digest = info.own_digest = None  # the task is a part of what it is
        return config
