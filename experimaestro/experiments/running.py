"""Runs an experiment that a YAML file describes: from a command, a script or a notebook.

The order: the plan (everything that can be refused), the workspace, the run, the user's function, the
wait. What a person should know is said in a line each on standard error.
"""

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experimaestro.core import context
from experimaestro.documents.nodes import Node, Origin, from_python
from experimaestro.documents.problems import did_you_mean
from experimaestro.exceptions import ExperimentCodeError
from experimaestro.experiments import plan as planning
from experimaestro.experiments.plan import Plan
from experimaestro.scheduler.modes import RunMode
from experimaestro.session import experiment
from experimaestro.settings import Choice, choose_workspace, get_settings
from experimaestro.workspace.git import DirtyGitAction


def run_mode_of(text: str) -> RunMode:
    """The run mode that a word means: `normal`, `DRY_RUN`, `dry-run`, `generate`, `generate-only`...

    Raises:
        ExperimentCodeError: It is none.
    """
    word = text.strip().replace("-", "_").upper()
    mode = next((mode for mode in RunMode if word in {mode.name, mode.value.replace("-", "_").upper()}), None)
    if mode is None:
        words = [one.value for one in RunMode]
        raise ExperimentCodeError(f"run mode {text!r}: {did_you_mean(text, words)}")
    return mode


def run_experiment(
    path: str | Path,
    *args: str,
    workdir: str | Path | None = None,
    workspace: str | None = None,
    run_mode: RunMode | str = RunMode.NORMAL,
    conf: Mapping[str, Any] | Sequence[str] = (),
    pre_yaml: Sequence[str | Path] = (),
    post_yaml: Sequence[str | Path] = (),
    file: str | None = None,
    module_name: str | None = None,
    env: Mapping[str, str] | None = None,
    display: bool = True,
    wait: bool = True,
    **overrides: Any,
) -> experiment:
    """Runs an experiment that a YAML file describes.

    Args:
        path: The file; `.yaml` may be left out.
        *args: Arguments for a helper of your own.
        workdir: The folder of the workspace.
        workspace: A workspace of the settings.
        run_mode: What to do with the tasks.
        conf: Values by dotted key, or texts `key=value` as on the command line.
        pre_yaml: Files that come before `path`.
        post_yaml: Files that come after it.
        file: The Python file of the experiment, in place of what the document says.
        module_name: Its module, same.
        env: Variables for the jobs.
        display: Whether to show the progress.
        wait: Whether to return when all is done; else as soon as the function has submitted its tasks.
        **overrides: Values by key, after all others: `lr=1e-4`, `optim={"lr": 1e-4}`. A key that is the
            name of an argument above is given with `conf`.

    Returns:
        The experiment.

    Raises:
        DocumentError: Something in the file or the values is wrong; all that is, at once.
        ExperimentCodeError: The code of the experiment cannot be used.
        SettingsError: There is no such workspace.
        FailedExperiment: Jobs failed.

    Example:
        >>> xp = run_experiment("full.yaml", workdir="runs", lr=1e-4)  # doctest: +SKIP
    """
    nodes: list[Node | str] = []
    nodes += [_dotted(key, value) for key, value in conf.items()] if isinstance(conf, Mapping) else conf
    nodes += [_dotted(key, value) for key, value in overrides.items()]
    plan = planning.make(
        Path(path),
        pre=[Path(one) for one in pre_yaml],
        post=[Path(one) for one in post_yaml],
        overrides=nodes,
        file=file,
        module=module_name,
    )
    choice = choose_workspace(workspace=workspace, workdir=workdir, experiment_id=plan.name)
    mode = run_mode_of(run_mode) if isinstance(run_mode, str) else run_mode
    return run(plan, choice, args, mode=mode, env=env, display=display, wait=wait)


def run(
    plan: Plan,
    choice: Choice,
    args: Sequence[str] = (),
    *,
    mode: RunMode = RunMode.NORMAL,
    env: Mapping[str, str] | None = None,
    wait: bool = True,
    display: bool = True,
    on_open: Callable[[experiment], object] = lambda _: None,
) -> experiment:
    """Opens the run of a plan, calls the user's function, and waits.

    Args:
        plan: What to run.
        choice: Where.
        args: For the helper.
        mode: What to do with the tasks.
        env: Variables for the jobs, over those of the workspace.
        wait: See `run_experiment`.
        display: Whether to show the progress.
        on_open: Called with the experiment as soon as it is open.

    Returns:
        The experiment.

    Raises:
        FailedExperiment: Jobs failed.
        KeyboardInterrupt: The user stopped it; the jobs that run go on.
    """
    plan.helper.check(args)
    for warning in (*get_settings().warnings, *plan.warnings):
        say(f"warning: {warning}")
    say(f"{plan.name}: {choice}")
    xp = experiment(
        choice.workspace,
        plan.name,
        run_mode=mode,
        display=display,
        dirty_git=DirtyGitAction.IGNORE,  # the plan has looked
    )
    if wait or mode is not RunMode.NORMAL:  # a rehearsal is over when the function returns
        with xp:
            on_open(xp)
            _submit(plan, xp, args, env)
        return xp
    xp.start()
    on_open(xp)
    try:
        _submit(plan, xp, args, env)
    except BaseException:
        xp.stop()
        raise
    return xp


def say(text: str) -> None:
    """Tells a person something, without touching standard output."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"experimaestro: {text}\n")
        sys.stderr.flush()


def _submit(plan: Plan, xp: experiment, args: Sequence[str], env: Mapping[str, str] | None) -> None:
    for name, value in (env or {}).items():
        xp.setenv(name, value)
    plan.helper.xp = xp
    places = context.Places()
    token = context.places.set(places)
    try:
        plan.helper.run(list(args), plan.configuration)
    finally:
        context.places.reset(token)
    for info in places.forgotten():
        say(
            f"warning: {info.made_at}: the task {info.declaration.name} was made and not submitted. "
            "Is .submit() missing?"
        )


def _dotted(key: str, value: Any) -> Node:
    """The document that a value given in Python stands for."""
    origin = Origin(f"{key}={value!r}")
    node = from_python(value, origin)
    for name in reversed(key.split(".")):
        node = Node({name: node}, origin)
    return node
