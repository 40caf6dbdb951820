"""Experiments of this process whose run another process has: they begin when that run ends.

Rules: in one process, the folder of a workspace and a name stand for one hold, as for one open run; giving
it up is for all who share it. A hold ends once: with a run, with an error, or given up. It is a `Submitter`
that takes nothing, so that tasks do not go into the run of another experiment meanwhile.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from experimaestro import waiting
from experimaestro.exceptions import SubmissionError, WaitInterrupted
from experimaestro.scheduler import lifetime

PERIOD_S = 0.5
"""How often it is tried to begin, in seconds"""

_holds: "dict[tuple[str, str], Hold]" = {}


class Claim(NamedTuple):
    """What an experiment does when its turn comes."""

    begin: Callable[[], bool]
    """Opens the run, or joins it; whether that could be done"""
    over: Callable[[], None]
    """Called when the hold has ended, however it did"""


class Hold:
    """Waits in a thread for the end of a run of another process.

    Args:
        workspace: Real path of the workspace's folder.
        name: Name of the experiment.
    """

    def __init__(self, workspace: str, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self.holder = lifetime.holder(workspace, name)
        """The other process, in words"""
        self.over = threading.Event()
        self.error: Exception | None = None
        """Why the run could not begin"""
        self.is_given_up = False
        self._claims: list[Claim] = []

    def refusal(self) -> str:
        """Why nothing can be done with the experiment now."""
        if self.error is not None:
            return f"the experiment {self.name!r} could not begin: {self.problem()}"
        return (
            f"the experiment {self.name!r} is open in {self.holder}: this one begins when that one ends, and "
            "takes no task before. stop() gives it up"
        )

    def problem(self) -> str:
        """What was wrong, and what to do."""
        return f"{str(self.error).rstrip('.') or type(self.error).__name__}. Then call start() again"

    def wait(self, claim: Claim, on_slice: Callable[[], None]) -> None:
        """Blocks until the hold has ended. If it is interrupted, the experiment is taken out.

        Args:
            claim: Of the experiment.
            on_slice: See `waiting.wait`.

        Raises:
            KeyboardInterrupt: The wait was interrupted, or the hold given up.
            Exception: The run could not begin.
        """
        try:
            waiting.wait(self.over, on_slice)
        except KeyboardInterrupt:
            self._leave(claim)
            raise self._interrupted() from None
        self._raise()

    async def wait_async(self, claim: Claim, on_slice: Callable[[], None]) -> None:
        """Waits until the hold has ended, while other coroutines go on. See `wait`."""
        try:
            await waiting.wait_async(self.over, on_slice)
        except asyncio.CancelledError:
            await asyncio.to_thread(self._leave, claim)
            if waiting.is_of_cell():
                raise self._interrupted() from None
            raise
        self._raise()

    def give_up(self) -> None:
        """Ends the hold, for all who share it."""
        with lifetime.lock:
            if not self.over.is_set():
                self.is_given_up = True
                self._end()

    def _leave(self, claim: Claim) -> None:
        """Takes an experiment out; without any, the hold is given up."""
        with lifetime.lock:
            if self._claims == [claim]:
                self.give_up()
            elif claim in self._claims:
                self._claims.remove(claim)
                claim.over()

    def _interrupted(self) -> WaitInterrupted:
        return WaitInterrupted(None, f"waiting for {self.holder} was interrupted: nothing was started")

    def _raise(self) -> None:
        if self.error is not None:
            raise self.error
        if self.is_given_up:
            raise WaitInterrupted(None, f"waiting for {self.holder} was stopped: nothing was started")

    def _live(self) -> None:
        while not self.over.wait(PERIOD_S):
            with lifetime.lock:
                self._try()

    def _try(self) -> None:
        if self.over.is_set():
            return
        try:
            begun = [claim.begin() for claim in self._claims]  # the first opens the run, the others join
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            self.error = error
        else:
            if not all(begun):
                return
        self._end()

    def _end(self) -> None:
        if self.over.is_set():
            return
        _holds.pop((self.workspace, self.name), None)
        claims, self._claims = self._claims, []
        try:
            for claim in claims:
                claim.over()
        finally:
            self.over.set()

    # The `Submitter`.

    def _refuse(self, *_: Any) -> NoReturn:
        raise SubmissionError(self.refusal())

    in_mode = submit = job = on_completed = watch = add_action = _refuse


def begin_or_hold(workspace: str, name: str, claim: Claim) -> Hold | None:
    """Begins an experiment if that can be done now. To be called with `lifetime.lock` held.

    Args:
        workspace: Real path of the workspace's folder.
        name: Name of the experiment.
        claim: What is done when its turn comes.

    Returns:
        What it waits for; None if it has begun.

    Raises:
        WorkspaceError: The folder cannot be a workspace.
    """
    found = _holds.get((workspace, name))
    if claim.begin():
        if found is not None:
            found._try()  # noqa: SLF001 - our own: the others join
        return None
    if found is None:
        found = _holds[workspace, name] = Hold(workspace, name)
        threading.Thread(target=found._live, name="experimaestro-held", daemon=True).start()  # noqa: SLF001 - same
    if claim not in found._claims:  # noqa: SLF001 - same
        found._claims.append(claim)  # noqa: SLF001 - same
    return found


def leave() -> None:
    """At the exit of the process: nothing begins any more. Waits for no lock, which a slow disk may keep."""
    for one in list(_holds.values()):
        one.over.set()


def forget() -> None:
    """In a process that the user forked: nobody waits there."""
    _holds.clear()
