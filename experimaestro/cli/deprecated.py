"""`experimaestro deprecated`."""

import json

import click

from experimaestro.cli.lazy import OrderedGroup
from experimaestro.cli.options import as_json, at_path, perform, say_dry, say_none, workspace_group

_WHAT = "job that has another identifier now"


@click.group(cls=OrderedGroup)
@workspace_group
def deprecated() -> None:
    """Find jobs of deprecated classes, and link them to the new.

    The modules of the classes have to be importable: start it in the folder of your code.
    """


@deprecated.command("list")
@at_path
@click.option("--fix", is_flag=True, help="Link the new folders to the old ones.")
@perform
@as_json
def list_command(folder: str, fix: bool, perform: bool, as_json: bool) -> None:
    """List the jobs that have another identifier now.

    In the workspace PATH, or that of --workdir, --workspace or the settings.
    """
    import sys

    from experimaestro.inventory.deprecated import link, renamed

    sys.path.insert(0, "")
    found = list(renamed(folder))
    if as_json:
        click.echo(json.dumps([one._asdict() for one in found], indent=2))
        return
    count = 0
    for one in found:
        if not one.now:
            click.echo(f"{one.key} cannot be loaded: {one.why.splitlines()[0]}", err=True)
            continue
        count += not one.is_linked
        linked = one.is_linked or (fix and perform and link(folder, one))
        click.echo(f"{one.key} -> {one.now}{' (linked)' if linked else ''}")
    if fix:
        say_dry(perform or not count, f"{count} to link")
    elif not found:
        say_none(_WHAT)


@deprecated.command(short_help="Count the jobs of each type that have another identifier now.")
@at_path
@as_json
def diff(folder: str, as_json: bool) -> None:
    """Say how many jobs of each type have another identifier now.

    In the workspace PATH, or that of --workdir, --workspace or the settings.
    """
    import sys
    from collections import Counter

    from experimaestro.inventory.deprecated import renamed

    sys.path.insert(0, "")
    counts = Counter(
        (one.key.partition("/")[0], one.now.partition("/")[0]) for one in renamed(folder) if one.now
    )
    if as_json:
        rows = [{"old": old, "new": new, "jobs": count} for (old, new), count in sorted(counts.items())]
        click.echo(json.dumps(rows, indent=2))
        return
    if not counts:
        say_none(_WHAT)
    for (old, new), count in sorted(counts.items()):
        click.echo(f"{old} -> {new}: {count} job{'s' if count > 1 else ''}")
