"""What a live view costs in a real notebook: JupyterLab in Chromium, a kernel, 100 changes a second.

Measured for 10,000 and 100,000 jobs: the time from `show()` to the first row on the screen; and while
the table is scrolled without a pause, the time between two frames, the share of a core that the kernel
uses for the view, and the bytes that the browser gets. Beside it, the same rows as an `ipywidgets.HTML`
that is sent anew each second, as a plain ipywidget does.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from chromium import chromium
from lab import Lab, Notebook, lab_server
from measure import show

SECONDS = 5

RUNNING = 1000
"""Jobs that run; the others wait"""

SET_UP = """
import sys, threading, time
from functools import partial
sys.path[:0] = [{support!r}]
import ipywidgets
from experimaestro.notebook.widget import ExperimentWidget
from watching import Watched, source_of

def study(jobs):
    watched = Watched()
    with watched.changing() as study:
        for i in range(jobs):
            if i < {running}:
                study.start(f"{{i:06}} ", t=time.time())
            else:
                study.submit(f"{{i:06}} ", lr=i / jobs).observe(f"{{i:06}} ")
    return watched

def progress(number, t, state):
    watched.study.progress(f"{{number:06}} ", ((7 * t) % 1, f"step {{t:.3f}}"))

def change():
    while True:
        time.sleep(0.1)
        t = time.monotonic()
        for i in range(10):
            watched.ask(partial(progress, int(t * 1000 + i * 97) % {running}, t))

def used(seconds={seconds}):
    begin = time.process_time()
    time.sleep(seconds)
    return (time.process_time() - begin) / seconds

watched = study({jobs})
threading.Thread(target=change, daemon=True).start()
"""

VIEW = """
widget = ExperimentWidget(source_of(watched), lambda: False)
print(time.time())
widget.show()
"""

PLAIN = """
def rows():
    cells = ("".join(f"<td>{str(cell)}</td>" for cell in row) for row in watched.rows())
    return "<div style='height: 400px; overflow: auto' class='plain'><table>" + "".join(
        f"<tr>{row}</tr>" for row in cells
    ) + "</table></div>"

table = ipywidgets.HTML()
print(time.time())
display(table)
table.value = rows()
"""

PLAIN_USED = """
def send():
    for _ in range(5):
        table.value = rows()
        time.sleep(1)
threading.Thread(target=send, daemon=True).start()
print(used())
"""

FIRST = """(selector) => new Promise((done) => {
    const look = () => document.querySelector(selector)
        ? requestAnimationFrame(() => done(Date.now() / 1000)) : requestAnimationFrame(look);
    look();
})"""

SCROLL = """([selector, seconds]) => new Promise((done) => {
    const frames = [];
    let last = performance.now();
    const end = last + 1000 * seconds;
    let down = 1;
    const step = (now) => {
        frames.push(now - last);
        last = now;
        const place = document.querySelector(selector);
        if (place) {
            if (place.scrollTop + place.clientHeight >= place.scrollHeight) down = -1;
            if (place.scrollTop === 0) down = 1;
            place.scrollTop += 90 * down;
        }
        now < end ? requestAnimationFrame(step) : done(frames.slice(1));
    };
    requestAnimationFrame(step);
})"""


class Traffic:
    """Counts what the browser gets from Jupyter, in bytes."""

    def __init__(self, tab: Page) -> None:
        self.received = 0.0
        session = tab.context.new_cdp_session(tab)
        session.send("Network.enable")
        session.on("Network.webSocketFrameReceived", self._count)

    def _count(self, event: dict[str, Any]) -> None:
        frame = event["response"]
        self.received += len(frame["payloadData"]) * (0.75 if frame["opcode"] == 2 else 1)  # base64


class Bench:
    """The notebook in which all is measured."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._traffic = Traffic(notebook.tab)

    def run(self, index: int) -> str:
        """Runs a cell to its end; what it prints last."""
        self._notebook.run(index)
        return self.end(index)

    def end(self, index: int) -> str:
        """Waits for a cell that runs; what it prints last."""
        self._notebook.wait(index, timeout_s=60)
        return self._notebook.output(index).strip().rpartition("\n")[2]

    def measure(
        self, what: str, selectors: tuple[str, str], cells: tuple[int, int, int], targets: Sequence[str]
    ) -> None:
        """Measures a table and prints it.

        Args:
            what: Its name.
            selectors: Its first element, and the place that is scrolled.
            cells: One that prints the load without it, one that shows it, one that prints the load with it.
            targets: What the figures should be.
        """
        notebook, tab = self._notebook, self._notebook.tab
        idle = float(self.run(cells[0]))
        notebook.run(cells[1])
        seen = tab.evaluate(FIRST, selectors[0])
        notebook.wait(cells[1], timeout_s=60)
        first = seen - float(notebook.output(cells[1]).split()[0])
        tab.wait_for_timeout(4000)  # the rest of the rows comes
        notebook.run(cells[2])
        before = self._traffic.received
        frames = tab.evaluate(SCROLL, [selectors[1], SECONDS])
        sent = (self._traffic.received - before) / SECONDS
        core = float(self.end(cells[2])) - idle
        frame = sorted(frames)[int(0.95 * len(frames))]
        figures = {
            "first row": f"{1000 * first:,.0f} ms",
            "p95 of frames while scrolling": f"{frame:.1f} ms",
            "share of a core": f"{core:.1%}",
            "sent to the browser": f"{sent / 1000:,.1f} kB/s",
        }
        for (name, value), target in zip(figures.items(), targets, strict=True):
            show(f"{what}: {name}", value, target)


TARGETS = ("under 1,000 ms", "under 20 ms", "under 5 %", "under 50 kB/s")

OURS = (".xpm-rows > [data-job-id]:not([hidden])", ".xpm-scroll")


def few(notebook: Notebook) -> None:
    bench = Bench(notebook)
    bench.run(0)
    bench.measure("10,000 jobs", OURS, (1, 2, 3), TARGETS)
    bench.measure("10,000 jobs, plain widget", (".plain td", ".plain"), (4, 5, 6), ["for comparison"] * 4)


def many(notebook: Notebook) -> None:
    bench = Bench(notebook)
    bench.run(0)
    bench.measure("100,000 jobs", OURS, (1, 2, 3), ("it opens", "it scrolls", *TARGETS[2:]))


def main() -> None:
    support = str(Path(__file__).parents[1] / "support")
    used = "print(used())"

    def start(jobs: int) -> str:
        return SET_UP.format(support=support, seconds=SECONDS, jobs=jobs, running=RUNNING)

    with tempfile.TemporaryDirectory() as folder, chromium() as browser, lab_server(Path(folder)) as server:
        lab = Lab(server, browser)
        lab.with_notebook(
            [start(10_000), used, VIEW, used, f"widget.close(); {used}", PLAIN, PLAIN_USED], few
        )
        lab.with_notebook([start(100_000), used, VIEW, used], many)


if __name__ == "__main__":
    main()
