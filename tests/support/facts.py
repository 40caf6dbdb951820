"""Builders of events for tests: each fills what the test does not care about."""

from typing import Any

from experimaestro.events.model import (
    JobEnded,
    JobObserved,
    JobQueued,
    JobStarted,
    JobSubmitted,
    Need,
    RunStarted,
)
from experimaestro.events.owners import Outcome, Owner

ME = Owner("here", "boot", "ns", 1, "100")
OTHER = Owner("there", "boot", "ns", 2, "200")
DONE = Outcome("done", t=9.0)
FAILED = Outcome("failed", "ValueError: no", code=1, t=9.0)
EARLY = Outcome("failed", "ModuleNotFoundError: no", code=1, t=9.0, early=True)
TIMEOUT = Outcome("timeout", "out of time", t=9.0)
CANCELLED = Outcome("cancelled", "killed", t=9.0)
GPU = Need("gpu", 1, 2)
"""One of two"""


def run_started(run: str = "xp/1", t: float = 0.0, stops: bool = False) -> RunStarted:
    return RunStarted(t=t, run=run, owner=ME, stops=stops)


def submitted(
    job: str, *deps: str, run: str = "xp/1", t: float = 1.0, task: str = "task", **more: Any
) -> JobSubmitted:
    return JobSubmitted(t=t, job=job, run=run, task=task, deps=deps, **more)


def observed(
    job: str, found: str = "free", t: float = 2.0, outcome: Outcome | None = None, owner: Owner | None = None
) -> JobObserved:
    return JobObserved(t=t, job=job, found=found, outcome=outcome, owner=owner)  # type: ignore[arg-type] # a word of the vocabulary


def queued(job: str, attempt: int = 1, t: float = 3.0) -> JobQueued:
    return JobQueued(t=t, job=job, attempt=attempt, ref=f"pid of {job}")


def started(job: str, attempt: int = 1, t: float = 4.0) -> JobStarted:
    return JobStarted(t=t, job=job, attempt=attempt, owner=ME)


def ended(job: str, outcome: Outcome = DONE, attempt: int = 1, t: float = 9.0) -> JobEnded:
    return JobEnded(t=t, job=job, attempt=attempt, outcome=outcome)
