"""The live view in a real JupyterLab, Notebook 7 and nbclassic: what a person does, and what they see."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import Lab, Notebook
from notebooks import write

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
    """Code that submits a job which runs until a file is there."""
    log, until = str(tmp_path / "log"), str(tmp_path / "go")
    return f"Note.C(name=tag({name!r}), log={log!r}, until={until!r}).submit(); None"


def test_the_kernel_is_that_of_the_environment_that_was_asked_for(lab: Lab):
    python = os.environ.get("XPM_KERNEL_PYTHON", os.environ.get("XPM_SERVER_PYTHON", sys.executable))
    code = "import ipykernel; print(ipykernel.__version__)"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout

    def work(notebook: Notebook) -> str:
        notebook.run(0)
        notebook.wait(0)
        return notebook.output(0)

    assert lab.with_notebook([code], work).strip() == asked.strip()


def kill(notebook: Notebook) -> float:
    """Kills the job that runs, as a person does; how long it took since the last click, in seconds."""
    notebook.row(state="running").hover()
    notebook.row(state="running").get_by_role("button", name="Kill").click()
    notebook.view.get_by_role("button", name="Kill job").click()
    clicked = time.monotonic()
    notebook.row(state="killed").wait_for()
    return time.monotonic() - clicked


SLEEPS = "time.sleep(60)"

BUSY = {
    "computes": "end = time.monotonic() + 60\nwhile time.monotonic() < end: sum(range(1000))",
    "waits": "xp.wait()",
    "awaits": "await xp",
}


@pytest.mark.parametrize("busy", BUSY)
def test_a_job_is_killed_while_a_cell(lab: Lab, start: str, tmp_path: Path, busy: str):
    def work(notebook: Notebook) -> tuple[float, bool]:
        notebook.run(0)
        notebook.wait(0)
        notebook.run(1)
        notebook.row(state="running").wait_for()
        notebook.run(2)
        notebook.wait_for_cell(2)
        seconds = kill(notebook)
        return seconds, notebook.is_running(2)

    seconds, still_running = lab.with_notebook([start, waiting_job(tmp_path), BUSY[busy]], work)

    assert seconds < 1.0
    assert still_running or busy in {"waits", "awaits"}  # these end with their last job


TICKS = """
import asyncio, ipykernel
ticks = 0
async def tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep(0.01)
ticking = asyncio.get_event_loop().create_task(tick())
"""

WAITS_WITH_OTHERS = """
before = ticks
try:
    xp.wait()
except Exception as error:
    print(type(error).__name__)
print(ipykernel.version_info[0] >= 7, "nest_asyncio" in sys.modules, ticks > before + 5)
"""


def test_in_each_host_a_job_is_killed_while_a_cell_sleeps(host: Lab, start: str, tmp_path: Path):
    def work(notebook: Notebook) -> tuple[float, bool]:
        for index in (0, 1):
            notebook.run(index)
            notebook.wait(index)
        notebook.row(state="running").wait_for()
        notebook.run(2)
        notebook.wait_for_cell(2)
        seconds = kill(notebook)
        notebook.tab.wait_for_timeout(500)  # the kernel says that it is done with the click
        notebook.wait_for_status("busy")
        running = notebook.is_running(2)
        notebook.interrupt()
        notebook.wait(2)
        notebook.wait_for_status("idle")
        return seconds, running

    seconds, still_running = host.with_notebook([start, waiting_job(tmp_path), SLEEPS], work)

    assert seconds < 1.0
    assert still_running


def test_in_each_host_a_wait_lets_other_coroutines_go_on_or_says_how(host: Lab, start: str, tmp_path: Path):
    cells = [start, TICKS, waiting_job(tmp_path), WAITS_WITH_OTHERS]

    def work(notebook: Notebook) -> str:
        for index in (0, 1, 2):
            notebook.run(index)
            notebook.wait(index)
        notebook.row(state="running").wait_for()
        notebook.run(3)
        notebook.wait_for_cell(3)
        kill(notebook)
        notebook.wait(3)
        return notebook.output(3)

    output = host.with_notebook(cells, work)

    said, old, new = "`await xp` keeps them running", "False True True", "True False False"
    assert "FailedExperiment" in output
    assert (new in output and said in output) or (old in output and said not in output)


def test_a_failure_is_read_retried_saved_and_read_again(host: Lab, start: str):
    cells = [start, "Fail.C(how=tag('raise')).submit(); None"]

    def work(notebook: Notebook) -> tuple[str, str, str, str]:
        notebook.run(0)
        notebook.wait(0)
        notebook.run(1)
        notebook.row(state="failed").click()
        error = notebook.view.locator(".xpm-panel .xpm-err strong")
        error.wait_for()
        kind, line = error.inner_text(), notebook.view.locator(".xpm-frame .hit").inner_text()
        notebook.view.get_by_role("tab", name="Output").click()
        notebook.view.get_by_role("button", name="stderr").click()
        output = notebook.view.locator(".xpm-out")
        output.get_by_text("about to fail").wait_for()
        notebook.view.locator(".xpm-panel").get_by_role("button", name="Retry").click()
        notebook.view.get_by_role("button", name="Retry job").click()
        notebook.view.get_by_role("tab", name="Details").click()
        notebook.view.locator(".xpm-tbl tbody tr").nth(1).get_by_text("failed").wait_for()
        notebook.wait_until_saved("1 failed")
        saved = notebook.saved()["cells"][0]["outputs"][1]["data"]
        again = notebook.reopened()
        again.tab.locator(again.outputs, has_text="Snapshot of").first.wait_for()
        return kind, line, saved["text/html"], again.output(0)

    kind, line, html, reopened = host.with_notebook(cells, work)

    assert kind == "ValueError"
    assert line.endswith('raise ValueError(f"no learning rate in {values}")')
    assert "token" not in html
    assert "127.0.0.1" not in html
    assert "ValueError: no learning rate in {'lr': 1}" in reopened
    assert reopened.strip().startswith("○ idle")  # and no line about a view that is not there any more
    assert "Run this cell again for the live view" in reopened


def test_a_view_that_jupyter_saved_gives_way_to_the_saved_table(lab: Lab, start: str):
    def work(notebook: Notebook) -> tuple[bool, str]:
        notebook.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
        notebook.run(0)
        notebook.wait(0)
        notebook.run(1)
        notebook.row(state="failed").wait_for()
        notebook.wait_until_saved("1 failed")
        has_view = "widgets" in notebook.saved()["metadata"]
        again = notebook.reopened()
        again.view.wait_for(state="attached")
        again.tab.locator(again.outputs, has_text="Snapshot of").first.wait_for()
        return has_view, again.output(0)

    has_view, reopened = lab.with_notebook([start, "Fail.C(how=tag('raise')).submit(); None"], work)

    assert has_view
    assert reopened.strip().startswith("○ idle")


def test_a_cell_that_is_run_again_joins_the_run(lab: Lab, start: str, tmp_path: Path):
    cells = [start, waiting_job(tmp_path), "print(xp.run_id)", start, "print(xp.run_id)"]

    def work(notebook: Notebook) -> tuple[str, str, float]:
        for index in range(5):
            notebook.run(index)
        notebook.wait(*range(5))
        views = notebook.tab.locator(".xpm")
        for i in (0, 1):
            views.nth(i).locator('[data-state="running"]').first.wait_for()
        seconds = kill(notebook)
        views.nth(1).locator('[data-state="killed"]').first.wait_for()
        return notebook.output(2), notebook.output(4), seconds

    first, second, _ = lab.with_notebook(cells, work)

    assert first == second


def test_a_second_tab_shows_the_same_run(lab: Lab, start: str, tmp_path: Path):
    def work(notebook: Notebook) -> str:
        notebook.run(0)
        notebook.run(1)
        notebook.wait(0, 1)
        notebook.saved()
        other = lab.open(notebook.tab.context, notebook.name)
        other.row(state="running").wait_for()
        kill(other)
        notebook.tab.bring_to_front()
        notebook.row(state="killed").wait_for()
        return notebook.row().get_attribute("data-state") or ""

    assert lab.with_notebook([start, waiting_job(tmp_path)], work) == "killed"


WAITS = {
    "wait": "xp.wait()",
    "await": "await xp",
    "with": "with xp:\n    pass",
    "async with": "async with xp:\n    pass",
}


@pytest.mark.parametrize("waits", WAITS)
def test_interrupt_ends_the_wait_and_the_job_goes_on(lab: Lab, start: str, tmp_path: Path, waits: str):
    def work(notebook: Notebook) -> tuple[str, str]:
        notebook.run(0)
        notebook.run(1)
        notebook.wait(0, 1)
        notebook.row(state="running").wait_for()
        notebook.run(2)
        notebook.wait_for_cell(2)
        notebook.interrupt()
        notebook.wait(2)
        output = notebook.output(2)
        state = notebook.row().get_attribute("data-state") or ""
        kill(notebook)
        return output, state

    output, state = lab.with_notebook([start, waiting_job(tmp_path), WAITS[waits]], work)

    said = output.strip().splitlines()[-1]
    assert said == "waiting was interrupted: 1 unfinished job, those that run go on"
    assert "Traceback" not in output
    assert state == "running"


def test_what_was_chosen_stays_when_the_saved_table_is_brought_up_to_date(
    lab: Lab, start: str, tmp_path: Path
):
    cells = [start, waiting_job(tmp_path), f"open({str(tmp_path / 'go')!r}, 'w').close()"]

    def work(notebook: Notebook) -> str:
        notebook.run(0)
        notebook.run(1)
        notebook.wait(0, 1)
        notebook.row(state="running").click()
        notebook.view.get_by_role("tab", name="Parameters").click()
        notebook.run(2)
        notebook.row(state="done").wait_for()
        notebook.wait_until_saved("1 done")
        return notebook.view.get_by_role("tab", name="Parameters").get_attribute("aria-selected") or ""

    assert lab.with_notebook(cells, work) == "true"


def test_after_a_restart_of_the_kernel_the_same_cells_show_the_jobs_that_went_on(
    lab: Lab, start: str, tmp_path: Path
):
    def work(notebook: Notebook) -> tuple[str, str, list[str]]:
        notebook.run(0)
        notebook.run(1)
        notebook.wait(0, 1)
        notebook.row(state="running").wait_for()
        notebook.restart()
        note = notebook.view.locator(".xpm-note p")
        note.wait_for()
        said = note.inner_text()
        notebook.run(0)
        notebook.wait(0)
        notebook.run(1)
        notebook.wait(1)
        notebook.row(state="running").wait_for()
        text = notebook.row(state="running").inner_text()
        kill(notebook)
        return said, text, sorted(path.name for path in (tmp_path / "runs" / "jobs").glob("*/*/*.pid"))

    said, text, pids = lab.with_notebook([start, waiting_job(tmp_path)], work)

    assert said == "The kernel was restarted. Run this cell again to attach to the run. Jobs go on."
    assert "runs elsewhere" in text
    assert pids == []


def test_the_run_of_another_kernel_is_shown_commanded_and_taken_over(lab: Lab, start: str, tmp_path: Path):
    def work(notebook: Notebook) -> tuple[str, str]:
        notebook.run(0)
        notebook.run(1)
        notebook.wait(0, 1)
        notebook.row(state="running").wait_for()
        write(lab.server.folder / "other.ipynb", [start])
        other = lab.open(notebook.tab.context, "other.ipynb")
        try:
            other.run(0)
            other.wait(0)
            other.row(state="running").wait_for()
            note = other.view.locator(".xpm-note p").inner_text()
            kill(other)
            notebook.tab.bring_to_front()
            notebook.row(state="killed").wait_for()
            notebook.run(2)
            notebook.wait(2)
            other.tab.bring_to_front()
            other.view.get_by_text("No job yet").wait_for()
            return note, other.view.get_attribute("data-status") or ""
        finally:
            other.shut_down()

    note, status = lab.with_notebook([start, waiting_job(tmp_path), "xp.stop()"], work)

    assert note.startswith("Another process has this experiment: ")
    assert note.endswith(". This run begins when that one ends.")
    assert status == "idle"


def test_a_block_waits_for_the_run_of_another_kernel_until_interrupt(lab: Lab, start: str, tmp_path: Path):
    block = f"with experiment({str(tmp_path / 'runs')!r}, 'first') as xp:\n    print('in the block')"

    def work(notebook: Notebook) -> tuple[str, str]:
        notebook.run(0)
        notebook.run(1)
        notebook.wait(0, 1)
        write(lab.server.folder / "block.ipynb", [start.rpartition("xp = ")[0], block])
        other = lab.open(notebook.tab.context, "block.ipynb")
        try:
            other.run(0)
            other.run(1)
            other.row(state="running").wait_for()
            note = other.view.locator(".xpm-note p")
            note.filter(has_text="This run begins when that one ends").wait_for()
            other.interrupt()
            other.wait(1)
            note.filter(has_text="was given up").wait_for()
            interrupted = other.output(1)
            other.run(1)
            other.row(state="running").wait_for()
            notebook.tab.bring_to_front()
            notebook.run(2)
            notebook.wait(2)
            other.tab.bring_to_front()
            other.wait(1)
            other.tab.locator('.xpm[data-status="done"]').first.wait_for()
            return interrupted, other.output(1)
        finally:
            other.shut_down()

    interrupted, ran = lab.with_notebook([start, waiting_job(tmp_path), "xp.stop()"], work)

    assert interrupted.strip().splitlines()[-1].endswith(" was interrupted: nothing was started")
    assert "Traceback" not in interrupted
    assert "in the block" in ran
