"""Results of version 1.8 are found again under the identifiers that they had.

The keys were given by version 1.8.3 itself for the plan of tests/support/learning.py
(tests/interchange compares them again).
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import learning
from experimaestro import experiment
from experimaestro.scheduler import elsewhere
from experimaestro.settings import FolderSettings, WorkspaceSettings
from experimaestro.workspace import legacy
from experimaestro.workspace.layout import JobPaths
from tasks import notes

VECTORS = Path(__file__).parents[1] / "core" / "vectors" / "identifiers_v1.json"


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(tmp_path / "log")


@pytest.fixture(autouse=True)
def _nothing_told() -> Iterator[None]:
    yield
    elsewhere._told.clear()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A workspace of version 1.8 in which the tests' `Data` of size 3 and of size 4 are done."""
    workspace = tmp_path / "old"
    (workspace / "xp" / "first").mkdir(parents=True)
    keys = json.loads(VECTORS.read_bytes())
    for size in (3, 4):
        write_result(workspace, keys[f"data {size}"], size)
    return workspace


def write_result(workspace: Path, key: str, size: int) -> None:
    paths = JobPaths.of(str(workspace), key)
    Path(paths.folder).mkdir(parents=True)
    for file in (paths.done, paths.lock, paths.pid, paths.script):
        Path(file).touch()
    Path(paths.out).write_text("printed", encoding="utf-8")
    Path(paths.folder, "data.txt").write_text("x" * size, encoding="utf-8")
    task = {
        "id": 1,
        "identifier": key.partition("/")[2],
        "task": 1,
        "fields": {"size": size, "log": "elsewhere"},
    }
    content = {"version": 2, "tags": {}, "workspace": str(workspace), "objects": [task]}
    Path(paths.params).write_text(json.dumps(content), encoding="utf-8")


def snapshot(workspace: Path) -> dict[str, float]:
    return {str(path): path.lstat().st_mtime_ns for path in workspace.rglob("*")}


def submit_data(env: Path | WorkspaceSettings, log: str, *sizes: int) -> list[learning.Data]:
    with experiment(env, "first", display=False):
        tasks = [learning.Data.C(size=size, log=log).submit() for size in sizes]
    return tasks  # noqa: RET504 - of a block, mypy thinks that it may end early


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_every_key_is_the_one_that_version_1_8_gave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found: list[str | None] = []
    monkeypatch.setattr(legacy, "find", lambda _, key: found.append(key))
    (tmp_path / "runs" / "xp").mkdir(parents=True)

    learning.main(str(tmp_path / "runs"), str(tmp_path / "log"), "mended")

    assert sorted(filter(None, found)) == sorted(json.loads(VECTORS.read_bytes()).values())


def test_an_old_result_is_used_and_told_once(old: Path, log: str, caplog: pytest.LogCaptureFixture):
    keys = json.loads(VECTORS.read_bytes())

    with caplog.at_level(logging.WARNING):
        three, four = submit_data(old, log, 3, 4)
        submit_data(old, log, 3, 4)

    assert notes(log) == []
    assert three.out.read_text(encoding="utf-8") == "xxx"
    (told,) = caplog.messages
    assert told in {
        f"results of version 1.8 in {old} are found under their old identifiers and used, such as "
        f"{keys[f'data {size}']} for {task.jobpath.parent.name}/{task.jobpath.name}. "
        "They stay as they are; new folders link to them"
        for size, task in ((3, three), (4, four))
    }
    origin = json.loads((three.jobpath / ".experimaestro" / "origin.json").read_bytes())
    assert origin == {"folder": f"{old}/jobs/{keys['data 3']}", "version": "1.8"}


def test_what_version_1_8_wrote_is_not_changed(old: Path, log: str):
    before = snapshot(old)

    submit_data(old, log, 3, 4)

    after = snapshot(old)
    parent = str(old / "jobs" / "learning.data")
    assert {path: after[path] for path in before if path not in {parent, str(old)}} == {
        path: mtime for path, mtime in before.items() if path not in {parent, str(old)}
    }


def test_an_old_result_moves_with_its_workspace(old: Path, log: str, tmp_path: Path):
    (task,) = submit_data(old, log, 3)
    old.rename(tmp_path / "moved")

    moved = tmp_path / "moved" / task.jobpath.relative_to(old)
    assert (moved / "data.txt").read_text(encoding="utf-8") == "xxx"


def test_an_old_result_in_an_attached_workspace_is_used(old: Path, log: str, tmp_path: Path):
    before = snapshot(old)

    submit_data(WorkspaceSettings(path=tmp_path / "new", folders=[FolderSettings(old)]), log, 3)

    assert notes(log) == []
    assert snapshot(old) == before


def test_an_old_result_of_other_parameters_is_not_used(old: Path, log: str):
    """As after a default was changed that is left out of identifiers."""
    keys = json.loads(VECTORS.read_bytes())
    params = old / "jobs" / keys["data 3"] / "params.json"
    params.write_text(params.read_text(encoding="utf-8").replace('"size": 3', '"size": 5'), encoding="utf-8")

    submit_data(old, log, 3)

    assert notes(log) == ["Data"]


def test_an_old_result_that_cannot_be_told_from_another_is_not_used(old: Path, log: str):
    keys = json.loads(VECTORS.read_bytes())
    (old / "jobs" / keys["data 3"] / "params.json").write_text('{"objects": [', encoding="utf-8")

    submit_data(old, log, 3)

    assert notes(log) == ["Data"]


def test_names_of_files_are_those_of_today():
    names_today = {
        "Train.done": None,
        "Train.pid": None,
        "Train.out": "train.out",
        "Train.err": "train.err",
        "Train.py": None,
        "Train.csv": "Train.csv",
        "params.json": "params.json",
        "out": "out",
    }

    assert {name: legacy._name_today(name, "Train", "train") for name in names_today} == names_today
