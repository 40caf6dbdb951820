"""Notebooks that run without a browser, and what is read of them later."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from notebooks import write

pytestmark = pytest.mark.slow


def executed(folder: Path, cells: list[str], *options: str) -> Any:
    """Runs a notebook with nbconvert, without network; returns what it saved."""
    path = folder / "study.ipynb"
    write(path, cells)
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", *options]
    own = {"JUPYTER_CONFIG_DIR": str(folder / "config"), "IPYTHONDIR": str(folder / "ipython")}
    environment = {**os.environ, **own, "JUPYTER_PLATFORM_DIRS": "1"}
    subprocess.run([*command, str(path)], env=environment, check=True, capture_output=True, timeout=120)
    return json.loads(path.read_text(encoding="utf-8"))


def cells_of(tmp_path: Path, request: pytest.FixtureRequest) -> list[str]:
    support = str(request.config.rootpath / "tests" / "support")
    log, workspace = str(tmp_path / "log"), str(tmp_path / "runs")
    start = f"""
import sys
sys.path.insert(0, {support!r})
from tasks import Fail, Note
from experimaestro import FailedExperiment, experiment, tag
xp = experiment({workspace!r}, 'first').start()
"""
    submit = f"""
Note.C(name=tag('one'), log={log!r}).submit()
Fail.C(how=tag('raise')).submit()
None
"""
    wait = """
try:
    xp.wait()
except FailedExperiment:
    print('failed')
"""
    show = f"Note.C(name=tag('one'), log={log!r}).submit()"
    return [start, submit, wait, show, f"{show}.job"]


def test_a_notebook_that_was_run_without_a_browser_has_the_final_state(
    tmp_path: Path, request: pytest.FixtureRequest
):
    notebook = executed(tmp_path, cells_of(tmp_path, request))

    view, saved = notebook["cells"][0]["outputs"]
    assert "application/vnd.jupyter.widget-view+json" in view["data"]
    html = "".join(saved["data"]["text/html"])
    assert "1 done" in html
    assert "1 failed" in html
    assert "no learning rate in" in html
    assert "127.0.0.1" not in html

    for cell in notebook["cells"][3:]:
        (shown,) = cell["outputs"]
        tree = "".join(shown["data"]["text/html"])
        assert "<details open>" in tree
        assert "done" in tree
        assert re.match(r"Note tasks\.note  ✓ done .*\n  log  ", "".join(shown["data"]["text/plain"]))

    markdown = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "markdown", "--stdout", str(tmp_path / "study.ipynb")],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip
    assert "no learning rate in" in markdown
    assert "Snapshot of" in markdown
