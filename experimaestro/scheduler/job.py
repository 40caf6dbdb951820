"""A job as users' code sees it: its files, where it stands, and what a hook may change before it starts.

Rule: nothing is kept here but names; where the job stands is asked of the scheduler, each time.
"""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from experimaestro import waiting
from experimaestro.core import context
from experimaestro.core.objects import ResumableTask
from experimaestro.core.problems import short
from experimaestro.events import state as known
from experimaestro.events.model import Level, Progress
from experimaestro.events.owners import Kind, Observation
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


def seen_state(seen: Observation) -> JobState:
    """Where a job stands by its folder alone."""
    never_ran = seen.kind == "gone" and seen.started_t is None  # who was to run it is gone
    return JobState.UNSCHEDULED if never_ran else _SEEN[seen.kind]


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
        """How often it was resumed, or run again after a failure, in this run of the experiment."""
        return self._row(lambda row: row.retry_count)

    @property
    def max_retries(self) -> int:
        """How often it is resumed at most after it ran out of time."""
        return self._row(lambda row: row.max_retries)

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
        return seen_state(attempts.observe(self._files))

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
                "retry_count": row.retry_count,
            }

        return self._row(tell)

    def set_progress(self, level: int, value: float, desc: str = "") -> None:
        """Says how far a running job is that does not say it itself, such as another program.

        Nothing is written: what the job says, and a view in another process, know nothing of it.

        Args:
            level: Which loop: 0 is the outermost, 1 the one in it; one more than was told so far at most.
            value: How much of it is done, 0 to 1.
            desc: What it does.

        Raises:
            TypeError: An argument is of another type.
            ValueError: The loop around that of `level` was not told, or `value` is no number.
        """
        given: dict[str, tuple[object, type, str]] = {
            "level": (level, Integral, "an int"),
            "value": (value, Real, "a number from 0 to 1"),
            "desc": (desc, str, "a str"),
        }
        for name, (argument, kind, text) in given.items():
            if not isinstance(argument, kind) or isinstance(argument, bool):
                raise TypeError(f"set_progress({name}={short(argument)}): expected {text}")
        if math.isnan(value):
            raise ValueError(f"set_progress(value={value}): expected a number from 0 to 1")
        is_running, before = self._row(lambda row: (row.state is JobState.RUNNING, row.progress))
        deepest = max(1, len(before)) if is_running else level  # what is said too late is for nobody
        if not 0 <= level <= deepest:
            raise ValueError(
                f"set_progress(level={level}): expected 0 to {deepest}, where 0 is the outermost loop"
            )
        if is_running:
            around = [*before, Level(value=0.0, text="")][:level]
            levels = (*around, Level(value=min(1.0, max(0.0, float(value))), text=desc))
            self._scheduled().post(Progress(t=time.time(), job=self._key, levels=levels))

    def ask(self, question: Callable[[known.State, known.Job], T]) -> T:
        """Asks a question of the scheduler, in its thread: it keeps nothing of what it is given.

        Args:
            question: Is called with all that is known, and what is known of this job.

        Raises:
            NotSubmittedError: No scheduler has it.
        """
        return self._scheduled().ask(lambda state: question(state, self._find(state))).result()

    # Waiting.

    def wait(self) -> JobState:
        """Blocks until the job is done, has failed, or will not be run.

        Returns:
            How it ended; a state before its start if its experiment was stopped before.

        Raises:
            KeyboardInterrupt: The wait was interrupted; the job goes on.
        """
        waiting.wait(self._scheduled().when(self._is_left))
        return self.state

    def finalState(self) -> "Future[JobState]":  # noqa: N802 - the name of the compatible API
        """How the job ends, as a future; a state before its start if its experiment was stopped before."""
        future: Future[JobState] = Future()
        loop = self._scheduled()

        def resolve(state: known.State) -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                found = self._find(state).state
            except NotSubmittedError as error:
                future.set_exception(error)
                return
            if loop.failure is None or found.rests():
                future.set_result(found)
            else:
                future.set_exception(loop.failure)

        loop.then(self._is_left, resolve)
        return future

    def _is_left(self, state: known.State) -> bool:
        """Whether nothing more happens to it by itself, or it is not known."""
        return self._key not in state.jobs or state.is_left(self._key)

    def _find(self, state: known.State) -> known.Job:
        row = state.jobs.get(self._key)
        if row is None:
            raise NotSubmittedError(
                f"{self._key} was not handed to a scheduler yet: a hook comes before. (Or this process was "
                "forked before)"
            )
        return row

    def _scheduled(self) -> "Loop":
        if self._loop is None:
            raise NotSubmittedError(f"{self._key} has no scheduler: it is only rehearsed")
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
