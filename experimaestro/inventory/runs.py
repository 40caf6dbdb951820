"""The experiments of a workspace and their runs, as their files tell.

Rules: what a run lists in `jobs.jsonl` are its jobs; older runs have only links. What a job is worth is
asked of its folder (`jobs`), never of what a run once wrote about it.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from experimaestro.exceptions import FormatError, WorkspaceError
from experimaestro.workspace import contents, files
from experimaestro.workspace.keeping import job_lines
from experimaestro.workspace.layout import RunPaths, runs_folder
from experimaestro.workspace.locks import is_locked

_RUN = re.compile(r"\d{8}_\d{6}(?:\.\d+)?")
"""Name of a run: the date of its start, and a number if it was taken"""


class RunRecord(NamedTuple):
    """A run of an experiment."""

    experiment: str
    run_id: str
    status: str
    """`done`, `failed`, `detached`, `running`, or `interrupted` if its process ended without a word"""
    host: str
    started: datetime | None
    ended: datetime | None
    tags: tuple[str, ...]
    folder: str


class Submitted(NamedTuple):
    """A job as a run lists it."""

    key: str
    tags: Mapping[str, Any]


def experiments(workspace: str) -> list[str]:
    """The names of the experiments of a workspace, sorted."""
    folder = runs_folder(workspace, "")
    return sorted(name for name in files.names(folder) if os.path.isdir(f"{folder}/{name}"))  # noqa: PTH112 - a string


def run_ids(workspace: str, experiment: str) -> list[str]:
    """The names of the runs of an experiment, oldest first.

    Raises:
        WorkspaceError: There is no such experiment.
    """
    folder = runs_folder(workspace, experiment)
    if not files.exists(folder):
        from experimaestro.documents.problems import did_you_mean  # only where something is wrong

        hint = did_you_mean(experiment, experiments(workspace))
        raise WorkspaceError(f"{workspace} has no experiment {experiment!r}. {hint}")
    found = [name for name in files.names(folder) if _RUN.fullmatch(name)]
    return sorted(found, key=lambda name: (name.partition(".")[0], int(name.partition(".")[2] or 0)))


def named_run(workspace: str, experiment: str, run: str = "latest") -> RunPaths:
    """The files of a run.

    Args:
        workspace: The workspace.
        experiment: The experiment.
        run: Its name, or `latest`, or `oldest`.

    Raises:
        WorkspaceError: There is no such run.
    """
    ids = run_ids(workspace, experiment)
    if run in {"latest", "oldest"} and ids:
        return RunPaths(workspace, experiment, ids[-1 if run == "latest" else 0])
    if not ids:
        raise WorkspaceError(f"{experiment!r} has no run: {runs_folder(workspace, experiment)} has none")
    if run not in ids:
        known = ", ".join(ids[-5:])
        raise WorkspaceError(f"{experiment!r} has no run {run!r}. The last ones: {known}")
    return RunPaths(workspace, experiment, run)


def history(workspace: str, experiment: str) -> list[RunRecord]:
    """The runs of an experiment, oldest first.

    Raises:
        WorkspaceError: There is no such experiment.
    """
    ids = run_ids(workspace, experiment)
    is_open = bool(ids) and is_locked(RunPaths(workspace, experiment, ids[-1]))
    return [
        record_of(RunPaths(workspace, experiment, run_id), is_open=is_open and run_id == ids[-1])
        for run_id in ids
    ]


def record_of(paths: RunPaths, *, is_open: bool) -> RunRecord:
    """What the files of a run tell.

    Args:
        paths: The files.
        is_open: Whether a process has the run open.
    """
    run_id = os.path.basename(paths.folder)  # noqa: PTH119 - a string
    experiment = os.path.basename(paths.experiment_folder)  # noqa: PTH119 - a string
    status, environment = _object(paths.status), _object(paths.environment).get("run")
    known = {**status, **(environment if isinstance(environment, dict) else {})}
    return RunRecord(
        experiment,
        run_id,
        "running" if is_open else _status(known),
        contents.text(known.get("hostname")),
        _time(known.get("started_at")) or _time(run_id),
        _time(known.get("ended_at")),
        tuple(map(contents.text, tags)) if isinstance(tags := status.get("run_tags"), list) else (),
        paths.folder,
    )


def submitted(paths: RunPaths) -> list[Submitted]:
    """The jobs of a run, in the order of their submission, each once; the last tags count."""
    found: dict[str, Mapping[str, Any]] = {}
    for line in job_lines(paths):
        tags = line.get("tags")
        found[f"{line['task_id']}/{line['job_id']}"] = tags if isinstance(tags, dict) else {}
    if not found:
        found = {key: {} for key in _linked(paths.jobs)}
    return [Submitted(key, tags) for key, tags in found.items()]


def keys_of(run_folder: str) -> list[str]:
    """The jobs of a run, `<type name>/<identifier>`.

    Args:
        run_folder: The folder of the run.
    """
    return [one.key for one in submitted(RunPaths.of(run_folder))]


def set_tags(paths: RunPaths, tags: Sequence[str]) -> None:
    """Notes the tags of a run that has ended.

    Raises:
        WorkspaceError: It is open: its process writes the file.
    """
    if is_locked(paths) and os.path.realpath(paths.current) == os.path.realpath(paths.folder):
        raise WorkspaceError(f"{paths.folder}: the run is open: tag it when it has ended")
    status = {**_object(paths.status), "run_tags": list(tags)}
    files.replace(paths.status, json.dumps(status, indent=1).encode())


def add_tag(workspace: str, experiment: str, run: str, tag: str, *, take: bool = False) -> None:
    """Gives a tag to a run of an experiment.

    Args:
        workspace: The workspace.
        experiment: The experiment.
        run: See `named_run`.
        tag: The tag.
        take: Whether to take it from another run that has it.

    Raises:
        WorkspaceError: There is no such run, it is open, another one has the tag, or that is no word.
    """
    if not tag.strip():
        raise WorkspaceError(f"tag {tag!r}: expected a word that names the run")
    paths = named_run(workspace, experiment, run)
    known = history(workspace, experiment)
    for other in known:
        if tag in other.tags and other.folder != paths.folder:
            if not take:
                raise WorkspaceError(
                    f"the run {other.run_id} has the tag {tag!r}: add --force (take=True) to take it away"
                )
            rest = [one for one in other.tags if one != tag]
            set_tags(RunPaths(workspace, experiment, other.run_id), rest)
    mine = next(one for one in known if one.folder == paths.folder).tags
    set_tags(paths, list(dict.fromkeys((*mine, tag))))


def remove_tag(workspace: str, experiment: str, tag: str) -> None:
    """Takes a tag from the run of an experiment that has it.

    Raises:
        WorkspaceError: None has it, or that one is open.
    """
    known = history(workspace, experiment)
    having = [one for one in known if tag in one.tags]
    if not having:
        from experimaestro.documents.problems import did_you_mean  # only where something is wrong

        tags = [one for each in known for one in each.tags]
        hint = did_you_mean(tag, tags, "Their tags are") if tags else "None has any"
        raise WorkspaceError(f"no run of {experiment!r} has the tag {tag!r}. {hint}")
    for one in having:
        set_tags(RunPaths(workspace, experiment, one.run_id), [other for other in one.tags if other != tag])


def _status(known: Mapping[str, Any]) -> str:
    status = contents.text(known.get("status"))
    words = {"completed": "done", "running": "interrupted", "": "interrupted", "None": "interrupted"}
    return words.get(status, status)


def _linked(folder: str) -> list[str]:
    """The jobs that a run of an old version links to."""
    return sorted(
        f"{task}/{identifier}"
        for task in files.names(folder)
        for identifier in files.names(f"{folder}/{task}")
    )


def _object(path: str) -> dict[str, Any]:
    try:
        value = files.read_json(path)
    except FormatError:  # torn: what it says is known otherwise, or not at all
        return {}
    return value if isinstance(value, dict) else {}


def _time(text: Any) -> datetime | None:
    """A time in ISO form, or as the name of a run."""
    if not isinstance(text, str):
        return None
    try:
        if _RUN.fullmatch(text):
            return datetime.strptime(text.partition(".")[0], "%Y%m%d_%H%M%S").astimezone()
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None
