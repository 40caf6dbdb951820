"""Prints what happens in a run, as its journal records it: a line for each event, on standard output."""

import json
import sys
import threading
from datetime import datetime
from typing import Any, Literal

from experimaestro.workspace import files

_PERIOD_S = 0.2

Format = Literal["text", "json"]
"""`json`: the line of the journal; `text`: time, event, job or run, and what else it tells"""


class EventsPrinter:
    """Prints the lines of a journal while it is written.

    Args:
        journal: The file; it may not be there yet.
        form: How an event is printed.
    """

    def __init__(self, journal: str, form: Format) -> None:
        self._journal = journal
        self._form = form
        self._position = 0
        self._rest = b""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="experimaestro-events", daemon=True)

    def start(self) -> None:
        """Starts to print."""
        self._thread.start()

    def stop(self) -> None:
        """Prints what is left, once the journal is closed."""
        self._stopping.set()
        self._thread.join()
        self._print()

    def _run(self) -> None:
        while not self._stopping.wait(_PERIOD_S):
            self._print()

    def _print(self) -> None:
        new = files.read_from(self._journal, self._position)
        self._position += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace")
            sys.stdout.write(f"{text if self._form == 'json' else as_text(json.loads(line))}\n")
        sys.stdout.flush()


def as_text(event: dict[str, Any]) -> str:
    """An event of a journal for people.

    Example:
        >>> as_text({"type": "JobStarted", "t": 0.0, "n": 3, "job": "lab.train/01234567ab", "attempt": 1})[9:]
        'JobStarted lab.train/01234567 attempt=1'
    """
    rest = {
        key: value
        for key, value in event.items()
        if key not in {"type", "t", "n", "cause", "job", "run", "task"}
    }
    task, _, identifier = str(event.get("job", "")).partition("/")
    about = f"{task}/{identifier[:8]}" if task else str(event.get("run", ""))
    details = " ".join(f"{key}={json.dumps(value)}" for key, value in rest.items())
    time = f"{datetime.fromtimestamp(event['t']).astimezone():%H:%M:%S}"
    return " ".join(part for part in (time, str(event["type"]), about, details) if part)
