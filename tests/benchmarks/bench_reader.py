"""Opening a finished run of 10,000 jobs from its journal, against decoding its lines."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from experimaestro.events.model import (
    JobEnded,
    JobObserved,
    JobQueued,
    JobStarted,
    JobSubmitted,
    RunStarted,
    encode,
)
from experimaestro.events.owners import Outcome, Owner
from experimaestro.workspace.layout import RunPaths
from experimaestro.workspace.reader import RunReader
from measure import show

JOBS = 10_000


def write(paths: RunPaths) -> None:
    owner = Owner("host", "boot", "ns", 1, "1")
    lines = [encode(RunStarted(t=0.0, run="plan/1", owner=owner))]
    for number in range(JOBS):
        key = f"package.module.task/{number:064x}"
        events = (
            JobSubmitted(
                t=1.0, job=key, run="plan/1", task="package.module.task", tags={"lr": 0.1, "n": number}
            ),
            JobObserved(t=2.0, job=key, found="free"),
            JobQueued(t=3.0, job=key, attempt=1, ref="123"),
            JobStarted(t=4.0, job=key, attempt=1, owner=owner),
            JobEnded(t=5.0, job=key, attempt=1, outcome=Outcome("done", t=5.0)),
        )
        lines += map(encode, events)
    Path(paths.folder).mkdir(parents=True)
    Path(paths.journal).write_bytes(b"\n".join([*lines, b""]))


def seconds(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


with tempfile.TemporaryDirectory() as folder:
    paths = RunPaths(folder, "plan", "1")
    write(paths)
    lines = Path(paths.journal).read_bytes().splitlines()
    opened = seconds(lambda: RunReader(folder, "plan", "1").refresh())
    decoded = seconds(lambda: [json.loads(line) for line in lines])
    show(f"opening a run of {JOBS:,} jobs", f"{opened:.2f} s", "under 0.5 s")
    show("the same / json.loads of its lines", f"{opened / decoded:.1f}", "under 2")
