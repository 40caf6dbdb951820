"""The commands of `experimaestro`: one thin file for each, which a function that a notebook could call does.

`main` is what the command and `python -m experimaestro` run.
"""


def main() -> None:
    """Runs the command line of this process."""
    from experimaestro.cli.root import root  # click, only where a command is run

    root(prog_name="experimaestro")
