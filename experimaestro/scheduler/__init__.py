"""What is done, and by whom: `engine` decides, `loop` does."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from experimaestro.scheduler.modes import RunMode as RunMode, TransientMode as TransientMode

if TYPE_CHECKING:
    from experimaestro.events.states import JobState as JobState
    from experimaestro.scheduler.job import Job as Job
    from experimaestro.scheduler.listener import Listener as Listener
    from experimaestro.scheduler.workspace import Workspace as Workspace

# Old paths: experimaestro.scheduler.experiment and others
__path__.append(str(Path(__path__[0]).parent / "_compat" / "scheduler"))

_HOMES = {
    "Job": "scheduler.job",
    "JobState": "events.states",
    "Listener": "scheduler.listener",
    "Workspace": "scheduler.workspace",
}
"""What is loaded at its first use: a module of the package imports the package first"""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"experimaestro.{_HOMES[name]}"), name)


class _Package(ModuleType):
    """This package, in which `experiment` is the class, also once the old module of that name is imported."""

    @property
    def experiment(self) -> Any:
        return import_module("experimaestro.session").experiment  # from above: for the old name only

    @experiment.setter
    def experiment(self, module: ModuleType) -> None:
        """The import of `experimaestro.scheduler.experiment` sets its name here."""


sys.modules[__name__].__class__ = _Package
