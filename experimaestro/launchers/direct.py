"""Jobs as processes of this machine.

`DirectLauncher` is what users give to a task; `LocalProcesses` starts and watches the processes of a
workspace. Each is started by exec in a session of its own (an Interrupt in a terminal or notebook reaches
only its own process group), with standard input closed. Its end comes from the kernel through a
pidfd; where there is none (macOS) the children are polled.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import Executor

from experimaestro.connectors.base import Connector
from experimaestro.connectors.local import LocalConnector
from experimaestro.launchers.base import Launcher
from experimaestro.launchers.processes import Gone, Refused, Spec
from experimaestro.workspace.processes import open_pidfd

POLL_S = 0.02
"""How often children are polled where there is no pidfd, in seconds"""


class DirectLauncher(Launcher):
    """This machine, as what runs a task: `task.submit(launcher=DirectLauncher())`.

    Args:
        connector: This machine, `LocalConnector.instance()`; None: the same.
        priority: See `Launcher`.
    """

    def __init__(self, connector: Connector | None = None, *, priority: int = 0) -> None:
        super().__init__(LocalConnector.instance() if connector is None else connector, priority=priority)


class LocalProcesses:
    """Starts the jobs of a workspace on this machine, and sees them end.

    Args:
        workers: How many at once.
        pool: Threads in which processes are started.
    """

    name = "direct"

    def __init__(self, workers: int, pool: Executor) -> None:
        self.limit: int | None = workers
        self._pool = pool
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._pidfds: dict[int, str] = {}
        self._polled: set[str] = set()
        self._poller: asyncio.Task[None] | None = None
        self._gone: list[Gone] = []
        self._killed: dict[str, asyncio.TimerHandle] = {}
        self._news = asyncio.Event()

    async def start(self, batch: Sequence[Spec]) -> Sequence[str | Refused | OSError]:
        """See `Processes.start`."""
        loop = asyncio.get_running_loop()
        started = await loop.run_in_executor(self._pool, lambda: [_spawn(spec) for spec in batch])
        refs: list[str | Refused | OSError] = []
        for child in started:
            if not isinstance(child, subprocess.Popen):
                refs.append(child)
                continue
            ref = str(child.pid)
            self._children[ref] = child
            descriptor = open_pidfd(child.pid)
            if descriptor is None:
                self._polled.add(ref)
                self._poller = self._poller or asyncio.create_task(self._poll())
            else:
                self._pidfds[descriptor] = ref
                loop.add_reader(descriptor, self._pidfd_ready, descriptor)
            refs.append(ref)
        return refs

    async def ended(self) -> Sequence[Gone]:
        """See `Processes.ended`."""
        await self._news.wait()
        self._news.clear()
        gone, self._gone = self._gone, []
        return gone

    async def kill(self, refs: Sequence[str], grace_s: float) -> None:
        """See `Processes.kill`."""
        loop = asyncio.get_running_loop()
        for ref in refs:
            child = self._children.get(ref)
            if child is not None and ref not in self._killed:
                self._killed[ref] = loop.call_later(grace_s, os.killpg, child.pid, signal.SIGKILL)
                os.kill(child.pid, signal.SIGTERM)

    async def close(self) -> None:
        """See `Processes.close`."""
        for timer in self._killed.values():
            timer.cancel()
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller
        for descriptor in self._pidfds:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
        self._pidfds.clear()
        for child in self._children.values():
            # They go on without us: without this, Python warns of a child that still runs.
            child.returncode = 0
        self._children.clear()

    def _pidfd_ready(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self._reap(self._pidfds.pop(descriptor))

    async def _poll(self) -> None:
        while self._polled:
            await asyncio.sleep(POLL_S)
            for ref in [ref for ref in self._polled if self._children[ref].poll() is not None]:
                self._polled.discard(ref)
                self._reap(ref)
        self._poller = None

    def _reap(self, ref: str) -> None:
        child = self._children.pop(ref)
        timer = self._killed.pop(ref, None)
        if timer is not None:
            timer.cancel()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)  # what it started; until `wait` its pid is no other's
        code = child.wait()
        self._gone.append(Gone(ref, code, None) if code >= 0 else Gone(ref, None, -code))
        self._news.set()


def _spawn(spec: Spec) -> "subprocess.Popen[bytes] | Refused | OSError":
    """Starts one process; an error of the program itself (not found, not executable) is a refusal."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
    with contextlib.ExitStack() as opened:
        try:
            out = os.open(spec.out, flags, 0o666)
            opened.callback(os.close, out)
            err = os.open(spec.err, flags, 0o666)
            opened.callback(os.close, err)
        except OSError as error:
            return error
        try:
            return subprocess.Popen(
                spec.command,
                cwd=spec.folder,
                env=spec.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                pass_fds=(spec.descriptor,),
            )
        except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
            return Refused(f"{spec.command[0]} cannot be started in {spec.folder}: {error.strerror}")
        except (ValueError, TypeError) as error:  # a variable of the environment
            return Refused(f"{spec.command[0]} cannot be started: {error}")
        except OSError as error:
            return error
