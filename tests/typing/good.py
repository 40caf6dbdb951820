"""Right code: a type checker must have nothing to say, and must infer what is asserted."""
# pyright: strict

from pathlib import Path
from typing import Any, Generic, TypeVar

from typing_extensions import assert_type

from experimaestro import (
    Annotated,
    Config,
    Constant,
    DependentMarker,
    Meta,
    Option,
    OptionalDataPath,
    Param,
    PathGenerator,
    Prepare,
    RunMode,
    Task,
    experiment,
    field,
    help as documented,
    tag,
)

T = TypeVar("T")


class Data(Config):
    """Rows to learn from."""

    rows: Param[int]
    """How many"""


class Cleaned(Data):
    """Rows without holes."""

    holes: Param[int] = field(default=0)


class Holder(Config, Generic[T]):
    """Holds something."""

    value: Param[T]


class Train(Task):
    """Trains a model."""

    data: Param[Data]
    """What is learnt from"""
    lr: Param[float] = 1e-3
    """Learning rate"""
    epochs: Annotated[Param[int], documented("Passes over the data")] = field(default=10)
    test: Param[Data | None] = None
    names: Param[list[str]] = field(default_factory=list)
    sizes: Param[dict[str, int]] = field(default_factory=dict)
    held: Param[Holder[Data] | None] = None
    workers: Meta[int] = field(default=2)
    verbose: Option[bool] = field(default=False)
    source: OptionalDataPath = None
    seed: Param[int] = field(default=5, ignore_default=True)
    version: Constant[int] = 2
    log: Meta[Path] = field(default_factory=PathGenerator("log.txt"))

    def execute(self) -> None:
        """Uses the values with the types that were declared."""
        assert_type(self.data.rows, int)
        assert_type(self.lr, float)
        assert_type(self.epochs, int)
        assert_type(self.test, Data | None)
        assert_type(self.names, list[str])
        assert_type(self.workers, int)
        assert_type(self.version, int)
        assert_type(self.log, Path)


class Learn(Task):
    """Gives out what it learnt."""

    size: Param[int]

    def task_outputs(self, dep: DependentMarker) -> Data:
        """What others use."""
        return dep(Data.C(rows=self.size))

    def execute(self) -> None:
        """Learns."""


class Fit(Task):
    """Says itself what is used of it."""

    size: Param[int]

    def __submit__(self, dep: DependentMarker, _add_action: Any) -> Data:
        """What others use."""
        return dep(Data.C(rows=self.size))

    def execute(self) -> None:
        """Fits."""


class Corpus(Prepare):
    """Is there when it is used."""

    def is_prepared(self) -> bool:
        """Whether it is."""
        return True


class Evaluate(Task):
    """Uses what was trained."""

    model: Param[Train]

    def execute(self) -> None:
        """Evaluates."""


with experiment("runs", "first") as xp:
    data = Data.C(rows=10)
    assert_type(data, Data)
    task = Train.C(data=data, lr=tag(1e-2))
    assert_type(task, Train)
    assert_type(task.submit(), Train)
    assert_type(Train.C(data=Cleaned.C(rows=3)).submit(), Train)
    Train.C(data=data, test=data, epochs=3, workers=1, names=["a"], sizes={"a": 1}).submit()
    Train.XPMConfig(data=data)
    learnt = Learn.C(size=3).submit(priority=1, transient=None, run_mode=RunMode.NORMAL)
    assert_type(learnt, Data)
    Train.C(data=learnt).submit()
    assert_type(Fit.C(size=3).submit(), Data)
    assert_type(xp.submit(Learn.C(size=3)), Data)
    assert_type(xp.submit(Fit.C(size=3)), Data)
    assert_type(xp.submit(Train.C(data=data)), Train)
    assert_type(Corpus.C().submit(), Corpus)
    Evaluate.C(model=task).submit()
    assert_type(data.instance(), Data)
    assert_type(data.copy(), Data)
    assert_type(data.seal(), Data)
    assert_type(data.tag("rows", 10), Data)
    held = Holder[Data].C(value=data)
    assert_type(held.value, Data)
    Train.C(data=data, held=held)
