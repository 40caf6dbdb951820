"""Modules that are not installed, replaced by empty ones while documentation is made.

Rule: a module that is installed is never replaced: the finder is asked last.
"""

import re
import sys
from collections.abc import MutableSequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Module(ModuleType):
    """Stands for a module that is not installed: each name in it is an empty class."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: MutableSequence[str] = []

    def __getattr__(self, name: str) -> Any:
        """A class that can be derived from, called, and used to decorate."""
        if name.startswith("__"):
            raise AttributeError(name)
        made = _Placeholder(name, (), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class _Placeholder(type):
    """Class of what stands for a name of a module that is not installed."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Placeholder(name, (), {"__module__": cls.__module__})

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """A function or class that is decorated stays; anything else gives a placeholder."""
        if not cls.__bases__ or cls.__bases__ == (object,):
            return args[0] if len(args) == 1 and callable(args[0]) and not kwargs else cls
        return super().__call__(*args, **kwargs)

    def __getitem__(cls, _of: Any) -> Any:
        return cls

    def __or__(cls, other: Any) -> Any:
        return cls

    __ror__ = __or__


class DependencyInjectorFinder(MetaPathFinder, Loader):
    r"""Finds the modules whose names match a pattern, when nothing else does.

    Example:
        >>> DependencyInjectorFinder.install(re.compile(r"^(torch|faiss)($|\\.)"))  # doctest: +SKIP
    """

    def __init__(self, pattern: "re.Pattern[str]") -> None:
        self.pattern = pattern

    @classmethod
    def install(cls, pattern: "re.Pattern[str]") -> "DependencyInjectorFinder":
        """From now on, a module that is missing and matches is replaced.

        Args:
            pattern: Searched in the full name of a module.
        """
        finder = cls(pattern)
        sys.meta_path.append(finder)
        return finder

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        """See `MetaPathFinder`."""
        return ModuleSpec(name, self, is_package=True) if self.pattern.search(name) else None

    def create_module(self, spec: ModuleSpec) -> Module:
        """See `Loader`."""
        return Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """See `Loader`: there is nothing to run."""
