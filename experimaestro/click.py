"""click, as our commands use it: an error of ours is a message and an exit code, never a traceback.

Other packages import `click` from here.
"""

import functools
import os
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

import click

from experimaestro.exceptions import ExperimaestroError, FailedExperiment

P = ParamSpec("P")
R = TypeVar("R")

USAGE = 2
"""Exit code for a command that was written wrongly (click's own)"""
FAILED = 1
"""Exit code for everything else that did not go well"""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it"""

WITH_TRACEBACK = "experimaestro.with_traceback"
"""Key of `Context.meta`: whether errors are to be shown with all their lines"""

__all__ = ["click", "reports_errors"]


class Folder(click.Path):
    """The path of a folder; not an empty text, which a variable of the shell gives that is not set."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        if not os.fspath(value):
            self.fail("expected the path of a folder, got ''", param, ctx)
        return super().convert(value, param, ctx)


def reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Makes a command end with a message where it raises one of our errors, or the user's code fails."""

    @functools.wraps(command)
    def reporting(*args: P.args, **options: P.kwargs) -> R:
        try:
            return command(*args, **options)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except BrokenPipeError:  # `experimaestro jobs list | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(FAILED) from None
        except Exception as error:
            context = click.get_current_context(silent=True)
            if context is not None and context.meta.get(WITH_TRACEBACK):
                raise
            raise _Ended(error) from None

    return reporting


class _Ended(click.ClickException):
    """An error as a person sees it."""

    exit_code = FAILED

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error

    def show(self, file: Any = None) -> None:
        """Prints the message; of an error that is none of ours, the lines of the user's code too."""
        file = file or sys.stderr
        is_ours = isinstance(self.error, OSError) and not _is_of_user(self.error.__traceback__)
        if isinstance(self.error, ExperimaestroError) or is_ours:
            heading = self.error.heading if isinstance(self.error, FailedExperiment) else ""
            click.echo(f"Error: {heading or self.error}", file=file)
            return
        trace = _users_part(self.error.__traceback__)
        if isinstance(self.error, SyntaxError) and (trace is None or not _is_of_user(trace)):
            trace = None  # of a file that could not be read as Python: the error itself has the line
        lines = traceback.format_exception(type(self.error), self.error, trace)
        click.echo("".join(lines).rstrip(), file=file)


def _is_of_user(trace: TracebackType | None) -> bool:
    """Whether a line of the user's took part: one that is neither ours nor of what is installed."""
    installed = (os.path.dirname(os.path.abspath(__file__)), sys.prefix, sys.base_prefix, "<")  # noqa: PTH100, PTH120 - strings of frames
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(installed):
            return True
        trace = trace.tb_next
    return False


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is neither ours nor of the import system."""
    ours = (os.path.dirname(os.path.abspath(__file__)), os.path.dirname(functools.__file__), "<frozen ")  # noqa: PTH100, PTH120 - strings of frames
    rest = trace
    while rest is not None and rest.tb_frame.f_code.co_filename.startswith(ours):
        rest = rest.tb_next
    return rest or trace
