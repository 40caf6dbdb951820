"""What a live view of 10,000 jobs costs the kernel, with 100 changes a second.

Measured: the time until the first rows are there, and over five seconds the share of a core and the bytes
sent; beside it, a table that sends its full state ten times a second, as a plain ipywidget does.
"""

import json
import time
from collections.abc import Callable
from functools import partial

from experimaestro.events.state import State
from measure import show
from watching import View, Watched, feed_of

JOBS = 10_000
CHANGES = 100
SECONDS = 5.0


def study() -> Watched:
    watched = Watched()
    with watched.changing() as study:
        for i in range(JOBS):
            study.start(f"{i:05} ", t=4.0)
    return watched


def progress(watched: Watched, number: int, level: tuple[float, str], _: State) -> None:
    watched.study.progress(f"{number:05} ", level)


def change(watched: Watched, t: float) -> None:
    """One tenth of the changes of a second."""
    for i in range(CHANGES // 10):
        number = int(t * 1000 + i * 97) % JOBS
        level = ((t * 7) % 1, f"step {t:.3f}")
        watched.ask(partial(progress, watched, number, level))


def during(work: Callable[[float], None]) -> float:
    """Calls something ten times a second; returns the share of a core that this process used."""
    begin, cpu = time.monotonic(), time.process_time()
    while (t := time.monotonic() - begin) < SECONDS:
        work(t)
        time.sleep(0.1)
    return (time.process_time() - cpu) / SECONDS


def main() -> None:
    watched = study()
    idle = during(lambda t: change(watched, t))
    feed = feed_of(watched)
    begin = time.monotonic()
    view = View(feed)
    while not view.rows:
        time.sleep(0.001)
    first = time.monotonic() - begin
    view.wait_for(watched)
    everything = time.monotonic() - begin
    before = len(view.received)
    busy = during(lambda t: change(watched, t))
    sent = sum(len(json.dumps(message)) for message in view.received[before:])
    feed.close()

    size = 0

    def full(t: float) -> None:
        nonlocal size
        change(watched, t)
        size += len(json.dumps(watched.rows()))

    plain = during(full)
    cost, rate = "100 changes a second: share of a core", "100 changes a second: sent"
    show(f"first rows of {JOBS:,} jobs", f"{1000 * first:.0f} ms", "under 1,000 ms")
    show(f"all rows of {JOBS:,} jobs", f"{1000 * everything:.0f} ms", "soon after")
    show(cost, f"{busy - idle:.1%}", "under 5 %")
    show(rate, f"{sent / SECONDS / 1000:.0f} kB/s", "under 50 kB/s")
    show(f"{cost}, full state", f"{plain - idle:.1%}", "for comparison")
    show(f"{rate}, full state", f"{size / SECONDS / 1000:,.0f} kB/s", "for comparison")


if __name__ == "__main__":
    main()
