"""A service's own display in a real JupyterLab."""

from pathlib import Path

import pytest

from lab import Lab, Notebook

pytestmark = pytest.mark.slow

CELL = """
import sys
sys.path.insert(0, {support!r})
from pages import Page
from experimaestro import experiment
xp = experiment({workspace!r}, "first", display=False).start()
page = xp.add_service(Page("title"))
page.widget
"""


def test_it_is_started_opened_and_stopped_where_it_is_shown(
    lab: Lab, tmp_path: Path, request: pytest.FixtureRequest
):
    support = str(request.config.rootpath / "tests" / "support")
    cell = CELL.format(support=support, workspace=str(tmp_path / "runs"))

    def work(notebook: Notebook) -> tuple[str, str, str]:
        notebook.run(0)
        notebook.wait(0)
        row = notebook.view.locator("[data-service-id]")
        row.get_by_role("button", name="Start").click()
        link = row.get_by_role("link", name="Open")
        link.wait_for()
        with notebook.tab.context.expect_page() as opened:
            link.click()
        text = opened.value.inner_text("body")
        opened.value.close()
        row.get_by_role("button", name="Stop").click()
        notebook.view.locator('[data-service-id][data-state="stopped"]').wait_for()
        notebook.run(1)
        notebook.wait(1)
        return text, notebook.output(1), notebook.view.inner_text()

    text, values, shown = lab.with_notebook([cell, "(page.widget.state, page.widget.link)"], work)

    assert text == "the page"
    assert values.endswith("('stopped', '')")
    assert "stopped" in shown
