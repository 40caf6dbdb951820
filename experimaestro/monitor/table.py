"""The rows of one run, as its views have them, and what changed since they were sent.

Rules: `look` alone reads the state, in the scheduler's thread, and never more than `BATCH` rows at
once, however many changed; `fold` makes the difference of it, in the feed's thread. The two never
run at the same time. Several tables may look at one state: each change is handed to all of them.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from experimaestro.events.model import JobKey
from experimaestro.events.state import State
from experimaestro.monitor.rows import KEY, STATE, TASK, Row, row

BATCH = 2000
"""Rows that one look makes: about 10 ms of the scheduler's time"""

_readers: "WeakKeyDictionary[State, list[set[JobKey]]]" = WeakKeyDictionary()


class Look(NamedTuple):
    """What a table has not seen of a state."""

    new: list[Row]
    """Rows of jobs that were submitted, in that order"""
    needs: list[tuple[JobKey, ...]]
    """What each of them depends on"""
    changed: list[Row]
    """Rows of known jobs"""
    more: bool
    """Whether there is more than one look takes"""


class Change(NamedTuple):
    """What a view has to do to its rows."""

    set: list[tuple[int, int, object]]
    """Row, column and new value"""
    add: list[Row]


class Table:
    """The rows of one run.

    Args:
        run: `<experiment>/<run id>`.
    """

    def __init__(self, run: str) -> None:
        self.rows: list[Row] = []
        self._run = run
        self._numbers: dict[JobKey, int] = {}
        self._needs: list[tuple[JobKey, ...]] = []
        self._tasks: dict[tuple[str, str], None] = {}
        self._needed_by: dict[JobKey, list[str]] = {}  # tasks of those that need a job without a row
        self._pending: set[JobKey] = set()
        self._state: State | None = None

    # In the scheduler's thread.

    def look(self, state: State) -> Look:
        """Takes what is new, as much as one look may.

        Args:
            state: All that is known.
        """
        self._listen(state)
        run = state.runs.get(self._run)
        if run is None:
            return Look([], [], [], more=False)
        new: list[JobKey] = []
        if len(run.jobs) > len(self.rows):
            new = list(itertools.islice(run.jobs, len(self.rows), len(self.rows) + BATCH))
        changed: list[Row] = []
        while self._pending and len(changed) + len(new) < BATCH:
            key = self._pending.pop()
            number = self._numbers.get(key)
            if number is None:
                continue  # of another run, or new
            now = row(state, state.jobs[key])
            changed.append(now)
            if now[STATE] != self.rows[number][STATE]:
                self._pending.update(state.dependents(key))  # "for 2 jobs" is now "for 1 job"
        more = bool(self._pending) or len(run.jobs) > len(self.rows) + len(new)
        jobs = [state.jobs[key] for key in new]
        return Look([row(state, job) for job in jobs], [job.deps for job in jobs], changed, more)

    def close(self, state: State) -> None:
        """Takes no note of changes any more."""
        mine = self._pending
        readers = [pending for pending in _readers.get(state, ()) if pending is not mine]
        if readers:
            _readers[state] = readers
        else:
            _readers.pop(state, None)
        self._state = None

    def _listen(self, state: State) -> None:
        """Hands what changed to all tables of the state, this one among them."""
        if self._state is not state:
            self._state = state
            _readers.setdefault(state, []).append(self._pending)
        if state.changed:
            for pending in _readers[state]:
                pending.update(state.changed)
            state.changed.clear()

    # In the feed's thread.

    def fold(self, look: Look) -> Change:
        """Brings the rows up to date.

        Args:
            look: What `look` returned.

        Returns:
            The difference.
        """
        cells: list[tuple[int, int, object]] = []
        for now in look.changed:
            number = self._numbers[str(now[KEY])]
            before, self.rows[number] = self.rows[number], now
            cells += [(number, i, now[i]) for i in range(len(now)) if now[i] != before[i]]
        for now, needs in zip(look.new, look.needs, strict=True):
            self._add(now, needs)
        return Change(cells, look.new)

    def _add(self, now: Row, needs: tuple[JobKey, ...]) -> None:
        key, task = str(now[KEY]), str(now[TASK])
        self._numbers[key] = len(self.rows)
        self.rows.append(now)
        self._needs.append(needs)
        pairs = [(task, other) for other in self._needed_by.pop(key, ())]
        for need in needs:
            number = self._numbers.get(need)
            if number is None:
                self._needed_by.setdefault(need, []).append(task)
            else:
                pairs.append((str(self.rows[number][TASK]), task))
        self._tasks.update((pair, None) for pair in pairs if pair[0] != pair[1])

    def number(self, key: JobKey) -> int | None:
        """The number of a job's row; None if the run has no such job."""
        return self._numbers.get(key)

    def state_of(self, key: JobKey) -> str | None:
        """See `commands.Jobs`."""
        number = self._numbers.get(key)
        return None if number is None else str(self.rows[number][STATE])

    def in_states(self, states: Sequence[str]) -> list[JobKey]:
        """See `commands.Jobs`."""
        wanted = frozenset(states)
        return [str(one[KEY]) for one in self.rows if one[STATE] in wanted]

    def in_rows(self, ranges: Sequence[tuple[int, int]]) -> list[JobKey] | None:
        """The jobs of ranges of rows (first and last of each); None if they are not ascending, or no rows."""
        keys: list[JobKey] = []
        before = -1
        for first, last in ranges:
            if not before < first <= last < len(self.rows):
                return None
            keys += (str(one[KEY]) for one in self.rows[first : last + 1])
            before = last
        return keys

    def tasks(self) -> list[tuple[str, str]]:
        """Which task needs which: what is needed, what needs it."""
        return list(self._tasks)

    def edges(self) -> list[tuple[int, int]]:
        """Each direct dependency as the numbers of two rows: what is needed, what needs it; looks at all."""
        return [
            (self._numbers[need], number)
            for number, needs in enumerate(self._needs)
            for need in needs
            if need in self._numbers
        ]
