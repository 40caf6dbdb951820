"""`experimaestro find-launchers`."""

from pathlib import Path

import click

from experimaestro.click import reports_errors


@click.command("find-launchers")
@click.argument("specs", nargs=-1, required=True)
@click.option("--tag", "tags", multiple=True, help="Passed on to launchers.py. May be repeated.")
@click.option(
    "--xpm-config-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of launchers.py.  [default: ~/.config/experimaestro]",
)
@reports_errors
def find_launchers(specs: tuple[str, ...], tags: tuple[str, ...], xpm_config_dir: Path | None) -> None:
    """Say which launcher has what SPECS require; several are alternatives.

    \b
    Example:
      experimaestro find-launchers "duration=2h & cuda(mem=4G)"
    """  # noqa: D301 - the sign by which click leaves lines as they are
    from experimaestro.launcherfinder import find_launcher
    from experimaestro.settings import set_config_folder

    if xpm_config_dir is not None:
        set_config_folder(xpm_config_dir)
    found = find_launcher(*specs, tags=tags)
    click.echo(str(found))
