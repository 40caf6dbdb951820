"""Asks the `launchers.py` of a person for the launcher that has what a job needs."""

import contextlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from experimaestro.connectors.local import LocalConnector
from experimaestro.exceptions import LauncherNotFoundError
from experimaestro.launcherfinder.parsing import parse
from experimaestro.launcherfinder.requirements import Requirement, RequirementUnion
from experimaestro.launchers.direct import DirectLauncher
from experimaestro.settings import config_folder

_loaded: dict[Path, tuple[float, ModuleType]] = {}
_told: set[str] = set()


def find_launcher(*specs: str | Requirement, tags: Iterable[str] = frozenset()) -> Any:
    """Finds what runs a job.

    Args:
        *specs: What the job needs, in the language or as values; several are alternatives, the
            first ones wanted most.
        tags: Passed on to the function of `launchers.py`.

    Returns:
        For `task.submit(launcher=...)`: what the function `find_launcher(requirements, tags)` of
        `launchers.py` returns. Where there is no such file, a `DirectLauncher`, which is this machine;
        the reason is said on standard error, once.

    Raises:
        RequirementError: A text cannot be read.
        LauncherNotFoundError: The function knows no launcher that has it.
    """
    needs = requirements_of(*specs)
    path = config_folder() / "launchers.py"
    if path.is_dir():
        raise LauncherNotFoundError(f"{path}: expected a Python file, found a folder")
    if not path.is_file():
        _say_once(f"there is no {path}: what needs {needs} is run on this machine, whatever it has")
        return DirectLauncher(LocalConnector.instance())
    find = getattr(_load(path), "find_launcher", None)
    if not callable(find):
        raise LauncherNotFoundError(f"{path}: there is no function find_launcher(requirements, tags=set())")
    _check(find, path)
    found = find(needs, set(tags))
    if found is None:
        raise LauncherNotFoundError(f"{path}: find_launcher knows no launcher that has {needs}")
    return found


def requirements_of(*specs: str | Requirement) -> RequirementUnion:
    """What several texts or values mean together: each is an alternative."""
    read = [parse(spec) if isinstance(spec, str) else spec for spec in specs]
    return RequirementUnion(*(one for each in read for one in each.alternatives()))


def _check(find: Callable[..., Any], path: Path) -> None:
    """Refuses a function that cannot be called as ours is."""
    signature = inspect.signature(find)
    try:
        signature.bind(None, set())
    except TypeError:
        raise LauncherNotFoundError(
            f"{path}: find_launcher must take two arguments, (requirements, tags=set()), it takes {signature}"
        ) from None


def _load(path: Path) -> ModuleType:
    """The module, read again when the file has changed."""
    changed = path.stat().st_mtime
    known = _loaded.get(path)
    if known is not None and known[0] == changed:
        return known[1]
    spec = importlib.util.spec_from_file_location("experimaestro_launchers", path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _loaded[path] = changed, module
    return module


def _say_once(text: str) -> None:
    if text not in _told:
        _told.add(text)
        with contextlib.suppress(OSError):
            sys.stderr.write(f"experimaestro: {text}\n")
            sys.stderr.flush()
