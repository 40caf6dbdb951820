"""What an experiment does with the tasks that are submitted to it."""

from enum import Enum


class RunMode(Enum):
    """What an experiment does with submitted tasks."""

    NORMAL = "normal"
    """Runs them"""
    DRY_RUN = "dry-run"
    """Says what it would do with each, and changes nothing"""
