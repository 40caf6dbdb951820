"""The messages of a widget reach Python while a cell is busy, and Python reaches the main thread.

Which route brings a message depends on the kernel and on the front-end (measured on 26 combinations):

1. *pin*, ipykernel 7.4 and later: the kernel sends the messages of a comm to the shell that published
   on it last. Our threads publish as the main shell, so that clicks would wait for its cell; the route
   that the front-end asked for is pinned on our comm.
2. *filter*, ipykernel 7 with a front-end that names no subshell (Notebook before 7.4, nbclassic): the
   kernel reads its socket in a thread; before its dispatcher, our own messages are taken out and given
   to a thread of ours.
3. *pump*, ipykernel 6: the main thread alone reads the socket. A wait of ours (`waiting`) calls `pump`
   several times a second, which dispatches the messages of comms and leaves the rest in its order.

Rules: what is not public in ipykernel is used here and nowhere else, is looked for before it is used,
and never raises: where a route is missing, a message waits for the end of the cell. Whoever takes a
message may be in any thread, and only hands it over.
"""

import asyncio
import contextlib
import contextvars
import inspect
import logging
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger("experimaestro.notebook")

Take = Callable[[object], None]
"""Takes the content of a message, in any thread, and returns at once"""

_taken: dict[str, Take] = {}
_beginning = threading.Lock()
_cells: "list[_Cell]" = []
"""Of the kernel whose messages come in a thread"""


def kernel() -> Any:
    """The kernel of the notebook that this process runs; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None)


def listen(widget: Any, take: Take) -> None:
    """Hands over what a front-end sends to a widget, also while a cell is busy where that can be done.

    Args:
        widget: An ipywidget.
        take: Called with the content of each custom message.
    """
    here, comm = kernel(), widget.comm
    cell = None
    if here is not None and comm is not None:
        _taken[comm.comm_id] = take
        if hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001 - the pin
        if getattr(here, "shell_channel_thread", None) is not None:
            cell = _begin(here)

    def usual(_widget: object, content: object, _buffers: object) -> None:
        take(content)
        if cell is not None and threading.current_thread() is not threading.main_thread():
            with contextlib.suppress(RuntimeError):  # another kernel may have no loop in its subshells
                asyncio.get_running_loop().call_soon(cell.say_busy)  # after the end of this message

    widget.on_msg(usual)


def forget(comm: Any) -> None:
    """Ends what `listen` began."""
    if comm is not None:
        _taken.pop(comm.comm_id, None)


def pump() -> None:
    """Dispatches the messages of comms that have come, in the main thread of ipykernel 6; else nothing."""
    here = kernel()
    waiting = getattr(here, "msg_queue", None)
    if waiting is None or threading.current_thread() is not threading.main_thread():
        return
    try:
        _pump(here, waiting)
    except Exception:  # not our code: a click that comes late is better than a wait that ends
        log.debug("messages could not be dispatched", exc_info=True)


def in_main_thread(work: Callable[[], None]) -> None:
    """Calls something in the main thread of the kernel, as soon as no cell runs there; at once elsewhere.

    Args:
        work: What to call.
    """
    loop = getattr(kernel(), "io_loop", None)
    if loop is None or threading.current_thread() is threading.main_thread():
        work()
    else:
        loop.add_callback(work)


# The filter.


def _begin(here: Any) -> "_Cell":
    """What is done once in a kernel that reads its socket in a thread."""
    with _beginning:
        if not _cells:
            _cells.append(_Cell(here))
            try:
                _filter(here, _cells[0])
            except AttributeError:
                log.debug("this kernel's messages cannot be filtered", exc_info=True)
        return _cells[0]


def _filter(here: Any, cell: "_Cell") -> None:
    stream, dispatch = here.shell_stream, here.shell_channel_thread_main
    loop = here.shell_channel_thread.io_loop
    inbox: queue.SimpleQueue[tuple[Take, object, Any]] = queue.SimpleQueue()

    def hand_over() -> None:
        while True:
            take, content, message = inbox.get()
            try:
                take(content)
            finally:  # the front-end waits for it before it sends more
                here._publish_status("idle", "shell", parent=message)  # noqa: SLF001 - what the dispatcher does
                cell.say_busy()

    async def first(parts: Any) -> None:
        ours = None
        with contextlib.suppress(Exception):  # not to be read: the dispatcher says so
            ours = _read(here, parts)
        if ours is None:
            await dispatch(parts)
        else:
            inbox.put(ours)

    # ipykernel 7.0 publishes only from threads that have the context of a cell
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(hand_over,), name="experimaestro-comm", daemon=True).start()
    loop.add_callback(lambda: stream.on_recv(first, copy=False))


class _Cell:
    """The cell that runs in the main thread, so that a kernel which is busy with it is shown as such.

    The end of a message of ours says "idle", which front-ends show for the kernel as a whole.
    """

    def __init__(self, here: Any) -> None:
        self._here = here
        self._lock = threading.Lock()
        self._parent: Any = None
        """The request of the cell that runs"""
        self._depth = 0
        """How many began in the main thread and have not ended: the cell, and what it has run"""
        if _is_in_cell():
            self._begin()  # the cell that shows the first view
        here.shell.events.register("pre_execute", self._begin)
        here.shell.events.register("post_execute", self._end)

    def say_busy(self) -> None:
        """Says that the kernel is busy, if a cell runs; its end says later that it is idle."""
        with self._lock:
            if self._parent:
                self._here._publish_status("busy", "shell", parent=self._parent)  # noqa: SLF001 - what the dispatcher does

    # Messages of comms call these too, in any thread, and so do cells that a cell runs. The end of one that
    # was interrupted may be missing: the next cell begins anew.

    def _begin(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        parent = self._here.get_parent("shell")
        is_cell = _header(parent).get("msg_type") == "execute_request"
        if is_cell and _header(parent).get("msg_id") != _header(self._parent).get("msg_id"):
            self._parent, self._depth = parent, 1
        else:
            self._depth += 1

    def _end(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._depth = max(0, self._depth - 1)
            if not self._depth:
                with self._lock:
                    self._parent = None


def _header(message: Any) -> dict[str, Any]:
    return (message or {}).get("header") or {}


def _is_in_cell() -> bool:
    """Whether a cell calls: not what it began and left behind, such as a task of the loop."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "run_cell_async":  # of IPython's shell
            return True
        frame = frame.f_back
    return False


def _read(here: Any, parts: Any) -> tuple[Take, object, Any] | None:
    """A message of ours that names no subshell; None for any other, which is only peeked at."""
    session = here.session
    _, rest = session.feed_identities(parts, copy=False)
    peeked = session.deserialize(rest, content=False, copy=False)
    if peeked["header"]["msg_type"] != "comm_msg" or peeked["header"].get("subshell_id") is not None:
        return None
    content = session.unpack(peeked["content"])
    take = _taken.get(content.get("comm_id"))
    data = content.get("data") or {}
    if take is None or data.get("method") != "custom":
        return None
    # Unpacked to the end, since that is what marks a message as received
    return take, data.get("content"), session.deserialize(rest, content=True, copy=False)


# The pump.


def _pump(here: Any, waiting: Any) -> None:
    import zmq  # ipykernel has it

    here.shell_stream.flush(zmq.POLLIN)
    parents = here._parent_ident  # noqa: SLF001 - to be put back: later prints belong to the waiting cell
    saved = (parents.get("shell"), here.get_parent("shell")) if isinstance(parents, dict) else None
    kept, dispatched = [], False
    while waiting.qsize():
        item = waiting.get_nowait()
        dispatch, arguments = item[-2], item[-1]
        if _kind(here, arguments[0]) not in {"comm_msg", "comm_open", "comm_close"}:
            kept.append(item)
            continue
        dispatched = True
        with contextlib.suppress(StopIteration):
            dispatch(*arguments).send(None)  # what handles a comm never waits
    for item in kept:
        waiting.put_nowait(item)
    if dispatched and saved is not None:
        here.set_parent(saved[0], saved[1], "shell")
        here._publish_status("busy", "shell")  # noqa: SLF001 - same


def _kind(here: Any, parts: Any) -> str:
    """What a message is; its signature is checked by the dispatcher."""
    try:
        _, rest = here.session.feed_identities(parts, copy=False)
        return str(here.session.unpack(rest[1].bytes)["msg_type"])
    except Exception:  # noqa: BLE001 - whatever it is, it is not for us
        return ""
