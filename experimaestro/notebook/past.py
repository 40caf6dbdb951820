"""A run that is over, or that another process has: to look at, and to analyse.

Rule: reads, and changes nothing; only the buttons of its live view tell the process that has the run,
where that is still there, what a person wants.
"""

import os
import time
from typing import TYPE_CHECKING, Any

from experimaestro.monitor import dataframe
from experimaestro.monitor.feed import Title
from experimaestro.monitor.html import snapshot
from experimaestro.monitor.overview import status_of
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.reader import RunReader

if TYPE_CHECKING:
    import pandas as pd

    from experimaestro.notebook.widget import ExperimentWidget


class LoadedRun:
    """A run of an experiment, as its files tell it.

    Args:
        reader: The run.
    """

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._widget: ExperimentWidget | None = None
        reader.refresh()

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self._reader.run.id.partition("/")[0]

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self._reader.run.id.partition("/")[2]

    @property
    def status(self) -> str:
        """How it stood when it was read.

        `running`; `idle`: its process may still submit jobs, and all of those that it has are finished;
        `stopping`: it starts no job any more, and some run; `done`, `failed`; or `detached`: its process
        ended before its jobs did.
        """
        run = self._reader.run
        return run.status if run.status == "detached" else status_of(run)

    @property
    def workdir(self) -> str:
        """Folder of the run."""
        return self._reader.paths.folder

    def refresh(self) -> "LoadedRun":
        """Reads what happened since; returns itself."""
        self._reader.refresh()
        return self

    def records(self) -> list[dict[str, Any]]:
        """A dictionary for each job: see `dataframe`."""
        return dataframe.records(
            dataframe.jobs_of(self._reader.state, self._reader.run.id),
            dataframe.read_objects(self._reader.paths.objects_jsonl),
            lambda key: JobPaths.of(self._reader.workspace, key),
        )

    def dataframe(self) -> "pd.DataFrame":
        """A table with a row for each job.

        Returns:
            Columns `job`, `task`, the tags, the parameters (those inside others with dots: `optim.lr`),
            `state`, `failure`, `started`, `ended` (local time), `duration` (s), `folder`, and what the
            tasks returned from `execute` (see `Task.execute`).

        Raises:
            ImportError: pandas is not installed.
        """
        return dataframe.dataframe(self.records())

    @property
    def widget(self) -> "ExperimentWidget":
        """The run as the live view: its graph, errors and logs; live if another process has it."""
        from experimaestro.notebook.widget import widget_to_look_at  # heavy, and only for who looks

        if self._widget is None:
            workspace, name, run_id = self._reader.workspace, self.name, self.run_id
            self._widget = widget_to_look_at(RunReader(workspace, name, run_id))  # its own: a thread reads it
        return self._widget

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        title = Title(name=self.name, run=self.run_id, workspace=self._reader.workspace, workers=0)
        html, text = snapshot(self._reader.state, title, time.time(), self.status)
        return {"text/html": html, "text/plain": text}

    def __repr__(self) -> str:
        return f"<run {self._reader.run.id} in {self._reader.workspace}: {self.status}>"


def load_run(workspace: str | os.PathLike[str], experiment: str, run_id: str = "current") -> LoadedRun:
    """A run of an experiment that this process need not own, to look at and to analyse.

    Args:
        workspace: Folder of the workspace.
        experiment: Name of the experiment.
        run_id: Name of the run; "current": the last one.

    Raises:
        WorkspaceError: There is no such run.
        FormatError: Its journal cannot be read.

    Example:
        >>> load_run("runs", "first").dataframe()  # doctest: +SKIP
    """
    return LoadedRun(RunReader(os.path.realpath(workspace), experiment, run_id))
