"""Which folder is looked at."""

import os

from experimaestro.exceptions import WorkspaceError
from experimaestro.workspace import files
from experimaestro.workspace.layout import workspace_marker


def existing(workspace: str | os.PathLike[str]) -> str:
    """The real path of a workspace.

    Raises:
        WorkspaceError: The folder is none.
    """
    folder = real(workspace)
    if not files.exists(workspace_marker(folder)):
        raise WorkspaceError(
            f"{folder} is no workspace: it has no file {os.path.basename(workspace_marker(folder))}. "  # noqa: PTH119 - a string
            "Give the folder that experiments were run in"
        )
    return folder


def real(folder: str | os.PathLike[str]) -> str:
    """The real path of a folder.

    Raises:
        WorkspaceError: There is none.
    """
    path = os.path.realpath(os.fspath(folder))
    if not os.path.isdir(path):  # noqa: PTH112 - a string
        is_file = files.exists(path)
        raise WorkspaceError(
            f"{path}: {'a file, expected a workspace' if is_file else 'there is no such folder'}"
        )
    return path
