"""Results of version 1.8, adopted under the identifiers of today.

Rules: what version 1.8 wrote is never changed. A result is adopted as a folder of links: each leads to a file
or folder of the old one, and beside them is what only today's version writes (`.done`, and where the result
comes from). The folder appears complete or not at all.
"""

import json
import os
import shutil

from experimaestro.workspace import files, layout
from experimaestro.workspace.attached import hidden_name, is_done, take_place
from experimaestro.workspace.layout import JobPaths

_STATES = (".done", ".failed", ".pid", ".lock", ".py")
"""Ends of the names of files that say what became of a job, or start it: those of 1.8 count no more"""

_KEPT = (".out", ".err")
"""Ends of the names of files that people read: they get the name that they have today"""


def has_v1(workspace: str) -> bool:
    """Whether experiments of version 1 were run in a workspace."""
    return os.path.lexists(layout.v1_marker(workspace))


def find(workspace: str, key: str) -> JobPaths | None:
    """The result of a job of version 1.8.

    Args:
        workspace: Where to look.
        key: The name that its folder had.

    Raises:
        OSError: The disk does not tell.
    """
    paths = JobPaths.of(workspace, key)
    return paths if is_done(paths) else None


def adopt(paths: JobPaths, old: JobPaths, definition: bytes) -> bool:
    """Makes a result of version 1.8 that of a job.

    Args:
        paths: The job.
        old: The result.
        definition: What the job is (`definition.json`): `params.json` of 1.8 has other identifiers.

    Returns:
        False if the job has a folder by now.

    Raises:
        OSError: The disk refuses; the job has no folder.
    """
    if os.path.lexists(paths.folder):
        return False
    new = JobPaths(hidden_name(paths), paths.name)
    here, there = paths.folder.rsplit("/", 3)[0], old.folder.rsplit("/", 3)[0]
    # Within a workspace the links are relative: it may be moved
    target = os.path.relpath(old.folder, paths.folder) if here == there else old.folder
    files.make_folder(new.internal)
    try:
        for name in files.names(old.folder):
            link = _name_today(name, old.name, new.name)
            if link is not None:
                os.symlink(f"{target}/{name}", f"{new.folder}/{link}")  # noqa: PTH211 - strings
        origin = {"folder": old.folder, "version": "1.8"}
        files.replace(new.definition, definition)
        files.replace(new.origin, json.dumps(origin).encode())
        files.create_marker(new.done, fsync=True)
        return take_place(new.folder, paths)
    finally:
        shutil.rmtree(new.folder, ignore_errors=True)


def _name_today(name: str, old: str, new: str) -> str | None:
    """What a file of a job of 1.8 is called today; None if it counts no more.

    Args:
        name: Name of the file.
        old: How the names of the job's own files began.
        new: How they begin today.
    """
    stem, dot, end = name.rpartition(".")
    if stem == old and dot + end in _STATES:
        return None
    return f"{new}.{end}" if stem == old and dot + end in _KEPT else name
