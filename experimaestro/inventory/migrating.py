"""Brings the workspace of version 1 up to date.

Version 1 has one folder for each experiment, `xp/<name>`, with links to its jobs; since version 2 an
experiment has runs, `experiments/<name>/<date>`. Rule: a folder is moved in one step; jobs are not touched;
a name that is taken is left alone.
"""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from experimaestro.exceptions import WorkspaceError
from experimaestro.inventory import runs
from experimaestro.workspace import files
from experimaestro.workspace.layout import RunPaths, old_experiments_folder, workspace_marker


class Move(NamedTuple):
    """An experiment of version 1, and what it becomes."""

    experiment: str
    source: str
    target: RunPaths


def moves(workspace: str) -> list[Move]:
    """What is to be moved.

    Args:
        workspace: Its folder.

    Raises:
        WorkspaceError: It is no workspace of version 1.
    """
    old = old_experiments_folder(workspace)
    if not files.exists(old):
        raise WorkspaceError(f"{workspace} has no folder {Path(old).name}: it is no workspace of version 1")
    found = []
    for name in sorted(files.names(old)):
        source = f"{old}/{name}"
        if os.path.isdir(source):  # noqa: PTH112 - a string
            date = datetime.fromtimestamp(Path(source).stat().st_mtime).astimezone()
            found.append(Move(name, source, RunPaths(workspace, name, f"{date:%Y%m%d_%H%M%S}")))
    return found


def perform(workspace: str, move: Move) -> bool:
    """Moves one experiment.

    Args:
        workspace: Its folder.
        move: See `moves`.

    Returns:
        False if the run is there already.

    Raises:
        WorkspaceError: The disk refuses.
    """
    target = move.target
    if files.exists(target.folder):
        return False
    try:
        files.make_folder(target.experiment_folder)
        is_done = files.exists(f"{move.source}/state.json")  # written at a success only
        Path(move.source).rename(target.folder)
        keys = [one.key for one in runs.submitted(target)]
        lines = [_line(key) for key in keys]
        files.replace(target.jobs_jsonl, "".join(f"{line}\n" for line in lines).encode())
        status = {
            "version": 1,
            "experiment_id": move.experiment,
            "run_id": os.path.basename(target.folder),  # noqa: PTH119 - a string
            "status": "done" if is_done else "failed",
        }
        files.replace(target.status, json.dumps(status, indent=1).encode())
        if not os.path.lexists(target.current):
            Path(target.current).symlink_to(os.path.basename(target.folder))  # noqa: PTH119 - a string
        files.create_marker(workspace_marker(workspace))
    except OSError as error:
        raise WorkspaceError(f"{error.filename or move.source}: {error.strerror or error}") from None
    return True


def _line(key: str) -> str:
    task, _, identifier = key.partition("/")
    return json.dumps({"job_id": identifier, "task_id": task, "tags": {}})
