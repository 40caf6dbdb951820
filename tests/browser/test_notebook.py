"""The live view in a real JupyterLab: what a person does, and what a person sees."""

import time
from pathlib import Path

import pytest

from lab import Lab, Notebook

pytestmark = pytest.mark.slow

START = """
import sys, time
sys.path.insert(0, {support!r})
from tasks import Fail, Note
from experimaestro import experiment, tag
xp = experiment({workspace!r}, "first").start()
"""


@pytest.fixture
def start(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    support = str(request.config.rootpath / "tests" / "support")
    return START.format(support=support, workspace=str(tmp_path / "runs"))


def waiting_job(tmp_path: Path, name: str = "one") -> str:
    log, until = str(tmp_path / "log"), str(tmp_path / "go")
    return f"Note.C(name=tag({name!r}), log={log!r}, until={until!r}).submit()"


def test_a_job_is_killed_while_a_cell_sleeps(lab: Lab, start: str, tmp_path: Path):
    cells = [start, f"{waiting_job(tmp_path)}; None", "import time; time.sleep(60)"]

    def work(notebook: Notebook) -> tuple[float, bool]:
        notebook.run(0)
        notebook.wait(0)
        notebook.run(1)
        notebook.row(state="running").wait_for()
        notebook.run(2)
        notebook.tab.wait_for_timeout(500)  # the cell sleeps
        notebook.row(state="running").hover()
        notebook.row(state="running").get_by_role("button", name="Kill").click()
        notebook.view.get_by_role("button", name="Kill job").click()
        clicked = time.monotonic()
        notebook.row(state="killed").wait_for()
        return time.monotonic() - clicked, notebook.is_running(2)

    seconds, still_running = lab.with_notebook(cells, work)

    assert still_running
    assert seconds < 1.0
