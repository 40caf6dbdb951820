"""Where jobs run: the machine that a launcher starts processes on. Here: this one (`local`)."""

import os
from pathlib import Path

__all__ = ["Connector"]


class Connector:
    """A machine with the folder in which it may keep files of ours.

    Args:
        localpath: The folder.
    """

    def __init__(self, localpath: str | os.PathLike[str]) -> None:
        self.localpath = Path(localpath)

    def resolve(self, path: Path, base: Path | None = None) -> str:
        """A path as the machine knows it.

        Args:
            path: The path.
            base: What it is written relative to; None: it is written whole.
        """
        return str(path if base is None else os.path.relpath(path, base))

    def setExecutable(self, path: Path, flag: bool) -> None:  # noqa: N802 - the name of the compatible API
        """Says that a file can be executed, or cannot, by its owner."""
        mode = path.stat().st_mode
        path.chmod(mode | 0o100 if flag else mode & ~0o100)
