"""`experimaestro parameters-difference`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experimaestro.cli.options import as_json, folder_of, workdir_option, workspace_option
from experimaestro.click import reports_errors

if TYPE_CHECKING:
    from experimaestro.workspace.layout import JobPaths


@click.command("parameters-difference")
@click.argument("one")
@click.argument("other")
@workdir_option
@workspace_option
@as_json
@reports_errors
def parameters_difference(
    one: str, other: str, workdir: Path | None, workspace: str | None, as_json: bool
) -> None:
    """Compare the parameters of the jobs ONE and OTHER.

    Each is the folder of a job, or TYPE/IDENTIFIER as `jobs list` prints it: that is looked for in the
    workspace of --workdir, --workspace or the settings.
    """
    from experimaestro.inventory.comparing import differences, only_in

    paths = _paths(one, workdir, workspace), _paths(other, workdir, workspace)
    found, extra = differences(*paths), only_in(*paths)
    if as_json:
        rows = [{"parameter": each.key, "one": each.old, "other": each.new} for each in found]
        click.echo(
            json.dumps({"differences": rows, "only in one": extra[0], "only in other": extra[1]}, indent=2)
        )
        return
    for each in found:
        click.echo(f"{each.key}: {each.old} -> {each.new}")
    for where, names in zip((one, other), extra, strict=True):
        for name in names:
            click.echo(f"{name}: only in {where}")
    if not found and not any(extra):
        click.echo("no parameter differs")


def _paths(job: str, workdir: Path | None, workspace: str | None) -> "JobPaths":
    """The files of the job that is meant."""
    from experimaestro.inventory.jobs import find
    from experimaestro.inventory.opening import existing
    from experimaestro.workspace.layout import JobPaths

    path = Path(job)
    if path.name == "params.json" and path.is_file():
        path = path.parent
    if path.is_dir():
        return JobPaths(str(path.absolute()), "")
    folder = existing(folder_of(workdir, workspace))
    return JobPaths.of(folder, find(folder, job))
