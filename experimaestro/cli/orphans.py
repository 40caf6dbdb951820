"""`experimaestro orphans`."""

from pathlib import Path

import click

from experimaestro.cli.options import as_json, perform
from experimaestro.click import reports_errors


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--size", is_flag=True, help="Print the sizes of their folders.")
@click.option("--clean", is_flag=True, help="Remove their folders.")
@perform
@as_json
@reports_errors
def orphans(path: Path, size: bool, clean: bool, perform: bool, as_json: bool) -> None:
    """List the jobs of the workspace PATH that no run of an experiment lists any more."""
    import json

    from experimaestro.cli.jobs import remove_all
    from experimaestro.inventory import pruning, removing
    from experimaestro.inventory.jobs import look
    from experimaestro.inventory.opening import existing

    folder = existing(path)
    found = [look(folder, key) for key in pruning.orphans(folder)]
    if clean:
        remove_all([one for one in found if one.seen.kind in removing.REMOVABLE], perform)
        return
    if as_json:
        rows = [
            {"job": one.key, "state": one.state, "size": removing.size(one.paths.folder)} for one in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for one in found:
        shown = f"{removing.shown(removing.size(one.paths.folder)):>9}  " if size else ""
        click.echo(f"{shown}{one.key}")
