"""A plan that tests run as a process of its own: `plan.py WORKSPACE LOG NAME [small]`.

A diamond and a job beside it, or two jobs in a row; each leaves a line in the log. Exits 0 if all is
done.
"""

import sys
from pathlib import Path

from experimaestro import experiment
from experimaestro.events.state import check
from tasks import Note


def main(workspace: str, log: str, name: str, size: str = "") -> None:
    with experiment(Path(workspace), name, workers=2) as xp:
        top = Note.C(name="top", log=log).submit()
        if size == "small":
            Note.C(name="bottom", log=log, needs=[top]).submit()
        else:
            diamond(top, log)
        xp.wait()
        assert xp._run is not None  # its scheduler, for the check
        xp._run.loop.ask(check).result()


def diamond(top: Note, log: str) -> None:
    left = Note.C(name="left", log=log, needs=[top]).submit()
    right = Note.C(name="right", log=log, needs=[top]).submit()
    Note.C(name="bottom", log=log, needs=[left, right]).submit()
    Note.C(name="beside", log=log).submit()


if __name__ == "__main__":
    main(*sys.argv[1:])
