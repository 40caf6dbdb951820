"""Whether the code that a job ran has changed since."""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from experimaestro.workspace import code
from experimaestro.workspace.layout import JobPaths

STUDY = '''
"""The study."""
import importlib
import json
from pathlib import Path

from experimaestro import Param, Task, experiment

from library import tools
from library.models import linear


class Train(Task):
    """Trains."""

    lr: Param[float]

    def execute(self):
        from library.late import note
        note(tools.double(self.lr))


if __name__ == "__main__":
    import sys

    with experiment(sys.argv[1], "first", display=False):
        Train.C(lr=0.1).submit()
'''

LIBRARY = {
    "__init__.py": "",
    "tools.py": "def double(x):\n    return 2 * x\n",
    "models/__init__.py": "from . import base\n",
    "models/base.py": "NAME = 'base'\n",
    "models/linear.py": "from ..data import COLOURS\n",
    "data.py": "COLOURS = {'red', 'green', 'blue'}\n\n\ndef is_known(x):\n    return x in {'red', 'green'}\n",
    "late.py": "def note(x):\n    print(x)\n",
    "unused.py": "x = 1\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A script with a package beside it."""
    folder = tmp_path / "project"
    for name, text in LIBRARY.items():
        (folder / "library" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "library" / name).write_text(text, encoding="utf-8")
    (folder / "study.py").write_text(STUDY, encoding="utf-8")
    return folder


@pytest.fixture
def job(project: Path, tmp_path: Path) -> JobPaths:
    """A job that the script ran."""
    command = [sys.executable, str(project / "study.py"), str(tmp_path / "runs")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (folder,) = (tmp_path / "runs" / "jobs" / "__main__.train").iterdir()
    return JobPaths(str(folder), "train")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_the_code_of_a_job_is_its_class_and_all_of_the_project_that_it_imports(project: Path, job: JobPaths):
    found = json.loads(Path(job.code).read_bytes())["files"]

    used = sorted(set(LIBRARY) - {"unused.py"})
    assert sorted(found) == sorted(
        [*(str(project / "library" / name) for name in used), str(project / "study.py")]
    )
    assert code.changed(job) == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("study.py", "tools.double", "2 * tools.double"),
        ("library/tools.py", "2 * x", "3 * x"),
        ("library/models/base.py", "'base'", "'other'"),
        ("library/data.py", "'green'}", "'yellow'}"),
        ("library/late.py", "print(x)", "print(x, x)"),
    ],
)
def test_a_change_of_any_of_it_is_told(project: Path, job: JobPaths, file: str, old: str, new: str):
    edit(project / file, old, new)

    assert code.changed(job) == [str(project / file)]


def test_a_file_that_is_gone_has_changed(project: Path, job: JobPaths):
    (project / "library" / "tools.py").unlink()

    assert code.changed(job) == [str(project / "library" / "tools.py")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Trains.", "Trains a model."),
        ("class Train", "# a comment\n\n\nclass Train"),
        ("        note(", "\n\n        note( "),
    ],
)
def test_comments_layout_and_docstrings_are_no_code(project: Path, job: JobPaths, old: str, new: str):
    edit(project / "study.py", old, new)

    assert code.changed(job) == []


def test_code_that_is_run_again_is_that_of_now(project: Path, job: JobPaths):
    edit(project / "study.py", "tools.double", "2 * tools.double")
    (project / "library" / "late.py").unlink()
    assert len(code.changed(job)) == 2

    code.renew(job)

    assert code.changed(job) == []
    edit(project / "study.py", "2 * tools.double", "3 * tools.double")
    assert code.changed(job) == [str(project / "study.py")]


def test_of_many_jobs_that_ran_the_same_code_one_is_compared(
    project: Path, job: JobPaths, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(code, "JUDGED_S", 1e9)
    assert not code.has_changed(job)
    edit(project / "study.py", "tools.double", "2 * tools.double")
    assert not code.has_changed(job)

    monkeypatch.setattr(code, "JUDGED_S", -1.0)

    assert code.has_changed(job)


@pytest.mark.parametrize("content", [None, "", "[]", '{"python": "3"}'])
def test_nothing_is_noted_for_code_that_was_not_recorded(job: JobPaths, content: str | None):
    Path(job.code).unlink()
    if content is not None:
        Path(job.code).write_text(content, encoding="utf-8")

    code.renew(job)

    assert (Path(job.code).read_text(encoding="utf-8") if Path(job.code).exists() else None) == content


def test_with_another_python_every_change_of_the_text_is_one(project: Path, job: JobPaths):
    edit(Path(job.code), code._PYTHON, "cpython-27-2.7.18")
    assert code.changed(job) == []

    edit(project / "study.py", "Trains.", "Trains a model.")
    assert code.changed(job) == [str(project / "study.py")]


def test_a_file_that_is_no_python_any_more_has_changed(project: Path, job: JobPaths):
    edit(project / "study.py", "class Train", "class class")

    assert code.changed(job) == [str(project / "study.py")]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"python": 3}', '{"python": "x", "files": {"a": 3}}', "3"]
)
def test_of_a_record_that_is_not_understood_nothing_is_told(tmp_path: Path, content: str):
    paths = JobPaths(str(tmp_path), "train")
    Path(paths.internal).mkdir()
    Path(paths.code).write_text(content.replace('"a"', json.dumps(__file__)), encoding="utf-8")

    assert code.changed(paths) == []


def test_a_change_between_two_jobs_of_one_run_is_in_the_record_of_the_second(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(project))
    library = importlib.import_module("library.models.linear")
    monkeypatch.setitem(sys.modules, "library.models.linear", library)
    cls = type("Linear", (), {"__module__": "library.models.linear"})
    first, second = (JobPaths(str(tmp_path / name), "train") for name in ("first", "second"))
    for paths in (first, second):
        Path(paths.internal).mkdir(parents=True)
    code.record(first, [cls])

    edit(project / "library" / "data.py", "'blue'", "'violet'")
    code.record(second, [cls])

    assert code.changed(first) == [str(project / "library" / "data.py")]
    assert code.changed(second) == []


def test_a_file_is_read_also_where_python_mixes_up_two_threads(monkeypatch: pytest.MonkeyPatch):
    parse, calls = ast.parse, []

    def mixed_up(data: bytes) -> ast.Module:
        calls.append(data)
        if len(calls) == 1:
            raise SystemError("AST constructor recursion depth mismatch (before=42, after=35)")
        return parse(data)

    monkeypatch.setattr(ast, "parse", mixed_up)

    assert code._look_at(b"import json\n")[1] == ("json",)
