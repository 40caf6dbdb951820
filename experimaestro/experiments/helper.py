"""What the function of an experiment is given, and how it is called."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, overload

from experimaestro.exceptions import ExperimentCodeError

if TYPE_CHECKING:
    from typing_extensions import Self  # of the type checker, not needed to run

    from experimaestro.session import experiment


class ExperimentCallable(Protocol):
    """A function that submits the tasks of an experiment."""

    def __call__(self, helper: Any, configuration: Any, /) -> Any:
        """Submits the tasks.

        Args:
            helper: See `ExperimentHelper`; its `xp` is open.
            configuration: What the YAML file says.
        """


class ExperimentHelper:
    """Stands between the command line and the function `run` of an experiment.

    A sub-class may take arguments of the command line of its own: override `run`, and decorate the
    function with `@MyHelper.decorator`.

    Args:
        callable: The function.

    Attributes:
        xp: The open experiment.
        callable: The function.

    Example:
        >>> class WithName(ExperimentHelper):
        ...     def run(self, args, configuration):
        ...         self.name = args[0] if args else "nobody"
        ...         return self.callable(self, configuration)
        >>> @WithName.decorator
        ... def run(helper, cfg):
        ...     return f"{helper.name} wants {cfg}"
        >>> run.run(["anna"], "tea")
        'anna wants tea'
    """

    xp: "experiment"

    def __init__(self, callable: ExperimentCallable) -> None:  # noqa: A002 - the name of the compatible API
        self.callable = callable

    def run(self, args: Sequence[str], configuration: Any) -> Any:
        """Calls the function.

        Args:
            args: What the command line has after the YAML file.
            configuration: The configuration.

        Raises:
            ExperimentCodeError: There are arguments, and nobody takes them.
        """
        self.check(args)
        return self.callable(self, configuration)

    def check(self, args: Sequence[str]) -> None:
        """Refuses arguments that nobody takes; called before anything is opened.

        Raises:
            ExperimentCodeError: There are some, and `run` is not overridden.
        """
        if args and type(self).run is ExperimentHelper.run:
            name = getattr(self.callable, "__name__", "run")
            raise ExperimentCodeError(
                f"{name}(helper, cfg) takes no arguments of the command line, got: {' '.join(args)}. "
                "Values of the configuration are given with -c KEY=VALUE; for arguments of your own, "
                "derive from ExperimentHelper and override run(args, configuration)"
            )

    @overload
    @classmethod
    def decorator(cls, function: ExperimentCallable, /) -> "Self": ...

    @overload
    @classmethod
    def decorator(cls) -> "Callable[[ExperimentCallable], Self]": ...

    @classmethod
    def decorator(cls, *functions: Any) -> Any:
        """Makes a function one that is called through this helper; with or without parentheses."""
        return cls(*functions) if functions else cls

    def __call__(self, helper: Any, configuration: Any) -> Any:
        """Calls the function itself, so that a decorated one can still be called."""
        return self.callable(helper, configuration)
