"""A run made of events, one word for each thing that can happen to its jobs."""

from typing import Any

from experimaestro.events.model import (
    DependencyFailed,
    EffectFailed,
    JobEnded,
    JobObserved,
    JobQueued,
    JobStarted,
    JobSubmitted,
    Level,
    Progress,
    RunStarted,
)
from experimaestro.events.owners import Outcome
from experimaestro.events.state import State, check
from experimaestro.monitor.snapshot import Snapshot, take
from facts import DONE, ME, OTHER

FAILED = Outcome("failed", "ValueError: no", code=1, frame="train.py:12 in execute: raise ValueError('no')")


class Study:
    """A run of 2 workers, opened at 0 s; jobs are called by a letter or number."""

    run = "first/1"

    def __init__(self) -> None:
        self.state = State()
        self.state.apply(RunStarted(t=0.0, run=self.run, owner=ME))
        self.known_failures = 0

    def key(self, name: object, task: str = "lab.train") -> str:
        return f"{task}/{str(name) * 64:.64}"

    def submit(self, name: object, *deps: object, task: str = "lab.train", **tags: Any) -> "Study":
        needs = tuple(self.key(dep) for dep in deps)
        event = JobSubmitted(t=1.0, job=self.key(name, task), run=self.run, task=task, tags=tags, deps=needs)
        self.state.apply(event)
        return self

    def observe(self, name: object, found: Any = "free", t: float = 2.0, task: str = "lab.train") -> "Study":
        owner = OTHER if found == "running" else None
        self.state.apply(JobObserved(t=t, job=self.key(name, task), found=found, owner=owner))
        return self

    def start(self, name: object, t: float = 4.0, task: str = "lab.train") -> "Study":
        key = self.key(name, task)
        if key not in self.state.jobs:
            self.submit(name, task=task).observe(name, task=task)
        self.state.apply(JobQueued(t=t, job=key, attempt=1, ref="1"))
        self.state.apply(JobStarted(t=t, job=key, attempt=1, owner=ME))
        return self

    def progress(self, name: object, *levels: tuple[float, str], task: str = "lab.train") -> "Study":
        shown = tuple(Level(*level) for level in levels)
        self.state.apply(Progress(t=5.0, job=self.key(name, task), levels=shown))
        return self

    def end(self, name: object, outcome: Outcome = DONE, t: float = 14.0, task: str = "lab.train") -> "Study":
        self.state.apply(JobEnded(t=t, job=self.key(name, task), attempt=1, outcome=outcome))
        return self

    def fail(self, name: object, outcome: Outcome = FAILED) -> "Study":
        return self.end(name, outcome)

    def skip(self, name: object, because: object) -> "Study":
        event = DependencyFailed(t=15.0, job=self.key(name), because=self.key(because))
        self.state.apply(event)
        return self

    def trouble(self, error: str) -> "Study":
        self.state.apply(EffectFailed(t=5.0, effect="start", jobs=(), error=error))
        return self

    def look(self, t: float = 20.0, limit: int = 10) -> Snapshot:
        """The next snapshot."""
        check(self.state)
        snapshot = take(self.state, self.run, self.known_failures, limit, t=t, workers=2)
        assert snapshot is not None
        self.known_failures = snapshot.known_failures
        return snapshot
