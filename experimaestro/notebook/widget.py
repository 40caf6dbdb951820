"""An experiment as an ipywidget: the live view, values to observe and link, and what is saved of it.

Rules: one widget for each run of this process, shown as often as one likes. Rows travel as messages of
the feed, never as values of the widget, which a notebook saves. Values change in the main thread, all
together, at most twice a second. What is saved with a notebook has no token and no address.
"""

import contextlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import traitlets
from anywidget import AnyWidget

from experimaestro.monitor.feed import Feed, Title
from experimaestro.monitor.html import snapshot
from experimaestro.monitor.overview import Overview
from experimaestro.notebook import kernel
from experimaestro.scheduler.openrun import OpenRun
from experimaestro.workspace.layout import JobPaths

STATIC = Path(__file__).parents[1] / "monitor" / "static"
"""Where the built front-end is"""

SAVED_S = 10.0
"""Least time between two changes of what a notebook saves, in seconds"""

_AT_REST = frozenset(("idle", "done", "failed", "stopped"))

_widgets: "dict[OpenRun, ExperimentWidget]" = {}
"""For ever: the view of a run lives as long as the kernel"""


def _value(trait: Any) -> Any:
    return trait.tag(sync=True)


class ExperimentWidget(AnyWidget):
    """The live view of a run. Its values can be observed and linked, as of any ipywidget.

    Attributes:
        status: `running`, `idle`, `stopping`, `done`, `failed` or `stopped`.
        progress: Share of the jobs that are finished, from 0 to 1.
        total: Number of jobs.
        done: Jobs that have a result.
        running: Jobs that run.
        waiting: Jobs that wait.
        failed: Jobs that failed.
        remaining: Estimate of the time to the end, in seconds; None if nothing is known.
        current: Whether tasks are submitted to this experiment if none is named.
        selected: Keys of the jobs that are marked in the table.

    Example:
        >>> xp.widget.observe(lambda change: print(change.new), "failed")     # doctest: +SKIP
    """

    _esm = STATIC / "widget.js"
    _css = STATIC / "widget.css"

    status = _value(traitlets.Unicode("running", read_only=True))
    progress = _value(traitlets.Float(0.0, read_only=True))
    total = _value(traitlets.Int(0, read_only=True))
    done = _value(traitlets.Int(0, read_only=True))
    running = _value(traitlets.Int(0, read_only=True))
    waiting = _value(traitlets.Int(0, read_only=True))
    failed = _value(traitlets.Int(0, read_only=True))
    remaining = _value(traitlets.Float(None, allow_none=True, read_only=True))
    current = _value(traitlets.Bool(False, read_only=True))
    selected = _value(traitlets.List(traitlets.Unicode(), read_only=True))

    def __init__(self, run: OpenRun, title: Title, is_current: Callable[[], bool]) -> None:
        super().__init__()
        self._run = run
        self._title = title
        self._is_current = is_current
        self._display_id = f"experimaestro-{uuid.uuid4().hex}"
        self._shown_in: int | None = None
        self._values: dict[str, Any] = {}
        self._wanted: dict[str, Any] = {}
        self._saved_status = ""
        self._saved_at = 0.0
        workspace = run.workspace
        self._feed = Feed(run.loop.ask, title, lambda key: JobPaths.of(workspace, key), run, run.services)
        self._wire = self._feed.connect(self.send)
        self.on_msg(lambda _widget, content, _buffers: self._take(content))
        kernel.listen(self.comm, self._take)
        self._feed.watch(self._watch)

    def close(self) -> None:
        """Ends the views. The run goes on."""
        kernel.forget(self.comm)
        self._feed.close()
        super().close()

    def show(self) -> None:
        """Shows the view in the output of the cell that runs."""
        from IPython import get_ipython  # who shows something has it
        from IPython.display import display

        self._shown_in = getattr(get_ipython(), "execution_count", None)
        display(self.bundle(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call] # IPython's

    def show_once(self) -> None:
        """Shows the view, unless this cell shows it already."""
        from IPython import get_ipython

        count = getattr(get_ipython(), "execution_count", None)
        if count is None or count != self._shown_in:
            self.show()

    def bundle(self) -> dict[str, Any]:
        """The view for those who can show it, a table for those who cannot, a line for the others."""
        made: Any = super()._repr_mimebundle_()
        data = dict(made[0] if isinstance(made, tuple) else made or {})
        html, text = self._run.loop.ask(
            lambda state: snapshot(state, self._title, time.time(), self._values.get("status", "running"))
        ).result()
        return {**data, "text/html": html, "text/plain": text}

    def _ipython_display_(self) -> None:
        self.show()

    # What comes from the views: any thread.

    def _take(self, content: object) -> None:
        if isinstance(content, dict) and content.get("t") == "selected":
            jobs = content.get("jobs")
            if isinstance(jobs, list) and all(isinstance(job, str) for job in jobs):
                kernel.in_main_thread(lambda: self.set_trait("selected", jobs))
        else:
            self._wire.receive(content)

    # What comes from the run: the feed's thread.

    def _watch(self, overview: Overview) -> None:
        tally = overview.snapshot.tally
        finished = tally.total - tally.open
        wanted = {
            "status": overview.status,
            "progress": finished / tally.total if tally.total else 0.0,
            "total": tally.total,
            "done": tally.done,
            "running": tally.running,
            "waiting": tally.waiting,
            "failed": tally.failed,
            "remaining": overview.snapshot.remaining if tally.open else None,
            "current": self._is_current(),
        }
        if wanted != self._values:
            self._values = wanted
            if not self._wanted:
                kernel.in_main_thread(self._set_values)
            self._wanted = wanted
        self._save(overview)

    def _set_values(self) -> None:
        wanted, self._wanted = self._wanted or self._values, {}
        with self.hold_sync():
            for name, value in wanted.items():
                self.set_trait(name, value)

    def _save(self, overview: Overview) -> None:
        """Brings what a notebook would save up to date, when the run comes to rest."""
        t = time.monotonic()
        rests = overview.status in _AT_REST and overview.snapshot.tally.total > 0
        marker = f"{overview.status} {overview.snapshot.tally}" if rests else ""
        if (
            self._shown_in is None
            or not rests
            or marker == self._saved_status
            or t - self._saved_at < SAVED_S
        ):
            return
        self._saved_status, self._saved_at = marker, t
        from IPython.display import update_display

        with contextlib.suppress(RuntimeError):  # the kernel ends
            update_display(self.bundle(), display_id=self._display_id, raw=True)  # type: ignore[no-untyped-call] # same


def widget_of(run: OpenRun, name: str, is_current: Callable[[], bool]) -> ExperimentWidget:
    """The widget of a run, made if there is none.

    Args:
        run: A run of this process.
        name: Name of the experiment.
        is_current: Whether tasks are submitted to it if no experiment is named.
    """
    widget = _widgets.get(run)
    if widget is None:
        title = Title(name=name, run=run.run_id, workspace=run.workspace, workers=run.loop.workers)
        widget = _widgets[run] = ExperimentWidget(run, title, is_current)
    return widget
