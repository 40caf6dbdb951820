"""Wrong code: what each type checker says of each line is in `bad.txt`."""

from pathlib import Path
from typing import Generic, TypeVar

from experimaestro import (
    Config,
    Constant,
    DependentMarker,
    Meta,
    Param,
    PathGenerator,
    Task,
    experiment,
    field,
)

T = TypeVar("T")


class Data(Config):
    """Rows to learn from."""

    rows: Param[int]
    """How many"""


class Holder(Config, Generic[T]):
    """Holds something."""

    value: Param[T]


class Train(Task):
    """Trains a model."""

    lr: Param[float]
    """Learning rate"""
    data: Param[Data | None] = None
    """What is learnt from"""
    epochs: Param[int] = field(default=10)
    names: Param[list[str]] = field(default_factory=list)
    held: Param[Holder[Data] | None] = None
    workers: Meta[int] = 2
    version: Constant[int] = 1
    log: Meta[Path] = field(default_factory=PathGenerator("log.txt"))


class Learn(Task):
    """Gives out what it learnt."""

    def task_outputs(self, dep: DependentMarker) -> Data:
        """What others use."""
        return dep(Data.C(rows=3))


class WrongDefaults(Config):
    """The defaults are of other types."""

    size: Param[int] = field(default="big")
    sizes: Param[list[int]] = field(default_factory=str)
    no_size: Param[int] = None


# What is wrong
Train.C(lr="fast")
Train.C(lr=1e-3, epochs=1.5)
Train.C(lr=1e-3, epoch=3)
Train.C()
Train.C(1e-3)
Train.C(lr=1e-3, data=Holder.C(value=3))
Train.C(lr=1e-3, data=3)
Train.C(lr=None)
Train.C(lr=1e-3, names=["a", 1])
Train.C(lr=1e-3, workers="two")
Train.C(lr=1e-3, version="new")
Train.C(lr=1e-3, log=Path("log.txt"))  # not by mypy
Train.C(lr=1e-3, held=Holder[int].C(value=3))
Holder[Data].C(value=3)
Train.C(lr=1e-3).rate
Train.C(lr=1e-3).instance().rate
Train.C(lr=1e-3).copy().rate
Data.C(rows=3).submit()
with experiment("runs", "first"):
    Train.C(lr=1e-3).submit().rate
    Train.C(lr=1e-3).submit(later=True)
    Train.C(lr=1e-3).submit(priority="high")
    Learn.C().submit(later=True)
    Learn.C().submit(priority="high")
    Learn.C().submit().job
