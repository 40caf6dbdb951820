"""Run computational experiments: each task once, in a process and a folder of its own.

Every public name is loaded at its first use (PEP 562), so that a job process imports only what
it runs. A type checker and an editor read the imports below.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any as _Any

__version__ = "3.0.0.dev0"

if TYPE_CHECKING:
    from experimaestro.core.arguments import (
        Annotated as Annotated,
        Constant as Constant,
        Meta as Meta,
        Option as Option,
        Param as Param,
        PathGenerator as PathGenerator,
        field as field,
        help as help,  # noqa: A004 - the name of the compatible API
        pathgenerator as pathgenerator,
    )
    from experimaestro.core.objects import Config as Config, LightweightTask as LightweightTask, Task as Task
    from experimaestro.core.tags import TagDict as TagDict, stop_tags as stop_tags, tag as tag, tags as tags
    from experimaestro.core.types import Any as Any
    from experimaestro.events.states import JobState as JobState
    from experimaestro.exceptions import FailedExperiment as FailedExperiment
    from experimaestro.session import experiment as experiment
    from experimaestro.workspace.progress import progress as progress, tqdm as tqdm

_HOMES = {
    "core.arguments": (
        "Annotated",
        "Constant",
        "Meta",
        "Option",
        "Param",
        "PathGenerator",
        "field",
        "help",
        "pathgenerator",
    ),
    "core.objects": ("Config", "LightweightTask", "Task"),
    "core.tags": ("TagDict", "stop_tags", "tag", "tags"),
    "core.types": ("Any",),
    "events.states": ("JobState",),
    "exceptions": ("FailedExperiment",),
    "session": ("experiment",),
    "workspace.progress": ("progress", "tqdm"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME, "__version__"])  # noqa: PLE0605 - computed from the one table


def __getattr__(name: str) -> _Any:
    """Loads a public name at its first use."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
