"""What a class wants done when a task that uses it is submitted: a variable set, a tool found."""

from typing import Any, TypeVar

ClassT = TypeVar("ClassT", bound=type)


class SubmitHook:
    """Base of class decorators that act when a task is submitted which uses the class.

    You must provide `process(job, launcher)`, and `spec()` if two hooks of the class may differ; for
    that `process` is called once for each submitted task that has a configuration of a decorated
    class anywhere inside, before the job is handed over.

    Example:
        >>> class NeedsJava(SubmitHook):
        ...     def __init__(self, version: int):
        ...         self.version = version
        ...
        ...     def spec(self):
        ...         return self.version
        ...
        ...     def process(self, job, launcher):
        ...         job.environ["JAVA_HOME"] = f"java-{self.version}"
    """

    def spec(self) -> Any:
        """What tells two hooks of the same class apart: equal ones act once."""
        return None

    def process(self, job: Any, launcher: Any) -> None:
        """Acts on a job before it is handed over.

        Args:
            job: The `Job`; its `environ` is what its process has beside this one's variables.
            launcher: The `Launcher` that will start it.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no method `process`")

    def __call__(self, cls: ClassT) -> ClassT:
        """Decorates a class of configurations."""
        type.__setattr__(cls, "_xpm_hooks", (*cls.__dict__.get("_xpm_hooks", ()), self))
        return cls

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SubmitHook) and type(other) is type(self) and self.spec() == other.spec()

    def __hash__(self) -> int:
        return hash((type(self), self.spec()))


def hooks_of(cls: type) -> tuple[SubmitHook, ...]:
    """The hooks of a class and of those above, each once."""
    found = (hook for base in cls.__mro__ for hook in base.__dict__.get("_xpm_hooks", ()))
    return tuple(dict.fromkeys(found))
