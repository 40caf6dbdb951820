"""What experimaestro raises: one small class for each cause, with the exit code of a command.

Rules: nothing of ours is imported here, so that every layer can raise; a class adds a name and
an exit code, the text is made where the facts are; the text says what, where, and what to do.
"""


class ExperimaestroError(Exception):
    """Base of every error that is raised on purpose.

    Attributes:
        exit_code: What a command exits with when this error ends it.
    """

    exit_code = 1


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


class ImpossibleEventError(ExperimaestroError):
    """An event that cannot follow what is known; its text tells the whole story of the job."""


class NotInJobError(ExperimaestroError, AssertionError):
    """Something that only a running job has was asked for elsewhere."""


class FailedExperiment(ExperimaestroError):  # noqa: N818 - the name of the compatible API
    """The experiment ended with failed jobs; its text names each with the user's line first."""


class ExperimentStopped(ExperimaestroError):  # noqa: N818 - the name of the compatible API
    """A task was submitted to an experiment that has ended."""


class ServiceError(ExperimaestroError):
    """A service cannot be added, started or made again; its text says why."""
