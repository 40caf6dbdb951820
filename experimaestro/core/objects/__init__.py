"""Configurations, tasks and the objects that they describe.

Rule: this package is the only one of the core that knows the user's classes; each module here is one
step: declaration (a class), config (its objects), sealing, task (the way out), instances.
"""

from experimaestro.core.base import Information as ConfigInformation
from experimaestro.core.objects.config import Config, InstanceConfig
from experimaestro.core.objects.sealing import DirectoryContext
from experimaestro.core.objects.task import LightweightTask, ResumableTask, Task

__all__ = [
    "Config",
    "ConfigInformation",
    "DirectoryContext",
    "InstanceConfig",
    "LightweightTask",
    "ResumableTask",
    "Task",
]
