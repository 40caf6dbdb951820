"""Cost of an event in the engine, for plans of 1,000 to 100,000 jobs."""

import gc
import time

from experimaestro.events.model import (
    Event,
    JobEnded,
    JobObserved,
    JobQueued,
    JobStarted,
    JobSubmitted,
    RunStarted,
)
from experimaestro.events.owners import Outcome, Owner
from experimaestro.scheduler.engine import Engine
from measure import show


def cost(jobs: int) -> float:
    """Seconds for one event, in a plan where each job needs an earlier one."""
    engine = Engine({"direct": None})
    me = Owner("h", "b", "n", 1, "1")
    engine.step(RunStarted(t=0.0, run="xp/1", owner=me))
    events: list[Event] = []
    for i in range(jobs):
        deps = (f"job{i // 2}",) if i else ()
        events.append(JobSubmitted(t=1.0, job=f"job{i}", run="xp/1", task="t", deps=deps))
        events.append(JobObserved(t=2.0, job=f"job{i}", found="free"))
    for i in range(jobs):
        events.append(JobQueued(t=3.0, job=f"job{i}", attempt=1, ref="1"))
        events.append(JobStarted(t=4.0, job=f"job{i}", attempt=1, owner=me))
        events.append(JobEnded(t=5.0, job=f"job{i}", attempt=1, outcome=Outcome("done")))
    gc.disable()
    begin = time.perf_counter()
    for event in events:
        engine.step(event)
    spent = time.perf_counter() - begin
    gc.enable()
    return spent / len(events)


def main() -> None:
    costs = {jobs: min(cost(jobs) for _ in range(3)) for jobs in (1_000, 10_000, 100_000)}
    for jobs, seconds in costs.items():
        show(f"one event, plan of {jobs:,} jobs", f"{seconds * 1e6:.2f} us", "flat")
    show("100,000 jobs / 1,000 jobs", f"{costs[100_000] / costs[1_000]:.2f}", "near 1")


if __name__ == "__main__":
    main()
