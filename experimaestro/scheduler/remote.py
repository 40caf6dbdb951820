"""A run that another process owns, as this one sees and commands it.

Rules: what is known comes from the journal of the run, read when somebody asks; what is wanted goes into
its inbox. Nothing here waits for an answer.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from experimaestro.events.model import JobKey
from experimaestro.events.state import State
from experimaestro.exceptions import ExperimentStopped
from experimaestro.workspace import inbox
from experimaestro.workspace.reader import RunReader

READ_S = 0.2
"""How often the journal is read at most, in seconds"""

T = TypeVar("T")


class RemoteRun:
    """A run of another process: `ask` as of a scheduler, commands as of an open run.

    Args:
        reader: The run.
    """

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._read_at = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether the process that owns the run may still be there."""
        with self._lock:
            return self._reader.is_alive

    def ask(self, question: Callable[[State], T]) -> "Future[T]":
        """Asks something of what is known now.

        Args:
            question: Called once, with the state, in this thread.

        Returns:
            The answer, or the error of reading the journal.
        """
        answer: Future[T] = Future()
        with self._lock:
            try:
                if time.monotonic() - self._read_at > READ_S:
                    self._reader.refresh()
                    self._read_at = time.monotonic()
                answer.set_result(question(self._reader.state))
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                answer.set_exception(error)
        return answer

    def kill(self, jobs: Sequence[JobKey]) -> None:
        """See `OpenRun.kill`.

        Raises:
            ExperimentStopped: Nobody would do it.
        """
        self._send(inbox.Command("kill", jobs=tuple(jobs)))

    def retry(self, jobs: Sequence[JobKey]) -> None:
        """See `OpenRun.retry`.

        Raises:
            ExperimentStopped: Nobody would do it.
        """
        self._send(inbox.Command("retry", jobs=tuple(jobs)))

    def stop(self) -> None:
        """See `OpenRun.stop`.

        Raises:
            ExperimentStopped: Nobody would do it.
        """
        self._send(inbox.Command("stop"))

    def continue_task(self, task: str) -> None:
        """See `OpenRun.continue_task`.

        Raises:
            ExperimentStopped: Nobody would do it.
        """
        self._send(inbox.Command("continue", task=task))

    def stop_service(self, service: str) -> None:
        """Has a service of the run stopped.

        Raises:
            ExperimentStopped: Nobody would do it.
        """
        self._send(inbox.Command("stop service", service=service))

    def _send(self, command: inbox.Command) -> None:
        run = self._reader.run
        if not self.is_alive:
            raise ExperimentStopped(
                f"the process of the run {run.id} ({run.owner}) is gone: run the same code again to go on"
            )
        try:
            inbox.send(self._reader.paths, command)
        except OSError as error:
            raise ExperimentStopped(f"the run {run.id} cannot be told: {error}") from None
