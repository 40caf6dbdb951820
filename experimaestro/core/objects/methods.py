"""A method that runs once for each object."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Generic, TypeVar, overload

R = TypeVar("R")


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
