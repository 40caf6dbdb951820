"""Jobs that have another identifier now: their class was deprecated, and its results are to be found.

A job of `Old` with `@deprecate class Old(New)` is one of `New` from then on, with another folder. A link from
the new folder to the old one makes its result count. Rule: no result is moved or removed; a link is made
only where nothing is. The record of what the job was (`definition.json`), which names the old class and so
would tell a conflict, is given up: the parameters in `params.json` are still compared.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from experimaestro.core.identifier import identify
from experimaestro.core.walk import children, postorder
from experimaestro.exceptions import ExperimaestroError, WorkspaceError
from experimaestro.inventory import jobs
from experimaestro.workspace import contents, files
from experimaestro.workspace.layout import JobPaths, jobs_folder
from experimaestro.workspace.recorded import from_task_dir


class Renamed(NamedTuple):
    """A job with another identifier now."""

    key: str
    now: str
    """Its key now; "" if it cannot be loaded"""
    why: str
    """Why it cannot be loaded"""
    is_linked: bool
    """Whether its result is found under the new key"""


def renamed(workspace: str) -> Iterator[Renamed]:
    """The jobs of a workspace whose classes give them another identifier now.

    Their modules are imported, so they have to be importable here. Jobs with classes of a script or a
    notebook are left out: such a class is one of `__main__` only where that script or notebook runs, and any
    name that it had here would be another one.

    Args:
        workspace: Its folder.
    """
    for key in jobs.all_keys(workspace):
        paths = JobPaths.of(workspace, key)
        if os.path.islink(paths.folder) or not files.exists(paths.params) or _has_main(paths):  # noqa: PTH114 - a string
            continue
        try:
            now = key_now(paths)
        except (ExperimaestroError, ImportError, OSError) as error:
            yield Renamed(key, "", str(error), is_linked=False)
            continue
        if now != key:
            yield Renamed(key, now, "", files.exists(JobPaths.of(workspace, now).folder))


def key_now(paths: JobPaths) -> str:
    """The key that a job would have if it were submitted now.

    Raises:
        ExperimaestroError: It cannot be loaded.
        ImportError: Its module is not there.
    """
    task = from_task_dir(paths.folder)
    for config in postorder([task], _parts):
        config.__xpm__.digest = config.__xpm__.own_digest = None
    return f"{task.__xpm__.declaration.typename}/{identify(task)!r}"


def link(workspace: str, job: Renamed) -> bool:
    """Makes the result of a job found under its new key.

    Args:
        workspace: Its folder.
        job: See `renamed`.

    Returns:
        False if something is there already.

    Raises:
        WorkspaceError: The disk refuses.
    """
    old, new = JobPaths.of(workspace, job.key), JobPaths.of(workspace, job.now)
    try:
        files.make_folder(jobs_folder(workspace, job.now.partition("/")[0]))
        os.symlink(old.folder, new.folder)  # noqa: PTH211 - strings
        files.remove(old.definition)
        if old.name != new.name and files.exists(old.done):
            files.create_marker(new.done)  # the files of a job begin with the name of its type
    except FileExistsError:
        return False
    except OSError as error:
        raise WorkspaceError(f"{new.folder} cannot be made: {error.strerror or error}") from None
    return True


def _has_main(paths: JobPaths) -> bool:
    """Whether a class of a job is of a script or a notebook; what cannot be read has none."""
    objects = contents.json_object(files.read(paths.params)).get("objects")
    found = objects if isinstance(objects, list) else []
    return any(isinstance(one, dict) and one.get("module") == "__main__" for one in found)


def _parts(config: Any) -> list[Any]:
    info = config.__xpm__
    made_by = () if info.producer is None else (info.producer,)
    return [*made_by, *info.init_tasks, *children(config)]
