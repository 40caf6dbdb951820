"""What packages use that once was beside the library: an empty folder, settings in JSON (`settings`)."""

import os
import shutil
from pathlib import Path

__all__ = ["cleanupdir"]


def cleanupdir(path: str | os.PathLike[str]) -> None:
    """Makes a folder that is empty: a new one, or the one that is there without what was in it.

    Links in it are removed, what they lead to is not.

    Args:
        path: The folder.

    Raises:
        FileExistsError: It is a file.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
