"""`.submit()` in the user's thread, for plans of 100 to 100,000 jobs."""

import tempfile
import time
from pathlib import Path

from experimaestro import Meta, Param, PathGenerator, Task, experiment, field, tag
from measure import show


class Trivial(Task):
    """Has a few parameters and a path."""

    number: Param[int]
    rate: Param[float] = field(default=0.1)
    name: Param[str] = field(default="x")
    out: Meta[Path] = field(default_factory=PathGenerator("out"))

    def execute(self) -> None:
        pass


class Collect(Task):
    """Needs another job."""

    trivial: Param[Trivial]

    def execute(self) -> None:
        pass


def submit(jobs: int) -> float:
    """Seconds for one `.submit()`; nothing is started, since the first job never ends."""
    with tempfile.TemporaryDirectory() as folder:
        xp = experiment(f"{folder}/runs", "bench", workers=1, display=False).start()
        loop = xp._run.loop  # type: ignore[union-attr] # stopped below, before anything is started
        loop._engine.limit("direct", 0)
        begin = time.perf_counter()
        for number in range(jobs // 2):
            Collect.C(trivial=Trivial.C(number=tag(number)).submit()).submit()
        spent = (time.perf_counter() - begin) / jobs
        loop.ask(lambda state: len(state.jobs)).result()
        xp.stop()
        return spent


def main() -> None:
    for jobs in (100, 1_000, 10_000, 100_000):
        show(
            f".submit() with its configuration, {jobs:,} jobs",
            f"{min(submit(jobs) for _ in range(3 if jobs < 100_000 else 1)) * 1e3:.3f} ms",
            "< 0.3 ms, flat",
        )


if __name__ == "__main__":
    main()
