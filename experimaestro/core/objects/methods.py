"""Words that stand before methods: one that runs once for each object, one that a user should know of."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Generic, TypeVar, overload

R = TypeVar("R")
M = TypeVar("M")


def documentation(method: M) -> M:
    """Marks a method that the users of a class should know of: `help(Cls.C)` lists it.

    Args:
        method: A method, or a property.

    Example:
        >>> class Table(Config):  # doctest: +SKIP
        ...     @documentation
        ...     def rows(self):
        ...         \"\"\"The rows, in order\"\"\"
    """
    function: Any = getattr(method, "fget", None) or getattr(method, "__func__", method)
    function._xpm_documented = True  # noqa: SLF001 - a mark of ours
    return method


class initializer(Generic[R]):  # noqa: N801 - the name of the compatible API
    """A method that runs once for each object; later calls return what the first one returned.

    Example:
        >>> class Model(Config):  # doctest: +SKIP
        ...     @initializer
        ...     def initialize(self, seed):
        ...         self.weights = make_weights(seed)
    """

    def __init__(self, method: Callable[..., R]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Learns the name of the method."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "initializer[R]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[..., R]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        """Binds the method to an object."""
        if instance is None:
            return self

        @wraps(self._method)
        def once(*args: Any, **given: Any) -> R:
            key = f"__xpm_initialized_{owner.__qualname__}_{self._name}"
            done = instance.__dict__.setdefault("__xpm_initialized__", {})
            if key not in done:
                done[key] = self._method(instance, *args, **given)
            kept: R = done[key]
            return kept

        return once
