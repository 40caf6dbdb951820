"""What a notebook shows of an error that a user can mend: their own calls and the text, nothing of ours."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro.core.base import place
from notebooks import Notebook, opened

WRONG = """
def build(lr):
    return Train.C(lr=lr)

build("high")
"""


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    with opened(tmp_path) as one:
        one.name_cells_as_kernels_do()
        one.shell.InteractiveTB.set_mode("Context")  # as kernels have it
        monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: one.shell)
        one.run("from experimaestro import Param, Task\nclass Train(Task):\n    lr: Param[float]")
        yield one


def test_the_calls_of_the_user_are_shown_and_none_of_ours(
    notebook: Notebook, capsys: pytest.CaptureFixture[str]
):
    notebook.shell.run_cell(WRONG)

    said = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert 'build("high")' in said
    assert "return Train.C(lr=lr)" in said
    assert "expected a float, got 'high'" in said
    assert "config.py" not in said


def test_a_place_in_a_cell_is_told_by_its_number(notebook: Notebook, monkeypatch: pytest.MonkeyPatch):
    code = compile("x = 1", "/tmp/ipykernel_12/3330.py", "exec")
    assert place(code, 0) == "3330.py:1"
    monkeypatch.setattr(notebook.shell.compile, "_filename_map", {code.co_filename: 6})
    assert place(code, 0) == "In[6]:1"
