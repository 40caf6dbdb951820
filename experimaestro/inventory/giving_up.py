"""Jobs of machines that nobody can ask: whether they still run is for a person to say, once for each machine.

A process of another machine is never proven to be gone from here. A job that it has is waited for, for ever
if the machine is lost. To give it up is to say that it is: the job counts as lost, and is run again. Should
its process live after all, it may write what it finds, and whoever is first to say how the attempt ended
has said it (`workspace.attempts`): no result is mixed of two.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from experimaestro.events.owners import Owner
from experimaestro.inventory.jobs import JobRecord, list_jobs
from experimaestro.workspace import attempts, interchange
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.processes import Fate

UNREADABLE = "unknown"
"""Stands for the machine of jobs whose files do not say which"""


class Silent(NamedTuple):
    """A machine of which it is not known whether it still runs jobs."""

    machine: str
    jobs: Sequence[JobRecord]
    sign: float | None
    """When one of them last wrote something, in seconds since the epoch; None if none ever did"""


def silent(workspace: str) -> list[Silent]:
    """The machines that have jobs of which nothing can be known here, each with them.

    Args:
        workspace: Its folder.
    """
    found: dict[str, list[JobRecord]] = {}
    for job in list_jobs(workspace):
        if job.state == "unknown":
            host = job.seen.owner.host if job.seen.owner else ""
            found.setdefault(host or UNREADABLE, []).append(job)
    return [Silent(machine, jobs, _sign(jobs)) for machine, jobs in sorted(found.items())]


def give_up(machine: Silent) -> list[JobRecord]:
    """Has the jobs of a machine count as lost.

    Returns:
        Those that do: a job that has ended or was taken over meanwhile is left as it is.

    Raises:
        OSError: The disk cannot be written.
    """

    def fate(owner: Owner) -> Fate:
        return "gone" if owner.host in {machine.machine, ""} else "unknown"

    given = []
    for job in machine.jobs:
        if attempts.observe(job.paths) == job.seen:
            attempts.settle(job.paths, fate)
            if attempts.observe(job.paths).kind == "unknown":  # only the `.pid` of another version is known
                interchange.remove_pid(job.paths)
            given.append(job)
    return given


def _sign(jobs: Iterable[JobRecord]) -> float | None:
    times = []
    for job in jobs:
        for path in _written(job.paths, job.seen.attempt):
            with suppress(OSError):
                times.append(os.stat(path).st_mtime)  # noqa: PTH116 - a string
    return max(times, default=None)


def _written(paths: JobPaths, attempt: int) -> tuple[str, ...]:
    """What a process of a job writes while it runs."""
    return (paths.start(attempt), paths.progress, paths.out, paths.err)
