"""Options that several commands share, and the folder that they mean."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from experimaestro.click import Folder, reports_errors

Command = Callable[..., Any]

_FOLDER = "experimaestro.folder"
"""Key of `Context.meta`: what was said of the workspace before the name of the sub-command"""


workdir_option = click.option("--workdir", type=Folder(path_type=Path), help="Folder of the workspace.")
workspace_option = click.option("--workspace", metavar="ID", help="A workspace of settings.yaml.")


def in_workspace(command: Command, *, is_marked: bool = True) -> Command:
    """Adds --workdir and --workspace; the command gets the folder as its first argument.

    Both may also stand before the name of a sub-command. Without, the settings choose, which is told.

    Args:
        command: A function.
        is_marked: Whether the folder must be a workspace of this version.
    """

    @workdir_option
    @workspace_option
    @functools.wraps(command)
    @reports_errors
    def located(
        *args: Any, workdir: Path | None, workspace: str | None, path: Path | None = None, **options: Any
    ) -> Any:
        from experimaestro.inventory import opening

        if path is not None and (workdir is not None or workspace is not None):
            raise click.UsageError("PATH and --workdir or --workspace say the same: give one of them")
        folder = folder_of(path or workdir, workspace, options.get("experiment"))
        found = opening.existing(folder) if is_marked else opening.real(folder)
        return command(found, *args, **options)

    return located


def at_path(command: Command, *, is_marked: bool = True) -> Command:
    """The same, for commands that also take the folder as an argument PATH; see `in_workspace`."""
    located = in_workspace(command, is_marked=is_marked)
    return click.argument("path", required=False, type=Folder(path_type=Path))(located)


def folder_of(workdir: Path | None, workspace: str | None, experiment: str | None = None) -> Path:
    """The folder that is meant."""
    from experimaestro.settings import choose_workspace

    said = click.get_current_context().meta.get(_FOLDER) or (None, None)
    workdir, workspace = (workdir, workspace) if workdir or workspace else said
    choice = choose_workspace(workspace=workspace, workdir=workdir, experiment_id=experiment)
    if workdir is None and workspace is None:
        click.echo(choice, err=True)
    return choice.workspace.path


def workspace_group(command: Command) -> Command:
    """Adds --workdir and --workspace to a group, for its sub-commands."""

    @workdir_option
    @workspace_option
    @functools.wraps(command)
    def noting(workdir: Path | None, workspace: str | None) -> Any:
        click.get_current_context().meta[_FOLDER] = (workdir, workspace)
        return command()

    return noting


def selecting(command: Command) -> Command:
    """Adds what chooses jobs: the command gets `chosen`, the arguments of `inventory.jobs.list_jobs`."""

    @click.option("--experiment", metavar="NAME", help="Only jobs of this experiment.")
    @click.option("--run", metavar="RUN", default="latest", help="Of which run; with --experiment.")
    @click.option(
        "--filter", "only", metavar="FILTER",
        help='Only jobs that fit: lr = 0.1 and @state in ["done", "failed"]. Tests: = != ~ in, not in; '
        "@state, @name (the type), and, or, not, parentheses.",
    )  # fmt: skip
    @functools.wraps(command)
    def selecting_command(
        *args: Any, experiment: str | None, run: str, only: str | None, **options: Any
    ) -> Any:
        from experimaestro.inventory import filters

        chosen = {
            "experiment": experiment,
            "run": run,
            "only": None if only is None else filters.parse(only),
        }
        return command(*args, chosen=chosen, **options)

    return selecting_command


perform = click.option("--perform", is_flag=True, help="Do it; without, only say what would be done.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def say_none(what: str) -> None:
    """Says that there is nothing to list, where a listing for people would be empty."""
    click.echo(f"no {what}", err=True)


def say_dry(done: bool, what: str) -> None:
    """Says at the end of what destroys whether it was done."""
    click.echo(what if done else f"{what}: nothing was done, add --perform", err=True)
