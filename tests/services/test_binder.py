"""Binder: what `binder/` asks for, in a fresh environment, runs the notebooks behind a hub-like server."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import BrowserContext, Page, TimeoutError  # noqa: A004 - Playwright's

from chromium import Chromium, chromium
from lab import Lab, Notebook, lab_server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FIRST, SERVICES = "notebooks/first_experiment.ipynb", "notebooks/services.ipynb"


class Binder(NamedTuple):
    """A server as Binder starts it, and a visitor's browser."""

    lab: Lab
    browser: Chromium


@pytest.fixture(scope="module")
def binder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Binder]:
    """JupyterLab as Binder builds and starts it: a copy of the repository, an environment, `postBuild`."""
    folder = tmp_path_factory.mktemp("binder")
    repository = folder / "notebooks"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, repository / name)
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    programs = folder / "venv" / "bin"
    python = str(programs / "python")
    # Our own pip, and modules compiled when they are imported: it takes half the time
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install"]
    subprocess.run(
        [*pip, "--quiet", "--no-compile", "-r", "binder/requirements.txt"], cwd=repository, check=True
    )
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    subprocess.run([str(repository / "binder" / "postBuild")], cwd=repository, env=environment, check=True)
    with pytest.MonkeyPatch.context() as patch, chromium() as browser:
        patch.setenv("PATH", environment["PATH"])
        patch.delenv("PYTHONPATH", raising=False)
        with lab_server(folder, "/user/alice/", python) as server:
            yield Binder(Lab(server, browser), browser)


def wait_for_run(board: Page, name: str) -> None:
    """Waits for a run as a person does: TensorBoard's page shows new ones when it is loaded again."""
    for _ in range(12):
        try:
            board.get_by_text(name, exact=True).first.wait_for(timeout=5_000)
        except TimeoutError:  # noqa: PERF203 - one turn takes seconds
            board.reload()
        else:
            return
    raise AssertionError(f"TensorBoard never showed {name}")


def run_all(notebook: Notebook, cells: int) -> None:
    """Runs all cells, and waits for the end of those with code."""
    notebook.tab.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    for index in range(cells):
        notebook.wait(index, timeout_s=60)
        assert "Traceback" not in notebook.output(index)


def in_notebook(binder: Binder, name: str, work: Callable[[Notebook], str]) -> str:
    def in_profile(profile: BrowserContext) -> str:
        notebook = binder.lab.open(profile, name)
        try:
            return work(notebook)
        finally:
            notebook.shut_down()

    return binder.browser.run(in_profile)


def test_the_first_notebook_runs_and_shows_its_experiment(binder: Binder):
    def work(notebook: Notebook) -> str:
        run_all(notebook, 5)
        notebook.tab.locator('.xpm[data-status="done"]').first.wait_for()
        return notebook.output(3)

    values = in_notebook(binder, FIRST, work)
    assert "{0.001: 0.2857" in values


def test_the_link_of_the_services_notebook_opens_tensorboard_with_the_curves(binder: Binder, tmp_path: Path):
    def work(notebook: Notebook) -> str:
        run_all(notebook, 4)
        notebook.view.get_by_role("tab", name="Services").click()
        row = notebook.view.locator('[data-service-id="tensorboard"]')
        with notebook.tab.context.expect_page() as opened:
            row.get_by_role("link", name="Open").click(timeout=60_000)
        board = opened.value
        for name in ("train/lr=0.01", "train/lr=0.1", "train/lr=1.0"):
            wait_for_run(board, name)
        board.locator("line-chart svg, line-chart canvas").first.wait_for(state="attached", timeout=30_000)
        board.wait_for_load_state("networkidle")
        (tmp_path / "tensorboard.png").write_bytes(board.screenshot())  # for people to look at
        notebook.view.scroll_into_view_if_needed()
        (tmp_path / "notebook.png").write_bytes(notebook.tab.screenshot())
        saved = str(notebook.saved())
        assert "xpm_token" not in saved
        return board.url

    address = in_notebook(binder, SERVICES, work)
    assert address.startswith(f"{binder.lab.server.url}proxy/")
    assert "xpm_token" not in address
