"""A job as users' code sees it: its files, where it stands, and what a hook may change before it starts.

Rule: nothing is kept here but names; where the job stands is asked of the scheduler, each time.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from experimaestro import waiting
from experimaestro.core import context
from experimaestro.core.objects import ResumableTask
from experimaestro.events import state as known
from experimaestro.events.model import Level, Progress
from experimaestro.events.owners import Kind
from experimaestro.events.states import FailureReason, JobState
from experimaestro.exceptions import NotSubmittedError
from experimaestro.workspace import attempts
from experimaestro.workspace.layout import JobPaths

if TYPE_CHECKING:
    from experimaestro.core.objects import Config
    from experimaestro.scheduler.loop import Loop

T = TypeVar("T")

_SEEN: dict[Kind, JobState] = {
    "done": JobState.DONE,
    "failed": JobState.ERROR,
    "gone": JobState.ERROR,
    "running": JobState.RUNNING,
    "unknown": JobState.RUNNING,
    "free": JobState.UNSCHEDULED,
}
"""Where a job stands whose folder was seen so"""


class Job:
    """A submitted task.

    Attributes:
        config: The task; None if the plan that made it does not hold it any more.
        environ: Variables that its process has beside those of this process; a `SubmitHook` may
            change them.
    """

    def __init__(
        self,
        key: str,
        workspace: str,
        config: "Config | None" = None,
        environ: dict[str, str] | None = None,
        loop: "Loop | None" = None,
    ) -> None:
        self.config = config
        self.environ = {} if environ is None else environ
        self._key = key
        self._loop = loop
        self._files = JobPaths.of(workspace, key)

    # What it is.

    @property
    def type(self) -> str:
        """Name of the type of the task."""
        return self._key.partition("/")[0]

    @property
    def task_id(self) -> str:
        """The same as `type`."""
        return self.type

    @property
    def identifier(self) -> str:
        """The 64 hexadecimal digits of its identity."""
        return self._key.partition("/")[2]

    @property
    def relpath(self) -> str:
        """Its folder below the folder of all jobs: `<type>/<identifier>`."""
        return self._key

    @property
    def name(self) -> str:
        """The name with which its files begin."""
        return self._files.name

    # Its files.

    @property
    def path(self) -> Path:
        """Its folder."""
        return Path(self._files.folder)

    @property
    def jobpath(self) -> Path:
        """The same as `path`."""
        return self.path

    @property
    def stdout(self) -> Path:
        """What it prints."""
        return Path(self._files.out)

    @property
    def stderr(self) -> Path:
        """What it prints to its error stream."""
        return Path(self._files.err)

    @property
    def donepath(self) -> Path:
        """Present if it has succeeded."""
        return Path(self._files.done)

    @property
    def failedpath(self) -> Path:
        """Present if it has failed."""
        return Path(self._files.failed)

    @property
    def pidpath(self) -> Path:
        """Present while it runs."""
        return Path(self._files.pid)

    @property
    def lockpath(self) -> Path:
        """Locked while it runs."""
        return Path(self._files.lock)

    # Where it stands.

    @property
    def state(self) -> JobState:
        """Where it stands."""
        return self._row(lambda row: row.state)

    @property
    def scheduler_state(self) -> JobState:
        """The same as `state`."""
        return self.state

    @property
    def failure_reason(self) -> FailureReason | None:
        """Why it failed, if it did."""
        return self._row(lambda row: row.reason)

    @property
    def tags(self) -> Mapping[str, Any]:
        """Its tags."""
        return self._row(lambda row: dict(row.tags))

    @property
    def dependencies(self) -> Sequence[str]:
        """The `relpath` of each job that it needs."""
        return self._row(lambda row: row.deps)

    @property
    def progress(self) -> Sequence[Level]:
        """How far it is, the outer loop first."""
        return self._row(lambda row: row.progress)

    @property
    def starttime(self) -> datetime | None:
        """When its last attempt started, in local time."""
        return _time(self._row(lambda row: row.started))

    @property
    def endtime(self) -> datetime | None:
        """When it ended, in local time."""
        return _time(self._row(lambda row: row.ended))

    @property
    def exit_code(self) -> int | None:
        """Exit code of its process, if known."""
        return self._row(lambda row: None if row.outcome is None else row.outcome.code)

    @property
    def retry_count(self) -> int:
        """How many attempts were made before the last."""
        return self._row(lambda row: max(0, row.attempt - 1))

    @property
    def max_retries(self) -> int:
        """How often it is resumed at most after it ran out of time."""
        return self._row(lambda row: row.retries + max(0, row.attempt - 1))

    @property
    def resumable(self) -> bool:
        """Whether it is resumed after it ran out of time."""
        return isinstance(self.config, ResumableTask)

    @property
    def transient(self) -> int:
        """See `TransientMode`."""
        return self._row(lambda row: row.transient)

    @property
    def experiments(self) -> Sequence[str]:
        """The names of the experiments that it belongs to."""
        return self._row(_experiments)

    def load_from_disk(self) -> JobState:
        """Looks at its folder, whatever the scheduler knows.

        Returns:
            Where its files say it stands; UNSCHEDULED if nobody has run it.

        Raises:
            OSError: The disk does not tell.
        """
        return _SEEN[attempts.observe(self._files).kind]

    def state_dict(self) -> dict[str, Any]:
        """What is known of it, as JSON values; times in ISO form."""

        def tell(row: known.Job) -> dict[str, Any]:
            return {
                "task_id": self.task_id,
                "identifier": self.identifier,
                "path": self._files.folder,
                "state": row.state.value,
                "failure_reason": None if row.reason is None else row.reason.value,
                "tags": dict(row.tags),
                "dependencies": list(row.deps),
                "experiments": _experiments(row),
                "progress": [{"progress": one.value, "desc": one.text} for one in row.progress],
                "starttime": _iso(row.started),
                "endtime": _iso(row.ended),
                "exit_code": None if row.outcome is None else row.outcome.code,
                "retry_count": max(0, row.attempt - 1),
            }

        return self._row(tell)

    def set_progress(self, level: int, value: float, desc: str = "") -> None:
        """Says how far a running job is that does not say it itself, such as another program.

        Nothing is written: what the job says, and a view in another process, know nothing of it.

        Args:
            level: Which loop: 0 is the outermost.
            value: How much of it is done, 0 to 1.
            desc: What it does.
        """
        known_levels = [*self.progress, *[Level(value=0.0, text="")] * (level + 1)][: level + 1]
        levels = (*known_levels[:level], Level(value=min(1.0, max(0.0, value)), text=desc))
        self._scheduled().post(Progress(t=time.time(), job=self._key, levels=levels))

    def ask(self, question: Callable[[known.State, known.Job], T]) -> T:
        """Asks a question of the scheduler, in its thread: it keeps nothing of what it is given.

        Args:
            question: Is called with all that is known, and what is known of this job.

        Raises:
            NotSubmittedError: No scheduler has it.
        """

        def answer(state: known.State) -> T:
            row = state.jobs.get(self._key)
            if row is None:
                raise NotSubmittedError(f"{self._key}: this process was forked before its scheduler had it")
            return question(state, row)

        return self._scheduled().ask(answer).result()

    # Waiting.

    def wait(self) -> JobState:
        """Blocks until the job is done, has failed, or will not be run.

        Returns:
            How it ended; a state before its start if its experiment was stopped before.

        Raises:
            KeyboardInterrupt: The wait was interrupted; the job goes on.
        """
        loop = self._scheduled()
        waiting.wait(loop.when(lambda state: state.is_left(self._key)))
        return self.state

    def finalState(self) -> "Future[JobState]":  # noqa: N802 - the name of the compatible API
        """How the job ends, as a future."""
        future: Future[JobState] = Future()
        loop = self._scheduled()

        def look(state: known.State) -> bool:
            is_left = state.is_left(self._key)
            if is_left and not future.done():
                future.set_result(state.jobs[self._key].state)
            return is_left

        loop.when(look)
        return future

    def _scheduled(self) -> "Loop":
        if self._loop is None:
            raise NotSubmittedError(f"{self._key} was not handed to a scheduler yet: a hook comes before")
        return self._loop

    def _row(self, question: Callable[[known.Job], T]) -> T:
        return self.ask(lambda _, row: question(row))

    def __fspath__(self) -> str:
        return os.fspath(self._files.folder)

    def __repr__(self) -> str:
        return f"<Job {self._key}>" if context.line is None else context.line(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str] | None:
        """What a notebook shows: where it stands, and its task as a tree."""
        return None if context.draw is None else context.draw(self)


def _experiments(row: known.Job) -> list[str]:
    return list(dict.fromkeys(run.partition("/")[0] for run in row.runs))


def _time(t: float | None) -> datetime | None:
    return None if t is None else datetime.fromtimestamp(t).astimezone()


def _iso(t: float | None) -> str | None:
    moment = _time(t)
    return None if moment is None else moment.isoformat()
