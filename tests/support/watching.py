"""A run that a feed shows, and the other end of the wire: a view that does as the front-end does."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from experimaestro.events.state import State, check
from experimaestro.monitor.feed import Feed, Source, Title
from experimaestro.monitor.messages import VERSION, Message
from experimaestro.monitor.rows import row
from experimaestro.workspace.layout import JobPaths
from polling import wait_until
from study import Study

T = TypeVar("T")


class Watched:
    """A study whose state only one thread at a time touches, as with the scheduler."""

    def __init__(self) -> None:
        self.study = Study()
        self.asked = 0
        self._lock = threading.RLock()

    def ask(self, question: Callable[[State], T], /) -> "Future[T]":
        answer: Future[T] = Future()
        with self._lock:
            self.asked += 1
            answer.set_result(question(self.study.state))
        return answer

    @contextmanager
    def changing(self) -> Iterator[Study]:
        with self._lock:
            yield self.study
            check(self.study.state)

    def rows(self) -> list[list[object]]:
        """What every view has to show."""
        with self._lock:
            state = self.study.state
            return [row(state, state.jobs[key]) for key in state.runs[self.study.run].jobs]


class Commanded:
    """What the commands of views did."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def kill(self, jobs: Sequence[str]) -> None:
        self.calls.append(("kill", *jobs))

    def retry(self, jobs: Sequence[str]) -> None:
        self.calls.append(("retry", *jobs))

    def stop(self) -> None:
        self.calls.append(("stop",))

    def continue_task(self, task: str) -> None:
        self.calls.append(("continue", task))


class View:
    """A view: says hello, follows the deltas, asks again where one is missing."""

    def __init__(self, feed: Feed, name: str = "view") -> None:
        self.name = name
        self.received: list[Message] = []
        self.rows: list[list[Any]] = []
        self.run: dict[str, Any] = {}
        self.log: list[Any] = []
        self.epoch = ""
        self.seq = -1
        self.resets = 0
        self.parts: list[int] = []
        self.lose: Callable[[Message], bool] = lambda _: False
        self.replies: dict[str, Message] = {}
        self.wire = feed.connect(self.receive)
        self.hello()

    def hello(self) -> None:
        self.wire.receive(
            {"t": "hello", "v": VERSION, "view": self.name, "epoch": self.epoch, "seq": self.seq}
        )

    def send(self, **message: Any) -> None:
        self.wire.receive(message)

    def request(self, **message: Any) -> Message:
        """Sends a question or command and waits for the reply."""
        message.setdefault("id", f"{self.name}:{len(self.replies)}")
        self.send(**message)
        wait_until(lambda: message["id"] in self.replies, what=f"a reply to {message}")
        return self.replies[message["id"]]

    def receive(self, message: Message) -> None:
        if self.lose(message):
            return
        self.received.append(message)
        if message.get("to") not in {None, self.name}:
            return
        if message["t"] == "reply":
            self.replies[message["id"]] = message
        elif message["t"] == "reset":
            self._reset(message)
        elif message["t"] == "delta":
            self._delta(message)

    def _reset(self, message: Message) -> None:
        if message["part"] == 0:
            self.rows = []
            self.resets += 1
            self.run, self.log = message["run"] or {}, list(message["log"])
        self.parts.append(len(message["rows"]))
        self.rows += [list(one) for one in message["rows"]]
        if message["part"] == message["parts"] - 1:
            self.epoch, self.seq = message["epoch"], message["seq"]

    def _delta(self, message: Message) -> None:
        if message["epoch"] != self.epoch or message["seq"] > self.seq + 1:
            self.hello()
            return
        if message["seq"] <= self.seq:
            return
        self.seq = message["seq"]
        for number, column, value in message.get("set", ()):
            self.rows[number][column] = value
        self.rows += [list(one) for one in message.get("add", ())]
        self.run = message.get("run", self.run)
        self.log += message.get("log", ())

    def wait_for(self, watched: Watched) -> None:
        """Waits until it shows what is."""
        wait_until(lambda: self.rows == watched.rows() and self.seq >= 0, what="the view shows what is")


def source_of(watched: Watched, workspace: Path | str = "/runs", control: Commanded | None = None) -> Source:
    """A study as what a feed shows."""
    name, _, run = watched.study.run.partition("/")
    title = Title(name=name, run=run, workspace=str(workspace), workers=2)
    return Source(title, watched.ask, lambda key: JobPaths.of(str(workspace), key), control)


def feed_of(watched: Watched, workspace: Path | str = "/runs", control: Commanded | None = None) -> Feed:
    """A feed of a study."""
    return Feed(source_of(watched, workspace, control))
