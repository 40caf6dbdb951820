"""The way out of the core: what `.submit()` hands over, and to whom.

Rule: the core knows only the `Submitter` protocol. Whoever runs jobs fills the slot `current`
(`session` does at its import of the core); nothing is imported upwards.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from experimaestro.core.definition import Definition
    from experimaestro.core.objects import Config
    from experimaestro.core.objects.hooks import SubmitHook


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
    prepares: "Sequence[Config]"
    """What must be prepared before it starts, in order"""
    hooks: "Sequence[SubmitHook]"
    """What acts on the job before it is handed over, each once"""
    objects: "Callable[[], list[dict[str, Any]]]"
    """Makes the `objects` of `params.json`; called later in another thread (the task is sealed)"""
    definition: "Callable[[], Definition]"
    """Makes the record of what the job is; same"""


class Submitter(Protocol):
    """Whoever runs submitted tasks."""

    workspace: str
    """Absolute path of the workspace, from which the paths of a job are made"""

    def submit(self, submission: Submission) -> None:
        """Takes a task over. Touches no disk, does not wait."""

    def add_action(self, action: "Config") -> None:
        """Notes what a person may do with the results. Touches no disk, does not wait."""


current: Submitter | None = None
"""Where `.submit()` goes when no experiment is named; None outside of an experiment."""

named: ContextVar[Submitter | None] = ContextVar("named", default=None)
"""Where `.submit()` goes in this thread or coroutine, when an experiment is named"""
