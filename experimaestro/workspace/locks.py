"""The lock of an experiment: one process at a time has an open run of it.

The file is the one that the compatible format names, locked as the `filelock` package does, so
that other versions respect it. It only keeps two runs of one experiment apart: nothing about jobs
depends on it. The system releases it when its process ends, however it ends.
"""

from filelock import FileLock, Timeout

from experimaestro.events.model import RunStarted
from experimaestro.events.owners import Owner
from experimaestro.exceptions import FormatError
from experimaestro.workspace import files
from experimaestro.workspace.journal import read_events
from experimaestro.workspace.layout import RunPaths


class ExperimentLock:
    """The lock of the experiment to which a run belongs.

    Args:
        paths: Files of any run of the experiment; the experiment's folder exists.
    """

    def __init__(self, paths: RunPaths) -> None:
        self._lock = FileLock(paths.lock, thread_local=False)
        self._current = paths.current

    def try_acquire(self) -> bool:
        """Takes the lock if nobody has it.

        Returns:
            Whether this process has it now.

        Raises:
            OSError: The file cannot be made or locked.
        """
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Lets go of the lock."""
        self._lock.release()

    def holder(self) -> tuple[Owner, float] | None:
        """Who has the lock and since when (seconds since the epoch), as far as its journal says."""
        try:
            first = next(read_events(f"{self._current}/journal.jsonl"), None)
        except (OSError, FormatError):
            return None
        return (first.owner, first.t) if isinstance(first, RunStarted) else None


def is_locked(paths: RunPaths) -> bool:
    """Whether a process has a run of the experiment open."""
    if not files.exists(paths.lock):
        return False
    lock = ExperimentLock(paths)
    try:
        taken = lock.try_acquire()
    except OSError:  # of another user: only they can have it
        return False
    if taken:
        lock.release()
    return not taken
