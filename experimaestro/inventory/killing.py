"""Ends jobs, whoever started them: their processes here, or by asking the process that has them.

Rule: a process gets a signal only if it is proven to be that of the job: same machine, same start. A job
of another machine, or one whose process is not known, is left alone and said to be.
"""

import contextlib
import signal
import time
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from experimaestro.events.owners import Observation, Outcome
from experimaestro.inventory.jobs import JobRecord
from experimaestro.inventory.owning import ANSWER_S, OpenRun, answers, ask
from experimaestro.workspace import attempts, processes
from experimaestro.workspace.layout import JobPaths

RUNNING = frozenset({"running", "unknown"})
"""The states of a `JobRecord` in which there is, or may be, a process"""

GRACE_S = 10.0
"""How long a job may take to end by itself, in seconds"""

_POLL_S = 0.05


class Killed(NamedTuple):
    """What became of the wish to end a job."""

    what: Literal["killed", "asked", "not running", "cannot"]
    """`asked`: the process that has it was, and has not answered"""
    why: str = ""
    """For people: who ended it, who was asked, or why it cannot be ended"""


def endable(known: Sequence[OpenRun], jobs: Iterable[JobRecord]) -> list[JobRecord]:
    """The jobs that run, and those that an open run is still to start.

    Args:
        known: The open runs of the workspace.
        jobs: Any of its jobs.
    """
    awaited = frozenset[str]().union(*(run.jobs for run in known))
    return [one for one in jobs if one.state in RUNNING or (one.state != "done" and one.key in awaited)]


def end(known: Sequence[OpenRun], jobs: Sequence[JobRecord], grace_s: float = GRACE_S) -> list[Killed]:
    """Ends jobs; those that do not run here are ended by the open run that has them, which is asked.

    Waits until they have ended, or are not expected to any more.

    Args:
        known: The open runs of the workspace.
        jobs: What `endable` gave.
        grace_s: See `kill`.

    Returns:
        For each, what became of it.

    Raises:
        OSError: The disk cannot be written.
    """
    waiting = [one.key for one in jobs if one.state not in RUNNING]
    asked = ask(known, "kill", waiting)  # before places get free
    killed = kill([one.paths for one in jobs], grace_s)
    refused = [one.key for one, was in zip(jobs, killed, strict=True) if was.what == "cannot"]
    asked |= ask(known, "kill", refused)
    said = answers(asked, lambda job, _: job.state.finished(), grace_s + ANSWER_S)
    for n, one in enumerate(jobs):
        if one.key in asked:
            owner, answer = asked[one.key].run.owner, said[one.key]
            if answer.what == "done":
                killed[n] = Killed("killed", f"by {owner}, which had it")
            elif answer.what == "refused":
                killed[n] = Killed("cannot", f"{owner} has it: {answer.why}")
            else:
                killed[n] = Killed("asked", f"{owner} has it and has not answered yet")
    return killed


def kill(jobs: Sequence[JobPaths], grace_s: float = GRACE_S) -> list[Killed]:
    """Ends jobs: asks their processes to end (SIGTERM), then forces them (SIGKILL).

    Args:
        jobs: Their files.
        grace_s: How long they may take to end by themselves, in seconds.

    Returns:
        For each, what became of it.
    """
    seen = [_identified(attempts.observe(paths)) for paths in jobs]
    refused = [_refusal(one) for one in seen]
    open_ones = [n for n, why in enumerate(refused) if why is None]
    for n in open_ones:
        _signal(seen[n], signal.SIGTERM)
    end = time.monotonic() + grace_s
    while any(map(_is_alive, (seen[n] for n in open_ones))) and time.monotonic() < end:
        time.sleep(_POLL_S)
    for n in open_ones:
        if _is_alive(seen[n]):
            _signal(seen[n], signal.SIGKILL)
    while any(map(_is_alive, (seen[n] for n in open_ones))) and time.monotonic() < end + grace_s:
        time.sleep(_POLL_S)
    for n in open_ones:
        _conclude(jobs[n], seen[n])
    return [why or Killed("killed") for why in refused]


def _refusal(seen: Observation) -> Killed | None:
    """Why a job cannot be ended; None if it can."""
    if seen.kind in {"done", "failed", "free", "gone"}:
        return Killed("not running")
    if seen.owner is None:
        return Killed("cannot", "another version runs it and does not say in which process")
    if seen.kind == "unknown":
        return Killed("cannot", f"it runs as {seen.owner}: kill it there")
    if seen.started_t is None:
        return Killed("cannot", f"its scheduler, {seen.owner}, has not started it yet: stop that one")
    return None if _is_alive(seen) else Killed("not running")


def _identified(seen: Observation) -> Observation:
    """What was seen, with the start of a process that another version named by its pid alone.

    That the pid is still that of the job was just found by `observe`; from here on its start tells.
    """
    if seen.kind != "running" or seen.owner is None or seen.owner.started:
        return seen
    return seen._replace(owner=processes.owner_of(seen.owner.pid) or seen.owner)


def _is_alive(seen: Observation) -> bool:
    """Whether the process of the job is proven to run."""
    return seen.owner is not None and processes.fate(seen.owner) == "alive"


def _signal(seen: Observation, number: int) -> None:
    """Sends a signal to the process and, if it leads a group of its own, to all of the group."""
    assert seen.owner is not None
    pid = seen.owner.pid
    with contextlib.suppress(ProcessLookupError):
        if _is_alive(seen):
            processes.send(pid, number)


def _conclude(paths: JobPaths, seen: Observation) -> None:
    """Says that the job was cancelled, unless it or its scheduler has said how it ended."""
    if seen.attempt and not _is_alive(seen):
        outcome = Outcome("cancelled", "killed on demand", t=time.time())
        is_same = seen.owner is not None and attempts.is_of(paths.start(seen.attempt), seen.owner)
        if is_same and attempts.lose(paths, seen.attempt, outcome):
            attempts.conclude(paths, seen.attempt, outcome)
        attempts.settle(paths)
