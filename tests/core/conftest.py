"""An experiment that only notes what is submitted, and errors as texts."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from experimaestro import Config
from experimaestro.core import context
from experimaestro.exceptions import ExperimaestroError


class Recorder:
    """Takes tasks over, and keeps what it was given."""

    workspace = "/ws"

    def __init__(self) -> None:
        self.actions: list[Config] = []
        self.received: list[context.Submission] = []

    def in_mode(self, mode: Any) -> "Recorder":
        raise NotImplementedError

    def submit(self, submission: context.Submission) -> None:
        self.received.append(submission)

    def job(self, key: str) -> Any:
        raise NotImplementedError

    def on_completed(self, key: str, callback: Callable[[], object]) -> None:
        raise NotImplementedError

    def watch(self, key: str, watch: context.Watch) -> None:
        raise NotImplementedError

    def add_action(self, action: Config) -> None:
        self.actions.append(action)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """The open experiment."""
    context.current = Recorder()
    yield context.current
    context.current = None


@pytest.fixture
def error_of() -> Callable[[Callable[[], Any]], str]:
    """Makes the whole text of what a call raises, with its class; `file.py:12` becomes `file.py:LINE`."""

    def text(call: Callable[[], Any]) -> str:
        with pytest.raises((ExperimaestroError, AssertionError, TypeError)) as raised:
            call()
        lines = re.sub(r"(\w+\.py):\d+", r"\1:LINE", str(raised.value))
        return f"{type(raised.value).__name__}: {lines}"

    return text
