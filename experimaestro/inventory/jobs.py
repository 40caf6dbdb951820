"""The jobs of a workspace: which there are, and what their folders say."""

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, takewhile
from typing import Any, NamedTuple

from experimaestro.events.owners import Observation
from experimaestro.exceptions import WorkspaceError
from experimaestro.inventory import runs
from experimaestro.inventory.filters import Filter
from experimaestro.workspace import attempts, files
from experimaestro.workspace.layout import JobPaths, RunPaths, jobs_folder
from experimaestro.workspace.locks import is_locked

_IDENTIFIER = re.compile("[0-9a-f]{64}")
"""Name of the folder of a job"""

STATES: Mapping[str, str] = {
    "done": "done",
    "failed": "failed",
    "free": "not run",
    "running": "running",
    "gone": "interrupted",
    "unknown": "unknown",
    "conflict": "failed",
}
"""What a job is called, by what is found in its folder"""


class JobRecord(NamedTuple):
    """A job of a workspace."""

    key: str
    """`<type name>/<identifier>`"""
    state: str
    """One of the values of `STATES`"""
    tags: Mapping[str, Any]
    experiments: tuple[str, ...]
    """Experiments whose runs list it"""
    paths: JobPaths
    seen: Observation

    @property
    def task(self) -> str:
        """Name of its type."""
        return self.key.partition("/")[0]


def list_jobs(
    workspace: str, *, experiment: str | None = None, run: str = "latest", only: Filter | None = None
) -> Iterator[JobRecord]:
    """The jobs of a workspace, each once: those that have a folder, and those that an open run is to start.

    Args:
        workspace: Its folder.
        experiment: Only those of the run of this experiment, in the order of their submission.
        run: Which run.
        only: Only those that a filter takes.

    Raises:
        WorkspaceError: There is no such experiment or run.
        FilterError: The filter asks for a tag that no job has.
    """
    if experiment is not None:
        rows = runs.submitted(runs.named_run(workspace, experiment, run))
        tags = {one.key: one.tags for one in rows}
        owners: dict[str, tuple[str, ...]] = dict.fromkeys(tags, (experiment,))
        keys: Iterable[str] = tags
    else:
        tags, owners = _of_runs(workspace)
        keys = _with_those_to_come(workspace)
    if only is not None:
        only.check(name for one in tags.values() for name in one)
    for key in keys:
        record = look(workspace, key, tags.get(key, {}), owners.get(key, ()))
        if only is None or only({"@state": record.state, "@name": record.task, **record.tags}):
            yield record


def look(
    workspace: str, key: str, tags: Mapping[str, Any] | None = None, experiments: tuple[str, ...] = ()
) -> JobRecord:
    """What the folder of a job says."""
    paths = JobPaths.of(workspace, key)
    seen = attempts.observe(paths)
    return JobRecord(key, STATES[seen.kind], tags or {}, experiments, paths, seen)


def record(workspace: str, key: str) -> JobRecord:
    """What the folder of a job says, with its tags and experiments as the runs have them."""
    tags, owners = _of_runs(workspace)
    return look(workspace, key, tags.get(key, {}), owners.get(key, ()))


def all_keys(workspace: str) -> Iterator[str]:
    """The jobs that have a folder, by type, sorted."""
    for task in sorted(files.names(jobs_folder(workspace))):
        yield from keys_of_type(workspace, task)


def keys_of_type(workspace: str, task: str) -> list[str]:
    """The jobs of a type that have a folder, sorted."""
    return [f"{task}/{name}" for name in _identifiers(workspace, task)]


def _identifiers(workspace: str, task: str) -> list[str]:
    """The identifiers of the jobs of a type, sorted; what else is in its folder is somebody's own."""
    return sorted(filter(_IDENTIFIER.fullmatch, files.names(jobs_folder(workspace, task))))


def keys_of_runs(workspace: str) -> dict[str, set[str]]:
    """For each job that some run lists, the experiments of these runs."""
    found: dict[str, set[str]] = {}
    for experiment in runs.experiments(workspace):
        for run_id in runs.run_ids(workspace, experiment):
            for one in runs.submitted(RunPaths(workspace, experiment, run_id)):
                found.setdefault(one.key, set()).add(experiment)
    return found


def keys_of_open_runs(workspace: str) -> list[list[str]]:
    """The jobs that each open run lists; what was submitted in the last moment may be missing."""
    last = [
        RunPaths(workspace, experiment, run_id)
        for experiment in runs.experiments(workspace)
        for run_id in runs.run_ids(workspace, experiment)[-1:]
    ]
    return [[one.key for one in runs.submitted(paths)] for paths in last if is_locked(paths)]


def _with_those_to_come(workspace: str) -> Iterator[str]:
    """The jobs that have a folder, then those of open runs that have none."""
    found = dict.fromkeys(chain.from_iterable(keys_of_open_runs(workspace)))
    for key in all_keys(workspace):
        found.pop(key, None)
        yield key
    yield from found


def _of_runs(workspace: str) -> tuple[dict[str, Mapping[str, Any]], dict[str, tuple[str, ...]]]:
    """Tags of jobs, as the last run of each experiment that lists them has them, and these experiments."""
    tags: dict[str, Mapping[str, Any]] = {}
    owners: dict[str, tuple[str, ...]] = {}
    for experiment in runs.experiments(workspace):
        last: dict[str, Mapping[str, Any]] = {}
        for run_id in runs.run_ids(workspace, experiment):
            last.update(runs.submitted(RunPaths(workspace, experiment, run_id)))
        for key, its in last.items():
            tags[key] = {**tags.get(key, {}), **its}
            owners[key] = (*owners.get(key, ()), experiment)
    return tags, owners


class Short:
    """Keys with identifiers that are as short as they can be in a workspace, and at least 8 digits.

    Args:
        workspace: Its folder.
    """

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._names: dict[str, list[str]] = {}

    def __call__(self, key: str) -> str:
        """What stands for a key in a list; `find` takes it."""
        task, _, identifier = key.partition("/")
        names = self._names.get(task)
        if names is None:
            names = self._names[task] = _identifiers(self._workspace, task)
        at = bisect_left(names, identifier)
        others = [one for one in names[max(0, at - 1) : at + 2] if one != identifier]
        shared = max((_shared(one, identifier) for one in others), default=0)
        return f"{task}/{identifier[: max(8, shared + 1)]}"


def _shared(one: str, other: str) -> int:
    """With how many equal characters two texts begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def find(workspace: str, text: str) -> str:
    """The key of the job that a person means.

    Args:
        workspace: Its folder.
        text: A key, `<type name>/<start of the identifier>`, the start of an identifier alone, or the
            path of its folder.

    Raises:
        WorkspaceError: There is none, or more than one.
    """
    real = os.path.realpath(text)
    start = f"{jobs_folder(workspace)}/"
    wanted = real[len(start) :] if real.startswith(start) else text.strip("/")
    task, slash, identifier = wanted.rpartition("/")
    tasks = [task] if slash else sorted(files.names(jobs_folder(workspace)))
    found = [
        f"{one}/{name}"
        for one in tasks
        for name in _identifiers(workspace, one)
        if name.startswith(identifier)
    ] or [
        key  # has no folder: it was not run
        for key in _of_runs(workspace)[0]
        if key.rpartition("/")[2].startswith(identifier) and task in {"", key.rpartition("/")[0]}
    ]
    if len(found) == 1 and identifier:
        return found[0]
    if not found or not identifier:
        raise WorkspaceError(f"{workspace} has no job {text!r}. `experimaestro jobs list` tells all")
    shown = ", ".join(sorted(found)[:3]) + (", ..." if len(found) > 3 else "")
    raise WorkspaceError(f"{text!r} is the start of {len(found)} jobs: {shown}")
