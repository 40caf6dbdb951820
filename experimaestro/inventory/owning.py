"""The runs that some process has open: what they are asked to do with their jobs, and what comes of it.

Rule: whether a process may still be there is asked of the journal and of the owner that it names. What it is
asked stands in the inbox of the run; what it answers, and what became of the jobs, is read in its journal.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Literal, NamedTuple

from experimaestro.events.owners import Owner
from experimaestro.events.state import Job
from experimaestro.exceptions import FormatError, WorkspaceError
from experimaestro.inventory import runs
from experimaestro.workspace import inbox
from experimaestro.workspace.reader import RunReader

ANSWER_S = 5.0
"""How long an answer is waited for: a process looks into its inbox several times in that time"""

_POLL_S = 0.1


class OpenRun(NamedTuple):
    """A run whose process may still be there."""

    reader: RunReader
    owner: Owner
    jobs: frozenset[str]
    """Keys of those of its jobs that are not finished"""
    failed: frozenset[str]
    """Keys of those that failed, or were not run since others did"""


class Asked(NamedTuple):
    """A command that was left for the process of a run."""

    run: OpenRun
    command: str
    """Its id"""


class Answer(NamedTuple):
    """What came of a command, for one job."""

    what: Literal["done", "refused", "silent"]
    """`silent`: nothing yet"""
    why: str = ""
    """Why it was refused"""


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
                jobs = [reader.state.jobs[key] for key in run.jobs]
                unfinished = frozenset(job.key for job in jobs if not job.state.finished())
                failed = frozenset(job.key for job in jobs if job.state.is_error())
                found.append(OpenRun(reader, run.owner, unfinished, failed))
    return found


def ask(known: Iterable[OpenRun], do: Literal["kill", "retry"], keys: Iterable[str]) -> dict[str, Asked]:
    """Asks the processes that have jobs to end them, or not to start them; or to run failed ones again.

    Args:
        known: What `open_runs` gave.
        do: What is asked.
        keys: The jobs.

    Returns:
        For each job that some run has, who was asked.

    Raises:
        OSError: The disk cannot be written.
    """
    wanted = set(keys)
    asked: dict[str, Asked] = {}
    for run in known:
        its = tuple(sorted(wanted & (run.jobs if do == "kill" else run.failed)))
        if its:
            command = inbox.send(run.reader.paths, inbox.Command(do, jobs=its))
            asked.update(dict.fromkeys(its, Asked(run, command)))
    return asked


def answers(
    asked: Mapping[str, Asked], is_over: Callable[[Job, bool], bool], seconds: float = ANSWER_S
) -> dict[str, Answer]:
    """Waits for what comes of commands.

    Args:
        asked: What `ask` gave.
        is_over: Whether a job is as it is wanted; called with the job, and whether the command was done.
        seconds: How long to wait.

    Returns:
        For each job, what came of it.
    """
    found: dict[str, Answer] = {}
    end = time.monotonic() + seconds
    while True:
        for reader in {id(one.run.reader): one.run.reader for one in asked.values()}.values():
            with suppress(FormatError, OSError):  # what is known stands
                reader.refresh()
        for key, one in asked.items():
            answer = _answer(key, one, is_over)
            if key not in found and answer is not None:
                found[key] = answer
        if len(found) == len(asked) or time.monotonic() > end:
            return {key: found.get(key, Answer("silent")) for key in asked}
        time.sleep(_POLL_S)


def _answer(key: str, asked: Asked, is_over: Callable[[Job, bool], bool]) -> Answer | None:
    """What a journal says of a command, for one job; None if nothing yet."""
    reader = asked.run.reader
    error = reader.run.commands.get(asked.command)
    if error:
        return Answer("refused", error)
    if is_over(reader.state.jobs[key], error is not None):
        return Answer("done")
    return None if reader.is_alive else Answer("refused", "its run has ended meanwhile")
