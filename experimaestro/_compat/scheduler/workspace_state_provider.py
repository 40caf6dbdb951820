"""What the runs of a workspace recorded, by experiment: the old way to `experimaestro.load_xp_info`."""

import os
from pathlib import Path

from experimaestro.inventory.runs import named_run, run_ids
from experimaestro.workspace import files
from experimaestro.workspace.layout import RunPaths
from experimaestro.workspace.recorded import XpInfo, load_xp_info


class WorkspaceStateProvider:
    """Reads a workspace, and changes nothing.

    Args:
        workspace_path: The workspace's folder.

    Attributes:
        workspace_path: The same, absolute.

    Example:
        >>> provider = WorkspaceStateProvider("runs")  # doctest: +SKIP
        >>> provider.load_xp_info("first").jobs  # doctest: +SKIP
    """

    def __init__(self, workspace_path: str | os.PathLike[str]) -> None:
        self.workspace_path = Path(os.path.realpath(workspace_path))

    def get_current_run(self, experiment_id: str) -> str:
        """The name of the last run of an experiment.

        Raises:
            WorkspaceError: There is no such experiment, or it has no run.
        """
        workspace = str(self.workspace_path)
        ids = run_ids(workspace, experiment_id)
        current = files.link_target(RunPaths(workspace, experiment_id, "run").current)
        name = "" if current is None else current.rstrip("/").rpartition("/")[2]
        return name if name in ids else Path(named_run(workspace, experiment_id).folder).name

    def load_xp_info(self, experiment_id: str, run_id: str | None = None) -> XpInfo:
        """The tasks and the actions that a run recorded; see `experimaestro.load_xp_info`.

        Args:
            experiment_id: The experiment.
            run_id: The run; None: the last one.

        Raises:
            WorkspaceError: There is no such experiment or run.
        """
        run = run_id or self.get_current_run(experiment_id)
        return load_xp_info(named_run(str(self.workspace_path), experiment_id, run).folder)
