"""What a view may do to a run: each command is checked, done once, and answered.

Rules: a command only hands over to the scheduler and waits for nothing; the same id is the same
command, however often it comes; a command that names a job that nobody knows is refused as a
whole; a job for which it makes no sense any more (it ended meanwhile) is left out and counted.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from experimaestro.events.model import JobKey
from experimaestro.exceptions import ExperimaestroError
from experimaestro.monitor import words
from experimaestro.monitor.messages import Do, Message, refusal, reply

REMEMBERED = 1000
"""Commands whose answer is kept for the case that they come again"""

KILLABLE = frozenset((words.RUNNING.word, words.QUEUED.word, words.WAITING.word))
"""Words of the states in which a job can be killed"""

RETRYABLE = frozenset((words.FAILED.word, words.KILLED.word, words.SKIPPED.word))
"""Words of the states in which a job can be run again"""


class Control(Protocol):
    """What commands do: an open run, or one that another process has.

    Each method may be called in any thread, only hands over, and does nothing to jobs for which it
    makes no sense any more. An `ExperimaestroError` says why it cannot be done at all.
    """

    def kill(self, jobs: Sequence[JobKey]) -> None:
        """Ends jobs; those that need them are skipped."""

    def retry(self, jobs: Sequence[JobKey]) -> None:
        """Runs failed jobs again, and those that were skipped because of them."""

    def stop(self) -> None:
        """Starts no new job; those that run go on."""

    def continue_task(self, task: str) -> None:
        """Starts jobs again of a task that was paused since its jobs failed at once."""


class Jobs(Protocol):
    """What commands know of jobs."""

    def state_of(self, key: JobKey) -> str | None:
        """Word of a job's state; None if the run has no such job."""

    def in_states(self, states: Sequence[str]) -> list[JobKey]:
        """The jobs in these states, in the order of submission."""

    def in_rows(self, epoch: str, rows: Sequence[tuple[int, int]]) -> list[JobKey] | None:
        """The jobs of ranges of rows of a numbering; None if there are no such rows (any more)."""


class Commands:
    """Performs commands.

    Args:
        control: What they do; None: the run can only be looked at.
        jobs: The jobs of the run.
    """

    def __init__(self, control: Control | None, jobs: Jobs) -> None:
        self._control = control
        self._jobs = jobs
        self._answers: OrderedDict[str, Message] = OrderedDict()

    def perform(self, command: Do) -> Message:
        """Does a command, unless it was done before.

        Args:
            command: What a view sent.

        Returns:
            The answer for the view; `data` says how many jobs it concerns.
        """
        known = self._answers.get(command.id)
        if known is not None:
            return known
        answer = self._perform(command)
        self._answers[command.id] = answer
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return answer

    def _perform(self, command: Do) -> Message:
        if self._control is None:
            return refusal(command.id, "this run is over: it can be looked at, run the same code to go on")
        try:
            return self._hand_over(self._control, command)
        except ExperimaestroError as error:
            return refusal(command.id, str(error))

    def _hand_over(self, control: Control, command: Do) -> Message:
        if command.do == "stop":
            control.stop()
            return reply(command.id)
        if command.do == "continue":
            control.continue_task(command.task)
            return reply(command.id)
        if command.do == "kill all":
            control.stop()
            running = self._jobs.in_states([words.RUNNING.word, words.QUEUED.word])
            control.kill(running)
            return reply(command.id, {"jobs": len(running), "left_out": 0})
        possible = KILLABLE if command.do == "kill" else RETRYABLE
        named = self._named(command)
        if named is None:
            return refusal(command.id, "the rows of the table are others now: choose again")
        unknown = [key for key in named if self._jobs.state_of(key) is None]
        if unknown:
            return refusal(command.id, f"this run has no job {unknown[0]!r}")
        chosen = [key for key in named if self._jobs.state_of(key) in possible]
        if chosen:
            (control.kill if command.do == "kill" else control.retry)(chosen)
        return reply(command.id, {"jobs": len(chosen), "left_out": len(named) - len(chosen)})

    def _named(self, command: Do) -> list[JobKey] | None:
        if command.jobs is not None:
            return list(dict.fromkeys(command.jobs))
        if command.rows is not None:
            return self._jobs.in_rows(command.epoch, command.rows)
        return self._jobs.in_states(command.states or [])
