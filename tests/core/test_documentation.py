"""What a class and its parameters are in words, and where the words are taken from."""

import linecache
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any as TypingAny

import pytest

from experimaestro import Annotated, Config, Constant, Meta, Param, PathGenerator, field, help as documented
from experimaestro.core.documentation import docstring
from experimaestro.core.source import load


def helps(cls: TypingAny) -> dict[str, str | None]:
    return {name: one.help for name, one in cls.__getxpmtype__().arguments.items()}


class Data(Config):
    """Rows to learn from.

    They come in order.

    :param rows: how many,
        at most
    :param float part: kept of them
    :param seed: of the order

    And they are many.
    """

    rows: Param[int]
    part: Param[float]
    """What is kept of them"""
    seed: Annotated[Param[int], documented("Of the random order")]
    path: Annotated[Meta[Path], documented("Loses")] = field(default_factory=PathGenerator("x"))
    """
    Where they are.

      With a second line.
    """
    silent: Param[bool] = field(default=False)
    version: Constant[int] = 2
    """Of the format"""
    constant = 3
    """Not of a parameter"""


class Special(Data):
    """Something special."""

    rows: Param[int] = field(overrides=True)
    silent: Param[bool] = field(default=True, overrides=True)
    """Whether it is silent"""
    own: Param[int]
    """Only here"""


class Bare(Config):
    x: Param[int]


def test_the_text_under_it_wins_then_help_then_the_docstring():
    assert helps(Data) == {
        "rows": "how many, at most",
        "part": "What is kept of them",
        "seed": "Of the random order",
        "path": "Where they are.\n\n  With a second line.",
        "silent": None,
        "version": "Of the format",
    }


def test_an_inherited_parameter_has_the_help_of_its_class():
    assert helps(Special) == {**helps(Data), "silent": "Whether it is silent", "own": "Only here"}


def test_the_docstring_is_title_and_description_without_the_parameters():
    found = Data.__getxpmtype__()
    assert found.title == "Rows to learn from."
    assert found.description == "They come in order.\n\nAnd they are many."
    bare = Bare.__getxpmtype__()
    assert (bare.title, bare.description, helps(Bare)) == ("", "", {"x": None})


def test_an_argument_tells_all_that_was_declared():
    arguments = Data.__getxpmtype__().arguments
    path, version, part = arguments["path"], arguments["version"], arguments["part"]
    assert (path.ignored, path.required, path.type.name, type(path.generator)) == (
        *(True, False, "Path"),
        PathGenerator,
    )
    assert (version.constant, version.default, version.required) == (True, 2, False)
    assert (part.constant, part.generator, part.ignored, part.required) == (False, None, False, True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ("", "", {})),
        ("One.", ("One.", "", {})),
        (":param x: of it", ("", "", {"x": "of it"})),
        ("One.\n:param x: a\n  b\n\n  c\nTwo.", ("One.", "Two.", {"x": "a b c"})),
        ("One.\n:param x:\n    below\n:return: two", ("One.", ":return: two", {"x": "below"})),
        ("One.\n:param List[int] x: a\n:param *xs: b", ("One.", "", {"x": "a", "xs": "b"})),
    ],
)
def test_a_docstring_is_taken_apart(text: str | None, found: tuple[str, str, dict[str, str]]):
    assert tuple(docstring(text)) == found


CELL = """
from experimaestro import Config, Param
class InCell(Config):
    x: Param[int]
    '''Of the cell'''
"""


def test_a_cell_of_a_notebook_is_read_as_the_kernel_keeps_it(monkeypatch: pytest.MonkeyPatch):
    name = "/tmp/ipykernel_1/123.py"  # no such file
    monkeypatch.setitem(linecache.cache, name, (len(CELL), None, CELL.splitlines(keepends=True), name))
    names: dict[str, TypingAny] = {"__name__": "a_cell"}
    monkeypatch.setitem(sys.modules, "a_cell", ModuleType("a_cell"))
    exec(compile(CELL, name, "exec"), names)
    assert helps(names["InCell"]) == {"x": "Of the cell"}


@pytest.mark.parametrize("source", ["", "not Python :", "class InCell: pass"])
def test_without_the_source_there_is_no_text(monkeypatch: pytest.MonkeyPatch, source: str):
    name = "<a source that is gone>"
    if source:
        monkeypatch.setitem(linecache.cache, name, (len(source), None, [source], name))
    names: dict[str, TypingAny] = {"__name__": "gone"}
    exec(compile(CELL, name, "exec"), names)
    assert helps(names["InCell"]) == {"x": None}


def test_an_edited_module_that_is_loaded_again_has_its_new_texts(tmp_path: Path):
    file = tmp_path / "edited.py"
    file.write_text(CELL, encoding="utf-8")
    first: TypingAny = load("edited", str(file))
    assert helps(first.InCell) == {"x": "Of the cell"}
    file.write_text("\n\n" + CELL.replace("Of the cell", "Of the second"), encoding="utf-8")
    assert helps(first.InCell) == {"x": "Of the second"}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), vars(first))
    assert helps(first.InCell) == {"x": "Of the second"}


def test_no_source_is_read_before_somebody_asks(tmp_path: Path):
    (tmp_path / "study.py").write_text(CELL, encoding="utf-8")
    code = (
        "import sys; from study import InCell; InCell.C(x=1).instance(); InCell.C(x=2).__identifier__()\n"
        "print([name for name in ('ast', 'inspect') if name in sys.modules])\n"
        "print(InCell.__getxpmtype__().arguments['x'].help)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.stdout, run.stderr) == ("[]\nOf the cell\n", "")
