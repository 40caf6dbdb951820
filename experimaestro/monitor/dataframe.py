"""What is known of a run as a table: a row for each job, for analyses.

Rules: reads the state (of a journal, or of this process), the objects that the run recorded once, and of
jobs that others ran when they did so and their `results.json`; nothing else of a job's folder. pandas is
loaded only to make its `DataFrame`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import dropwhile, takewhile
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
        `failure`, `started`, `ended` (local time), `duration` (s), `peak_memory` (bytes, of its largest
        process), `folder`, and its results: the items of a dictionary, or `result`. A name that is taken
        gets a prefix, in all rows: `tag.state`, `param.job`, `result.lr`.
    """
    known = {one["id"]: one for one in objects if isinstance(one.get("id"), (int, str))}
    roots = {str(one.get("identifier")): one for one in known.values()}
    jobs = list(jobs)
    names = {job.key: words.task_name(job.task) for job in jobs}
    parts = []
    for job in jobs:
        root = roots.get(job.key.partition("/")[2])
        fields = {} if root is None else dict(_fields(root, known, "", 0))
        parts.append((job.tags, fields, _results(job, paths(job.key))))
    fixed = {"job", "task", *_STANDING}
    others = {
        name
        for tags, fields, _ in parts
        for name in tags.keys() & fields.keys()
        if str(tags[name]) != str(fields[name])
    }
    given = {name for tags, fields, _ in parts for name in (*tags, *fields)}
    return [
        {
            "job": job.key.partition("/")[2],
            "task": names[job.key],
            **_named("tag", tags, fixed),
            **_named("param", fields, fixed | others),
            **_standing(job, paths(job.key), names),
            **_named("result", results, fixed | given),
        }
        for job, (tags, fields, results) in zip(jobs, parts, strict=True)
    ]


def _named(prefix: str, values: Mapping[str, Any], taken: "set[str]") -> Row:
    """Values with names that no column of another kind has."""
    return {f"{prefix}.{name}" if name in taken else name: value for name, value in values.items()}


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
    columns = {name: [row.get(name) for row in rows] for name in _columns(rows)}
    types = {name: _TYPES.get(name) or _type(column) for name, column in columns.items()}
    table = pd.DataFrame({name: pd.Series(column, dtype=types[name]) for name, column in columns.items()})
    for name in ("started", "ended"):
        zone = next((t.tzinfo for t in reversed(columns[name]) if t is not None), None)
        times = pd.to_datetime(table[name], utc=True)  # summer and winter may have other offsets
        table[name] = times if zone is None else times.dt.tz_convert(zone)
    return table


def _type(values: Sequence[Any]) -> str:
    """The type of a column, by all of its values and not by how many there are or what they are worth."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return "Int64"
    if kinds in ({float}, {int, float}):
        return "Float64"
    return "string" if kinds == {str} else "object"


def _columns(rows: Sequence[Row]) -> Iterable[str]:
    """All names: what a job is, then where it stands, then its results, each in the order of appearance."""

    def before(name: str) -> bool:
        return name != "state"

    first = dict.fromkeys(name for row in rows for name in takewhile(before, row))
    rest = dict.fromkeys(name for row in rows for name in dropwhile(before, row))
    return {**dict.fromkeys(("job", "task")), **first, **dict.fromkeys(_STANDING), **rest}


_STANDING = ("state", "failure", "started", "ended", "duration", "peak_memory", "folder")

_TYPES = {
    **dict.fromkeys(("job", "task", "state", "failure", "folder"), "string"),
    "duration": "Float64",
    "peak_memory": "Int64",
}
"""Of columns that every table has, also if nothing is in them"""


def _standing(job: Job, paths: JobPaths, names: Mapping[str, str]) -> Row:
    message = job.outcome.message if job.outcome is not None and job.reason is not None else ""
    if job.because is not None:
        cause = names.get(job.because) or words.task_name(job.because.partition("/")[0])
        message = f"did not run because {cause} failed"
    started, ended, peak_memory = _measured(job, paths)
    return {
        "state": words.look(job.state, job.reason).word,
        "failure": message.strip().partition("\n")[0] or None,
        "started": _time(started),
        "ended": _time(ended),
        "duration": None if started is None or ended is None else ended - started,
        "peak_memory": peak_memory,
        "folder": paths.folder,
    }


def _measured(job: Job, paths: JobPaths) -> tuple[float | None, float | None, int | None]:
    """When a job started and ended, and its memory: of one that others ran, what its folder says."""
    started, ended, outcome = job.started, job.ended, job.outcome
    if job.where != "here" and (job.state is JobState.DONE or job.where):
        try:
            started, outcome = attempts.last_attempt(paths)
        except OSError:
            return None, None, None
        ended = outcome.t or None if outcome is not None else None
    if not job.state.finished():
        return started, None, None
    return started, ended, None if outcome is None else outcome.peak_memory


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
        number = value.get("value")
        inner = known.get(number) if isinstance(number, (int, str)) else None
        if inner is not None and depth < _DEEPEST:
            yield from _fields(inner, known, f"{name}.", depth + 1)
        return
    if kind in {"path", "path.serialized", "enum"}:
        yield name, value.get("value")
        return
    if kind in {"set", "tuple"}:
        yield from _value(name, value.get("items"), known, depth)
        return
    if kind == "dict":  # with keys that are no texts, or one that is "type"
        pairs = value.get("items") or ()
        value = {str(pair[0]): pair[1] for pair in pairs if isinstance(pair, list) and len(pair) == 2}
    if isinstance(value, (list, dict)) and any(isinstance(item, (list, dict)) for item in _items(value)):
        parts = enumerate(value) if isinstance(value, list) else value.items()
        for part, item in list(parts)[:_WIDEST]:
            yield from _value(f"{name}.{part}", item, known, depth + 1)
    else:
        yield name, value


def _items(value: "list[Any] | dict[str, Any]") -> Iterable[Any]:
    return value if isinstance(value, list) else value.values()
