"""Opens and ends runs: in one process, the folder of a workspace and a name stand for one open run.

Rules: whoever opens a run first has the lock of its experiment, so that no other process has one; a run
belongs to one process for life. Everything that can be checked is checked before the folder is changed.
A run that has ended can begin jobs again: it is then open until they are finished.
"""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from types import FrameType
from typing import Literal, NamedTuple

from experimaestro.events.model import RunEnded, RunReopened, RunStarted
from experimaestro.events.states import JobState
from experimaestro.exceptions import ExperimentStopped, WorkspaceError
from experimaestro.scheduler import openrun
from experimaestro.scheduler.openrun import OpenRun, loop_of, release_loop
from experimaestro.scheduler.runs import RunFiles
from experimaestro.scheduler.workspace import Workspace
from experimaestro.workspace import files
from experimaestro.workspace.attached import Attached
from experimaestro.workspace.history import Limits
from experimaestro.workspace.layout import RunPaths
from experimaestro.workspace.locks import ExperimentLock
from experimaestro.workspace.opening import new_run, prepare
from experimaestro.workspace.processes import myself

lock = threading.RLock()
"""Held while a run is opened or ended"""

_open: dict[tuple[str, str], OpenRun] = {}


class Wanted(NamedTuple):
    """What is asked of a run."""

    workspace: str
    """Real path of the workspace's folder"""
    name: str
    """Name of the experiment"""
    workers: int | None
    """Jobs at once, if this opens the workspace; None: one for each core"""
    stops: bool
    """Whether its first failure keeps all jobs from starting that have not"""
    place: Workspace
    """The workspace, as its users see it"""
    code: Sequence[str]
    """Files and folders whose commit is recorded"""
    limits: Limits
    """How many runs of the experiment are kept"""
    retries: int
    """How often a resumable task goes on after it ran out of time, where its submission does not say"""


def join_or_open(wanted: Wanted, on_open: Callable[[OpenRun], None]) -> OpenRun | None:
    """The open run of an experiment; a new one if there is none. To be called with `lock` held.

    Args:
        wanted: The experiment.
        on_open: Called with a new run.

    Returns:
        None if another process has a run of the experiment.

    Raises:
        WorkspaceError: The folder cannot be a workspace; it is left as it was.
    """
    run = _open.get((wanted.workspace, wanted.name))
    if run is not None:
        run.is_kept = True
        run.files.add_code(wanted.code)
        _tell_without_effect(run, wanted)
        return run
    with _uninterrupted():  # a lock that nobody knows of would keep everybody out
        run = _begin(wanted)
        if run is not None:
            _open[wanted.workspace, wanted.name] = run
            on_open(run)
    return run


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Has Ctrl-C wait until the end of the block."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is None:
        yield  # no other thread is interrupted; a handler that is not Python's could not be put back
        return
    came: list[FrameType | None] = []
    handler = signal.signal(signal.SIGINT, lambda _, frame: came.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came and callable(handler):
            handler(signal.SIGINT, came[0])


def _tell_without_effect(run: OpenRun, wanted: Wanted) -> None:
    """Says what is asked of a run that is open, and is not as it was opened."""
    there = {
        "on_failure": (run.stops, wanted.stops),
        "workers": (run.loop.workers, wanted.workers or run.loop.workers),
        "env": (run.place.env, wanted.place.env or run.place.env),
        "max_retries": (run.retries, wanted.retries),
        "history": (run.files.limits, wanted.limits),
        "folders": (run.place.attached, wanted.place.attached),
    }
    names = ", ".join(name for name, (now, asked) in there.items() if now != asked)
    if names:
        say(f"{names}: no effect, the experiment {wanted.name!r} is open. They hold for its next run")


def _begin(wanted: Wanted) -> OpenRun | None:
    workspace, name = wanted.workspace, wanted.name
    prepare(workspace)
    paths = RunPaths(workspace, name, "run")
    try:
        files.make_folder(paths.experiment_folder)
        experiment_lock = ExperimentLock(paths)
        if not experiment_lock.try_acquire():
            return None
        try:
            t = time.time()
            run_id, paths = new_run(workspace, name, t)
            run_files = RunFiles(f"{name}/{run_id}", workspace, paths)
            loop = loop_of(workspace, wanted.workers)
        except BaseException:
            experiment_lock.release()
            raise
    except OSError as error:
        raise WorkspaceError(
            f"{error.filename or workspace} cannot be used by the experiment {name!r}: "
            f"{error.strerror or error}. Move it away, change permissions, or give another folder or name"
        ) from None
    if wanted.workers not in {None, loop.workers}:
        say(f"workers={wanted.workers} has no effect: {workspace} runs {loop.workers} jobs at once already")
    run = OpenRun(loop, run_files, experiment_lock, run_id, t, wanted.place)
    _tell_of_folders(run.attached)
    run.files.add_code(wanted.code)
    run.files.limits = wanted.limits
    run.retries = wanted.retries
    run.stops = wanted.stops
    run.act = lambda begin: act(run, begin)
    loop.open_run(run.files)
    loop.post(RunStarted(t=t, run=run.files.run, owner=myself(), stops=wanted.stops))
    loop.post(lambda: loop.spawn(run.serve_inbox()))
    return run


def _tell_of_folders(folders: Sequence[Attached]) -> None:
    """Says which of the folders whose results count cannot have any: a slip of the pen costs all of them."""
    for one in folders:
        try:
            why = "" if files.exists(f"{one.folder}/jobs") else "it has no jobs, and so is no workspace"
        except OSError as error:
            why = error.strerror or str(error)
        if why:
            say(f"no result is looked for in {one.folder} (folders): {why}")


def act(run: OpenRun, begin: Callable[[], None]) -> None:
    """Begins something that runs jobs; a run that has ended is opened until they are finished.

    Raises:
        ExperimentStopped: Another run of the experiment is open.
        WorkspaceError: Its folder was removed, and cannot be made again.
    """
    with lock:
        if run.status == "running":
            begin()
            return
        if run.key in _open or not run.lock.try_acquire():
            raise ExperimentStopped(
                f"the run {run.files.run} has ended, and another one of the experiment is open: retry there"
            )
        try:
            was_removed = run.files.reopen()
        except OSError as error:
            run.lock.release()
            raise WorkspaceError(
                f"the run {run.files.run} cannot be opened again: {error.filename}: {error.strerror}. Mend "
                "that, or run the same code again"
            ) from None
        run.loop.start()
        run.loop.open_run(run.files)
        if was_removed:
            run.loop.write_again(run.files, run.submissions())
        run.loop.post(RunReopened(t=time.time(), run=run.files.run))
        run.status, run.ended_at, run.is_kept = "running", None, False
        run.loop.post(lambda: run.loop.spawn(run.serve_inbox()))
        run.watch_again()
        _open[run.key] = run
        begin()
        over = finished(run)

    def end_again() -> None:
        over.wait()
        with lock:
            if not run.is_kept:
                end(run, None)

    threading.Thread(target=end_again, name="experimaestro-reopened", daemon=True).start()


def end(run: OpenRun, status: Literal["failed", "detached"] | None) -> None:
    """Ends a run, once; all who share it see its status.

    Args:
        run: The run; nothing happens if it has ended.
        status: How it ends; None: as its jobs say.
    """
    with lock:
        if run.status != "running":
            return
        final: Literal["done", "failed", "detached"] | None = status
        if final is None:
            unfinished, failed = run.ask(lambda _, row: (row.open, row.counts[JobState.ERROR]))
            wrong = failed or run.callbacks.errors
            final = "detached" if unfinished else "failed" if wrong else "done"
        run.status, run.ended_at = final, time.time()
        del _open[run.key]
        for call in run.at_end:
            call()
        run.loop.post(lambda: None)  # ends the waits for it
        try:
            run.loop.close_run(RunEnded(t=run.ended_at, run=run.files.run, status=final)).result()
        except OSError as error:  # the folders of the jobs have all results
            say(f"the end of the run {run.files.run} could not be written: {error}")
        finally:
            for call in run.after_end:
                call()
            run.lock.release()
            if not any(workspace == run.workspace for workspace, _ in _open):
                release_loop(run.workspace)


def finished(run: OpenRun) -> threading.Event:
    """An event that is set when a run has no unfinished job and no pending call of the user, or has ended."""
    name = run.files.run
    return run.loop.when(lambda _: run.status != "running" or (run.loop.is_settled(name) and run.is_quiet()))


def holder(workspace: str, name: str) -> str:
    """Who has the lock of an experiment, for people."""
    known = ExperimentLock(RunPaths(workspace, name, "run")).holder()
    if known is None:
        return "another process"
    return f"{known[0]} since {datetime.fromtimestamp(known[1]).astimezone():%H:%M:%S}"


def leave() -> None:
    """At the exit of the process: open runs are detached, their jobs go on."""
    for run in _open.values():
        run.status = "detached"
    openrun.leave()


def forget() -> None:
    """In a process that the user forked: nothing in it is its to run or to write."""
    global lock  # noqa: PLW0603 - another thread may have held it
    lock = threading.RLock()
    for run in _open.values():
        run.status = "detached"
    openrun.forget()
    _open.clear()


def say(text: str) -> None:
    """Tells a person something, without touching standard output."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"experimaestro: {text}\n")
        sys.stderr.flush()
