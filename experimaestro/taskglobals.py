"""Where the job that this process runs is: set by the job, read by its code.

Imports nothing of ours, so that every layer may read it.
"""

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


class _Surroundings(type):
    """Has the paths, made when they are asked for: most jobs do not ask, and `pathlib` takes its time."""

    _wspath: Any = None
    _taskpath: Any = None

    @property
    def wspath(cls) -> "Path | None":
        """The workspace."""
        return _path(cls._wspath)

    @wspath.setter
    def wspath(cls, path: Any) -> None:
        cls._wspath = path

    @property
    def taskpath(cls) -> "Path | None":
        """The folder of the job."""
        return _path(cls._taskpath)

    @taskpath.setter
    def taskpath(cls, path: Any) -> None:
        cls._taskpath = path


def _path(given: Any) -> "Path | None":
    if given is None:
        return None
    from pathlib import Path

    return Path(given)


class Env(metaclass=_Surroundings):
    """The surroundings of the running job; its attributes `wspath` and `taskpath` are None outside of one."""

    slave: ClassVar[bool] = False
    """Whether this process is one of several of the job, and not the first"""

    @classmethod
    def instance(cls) -> "type[Env]":
        """The surroundings; there is one set of them in a process."""
        return cls
