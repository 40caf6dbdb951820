"""`experimaestro migrate`."""

from functools import partial

import click

from experimaestro.cli.options import at_path, perform, say_dry, workspace_group


@click.group()
@workspace_group
def migrate() -> None:
    """Bring the workspace of an earlier version up to date."""


@migrate.command("v1-to-v2", short_help="Turn the experiments of a workspace into runs.")
@partial(at_path, is_marked=False)
@perform
@click.option("--dry-run", is_flag=True, help="Only say what would be done: so it is without --perform.")
def v1_to_v2(folder: str, perform: bool, dry_run: bool) -> None:
    """Turn the experiments of a workspace of version 1 into runs; jobs are not touched.

    In the workspace PATH, or that of --workdir, --workspace or the settings.
    """
    from experimaestro.inventory import migrating

    if perform and dry_run:
        raise click.UsageError("--perform and --dry-run: give one of them")
    found = migrating.moves(folder)
    for move in found:
        done = perform and migrating.perform(folder, move)
        what = "moved" if done else "is there already" if perform else "would move"
        click.echo(f"{what}  {move.source} -> {move.target.folder}")
    say_dry(perform or not found, f"{len(found)} experiment{'' if len(found) == 1 else 's'}")
