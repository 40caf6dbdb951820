"""What users get wrong: one whole message, exit code 1 (2 for the usage), and no file left behind.

The cases are in `bad_cases`, what is printed for each in `bad_input.txt`. With the variable
WRITE_BAD_INPUT, that file is written anew, to be read by a person.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bad_cases import CASES, CODE
from commands import write
from experimaestro.cli.root import root
from experimaestro.settings import set_config_folder

OF_CLICK = {
    "no words",
    "an unknown option",
    "one word for a variable",
    "no such settings",
    "a workspace without a name",
}
"""Cases whose words are those of click, which change with its version"""

TEXT = Path(__file__).with_name("bad_input.txt")
EXPECTED = dict(
    zip(
        *[iter(re.split(r"^== (.*)\n", TEXT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:])] * 2,
        strict=True,
    )
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder that is the working directory; modules that are loaded from it are forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # else __pycache__ is left, as Python has it
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = dict(sys.modules)
    sys.modules.pop("code", None)  # the module of the standard library; ours has the same name
    yield tmp_path
    set_config_folder(None)
    for name in set(sys.modules) - set(modules):
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.modules.update(modules)


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_one_whole_message_and_leaves_nothing(name: str, folder: Path):
    files, words = CASES[name]
    write(folder, {"code.py": CODE, **files})
    before = sorted(folder.rglob("*"))

    ended = CliRunner().invoke(root, ["run-experiment", *words], prog_name="experimaestro")

    assert sorted(folder.rglob("*")) == before
    output = "" if name in OF_CLICK else ended.output.replace(str(folder), "HERE")
    printed = f"exit code {ended.exit_code}\n{output}\n"
    if os.environ.get("WRITE_BAD_INPUT"):
        with TEXT.open("a", encoding="utf-8") as file:
            file.write(f"== {name}\n{printed}")
    else:
        assert printed == EXPECTED[name]


def test_there_are_many_cases():
    assert len(CASES) >= 80
    assert list(CASES) == list(EXPECTED)
