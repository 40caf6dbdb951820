"""What `experiment(...)` is called with, checked before anything is made: no folder is looked at.

Rule: each error shows the argument as it was given, and says what was expected.
"""

import os
import warnings
from typing import Any, TypedDict

from experimaestro.core.problems import short
from experimaestro.exceptions import WorkspaceError
from experimaestro.launchers import DirectLauncher
from experimaestro.scheduler.modes import RunMode
from experimaestro.workspace.layout import RunPaths


class Earlier(TypedDict, total=False):
    """Arguments of earlier versions without effect: there is no server to describe, and no database."""

    host: Any
    port: Any
    token: Any
    wait_for_quit: Any
    register_signals: Any
    no_db: Any
    no_environmental_impact: Any


def tell_earlier(given: Earlier) -> None:
    """Tells whoever made the experiment which arguments have no effect.

    Raises:
        TypeError: One never was an argument.
    """
    for name in given:
        if name not in Earlier.__annotations__:
            raise TypeError(f"experiment(...) got an unexpected keyword argument {name!r}")
    if given:
        text = f"experiment(..., {', '.join(f'{name}=' for name in given)}): of earlier versions, no effect"
        warnings.warn(text, DeprecationWarning, stacklevel=3)


def check_options(run_mode: Any, on_failure: Any, workers: Any, launcher: Any) -> None:
    """Checks how jobs are to be run.

    Raises:
        WorkspaceError: One is wrong.
    """
    if run_mode not in RunMode.__members__.values():
        modes = ", ".join(f"RunMode.{mode.name}" for mode in RunMode)
        raise WorkspaceError(f"experiment(..., run_mode={run_mode!r}): expected one of {modes}")
    if on_failure not in {"continue", "stop"}:
        raise WorkspaceError(f'experiment(..., on_failure={on_failure!r}): expected "continue" or "stop"')
    if workers is not None and (type(workers) is not int or workers < 1):
        raise WorkspaceError(f"experiment(..., workers={workers}): expected a number of jobs from 1 up")
    if launcher is not None and not isinstance(launcher, DirectLauncher):
        raise WorkspaceError(
            f"experiment(..., launcher={short(launcher)}): expected DirectLauncher(), or None for "
            "this machine"
        )


def folder_of(env: Any, name: Any) -> str:
    """The real path of the workspace that was given, for an experiment of this name.

    Raises:
        WorkspaceError: It is no path, or `name` cannot name a folder.
    """
    if type(name) is not str:
        raise WorkspaceError(f"experiment(..., name={name!r}): expected a str")
    if (not hasattr(env, "__fspath__") and type(env) is not str) or not os.fspath(env):
        raise WorkspaceError(f"experiment({env!r}, {name!r}): expected the folder of the workspace")
    folder: str = os.path.realpath(os.fspath(env))
    try:
        folder.encode()
    except UnicodeEncodeError:
        raise WorkspaceError(
            f"{folder!a} cannot be used as workspace: its name is not UTF-8, "
            "or the locale of this process is not (set LC_ALL=C.UTF-8)"
        ) from None
    RunPaths(folder, name, "run")  # refuses a name that cannot name a folder
    return folder
