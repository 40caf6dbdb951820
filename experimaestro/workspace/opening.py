"""Makes a folder a workspace, and the folder of a new run in it.

Rules: what can be refused is refused before anything is left behind; a folder that was there is
left as it was.
"""

import contextlib
import os
from datetime import datetime
from pathlib import Path

from experimaestro.exceptions import WorkspaceError
from experimaestro.workspace import files
from experimaestro.workspace.layout import RunPaths, workspace_marker

_made: set[str] = set()
"""Folders of runs that this process made: one that was removed since is not given to another run"""


def prepare(workspace: str) -> None:
    """Makes sure that the folder is a workspace that can be written.

    Raises:
        WorkspaceError: It cannot; nothing was left in it.
    """
    made = [folder for folder in (Path(workspace), *Path(workspace).parents) if not folder.exists()]
    probe = f"{workspace}/.probe-{os.getpid()}"
    try:
        files.make_folder(workspace)
        try:
            files.replace(probe, b"experimaestro can write here\n" * 150, fsync=True)
        finally:
            files.remove(probe)
        files.create_marker(workspace_marker(workspace))
    except OSError as error:
        with contextlib.suppress(OSError):
            for folder in made:
                folder.rmdir()
        if isinstance(error, (FileExistsError, NotADirectoryError)):
            what = "it, or a folder above it, is a file. Give the path of a folder"
        else:
            what = f"{error.strerror or error}. Free space or change permissions, or give another folder"
        raise WorkspaceError(f"{workspace} cannot be used as workspace: {what}") from None


def new_run(workspace: str, name: str, t: float) -> tuple[str, RunPaths]:
    """Makes the folder of a new run, named after its time, and points `current` to it."""
    stamp = f"{datetime.fromtimestamp(t).astimezone():%Y%m%d_%H%M%S}"
    number = 0
    while True:
        run_id = f"{stamp}.{number}" if number else stamp
        paths = RunPaths(workspace, name, run_id)
        with contextlib.suppress(FileExistsError):
            if paths.folder not in _made:
                Path(paths.folder).mkdir()
                _made.add(paths.folder)
                break
        number += 1
    link = f"{paths.current}.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        Path(link).unlink()
    Path(link).symlink_to(run_id)
    Path(link).replace(paths.current)
    return run_id, paths
