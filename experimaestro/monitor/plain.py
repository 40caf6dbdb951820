"""A run as plain lines, for a log file or a pipe: one line for each thing worth it, nothing redrawn.

No colours, no control characters. The clock is that of the snapshots.
"""

from collections.abc import Callable, Sequence

from experimaestro.monitor import words
from experimaestro.monitor.printable import printable
from experimaestro.monitor.snapshot import Snapshot

STEPS = 10
"""The way is told in so many steps"""

LEAST_S = 1.0
"""No two lines of progress are closer, in seconds"""

MOST_S = 10.0
"""After this time a line is worth it if any count changed, in seconds"""

SIGN_OF_LIFE_S = 600.0
"""After this time a line is worth it even if nothing changed, in seconds"""


class PlainLines:
    """Tells of a run in lines.

    Args:
        write: Called with each line, without its newline.
        title: Name of the run; each line begins with it.
    """

    rows = 0
    """How many running jobs it shows"""

    def __init__(self, write: Callable[[str], None], title: str) -> None:
        self._write = write
        self._title = title
        self._step = 0
        self._told: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Writes a line if enough has happened since the last one."""
        tally = snapshot.tally
        if not tally.total:
            return
        step = STEPS * (tally.total - tally.open) // tally.total
        told = self._told
        if told is not None:
            since = snapshot.t - told.t
            if since < LEAST_S or not (
                step > self._step
                or (since >= MOST_S and tally != told.tally)
                or (since >= SIGN_OF_LIFE_S and tally.open)
            ):
                return
        self._step, self._told = max(step, self._step), snapshot
        counts = ", ".join(f"{count:,} {look.word}" for count, look in tally.parts() if count)
        left = snapshot.remaining
        about = f"; {words.about(left)} left" if left is not None and tally.open else ""
        trouble = f"; {printable(snapshot.trouble)}: trying again" if snapshot.trouble else ""
        self._say(f"{words.jobs(tally.total)}: {counts}{about}{trouble}")

    def fail(self, headline: str, details: Sequence[str]) -> None:
        """Writes what is known of a failed job."""
        self._say(headline)
        for line in details:
            self._write(f"  {line}")

    def end(self, text: str) -> None:
        """Writes the last line."""
        self._say(text)

    def _say(self, text: str) -> None:
        self._write(f"{self._title}: {text}")
