"""Groups of commands that load a command only when it is run, so that `--help` answers at once."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from experimaestro.click import INTERRUPTED
from experimaestro.documents.problems import did_you_mean


class Place(NamedTuple):
    """Where a command is, and what a group says of it."""

    module: str
    name: str
    """Of the command in the module"""
    help: str


class OrderedGroup(click.Group):
    """A group whose commands are listed as they are written: what one looks at first comes first."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """The names, in the order of the code."""
        return list(self.commands)


class LazyGroup(click.Group):
    """A group whose commands are in modules that are loaded when needed.

    Args:
        places: The commands by name, in the order in which they are listed.
        **options: See `click.Group`.
    """

    def __init__(self, *, places: Mapping[str, Place] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.places = places or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return [*self.places, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads a command."""
        place = self.places.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(place.module), place.name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; Ctrl-C, where the command does not know better, ends it as shells have it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\ninterrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands, without loading them."""
        rows = [(name, place.help) for name, place in self.places.items()]
        for name in super().list_commands(ctx):
            command = super().get_command(ctx, name)
            rows.append((name, command.get_short_help_str(80) if command is not None else ""))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that was typed, or says which one was probably meant."""
        name = args[0] if args else ""
        known = self.list_commands(ctx)
        if name in known or ctx.resilient_parsing or name.startswith("-"):
            return super().resolve_command(ctx, args)
        raise click.UsageError(f"No such command {name!r}. {did_you_mean(name, known)}", ctx)
