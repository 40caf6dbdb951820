"""What a view asks about one job: details, parameters, error, log. Read only when asked for.

Rules: called in a thread that may wait for the disk, never in the scheduler's; what is known comes
from the state by one question, the rest from the job's folder. A file that cannot be read is said
to be so in the answer.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from experimaestro.events.model import JobKey
from experimaestro.events.state import Job, State
from experimaestro.monitor import logs, parameters, tracebacks, words
from experimaestro.monitor.messages import Ask, Refused
from experimaestro.monitor.printable import printable, printable_lines
from experimaestro.workspace import attempts, files
from experimaestro.workspace.layout import JobPaths

T = TypeVar("T")

RELATED = 50
"""Jobs that are named of those that a job needs, and of those that need it"""

_ATTEMPTS = 20
_LOG_BYTES = 64 * 1024
_LINES = 12
_MESSAGE_LINES = 60


class AskState(Protocol):
    """Asks a question of the state, in the scheduler's thread; see `scheduler.loop.Loop.ask`."""

    def __call__(self, question: Callable[[State], T], /) -> "Future[T]":
        """Gives the answer to come."""


class _Known(NamedTuple):
    """What the state says of a job."""

    job: Job
    needs: list[dict[str, object]]
    needed_by: list[dict[str, object]]
    needed_by_count: int


class Answers:
    """Answers questions about jobs.

    Args:
        ask: Asks a question of the state.
        paths: The files of a job, by its key.
        pause: Waits so many seconds; True when nobody wants an answer any more.
    """

    def __init__(
        self, ask: AskState, paths: Callable[[JobKey], JobPaths], pause: Callable[[float], bool]
    ) -> None:
        self._ask = ask
        self._paths = paths
        self._pause = pause
        self._asked: dict[str, str] = {}  # what each view asked last

    def answer(self, question: Ask) -> object:
        """Finds an answer, ready for JSON.

        Args:
            question: What a view asks, of a job that the run has.

        Raises:
            Refused: There is none; the text says why.
        """
        self._asked[_view(question)] = question.id
        paths = self._paths(question.job)
        try:
            if question.ask == "log":
                return self._log(question, paths)
            if question.ask == "parameters":
                return self._parameters(question.job, paths)
            if question.ask == "error":
                return self._error(question.job, paths)
            return self._details(question.job, paths)
        except OSError as error:
            raise Refused(f"{error.filename or paths.folder}: {error.strerror or error}") from None

    def _known(self, key: JobKey) -> _Known:
        def look(state: State) -> _Known | None:
            job = state.jobs.get(key)
            if job is None:
                return None
            below = list(state.dependents(key))
            return _Known(replace(job), _named(state, job.deps), _named(state, below), len(below))

        known = self._ask(look).result(logs.LEASE_S)
        if known is None:
            raise Refused(f"this run has no job {key!r}")
        return known

    def _details(self, key: JobKey, paths: JobPaths) -> object:
        known = self._known(key)
        job = known.job
        return {
            "folder": paths.folder,
            "launcher": job.launcher,
            "tokens": [f"{printable(need.token)} {need.count} of {need.total}" for need in job.needs],
            "needs": known.needs,
            "needs_count": len(job.deps),
            "needed_by": known.needed_by,
            "needed_by_count": known.needed_by_count,
            "attempts": [_attempt(paths, n) for n in range(max(1, job.attempt - _ATTEMPTS), job.attempt + 1)],
            "submitted": job.submitted,
        }

    def _parameters(self, key: JobKey, paths: JobPaths) -> object:
        job = self._known(key).job
        content = files.read_json(paths.params)
        if content is None:
            return None
        tags = {printable(name): printable(str(value)) for name, value in job.tags.items()}
        return parameters.tree(content["objects"], tags)

    def _error(self, key: JobKey, paths: JobPaths) -> object:
        job = self._known(key).job
        log = files.tail(paths.err, _LOG_BYTES, 2000)
        message = job.outcome.message.strip() if job.outcome is not None else ""
        kind, _, rest = message.partition(": ")
        trace = tracebacks.parse(log)
        if trace is None or not message.startswith(trace.type):  # an older one, or none
            kind = kind if rest and kind.isprintable() and " " not in kind else ""
            return {
                "type": printable(kind) or words.ENDS[job.reason] if job.reason else "",
                "message": _several(rest if kind else message),
                "frames": [],
                "library_calls": 0,
                "libraries": [],
                "traceback": "",
                "tail": printable_lines(log, _LINES, last=True),
            }
        return {
            "type": printable(trace.type),
            "message": _several(message[len(trace.type) :].removeprefix(":").strip() or trace.message),
            "frames": [tracebacks.with_source(frame, _text) for frame in trace.users[:20]],
            "library_calls": trace.library_calls,
            "libraries": trace.libraries[:3],
            "traceback": "\n".join(printable_lines(trace.printed, 2000)),
            "tail": [],
        }

    def _log(self, question: Ask, paths: JobPaths) -> object:
        path = paths.out if question.stream == "stdout" else paths.err
        if question.before is not None:
            part = logs.before(path, question.before)
        elif question.offset is not None:
            part = logs.follow(path, question.offset, lambda seconds: self._looks_away(question, seconds))
        else:
            part = logs.tail(path)
        return {**part._asdict(), "path": path}

    def _looks_away(self, question: Ask, seconds: float) -> bool:
        """Waits, unless the view asks something else meanwhile: nobody waits for two logs."""
        return self._pause(seconds) or self._asked[_view(question)] != question.id


def _several(message: str) -> str:
    """The lines of a message."""
    return "\n".join(printable_lines(message, _MESSAGE_LINES))


def _view(question: Ask) -> str:
    """Who asks: the part of a question's id before its number."""
    return question.id.rpartition(":")[0]


def _named(state: State, keys: Iterable[JobKey]) -> list[dict[str, object]]:
    """Jobs for a list: those that failed first, as many as are named."""
    jobs = sorted((state.jobs[key] for key in keys), key=lambda job: not job.state.is_error())
    return [
        {
            "key": job.key,
            "task": words.task_name(job.task),
            "tags": [printable(str(value)) for value in job.tags.values()],
            "state": words.look(job.state, job.reason).word,
        }
        for job in jobs[:RELATED]
    ]


def _attempt(paths: JobPaths, n: int) -> dict[str, object]:
    begun = attempts.started(paths, n)
    outcome = attempts.ended(paths, n)
    state: Any = words.RUNNING.word if begun is not None else words.QUEUED.word
    if outcome is not None:
        state = {"done": words.DONE.word, "cancelled": words.KILLED.word}.get(
            outcome.status, words.FAILED.word
        )
    return {
        "n": n,
        "state": state,
        "started": begun[1] if begun is not None and begun[1] else None,
        "ended": outcome.t if outcome is not None and outcome.t else None,
        "worker": str(begun[0]) if begun is not None else "",
        "peak_memory": outcome.peak_memory if outcome is not None else None,
    }


def _text(path: str) -> str | None:
    """A source file, if it can be read."""
    try:
        data = files.read(path)
    except OSError:
        return None
    return None if data is None else data.decode("utf-8", "replace")
