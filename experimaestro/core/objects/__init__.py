"""Configurations, tasks and the objects that they describe.

Rule: this package is the only one of the core that knows the user's classes; each module here is one
step: declaration (a class), config (its objects), sealing, task (the way out), instances.
"""

from experimaestro.core.objects.config import Config
from experimaestro.core.objects.sealing import DirectoryContext
from experimaestro.core.objects.task import LightweightTask, Task

__all__ = ["Config", "DirectoryContext", "LightweightTask", "Task"]
