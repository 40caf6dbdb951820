"""`experimaestro parameters-difference`."""

import json
from pathlib import Path

import click

from experimaestro.cli.options import as_json
from experimaestro.click import reports_errors


@click.command("parameters-difference")
@click.argument("one", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("other", type=click.Path(path_type=Path, exists=True, file_okay=False))
@as_json
@reports_errors
def parameters_difference(one: Path, other: Path, as_json: bool) -> None:
    """Compare the parameters of the jobs in the folders ONE and OTHER."""
    from experimaestro.inventory.comparing import differences, only_in
    from experimaestro.workspace.layout import JobPaths

    paths = JobPaths(str(one.absolute()), ""), JobPaths(str(other.absolute()), "")
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
