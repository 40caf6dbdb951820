"""What experimaestro raises: one small class for each cause, with the exit code of a command.

Rules: nothing of ours is imported here, so that every layer can raise; a class adds a name and
an exit code, the text is made where the facts are; the text says what, where, and what to do.
"""

import sys
from types import TracebackType
from typing import Any


class ExperimaestroError(Exception):
    """Base of every error that is raised on purpose.

    Attributes:
        exit_code: What a command exits with when this error ends it.
    """

    exit_code = 1

    def _render_traceback_(self) -> Any:
        """What a notebook shows: the calls of the user's code and the text, without those inside of ours."""
        shell = sys.modules["IPython"].get_ipython()  # who calls this, catches what it raises
        return shell.InteractiveTB.structured_traceback(
            type(self), self, _until_ours(self.__traceback__), tb_offset=1
        )


def _until_ours(trace: TracebackType | None) -> TracebackType | None:
    """The same traceback up to the last call that is not made by this package; the whole if there is none."""
    calls = []
    while trace is not None:
        calls.append(trace)
        trace = trace.tb_next
    package = __file__.rpartition("/")[0]
    users = [n for n, one in enumerate(calls) if not one.tb_frame.f_code.co_filename.startswith(package)]
    shown = None
    for one in reversed(calls[: users[-1] + 1] if users else calls):
        shown = TracebackType(shown, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return shown


class ConfigurationError(ExperimaestroError, ValueError):
    """A configuration cannot be used as it is: one or more parameters are wrong."""

    exit_code = 2


class ReadOnlyError(ExperimaestroError, AttributeError):
    """A sealed configuration, a constant or a generated parameter was set."""

    exit_code = 2


class RequiredError(ConfigurationError, AttributeError):
    """A required parameter was set to None."""


class AmbiguityWarning(UserWarning):
    """A value whose identifier may be that of another one."""


class VariableError(ConfigurationError, TypeError):
    """Parameters that share a type variable have values of unrelated classes."""


class DefinitionError(ExperimaestroError, TypeError):
    """A class declares its parameters in a way that cannot work."""

    exit_code = 2


class LocalClassError(DefinitionError, AssertionError):
    """A class of parameters is defined inside a function, where no other process can find it."""


class SubmissionError(ExperimaestroError):
    """A task cannot be submitted: not a task, submitted before, or no experiment is open."""

    exit_code = 2


class NoExperimentError(SubmissionError, AssertionError):
    """The current experiment was asked for, and none is open."""


class ConflictError(SubmissionError):
    """Two tasks have one identifier and are not the same."""


class NotATaskError(SubmissionError, ValueError, AttributeError):
    """Something that is not a task was to be submitted."""


class NotSubmittedError(SubmissionError, AssertionError):
    """Something was asked for that only a submitted task has."""


class MarkError(SubmissionError, AssertionError):
    """A configuration cannot be marked as an output of a task."""


class WorkspaceError(ExperimaestroError):
    """The folder given as workspace cannot be used."""

    exit_code = 2


class FormatError(ExperimaestroError, ValueError):
    """A file is not what its name promises, or was written by a newer version."""


class GracefulTimeout(ExperimaestroError):  # noqa: N818 - the name of the compatible API
    """Raised in a `ResumableTask` that stops before its time is over: it is resumed."""


class TaskCancelled(BaseException):
    """Raised in `execute` when the job is asked to end (SIGTERM, SIGINT).

    It is no `Exception`, so that code which handles errors does not take it for one. Catch it to
    save a checkpoint, and raise it again: the job is cancelled in any case.

    Attributes:
        remaining_time: Seconds until the process is ended by force; None if that is not known.
    """

    def __init__(self, message: str = "", remaining_time: float | None = None) -> None:
        super().__init__(message)
        self.remaining_time = remaining_time


class NewerFormatError(FormatError, RuntimeError):
    """A file was written by a newer version, whose form this one does not know."""


class NotInstalledError(ExperimaestroError, ImportError):
    """Something needs a package that is not installed; its text says which command installs it."""


class NotSavedError(ExperimaestroError, FileNotFoundError):
    """Nothing was saved where something is to be loaded; its text says what is there."""


class ImpossibleEventError(ExperimaestroError):
    """An event that cannot follow what is known; its text tells the whole story of the job."""


class NotInJobError(ExperimaestroError, AssertionError):
    """Something that only a running job has was asked for elsewhere."""


class FailedExperiment(ExperimaestroError):  # noqa: N818 - the name of the compatible API
    """The experiment ended with failed jobs; its text names each with the user's line first.

    Attributes:
        heading: The same in two lines, for whoever has seen the failures while the jobs ran; "" if
            nobody could.
    """

    def __init__(self, text: str, heading: str = "") -> None:
        super().__init__(text)
        self.heading = heading

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the text, which has the lines of the jobs; our own would hide them."""
        return [f"{type(self).__name__}: {self}"]


class GracefulExperimentExit(ExperimaestroError):  # noqa: N818 - the name of the compatible API
    """Raised in the block of an experiment to leave it without waiting: its jobs go on."""


class ExperimentStopped(ExperimaestroError):  # noqa: N818 - the name of the compatible API
    """A task was submitted to an experiment that has ended."""


class DocumentError(ExperimaestroError, ValueError):
    """What a YAML file, or an option of a command, says cannot be used; its text names each place."""

    problems: tuple[object, ...] = ()
    """The same, each as a `documents.problems.Problem`, for whoever collects more of them"""


class SettingsError(ExperimaestroError, RuntimeError):
    """The settings of this person name something that is not there, or say something wrong."""


class ExperimentCodeError(ExperimaestroError):
    """The code of an experiment cannot be used: not found, not importable, without a `run` function."""


class DirtyGitError(ExperimaestroError):
    """The code of an experiment has changes that are not committed, and must have none."""


class HandledException(ExperimaestroError):  # noqa: N818 - the name of the compatible API
    """Ends a command with a message and no traceback; users' code may raise it."""


class ServiceError(ExperimaestroError):
    """A service cannot be added, started or made again; its text says why."""


class FilterError(ExperimaestroError, ValueError):
    """A filter of jobs cannot be read; its text shows the place."""


class RequirementError(ExperimaestroError, ValueError):
    """What a job needs is written in a way that cannot be read; its text shows the place."""


class LauncherNotFoundError(ExperimaestroError):
    """No launcher offers what was required."""


class WaitInterrupted(KeyboardInterrupt):
    """A wait for jobs was interrupted; the jobs go on. In a notebook it is shown as one line.

    Args:
        unfinished: How many jobs of the run are not finished; None: there was no run yet.
        why: What ended the wait.
    """

    def __init__(self, unfinished: int | None, why: str = "waiting was interrupted") -> None:
        if unfinished is None:
            super().__init__(why)
            return
        jobs = f"{unfinished} unfinished job{'' if unfinished == 1 else 's'}, those that run go on"
        super().__init__(f"{why}: {jobs if unfinished else 'no job was unfinished'}")

    def _render_traceback_(self) -> list[str]:
        return [str(self)]
