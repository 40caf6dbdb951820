"""`run-experiment`: the options of the command line for `running`.

The command is here, and not in `experimaestro.cli`, since other packages import it from here and put
it among their own commands. What runs an experiment is loaded when it is run.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experimaestro.click import FAILED, INTERRUPTED, Folder, reports_errors
from experimaestro.experiments.helper import ExperimentCallable, ExperimentHelper

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from experimaestro.experiments.events import EventsPrinter, Format
    from experimaestro.scheduler.modes import RunMode
    from experimaestro.session import experiment

__all__ = ["ExperimentCallable", "ExperimentHelper", "experiments_cli"]


class _RunMode(click.ParamType[Any]):
    """A run mode, in any spelling."""

    name = "MODE"

    def convert(self, value: Any, param: Any, ctx: Any) -> "RunMode":
        from experimaestro.exceptions import ExperimentCodeError
        from experimaestro.experiments.running import run_mode_of

        try:
            return run_mode_of(value)
        except ExperimentCodeError as error:
            return self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG002 - as click calls it
        from click.shell_completion import CompletionItem

        from experimaestro.scheduler.modes import RunMode

        return [CompletionItem(one.value) for one in RunMode if one.value.startswith(incomplete.lower())]


_NO_EFFECT = "Of earlier versions: no effect."


@click.command("run-experiment", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--workdir", type=Folder(path_type=Path), help="Folder of the workspace.")
@click.option("--workspace", metavar="ID", help="A workspace of settings.yaml.")
@click.option(
    "--run-mode",
    type=_RunMode(),
    default="normal",
    show_default=True,
    help="normal: run the tasks. dry-run: say what would be run. generate: write their folders. "
    "prepare: prepare what they use.",
)
@click.option(
    "-c", "--conf", "conf", metavar="KEY=VALUE", multiple=True,
    help="A value of the configuration, over those of files: optim.lr=1e-4, sizes=[1,2]. May be repeated.",
)  # fmt: skip
@click.option(
    "--pre-yaml", type=click.Path(path_type=Path), multiple=True,
    help="A file whose values YAML overrides. May be repeated.",
)  # fmt: skip
@click.option(
    "--post-yaml", type=click.Path(path_type=Path), multiple=True,
    help="A file that overrides the values of YAML. May be repeated.",
)  # fmt: skip
@click.option("--file", metavar="FILE", help="The Python file of the experiment, in place of what YAML says.")
@click.option(
    "--module-name", metavar="MODULE", help="The module of the experiment, in place of what YAML says."
)
@click.option(
    "--env", nargs=2, metavar="NAME VALUE", multiple=True,
    help="A variable of the environment of the jobs. May be repeated.",
)  # fmt: skip
@click.option(
    "--xpm-config-dir", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of settings.yaml, launchers.py, tokens.yaml.  [default: ~/.config/experimaestro]",
)  # fmt: skip
@click.option("--show", is_flag=True, help="Print the values of all files and options, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --show: as JSON.")
@click.option("--origins", is_flag=True, help="With --show: where each value was written.")
@click.option("--detach", is_flag=True, help="At Ctrl-C, leave the running jobs and return at once.")
@click.option("--events-viewer", is_flag=True, help="Print what happens, a line for each event.")
@click.option(
    "--events-format", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="With --events-viewer: how an event is printed.",
)  # fmt: skip
@click.option("--no-progress", is_flag=True, help="Show no progress.")
@click.option("--debug", is_flag=True, help="Log everything.")
@click.option("--host", hidden=True, help=_NO_EFFECT)
@click.option("--port", hidden=True, help=_NO_EFFECT)
@click.option("--no-db", is_flag=True, hidden=True, help=_NO_EFFECT)
@click.option("--watcher", hidden=True, help=_NO_EFFECT)
@click.option("--polling-interval", hidden=True, help=_NO_EFFECT)
@click.argument("yaml", type=click.Path(path_type=Path))
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@reports_errors
def experiments_cli(**options: Any) -> None:
    """Run the experiment that the file YAML describes.

    ARGS are for experiments that take arguments of their own; write -- before those that begin with -.

    \b
    Examples:
      experimaestro run-experiment --workdir runs full.yaml
      experimaestro run-experiment --run-mode dry-run -c lr=1e-4 full.yaml
    """  # noqa: D301 - the sign by which click leaves lines as they are
    from experimaestro.experiments import plan as planning, running
    from experimaestro.settings import choose_workspace, set_config_folder

    if options["debug"]:
        import logging

        logging.basicConfig(level=logging.DEBUG)
    if options["xpm_config_dir"] is not None:
        set_config_folder(options["xpm_config_dir"])
    if options["show"]:
        click.echo(show_document(options))
        return
    if options["as_json"] or options["origins"]:
        raise click.UsageError("--json and --origins say how --show prints: add --show")
    if options["events_format"] != "text" and not options["events_viewer"]:
        raise click.UsageError("--events-format says how --events-viewer prints: add --events-viewer")
    plan = planning.make(
        options["yaml"], **_files(options), file=options["file"], module=options["module_name"]
    )
    choice = choose_workspace(
        workspace=options["workspace"], workdir=options["workdir"], experiment_id=plan.name
    )
    watching = _Watching(options["events_format"] if options["events_viewer"] else None)
    try:
        xp = running.run(
            plan,
            choice,
            options["args"],
            mode=options["run_mode"],
            env=dict(options["env"]),
            display=not options["no_progress"],
            on_open=watching.begin,
        )
    except KeyboardInterrupt:
        if watching.xp is not None:
            from experimaestro.experiments.interrupting import after_interrupt

            after_interrupt(watching.xp, _again(), detach=options["detach"])
        raise click.exceptions.Exit(INTERRUPTED) from None
    finally:
        watching.end()
    if xp.status != "done":  # the code of the experiment left on purpose
        from experimaestro.experiments.interrupting import not_done
        from experimaestro.monitor.words import jobs

        left = not_done(xp)
        if left:
            running.say(f"{jobs(left)} not done yet: the plan left without waiting. To go on: {_again()}")
            raise click.exceptions.Exit(FAILED)


class _Watching:
    """The experiment once it is open, and what prints its events."""

    def __init__(self, form: "Format | None") -> None:
        self.xp: experiment | None = None
        self._form = form
        self._printer: EventsPrinter | None = None

    def begin(self, xp: "experiment") -> None:
        from experimaestro.experiments.events import EventsPrinter
        from experimaestro.scheduler.modes import RunMode
        from experimaestro.workspace.layout import RunPaths

        self.xp = xp
        xp.tells_interruption = False  # `interrupting` does
        if self._form is not None and xp.run_mode is RunMode.NORMAL:
            self._printer = EventsPrinter(RunPaths.of(str(xp.workdir)).journal, self._form)
            self._printer.start()

    def end(self) -> None:
        if self._printer is not None:
            self._printer.stop()


def show_document(options: Mapping[str, Any]) -> str:
    """What --show prints."""
    from experimaestro.documents import problems, showing
    from experimaestro.experiments import document

    described = document.load(options["yaml"], **_files(options))
    if described.problems:
        raise problems.failure(str(described.path), described.problems)
    root = described.root
    if options["origins"]:
        return showing.origins_json(root) if options["as_json"] else showing.with_origins(root)
    return showing.as_json(root) if options["as_json"] else showing.as_yaml(root)


def _files(options: Mapping[str, Any]) -> dict[str, Any]:
    """The files and values beside the main file."""
    return {"pre": options["pre_yaml"], "post": options["post_yaml"], "overrides": options["conf"]}


def _again() -> str:
    """The command that was typed."""
    import shlex

    program = Path(sys.argv[0]).name
    if program == "__main__.py":
        program = "python -m experimaestro"
    return " ".join([program, *map(shlex.quote, sys.argv[1:])])
