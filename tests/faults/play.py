"""A random plan as a process: `play.py WORKSPACE LOG NAME PLAN`, where PLAN is the JSON of a `Plan`.

Exits 0 if all is done, 1 if jobs failed, 3 if the workspace was refused, each with a message; anything
else ends with a traceback, which no fault may cause.
"""

import logging
import sys
from concurrent.futures import TimeoutError as NoAnswer
from typing import Any

import msgspec

from experimaestro import experiment
from experimaestro.events.state import check
from experimaestro.exceptions import ExperimaestroError, FailedExperiment
from experimaestro.workspace.git import DirtyGitAction
from histories import Plan
from labours import Journey, Labour


def main(workspace: str, log: str, name: str, text: str) -> int:
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    plan = msgspec.json.decode(text, type=Plan)
    xp = experiment(workspace, name, workers=3, display=False, dirty_git=DirtyGitAction.IGNORE)
    try:
        with xp:
            submit(xp, plan, log)
            try:
                xp.wait()
            finally:
                assert xp._run is not None  # its scheduler, for the check
                xp._run.loop.ask(check).result(timeout=20)
    except FailedExperiment as failed:
        print(f"jobs failed: {failed}", file=sys.stderr)
        return 1
    except NoAnswer:
        print("the scheduler does not answer", file=sys.stderr)
        return 4
    except ExperimaestroError as refused:
        print(f"refused: {refused}", file=sys.stderr)
        return 3
    return 0


def submit(xp: experiment, plan: Plan, log: str) -> None:
    """Submits the jobs of a plan in their order."""
    token = xp.token("slots", plan.slots) if plan.slots else None
    made: dict[str, Labour] = {}
    for job in plan.jobs:
        kind, steps = (Journey, {"steps": job.steps}) if job.steps else (Labour, {})
        values: dict[str, Any] = {
            "needs": [made[needed] for needed in job.needs],
            "lasts": job.lasts,
            "failures": job.failures,
            "slots": plan.slots if job.holds else 0,
            **steps,
        }
        task = kind.C(name=job.name, log=log, **values)
        if token is not None and job.holds:
            token(1, task)
        made[job.name] = task.submit()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
