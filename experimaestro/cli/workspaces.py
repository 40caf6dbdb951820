"""`experimaestro workspaces`."""

import json

import click

from experimaestro.click import reports_errors


@click.group()
def workspaces() -> None:
    """List the workspaces of settings.yaml."""


@workspaces.command("list")
@click.option("-v", "--verbose", is_flag=True, help="Also print triggers and variables.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reports_errors
def list_workspaces(verbose: bool, as_json: bool) -> None:
    """List the workspaces: id, folder, and with -v what else is set."""
    from dataclasses import asdict

    from experimaestro.settings import config_folder, get_settings

    settings = get_settings()
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        rows = [asdict(one) for one in settings.workspaces]
        click.echo(json.dumps(rows, indent=2, default=str))
        return
    if not settings.workspaces:
        click.echo(f"no workspace in {config_folder() / 'settings.yaml'}", err=True)
    width = max((len(one.id) for one in settings.workspaces), default=0)
    for one in settings.workspaces:
        where = str(one.path) if one.ssh is None else f"{one.ssh.get('host', '')} (ssh)"
        click.echo(f"{one.id:<{width}}  {where}")
        if verbose:
            details = {"triggers": one.triggers, "env": one.env}
            for name, value in details.items():
                if value:
                    click.echo(f"{'':<{width}}  {name}: {value}")
