"""Which jobs other runs of a workspace still want, when one of them would remove their folders.

A job that one run needs only meanwhile (`TransientMode.REMOVE`) may be a result for another: the lowest mode
of all runs that list it holds. A run of another process that is open may be reading the folder right now.
"""

import time
from collections.abc import Collection, Iterator
from typing import Any

from experimaestro.workspace import contents, files
from experimaestro.workspace.layout import RunPaths, runs_folder
from experimaestro.workspace.locks import is_locked

WRITTEN_S = 1.0
"""How long after a submission it is sure to be in the files of its run, in seconds"""


def job_lines(paths: RunPaths) -> Iterator[dict[str, Any]]:
    """The lines of `jobs.jsonl`; those that are torn or of another form are left out."""
    for line in (files.read(paths.jobs_jsonl) or b"").split(b"\n"):
        value = contents.json_object(line)
        if all(isinstance(value.get(name), str) for name in ("task_id", "job_id")):
            yield value


def wanted_elsewhere(workspace: str, jobs: Collection[str], run: str, mode: int) -> set[str]:
    """The jobs whose folders other runs want.

    Args:
        workspace: Its folder.
        jobs: Keys of jobs of a run that has succeeded.
        run: Id of that run, `<experiment>/<run id>`.
        mode: From which `TransientMode` on a run does not want a job once it has ended.

    Raises:
        OSError: The disk does not tell.
    """
    others = [
        RunPaths(workspace, experiment, run_id)
        for experiment in files.names(runs_folder(workspace, ""))
        for run_id in _run_ids(workspace, experiment)
        if f"{experiment}/{run_id}" != run
    ]
    open_ones = {paths.folder for paths in others if _is_open(paths)}
    if open_ones:
        time.sleep(WRITTEN_S)
    wanted: set[str] = set()
    for paths in others:
        for line in job_lines(paths):
            key = f"{line['task_id']}/{line['job_id']}"
            lower = (contents.whole(line.get("transient"), 0, mode) or 0) < mode
            if key in jobs and (lower or paths.folder in open_ones):
                wanted.add(key)
    return wanted


def _run_ids(workspace: str, experiment: str) -> list[str]:
    return sorted(name for name in files.names(runs_folder(workspace, experiment)) if name[:1].isdigit())


def _is_open(paths: RunPaths) -> bool:
    """Whether a process has this run open: the newest of a locked experiment."""
    experiment = paths.experiment_folder
    newest = max(name for name in files.names(experiment) if name[:1].isdigit())
    return paths.folder == f"{experiment}/{newest}" and is_locked(paths)
