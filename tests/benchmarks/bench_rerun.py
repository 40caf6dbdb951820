"""Running a plan again that is done, a chain of short jobs, and what a finished job keeps in memory."""

import gc
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from experimaestro import Meta, Param, Task, experiment, field
from measure import show


class Step(Task):
    """A task of a chain, or of a wide plan."""

    number: Param[int]
    before: Param["Step | None"] = field(default=None)
    folder: Meta[str]

    def execute(self) -> None:
        pass


def rerun(jobs: int) -> float:
    """Seconds for each job of a plan in which all is done."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(jobs):
            key = Step.C(number=number, folder=folder)
            path = Path(folder, "runs/jobs", key.__xpmtype__.typename, repr(key.__identifier__()))
            path.mkdir(parents=True)
            (path / "step.done").touch()
        begin = time.perf_counter()
        with experiment(f"{folder}/runs", "bench", workers=2, display=False):
            for number in range(jobs):
                Step.C(number=number, folder=folder).submit()
        return (time.perf_counter() - begin) / jobs


def chain(links: int) -> float:
    """Seconds for each link of a chain of trivial jobs, above those of bare processes in a row."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        with experiment(f"{folder}/runs", "bench", workers=2, display=False):
            before = None
            for number in range(links):
                before = Step.C(number=number, before=before, folder=folder).submit()
        ours = time.perf_counter() - begin
    code = "import sys; from experimaestro import Meta, Param, Task, field"
    begin = time.perf_counter()
    for _ in range(links):
        subprocess.run([sys.executable, "-c", code], check=True)
    return (ours - (time.perf_counter() - begin)) / links


def memory(jobs: int) -> float:
    """Bytes that the scheduler keeps for each job that is done."""
    with tempfile.TemporaryDirectory() as folder:
        xp = experiment(f"{folder}/runs", "bench", workers=1, display=False).start()
        for number in range(10):
            Step.C(number=-1 - number, folder=folder).submit()
        gc.collect()
        tracemalloc.start()
        for number in range(jobs):
            path = Path(folder, "runs/jobs")
            task = Step.C(number=number, folder=folder)
            job = path / task.__xpmtype__.typename / repr(task.__identifier__())
            job.mkdir(parents=True)
            (job / "step.done").touch()
            task.submit()
        del task
        xp.wait()
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] / jobs
        tracemalloc.stop()
        xp.stop()
        return kept


if __name__ == "__main__":
    rates = {jobs: rerun(jobs) for jobs in (200, 2_000, 10_000)}
    for jobs, seconds in rates.items():
        show(f"running {jobs:,} done jobs again, a job", f"{1000 * seconds:.3f} ms", "under 0.25 ms")
    show("10,000 jobs / 2,000 jobs, a job", f"{rates[10_000] / rates[2_000]:.2f}", "near 1")
    show("a link of a chain of 50, above bare processes", f"{1000 * chain(50):.1f} ms", "under 20 ms")
    show("memory of a finished job", f"{memory(5_000):,.0f} bytes", "under 2,000")
