"""What a script prints of failed jobs at its end: two lines, if the terminal showed each failure.

Python prints an error that nobody caught with all its text, and with lines of ours. Who has seen the
failures while the jobs ran would read each one twice.

Rule: only Python's own way of printing is replaced, once, and only for that error.
"""

import sys
from types import TracebackType

from experimaestro.exceptions import FailedExperiment


def tell_once() -> None:
    """From now on, an uncaught `FailedExperiment` whose jobs were shown is told by its heading."""
    if sys.excepthook is sys.__excepthook__:  # else whoever replaced it wants to see all
        sys.excepthook = _tell


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, FailedExperiment) and error.heading and sys.stderr is not None:
        sys.stderr.write(f"experimaestro: {error.heading}\n")
    else:
        sys.__excepthook__(kind, error, trace)
