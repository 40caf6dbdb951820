"""The widget of an experiment, as Python code sees it; its views are tested in tests/browser."""

from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pytest

from experimaestro import FailedExperiment, experiment, load_run, tag
from experimaestro.monitor.feed import THREAD
from experimaestro.notebook.widget import ExperimentWidget
from polling import wait_until
from tasks import Fail, Note
from watching import View


@pytest.fixture
def xp(tmp_path: Path) -> Iterator[experiment]:
    xp = experiment(tmp_path / "runs", "first", display=False).start()
    yield xp
    if xp.status == "running":
        xp.stop()
    xp.widget.close()


def test_its_values_follow_the_run(xp: experiment, tmp_path: Path):
    widget = xp.widget
    go, log = tmp_path / "go", str(tmp_path / "log")
    Note.C(name="one", log=log, until=str(go)).submit()
    Note.C(name="two", log=log).submit()
    wait_until(lambda: (widget.running, widget.done) == (1, 1))
    assert (widget.status, widget.total, widget.progress, widget.current) == ("running", 2, 0.5, True)

    go.touch()
    wait_until(lambda: widget.done == 2)
    assert (widget.status, widget.progress, widget.remaining) == ("idle", 1.0, None)

    xp.stop()
    wait_until(lambda: widget.status == "done")
    assert widget.current is False


def test_its_values_can_be_observed_and_linked(xp: experiment):
    failures: list[int] = []
    bar = ipywidgets.FloatProgress(max=1.0)
    xp.widget.observe(lambda change: failures.append(change.new), "failed")
    ipywidgets.dlink((xp.widget, "progress"), (bar, "value"))
    ipywidgets.HBox([xp.widget, bar])
    Fail.C(how="raise").submit()

    wait_until(lambda: failures == [1])
    assert bar.value == 1.0


def test_its_values_cannot_be_set(xp: experiment):
    with pytest.raises(Exception, match="read-only"):
        xp.widget.failed = 3


def test_a_run_has_one_widget(xp: experiment):
    again = experiment(xp.workspace, "first", display=False).start()

    assert again.widget is xp.widget


def test_marked_jobs_are_told_by_message(xp: experiment, tmp_path: Path):
    widget = xp.widget
    tasks = [Note.C(name=name, log=str(tmp_path / "log")).submit() for name in "abcd"]
    keys = [f"tasks.note/{task.job.identifier}" for task in tasks]
    view = View(widget._feed)
    wait_until(lambda: len(view.rows) == 4)

    def mark(rows: object) -> None:
        widget._handle_custom_msg({"t": "selected", "epoch": view.epoch, "rows": rows}, [])

    mark([[0, 1], [3, 3]])
    wait_until(lambda: widget.selected == [keys[0], keys[1], keys[3]])
    assert "selected" not in widget.get_state()

    for nonsense in ([[0, 4]], [[-1, 0]], [[1, 0]], [[0, 1], [1, 2]], [[0]], ["a"], None, [[True, 2]]):
        mark(nonsense)
    view.epoch = "another"
    mark([[0, 0]])
    assert view.request(t="ask", id="1", ask="graph")["ok"]  # all of these were read
    assert widget.selected == [keys[0], keys[1], keys[3]]


def test_no_row_is_a_value_that_a_notebook_would_save(xp: experiment, tmp_path: Path):
    Note.C(name=tag("secret"), log=str(tmp_path / "log")).submit()
    xp.wait()

    state = xp.widget.get_state()

    assert not [
        name for name, value in state.items() if name not in {"_esm", "_css"} and "secret" in repr(value)
    ]


def test_what_is_saved_is_the_run_as_it_is(xp: experiment):
    Fail.C(how=tag("raise")).submit()
    wait_until(lambda: xp.widget.failed == 1)

    saved = xp.widget.saved()

    assert "1 failed" in saved["text/plain"]
    assert "no learning rate in {'lr': 1}" in saved["text/html"].replace("&#x27;", "'")
    assert "token" not in saved["text/html"]


def test_commands_of_a_view_are_done(xp: experiment, tmp_path: Path):
    Note.C(name="one", log=str(tmp_path / "log"), until=str(tmp_path / "go")).submit()
    view = View(xp.widget._feed)
    wait_until(lambda: [row[3] for row in view.rows] == ["running"])

    assert view.request(t="do", do="kill", jobs=[view.rows[0][0]])["data"] == {"jobs": 1, "left_out": 0}
    wait_until(lambda: [row[3] for row in view.rows] == ["killed"])
    assert view.request(t="do", do="retry", states=["killed"])["data"] == {"jobs": 1, "left_out": 0}
    wait_until(lambda: [row[3] for row in view.rows] == ["running"])
    (tmp_path / "go").touch()
    wait_until(lambda: [row[3] for row in view.rows] == ["done"])


def test_a_run_of_last_month_is_a_view_in_which_nothing_can_be_commanded(tmp_path: Path):
    with pytest.raises(FailedExperiment), experiment(tmp_path / "runs", "first", display=False):
        Fail.C(how=tag("raise")).submit()

    widget = load_run(tmp_path / "runs", "first").widget
    view = View(widget._feed)

    wait_until(lambda: [row[3] for row in view.rows] == ["failed"])
    key = view.rows[0][0]
    assert view.request(t="ask", ask="error", job=key)["data"]["type"] == "ValueError"
    assert view.request(t="do", do="retry", jobs=[key])["error"].startswith("this run is over")
    assert (widget.status, widget.failed) == ("failed", 1)
    widget.close()


def test_closing_ends_the_views_and_not_the_run(xp: experiment):
    import threading

    widget: ExperimentWidget = xp.widget
    widget.close()

    assert not [thread for thread in threading.enumerate() if thread.name == THREAD]
    assert xp.status == "running"
