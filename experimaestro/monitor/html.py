"""A run as a page that needs nothing: what a saved notebook shows of it, wherever it is opened.

Rules: only inline styles that the sanitisers of notebooks keep (no class, variable or script); the text
takes the colour of the page, so that it reads on light and dark; words and marks carry everything where
styles are removed. Failures first, `ROWS` jobs in all. No token, no address, no name of a machine.
Everything that comes from users is escaped. Cost follows the number of rows shown, not that of jobs.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from experimaestro.events.state import Job, Run, State
from experimaestro.events.states import FailureReason, JobState
from experimaestro.monitor import words
from experimaestro.monitor.feed import Title
from experimaestro.monitor.overview import status_of
from experimaestro.monitor.printable import printable
from experimaestro.monitor.rows import problem, text
from experimaestro.monitor.snapshot import tally
from experimaestro.monitor.words import Look, Tally

ROWS = 100
"""Jobs that are shown"""

_TAGS = 6
_LOOKED_AT = 2000
"""Jobs that are looked at for the rows and the tags"""

_CELL = "padding: 2px 14px 2px 0; white-space: nowrap"
_HEAD = f"{_CELL}; font-weight: normal; border-bottom: 1px solid #8c8c8c"
_TABLE = "border-collapse: collapse; width: 100%; font-size: 13px; line-height: 1.5; margin: 0 0 8px 0"
_PLAIN = ' style="background: transparent"'
"""Of rows: notebooks give every second one another ground"""
_STATUS = {
    "running": words.RUNNING,
    "idle": words.WAITING,
    "stopping": words.QUEUED,
    "done": words.DONE,
    "failed": words.FAILED,
    "stopped": words.KILLED,
}


def snapshot(state: State, title: Title, t: float, status: str = "") -> tuple[str, str]:
    """Draws a run as it is.

    Args:
        state: All that is known.
        title: The run.
        t: Now, in seconds since the epoch.
        status: How the run is, for whoever has only read about it (`load_run`) and knows more than the
            state: that its process is gone.

    Returns:
        HTML, and a line of text that says the same in short.
    """
    run = state.runs[f"{title.name}/{title.run}"]
    counts = tally(run)
    is_loaded = bool(status)
    status = status or status_of(run)
    look = _STATUS.get(status, words.WAITING)
    elapsed = words.clock((run.ended or t) - run.started)
    ended = f" &nbsp; ended {date(run.ended)}" if run.ended else ""
    failed, others = _chosen(state, run)
    columns = _tags([*failed, *others])
    head = f'<p style="margin: 0 0 4px 0">{mark(look)} <strong>{escape(status)}</strong> &nbsp; '
    head += (
        f'<strong style="font-size: 14px">{user_text(title.name)}</strong> &nbsp; {escape(title.run)} &nbsp; '
    )
    head += f"{elapsed} {'in all' if run.ended else 'elapsed'}{ended}</p>"
    parts = [
        '<div style="max-width: 960px; font-size: 13px; line-height: 1.5">',
        head,
        _bar(counts),
        '<p style="margin: 0 0 8px 0">'
        + " &nbsp; ".join(f"{mark(part)} {n:,} {part.word}" for n, part in counts.parts() if n)
        + "</p>",
        _table(state, failed, columns, t) if failed else "",
        _rest(state, others, columns, t, bool(failed)),
        f'<p style="margin: 0">{_last(counts, len(failed) + len(others), t, is_loaded)}</p>',
        "</div>",
    ]
    short = ", ".join(f"{n:,} {part.word}" for n, part in counts.parts() if n) or "no job yet"
    line = f"{look.mark} experiment {printable(title.name)!r}, {status}: {short} (as of {date(t)})"
    return "\n".join(part for part in parts if part), line


def _chosen(state: State, run: Run) -> tuple[list[Job], list[Job]]:
    """The jobs that are shown: those that failed by themselves, and others in the order of a table."""
    roots = (state.jobs[key] for key in dict.fromkeys(reversed(run.failures)))
    failed = list(itertools.islice((job for job in roots if job.state is JobState.ERROR), ROWS))
    shown = {job.key for job in failed}
    keys = dict.fromkeys(
        itertools.chain(itertools.islice(run.running, ROWS), itertools.islice(run.jobs, _LOOKED_AT))
    )
    looked_at = [state.jobs[key] for key in keys if key not in shown]
    order = [look.word for look in (words.FAILED, words.KILLED, words.RUNNING, words.QUEUED, words.WAITING)]
    order += [look.word for look in (words.SKIPPED, words.DONE, words.UNNEEDED)]
    looked_at.sort(key=lambda job: order.index(words.look(job.state, job.reason).word))
    return failed, looked_at[: ROWS - len(failed)]


def _tags(jobs: Iterable[Job]) -> list[str]:
    return list(dict.fromkeys(name for job in jobs for name in job.tags))[:_TAGS]


def _bar(counts: Tally) -> str:
    if not counts.total:
        return ""
    spans = "".join(
        f'<span title="{n:,} {look.word}" style="display: inline-block; vertical-align: top; height: 10px; '
        f'width: {100 * n / counts.total:.2f}%; background-color: {look.colour}"></span>'
        for n, look in counts.parts()
        if n
    )
    return f'<div style="height: 10px; overflow: hidden; margin: 0 0 4px 0">{spans}</div>'


def _rest(state: State, jobs: Sequence[Job], columns: Sequence[str], t: float, folded: bool) -> str:
    if not jobs:
        return ""
    table = _table(state, jobs, columns, t)
    if not folded:
        return table
    label = f"{len(jobs)} other {'job' if len(jobs) == 1 else 'jobs'}"
    return f"<details>\n<summary>{label}</summary>\n{table}\n</details>"


def _table(state: State, jobs: Sequence[Job], columns: Sequence[str], t: float) -> str:
    heads = "".join(_head(name) for name in ("State", "Task", *columns, "Note"))
    heads += f'<th align="right" style="text-align: right; {_HEAD}">Duration</th>'
    body = "\n".join(_row(state, job, columns, t) for job in jobs)
    return f'<table style="{_TABLE}">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>'


def _head(name: str) -> str:
    return f'<th align="left" style="text-align: left; {_HEAD}">{user_text(name)}</th>'


def _row(state: State, job: Job, columns: Sequence[str], t: float) -> str:
    look = words.look(job.state, job.reason)
    by_itself = job.state is JobState.ERROR and job.reason is not FailureReason.DEPENDENCY
    ran = "" if job.started is None else words.clock((job.ended or t) - job.started)
    cells = [
        f"{mark(look)}&nbsp;{look.word}",
        f"<strong>{user_text(words.task_name(job.task))}</strong>",
        *(user_text(str(job.tags[name]) if name in job.tags else "") for name in columns),
        "" if by_itself else user_text(text(state, job)),
    ]
    row = "".join(f'<td align="left" nowrap style="text-align: left; {_CELL}">{cell}</td>' for cell in cells)
    row += f'<td align="right" nowrap style="text-align: right; {_CELL}">{ran}</td>'
    if not by_itself:
        return f"<tr{_PLAIN}>{row}</tr>"
    where = job.outcome.frame.partition(": ")[0] if job.outcome is not None else ""
    place = f"<br><code>{escape(printable(where))}</code>" if where else ""
    kind, colon, message = problem(job).partition(": ")
    why = f"<strong>{user_text(kind)}</strong>{colon}{user_text(message) if message else ''}"
    wide = len(columns) + 3
    return (
        f'<tr{_PLAIN}>{row}</tr>\n<tr{_PLAIN}><td></td><td colspan="{wide}" align="left" '
        f'style="text-align: left; padding: 0 14px 6px 0">{why}{place}</td></tr>'
    )


def _last(counts: Tally, shown: int, t: float, is_loaded: bool) -> str:
    live = f"Snapshot of {date(t)}. " + (
        "<code>run.widget</code> is the live view" if is_loaded else "Run this cell again for the live view"
    )
    every = f"<code>{'run' if is_loaded else 'xp'}.dataframe()</code> has all {counts.total:,} jobs."
    if counts.total > shown:
        return f"{counts.total - shown:,} more; {every} {live}."
    return f"{live}; {every}" if counts.total > 1 else f"{live}."


def mark(look: Look) -> str:
    """The mark of a state, in its colour."""
    return f'<span style="color: {look.colour}">{look.mark}</span>'


def user_text(value: str) -> str:
    """A text of a user's, escaped and on one line."""
    return f"<bdi>{escape(printable(value, 400))}</bdi>"


def date(t: float | None) -> str:
    """A time as one reads it; "" for None."""
    return "" if t is None else f"{datetime.fromtimestamp(t).astimezone():%Y-%m-%d %H:%M:%S}"
