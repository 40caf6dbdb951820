"""The file effects of the scheduler, one function each, for the threads of its pool.

Rules: each is a plain blocking function of paths and values; none knows the state, the engine or
the event loop; each says what happened by what it returns. That a network disk hangs stops the
thread that called it and nothing else.
"""

import contextlib
import itertools
import json
import logging
import os
import shutil
import signal
import site
import sys
import sysconfig
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import experimaestro
from experimaestro.core import definition
from experimaestro.core.base import Configuration
from experimaestro.core.context import Submission
from experimaestro.core.objects import ResumableTask
from experimaestro.core.source import NOTEBOOK
from experimaestro.core.walk import children, children_of_this_job, postorder
from experimaestro.events.owners import Observation, Outcome, Owner
from experimaestro.launchers.processes import Gone, Spec
from experimaestro.scheduler import comparing, elsewhere
from experimaestro.scheduler.modes import TransientMode
from experimaestro.workspace import (
    attempts,
    code,
    files,
    interchange,
    keeping,
    layout,
    processes,
    tokens,
)
from experimaestro.workspace.attached import Attached
from experimaestro.workspace.layout import JobPaths

log = logging.getLogger("experimaestro.scheduler")

_KERNEL_MADE = ("CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "PAGER", "GIT_PAGER")
"""Variables that a notebook's kernel sets for its own output"""

_KERNEL_PREFIXES = ("JPY_", "PYDEVD_")

_TAIL_BYTES, _TAIL_LINES = 4096, 8
"""How much of a log is quoted where a process left no word"""

_SCRIPT = '''\
"""Runs the task of this folder: `{python} {script}`. Made anew for each attempt."""
import sys

if __name__ == "__main__":
    sys.path[:1] = [path for path in {paths!r} if path not in sys.path]
    from experimaestro.jobrun import main

    main(__file__)
'''


class Work(NamedTuple):
    """What to run for a job."""

    submission: Submission
    environment: Mapping[str, str]
    """Variables for its process, over those of this process"""
    path: Sequence[str]
    """What its `sys.path` has before that of its interpreter"""
    attached: Sequence[Attached] = ()
    """Other workspaces where its result may be"""


class Taken(NamedTuple):
    """A job that is claimed and prepared: only its process is missing."""

    attempt: int
    spec: Spec
    oom_kills: int
    """Processes that the system killed for lack of memory before it began"""


class Blocked(NamedTuple):
    """A job that cannot be prepared at present: the disk is full, or refuses for another reason."""

    attempt: int
    """The claim that was won and is kept for the next try; 0 if none"""
    error: OSError


class Busy(NamedTuple):
    """A job that cannot start, since others hold what it needs."""

    token: str
    """Folder of the token"""
    not_understood: Sequence[str]
    """Files that count as holders of it since nobody knows whether they are"""
    why: Sequence[str]
    """What a person has to know, since it will not pass by itself"""


class Ended(NamedTuple):
    """An attempt of ours that is over."""

    start: tuple[Owner, float] | None
    """Its process and when it began; None if it never did"""
    outcome: Outcome


def look(jobs: Sequence[tuple[JobPaths, Work | None]]) -> list[Observation | OSError]:
    """Looks at the folders of jobs, and settles what processes that are gone left open.

    Args:
        jobs: Each with what it is; None: it was compared before.

    Returns:
        For each, what was found, or why the disk does not tell or cannot be written.
    """
    return [_look(paths, work) for paths, work in jobs]


def _look(paths: JobPaths, work: Work | None) -> Observation | OSError:
    try:
        return _settled(paths, work)
    except OSError as error:
        return error


def _settled(paths: JobPaths, work: Work | None) -> Observation:
    """What the folder of a job says, once nothing is left open in it; compared with what the job is."""
    seen = _clean(attempts.settle(paths))
    if work is not None and seen.kind == "free" and elsewhere.bring(paths, work.submission, work.attached):
        seen = _clean(attempts.settle(paths))
    if seen.attempt and seen.outcome is not None and seen.outcome.status == "lost":
        _without_pid(paths, seen.attempt)
    if work is None or seen.kind not in {"done", "running"}:
        return seen
    found = comparing.differences(paths, work.submission)
    if not found:
        return seen._replace(other_code=seen.kind == "done" and _ran_other_code(paths))
    message = definition.conflict(work.submission.key, found)
    return Observation("conflict", seen.attempt, seen.owner, Outcome("conflict", message))


def _ran_other_code(paths: JobPaths) -> bool:
    """Whether the code of a job that is done has changed since; what a disk does not tell is no news."""
    try:
        return code.has_changed(paths)
    except OSError:
        return False


def take(paths: JobPaths, work: Work, workspace: str, attempt: int) -> Taken | Observation | Blocked | Busy:
    """Claims a job with the tokens that it needs, and prepares its folder.

    Args:
        paths: The job.
        work: What to run.
        workspace: The workspace's folder.
        attempt: The claim that was kept from an earlier try; 0 if none.

    Returns:
        The job, ready for a launcher; or what was found because somebody else was faster; or why
        it cannot be prepared now; or the token that it has to wait for.
    """
    needs = work.submission.needs
    try:
        if attempt and not _is_ours(paths, attempt):
            attempt = 0
        with contextlib.ExitStack() as held, tokens.counting(needs):
            busy = tokens.lacking(needs, paths)
            if busy is not None:
                return Busy(busy, tokens.not_understood(needs), tokens.too_few(needs))
            lock = interchange.lock(paths)
            if lock is not None:
                held.callback(interchange.release, lock)
                attempt = attempt or attempts.claim(paths, processes.myself()) or 0
                if attempt:
                    if needs:
                        tokens.take(needs, paths)
                    _write_job(paths, attempt, work, workspace)
                    held.pop_all()  # whoever has the spec closes it
                    mark = attempts.mark(processes.myself())
                    command = (sys.executable, paths.script, str(attempt), str(lock), mark)
                    environment = {**clean_environment(os.environ), **work.environment}
                    spec = Spec(command, paths.folder, paths.out, paths.err, environment, lock)
                    return Taken(attempt, spec, processes.oom_kills())
        # The lock is free again: the look below would take it for another's.
        if attempt:
            attempts.void(paths, attempt)  # another version runs the job; our claim would hide that
        return _settled(paths, work)
    except tokens.LockedError as error:
        return Busy(error.folder, (), [str(error)])
    except OSError as error:
        return Blocked(attempt, error)


def close_descriptors(descriptors: Iterable[int]) -> None:
    """Lets go of the locks that processes hold now."""
    for descriptor in descriptors:
        interchange.release(descriptor)


def give_up(paths: JobPaths, attempt: int) -> None:
    """Closes a claim of ours whose process will never start.

    Raises:
        OSError: The disk cannot be written.
    """
    if _is_ours(paths, attempt):
        attempts.void(paths, attempt)
        tokens.release(paths, attempts.mark(processes.myself()))


def _is_ours(paths: JobPaths, attempt: int) -> bool:
    """Whether an attempt that we claimed is still known: not if its folder was removed since."""
    return attempts.is_of(paths.claim(attempt), processes.myself())


def finish(paths: JobPaths, attempt: int, gone: Gone, oom_kills: int, is_killed: bool) -> Ended:
    """Says how an attempt of ours ended whose process is gone.

    Args:
        paths: The job.
        attempt: Number of the attempt.
        gone: What its launcher saw.
        oom_kills: See `Taken`.
        is_killed: Whether the user asked us to end it.

    Returns:
        What its `end` says, written by the job or, if it could not, now.

    Raises:
        OSError: The disk does not tell, or cannot be written.
    """
    if not _is_ours(paths, attempt):
        said = "its folder was removed before it ended: submit it again"
        return Ended(None, Outcome("failed", said, gone.code, gone.signal))
    # Nothing is left if its process could say how it ended.
    tokens.release(paths, attempts.mark(processes.myself()))
    if attempts.void(paths, attempt):
        if is_killed:
            return Ended(None, Outcome("cancelled", "killed before it began", signal=gone.signal))
        said = _never_began(paths, gone)
        return Ended(None, Outcome("refused", said, gone.code, gone.signal, early=True))
    if is_killed and gone.signal is not None:
        outcome = Outcome("cancelled", f"killed ({_name(gone.signal)})", signal=gone.signal)
    else:
        outcome = _without_word(paths, gone, processes.oom_kills() > oom_kills)
    if attempts.lose(paths, attempt, outcome):
        attempts.conclude(paths, attempt, outcome)
    else:
        outcome = _clean_outcome(attempts.ended(paths, attempt) or outcome)
        attempts.settle(paths)  # its winner may have been killed before it wrote the marker
    return Ended(_without_pid(paths, attempt), outcome)


def _without_pid(paths: JobPaths, attempt: int) -> tuple[Owner, float] | None:
    """The process of an attempt that is over, if it began; its `.pid` is gone, also if it was killed."""
    start = attempts.started(paths, attempt)
    if start is not None:
        interchange.remove_pid_of(paths, start[0])
    return start


def end_elsewhere(paths: JobPaths, number: int) -> str:
    """Asks the process of a job that we did not start to end.

    Args:
        paths: The job.
        number: The signal to send.

    Returns:
        Why it could not be asked; "" if it was, or has ended.
    """
    try:
        seen = attempts.observe(paths)
        file = interchange.read_pid(paths)
    except OSError as error:
        return str(error)
    if seen.kind not in {"running", "unknown"}:
        return ""
    if seen.started_t is None:
        return f"the scheduler {seen.owner} is about to start it: try again"
    owner = seen.owner
    is_here = owner is not None and processes.fate(owner) == "alive"
    if not is_here and file is not None and interchange.fate(file) == "alive":
        is_here, owner = True, Owner(file.host, "", "", file.pid, "")  # another version runs it
    if not is_here or owner is None:
        return f"it runs as {owner or 'an unknown process'}, which cannot be reached from here: end it there"
    try:
        processes.send(owner.pid, number)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return f"it runs as {owner}, of another user"
    return ""


def remove(workspace: str, jobs: Sequence[str], run: str) -> None:
    """Removes the folders of jobs that no other run wants; one that the disk keeps is said, and stays.

    Args:
        workspace: Its folder.
        jobs: Keys of jobs that a run needed only meanwhile.
        run: Id of that run, which has succeeded.
    """
    try:
        wanted = keeping.wanted_elsewhere(workspace, jobs, run, TransientMode.REMOVE)
    except OSError as error:
        log.warning("the jobs that %s needed only meanwhile are kept: %s", run, error)
        return
    for key in jobs:
        if key in wanted:
            continue
        folder = JobPaths.of(workspace, key).folder
        hidden = layout.condemned(folder)
        try:
            os.rename(folder, hidden)  # noqa: PTH104 - strings
            shutil.rmtree(hidden)
        except OSError as error:
            log.warning("%s could not be removed: %s", folder, error)


def read_started(jobs: Iterable[tuple[JobPaths, int]]) -> list[tuple[Owner, float] | None]:
    """Which of some attempts have begun.

    Raises:
        OSError: The disk does not tell.
    """
    return [attempts.started(paths, attempt) for paths, attempt in jobs]


def users_path(path: Iterable[str]) -> tuple[str, ...]:
    """The entries of a `sys.path` that the interpreter of a job would not have by itself.

    Args:
        path: Entries; relative ones are taken from the working directory.
    """
    own = {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
    entries = (os.path.abspath(entry) for entry in path)  # noqa: PTH100 - "" is the working directory
    return tuple(entry for entry in entries if entry not in own and not _is_of_python(entry))


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a job: everything but what a notebook's kernel made for itself."""
    backend = environment.get("MPLBACKEND", "")
    return {
        name: value
        for name, value in environment.items()
        if name not in _KERNEL_MADE
        and not name.startswith(_KERNEL_PREFIXES)
        and not (name == "MPLBACKEND" and backend.startswith("module://"))
    }


def _write_job(paths: JobPaths, attempt: int, work: Work, workspace: str) -> None:
    try:
        objects = work.submission.objects()
    except BaseException:
        attempts.void(paths, attempt)  # an error of ours: nobody else could take the job from us
        raise
    params: dict[str, Any] = {
        "workspace": workspace,
        "version": 3,
        "experimaestro": experimaestro.__version__,
        "objects": objects,
    }
    if isinstance(work.submission.task, ResumableTask):
        _rotate(paths)
    files.replace(paths.definition, definition.write(work.submission.definition()))
    if work.submission.shipped is not None:
        files.replace(f"{paths.folder}/{NOTEBOOK}", work.submission.shipped.source.encode())
    files.replace(paths.params, json.dumps(params).encode())
    script = _SCRIPT.format(python=sys.executable, script=paths.script, paths=list(work.path))
    files.replace(paths.script, script.encode())
    tokens.note(work.submission.needs, paths)
    code.record(paths, _classes(work.submission))


def _classes(submission: Submission) -> set[type]:
    """The classes of a task and of what it uses; those of other jobs are theirs."""
    task = submission.task.__xpm__.owner

    def inner(config: Configuration) -> list[Configuration]:
        return children(config) if config is task else children_of_this_job(config)

    used = postorder([*(one.__xpm__.owner for one in submission.init_tasks), task], inner)
    return {one.__xpm__.declaration.cls for one in used if one is task or one.__xpm__.key is None}


def _rotate(paths: JobPaths) -> None:
    """Keeps what earlier attempts printed, under the time of its last change."""
    for position, path in enumerate((paths.out, paths.err)):
        with contextlib.suppress(FileNotFoundError):
            mark = time.strftime("%Y%m%d%H%M%S", time.localtime(os.stat(path).st_mtime))  # noqa: PTH116 - a string
            for n in itertools.count():  # two may end in one second, or the clock be set back
                kept = paths.rotated(f"{mark}.{n}" if n else mark)[position]
                if not files.exists(kept):
                    os.rename(path, kept)  # noqa: PTH104 - same
                    break


def _is_of_python(entry: str) -> bool:
    """Whether an entry is a part of the standard library: `python311.zip`, `lib-dynload`."""
    library = sysconfig.get_path("stdlib")
    return entry.startswith(f"{library}/") or entry.endswith(
        f"/python{sys.version_info[0]}{sys.version_info[1]}.zip"
    )


def _clean(seen: Observation) -> Observation:
    return seen if seen.outcome is None else seen._replace(outcome=_clean_outcome(seen.outcome))


def _clean_outcome(outcome: Outcome) -> Outcome:
    """The outcome with texts that any file can hold, whatever was in the file."""
    message, frame = (
        str(text).encode("utf-8", "backslashreplace").decode() for text in (outcome.message, outcome.frame)
    )
    return outcome._replace(message=message, frame=frame)


def _never_began(paths: JobPaths, gone: Gone) -> str:
    return f"its process {_how(gone)} before it began.{_quote(paths)}\nPython: {sys.executable}"


def _without_word(paths: JobPaths, gone: Gone, oom: bool) -> Outcome:
    """The outcome of a process that ended without saying how."""
    if gone.signal is None:
        code = "" if gone.code is None else f" with code {gone.code}"
        message = f"its process exited{code} without saying how it ended (os._exit?).{_quote(paths)}"
        return Outcome("failed", message, gone.code)
    if gone.signal == signal.SIGKILL and oom:
        return Outcome("memory", "killed by the system (SIGKILL): out of memory", signal=gone.signal)
    return Outcome("killed", f"killed by {_name(gone.signal)}{_quote(paths)}", signal=gone.signal)


def _how(gone: Gone) -> str:
    if gone.signal is not None:
        return f"was killed by {_name(gone.signal)}"
    return "ended" if gone.code is None else f"exited with code {gone.code}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _quote(paths: JobPaths) -> str:
    """The last lines of the error log, if there are any."""
    text = files.tail(paths.err, _TAIL_BYTES, _TAIL_LINES).rstrip()
    return f" Its last lines:\n{text}" if text else ""
