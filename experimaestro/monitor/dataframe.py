"""What is known of a run as a table: a row for each job, for analyses.

Rules: reads the state (of a journal, or of this process), the objects that the run recorded once, and of
jobs that others ran when they did so and their `results.json`; nothing else of a job's folder. pandas is
loaded only to make its `DataFrame`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from experimaestro.events.state import Job, State
from experimaestro.events.states import JobState
from experimaestro.monitor import words
from experimaestro.workspace import attempts, files
from experimaestro.workspace.layout import JobPaths

if TYPE_CHECKING:
    import pandas as pd

_DEEPEST = 8
"""How deep parameters are followed"""

_WIDEST = 20
"""Up to so many items, a list or dictionary of configurations has columns of its own"""

Row = dict[str, Any]


def jobs_of(state: State, run: str) -> list[Job]:
    """Copies of the jobs of a run, in the order of submission, for another thread."""
    return [msgspec.structs.replace(state.jobs[key]) for key in state.runs[run].jobs]


def records(
    jobs: Iterable[Job], objects: Iterable[Mapping[str, Any]], paths: Callable[[str], JobPaths]
) -> list[Row]:
    """What is known of jobs.

    Args:
        jobs: The jobs.
        objects: What the run recorded: the lines of its `objects.jsonl`.
        paths: The files of a job.

    Returns:
        For each job `job`, `task`, its tags, its parameters (those inside others with dots), `state`,
        `failure`, `started`, `ended` (local time), `duration` (s), `folder`, and its results: the
        items of a dictionary, or `result`. A name that is taken gets a prefix: `result.lr`.
    """
    known = {one.get("id"): one for one in objects}
    roots = {one.get("identifier"): one for one in known.values()}
    rows = []
    jobs = list(jobs)
    names = {job.key: words.task_name(job.task) for job in jobs}
    for job in jobs:
        row: Row = {"job": job.key.partition("/")[2], "task": names[job.key], **job.tags}
        root = roots.get(row["job"])
        if root is not None:
            for name, value in _fields(root, known, "", 0):
                row.setdefault(name, value)
        files_of_job = paths(job.key)
        row.update(_standing(job, files_of_job, names))
        for name, value in _results(job, files_of_job).items():
            row[f"result.{name}" if name in row else name] = value
        rows.append(row)
    return rows


def read_objects(path: str) -> list[dict[str, Any]]:
    """The lines of an `objects.jsonl`; one that is being written, or is damaged, is left out."""
    found = []
    for line in (files.read(path) or b"").split(b"\n"):
        try:
            value = json.loads(line) if line else None
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def dataframe(rows: Sequence[Row]) -> "pd.DataFrame":
    """The table as a pandas `DataFrame`, with typed columns.

    Raises:
        ImportError: pandas is not installed; says what to do.
    """
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("dataframe() needs pandas: pip install pandas") from None
    table = pd.DataFrame.from_records(list(rows), columns=list(_columns(rows)))
    return table.convert_dtypes()


def _columns(rows: Sequence[Row]) -> Iterable[str]:
    """All names: what a job is, then where it stands, then its results, each in the order of appearance."""
    every = dict.fromkeys(name for row in rows for name in row)
    return every or dict.fromkeys(("job", "task", *_STANDING))


_STANDING = ("state", "failure", "started", "ended", "duration", "folder")


def _standing(job: Job, paths: JobPaths, names: Mapping[str, str]) -> Row:
    message = job.outcome.message if job.outcome is not None and job.reason is not None else ""
    if job.because is not None:
        cause = names.get(job.because) or words.task_name(job.because.partition("/")[0])
        message = f"did not run because {cause} failed"
    started, ended = _times(job, paths)
    return {
        "state": words.look(job.state, job.reason).word,
        "failure": message.strip().partition("\n")[0] or None,
        "started": _time(started),
        "ended": _time(ended),
        "duration": None if started is None or ended is None else ended - started,
        "folder": paths.folder,
    }


def _times(job: Job, paths: JobPaths) -> tuple[float | None, float | None]:
    """When a job started and ended: of one that others ran, what its folder says, else nothing."""
    ended = job.ended if job.state.finished() else None
    if job.where == "here" or not (job.state is JobState.DONE or job.where):
        return job.started, ended
    try:
        started, ended = attempts.times(paths)
    except OSError:
        return None, None
    return started, ended if job.state.finished() else None


def _time(t: float | None) -> datetime | None:
    return None if t is None else datetime.fromtimestamp(t).astimezone()


def _results(job: Job, paths: JobPaths) -> Row:
    """What a job that is done said that it found out."""
    if job.state is not JobState.DONE:
        return {}
    text: str | bytes = job.outcome.result if job.outcome is not None else ""
    if not text and job.where != "here":
        try:
            text = files.read(paths.results) or b""
        except OSError:
            return {}
    try:
        value = json.loads(text) if text else None
    except ValueError:
        return {}
    if isinstance(value, dict):
        return dict(_flat("", value))
    return {} if value is None else {"result": value}


def _flat(prefix: str, value: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, dict):
            yield from _flat(f"{prefix}{name}.", item)
        else:
            yield f"{prefix}{name}", item


def _fields(
    one: Mapping[str, Any], known: Mapping[Any, Mapping[str, Any]], prefix: str, depth: int
) -> Iterable[tuple[str, Any]]:
    fields = one.get("fields")
    for name, value in fields.items() if isinstance(fields, dict) else ():
        yield from _value(f"{prefix}{name}", value, known, depth)


def _value(
    name: str, value: Any, known: Mapping[Any, Mapping[str, Any]], depth: int
) -> Iterable[tuple[str, Any]]:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "python":
        inner = known.get(value.get("value"))
        if inner is not None and depth < _DEEPEST:
            yield from _fields(inner, known, f"{name}.", depth + 1)
    elif kind in {"path", "path.serialized", "enum"}:
        yield name, value.get("value")
    elif kind in {"set", "tuple"}:
        yield from _value(name, value.get("items"), known, depth)
    elif isinstance(value, (list, dict)) and any(isinstance(item, (list, dict)) for item in _items(value)):
        parts = enumerate(value) if isinstance(value, list) else value.items()
        for part, item in list(parts)[:_WIDEST]:
            yield from _value(f"{name}.{part}", item, known, depth + 1)
    else:
        yield name, value


def _items(value: "list[Any] | dict[str, Any]") -> Iterable[Any]:
    return value if isinstance(value, list) else value.values()
