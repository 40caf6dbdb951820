# ruff: noqa: E501
# (the texts of errors stand as they are shown)
"""Where classes come from, and how another process gets them: with real processes."""

import subprocess
import sys
import types
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from experimaestro import Config, Param, Task
from experimaestro.core.source import home, load, load_class
from experimaestro.exceptions import DefinitionError

ErrorOf = Callable[[Callable[[], Any]], str]

SCRIPT = """
import sys
from enum import Enum
from experimaestro import Config, Param, Task, experiment

print("the script runs as", __name__)

class Color(Enum):
    RED = 1

class Part(Config):
    size: Param[int]

class Train(Task):
    part: Param[Part]
    parts: Param[list[Part]]
    color: Param[Color]
    def execute(self):
        print("executing", self.part.size, self.color)
"""
GUARDED = """
if __name__ == "__main__":
    {body}
"""
DUMP = (
    "import json; from experimaestro.core import context; "
    "context.current = type('S', (), {'workspace': '/ws', 'submit': lambda self, s: print(json.dumps("
    "{'workspace': '/ws', 'version': 3, 'objects': s.objects(), 'key': s.key}))})(); "
    "Train.C(part=Part.C(size=3), parts=[Part.C(size=4)], color=Color.RED).submit()"
)
JOB = """
import json, sys
params = json.loads(sys.argv[1])
from experimaestro.core.serialization import load_instances
task, init_tasks = load_instances(params, "/ws/jobs/" + params["key"])
task.execute()
print("loaded as", type(task).__module__, type(task.part) is type(task.parts[0]))
print("session loaded:", "experimaestro.session" in sys.modules)
"""


def python(*arguments: str, folder: Path, fails: bool = False) -> str:
    """What a new interpreter prints, run in a folder; its last line of errors if it fails."""
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (run.returncode != 0) == fails, run.stderr
    return run.stderr.strip().splitlines()[-1] if fails else run.stdout


def submitted(folder: Path, *command: str) -> str:
    """What a script that prints its submission prints last."""
    return python(*command, folder=folder).splitlines()[-1]


def test_the_classes_of_a_script_are_loaded_once_and_its_body_does_not_run(tmp_path: Path):
    (tmp_path / "study.py").write_text(SCRIPT + GUARDED.format(body=DUMP), encoding="utf-8")
    params = submitted(tmp_path, "study.py")
    assert '"module": "__main__"' in params
    assert f'"file": "{tmp_path}/study.py"' in params
    assert python("-c", JOB, params, folder=tmp_path).splitlines() == [
        "the script runs as study",
        "executing 3 Color.RED",
        "loaded as study True",
        "session loaded: False",
    ]


def test_a_script_that_is_not_on_the_path_gets_a_name_of_ours(tmp_path: Path):
    (tmp_path / "study.py").write_text(SCRIPT + GUARDED.format(body=DUMP), encoding="utf-8")
    params = submitted(tmp_path, "study.py")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert "the script runs as __xpm_main__" in python("-c", JOB, params, folder=elsewhere)


def test_a_script_without_a_guard_is_loaded_up_to_its_experiment(tmp_path: Path):
    body = 'with experiment("runs", "first") as xp:\n    print("the body runs")\n'
    (tmp_path / "study.py").write_text(
        SCRIPT + GUARDED.format(body=DUMP + "; sys.exit()") + body, encoding="utf-8"
    )
    params = submitted(tmp_path, "study.py")
    assert python("-c", JOB, params, folder=tmp_path).splitlines() == [
        "the script runs as study",
        "executing 3 Color.RED",
        "loaded as study True",
        "session loaded: False",
    ]


def test_a_class_below_the_experiment_is_said_to_be_too_low(tmp_path: Path):
    start = (
        "from experimaestro import experiment\nif __name__ != '__main__':\n    experiment('runs', 'first')\n"
    )
    (tmp_path / "study.py").write_text(start + SCRIPT + GUARDED.format(body=DUMP), encoding="utf-8")
    params = submitted(tmp_path, "study.py")
    assert python("-c", JOB, params, folder=tmp_path, fails=True) == (
        f"experimaestro.exceptions.DefinitionError: Part is not defined in {tmp_path}/study.py as a job loads it: "
        "a job stops at the call of `experiment(...)`. Define the class above it (params.json, object 0)"
    )


def test_after_loading_the_real_experiment_is_there(tmp_path: Path):
    (tmp_path / "ends.py").write_text(
        "import experimaestro\nexperimaestro.experiment('a', 'b')\n", encoding="utf-8"
    )
    code = (
        "import sys, experimaestro; sys.path.insert(0, '.'); from experimaestro.core.source import load; "
        "load('ends', definitions_only=True); print(sys.modules['ends'].__name__, experimaestro.experiment)"
    )
    assert python("-c", code, folder=tmp_path) == "ends <class 'experimaestro.session.experiment'>\n"


def test_a_module_that_is_run_by_name_is_found_by_name(tmp_path: Path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "study.py").write_text(
        "from . import __name__ as parent\n" + SCRIPT + GUARDED.format(body=DUMP), encoding="utf-8"
    )
    params = submitted(tmp_path, "-m", "package.study")
    assert '"module": "package.study"' in params
    assert '"typename": "__main__.Train"' in params
    assert '"file"' not in params
    assert "loaded as package.study True" in python("-c", JOB, params, folder=tmp_path)


def test_a_class_of_a_session_is_refused_at_submission_unless_its_text_is_known(tmp_path: Path):
    code = SCRIPT.strip() + "\n" + DUMP
    if sys.version_info >= (3, 13):  # Python keeps the text of -c: the class is shipped, as that of a cell
        assert "__main__.train" in python("-c", code, folder=tmp_path)
        return
    assert python("-c", code, folder=tmp_path, fails=True) == (
        "experimaestro.exceptions.DefinitionError: Part was defined in an interactive session, where no job finds "
        "it. Put the class in a file and import it"
    )


def test_a_module_made_by_hand_is_refused(error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch):
    module = types.ModuleType("made_by_hand")
    monkeypatch.setitem(sys.modules, "made_by_hand", module)
    made = type("Made", (), {"__module__": "made_by_hand"})
    assert error_of(lambda: home(made)) == (
        "DefinitionError: Made is in the module 'made_by_hand', which has no file: no job finds it. "
        "Put the class in a file and import it"
    )


class Part(Config):
    """Of this module."""

    size: Param[int]


def test_a_module_that_its_name_does_not_find_is_written_with_its_file(tmp_path: Path):
    file = tmp_path / "apart.py"
    file.write_text(
        "from experimaestro import Config\nclass Outer:\n    class Inner(Config):\n        pass\n",
        encoding="utf-8",
    )
    inner = load_class("apart", "Outer.Inner", str(file))
    assert home(inner) == ("apart", "Outer.Inner", str(file))
    assert load_class("apart", "Outer.Inner", str(file)) is inner
    assert home(Task) == ("experimaestro.core.objects.task", "Task", None)
    assert home(Enum) == ("enum", "Enum", None)


def test_two_files_of_one_name_are_two_modules(tmp_path: Path):
    found = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "twins.py").write_text(f"NAME = {name!r}\n", encoding="utf-8")
        module: Any = load("twins", str(folder / "twins.py"))
        found.append(module.NAME)
    assert found == ["a", "b"]


def test_what_is_not_there_any_more_is_said(tmp_path: Path, error_of: ErrorOf):
    file = tmp_path / "emptied.py"
    assert error_of(lambda: load("emptied", str(file))) == (
        f"DefinitionError: {file} is not there any more: the job cannot load the module 'emptied'"
    )
    file.write_text("x = 1\n", encoding="utf-8")
    assert error_of(lambda: load_class("emptied", "Train", str(file))) == (
        f"DefinitionError: Train is not defined in {file} as a job loads it: the class was renamed or moved "
        "(leave one of that name there, with `@deprecate`), or is only defined under `if __name__ == '__main__':` "
        "(define it above)"
    )
    with pytest.raises(ModuleNotFoundError):
        load("there_is_no_such_module", definitions_only=True)


def test_an_error_of_the_module_is_the_users(tmp_path: Path):
    file = tmp_path / "broken.py"
    file.write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        load("broken", str(file))
    assert "broken" not in sys.modules


def test_a_script_under_a_profiler_is_found(tmp_path: Path):
    (tmp_path / "study.py").write_text(SCRIPT + GUARDED.format(body=DUMP), encoding="utf-8")
    printed = python("-m", "cProfile", "study.py", folder=tmp_path)
    params = next(line for line in printed.splitlines() if line.startswith("{"))
    assert "loaded as study True" in python("-c", JOB, params, folder=tmp_path)


def test_definition_errors_are_those_of_python_as_well():
    assert issubclass(DefinitionError, TypeError)


def test_the_core_is_light(tmp_path: Path):
    code = "import sys; import experimaestro.core.objects; print(*sorted(sys.modules))"
    loaded = set(python("-c", code, folder=tmp_path).split())
    bare = set(python("-c", "import sys; print(*sorted(sys.modules))", folder=tmp_path).split())
    heavy = {"dataclasses", "inspect", "asyncio", "msgspec", "hashlib", "json", "difflib", "logging"}
    assert not heavy & (loaded - bare)
    assert {name for name in loaded if name.startswith("experimaestro.")} == {
        name for name in loaded if name.startswith(("experimaestro.core", "experimaestro.exceptions"))
    }
