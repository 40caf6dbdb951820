"""A job as the row of a table: what each column shows, in words.

Pure. A row is a list of JSON scalars in the order of `COLUMNS` (and one dictionary of texts, its tags).
Whatever stands in a row is text for people: nothing in it is ever markup.
"""

import re

from experimaestro.events.state import Job, State
from experimaestro.events.states import FailureReason, JobState
from experimaestro.monitor import words
from experimaestro.monitor.printable import printable

COLUMNS = ("key", "task", "tags", "state", "text", "value", "started", "ended", "attempt")
"""Names of the columns; `value` is the progress from 0 to 1, times are in seconds since the epoch"""

KEY, TASK, TAGS, STATE, TEXT, VALUE, STARTED, ENDED, ATTEMPT = range(len(COLUMNS))

Row = list[object]

_MOST = 400
"""Characters of a text"""

_MODULES = re.compile(r"^(?:\w+\.)+(?=\w+(?::|$))")


def row(state: State, job: Job) -> Row:
    """Makes the row of a job.

    Args:
        state: All that is known: a row names the job that another one waits for.
        job: The job.
    """
    value = job.progress[0].value if job.progress and job.state is JobState.RUNNING else None
    return [
        job.key,
        job.task,
        {printable(name): printable(str(tag)) for name, tag in job.tags.items()},
        words.look(job.state, job.reason).word,
        text(state, job),
        None if value is None else min(1.0, max(0.0, value)) if value == value else None,  # noqa: PLR0124 - not a NaN
        job.started,
        job.ended if job.state.finished() else None,
        job.attempt,
    ]


def text(state: State, job: Job) -> str:
    """What stands in the column Progress: what a job does, waits for, or failed of.

    Args:
        state: All that is known.
        job: The job.
    """
    if job.stopping and not job.state.finished():
        return "killing"
    if job.state is JobState.RUNNING:
        levels = [printable(level.text, _MOST) for level in job.progress if level.text]
        return ", ".join(levels + (["runs elsewhere"] if job.where == "elsewhere" else []))
    if job.state is JobState.WAITING:
        return f"for {words.jobs(job.waiting)}"
    if job.state is JobState.READY:
        return f"for token {printable(job.token)}" if job.token else "for a worker"
    if job.state is JobState.SCHEDULED:
        return "starting"
    if job.state is JobState.DONE:
        if job.other_code and not job.where:
            return "code changed since"
        return {"": "reused from an earlier run", "here": "", "elsewhere": "run elsewhere"}[job.where]
    if job.reason is FailureReason.DEPENDENCY and job.because is not None:
        cause = state.jobs[job.because]
        return f"{words.task_name(cause.task)} {words.look(cause.state, cause.reason).word}"
    if job.state is JobState.ERROR:
        return problem(job)
    return ""


def problem(job: Job) -> str:
    """Why a job failed, on one line: the error without the modules of its type.

    Args:
        job: A job that failed by itself.
    """
    message = job.outcome.message if job.outcome is not None else ""
    first = message.strip().partition("\n")[0]
    if job.reason is FailureReason.CANCELLED and not first:
        return "killed"
    return printable(_MODULES.sub("", first), _MOST) or "nothing is known about its end"
