"""What was written of classes of cells, loaded again: the notebook's own classes, while they are the same."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experimaestro import experiment, from_state_dict, from_task_dir, load, load_xp_info
from experimaestro.exceptions import ConfigurationError, ExperimaestroError
from notebooks import Notebook, opened

DATA = (
    "import enum\nclass Mode(enum.Enum):\n    FAST = 1\n"
    "class Data(Config):\n    y: Param[int]\n    mode: Param[Mode]"
)
HOLD = "class Hold(Config):\n    d: Param[Data]"
TRAIN = """
class Train(Task):
    d: Param[Data]
    def execute(self):
        found = load("../../../saved", as_instance=True)
        print(isinstance(found, Data), found.mode is Mode.FAST)
        save(Data.C(y=self.d.y, mode=self.d.mode), "result")
"""
USE = "class Use(Task):\n    train: Param[Train]\n    def execute(self):\n        print(self.train.d.y)"
EDIT = "    def more(self): return 1"


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    with opened(tmp_path) as one:
        one.run("from experimaestro import *")
        for cell in (DATA, HOLD, TRAIN, USE):
            one.run(cell)
        one["folder"] = tmp_path / "runs" / "saved"
        one.run("d = Data.C(y=9, mode=Mode.FAST)\nsave(d, folder)")
        yield one


def assert_same(notebook: Notebook, found: Any) -> None:
    """What was loaded is `d`, and is accepted wherever this is."""
    assert type(found) is notebook["Data"].C
    assert found == notebook["d"]
    assert found.mode is notebook["Mode"].FAST
    assert repr(found.__identifier__()) == repr(found.copy().__identifier__())
    assert repr(found.__identifier__()) == repr(notebook["d"].__identifier__())
    assert repr(notebook["Hold"].C(d=found).__identifier__()) == repr(
        notebook["Hold"].C(d=notebook["d"]).__identifier__()
    )


def test_what_was_saved_is_of_the_classes_of_the_notebook(notebook: Notebook):
    assert_same(notebook, load(notebook["folder"]))
    notebook.run(f"# the same code\n{DATA}")
    assert type(load(notebook["folder"])) is notebook["Data"].C


def test_a_dictionary_of_a_state_needs_no_file(notebook: Notebook):
    state = json.loads(json.dumps(notebook.run("state_dict(SerializationContext(), [d])")))
    assert_same(notebook, from_state_dict(state)[0])


def test_tasks_of_jobs_and_of_runs_are_used_as_they_were(notebook: Notebook, tmp_path: Path):
    with experiment(tmp_path / "runs", "first", display=False) as xp:
        train = notebook.run("train = Train.C(d=d).submit()")
        train = notebook["train"]
        xp.save([notebook["d"]], "model")
    assert train.stdout().read_text() == "True True\n"  # it loaded its own classes
    assert_same(notebook, load(train.jobpath / "result"))
    found = from_task_dir(train.jobpath)
    (recorded,) = load_xp_info(tmp_path / "runs" / "experiments" / "first" / "current").jobs.values()
    for one in (found, recorded):
        assert one == train
        assert_same(notebook, one.d)
    with experiment(tmp_path / "runs", "second", display=False) as xp:
        assert_same(notebook, xp.load("first", "model")[0])
        used = notebook["Use"].C(train=found).submit()
        assert notebook["Use"].C(train=recorded).__identifier__() == used.__identifier__()
    assert used.stdout().read_text() == "9\n"


def test_what_was_edited_since_is_loaded_as_it_was_and_not_accepted(notebook: Notebook):
    notebook.run(f"{DATA}\n{EDIT}\n{HOLD}")
    with pytest.warns(
        UserWarning, match="`Data` was redefined since this was written: it is loaded as it was"
    ):
        found = load(notebook["folder"])
    assert found.y == 9
    assert found != notebook.run("Data.C(y=9, mode=Mode.FAST)")
    with pytest.raises(
        ConfigurationError, match="`Data` was redefined since this was written; make it again"
    ):
        notebook["Hold"].C(d=found)
    notebook.run(f"{DATA}\n{HOLD}\nd = Data.C(y=9, mode=Mode.FAST)")
    assert_same(notebook, load(notebook["folder"]))  # undone


def test_what_was_edited_since_and_has_no_file_is_refused(notebook: Notebook):
    notebook.run(f"{DATA}\n    def only_here(self): ...\nd = Data.C(y=9, mode=Mode.FAST)")
    state = notebook.run("state_dict(SerializationContext(), d)")
    notebook.run(f"{DATA}\n{EDIT}")
    with pytest.raises(
        ExperimaestroError, match="`Data` was redefined since this was written, and what it was"
    ):
        from_state_dict(state)
    notebook.run("del Data")
    with pytest.raises(
        ExperimaestroError, match="`Data` was defined in a cell of a notebook, and what it was"
    ):
        from_state_dict(state)


def test_what_is_loaded_before_its_cell_runs_is_accepted_afterwards(notebook: Notebook, tmp_path: Path):
    shutil.copytree(notebook["folder"], tmp_path / "copy")
    with opened(tmp_path) as other:
        other.run("from experimaestro import *")
        early, second = load(notebook["folder"]), load(tmp_path / "copy")
        assert type(early) is type(second)  # one class for one code
        for cell in (DATA, HOLD):
            other.run(cell)
        other.run(
            "class Check(Task):\n    h: Param[Hold]\n"
            "    def execute(self): print(isinstance(self.h.d, Data), self.h.d.mode is Mode.FAST)"
        )
        with experiment(tmp_path / "runs", "first", display=False):
            task = other["Check"].C(h=other["Hold"].C(d=early)).submit()
        assert task.stdout().read_text() == "True True\n"


def test_a_notebook_that_has_only_loaded_classes_can_use_them(notebook: Notebook, tmp_path: Path):
    folder = notebook["folder"]
    with opened(tmp_path) as other:
        other.run("from experimaestro import *")
        other["found"] = load(folder)
        other.run(
            "class Show(Task):\n    c: Param[Config]\n"
            "    def execute(self): print(self.c.y, self.c.mode.name)"
        )
        with experiment(tmp_path / "runs", "first", display=False):
            task = other.run("Show.C(c=found).submit()")
        assert task.stdout().read_text() == "9 FAST\n"


def test_a_script_loads_what_a_notebook_wrote(notebook: Notebook, tmp_path: Path):
    with experiment(tmp_path / "runs", "first", display=False):
        notebook.run("Train.C(d=d).submit()")
    script = tmp_path / "script.py"
    script.write_text(
        "from experimaestro import load_xp_info\n"
        f"(task,) = load_xp_info({str(tmp_path / 'runs/experiments/first/current')!r}).jobs.values()\n"
        "print(task.d.y, task.d.mode.name)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.stdout == "9 FAST\n"
