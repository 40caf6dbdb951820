"""What runs and jobs recorded, as configurations again: for analyses, for plans that build on earlier ones.

Rules: reads files of any version and changes none; a class is imported when something of it is asked for,
and not before, so that one whose module has gone does not hide the others; what is loaded is no part of
the open experiment: nothing is run again because it is used.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from experimaestro.core.base import Configuration
from experimaestro.core.serialization.configurations import ConfigurationReader
from experimaestro.core.serialization.instances import places_of_job
from experimaestro.core.serialization.reading import (
    Number,
    Places,
    Record,
    check_version,
    record_of,
    records_of,
)
from experimaestro.core.serialization.saving import folder_of, instances_of, load, parse, save
from experimaestro.core.serialization.writing import makers_and_parts
from experimaestro.core.tags import TagDict
from experimaestro.core.walk import collect, postorder
from experimaestro.exceptions import FormatError, NotSavedError
from experimaestro.workspace import files
from experimaestro.workspace.layout import JobPaths, RunPaths, old_saved_folder, runs_folder

_RUN = re.compile(r"(\d{8}_\d{6})(?:\.(\d+))?")
"""Name of a run: the date of its start, and a number if it was taken"""


def from_task_dir(path: str | Path, as_instance: bool = False) -> Any:
    """The task that a folder is the job of.

    Args:
        path: The folder of a job; it may have been copied or moved.
        as_instance: Whether an object is made of it, as in the job.

    Returns:
        The task, sealed, with the identifier that was recorded.

    Raises:
        FileNotFoundError: It is not the folder of a job.
        FormatError: What it records cannot be read.

    Example:
        >>> from_task_dir("runs/jobs/study.train/0123...").lr  # doctest: +SKIP
        0.001
    """
    folder = Path(os.path.abspath(folder_of(path, "from_task_dir({})")))  # noqa: PTH100 - links are kept
    file = JobPaths(str(folder), "").params
    content = files.read(file)
    if content is None:
        raise NotSavedError(f"{folder} has no {Path(file).name}: it is not the folder of a job")
    params = parse(content, file)
    if not isinstance(params, dict):
        raise FormatError(f"{file}: expected an object with 'objects', got a {type(params).__name__}")
    check_version(params, file)
    records = records_of(params.get("objects"), file)
    if not records:
        raise FormatError(f"{file}: 'objects' must be a list with the task last, got []")
    workspace = params.get("workspace")
    reader = ConfigurationReader(
        records,
        file,
        places_of_job(str(folder), params),
        folder=str(folder),
        workspace=workspace if isinstance(workspace, str) else "",
        with_makers=not as_instance,
    )
    *_, last = records
    config = reader.config(last)
    return instances_of(config) if as_instance else config


class XpInfo(NamedTuple):
    """What a run recorded."""

    jobs: Mapping[str, Any]
    """The tasks of its jobs, by their identifiers"""
    actions: Mapping[str, Any]
    """What a person may do with its results, by identifier"""


class _Recorded(Mapping[str, Any]):
    """Configurations that are loaded when they are asked for.

    Args:
        reader: Loads them.
        numbers: The numbers of their objects, by identifier.
        tags: Their tags, by identifier.
    """

    def __init__(
        self,
        reader: ConfigurationReader,
        numbers: Mapping[str, Number],
        tags: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._reader = reader
        self._numbers = numbers
        self._tags = tags

    def __getitem__(self, identifier: str) -> Any:
        config = self._reader.config(self._numbers[identifier])
        if identifier in self._tags and config.__xpm__.job_tags is None:
            config.__xpm__.job_tags = TagDict(self._tags[identifier])
        return config

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"<{len(self)} configurations: {', '.join(list(self)[:3])}{', ...' if len(self) > 3 else ''}>"


def load_xp_info(path: str | Path) -> XpInfo:
    """The tasks and the actions that a run recorded; each is loaded when it is asked for.

    Args:
        path: The folder of the run, `<workspace>/experiments/<name>/<run id>`.

    Returns:
        `.jobs` and `.actions`: mappings from identifiers to configurations.

    Raises:
        FileNotFoundError: It is not the folder of a run.
        FormatError: What it records cannot be read.

    Example:
        >>> for task in load_xp_info("runs/experiments/first/current").jobs.values():  # doctest: +SKIP
        ...     print(task.lr, task.jobpath)
    """
    paths = RunPaths.of(os.path.realpath(folder_of(path, "load_xp_info({})")))
    where, records = _objects(paths)
    places = Places({}, lambda data: data.path, is_closed=False)
    reader = ConfigurationReader(records, where, places, workspace=paths.workspace)
    by_identifier = {
        record.identifier: number for number, record in records.items() if isinstance(record.identifier, str)
    }
    tags = _jobs(paths)
    if tags is None:  # a run of before: its tasks say that they are
        tags = {record.identifier: {} for record in records.values() if record.task == record.number}
    jobs = {identifier: by_identifier[identifier] for identifier in tags if identifier in by_identifier}
    actions = {identifier: by_identifier[identifier] for identifier in _actions(paths) & by_identifier.keys()}
    return XpInfo(_Recorded(reader, jobs, tags), _Recorded(reader, actions, {}))


def load_configs(path: str | Path) -> XpInfo:
    """Another name of `load_xp_info`, deprecated."""
    from warnings import warn  # rarely used

    warn("load_configs is deprecated: use load_xp_info", DeprecationWarning, stacklevel=2)
    return load_xp_info(path)


def _objects(paths: RunPaths) -> tuple[str, dict[Number, Record]]:
    """The file with the objects of a run, and the objects by number."""
    lines = _lines(paths.objects_jsonl)
    if lines is not None:
        found: dict[Number, Record] = {}
        for position, line in enumerate(lines):
            record = record_of(line, paths.objects_jsonl, f"line {position + 1}")
            found[record.number] = record
        return paths.objects_jsonl, found
    content = files.read(paths.configs)
    if content is None:
        raise NotSavedError(
            f"{paths.folder} has no objects.jsonl: expected the folder of a run, "
            "<workspace>/experiments/<name>/<run id>"
        )
    state = parse(content, paths.configs)
    if not isinstance(state, dict):
        raise FormatError(f"{paths.configs}: expected an object with 'objects'")
    return paths.configs, records_of(state.get("objects"), paths.configs)


def _jobs(paths: RunPaths) -> dict[str, Mapping[str, Any]] | None:
    """The tags of the jobs of a run, by identifier; None if the run does not list its jobs."""
    lines = _lines(paths.jobs_jsonl)
    if lines is None:
        return None
    found: dict[str, Mapping[str, Any]] = {}
    for position, line in enumerate(lines):
        identifier = line.get("job_id") if isinstance(line, dict) else None
        tags = line.get("tags", {}) if isinstance(line, dict) else None
        if not isinstance(identifier, str) or not isinstance(tags, dict):
            raise FormatError(f"{paths.jobs_jsonl}, line {position + 1}: expected 'job_id' and 'tags'")
        found[identifier] = tags
    return found


def _actions(paths: RunPaths) -> set[str]:
    """The identifiers of the actions of a run."""
    status = files.read_json(paths.status)
    actions = status.get("actions") if isinstance(status, dict) else None
    if actions is not None and not isinstance(actions, (dict, list)):
        raise FormatError(f"{paths.status}, key 'actions': expected an object")
    return {one for one in actions or () if isinstance(one, str)}


def _lines(path: str) -> list[Any] | None:
    """The values of a file with one in each line; None if it is absent. A torn last line is left out."""
    content = files.read(path)
    if content is None:
        return None
    *whole, _torn = content.split(b"\n")
    return [parse(line, f"{path}, line {number + 1}") for number, line in enumerate(whole) if line]


# ----------------------------------------------------------------------------------------------
# What runs save for later ones


def save_in_run(paths: RunPaths, name: str, obj: Any) -> None:
    """Saves configurations with a run; see `experimaestro.save`.

    Args:
        paths: The files of the run.
        name: Names what is saved.
        obj: What is saved.

    Raises:
        WorkspaceError: `name` cannot name a folder.
    """
    save(obj, paths.saved(name))


def load_from_runs(workspace: str, experiment: str, name: str, run_id: str | None) -> Any:
    """What a run of an experiment saved.

    Args:
        workspace: The workspace's folder.
        experiment: Name of the experiment.
        name: What `save_in_run` was given.
        run_id: The run; None: the newest that saved something under this name, an open one included.

    Raises:
        FileNotFoundError: Nothing was saved; names what there is.
        FormatError: What was saved cannot be read.
    """
    runs = sorted(files.names(runs_folder(workspace, experiment)), key=_date, reverse=True)
    wanted = [run for run in runs if run_id in {None, run} and _RUN.fullmatch(run)]
    for run in wanted:
        folder = RunPaths(workspace, experiment, run).saved(name)
        if files.exists(folder):
            return _placed(load(folder), workspace)
    old = old_saved_folder(workspace, experiment, name)
    if run_id is None and files.exists(old):
        return _placed(load(old), workspace)
    raise NotSavedError(_nothing(workspace, experiment, name, run_id, runs))


def _placed(value: Any, workspace: str) -> Any:
    """What was saved in a workspace: its tasks have their folders there."""
    roots: list[Configuration] = []
    collect(value, roots)
    for config in postorder(roots, makers_and_parts):
        if config.__xpm__.key is not None:
            config.__xpm__.workspace = workspace
    return value


def _date(run: str) -> tuple[str, int]:
    found = _RUN.fullmatch(run)
    return ("", 0) if found is None else (found[1], int(found[2] or 0))


def _nothing(workspace: str, experiment: str, name: str, run_id: str | None, runs: list[str]) -> str:
    """Says what there is in place of what was asked for."""
    what = f"{experiment!r} saved nothing as {name!r}" + ("" if run_id is None else f" in the run {run_id!r}")
    saved = [
        f"{run}: {', '.join(sorted(names))}"
        for run in runs
        if _RUN.fullmatch(run) and (names := files.names(RunPaths(workspace, experiment, run).data))
    ]
    if saved:
        return "\n  ".join([f"{what}. There is:", *saved])
    if not runs:
        known = ", ".join(sorted(files.names(runs_folder(workspace, "")))) or "none"
        return f"{what}: {workspace} has no experiment of this name. There are: {known}"
    return f"{what}, nor under another name"
