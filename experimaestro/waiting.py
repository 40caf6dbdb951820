"""Every blocking wait, and its awaitable twin.

Rules: a wait ends within `SLICE_S` of an Interrupt; it never holds a lock; interrupting it stops
nothing but the wait. This is the only module that imports nest_asyncio: a blocking wait inside a
running event loop (an `async def main()`, IPython's terminal, a cell of ipykernel 6) lets the other
coroutines of the caller go on. Where the loop cannot be nested, the wait blocks it, in slices: so in
ipykernel 7 and later, whose own loop would break; there `await` lets them go on, which is said once
to whoever has some.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable

SLICE_S = 0.1
"""Longest sleep, in seconds"""

_advised = False


def wait(event: threading.Event, on_slice: Callable[[], None] = lambda: None) -> None:
    """Blocks until an event is set.

    Args:
        event: What to wait for.
        on_slice: Called in this thread about every `SLICE_S`.

    Raises:
        KeyboardInterrupt: The user interrupted the wait.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    if loop is not None:
        task = asyncio.current_task(loop)

        def look() -> None:
            # asyncio.run turns an Interrupt into the cancelling of a task that cannot notice it here
            if task is not None and sys.version_info >= (3, 11) and task.cancelling():
                raise KeyboardInterrupt
            on_slice()

        if _is_kernels():
            _advise(loop)
        elif _nest(loop):
            loop.run_until_complete(wait_async(event, look))
            return
        while not event.wait(SLICE_S):
            look()
        return
    while not event.wait(SLICE_S):
        on_slice()


async def wait_async(event: threading.Event, on_slice: Callable[[], None] = lambda: None) -> None:
    """Waits until an event is set, while the caller's other coroutines go on.

    Args:
        event: What to wait for.
        on_slice: Called about every `SLICE_S`.
    """
    pause = 0.001
    while not event.is_set():
        await asyncio.sleep(pause)
        pause = min(pause * 2, SLICE_S)
        on_slice()


def is_of_cell() -> bool:
    """Whether this is the task in which a notebook runs a cell: Interrupt cancels it."""
    return "ipykernel.kernelapp" in sys.modules and not _is_users(asyncio.current_task())


def _is_kernels() -> bool:
    """Whether a running loop is that of ipykernel 7 or later: cells run in tasks of it."""
    app = sys.modules.get("ipykernel.kernelapp")
    if app is None or threading.current_thread() is not threading.main_thread():
        return False
    return bool(app.IPKernelApp.initialized()) and int(sys.modules["ipykernel"].version_info[0]) >= 7


def _advise(loop: asyncio.AbstractEventLoop) -> None:
    """Says once that tasks of the user's own wait as well."""
    global _advised  # noqa: PLW0603 - once in a process
    others = asyncio.all_tasks(loop) - {asyncio.current_task()}
    if _advised or not any(map(_is_users, others)):
        return
    _advised = True
    sys.stderr.write("experimaestro: your other tasks wait as well: `await xp` keeps them running\n")


def _is_users(task: "asyncio.Task[object] | None") -> bool:
    """Whether a task runs code of a cell; the one that runs the cell itself is IPython's."""
    code = None if task is None else getattr(task.get_coro(), "cr_code", None)
    return code is not None and "ipykernel_" in code.co_filename


def _nest(loop: asyncio.AbstractEventLoop) -> bool:
    """Makes a running loop able to run again inside itself; says whether it can."""
    if os.environ.get("XPM_NESTED_LOOP") == "off" or sys.version_info >= (3, 14):
        return False
    if not isinstance(loop, asyncio.BaseEventLoop):
        return False
    import nest_asyncio  # only who waits inside a loop pays for it

    try:
        nest_asyncio.apply(loop)
    except (ValueError, RuntimeError):
        return False
    return True
