"""Names of runs, as TensorBoard shows them, for jobs: from their tags.

Laws: a name is that of a folder below a folder of links; it is the same at each start; two jobs
never share one. A link may be made before its job has a folder: it leads there once it has.
Only the standard library and the names of files: the program beside TensorBoard uses it.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from experimaestro.workspace.layout import RunPaths, job_folder, workspace_marker

_LONGEST = 160
"""Bytes of a name; file systems take 255, and an identifier may follow"""


class NamedJob(NamedTuple):
    """A job that is to be shown."""

    task: str
    """Name of its type"""
    identifier: str
    tags: Mapping[str, Any]
    folder: str

    @property
    def name(self) -> str:
        """Its name among the runs, such as `train/lr=0.1_size=3`."""
        text = "_".join(f"{name}={value}" for name, value in sorted(self.tags.items()))
        safe = "".join(one if one.isprintable() and one not in "/\\" else "-" for one in text)
        cut = safe.encode()[:_LONGEST].decode(errors="ignore")
        return f"{self.task.rpartition('.')[2]}/{cut or self.identifier[:8]}"


def link(folder: Path, job: NamedJob) -> None:
    """Makes the link to a job, unless it is there.

    Args:
        folder: The folder of links.
        job: The job. If another one has its name, a part of the identifier tells them apart.

    Raises:
        OSError: The disk refuses.
    """
    for name in (job.name, f"{job.name} {job.identifier[:8]}", f"{job.name} {job.identifier}"):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            place.symlink_to(job.folder)
            return
        with contextlib.suppress(OSError):
            if os.readlink(place) == job.folder:  # noqa: PTH115 - as it was written
                return


def jobs_of_run(run: RunPaths) -> Iterator[NamedJob]:
    """The jobs that were submitted in a run, until now.

    Args:
        run: Its files.

    Raises:
        OSError: The disk does not tell, or there is no list yet.
    """
    for line in Path(run.jobs_jsonl).read_bytes().split(b"\n"):  # no other character ends a line
        with contextlib.suppress(ValueError, KeyError, TypeError):  # the last line, half written
            job = json.loads(line)
            key = f"{job['task_id']}/{job['job_id']}"
            yield NamedJob(job["task_id"], job["job_id"], job["tags"], job_folder(run.workspace, key))


def latest_runs(folder: Path) -> Iterator[tuple[str, RunPaths]]:
    """The last runs of the experiments of the workspaces that a folder is, or has.

    Args:
        folder: A workspace, or a folder with workspaces.

    Yields:
        A name for the jobs of that experiment, and the files of its last run.
    """
    for workspace in (folder, *_folders(folder)):
        if Path(workspace_marker(str(workspace))).exists():
            for experiment in _folders(workspace / "experiments"):
                with contextlib.suppress(OSError):
                    run = RunPaths.of(str((experiment / "current").resolve(strict=True)))
                    name = experiment.name if workspace == folder else f"{workspace.name}/{experiment.name}"
                    yield name, run


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, by name; none if it cannot be read."""
    with contextlib.suppress(OSError):
        return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    return []
