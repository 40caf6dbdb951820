"""The notebooks of the repository, from top to bottom in a real kernel."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

EXPECTED_ERRORS = {"monitoring_and_failures": ["FailedExperiment"]}
"""What a notebook shows on purpose"""


def run(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Executes a copy in a folder of its own; an error in a cell does not end it."""
    copy = shutil.copy(path, folder)
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--execute",
        "--allow-errors",
        "--inplace",
        "--to",
        "notebook",
    ]
    done = subprocess.run([*command, str(copy)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return nbformat.read(copy, as_version=4)  # type: ignore[no-any-return] # its types are half there


def errors(notebook: nbformat.NotebookNode) -> list[str]:
    return [
        output["ename"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "error"
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem != "services"], ids=lambda p: p.stem
)
def test_a_notebook_runs_as_it_is(path: Path, tmp_path: Path):
    notebook = run(path, tmp_path)

    assert errors(notebook) == EXPECTED_ERRORS.get(path.stem, [])
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("application/vnd.jupyter.widget-view+json" in one.get("data", {}) for one in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_kept_without_output(path: Path):
    notebook = nbformat.read(path, as_version=4)

    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in notebook.cells)
    assert all(not re.search(r"/(?:root|home|work)/", cell.source) for cell in notebook.cells)


def test_the_failing_cell_says_which_line_and_what_to_do(tmp_path: Path):
    notebook = run(FOLDER / "monitoring_and_failures.ipynb", tmp_path)
    (failed,) = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "error"
    ]

    assert "ZeroDivisionError" in failed["evalue"]
    assert "return sum(map(int, chosen)) / len(chosen)" in failed["evalue"]
