"""Brings a run to any number of views, and takes what they ask and command.

How it works: each view says `hello` and gets the rows of the run once (`reset`, in parts), then, up
to seven times a second, what changed (`delta`, numbered, the same for all views). A view that missed
one says `hello` again with the last number that it has, and gets the missing ones, or everything if
they are not kept any more. `messages` has the words.

Rules: one thread, which lives while a view is open or a watcher is there, does all of it; the
scheduler only hands out rows (`table`, a limited number at a time), and what may wait for a disk runs
in a pool. A view that was not heard of for `LEASE_S` is forgotten. Nothing here knows how messages
travel: a connection is a function that takes one.
"""

import contextlib
import contextvars
import logging
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, TimeoutError as NotYet
from typing import Any, NamedTuple

from experimaestro.events.model import JobKey
from experimaestro.events.state import State
from experimaestro.monitor.answers import Answers, AskState
from experimaestro.monitor.commands import Commands, Control
from experimaestro.monitor.messages import (
    VERSION,
    Ask,
    Bye,
    Do,
    Hello,
    Message,
    Refused,
    Selected,
    read,
    refusal,
    reply,
)
from experimaestro.monitor.overview import Entry, Overview, Overviews
from experimaestro.monitor.rows import COLUMNS
from experimaestro.monitor.serving import Serving
from experimaestro.monitor.table import Look, Table
from experimaestro.scheduler.pool import DaemonPool
from experimaestro.scheduler.services import Services
from experimaestro.workspace.layout import JobPaths

log = logging.getLogger("experimaestro.monitor")

THREAD = "experimaestro-feed"
"""Name of the thread"""

PERIOD_S = 0.15
"""Time between two looks while a view is open, in seconds"""

OVERVIEW_S = 0.5
"""Time between two overviews while no view is open, and between two looks at services, in seconds"""

LEASE_S = 180.0
"""How long a view lives without a sign of it, in seconds: browsers slow a hidden page to one a minute"""

PART = 5000
"""Rows in one part of a reset"""

GRAPH_JOBS = 200
"""Up to so many jobs, a graph has one node for each; above, one for each task"""

_ANSWER_S = 5.0
"""How long a look waits for the scheduler before commands are served again, in seconds"""

_KEPT = 40
"""Deltas that are kept for views that missed one"""

_LOG = 500
"""Lines of the run's log that are kept"""

Send = Callable[[Message], None]
"""Gives a message to whoever is at the other end; must not block"""


class Title(NamedTuple):
    """What a view says of a run that never changes."""

    name: str
    run: str
    """Its name among the runs of the experiment"""
    workspace: str
    workers: int


class Source(NamedTuple):
    """A run, and what can be done to it."""

    title: Title
    ask: AskState
    """Asks a question of the state; see `scheduler.loop.Loop.ask`"""
    paths: Callable[[JobKey], JobPaths]
    """The files of a job, by its key"""
    control: Control | None = None
    """What commands do; None: the run can only be looked at"""
    services: Services | None = None
    holder: str = ""
    """The process that has the run, if this one has not, and waits for its end"""
    note: str = ""
    """What is told below the run"""


class _News(NamedTuple):
    """What one look found."""

    look: Look | None
    overview: Overview | None


class Connection:
    """One end of a wire: a widget's comm, or a page's socket. Any number of views may be behind it.

    Args:
        feed: What it is connected to.
        send: Gives a message to the views.
    """

    def __init__(self, feed: "Feed", send: Send) -> None:
        self.send = send
        self._feed = feed

    def receive(self, content: object) -> None:
        """Takes what a view sent, in any thread; returns at once.

        Args:
            content: Anything that came out of JSON.
        """
        self._feed.put((self, content))

    def close(self) -> None:
        """Ends all views behind it."""
        self._feed.put((self, None))


class Feed:
    """The feed of one run.

    Args:
        source: The run.
        selected: Called in the feed's thread with the jobs that are marked in a view, whenever others are.
    """

    def __init__(self, source: Source, selected: Callable[[list[JobKey]], None] | None = None) -> None:
        self._selected = selected
        self._stopping = threading.Event()
        self._inbox: queue.SimpleQueue[tuple[Connection | None, object]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._watchers: list[Callable[[Overview], None]] = []
        # Of the thread:
        self._views: dict[tuple[Connection, str], float] = {}
        self._source = source
        self._take_on(source)

    # What other threads call.

    def connect(self, send: Send) -> Connection:
        """Adds a wire.

        Args:
            send: Called in the feed's thread; a wire that raises is taken away.
        """
        return Connection(self, send)

    def watch(self, watcher: Callable[[Overview], None]) -> None:
        """Calls somebody in the feed's thread with each overview, twice a second, until `close`."""
        self._watchers.append(watcher)
        self.put((None, None))

    def follow(self, source: Source) -> None:
        """Shows another run from now on, to the same views.

        Args:
            source: The run.
        """
        self.put((None, source))

    def put(self, item: tuple[Connection | None, object]) -> None:
        """Hands something to the thread, which is started if there is none."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._inbox.put(item)
            if self._thread is None:
                # ipykernel 7.0 publishes only from threads that have the context of a cell
                run = contextvars.copy_context().run
                self._thread = threading.Thread(target=run, args=(self._live,), name=THREAD, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends all views, for ever."""
        with self._lock:
            self._stopping.set()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._inbox.put((None, None))
            thread.join(_ANSWER_S)

    # The thread.

    def _take_on(self, source: Source) -> None:
        """Begins with a run."""
        self._source = source
        self._serving = Serving(source.services)
        self._answers = Answers(source.ask, source.paths, self._stopping.wait)
        # What was done stays done, whatever the numbering: a command may come twice over an hour
        self._commands = Commands(source.control, self)
        self._begin()

    def _begin(self) -> None:
        """Begins a numbering."""
        self._epoch = uuid.uuid4().hex[:12]
        self._seq = 0
        title = self._source.title
        run = f"{title.name}/{title.run}"
        self._table = Table(run)
        self._overviews = Overviews(
            run, title.workspace, title.workers, self._source.holder, self._source.note
        )
        self._overview: Overview | None = None
        self._told_at = -OVERVIEW_S
        self._kept: deque[Message] = deque(maxlen=_KEPT)
        self._log: deque[Entry] = deque(maxlen=_LOG)
        self._services: list[dict[str, Any]] = []
        self._pending: Future[_News] | None = None

    def _live(self) -> None:
        self._pool = DaemonPool(8, "experimaestro-view")
        try:
            while True:
                try:
                    while not self._is_idle():
                        self._turn()
                except Exception:  # an error of ours: the run goes on, and a view that asks begins anew
                    log.exception("the feed of %s failed", self._source.title.name)
                    self._views.clear()
                self._leave()
                with self._lock:
                    if self._stopping.is_set() or self._inbox.empty():
                        self._thread = None
                        return
        finally:
            self._pool.shutdown(wait=False)  # one may wait for a disk

    def _is_idle(self) -> bool:
        return self._stopping.is_set() or not (self._views or self._watchers or not self._inbox.empty())

    def _leave(self) -> None:
        """Lets go of the state; who comes later begins a new numbering."""
        table = self._table
        with contextlib.suppress(NotYet, RuntimeError):
            self._source.ask(table.close).result(_ANSWER_S)
        self._begin()

    def _turn(self) -> None:
        """One turn: what came in, then what changed."""
        hellos = self._receive()
        t = time.monotonic()
        for view, heard in list(self._views.items()):
            if t - heard > LEASE_S:
                del self._views[view]
        more = True
        while more and not self._stopping.is_set():
            more = self._look(with_rows=bool(self._views or hellos))
            for view, hello in hellos.items():
                self._views[view] = t
                self._greet(*view, hello)
            hellos = {}

    def _receive(self) -> "dict[tuple[Connection, str], Hello]":
        """Takes what comes in until the next look is due; at once if a view says hello."""
        hellos: dict[tuple[Connection, str], Hello] = {}
        end = time.monotonic() + (PERIOD_S if self._views else OVERVIEW_S)
        while (left := end - time.monotonic()) > 0 and not hellos:
            try:
                connection, content = self._inbox.get(timeout=left)
            except queue.Empty:
                break
            if connection is None:
                if isinstance(content, Source):
                    self._leave()
                    self._take_on(content)
                break
            if content is None:
                for view in [view for view in self._views if view[0] is connection]:
                    del self._views[view]
            else:
                self._take(connection, content, hellos)
        return hellos

    def _take(
        self, connection: Connection, content: object, hellos: "dict[tuple[Connection, str], Hello]"
    ) -> None:
        try:
            message = read(content)
        except Refused as error:
            log.debug("%s: %.200r", error, content)
            identifier = content.get("id") if isinstance(content, dict) else None
            if isinstance(identifier, str):
                self._send(connection, refusal(identifier, str(error)))
            return
        if isinstance(message, Hello):
            hellos[connection, message.view] = message
        elif isinstance(message, Bye):
            self._views.pop((connection, message.view), None)
        elif isinstance(message, Do):
            if message.do in {"start service", "stop service"}:
                self._in_pool(connection, lambda: self._serving.perform(message))
                return
            self._send(connection, self._commands.perform(message))
        elif isinstance(message, Selected):
            keys = self.in_rows(message.epoch, message.rows)
            if keys is not None and self._selected is not None:  # else the view is about to get other rows
                self._selected(keys)
        else:
            self._answer(connection, message)

    # Rows.

    def _look(self, *, with_rows: bool) -> bool:
        """Sends what changed to all views; whether there is more."""
        if self._pending is None:
            wants_overview = with_rows or time.monotonic() - self._told_at >= OVERVIEW_S
            if not (with_rows or wants_overview):
                return False
            table = self._table if with_rows else None
            overviews = self._overviews if wants_overview else None
            now = time.time()

            def question(state: State) -> _News:
                return _News(
                    None if table is None else table.look(state),
                    None if overviews is None else overviews.look(state, now),
                )

            self._pending = self._source.ask(question)
        try:
            news = self._pending.result(_ANSWER_S)
        except NotYet:
            return False  # the scheduler is busy
        self._pending = None
        self._publish(news)
        return news.look is not None and news.look.more

    def _publish(self, news: _News) -> None:
        delta: Message = {"t": "delta", "epoch": self._epoch, "seq": self._seq + 1}
        if news.look is not None:
            change = self._table.fold(news.look)
            if change.set:
                delta["set"] = change.set
            if change.add:
                delta["add"] = change.add
        if news.overview is not None:
            delta.update(self._head(news.overview))
        if len(delta) == 3 or not self._views:
            return
        self._seq += 1
        self._kept.append(delta)
        for connection in dict.fromkeys(connection for connection, _ in self._views):
            self._send(connection, delta)

    def _head(self, overview: Overview) -> Message:
        """What is new in an overview; watchers are told all of it, and services looked at, less often."""
        news: Message = {}
        before, self._overview = self._overview, overview
        if overview.entries:
            self._log.extend(overview.entries)
            news["log"] = overview.entries
        if before is None or _differ(before, overview):
            news["run"] = overview.message()
        if time.monotonic() - self._told_at >= OVERVIEW_S:
            self._told_at = time.monotonic()
            services = self._serving.rows()
            if services != self._services:
                self._services = news["services"] = services
            self._tell(overview)
        return news

    def _tell(self, overview: Overview) -> None:
        for watcher in self._watchers:
            try:  # each alone: a user's observer may be behind it
                watcher(overview)
            except Exception:  # noqa: PERF203 - of whoever watches
                log.exception("a watcher of %s failed", self._source.title.name)

    def _greet(self, connection: Connection, view: str, hello: Hello) -> None:
        """Gives a view what it has not."""
        if hello.v != VERSION:
            self._send(connection, {"t": "old", "to": view})
            return
        if hello.epoch == self._epoch and 0 <= hello.seq <= self._seq:
            missing = [delta for delta in self._kept if delta["seq"] > hello.seq]
            if len(missing) == self._seq - hello.seq:
                for delta in missing:
                    self._send(connection, {**delta, "to": view})
                if not missing:  # a sign of life is answered by one
                    self._send(connection, {"t": "delta", "to": view, "epoch": self._epoch, "seq": self._seq})
                return
        rows = self._table.rows
        parts = max(1, -(-len(rows) // PART))
        for part in range(parts):
            message: Message = {
                "t": "reset", "to": view, "epoch": self._epoch, "seq": self._seq,
                "part": part, "parts": parts, "rows": rows[part * PART : (part + 1) * PART],
            }  # fmt: skip
            if part == 0:
                message["cols"] = COLUMNS
                message["title"] = self._source.title._asdict()
                message["run"] = None if self._overview is None else self._overview.message()
                message["log"] = list(self._log)
                message["services"] = self._services
                message["commands"] = self._source.control is not None
            self._send(connection, message)

    def _send(self, connection: Connection, message: Message) -> None:
        try:
            connection.send(message)
        except Exception:  # a wire is somebody else's code: one that fails must not end the others
            log.warning("a view cannot be reached any more", exc_info=True)
            for view in [view for view in self._views if view[0] is connection]:
                del self._views[view]

    # Questions and commands.

    def state_of(self, key: JobKey) -> str | None:
        """See `commands.Jobs`."""
        return self._table.state_of(key)

    def in_states(self, states: Sequence[str]) -> list[JobKey]:
        """See `commands.Jobs`."""
        return self._table.in_states(states)

    def in_rows(self, epoch: str, rows: Sequence[tuple[int, int]]) -> list[JobKey] | None:
        """See `commands.Jobs`."""
        return self._table.in_rows(rows) if epoch == self._epoch else None

    def _answer(self, connection: Connection, question: Ask) -> None:
        if question.ask == "graph":
            self._send(connection, reply(question.id, self._graph()))
            return
        about_service = {"link": self._serving.link, "service log": self._serving.log}.get(question.ask)
        if about_service is None and self._table.state_of(question.job) is None:
            self._send(connection, refusal(question.id, f"this run has no job {question.job!r}"))
            return

        def work() -> Message:
            try:
                if about_service is not None:
                    return reply(question.id, about_service(question.service))
                return reply(question.id, self._answers.answer(question))
            except Refused as error:
                return refusal(question.id, str(error))
            except Exception as error:  # of a file that is not as expected: who asked must not wait for ever
                log.exception("a question about %s failed", question.job or question.service)
                return refusal(question.id, f"this cannot be shown: {type(error).__name__}: {error}")

        self._in_pool(connection, work)

    def _in_pool(self, connection: Connection, work: Callable[[], Message]) -> None:
        """Sends what a function answers that may wait for a disk or for a service."""

        def answer() -> None:
            message = work()
            if not self._stopping.is_set():
                self._send(connection, message)

        self._pool.submit(answer)

    def _graph(self) -> Message:
        """Who needs whom: by numbers of rows, or by tasks where there are many jobs."""
        few = len(self._table.rows) <= GRAPH_JOBS
        return {"jobs": self._table.edges() if few else None, "tasks": self._table.tasks()}


def _differ(before: Overview, after: Overview) -> bool:
    """Whether a view shows something else; that time goes by, it knows itself."""
    a, b = before.snapshot, after.snapshot
    same_rest = (a.remaining is None) == (b.remaining is None) and (
        a.remaining is None or b.remaining is None or abs(a.remaining - b.remaining) < 5
    )
    return not (
        same_rest
        and before.status == after.status
        and a.tally == b.tally
        and before.ended == after.ended
        and a.trouble == b.trouble
        and before.paused == after.paused
    )
