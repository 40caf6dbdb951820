"""Classes of a notebook run as jobs: cells in the shell of a kernel, jobs as processes of their own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro import FailedExperiment, experiment
from notebooks import Notebook, opened
from tasks import notes

CELLS = (
    "from experimaestro import *\nimport os as system\nimport typing",
    """
import enum

class Mode(enum.Enum):
    FAST = 1

class Data(Config):
    name: Param[str]
    parts: Param[typing.List["Data"]] = field(default_factory=list)

@Data.value_class()
class Rows(Data):
    def rows(self):
        return SCALE * len(self.name) + sum(part.rows() for part in self.parts)
""",
    """
class Train(Task):
    data: Param[Data]
    mode: Param[Mode]
    log: Meta[str]

    def execute(self):
        write(self.log, f"{self.data.rows()} {self.mode.name} {isinstance(self.data, Data)} {SCALE}")

class Report(Task):
    train: Param[Train]
    log: Meta[str]

    def execute(self):
        write(self.log, f"report on {self.train.data.name} {type(self.train) is Train}")
""",
    "SCALE = 10",
    """
def write(log, text):
    descriptor = system.open(log, system.O_WRONLY | system.O_CREAT | system.O_APPEND)
    system.write(descriptor, f"{text}\\n".encode())
    system.close(descriptor)
""",
)
RUN = """
data = Data.C(name="abc", parts=[Data.C(name="d")])
train = Train.C(data=data, mode=Mode.FAST, log=log).submit()
report = Report.C(train=train, log=log).submit()
"""


@pytest.fixture
def notebook(tmp_path: Path, log: str) -> Iterator[Notebook]:
    with opened(tmp_path) as one:
        one.run(CELLS[0])
        one["log"] = log
        yield one


def test_classes_of_cells_run_as_jobs(notebook: Notebook, tmp_path: Path, log: str):
    for cell in CELLS[1:]:
        notebook.run(cell)
    notebook["runs"] = tmp_path / "runs"
    notebook.run('xp = experiment(runs, "first", display=False).start()')
    notebook.run(RUN)
    notebook.run("xp.wait()\nxp.stop()")

    assert notes(log) == ["40 FAST True 10", "report on abc True"]
    folder = notebook["train"].jobpath
    objects = json.loads((folder / "params.json").read_text(encoding="utf-8"))["objects"]
    assert {one["file"] for one in objects} == {"__notebook__.py"}
    assert {one["typename"] for one in objects} == {"__main__.Data", "__main__.Train"}


def test_an_edit_runs_the_job_again_and_undoing_it_finds_the_first_result(
    notebook: Notebook, tmp_path: Path, log: str
):
    cells = CELLS[1:]
    for scale in (10, 20, 10):
        for cell in cells:
            notebook.run(cell)
        notebook.run(f"SCALE = {scale}")
        with experiment(tmp_path / "runs", "first", display=False):
            notebook.run(RUN)
    assert notes(log) == ["40 FAST True 10", "80 FAST True 20", "report on abc True", "report on abc True"]


def test_another_notebook_with_the_same_cells_finds_the_results(notebook: Notebook, tmp_path: Path, log: str):
    for cell in CELLS[1:]:
        notebook.run(cell)
    with experiment(tmp_path / "runs", "first", display=False):
        notebook.run(RUN)
    with opened(tmp_path) as other, experiment(tmp_path / "runs", "second", display=False):
        other["log"] = log
        for cell in (CELLS[0], CELLS[4], CELLS[3], CELLS[1], CELLS[2], RUN):
            other.run(cell)
    assert notes(log) == ["40 FAST True 10", "report on abc True"]


def test_the_folder_of_a_job_runs_alone_wherever_it_is(notebook: Notebook, tmp_path: Path, log: str):
    for cell in CELLS[1:]:
        notebook.run(cell)
    with experiment(tmp_path / "runs", "first", display=False):
        notebook.run(RUN)
    moved = tmp_path / "elsewhere" / "job"
    shutil.copytree(notebook["train"].jobpath, moved)
    shutil.rmtree(tmp_path / "runs")
    shutil.rmtree(moved / ".experimaestro")
    (moved / "train.done").unlink()

    subprocess.run([sys.executable, str(moved / "train.py")], check=True, stdin=subprocess.DEVNULL)

    assert notes(log) == ["40 FAST True 10", "40 FAST True 10", "report on abc True"]


def test_a_failure_shows_the_line_of_the_cell(notebook: Notebook, tmp_path: Path):
    notebook.run("def divide(x):\n    return 1 / x  # the line")
    notebook.run("class Train(Task):\n    x: Param[int]\n    def execute(self):\n        divide(self.x)")
    with pytest.raises(FailedExperiment) as raised, experiment(tmp_path / "runs", "first", display=False):
        task = notebook["Train"].C(x=0).submit()
    file = task.jobpath / "__notebook__.py"
    number = file.read_text(encoding="utf-8").splitlines().index("    return 1 / x  # the line") + 1
    assert f"{file}:{number} in divide: return 1 / x" in str(raised.value)
    assert "return 1 / x  # the line" in (task.jobpath / "train.err").read_text(encoding="utf-8")


def test_a_process_that_a_job_starts_finds_the_functions(notebook: Notebook, tmp_path: Path, log: str):
    notebook.run(CELLS[4])
    notebook.run("import multiprocessing\ndef double(x):\n    return 2 * x")
    notebook.run(
        """
class Train(Task):
    log: Meta[str]
    def execute(self):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            write(self.log, str(pool.map(double, [1, 2])))
"""
    )
    with experiment(tmp_path / "runs", "first", display=False):
        notebook.run("Train.C(log=log).submit()")
    assert notes(log) == ["[2, 4]"]


def test_what_is_changed_after_the_submission_does_not_reach_the_job(
    notebook: Notebook, tmp_path: Path, log: str
):
    for cell in CELLS[1:]:
        notebook.run(cell)
    with experiment(tmp_path / "runs", "first", display=False):
        notebook.run(f"{RUN}\nSCALE = 99")
    assert notes(log) == ["40 FAST True 10", "report on abc True"]
    with experiment(tmp_path / "runs", "first", display=False):
        notebook.run(f"SCALE = 10\n{RUN}")
    assert notes(log) == ["40 FAST True 10", "report on abc True"]


def test_what_a_job_saves_is_loaded_with_its_classes(notebook: Notebook, tmp_path: Path):
    notebook.run(
        "SCALE = 3\nclass Model(Config):\n    n: Param[int]\n    def size(self): return SCALE * self.n"
    )
    notebook.run(
        """
class Train(Task):
    model: Param[Model]
    def execute(self):
        save(Model.C(n=self.model.n), "model")
"""
    )
    with experiment(tmp_path / "runs", "first", display=False):
        task = notebook["Train"].C(model=notebook["Model"].C(n=2)).submit()
    notebook["folder"] = task.jobpath / "model"
    assert notebook.run("load(folder, as_instance=True).size()") == 6
    notebook["folder"] = tmp_path / "again"
    assert notebook.run("save(Model.C(n=4), folder)\nload(folder, as_instance=True).size()") == 12


def test_a_job_does_not_load_what_reads_cells(notebook: Notebook, tmp_path: Path, log: str):
    notebook.run(CELLS[4])
    notebook.run(
        """
import sys
class Loaded(Task):
    log: Meta[str]
    def execute(self):
        write(self.log, str(sorted({"ast", "dis", "experimaestro.core.cells", "IPython"} & set(sys.modules))))
"""
    )
    with experiment(tmp_path / "runs", "first", display=False):
        notebook.run("Loaded.C(log=log).submit()")
    assert notes(log) == ["[]"]
