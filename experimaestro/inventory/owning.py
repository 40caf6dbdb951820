"""The runs that some process has open, and what they are asked to do with their jobs.

Rule: whether a process may still be there is asked of the journal and of the owner that it names; nothing
here waits for an answer.
"""

from collections.abc import Iterable
from typing import NamedTuple

from experimaestro.events.owners import Owner
from experimaestro.exceptions import FormatError, WorkspaceError
from experimaestro.inventory import runs
from experimaestro.workspace import inbox
from experimaestro.workspace.layout import RunPaths
from experimaestro.workspace.reader import RunReader


class OpenRun(NamedTuple):
    """A run whose process may still be there."""

    paths: RunPaths
    owner: Owner
    jobs: frozenset[str]
    """Keys of those of its jobs that are not finished"""


def open_runs(workspace: str) -> list[OpenRun]:
    """The last run of each experiment, where a process may have it open; one that nobody can read is none.

    Args:
        workspace: Its folder.
    """
    found = []
    for experiment in runs.experiments(workspace):
        for run_id in runs.run_ids(workspace, experiment)[-1:]:
            try:
                reader = RunReader(workspace, experiment, run_id)
                reader.refresh()
                run = reader.run
            except (WorkspaceError, FormatError, OSError):
                continue
            if reader.is_alive:
                jobs = reader.state.jobs
                unfinished = frozenset(key for key in run.jobs if not jobs[key].state.finished())
                found.append(OpenRun(reader.paths, run.owner, unfinished))
    return found


def ask_to_kill(known: Iterable[OpenRun], keys: Iterable[str]) -> dict[str, Owner]:
    """Asks the processes that have jobs to end them, or not to start them.

    Args:
        known: What `open_runs` gave.
        keys: The jobs.

    Returns:
        For each job that some run has, the process that was asked.

    Raises:
        OSError: The disk cannot be written.
    """
    wanted = set(keys)
    asked: dict[str, Owner] = {}
    for run in known:
        its = tuple(sorted(wanted & run.jobs))
        if its:
            inbox.send(run.paths, inbox.Command("kill", jobs=its))
            asked.update(dict.fromkeys(its, run.owner))
    return asked
