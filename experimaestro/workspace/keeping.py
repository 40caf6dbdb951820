"""Which jobs other runs of a workspace still want, when one of them would remove their folders.

A job that one run needs only meanwhile (`TransientMode.REMOVE`) may be a result for another: the lowest mode
of all runs that list it holds. A run of another process that is open may be reading the folder right now.
"""

from collections.abc import Collection, Iterator
from typing import Any

from experimaestro.workspace import contents, files
from experimaestro.workspace.layout import RunPaths, runs_folder
from experimaestro.workspace.locks import is_locked


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
    wanted: set[str] = set()
    for experiment in files.names(runs_folder(workspace, "")):
        ids = sorted(name for name in files.names(runs_folder(workspace, experiment)) if name[:1].isdigit())
        for run_id in ids:
            if f"{experiment}/{run_id}" == run:
                continue
            paths = RunPaths(workspace, experiment, run_id)
            is_open: bool | None = None
            for line in job_lines(paths):
                key = f"{line['task_id']}/{line['job_id']}"
                if key not in jobs or key in wanted:
                    continue
                if (contents.whole(line.get("transient"), 0, mode) or 0) < mode:
                    wanted.add(key)
                elif run_id == ids[-1]:
                    is_open = is_locked(paths) if is_open is None else is_open
                    if is_open:
                        wanted.add(key)
    return wanted
