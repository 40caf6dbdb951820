"""Wrong code: each line that ends with `# E: <code>` is what a type checker must flag."""

from experimaestro import Param, Task


class Train(Task):
    """Trains a model."""

    lr: Param[float]
    """Learning rate"""
    epochs: Param[int] = 10
    """Passes over the data"""


Train.C(lr="fast")  # E: arg-type
Train.C(lr=1e-3, epochs=1.5)  # E: arg-type
Train.C(lr=1e-3, epoch=3)  # E: call-arg
Train.C()  # E: call-arg
Train.C(lr=1e-3).rate  # E: attr-defined
