"""Options that several commands share, and the folder that they mean."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from experimaestro.click import reports_errors

Command = Callable[..., Any]

_FOLDER = "experimaestro.folder"
"""Key of `Context.meta`: what was said of the workspace before the name of the sub-command"""


def in_workspace(command: Command) -> Command:
    """Adds --workdir and --workspace; the command gets the folder as its first argument.

    Both may also stand before the name of a sub-command.
    """

    @click.option("--workdir", type=click.Path(path_type=Path), help="Folder of the workspace.")
    @click.option("--workspace", metavar="ID", help="A workspace of settings.yaml.")
    @functools.wraps(command)
    @reports_errors
    def located(*args: Any, workdir: Path | None, workspace: str | None, **options: Any) -> Any:
        from experimaestro.inventory.opening import existing
        from experimaestro.settings import choose_workspace

        said = click.get_current_context().meta.get(_FOLDER) or (None, None)
        workdir, workspace = (workdir, workspace) if workdir or workspace else said
        choice = choose_workspace(workspace=workspace, workdir=workdir)
        return command(existing(choice.workspace.path), *args, **options)

    return located


def workspace_group(command: Command) -> Command:
    """Adds --workdir and --workspace to a group, for its sub-commands."""

    @click.option("--workdir", type=click.Path(path_type=Path), help="Folder of the workspace.")
    @click.option("--workspace", metavar="ID", help="A workspace of settings.yaml.")
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
        "@state, @name, and, or, not, parentheses.",
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


def say_dry(done: bool, what: str) -> None:
    """Says at the end of what destroys whether it was done."""
    click.echo(what if done else f"{what}: nothing was done, add --perform", err=True)
