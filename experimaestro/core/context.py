"""The way out of the core: what `.submit()` hands over, and to whom.

Rule: the core knows only the `Submitter` protocol. Whoever runs jobs fills the slot `current`, and
whoever shows them the slots `draw` and `line` (`session` does both); nothing is imported upwards.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from experimaestro.core.base import Information
    from experimaestro.core.cells import Shipped
    from experimaestro.core.definition import Definition
    from experimaestro.core.objects import Config
    from experimaestro.core.objects.hooks import SubmitHook


class Need(NamedTuple):
    """What a task holds while it runs, of something that is limited."""

    folder: str
    """Where it is counted by all processes"""
    amount: int
    total: int
    """How much there is"""


class Options(NamedTuple):
    """How a task is to be run; no part of what it is."""

    priority: int = 0
    """Of the tasks that could start, the highest comes first"""
    transient: int = 0
    """From 1 on it is run only if a task that is run needs it; 2: and is removed at the end"""
    retries: int | None = 0
    """How often it is resumed after it ran out of time; None: as the experiment says"""
    launcher: Any = None
    """What starts it; None: what the experiment says"""


class Watch(NamedTuple):
    """What is to be done with what a task gives out while it runs."""

    key: str
    """`<identifier of the configuration>/<name of its method>`"""
    method: "Callable[..., Any]"
    """Of the configuration: called with a marker and what the job said"""
    callback: "Callable[[Any], object]"
    """Called with what the method returned"""


class Submission(NamedTuple):
    """One task, validated, sealed and identified: all that is needed to run it."""

    key: str
    """`<type name>/<64 hex digits>`: its folder under `jobs/`"""
    task: "Config"
    """The sealed configuration"""
    tags: Mapping[str, Any]
    """Tags of the task and of everything that it uses: str, int, float or bool values"""
    dependencies: Sequence[str]
    """Keys of the jobs that must be done before"""
    uses: "Sequence[Submission]"
    """Those of the tasks behind `dependencies`"""
    init_tasks: "Sequence[Config]"
    """Lightweight tasks run before it, in its process"""
    needs: "Sequence[Need]"
    """Tokens and shared folders that it holds while it runs, all or none"""
    options: "Options"
    """What was asked for beside the parameters"""
    prepares: "Sequence[Config]"
    """What must be prepared before it starts, in order"""
    hooks: "Sequence[SubmitHook]"
    """What acts on the job before it is handed over, each once"""
    objects: "Callable[[], list[dict[str, Any]]]"
    """Makes the `objects` of `params.json`; called later in another thread (the task is sealed)"""
    definition: "Callable[[], Definition]"
    """Makes the record of what the job is; same"""
    shipped: "Shipped | None" = None
    """What it needs of a notebook"""


class Submitter(Protocol):
    """Whoever runs submitted tasks."""

    workspace: str
    """Absolute path of the workspace, from which the paths of a job are made"""

    def in_mode(self, mode: Any) -> "Submitter":
        """Who takes over a task for which a `RunMode` was asked.

        Raises:
            SubmissionError: It is no mode.
        """

    def submit(self, submission: Submission) -> None:
        """Takes a task over. Touches no disk, does not wait."""

    def job(self, key: str) -> Any:
        """The job of a task that was submitted, as users see it."""

    def on_completed(self, key: str, callback: "Callable[[], object]") -> None:
        """Has something called once when a job is done; at once if it is."""

    def watch(self, key: str, watch: Watch) -> None:
        """Has something called for each output of a job that runs, also for those before."""

    def add_action(self, action: "Config") -> None:
        """Notes what a person may do with the results. Touches no disk, does not wait."""


class SerializedPath(NamedTuple):
    """Where data are that were written down with a configuration."""

    path: "Path"
    """Relative to the folder of the configuration"""
    is_folder: bool


class SerializationContext:
    """What becomes of the data of a configuration that is written down: this one only names them.

    Attributes:
        var_path: How the configuration that is being written is reached, as names of folders; empty
            for the root.
    """

    def __init__(self) -> None:
        self.var_path: list[str] = []

    def serialize(
        self,
        var_path: "Sequence[str]",
        path: "str | Path",
        config: "Config",  # noqa: ARG002 - for those that derive from it
    ) -> SerializedPath:
        """Gives data their place beside the configuration.

        Args:
            var_path: The place, as names of folders and the name of the file or folder; empty: the
                folder of all, in which the content of a folder is put.
            path: Where the data are.
            config: The configuration that they belong to.

        Returns:
            The place, from which a reader will get the parameter.
        """
        from pathlib import Path  # not in a job

        return SerializedPath(Path(*var_path), Path(path).is_dir())


draw: "Callable[[Any], dict[str, str]] | None" = None
"""Draws a configuration or a job for a notebook, by type of media; None: it is shown as its `repr`."""

line: "Callable[[Any], str] | None" = None
"""Tells a job, a submitted task or an output of one on one line; "" of anything else."""


class Places:
    """Where tasks are made and submitted: noted for who runs the code of a user, and asks what was forgotten.

    A place is an instruction. One at which a single task was submitted, or a copy of one, counts as
    submitted: what a plan makes to copy it, or only sometimes submits, was not forgotten.
    """

    def __init__(self) -> None:
        self.made: dict[tuple[CodeType, int], Information] = {}
        """The last task that was made at each place"""
        self.submitted: set[tuple[CodeType | None, int]] = set()

    def forgotten(self) -> "list[Information]":
        """A task for each place at which tasks were made and none was submitted."""
        return [one for one in self.made.values() if (one.code, one.instruction) not in self.submitted]


places: "ContextVar[Places | None]" = ContextVar("places", default=None)
"""What is noted of the code that runs in this thread or coroutine; None: nothing"""


def note_submitted(code: CodeType | None, instruction: int) -> None:
    """Notes that a task was submitted which was made at this place, or a copy of it."""
    noted = places.get()
    if noted is not None:
        noted.submitted.add((code, instruction))


current: Submitter | None = None
"""Where `.submit()` goes when no experiment is named; None outside of an experiment."""

named: ContextVar[Submitter | None] = ContextVar("named", default=None)
"""Where `.submit()` goes in this thread or coroutine, when an experiment is named"""
