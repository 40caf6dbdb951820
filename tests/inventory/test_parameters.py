"""The parameters of a job, as a person reads them."""

import json
from enum import Enum
from pathlib import Path

import pytest

from experimaestro import Config, Meta, Param, PathGenerator, Task, experiment, field
from experimaestro.inventory.parameters import parameters
from experimaestro.scheduler.modes import RunMode
from experimaestro.workspace.layout import JobPaths


class Kind(Enum):
    A = "a"


class Empty(Config): ...


class Model(Config):
    size: Param[int]


class Data(Task):
    n: Param[int]

    def execute(self) -> None: ...


class Learn(Task):
    data: Param[Data]
    more: Param[list[Data]]
    empty: Param[Empty]
    model: Param[Model]
    models: Param[dict[str, Model]]
    counts: Param[dict[int, Model]]
    sizes: Param[list[int]]
    kind: Param[Kind]
    out: Meta[Path] = field(default_factory=PathGenerator("x.txt"))

    def execute(self) -> None: ...


def test_configurations_are_followed_and_tasks_are_keys(tmp_path: Path):
    with experiment(tmp_path, "a", run_mode=RunMode.GENERATE_ONLY):
        one, two = Data.C(n=1).submit(), Data.C(n=2).submit()
        made = Learn.C(
            data=one,
            more=[one, two],
            empty=Empty.C(),
            model=Model.C(size=3),
            models={"a": Model.C(size=4)},
            counts={7: Model.C(size=5)},
            sizes=[1, 2],
            kind=Kind.A,
        ).submit()

    found = parameters(JobPaths(str(made.jobpath), "learn"))

    keys = ["/".join(task.jobpath.parts[-2:]) for task in (one, two)]
    assert found == {
        "data": keys[0],
        "more.0": keys[0],
        "more.1": keys[1],
        "empty": f"{__name__}.Empty",
        "model.size": 3,
        "models.a.size": 4,
        "counts.7.size": 5,
        "sizes": [1, 2],
        "kind": "A",
        "out": "x.txt",
    }


@pytest.mark.parametrize(
    "content", [None, "", "{}", "[]", '{"objects": []}', '{"objects": [{"id": 0}]}', '{"objects": [3]}']
)
def test_a_file_of_another_form_has_none(tmp_path: Path, content: str | None):
    paths = JobPaths(str(tmp_path), "learn")
    if content is not None:
        Path(paths.params).write_text(content, encoding="utf-8")

    assert parameters(paths) == {}


def test_a_cycle_has_an_end(tmp_path: Path):
    inside = {"type": "python", "value": 0}
    objects = [{"id": 0, "typename": "lab.A", "identifier": "0", "fields": {"self": inside}}]
    paths = JobPaths(str(tmp_path), "learn")
    Path(paths.params).write_text(json.dumps({"objects": objects}), encoding="utf-8")

    assert parameters(paths) == {"self": "lab.A"}
