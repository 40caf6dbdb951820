"""Results that are in another workspace: used there, copied, or moved.

Rule 1: only what is done is taken, and only where the workspace has no folder for the job yet: what anybody
has begun here is never touched.
Rule 2: the folder appears complete or not at all: it is made under a hidden name and renamed, or it is a
link. Whoever finds that another was faster leaves that one's.
Rule 3: nothing is written in the other workspace; only "move" leaves a link in the place of what it moved.

`use`: a link to the folder there. `backup`: a copy. `move`: the folder itself; links that lead to its old
place still find it.
"""

import contextlib
import errno
import itertools
import os
import shutil
from typing import Literal, NamedTuple

from experimaestro.workspace import attempts, files, layout
from experimaestro.workspace.layout import JobPaths

Mode = Literal["use", "backup", "move"]

_TAKEN = frozenset((errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR))
"""What a rename says when the name has been given to something else"""

_counter = itertools.count()


class Attached(NamedTuple):
    """Another workspace whose results count here as well."""

    folder: str
    """Absolute path"""
    mode: Mode = "use"


def is_done(paths: JobPaths) -> bool:
    """Whether a folder has a result.

    Raises:
        OSError: The disk does not tell.
    """
    return attempts.observe(paths).kind == "done"


def bring(paths: JobPaths, there: JobPaths, mode: Mode) -> bool:
    """Makes a result of another workspace one of this.

    Args:
        paths: The job here.
        there: The job there, which is done.
        mode: How.

    Returns:
        False if there is a folder here by now.

    Raises:
        OSError: The disk refuses; here is no folder, and there nothing has changed.
    """
    files.make_folder(os.path.dirname(paths.folder))  # noqa: PTH120 - a string
    if os.path.lexists(paths.folder):
        return False
    source = os.path.realpath(there.folder)
    if mode == "use":
        return _link(source, paths.folder)
    if mode == "move" and _rename(source, paths.folder):
        return True
    hidden = hidden_name(paths)
    try:
        shutil.copytree(source, hidden, symlinks=True)
        if not take_place(hidden, paths):
            return False
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    if mode == "move":
        _replace(source, paths.folder)
    return True


def hidden_name(paths: JobPaths) -> str:
    """A name for a folder that will become that of a job."""
    return layout.temporary(paths.folder, f"{os.uname().nodename}.{os.getpid()}.{next(_counter)}")


def take_place(hidden: str, paths: JobPaths) -> bool:
    """Gives a folder that was made under a hidden name to a job.

    Returns:
        False if the job has another one by now.

    Raises:
        OSError: The disk refuses.
    """
    try:
        os.rename(hidden, paths.folder)  # noqa: PTH104 - a string
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return False
    files.fsync_folder(os.path.dirname(paths.folder))  # noqa: PTH120 - same
    return True


def _link(source: str, folder: str) -> bool:
    try:
        os.symlink(source, folder)  # noqa: PTH211 - a string
    except FileExistsError:
        return False
    return True


def _rename(source: str, folder: str) -> bool:
    """Moves a folder on one disk, and leaves a link in its place."""
    try:
        os.rename(source, folder)  # noqa: PTH104 - a string
    except OSError:  # on another disk, or not to be changed there: it is copied
        return False
    with contextlib.suppress(OSError):  # here is all that counts
        _link(folder, source)
    return True


def _replace(source: str, folder: str) -> None:
    """Puts a link in the place of a folder that was copied; it stays where the disk refuses."""
    condemned = layout.condemned(source)
    with contextlib.suppress(OSError):
        os.rename(source, condemned)  # noqa: PTH104 - a string
        _link(folder, source)
        shutil.rmtree(condemned)
