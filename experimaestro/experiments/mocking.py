"""Stand-ins for modules that are slow to import, for plans that only submit tasks.

Used in the file that `pre_experiment` names: the process that submits need not load them, while jobs,
which do not run that file, load the real ones.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def noop_decorator(*args: Any, **_options: Any) -> Any:
    """A decorator that changes nothing: `@noop_decorator`, or `@noop_decorator(anything)`."""
    if len(args) == 1 and callable(args[0]) and not isinstance(args[0], _StandIn):
        return args[0]
    return lambda function: function


class _StandIn(type):
    """A class, for whatever is taken from a module that is not there: it can be derived from."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _StandIn(name, (), {"__module__": cls.__module__})
        setattr(cls, name, made)
        return made

    def __getitem__(cls, _item: Any) -> Any:
        return cls

    def __or__(cls, _other: Any) -> Any:
        return cls

    __ror__ = __or__


class _Module(ModuleType):
    """A module that has every name."""

    def __init__(self, name: str, decorators: Iterable[str]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # what makes it a package
        self.__decorators = frozenset(decorators)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made: Any = _StandIn(name, (), {"__module__": self.__name__})
        if f"{self.__name__}.{name}" in self.__decorators:
            made = noop_decorator
        setattr(self, name, made)
        return made


class _Finder:
    """Finds the modules, and those inside them, and loads them. No base: `importlib.abc` is slow."""

    def __init__(self, modules: Iterable[str], decorators: Sequence[str]) -> None:
        self._modules = tuple(modules)
        self._decorators = decorators

    def find_spec(self, fullname: str, _path: Any, _target: Any = None) -> Any:
        if any(fullname == name or fullname.startswith(f"{name}.") for name in self._modules):
            loader: Any = self
            return ModuleSpec(fullname, loader, is_package=True)
        return None

    def create_module(self, spec: Any) -> ModuleType:
        return _Module(spec.name, self._decorators)

    def exec_module(self, module: ModuleType) -> None: ...


def mock_modules(modules: Iterable[str], decorators: Iterable[str] = ()) -> None:
    """Makes imports of modules, and of all inside them, give stand-ins that have every name.

    Args:
        modules: Names: `["torch", "transformers"]`. One that is loaded already is left as it is.
        decorators: Full names of functions in them that decorate: `["torch.no_grad"]`.
    """
    absent = [name for name in modules if name not in sys.modules]
    if absent:
        sys.meta_path.insert(0, _Finder(absent, tuple(decorators)))
