"""All that the files of one job tell: when it ran and where, how it ended, what came of it, of which code.

Rule: reads only. What a job of another version did not write down is unknown, and no error.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from experimaestro.events.owners import Outcome
from experimaestro.exceptions import FormatError, WorkspaceError
from experimaestro.inventory import runs
from experimaestro.inventory.jobs import JobRecord
from experimaestro.inventory.parameters import parameters
from experimaestro.workspace import attempts, code, files
from experimaestro.workspace.layout import JobPaths, attempt_part
from experimaestro.workspace.progress import read_progress
from experimaestro.workspace.reader import RunReader


class Story(NamedTuple):
    """What is known of a job."""

    attempts: int
    """How often it was tried to run it; 0 if nobody of this version did"""
    process: str
    """Which process runs it, or did last; "" if unknown"""
    started: datetime | None
    ended: datetime | None
    outcome: Outcome | None
    """How the last attempt ended"""
    because: str
    """The job that failed so that this one was not run; "" if there is none"""
    progress: tuple[tuple[float, str], ...]
    """Of a running job: value (0 to 1) and text of each loop, the outer one first"""
    parameters: Mapping[str, Any]
    """By dotted name"""
    results: Any
    """What its `results.json` holds; None: nothing"""
    changed_code: tuple[str, ...]
    """Files of its code that are other ones now"""

    @property
    def seconds(self) -> float | None:
        """How long it ran."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds()


def tell(workspace: str, job: JobRecord) -> Story:
    """All that is known of a job.

    Args:
        workspace: Its folder.
        job: See `jobs.record`.

    Raises:
        OSError: The disk does not tell.
    """
    paths = job.paths
    parts = map(attempt_part, files.names(paths.attempts))
    last = max((part[0] for part in parts if part is not None), default=0)
    begun = attempts.started(paths, last) if last else None
    outcome = attempts.ended(paths, last) if last else job.seen.outcome
    because, ended = _why_not(workspace, job) if job.state == "not run" else ("", None)
    outcome = outcome or ended
    owner = begun[0] if begun is not None else job.seen.owner
    return Story(
        last,
        str(owner) if owner is not None else "",
        _time(begun[1] if begun is not None else None),
        _time(outcome.t if outcome is not None else None),
        outcome,
        because,
        (read_progress(paths.progress) or ()) if job.state == "running" else (),
        parameters(paths),
        _results(paths),
        changed_code(job),
    )


def changed_code(job: JobRecord) -> tuple[str, ...]:
    """The files of the code of a job that has a result or failed, which are other ones now, or gone."""
    return tuple(code.changed(job.paths)) if job.state in {"done", "failed"} else ()


def as_json(story: Story) -> dict[str, Any]:
    """What is known of a job, for programs; times in ISO form, seconds."""
    outcome = story.outcome if story.outcome is not None and not story.outcome.is_done else None
    return {
        "process": story.process or None,
        "attempts": story.attempts,
        "started": story.started and story.started.isoformat(),
        "ended": story.ended and story.ended.isoformat(),
        "seconds": story.seconds,
        "peak_memory": story.outcome and story.outcome.peak_memory,
        "progress": [{"value": value, "text": text} for value, text in story.progress],
        "reason": outcome and outcome.status,
        "error": outcome and outcome.message,
        "line": outcome and outcome.frame,
        "exit_code": outcome and outcome.code,
        "signal": outcome and outcome.signal,
        "because": story.because or None,
        "changed_code": story.changed_code,
        "parameters": story.parameters,
        "results": story.results,
    }


def _why_not(workspace: str, job: JobRecord) -> tuple[str, Outcome | None]:
    """Why a job was not run, as the last runs that have it say: the job that failed, or how it ended."""
    for experiment in job.experiments:
        try:
            reader = RunReader(workspace, experiment, runs.run_ids(workspace, experiment)[-1])
            reader.refresh()
        except (WorkspaceError, FormatError, OSError):  # of an earlier version, or damaged
            continue
        row = reader.state.jobs.get(job.key)
        if row is not None and (row.because or row.outcome is not None):
            return row.because or "", row.outcome
    return "", None


def _results(paths: JobPaths) -> Any:
    try:
        return json.loads(files.read(paths.results) or b"null")
    except (ValueError, RecursionError):  # the task wrote the file itself
        return None


def _time(t: float | None) -> datetime | None:
    return datetime.fromtimestamp(t).astimezone() if t else None
