"""Configurations built and identified, against the same data in pydantic + JSON + SHA-256."""

import gc
import hashlib
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pydantic

from experimaestro import Config, Param, field
from measure import ratio, show

OBJECTS, LEAVES = 20_000, 10_000


class Optimizer(Config):
    name: Param[str]
    rate: Param[float]
    momentum: Param[float] = field(default=0.9)
    nesterov: Param[bool] = field(default=False)


class Model(Config):
    layers: Param[int]
    width: Param[int]
    dropout: Param[float]
    activation: Param[str] = field(default="relu")
    sizes: Param[list[int]]
    optimizer: Param[Optimizer]


class Experiment(Config):
    seed: Param[int]
    epochs: Param[int] = field(default=10)
    names: Param[dict[str, int]]
    model: Param[Model]


class Leaf(Config):
    number: Param[int]
    weight: Param[float]
    name: Param[str]


class Leaves(Config):
    leaves: Param[list[Leaf]]


class Node(Config):
    number: Param[int]
    left: Param["Node | None"] = field(default=None)
    right: Param["Node | None"] = field(default=None)


class PydanticOptimizer(pydantic.BaseModel):
    name: str
    rate: float
    momentum: float = 0.9
    nesterov: bool = False


class PydanticModel(pydantic.BaseModel):
    layers: int
    width: int
    dropout: float
    activation: str = "relu"
    sizes: list[int]
    optimizer: PydanticOptimizer


class PydanticExperiment(pydantic.BaseModel):
    seed: int
    epochs: int = 10
    names: dict[str, int]
    model: PydanticModel


class PydanticLeaf(pydantic.BaseModel):
    number: int
    weight: float
    name: str


class PydanticLeaves(pydantic.BaseModel):
    leaves: list[PydanticLeaf]


def three_levels(number: int, experiment: Any, model: Any, optimizer: Any) -> Any:
    return experiment(
        seed=number,
        names={"train": 1000, "test": number},
        model=model(
            layers=3,
            width=128,
            dropout=0.1,
            sizes=[1, 2, 3, number],
            optimizer=optimizer(name="sgd", rate=0.01 * number),
        ),
    )


def pydantic_digest(model: pydantic.BaseModel) -> bytes:
    return hashlib.sha256(json.dumps(model.model_dump(), sort_keys=True).encode()).digest()


def seconds(work: Callable[[], object]) -> Callable[[], float]:
    def timed() -> float:
        gc.collect()
        begin = time.process_time()
        work()
        return time.process_time() - begin

    return timed


def ours() -> None:
    for number in range(OBJECTS):
        three_levels(number, Experiment.C, Model.C, Optimizer.C).__identifier__()


def theirs() -> None:
    for number in range(OBJECTS):
        pydantic_digest(three_levels(number, PydanticExperiment, PydanticModel, PydanticOptimizer))


def our_leaves() -> None:
    Leaves.C(leaves=[Leaf.C(number=n, weight=n / 7, name="leaf") for n in range(LEAVES)]).__identifier__()


def their_leaves() -> None:
    leaves = [PydanticLeaf(number=n, weight=n / 7, name="leaf") for n in range(LEAVES)]
    pydantic_digest(PydanticLeaves(leaves=leaves))


def chain() -> None:
    node = Node.C(number=0)
    for number in range(10_000):
        node = Node.C(number=number, left=node)
    node.__identifier__()


def diamond() -> None:
    node = Node.C(number=0)
    for number in range(30):
        node = Node.C(number=number, left=node, right=node)
    node.__identifier__()


def size(make: Callable[[int], object]) -> float:
    """Bytes of one object, over 10,000."""
    make(0)
    gc.collect()
    tracemalloc.start()
    kept = [make(number) for number in range(10_000)]
    used = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    return used


def main() -> None:
    for what, mine, baseline in (
        (f"{OBJECTS:,} configurations of 3 levels / pydantic", ours, theirs),
        (f"one list of {LEAVES:,} leaves / pydantic", our_leaves, their_leaves),
    ):
        times, a, b = ratio(seconds(mine), seconds(baseline), 3)
        show(what, f"{times:.2f} ({a:.2f} s, {b:.2f} s)", "< 3")
    show("a chain of 10,000", f"{seconds(chain)():.3f} s", "< 1 s")
    show("a diamond of depth 30", f"{seconds(diamond)() * 1e3:.2f} ms", "< 1 s")
    leaf = size(lambda n: Leaf.C(number=n, weight=0.5, name="leaf"))
    base = size(lambda n: PydanticLeaf(number=n, weight=0.5, name="leaf"))
    show("memory of a configuration / pydantic", f"{leaf / base:.2f} ({leaf:.0f} B, {base:.0f} B)", "< 4")


if __name__ == "__main__":
    main()
