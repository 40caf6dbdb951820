"""The commands of `experimaestro`: one thin file for each, which a function that a notebook could call does.

`main` is what the command and `python -m experimaestro` run.
"""

import os
import sys


def main() -> None:
    """Runs the command line of this process."""
    _open_standard_streams()
    try:
        from experimaestro.cli.root import root  # click, only where a command is run
    except KeyboardInterrupt:
        raise SystemExit(130) from None

    root(prog_name="experimaestro")


def _open_standard_streams() -> None:
    """Gives the standard streams that are closed (`2>&-`) to `/dev/null`.

    Else what we say would fail, and the next file that is opened would get the number of one.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for good
