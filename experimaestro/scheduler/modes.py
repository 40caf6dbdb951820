"""What an experiment does with the tasks that are submitted to it."""

from enum import Enum, IntEnum
from typing import Any

from experimaestro.core.problems import short
from experimaestro.exceptions import SubmissionError


class RunMode(Enum):
    """What an experiment does with submitted tasks."""

    NORMAL = "normal"
    """Runs them"""
    DRY_RUN = "dry-run"
    """Says what it would do with each, and changes nothing"""
    GENERATE_ONLY = "generate"
    """Writes the folder of each as it would be run, and runs none"""
    PREPARE = "prepare"
    """Prepares what they use (`Prepare`), and runs none"""


def asked_for(mode: Any) -> RunMode:
    """What `task.submit(run_mode=...)` was given.

    Raises:
        SubmissionError: It is no mode.
    """
    if isinstance(mode, RunMode):
        return mode
    modes = ", ".join(f"RunMode.{one.name}" for one in RunMode)
    raise SubmissionError(f"submit(run_mode={short(mode)}): expected one of {modes}")


class TransientMode(IntEnum):
    """Whether a task is run for its own sake: `task.submit(transient=TransientMode.TRANSIENT)`."""

    NONE = 0
    """It is run"""
    TRANSIENT = 1
    """It is run only if a task that is run needs it"""
    REMOVE = 2
    """The same, and its folder is removed when the experiment has succeeded"""
