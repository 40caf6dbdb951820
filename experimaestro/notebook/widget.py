"""An experiment as an ipywidget: the live view, values to observe and link, and what is saved of it.

Rules: one widget for each run of this process, shown as often as one likes. Rows travel as messages of
the feed, never as values of the widget, which a notebook saves. Values change in the main thread, all
together, at most twice a second. What is saved with a notebook has no token and no address.

What is saved is an output of its own below the view, which hides it: Jupyter makes a view anew when
its output changes, and shows "model not found" and nothing else for one whose kernel is gone. That line
is hidden in its turn by what is saved.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import traitlets
from anywidget import AnyWidget

from experimaestro.monitor.feed import Feed, Source, Title
from experimaestro.monitor.html import snapshot
from experimaestro.monitor.overview import Overview
from experimaestro.notebook import kernel
from experimaestro.scheduler.openrun import OpenRun
from experimaestro.scheduler.remote import RemoteRun
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.reader import RunReader

STATIC = Path(__file__).parents[1] / "monitor" / "static"
"""Where the built front-end is"""

SAVED_S = 10.0
"""Least time between two changes of what a notebook saves, in seconds, unless somebody waited for the end"""

_FIRST_S = 2.0
"""How long after the view what is saved is filled, in seconds: the view is there then, and hides it"""

_LIVE = '.xpm:not([data-view="loading"])'
_ALONE = (
    "<style>"
    f".jp-OutputArea:not(:has({_LIVE})) .jp-OutputArea-child:has(+ .jp-OutputArea-child [data-xpm-saved]),"
    f" .output:not(:has({_LIVE})) > .output_area:has(+ .output_area [data-xpm-saved])"
    " { display: none; }</style>"
)
"""Hides what stands in the place of a live view: "model not found", or a view that Jupyter made of what it
saved and that waits for a kernel in vain. Jupyter keeps a style sheet only in notebooks that were run here,
which are also those that ask for the view."""

_AT_REST = frozenset(("idle", "done", "failed", "stopped"))

_widgets: "dict[OpenRun, ExperimentWidget]" = {}
"""For ever: the view of a run lives as long as the kernel"""


def _value(trait: Any) -> Any:
    return trait.tag(sync=True)


class ExperimentWidget(AnyWidget):
    """The live view of a run. Its values can be observed and linked, as of any ipywidget.

    Attributes:
        status: `running`, `idle`, `stopping`, `held`, `done`, `failed` or `stopped`.
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
    selected = traitlets.List(traitlets.Unicode(), read_only=True)  # 10 MB for 100,000: views need it not

    def __init__(self, source: Source, is_current: Callable[[], bool]) -> None:
        super().__init__()
        self._source = source
        self._is_current = is_current
        self._display_id = f"experimaestro-{uuid.uuid4().hex}"
        self._shown_in: int | None = None
        self._values: dict[str, Any] = {}
        self._wanted: dict[str, Any] = {}
        self._setting = threading.Lock()
        self._saved = ""
        self._saved_at = 0.0
        self._feed = Feed(source, self._select)
        self._wire = self._feed.connect(self.send)
        kernel.listen(self, self._wire.receive)
        self._feed.watch(self._watch)

    def follow(self, run: OpenRun) -> None:
        """Shows another run from now on: the one that begins when that of another process has ended."""
        self._source = _source(run, self._source.title.name)
        run.at_end.append(self.save)
        _widgets[run] = self
        self._feed.follow(self._source)

    def tell(self, note: str) -> None:
        """Tells below the run of another process that nothing of ours begins when it ends."""
        self._source = self._source._replace(holder="", note=note)
        self._feed.follow(self._source)

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
        view: Any = super()._repr_mimebundle_()
        data = dict(view[0] if isinstance(view, tuple) else view or {})
        data["text/plain"] = f"experiment {self._source.title.name!r}"
        display(data, raw=True)  # type: ignore[no-untyped-call] # IPython's
        below = {"text/html": "<div data-xpm-saved></div>", "text/plain": ""}
        display(below, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call] # same
        self._saved, self._saved_at = "", time.monotonic() - SAVED_S + _FIRST_S

    def show_once(self) -> None:
        """Shows the view, unless this cell shows it already."""
        from IPython import get_ipython

        count = getattr(get_ipython(), "execution_count", None)
        if count is None or count != self._shown_in:
            self.show()

    def saved(self) -> dict[str, str]:
        """The run as it is, for a notebook that is read without this kernel: a table, and a line."""
        title = self._source.title
        html, text = self._source.ask(lambda state: snapshot(state, title, time.time())).result()
        return {"text/html": f"<div data-xpm-saved>{_ALONE}\n{html}\n</div>", "text/plain": text}

    def save(self) -> None:
        """Brings what a notebook saves up to date now."""
        if self._shown_in is None:
            return
        from IPython.display import update_display

        self._saved_at = time.monotonic()
        with contextlib.suppress(RuntimeError):  # the kernel ends
            update_display(self.saved(), display_id=self._display_id, raw=True)  # type: ignore[no-untyped-call] # same

    def _ipython_display_(self) -> None:
        self.show()

    # The feed's thread.

    def _select(self, jobs: list[str]) -> None:
        kernel.in_main_thread(lambda: self.set_trait("selected", jobs))

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
            with self._setting:
                is_asked = bool(self._wanted)
                self._wanted = wanted
            if not is_asked:
                kernel.in_main_thread(self._set_values)
        self._save(overview)

    def _set_values(self) -> None:
        with self._setting:
            wanted, self._wanted = self._wanted, {}
        with self.hold_sync():
            for name, value in wanted.items():
                self.set_trait(name, value)

    def _save(self, overview: Overview) -> None:
        """Brings what a notebook saves up to date: once while the run goes on, and when it comes to rest."""
        if time.monotonic() - self._saved_at < SAVED_S or not overview.snapshot.tally.total:
            return
        marker = f"{overview.status} {overview.snapshot.tally}" if overview.status in _AT_REST else "running"
        if marker != self._saved:
            self._saved = marker
            self.save()


def widget_of(run: OpenRun, name: str, is_current: Callable[[], bool]) -> ExperimentWidget:
    """The widget of a run of this process, made if there is none.

    Args:
        run: The run.
        name: Name of the experiment.
        is_current: Whether tasks are submitted to it if no experiment is named.
    """
    widget = _widgets.get(run)
    if widget is None:
        widget = _widgets[run] = ExperimentWidget(_source(run, name), is_current)
        run.at_end.append(widget.save)
    return widget


def widget_of_another(
    workspace: str, name: str, holder: str, is_current: Callable[[], bool]
) -> ExperimentWidget:
    """A widget of the run that another process has: it can be looked at and commanded.

    Args:
        workspace: Folder of the workspace.
        name: Name of the experiment.
        holder: The process, in words.
        is_current: Whether tasks are submitted to the experiment, once it has a run of its own.

    Raises:
        WorkspaceError: The run has no files yet.
        FormatError: Its journal cannot be read.
    """
    reader = RunReader(workspace, name)
    return ExperimentWidget(_source_of_another(reader)._replace(holder=holder), is_current)


def widget_to_look_at(reader: RunReader) -> ExperimentWidget:
    """A widget of a run that is over, or that another process has.

    Args:
        reader: What reads it; nobody else may use it.
    """
    return ExperimentWidget(_source_of_another(reader), lambda: False)


def _source_of_another(reader: RunReader) -> Source:
    run = RemoteRun(reader)
    run.ask(lambda _: None).result()  # reads the journal
    name, _, run_id = reader.run.id.partition("/")
    title = Title(name=name, run=run_id, workspace=reader.workspace, workers=0)
    return Source(title, run.ask, _paths(reader.workspace), run if run.is_alive else None)


def _source(run: OpenRun, name: str) -> Source:
    title = Title(name=name, run=run.run_id, workspace=run.workspace, workers=run.loop.workers)
    return Source(title, run.loop.ask, _paths(run.workspace), run, run.services)


def _paths(workspace: str) -> Callable[[str], JobPaths]:
    return lambda key: JobPaths.of(workspace, key)
