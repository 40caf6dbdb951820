"""What Ctrl-C does to an experiment that a command runs.

Once: nothing more is started, the running jobs are waited for. Twice: they are killed. Done jobs stay
done in any case, so that the same command goes on from there.
"""

import time
from collections import Counter

from experimaestro.experiments.running import say
from experimaestro.inventory import killing
from experimaestro.inventory.runs import keys_of
from experimaestro.monitor.words import jobs
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
    seen = {paths: attempts.observe(paths).kind for paths in _jobs_of(xp)}
    running = [paths for paths, kind in seen.items() if kind == "running"]
    waiting = sum(kind in {"free", "gone"} for kind in seen.values())
    not_started = [f"{jobs(waiting)} not started"] if waiting else []
    again = f"To go on: {command}"
    if not running or detach:
        left = [f"{jobs(len(running))} left running"] if running else []
        say(f"interrupted: {', '.join(left + not_started) or 'no job runs'}. {again}")
        return
    try:
        waits = f"no more jobs are started; waiting for {jobs(len(running))}"
        say(f"interrupted: {waits}. Ctrl-C again kills what runs. {again}")
        while any(attempts.observe(paths).kind == "running" for paths in running):
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        say(f"killing {jobs(len(running))}")
        for paths, killed in zip(running, killing.kill(running), strict=True):
            if killed.what == "cannot":
                say(f"{paths.folder}: cannot be killed: {killed.why}")
    ends = Counter(_end(paths) for paths in running)
    say(", ".join([*(f"{jobs(count)} {end}" for end, count in sorted(ends.items())), *not_started]))


def not_done(xp: experiment) -> int:
    """How many jobs of a run that has ended are not done."""
    return sum(attempts.observe(paths).kind != "done" for paths in _jobs_of(xp))


def _end(paths: JobPaths) -> str:
    """How a job that was waited for has ended."""
    seen = attempts.observe(paths)
    if seen.outcome is not None and seen.outcome.status == "cancelled":
        return "killed"
    return "done" if seen.kind == "done" else "failed"


def _jobs_of(xp: experiment) -> list[JobPaths]:
    return [JobPaths.of(str(xp.workspace), key) for key in keys_of(str(xp.workdir))]
