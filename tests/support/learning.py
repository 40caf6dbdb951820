"""A plan that runs unchanged on versions 1.8, 2.7 and this one: `learning.py WORKSPACE LOG [fail|mended]`.

Each job leaves a line in the log.
"""

import os
import sys
from collections.abc import Callable
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, List, Optional  # noqa: UP035 - version 1.8 knows no other form

from experimaestro import (
    Config,
    Constant,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    Task,
    experiment,
    field,
    tag,
)


class Kind(Enum):
    SMALL = 1
    LARGE = 2


class Optim(Config):
    """Has all kinds of values."""

    lr: Param[float]
    name: Param[str] = field(default="adam")
    steps: Param[int] = 10
    sizes: Param[List[int]]  # noqa: UP006 - as above
    weights: Param[Dict[str, float]]  # noqa: UP006 - as above
    kind: Param[Kind]
    clip: Param[Optional[float]] = None  # noqa: UP045 - as above
    edition: Constant[int] = 2


class Job(Task):
    """Notes that it was executed."""

    log: Meta[str]

    def note(self) -> None:
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{type(self).__qualname__.partition(chr(46))[0]}\n".encode())
        os.close(descriptor)


class Data(Job):
    size: Param[int]
    out: Meta[Path] = field(default_factory=PathGenerator("data.txt"))

    def execute(self) -> None:
        self.note()
        self.out.write_text("x" * self.size, encoding="utf-8")


class Train(Job):
    __xpmid__ = "Learning.Train"  # upper case: 1.8 keeps it

    data: Param[Data]
    optim: Param[Optim]
    epochs: Param[int] = field(default=3)

    def execute(self) -> None:
        self.note()
        print(f"{self.epochs} epochs on {len(self.data.out.read_text(encoding='utf-8'))}")


class Warm(LightweightTask):
    degree: Param[int]

    def execute(self) -> None:
        print(f"warm {self.degree}")


class Evaluate(Job):
    train: Param[Train]
    others: Param[List[Data]]  # noqa: UP006 - as above

    def execute(self) -> None:
        self.note()


class Index(Config):
    size: Param[int]


class Build(Job):
    size: Param[int]

    def task_outputs(self, dep: Callable[[Index], Index]) -> Index:
        return dep(Index.C(size=self.size))

    def execute(self) -> None:
        self.note()


class Search(Job):
    index: Param[Index]

    def execute(self) -> None:
        self.note()


class Breaks(Job):
    why: Param[str]
    mended: Meta[bool] = field(default=False)

    def execute(self) -> None:
        self.note()
        if not self.mended:
            raise ValueError(self.why)


def main(workspace: str, log: str, how: str = "") -> None:
    options: Any = {"port": -1} if version("experimaestro").startswith("1.") else {}
    with experiment(workspace, "first", **options):
        data = Data.C(size=tag(3), log=log)
        data.submit()
        other = Data.C(size=4, log=log).submit()
        optim = Optim.C(lr=0.5, sizes=[1, 2], weights={"b": 1.0, "a": 2.0}, kind=Kind.LARGE)
        train = Train.C(data=data, optim=optim, log=log).submit()
        Train.C(data=data, optim=optim, epochs=4, log=log).submit(
            init_tasks=[Warm.C(degree=1), Warm.C(degree=2)]
        )
        Evaluate.C(train=train, others=[other, data], log=log).submit()
        index: Any = Build.C(size=7, log=log).submit()
        Search.C(index=index, log=log).submit()
        if how:
            Breaks.C(why="no reason", mended=how == "mended", log=log).submit()


if __name__ == "__main__":
    import learning  # jobs of other versions find an enumeration only in a module

    learning.main(*sys.argv[1:])
