"""Where the files of a job are, as attributes of its objects: paths that are made when they are asked for.

Most jobs do not ask, and `pathlib` takes longer to import than a trivial job to run.
"""

from typing import Any, NamedTuple


class Files(NamedTuple):
    """The files of the job that an object belongs to."""

    folder: str
    name: str
    """Of the log: `<folder>/<name>.out`"""


class JobPath:
    """An attribute of objects in a job that is one of its paths.

    Args:
        suffix: Of the log; None: the folder.
    """

    def __init__(self, suffix: str | None) -> None:
        self._suffix = suffix

    def __set_name__(self, owner: type, name: str) -> None:
        """Learns the name of the attribute."""
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        """The path.

        Raises:
            AttributeError: The object is in no job.
        """
        files: Files | None = None if instance is None else instance.__dict__.get("_xpm_files")
        if files is None:
            name = owner.__qualname__
            raise AttributeError(f"{name} object has no attribute {self._name!r}: it is in no job")
        from pathlib import Path

        folder = Path(files.folder)
        return folder if self._suffix is None else folder / f"{files.name}.{self._suffix}"
