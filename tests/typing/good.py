"""Right code: a type checker must have nothing to say, and must infer what is asserted."""

from typing_extensions import assert_type

from experimaestro import Config, Param, Task, experiment, tag


class Data(Config):
    """Rows to learn from."""

    rows: Param[int]
    """How many"""


class Train(Task):
    """Trains a model."""

    data: Param[Data]
    """What is learnt from"""
    lr: Param[float] = 1e-3
    """Learning rate"""

    def execute(self) -> None:
        """Uses the values with the types that were declared."""
        assert_type(self.lr, float)
        assert_type(self.data.rows, int)


with experiment("runs", "first"):
    data = Data.C(rows=10)
    assert_type(data, Data)
    task = Train.C(data=data, lr=tag(1e-2))
    assert_type(task, Train)
    task.submit()
    Train.C(data=data).submit()
