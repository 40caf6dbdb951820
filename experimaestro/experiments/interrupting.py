"""What Ctrl-C does to an experiment that a command runs.

Once: nothing more is started, the running jobs are waited for. Twice: they are killed. Done jobs stay
done in any case, so that the same command goes on from there.
"""

import time

from experimaestro.experiments.running import say
from experimaestro.inventory import killing
from experimaestro.inventory.runs import keys_of
from experimaestro.session import experiment
from experimaestro.workspace import attempts
from experimaestro.workspace.layout import JobPaths

_POLL_S = 0.1


def after_interrupt(xp: experiment, command: str, *, detach: bool) -> None:
    """Waits for the jobs of an interrupted run that still run, or leaves them.

    Args:
        xp: The experiment; its run has ended.
        command: What starts it again.
        detach: Whether to leave the jobs at once.
    """
    running = _running(xp)
    again = f"To go on: {command}"
    if not running or detach:
        left = f"{_jobs(len(running))} left running. " if running else ""
        say(f"{left}{again}")
        return
    try:
        waits = f"no more jobs are started; waiting for {_jobs(len(running))}"
        say(f"{waits}. Ctrl-C again kills them. {again}")
        while any(attempts.observe(paths).kind == "running" for paths in running):
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        say(f"killing {_jobs(len(running))}")
        for paths, killed in zip(running, killing.kill(running), strict=True):
            if killed.what == "cannot":
                say(f"{paths.folder}: cannot be killed: {killed.why}")


def _running(xp: experiment) -> list[JobPaths]:
    jobs = [JobPaths.of(str(xp.workspace), key) for key in keys_of(str(xp.workdir))]
    return [paths for paths in jobs if attempts.observe(paths).kind == "running"]


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"
