"""Run computational experiments: each task once, in a process and a folder of its own.

Every public name is loaded at its first use (PEP 562), so that a job process imports only what
it runs. A type checker and an editor read the imports below.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any as _Any

__version__ = "3.0.0.dev0"
__path__.append(f"{__path__[0]}/_compat")  # old import paths: experimaestro.tools, experimaestro.mkdocs, ...

if TYPE_CHECKING:
    from experimaestro.core.arguments import (
        STDERR as STDERR,
        STDOUT as STDOUT,
        Annotated as Annotated,
        Choices as Choices,
        Constant as Constant,
        Meta as Meta,
        Option as Option,
        Param as Param,
        ParamGroup as ParamGroup,
        PathGenerator as PathGenerator,
        field as field,
        help as help,  # noqa: A004 - the name of the compatible API
        param_group as param_group,
        pathgenerator as pathgenerator,
    )
    from experimaestro.core.context import SerializationContext as SerializationContext
    from experimaestro.core.datapath import DataPath as DataPath, OptionalDataPath as OptionalDataPath
    from experimaestro.core.deprecation import deprecate as deprecate
    from experimaestro.core.marks import sealed_set as sealed_set, setmeta as setmeta
    from experimaestro.core.objects import (
        Config as Config,
        DirectoryContext as DirectoryContext,
        InstanceConfig as InstanceConfig,
        LightweightTask as LightweightTask,
        ResumableTask as ResumableTask,
        Task as Task,
    )
    from experimaestro.core.objects.actions import Action as Action, Interaction as Interaction
    from experimaestro.core.objects.copying import copyconfig as copyconfig
    from experimaestro.core.objects.hooks import SubmitHook as SubmitHook
    from experimaestro.core.objects.instances import ObjectStore as ObjectStore
    from experimaestro.core.objects.loaders import (
        PathSerializationLWTask as PathSerializationLWTask,
        SerializationLWTask as SerializationLWTask,
    )
    from experimaestro.core.objects.methods import documentation as documentation, initializer as initializer
    from experimaestro.core.objects.outputs import DependentMarker as DependentMarker
    from experimaestro.core.objects.prepare import Prepare as Prepare
    from experimaestro.core.partial import partial as partial
    from experimaestro.core.serialization.saving import (
        deserialize as deserialize,
        from_state_dict as from_state_dict,
        load as load,
        save as save,
        serialize as serialize,
        state_dict as state_dict,
    )
    from experimaestro.core.tags import (
        TagDict as TagDict,
        stop_tags as stop_tags,
        tag as tag,
        tags as tags,
        tagspath as tagspath,
    )
    from experimaestro.core.types import Any as Any
    from experimaestro.events.states import JobState as JobState
    from experimaestro.exceptions import (
        FailedExperiment as FailedExperiment,
        GracefulTimeout as GracefulTimeout,
        TaskCancelled as TaskCancelled,
    )
    from experimaestro.experiments.running import run_experiment as run_experiment
    from experimaestro.launchers.base import Launcher as Launcher
    from experimaestro.notebook.past import LoadedRun as LoadedRun, load_run as load_run
    from experimaestro.scheduler.job import Job as Job
    from experimaestro.scheduler.listener import Listener as Listener
    from experimaestro.scheduler.modes import RunMode as RunMode, TransientMode as TransientMode
    from experimaestro.session import experiment as experiment
    from experimaestro.tokens import CounterToken as CounterToken
    from experimaestro.workspace.cached import cache as cache
    from experimaestro.workspace.progress import progress as progress, tqdm as tqdm
    from experimaestro.workspace.recorded import (
        from_task_dir as from_task_dir,
        load_configs as load_configs,
        load_xp_info as load_xp_info,
    )

_HOMES = {
    "core.arguments": (
        "Annotated",
        "Choices",
        "Constant",
        "Meta",
        "Option",
        "Param",
        "ParamGroup",
        "PathGenerator",
        "STDERR",
        "STDOUT",
        "field",
        "help",
        "param_group",
        "pathgenerator",
    ),
    "core.context": ("SerializationContext",),
    "core.datapath": (
        "DataPath",
        "OptionalDataPath",
    ),
    "core.deprecation": ("deprecate",),
    "core.marks": (
        "sealed_set",
        "setmeta",
    ),
    "core.objects": (
        "Config",
        "DirectoryContext",
        "InstanceConfig",
        "LightweightTask",
        "ResumableTask",
        "Task",
    ),
    "core.objects.actions": (
        "Action",
        "Interaction",
    ),
    "core.objects.copying": ("copyconfig",),
    "core.objects.hooks": ("SubmitHook",),
    "core.objects.instances": ("ObjectStore",),
    "core.objects.loaders": (
        "PathSerializationLWTask",
        "SerializationLWTask",
    ),
    "core.objects.methods": ("documentation", "initializer"),
    "core.objects.outputs": ("DependentMarker",),
    "core.objects.prepare": ("Prepare",),
    "core.partial": ("partial",),
    "core.serialization.saving": (
        "deserialize",
        "from_state_dict",
        "load",
        "save",
        "serialize",
        "state_dict",
    ),
    "core.tags": (
        "TagDict",
        "stop_tags",
        "tag",
        "tags",
        "tagspath",
    ),
    "core.types": ("Any",),
    "events.states": ("JobState",),
    "exceptions": (
        "FailedExperiment",
        "GracefulTimeout",
        "TaskCancelled",
    ),
    "experiments.running": ("run_experiment",),
    "launchers.base": ("Launcher",),
    "scheduler.job": ("Job",),
    "scheduler.listener": ("Listener",),
    "scheduler.modes": (
        "RunMode",
        "TransientMode",
    ),
    "tokens": ("CounterToken",),
    "notebook.past": (
        "LoadedRun",
        "load_run",
    ),
    "session": ("experiment",),
    "workspace.cached": ("cache",),
    "workspace.progress": (
        "progress",
        "tqdm",
    ),
    "workspace.recorded": (
        "from_task_dir",
        "load_configs",
        "load_xp_info",
    ),
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


def load_ipython_extension(ipython: _Any) -> None:
    """Adds `%run_experiment` to a notebook: `%load_ext experimaestro`."""
    from experimaestro.experiments.magics import register  # click, only where it is asked for

    register(ipython)


def __dir__() -> list[str]:
    return list(__all__)
