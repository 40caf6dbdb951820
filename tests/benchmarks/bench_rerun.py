"""Running a plan again that is done, a chain of short jobs, and what a finished job keeps in memory."""

import gc
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from experimaestro import experiment
from experimaestro.core import definition
from experimaestro.workspace import code
from experimaestro.workspace.layout import JobPaths
from measure import show
from steps import Step


def _finish(number: int, folder: str) -> Step:
    """A task whose job is done already, with the files that are looked at."""
    task = Step.C(number=number, folder=folder)
    paths = JobPaths.of(f"{folder}/runs", f"{task.__xpmtype__.typename}/{task.__identifier__()!r}")
    os.makedirs(paths.internal)  # strings: pathlib would keep the names of all parts in memory
    for path, content in (
        (paths.done, b""),
        (paths.definition, definition.write(definition.define(task.__xpm__.owner))),
    ):
        with open(path, "wb") as file:
            file.write(content)
    code.record(paths, {Step})
    return task


def rerun(jobs: int, folder: str) -> float:
    """Seconds to run a plan again in which all is done.

    Args:
        jobs: How many tasks it has.
        folder: An empty one. It is to be kept while anything is measured: for some minutes ext4 passes over
            the numbers of files that were removed, one by one, before it finds one that is free.
    """
    for number in range(jobs):
        _finish(number, folder)
    begin = time.perf_counter()
    with experiment(f"{folder}/runs", "bench", workers=2, display=False):
        for number in range(jobs):
            Step.C(number=number, folder=folder).submit()
    return time.perf_counter() - begin


def chain(links: int) -> float:
    """Seconds for each link of a chain of trivial jobs, above those of bare processes in a row.

    A bare process imports the module with the task, as a job does.
    """
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        with experiment(f"{folder}/runs", "bench", workers=2, display=False):
            before = None
            for number in range(links):
                before = Step.C(number=number, before=before, folder=folder).submit()
        ours = time.perf_counter() - begin
    here = Path(__file__).parent
    begin = time.perf_counter()
    for _ in range(links):
        subprocess.run([sys.executable, "-c", "import steps"], check=True, cwd=here)
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
            _finish(number, folder).submit()
        xp.wait()
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] / jobs
        tracemalloc.stop()
        xp.stop()
        return kept


def main() -> None:
    """Measures and prints all."""
    with tempfile.TemporaryDirectory() as folder:

        def seconds(jobs: int) -> float:
            return rerun(jobs, tempfile.mkdtemp(dir=folder))

        seconds(1)  # imports what the first experiment of a process needs
        empty = min(seconds(0) for _ in range(5))
        show("starting and ending an experiment", f"{1000 * empty:.1f} ms", "under 50 ms")
        tries = {200: 5, 2_000: 3, 10_000: 1}
        rates = {
            jobs: (min(seconds(jobs) for _ in range(count)) - empty) / jobs for jobs, count in tries.items()
        }
        for jobs, rate in rates.items():
            show(
                f"running {jobs:,} done jobs again, a job beyond that",
                f"{1000 * rate:.3f} ms",
                "under 0.25 ms",
            )
        show("10,000 jobs / 2,000 jobs, a job", f"{rates[10_000] / rates[2_000]:.2f}", "near 1")
    show("a link of a chain of 50, above bare processes", f"{1000 * chain(50):.1f} ms", "under 20 ms")
    show("memory of a finished job", f"{memory(5_000):,.0f} bytes", "under 2,000")


if __name__ == "__main__":
    main()
