"""`experimaestro version`."""

import click


@click.command()
def version() -> None:
    """Print the version."""
    from experimaestro import __version__

    click.echo(__version__)
