"""The files of a run that the compatible format wants, made from what is known.

Rule: each is a projection of the `State` (or of the process), written by the run's owner and read
by others; nothing of ours reads them back. The functions make values; writing is one call of
`files`. Format: section 5 of the description of workspaces in `docs/workspace.md`.
"""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from experimaestro.events.model import JobSubmitted
from experimaestro.events.state import Run, State
from experimaestro.workspace.files import make_folder
from experimaestro.workspace.layout import RunPaths


def iso(t: float | None) -> str | None:
    """A time as local ISO text; None stays None."""
    return None if t is None else datetime.fromtimestamp(t).astimezone().isoformat()


def job_line(event: JobSubmitted) -> bytes:
    """The line of `jobs.jsonl` of a submitted job."""
    task, _, identifier = event.job.partition("/")
    line = {"job_id": identifier, "task_id": task, "tags": event.tags, "timestamp": event.t}
    if event.transient:
        line["transient"] = int(event.transient)
    return json.dumps(line).encode()


def status(
    state: State,
    run: Run,
    now: float,
    services: Mapping[str, Any],
    actions: Mapping[str, Any],
) -> bytes:
    """The content of a run's `status.json`.

    Args:
        state: What is known.
        run: The run.
        now: The present time, in seconds since the epoch.
        services: The run's services, by id, as JSON values.
        actions: What a person may do with the results, same.
    """
    experiment, _, run_id = run.id.partition("/")
    return _pretty(
        {
            "version": 1,
            "experiment_id": experiment,
            "run_id": run_id,
            "status": "running" if run.status == "detached" else run.status,
            "hostname": run.owner.host,
            "started_at": iso(run.started),
            "ended_at": iso(run.ended),
            "job_states": {key.partition("/")[2]: state.jobs[key].state.value for key in run.jobs},
            "services": services,
            "actions": actions,
            "run_tags": [],
            "last_updated": iso(now),
        }
    )


def with_services(content: bytes, services: Mapping[str, Any], now: float) -> bytes:
    """The content of a `status.json` after its services changed.

    Args:
        content: What it was.
        services: See `status`.
        now: See `status`.
    """
    return _pretty({**json.loads(content), "services": services, "last_updated": iso(now)})


def run_of_environment(run: Run) -> dict[str, Any]:
    """What a run's `environment.json` says of the run itself."""
    statuses = {"done": "completed", "failed": "failed", "detached": "detached", "running": None}
    return {
        "hostname": run.owner.host,
        "started_at": iso(run.started),
        "ended_at": iso(run.ended),
        "status": statuses[run.status],
    }


def link_jobs(paths: RunPaths, folders: Mapping[str, str], made: set[str]) -> None:
    """Makes a run's links to its jobs.

    Args:
        paths: The run's files.
        folders: Absolute folder of each job, by key.
        made: Folders of links that exist; extended.

    Raises:
        OSError: The disk refuses; links that were made stay.
    """
    for key, folder in folders.items():
        link = paths.job_link(key)
        parent = link.rpartition("/")[0]
        if parent not in made:
            make_folder(parent)
            made.add(parent)
        try:
            os.symlink(folder, link)  # noqa: PTH211 - thousands in a row
        except FileExistsError:
            continue


def object_lines(objects: Iterable[Mapping[str, Any]]) -> Iterable[bytes]:
    """The lines of `objects.jsonl` of some objects."""
    return (json.dumps(value).encode() for value in objects)


def _pretty(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode()
