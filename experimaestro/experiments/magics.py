"""`%run_experiment full.yaml -c lr=1e-4` in a notebook: the options of the command, and nothing blocks."""

import shlex
from typing import Any

import click

from experimaestro.exceptions import ExperimaestroError
from experimaestro.experiments.cli import experiments_cli, show_document
from experimaestro.experiments.running import run_experiment
from experimaestro.settings import set_config_folder


def register(ipython: Any) -> None:
    """Adds the magic to a session of IPython."""
    ipython.register_magic_function(run_experiment_magic, "line", "run_experiment")


def run_experiment_magic(line: str) -> Any:
    """Runs an experiment that a YAML file describes; `%run_experiment --help` tells the options.

    Returns when the tasks are submitted: they run while you go on, `await xp` or `xp.wait()` waits.

    Args:
        line: What follows the name: `--workdir runs full.yaml -c lr=1e-4`.

    Returns:
        The experiment; None after --help and --show.

    Raises:
        UsageError: The line, or what it names, cannot be used: a message without a traceback.
    """
    from IPython.core.error import UsageError  # there is a session of it

    try:
        context = experiments_cli.make_context("%run_experiment", _words(line))
        options = context.params
        if options["detach"] or options["events_viewer"]:
            raise click.UsageError("--detach and --events-viewer are for a terminal")
    except click.exceptions.Exit:  # --help
        return None
    except click.ClickException as error:
        raise UsageError(error.format_message()) from None
    if options["xpm_config_dir"] is not None:
        set_config_folder(options["xpm_config_dir"])
    try:
        if options["show"]:
            click.echo(show_document(options))
            return None
        return run_experiment(
            options["yaml"],
            *options["args"],
            workdir=options["workdir"],
            workspace=options["workspace"],
            run_mode=options["run_mode"],
            conf=options["conf"],
            pre_yaml=options["pre_yaml"],
            post_yaml=options["post_yaml"],
            file=options["file"],
            module_name=options["module_name"],
            env=dict(options["env"]),
            display=not options["no_progress"],
            wait=False,
        )
    except ExperimaestroError as error:
        raise UsageError(str(error)) from None


def _words(line: str) -> list[str]:
    """The words of a line, as a shell has them."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise click.UsageError(f"{error}: {line}") from None
