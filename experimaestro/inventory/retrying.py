"""Runs failed jobs again: by the process whose open run has them, which is asked; else here, one by one.

Rule: a job is claimed by its own process, as always: one that another scheduler takes meanwhile is not run
twice. (The script in the folder of a job does that when nobody gives it an attempt.)
"""

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from experimaestro.exceptions import FormatError
from experimaestro.inventory.jobs import JobRecord
from experimaestro.inventory.owning import OpenRun, answers, ask
from experimaestro.workspace import attempts, code, files, tokens
from experimaestro.workspace.layout import JobPaths

log = logging.getLogger("experimaestro.inventory")

Ended = Literal["done", "failed", "not failed", "no script"]
"""What became of a job that was to be run again, here"""


class Retried(NamedTuple):
    """What became of the wish to run a job again."""

    job: JobRecord
    what: Literal[Ended, "asked", "cannot"]
    """`asked`: the process that has it runs it again, or has not answered"""
    why: str = ""
    """For people: who was asked, and what it answered"""


def retriable(known: Sequence[OpenRun], jobs: Iterable[JobRecord]) -> list[JobRecord]:
    """The jobs that failed or were interrupted, and those that an open run did not run since others failed.

    Args:
        known: The open runs of the workspace.
        jobs: Any of its jobs.
    """
    skipped = frozenset[str]().union(*(run.failed for run in known))
    return [
        one
        for one in jobs
        if one.state in {"failed", "interrupted"} or (one.state == "not run" and one.key in skipped)
    ]


def retry_all(known: Sequence[OpenRun], jobs: Sequence[JobRecord]) -> Iterator[Retried]:
    """Runs jobs again.

    Args:
        known: The open runs of the workspace.
        jobs: What `retriable` gave.

    Yields:
        For each job what became of it, as soon as that is known.

    Raises:
        OSError: The disk cannot be written.
    """
    asked = ask(known, "retry", [one.key for one in jobs])
    said = answers(asked, lambda _, is_done: is_done)
    for one in jobs:
        if one.key in asked:
            owner, answer = asked[one.key].run.owner, said[one.key]
            if answer.what == "refused":
                yield Retried(one, "cannot", f"{owner} has it: {answer.why}")
            else:
                word = "runs it again" if answer.what == "done" else "has not answered yet"
                yield Retried(one, "asked", f"{owner} has it and {word}")
    for one in jobs:
        if one.key not in asked:
            yield Retried(one, retry(one.paths))


def retry(paths: JobPaths) -> Ended:
    """Runs a failed job again, with this interpreter and the variables of this process, and waits for it.

    It waits itself for the tokens that it takes (see `jobrun`).

    Args:
        paths: The job.

    Returns:
        How it ended; `not failed` if it is done or runs, `no script` if its folder cannot be run.
    """
    if attempts.settle(paths).kind != "failed":
        return "not failed"
    if not (files.exists(paths.script) and files.exists(paths.params)):
        return "no script"
    code.renew(paths)
    _tell_of_tokens(paths)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
    out, err = os.open(paths.out, flags, 0o666), os.open(paths.err, flags, 0o666)
    try:
        process = subprocess.Popen(
            [sys.executable, paths.script],
            cwd=paths.folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    finally:
        os.close(out)
        os.close(err)
    process.wait()
    attempts.settle(paths)
    return "done" if attempts.observe(paths).kind == "done" else "failed"


def _tell_of_tokens(paths: JobPaths) -> None:
    """Says for which token a job will wait."""
    with contextlib.suppress(FormatError, tokens.LockedError):  # its own process says these
        needs = tokens.noted(paths)
        with tokens.counting(needs):
            busy = tokens.lacking(needs, paths)
        if busy is not None:
            log.warning("%s waits for the token %r, which others hold", paths.folder, tokens.name_of(busy))
