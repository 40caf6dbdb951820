"""Init tasks that give an object its state: the weights of a model, from where they were saved.

A configuration says what a model is, not what it learnt: a task that uses a trained model is given the
model as a parameter and one of these as an init task.
"""

from experimaestro.core.arguments import Param
from experimaestro.core.datapath import DataPath
from experimaestro.core.objects.config import Config
from experimaestro.core.objects.task import LightweightTask


class SerializationLWTask(LightweightTask):
    """Base of the init tasks that load the state of an object.

    You must provide `execute`, which changes `self.value`.
    """

    value: Param[Config]
    """What is given its state"""


class PathSerializationLWTask(SerializationLWTask):
    """Base of the init tasks that load the state of an object from a file or a folder.

    You must provide `execute`. What `path` leads to is copied when the task is saved.

    Example:
        >>> class LoadWeights(PathSerializationLWTask):  # doctest: +SKIP
        ...     def execute(self):
        ...         self.value.load_weights(self.path)
        >>> Test.C(model=model).submit(init_tasks=[LoadWeights.C(value=model, path=path)])  # doctest: +SKIP
    """

    path: DataPath
    """Where the state was saved"""
