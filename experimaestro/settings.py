"""The settings of a person on a machine: `settings.yaml` and `tokens.yaml` in `~/.config/experimaestro`.

Rules: a missing file is the defaults; `${env:VAR}` in a text is the variable of this process, and is
left as it is where that is not set; unknown keys are told and have no effect, as another version of
this package may know them. Read anew at each call: a notebook sees a changed file.
"""

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, NamedTuple

from experimaestro.documents import problems, reading
from experimaestro.documents.converting import Conversion
from experimaestro.documents.nodes import Node, Origin, shown
from experimaestro.documents.problems import Problem
from experimaestro.exceptions import SettingsError

_VARIABLE = re.compile(r"\$\{(?:oc\.)?env[:.]([A-Za-z_][A-Za-z0-9_]*)\}")

_folder: Path | None = None


def config_folder() -> Path:
    """The folder of `settings.yaml`, `tokens.yaml`, `connectors.yaml` and `launchers.py`."""
    return _folder or Path("~/.config/experimaestro").expanduser()


def set_config_folder(folder: Path | None) -> None:
    """Makes another folder the one of the settings, in this process; None: the usual one."""
    global _folder  # noqa: PLW0603 - one for the process, as `find_launcher` in users' code has no argument
    _folder = None if folder is None else folder.absolute()


@dataclass
class ServerSettings:
    """Where the page of an experiment is served."""

    port: int | None = None
    host: str = "127.0.0.1"
    autohost: Literal["fqdn", "name"] | None = None
    token: str | None = None
    service_url: str | None = None
    """Template of the addresses of services, where a site has its own gateway"""


@dataclass
class HistorySettings:
    """How many runs of an experiment are kept."""

    max_done: int = 5
    """Runs that ended well"""
    max_failed: int = 1
    """Runs that failed, after the last one that ended well"""


@dataclass
class FolderSettings:
    """Another folder with jobs."""

    path: Path
    mode: Literal["use", "backup", "move"] = "use"


@dataclass
class WorkspaceSettings:
    """A workspace: a folder, and how experiments are run in it.

    `experiment(env, ...)` takes one in place of a folder.
    """

    id: str = ""
    """Its name; "" for a folder that no settings name"""
    path: Path = Path()
    """Its folder"""
    env: dict[str, str] = field(default_factory=dict)
    """Variables for its jobs, over those of this process"""
    max_retries: int = 3
    """How often a `ResumableTask` is started again"""
    triggers: list[str] = field(default_factory=list)
    """Patterns (`study-*`): experiments of these names go to this workspace"""
    history: HistorySettings | None = None
    """How many runs are kept; None: as in the settings"""
    lock_mode: str | int | None = None
    """Of earlier versions: no effect, which is told"""
    alt_workspaces: list[str] = field(default_factory=list)
    """Same: `folders` took its place"""
    folders: list[FolderSettings] = field(default_factory=list)
    ssh: dict[str, Any] | None = None
    """Present for a workspace of another machine"""

    def __fspath__(self) -> str:
        """Its folder, so that it can stand for one."""
        return os.fspath(self.path)


@dataclass
class Settings:
    """All settings."""

    server: ServerSettings = field(default_factory=ServerSettings)
    env: dict[str, str] = field(default_factory=dict)
    """Variables for all jobs"""
    history: HistorySettings = field(default_factory=HistorySettings)
    carbon: dict[str, Any] = field(default_factory=dict)
    """Of earlier versions: no effect"""
    workspaces: list[WorkspaceSettings] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list, init=False)
    """What was told about the file"""

    @staticmethod
    def instance() -> "Settings":
        """The settings as they are now."""
        return get_settings()


class Choice(NamedTuple):
    """A workspace, and why it is the one."""

    workspace: WorkspaceSettings
    because: str

    def __str__(self) -> str:
        """For people: `workspace 'main' (runs), because its trigger 'study-*' matches`."""
        name = f"workspace {self.workspace.id!r} ({shown(str(self.workspace.path))})"
        if not self.workspace.id:
            name = f"workspace {shown(str(self.workspace.path))}"
        return f"{name}, because {self.because}"


def get_settings(path: Path | None = None) -> Settings:
    """Reads the settings.

    Args:
        path: The file; None: `settings.yaml` of the configuration folder.

    Raises:
        SettingsError: The file cannot be read, or says something wrong.
        DocumentError: It is not YAML.
    """
    path = path or config_folder() / "settings.yaml"
    if not path.exists():
        return Settings()
    root = _with_variables(reading.read_file(path))
    conversion = Conversion(lenient=True)
    settings = conversion.convert(root, Settings)
    if not conversion.problems:
        conversion.problems += _useless(root)
    if conversion.problems:
        raise SettingsError(str(problems.failure(str(path), conversion.problems)))
    settings.warnings += map(str, (*conversion.unknown, *_without_effect(root)))
    for workspace in settings.workspaces:
        workspace.path = workspace.path.expanduser()
    found: Settings = settings
    return found


def choose_workspace(
    *,
    workspace: str | None = None,
    workdir: str | os.PathLike[str] | None = None,
    experiment_id: str | None = None,
    settings: Settings | None = None,
) -> Choice:
    """Says in which workspace an experiment is run, and why.

    Args:
        workspace: Id of a workspace of the settings.
        workdir: A folder; with `workspace`, in place of its folder.
        experiment_id: Name of the experiment, for triggers.
        settings: None: those of this person.

    Raises:
        SettingsError: There is no such workspace, or none at all.
    """
    settings = settings or get_settings()
    if workdir is not None and not os.fspath(workdir):
        raise SettingsError("workdir: expected the path of a folder, got ''")
    if workspace is not None:
        found = _named(settings, workspace)
        if workdir is not None:
            found = replace(found, path=Path(workdir))
            return Choice(_complete(found, settings), f"--workspace {workspace} and --workdir say so")
        return Choice(_complete(found, settings), f"--workspace {workspace} says so")
    if workdir is not None:
        made = WorkspaceSettings(path=Path(workdir))
        return Choice(_complete(made, settings), "--workdir says so")
    local = [one for one in settings.workspaces if one.ssh is None]
    for one in local:
        for pattern in one.triggers:
            if experiment_id is not None and fnmatchcase(experiment_id, pattern):
                return Choice(_complete(one, settings), f"its trigger {pattern!r} matches {experiment_id!r}")
    if local:
        return Choice(_complete(local[0], settings), "it is the first one of the settings")
    raise SettingsError(
        "no workspace: give a folder with --workdir (in Python, workdir=...), or write one into "
        f"{shown(str(config_folder() / 'settings.yaml'))}:\n"
        "  workspaces:\n    - id: main\n      path: ~/experiments"
    )


def find_workspace(
    *,
    workspace: str | None = None,
    workdir: str | os.PathLike[str] | None = None,
    experiment_id: str | None = None,
) -> WorkspaceSettings:
    """The workspace in which an experiment is run; see `choose_workspace`."""
    return choose_workspace(workspace=workspace, workdir=workdir, experiment_id=experiment_id).workspace


def history_of(folder: str | os.PathLike[str]) -> HistorySettings:
    """How many runs are kept in the workspace of a folder.

    Args:
        folder: The folder, of a workspace of the settings or not.
    """
    settings, here = get_settings(), Path(folder).resolve()
    local = (one for one in settings.workspaces if one.ssh is None and one.path.resolve() == here)
    return next((one.history for one in local if one.history is not None), settings.history)


def get_tokens(path: Path | None = None) -> dict[str, int]:
    """How many there are of each counted token, from `tokens.yaml`. Unknown keys give a warning.

    Args:
        path: The file; None: that of the configuration folder.

    Raises:
        SettingsError: The file says something wrong.
        DocumentError: It is not YAML.
    """
    path = path or config_folder() / "tokens.yaml"
    if not path.exists():
        return {}

    conversion = Conversion(lenient=True)
    read: _Tokens | None = conversion.convert(reading.read_file(path), _Tokens)
    if read is None:
        found = [*conversion.problems, *conversion.unknown]  # the second may say what the first lacks
        raise SettingsError(str(problems.failure(str(path), found)))
    for unknown in conversion.unknown:
        warnings.warn(str(unknown), stacklevel=2)
    return {name: token.tokens for name, token in read.countertoken.items()}


@dataclass
class _Token:
    tokens: int


@dataclass
class _Tokens:
    """What `tokens.yaml` holds."""

    countertoken: dict[str, _Token] = field(default_factory=dict)


def _named(settings: Settings, name: str) -> WorkspaceSettings:
    for one in settings.workspaces:
        if one.id == name:
            if one.ssh is not None:
                raise SettingsError(f"workspace {name!r} is one of another machine: run the experiment there")
            return one
    hint = problems.did_you_mean(name, [one.id for one in settings.workspaces if one.ssh is None])
    raise SettingsError(
        f"there is no workspace {name!r} in {shown(str(config_folder() / 'settings.yaml'))}. {hint}"
    )


def _complete(workspace: WorkspaceSettings, settings: Settings) -> WorkspaceSettings:
    """The workspace with what it takes from the settings."""
    unset = _VARIABLE.search(str(workspace.path))
    if unset is not None:
        raise SettingsError(
            f"workspace {workspace.id!r}: its path is {workspace.path}, and {unset[1]} is not set"
        )
    return replace(
        workspace,
        path=Path(os.path.abspath(workspace.path.expanduser())),  # noqa: PTH100 - links are kept
        env={**settings.env, **workspace.env},
        history=workspace.history or settings.history,
    )


def _workspaces(root: Node) -> list[Node]:
    entries: Mapping[str, Node] = root.entries or {}
    return list(entries["workspaces"].items or ()) if "workspaces" in entries else []


_NO_EFFECT = {
    "lock_mode": "files have the rights that the umask of the process gives",
    "alt_workspaces": "write folders: [{path: ..., mode: use}]",
}
"""Keys of a workspace that earlier versions knew, and what to know of them now"""


def _without_effect(root: Node) -> Iterator[Problem]:
    """What earlier versions knew and this one does not heed."""
    for n, workspace in enumerate(_workspaces(root)):
        for key, advice in _NO_EFFECT.items():
            if key in (entries := workspace.entries or {}):
                where = f"workspaces[{n}].{key}"
                yield Problem(entries[key].origin, where, f"of earlier versions, no effect: {advice}")


def _useless(root: Node) -> Iterator[Problem]:
    """What is of the right type, and cannot be used all the same."""
    yield from _useless_values(root, "")
    named: dict[str, Origin] = {}
    for n, workspace in enumerate(_workspaces(root)):
        where = f"workspaces[{n}]"
        entries = workspace.entries or {}
        path, name = entries.get("path"), entries.get("id")
        if path is None and "ssh" not in entries:
            yield Problem(workspace.origin, f"{where}.path", "missing: expected a path")
        elif path is not None and path.value == "":
            yield Problem(path.origin, f"{where}.path", "expected a path, got ''")
        if name is not None and name.text in named:
            text = f"{name.text!r} names another one already ({named[name.text]})"
            yield Problem(name.origin, f"{where}.id", text)
        elif name is not None:
            named[name.text] = name.origin
        yield from _useless_values(workspace, f"{where}.")


def _useless_values(node: Node, where: str) -> Iterator[Problem]:
    """The same, of what is said for all and for one workspace."""
    entries = node.entries or {}
    history = entries["history"].entries or {} if "history" in entries else {}
    counts = {f"history.{key}": history.get(key) for key in ("max_done", "max_failed")}
    counts["max_retries"] = entries.get("max_retries")
    for key, count in counts.items():
        if count is not None and str(count.value).startswith("-"):
            yield Problem(count.origin, where + key, f"expected a number from 0 up, got {count.text}")
    for name, value in (entries["env"].entries or {} if "env" in entries else {}).items():
        if not name or "=" in name or "\0" in f"{name}{value.value}":
            yield Problem(value.origin, f"{where}env", f"{name!r}: expected a name without '=', and no NUL")


def _with_variables(node: Node) -> Node:
    """The document with the variables of this process in its texts."""
    if isinstance(node.value, dict):
        entries = {key: _with_variables(item) for key, item in node.value.items()}
        return Node(entries, node.origin, keys=node.keys)
    if isinstance(node.value, list):
        return Node([_with_variables(item) for item in node.value], node.origin)
    if not isinstance(node.value, str):
        return node
    text = _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), node.value)
    return node if text == node.value else Node(text, node.origin, text)
