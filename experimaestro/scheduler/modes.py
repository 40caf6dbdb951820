"""What an experiment does with the tasks that are submitted to it."""

from enum import Enum, IntEnum


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


class TransientMode(IntEnum):
    """Whether a task is run for its own sake: `task.submit(transient=TransientMode.TRANSIENT)`."""

    NONE = 0
    """It is run"""
    TRANSIENT = 1
    """It is run only if a task that is run needs it"""
    REMOVE = 2
    """The same, and its folder is removed when the experiment has succeeded"""
