"""A machine, with what processes on it share: files, locks, tokens."""

import os
from pathlib import Path

from filelock import AsyncFileLock, FileLock

from experimaestro.tokens import CounterToken


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

    def lock(self, path: str | os.PathLike[str], timeout_s: float = -1) -> FileLock:
        """A lock that one process holds at a time: `with connector.lock("data.lock"): ...`.

        Args:
            path: Its file, which is made when the lock is taken.
            timeout_s: How long it is waited for, in seconds, before `filelock.Timeout` is raised; negative:
                until it is free.
        """
        return FileLock(path, timeout=timeout_s)

    def async_lock(self, path: str | os.PathLike[str], timeout_s: float = -1) -> AsyncFileLock:
        """The same for coroutines: `async with connector.async_lock("data.lock"): ...`."""
        return AsyncFileLock(path, timeout=timeout_s)

    def createtoken(self, name: str, total: int) -> CounterToken:
        """A limited number of something that jobs share; see `CounterToken`."""
        return CounterToken(name, total)
