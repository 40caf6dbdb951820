"""Removes folders of jobs and runs.

Rule: a folder first gets a hidden name, in one step, and is then emptied: whatever is killed, no half of a
result is left that looks whole. A job that runs, or may run, is never removed.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from experimaestro.exceptions import WorkspaceError
from experimaestro.workspace import attempts, interchange
from experimaestro.workspace.layout import JobPaths, temporary

REMOVABLE = frozenset(("done", "failed", "free", "gone"))
"""What the folder of a job may say for it to be removed"""


def size(folder: str) -> int:
    """The bytes of all files in a folder; links are not followed."""
    return sum(_bytes(f"{path}/{name}") for path, _, names in os.walk(folder) for name in names)


def _bytes(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:  # just removed
        return 0


def shown(count: int) -> str:
    """A number of bytes for people.

    Example:
        >>> shown(512), shown(2_500_000)
        ('512 B', '2.5 MB')
    """
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def remove_job(paths: JobPaths) -> bool:
    """Removes the folder of a job.

    Returns:
        False if the job runs or may run, or if its folder is gone.

    Raises:
        WorkspaceError: The disk refuses.
    """
    if attempts.observe(paths).kind not in REMOVABLE:
        return False
    lock = interchange.lock(paths)  # whoever runs a job has it: from here on nobody can begin
    if lock is None:
        return False
    try:
        return remove_folder(paths.folder)
    finally:
        interchange.release(lock)


def remove_folder(folder: str) -> bool:
    """Removes a folder and all in it; of a link, only the link.

    Returns:
        False if it is gone.

    Raises:
        WorkspaceError: The disk refuses.
    """
    path = Path(folder)
    try:
        if path.is_symlink():
            path.unlink()
            return True
        hidden = temporary(folder, str(os.getpid()))
        path.rename(hidden)
        shutil.rmtree(hidden)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise WorkspaceError(
            f"{error.filename or folder} cannot be removed: {error.strerror or error}"
        ) from None
    return True


def total(folders: Iterable[str]) -> int:
    """The bytes of several folders."""
    return sum(map(size, folders))
