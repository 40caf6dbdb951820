"""`experimaestro migrate`."""

from pathlib import Path

import click

from experimaestro.cli.options import perform, say_dry
from experimaestro.click import reports_errors


@click.group()
def migrate() -> None:
    """Bring the workspace of an earlier version up to date."""


@migrate.command("v1-to-v2", short_help="Turn the experiments of a workspace into runs.")
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False))
@perform
@reports_errors
def v1_to_v2(path: Path, perform: bool) -> None:
    """Turn the experiments of the workspace PATH into runs; jobs are not touched."""
    import os

    from experimaestro.inventory import migrating

    folder = os.path.realpath(path)
    found = migrating.moves(folder)
    for move in found:
        done = perform and migrating.perform(folder, move)
        what = "moved" if done else "is there already" if perform else "would move"
        click.echo(f"{what}  {move.source} -> {move.target.folder}")
    say_dry(perform, f"{len(found)} experiment{'' if len(found) == 1 else 's'}")
