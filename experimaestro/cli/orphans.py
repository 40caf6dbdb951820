"""`experimaestro orphans`."""

import json

import click

from experimaestro.cli.options import as_json, at_path, perform, say_none


@click.command()
@at_path
@click.option("--size", is_flag=True, help="Print the sizes of their folders.")
@click.option("--clean", is_flag=True, help="Remove their folders; with --perform.")
@perform
@as_json
def orphans(folder: str, size: bool, clean: bool, perform: bool, as_json: bool) -> None:
    """List the jobs that no run of an experiment lists any more.

    In the workspace PATH, or that of --workdir, --workspace or the settings.
    """
    from experimaestro.cli.jobs import remove_all
    from experimaestro.inventory import pruning, removing
    from experimaestro.inventory.jobs import Short, look

    if clean and as_json:
        raise click.UsageError("--json lists: leave out --clean")
    if perform and not clean:
        raise click.UsageError("--perform does what --clean says: add --clean")
    found = [look(folder, key) for key in pruning.orphans(folder)]
    if clean:
        remove_all(folder, [one for one in found if one.seen.kind in removing.REMOVABLE], perform)
        return
    if as_json:
        rows = [
            {"job": one.key, "state": one.state, "size": removing.size(one.paths.folder)} for one in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    short = Short(folder)
    for one in found:
        shown = f"{removing.shown(removing.size(one.paths.folder)):>9}  " if size else ""
        click.echo(f"{shown}{short(one.key)}")
    if not found:
        say_none("job that no experiment has")
