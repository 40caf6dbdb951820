"""What the head of a view says of a run, and the run's own log: small, and the same for all views.

Pure: time is given. Every word of a state comes from `words`.
"""

from typing import NamedTuple

from experimaestro.events.state import Run, State
from experimaestro.events.states import JobState
from experimaestro.monitor import words
from experimaestro.monitor.printable import printable
from experimaestro.monitor.rows import problem
from experimaestro.monitor.snapshot import Snapshot, take

Entry = tuple[float, str, str]
"""A line of the log: time, `info`, `warning` or `error`, and a text"""

_FAILURES = 50
"""Failures that one look adds to the log; the next one takes the others"""


def status_of(run: Run) -> str:
    """How a run is, in one word: the open ones are `running`, `stopping` or `idle`."""
    if run.status != "running":
        return "stopped" if run.status == "detached" else run.status
    if run.stopped and run.counts[JobState.RUNNING]:
        return "stopping"
    return "running" if run.open else "idle"


class Overview(NamedTuple):
    """A run at one moment, for the head of a view."""

    status: str
    """`running`, `idle`, `stopping`, `held`, `done`, `failed` or `stopped`"""
    snapshot: Snapshot
    ended: float | None
    paused: dict[str, str]
    """Tasks that are paused, and why"""
    entries: list[Entry]
    """What is new in the log"""
    holder: str = ""
    """Who has the run, if `status` is `held`"""
    note: str = ""
    """What is told below the run"""

    def message(self) -> dict[str, object]:
        """What a view gets, ready for JSON."""
        tally = self.snapshot.tally
        return {
            "status": self.status,
            "now": self.snapshot.t,
            "started": self.snapshot.started,
            "ended": self.ended,
            "remaining": self.snapshot.remaining if tally.open else None,
            "counts": {look.word: count for count, look in tally.parts()},
            "trouble": printable(self.snapshot.trouble),
            "paused": self.paused,
            "holder": printable(self.holder),
            "note": printable(self.note),
        }


class Overviews:
    """Looks at a run again and again.

    Args:
        run: `<experiment>/<run id>`.
        workspace: For the first line of the log.
        workers: How many jobs run at once on this machine.
        holder: The process that has the run, if this one has not, and waits for its end.
        note: What is told below the run.
    """

    def __init__(self, run: str, workspace: str, workers: int, holder: str = "", note: str = "") -> None:
        self._run = run
        self._workspace = workspace
        self._workers = workers
        self._holder = holder
        self._note = note
        self._known_failures = 0
        self._trouble = ""
        self._began = False
        self._ended = False
        self._paused: dict[str, str] = {}

    def look(self, state: State, t: float) -> Overview | None:
        """Called in the scheduler's thread; its cost does not follow the number of jobs.

        Args:
            state: All that is known.
            t: Now, in seconds since the epoch.

        Returns:
            The run as it is; None if it was not started.
        """
        snapshot = take(state, self._run, 0, 0, t=t, workers=self._workers)
        if snapshot is None:
            return None
        run = state.runs[self._run]
        entries = self._entries(state, snapshot)
        status = "held" if self._holder and run.status == "running" else status_of(run)
        paused = dict(state.paused)
        return Overview(status, snapshot, run.ended, paused, entries, self._holder, self._note)

    def _entries(self, state: State, snapshot: Snapshot) -> list[Entry]:
        run = state.runs[self._run]
        entries: list[Entry] = []
        if not self._began:
            self._began = True
            name = self._run.partition("/")[2]
            where = f"workspace {printable(self._workspace)}, {self._workers} workers"
            entries.append((run.started, "info", f"run {name} started, {where}"))
        new = run.failures[self._known_failures : self._known_failures + _FAILURES]
        self._known_failures += len(new)
        for key in dict.fromkeys(new):
            job = state.jobs[key]
            if job.state is JobState.ERROR:
                skipped = sum(state.jobs[below].because == key for below in state.dependents(key))
                after = f"; {words.jobs(skipped)} skipped" if skipped else ""
                entries.append(
                    (job.ended or snapshot.t, "error", f"{words.job_name(job)}: {problem(job)}{after}")
                )
        if snapshot.trouble != self._trouble:
            self._trouble = snapshot.trouble
            if snapshot.trouble:
                entries.append((snapshot.t, "error", f"{printable(snapshot.trouble)}: trying again"))
        if state.paused != self._paused:
            entries += [
                (snapshot.t, "warning", f"{words.task_name(task)} is paused: {printable(why)}")
                for task, why in state.paused.items()
                if task not in self._paused
            ]
            self._paused = dict(state.paused)
        if (run.ended is not None) != self._ended:
            self._ended = run.ended is not None
            ended = run.ended is not None
            text = f"the run ended: {words.summary(snapshot.tally, snapshot.elapsed)}"
            entries.append((run.ended or snapshot.t, "info", text if ended else "the run goes on"))
        return entries
