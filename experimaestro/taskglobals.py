"""Where the job that this process runs is: set by the job, read by its code.

Imports nothing of ours, so that every layer may read it.
"""

from pathlib import Path
from typing import ClassVar


class Env:
    """The surroundings of the running job; its attributes are None outside of one."""

    wspath: ClassVar[Path | None] = None
    """The workspace"""
    taskpath: ClassVar[Path | None] = None
    """The folder of the job"""
    slave: ClassVar[bool] = False
    """Whether this process is one of several of the job, and not the first"""

    @classmethod
    def instance(cls) -> "type[Env]":
        """The surroundings; there is one set of them in a process."""
        return cls
