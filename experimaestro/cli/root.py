"""`experimaestro` itself: what all commands share, and where each of them is."""

import click

from experimaestro.cli.lazy import LazyGroup, Place
from experimaestro.click import WITH_TRACEBACK

_OF = "experimaestro.cli"

PLACES = {
    "run-experiment": Place(
        "experimaestro.experiments.cli", "experiments_cli", "Run the experiment that a YAML file describes."
    ),
    "jobs": Place(f"{_OF}.jobs", "jobs", "List, read, kill, retry and clean the jobs of a workspace."),
    "experiments": Place(
        f"{_OF}.experiments", "experiments", "List, watch, tag and prune experiments and their runs."
    ),
    "orphans": Place(f"{_OF}.orphans", "orphans", "Find the jobs that no experiment has any more."),
    "workspaces": Place(f"{_OF}.workspaces", "workspaces", "List the workspaces of settings.yaml."),
    "explain": Place(
        f"{_OF}.explain", "explain", "Say in which parameters a job differs from the most similar ones."
    ),
    "parameters-difference": Place(
        f"{_OF}.parameters_difference", "parameters_difference", "Compare the parameters of two jobs."
    ),
    "deprecated": Place(
        f"{_OF}.deprecated", "deprecated", "Find jobs of deprecated classes, and link them to the new."
    ),
    "migrate": Place(f"{_OF}.migrate", "migrate", "Bring the workspace of an earlier version up to date."),
    "find-launchers": Place(
        f"{_OF}.find_launchers", "find_launchers", "Say which launcher offers what is required."
    ),
    "completion": Place(f"{_OF}.completion", "completion", "Print what makes the shell complete commands."),
    "version": Place(f"{_OF}.version", "version", "Print the version."),
}


def _print_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from experimaestro import __version__

        click.echo(__version__)
        context.exit()


@click.group(
    cls=LazyGroup,
    places=PLACES,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=False,
)
@click.option("--quiet", is_flag=True, help="Log errors only.")
@click.option("--debug", is_flag=True, help="Log everything.")
@click.option("--traceback", is_flag=True, help="Show errors with all their lines.")
@click.option("--logging", "levels", metavar="NAME=LEVEL,...", help="Levels of loggers: experimaestro=DEBUG.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Print the version.",
)  # fmt: skip
@click.pass_context
def root(context: click.Context, quiet: bool, debug: bool, traceback: bool, levels: str | None) -> None:
    """Run computational experiments, and look after what they left.

    `experimaestro COMMAND --help` tells the options of a command.
    """
    context.meta[WITH_TRACEBACK] = traceback
    if quiet or debug or levels:
        _set_up_logging(quiet, debug, levels or "")


def _set_up_logging(quiet: bool, debug: bool, levels: str) -> None:
    import logging  # only who asks for it

    logging.basicConfig(
        level=logging.DEBUG if debug else logging.ERROR if quiet else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    for part in filter(None, levels.split(",")):
        name, equals, level = part.partition("=")
        number = logging.getLevelName(level.strip().upper()) if equals else None
        if not isinstance(number, int):
            raise click.UsageError(f"--logging {part}: expected NAME=LEVEL, such as experimaestro=DEBUG")
        logging.getLogger(name.strip()).setLevel(number)
