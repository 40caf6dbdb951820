"""What a job process executes, from its first act to its last.

The order, each step safe to be killed after (`workspace.attempts` says why): make the attempt its
own; `.pid`; load; init tasks; `execute`; then, after every other exit handler and thread of the
user's code: output flushed, `end`, `.done` or `.failed`, `.pid` removed, exit. The lock that the
scheduler handed over is released by the exit itself.

Light: nothing is imported here that a trivial job does not need. Not imported by anything but the
script in the job's folder.
"""

import _thread
import atexit
import contextlib
import errno
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any, NoReturn, TypeVar

from experimaestro.core import serialization
from experimaestro.events.owners import Outcome, Owner, Status
from experimaestro.exceptions import ExperimaestroError, FormatError, GracefulTimeout, TaskCancelled
from experimaestro.taskglobals import Env
from experimaestro.workspace import attempts, files, interchange, progress, tokens
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.processes import myself, peak_memory

_ADVICE = "The task could not be loaded. Its module has to be importable by the python of the job"

_INIT_ADVICE = (
    "A configuration is made without arguments, then its parameters are set: `__init__` can take none "
    "beside self. Make them parameters (`z: Param[int]`), or compute what you need in `__post_init__`."
)

_PATH_ADVICE = (
    "A job runs in a folder of its own, where relative names are looked for. If this file is elsewhere, make "
    "its path a parameter of type `Path`, which is absolute in the job."
)


def main(script: str, arguments: Sequence[str] | None = None) -> None:
    """Runs the task of a folder, once.

    Args:
        script: Path of the script in the folder, `<folder>/<name>.py`.
        arguments: Number of the attempt, descriptor of the lock and `attempts.mark` of the scheduler, as
            that gives them; none when a person runs the script: the attempt is then claimed here. None:
            those of the command line.
    """
    folder, file = os.path.split(os.path.abspath(script))  # noqa: PTH100 - light
    paths = JobPaths(folder, file[: -len(".py")])
    os.chdir(folder)
    given = sys.argv[1:] if arguments is None else arguments
    lock = interchange.keep_lock(int(given[1])) if given else interchange.lock(paths)
    attempt = int(given[0]) if given else _claim(paths, lock)
    owner = myself()
    # A scheduler that began before the package was brought up to date under it gives no mark.
    claimer = "".join(given[2:3]) if given else attempts.mark(owner)
    if not attempts.start(paths, attempt, owner, time.time(), claimer):
        _say("another scheduler has taken this job over, or its folder was removed: nothing is run")
        os._exit(0)
    interchange.write_pid(paths, owner)
    _Job(paths, attempt, owner, claimer).run()


ASK_S = 2.0
"""How often somebody who runs a job by hand asks for the tokens that it takes, in seconds"""


def _claim(paths: JobPaths, lock: int | None) -> int:
    """Claims a job that a person runs by hand, with the tokens that it takes: waits for them."""
    try:
        needs = tokens.noted(paths)
        told = False
        while lock is not None:
            with tokens.counting(needs):
                busy = tokens.lacking(needs, paths)
                if busy is None:
                    attempt = attempts.claim(paths, myself())
                    if attempt is None:
                        break
                    if needs:
                        tokens.take(needs, paths)
                    return attempt
            if not told:
                told = True
                _say(f"waiting for the token {tokens.name_of(busy)!r}, which others hold")
            time.sleep(ASK_S)
    except (FormatError, tokens.LockedError, OSError) as error:
        _say(str(error))
        os._exit(1)
    except KeyboardInterrupt:
        os._exit(130)
    _say(f"this job is done or runs elsewhere. To run it again, remove its folder: {paths.folder}")
    os._exit(1)


def _say(text: str) -> None:
    with contextlib.suppress(Exception):  # a full disk, or whatever the user's code put in its place
        sys.stderr.write(f"experimaestro: {text}\n")
        sys.stderr.flush()


def read_params(paths: JobPaths) -> dict[str, Any]:
    """What the job's `params.json` holds; which objects, is for `load_instances` to check.

    Raises:
        FormatError: It is missing, or of another form.
    """
    params = files.read_json(paths.params)
    if params is None:
        raise FormatError(f"{paths.params} is missing: submit the task again")
    if not isinstance(params, dict) or not isinstance(params.get("workspace", ""), str):
        raise FormatError(
            f"{paths.params}: expected an object whose 'workspace' is a path, got something else: "
            "submit the task again"
        )
    return params


T = TypeVar("T")

FULL_S = 24 * 3600.0
"""How long a job that has ended waits for space to say so, in seconds"""

RETRY_S = 0.5
"""How often it tries, in seconds"""

MOST = 8192
"""Characters of an error that are kept with the job; all of it is in its log"""


_ASKS: dict[int, Any] = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
"""The signals by which a job is asked to end, and what they do in other processes"""


class _Job:
    """The attempt that this process is."""

    def __init__(self, paths: JobPaths, attempt: int, owner: Owner, claimer: str) -> None:
        self._paths = paths
        self._attempt = attempt
        self._owner = owner
        self._claimer = claimer
        self._pid = os.getpid()
        self._outcome: Outcome | None = None
        self._is_loaded = False
        self._home = ""
        self._result = ""
        self._unsaid = b""
        """What the disk refused of the log of errors"""
        self._asked_by = ""
        """The signal by which the job was asked to end"""
        self._masks: dict[int, set[int]] = {}
        """The signals that threads which fork had blocked before"""
        self._hooks = {hook.__code__ for hook in (self._before_fork, self._after_fork, self._in_fork)}

    def run(self) -> None:
        """Runs the task; the process ends in `_last`, which is registered first and so runs last."""
        atexit.register(self._last)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr] # a text stream at start
        progress.current = progress.ProgressFile(self._paths.progress)
        os.register_at_fork(
            before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._in_fork
        )
        for number in _ASKS:
            signal.signal(number, self._cancel)
        try:
            self._execute()
        except BaseException as error:  # noqa: BLE001 - the user's code: whatever it raises is the outcome
            self._outcome = self._failure(error)
        else:
            self._outcome = Outcome("done", code=0, result=self._result)
        if self._asked_by:
            said = f"cancelled ({self._asked_by})"
            self._outcome = Outcome("cancelled", said)

    def _cancel(self, number: int, frame: FrameType | None) -> None:
        """The job is asked to end: `execute` may save what it has."""
        if os.getpid() != self._pid:  # a forked process whose handler, of the task, calls this one
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        while frame is not None:
            if frame.f_code in self._hooks:  # of a fork: Python would only print what is raised there
                _thread.start_new_thread(_ask_again, (number,))
                return
            frame = frame.f_back
        self._asked_by = signal.Signals(number).name
        raise TaskCancelled(f"the job was asked to end ({self._asked_by})", remaining_time=None)

    # A process that the job forks (one of a pool, of a loader of data) ends by signals as it would anywhere.
    # Our handler would keep it from that: Python forgets a signal that comes before it has done its own work
    # after `fork`, and code that waits in C may never see one whose handler is in Python. `Pool.terminate`
    # then waits for ever. So the signals wait until the process has its own handlers.

    def _before_fork(self) -> None:
        # What is blocked is noted before it is changed: a handler of the task may raise in between.
        self._masks[_thread.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        signal.pthread_sigmask(signal.SIG_BLOCK, self._ours())

    def _after_fork(self) -> None:
        mask = self._masks.pop(_thread.get_ident(), None)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _in_fork(self) -> None:
        try:
            for number in self._ours():
                signal.signal(number, _ASKS[number])
        finally:
            self._after_fork()

    def _ours(self) -> list[int]:
        """The signals that are handled here: for others the task has a handler of its own."""
        return [number for number in _ASKS if signal.getsignal(number) == self._cancel]

    def _execute(self) -> None:
        gc.disable()  # most of what is made while importing stays
        params = read_params(self._paths)
        Env.taskpath = self._paths.folder
        Env.wspath = params.get("workspace") or self._paths.folder
        task, init_tasks = serialization.load_instances(params, self._paths.folder)
        self._is_loaded = True
        module = sys.modules.get(type(task).__module__)
        self._home = os.path.dirname(getattr(module, "__file__", None) or "")  # noqa: PTH120 - light
        gc.freeze()
        gc.enable()
        for init_task in init_tasks:
            init_task.execute()
        self._keep(task.execute())

    def _keep(self, value: Any) -> None:
        """Keeps what the task found out: what it returned, or what it wrote itself."""
        if not self._is_known():
            return
        if value is None:
            text = files.read(self._paths.results) or b""
        else:
            lost: list[str] = []
            try:
                text = json.dumps(value, default=lambda one: _plain(one, lost), skipkeys=True).encode()
            except (TypeError, ValueError) as error:  # such as a list that contains itself
                _say(f"what execute() returned is not kept, as it is no JSON value: {error}")
                return
            if lost:
                kinds = ", ".join(dict.fromkeys(lost))
                _say(f"of what execute() returned, all is kept but what is no JSON value (null): {kinds}")
            files.replace(self._paths.results, text)
        if len(text) <= MOST:
            self._result = text.decode("utf-8", "replace")

    def _is_known(self) -> bool:
        """Whether the attempt is still this process's: not if the folder was removed since."""
        return attempts.is_of(self._paths.start(self._attempt), self._owner)

    def _advice(self, error: BaseException) -> str:
        """What to do about an error whose text says it to nobody who does not know how jobs are run."""
        if isinstance(error, FileNotFoundError):
            name = error.filename
            return _PATH_ADVICE if isinstance(name, str) and not os.path.isabs(name) else ""  # noqa: PTH117 - light
        if self._is_loaded:
            return ""
        if isinstance(error, ImportError):
            return f"{_ADVICE}: {sys.executable}\nsys.path: {sys.path}"
        wants_arguments = isinstance(error, TypeError) and ".__init__() missing " in str(error)
        return _INIT_ADVICE if wants_arguments else ""

    def _failure(self, error: BaseException) -> Outcome:
        """Says what went wrong: in full in the log, and in one value for the scheduler."""
        if isinstance(error, SystemExit) and error.code in {None, 0}:
            return Outcome("done", code=0)
        import traceback  # only a failing job pays for it

        trace = _users_part(error.__traceback__)
        if isinstance(error, TaskCancelled) and self._asked_by:
            _say(str(error))
        else:
            lines = traceback.format_exception(type(error), error, trace or error.__traceback__)
            self._print("".join(lines))
        status: Status = "failed"
        if isinstance(error, MemoryError):
            status = "memory"
        elif isinstance(error, (KeyboardInterrupt, TaskCancelled)):
            status = "cancelled"
        elif isinstance(error, GracefulTimeout):
            status = "timeout"
        if isinstance(error, ExperimaestroError):
            message = str(error)
        elif isinstance(error, SyntaxError):  # Python begins with the place
            message = f"{type(error).__name__}: {error}"
        else:
            message = "".join(traceback.format_exception_only(type(error), error)).strip()
        if advice := self._advice(error):
            message = f"{message}\n{advice}"
        frames = traceback.extract_tb(trace)
        users = [one for one in frames if self._is_users(one.filename)] or frames
        frame = (
            f"{users[-1].filename}:{users[-1].lineno} in {users[-1].name}: {users[-1].line}" if users else ""
        )
        if len(message) > MOST:
            message = f"{message[:MOST]}... (the whole is in {self._paths.err})"
        message, frame = (text.encode("utf-8", "backslashreplace").decode() for text in (message, frame))
        code = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1
        return Outcome(status, message=message, code=code & 0xFF, frame=frame, early=not self._is_loaded)

    def _print(self, text: str) -> None:
        """Writes to the log of errors; what a full disk refuses is kept, and written at the end."""
        own = sys.__stderr__
        data = text.encode("utf-8", "backslashreplace")
        with contextlib.suppress(Exception):  # closed, or whatever the user's code put there
            try:
                if own is None or sys.stderr is not own:
                    sys.stderr.write(text)
                    return
                own.flush()
                while data:
                    data = data[os.write(2, data) :]
            except OSError:
                self._unsaid = data

    def _is_users(self, file: str) -> bool:
        """Whether a file is the user's: not installed, or beside the task's own."""
        if self._home and file.startswith(self._home):
            return True
        return "site-packages" not in file and not file.startswith((f"{sys.base_prefix}/lib", "<"))

    def _last(self) -> None:
        """The last exit handler: everything of the user's is over, so the outcome is final."""
        if os.getpid() != self._pid or self._outcome is None:
            return  # a forked child that ran into the exit handlers of its parent
        assert progress.current is not None
        progress.current.close()
        outcome = self._outcome
        for stream in (sys.stdout, sys.stderr):
            error = _flush(stream)
            if error is not None:
                outcome = Outcome("failed", message=f"its output could not be written: {error}", code=1)
        with contextlib.suppress(OSError):
            while self._unsaid:
                self._unsaid = self._unsaid[_when_there_is_space(lambda: os.write(2, self._unsaid)) :]
        outcome = outcome._replace(t=time.time(), peak_memory=peak_memory())
        final = outcome
        if _when_there_is_space(lambda: self._is_known() and attempts.end(self._paths, self._attempt, final)):
            _when_there_is_space(lambda: attempts.conclude(self._paths, self._attempt, final))
        elif not self._is_known():
            _say("the folder of this job was removed while it ran: its result is not kept")
            outcome = Outcome("failed", code=1)
        tokens.release(self._paths, self._claimer)
        if self._asked_by and os.getpgid(0) == self._pid:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)  # what it started ends with it
        interchange.remove_pid_of(self._paths, self._owner)
        _exit(0 if outcome.is_done else outcome.code or 1)


def _ask_again(number: int) -> None:
    time.sleep(0.01)
    os.kill(os.getpid(), number)


def _flush(stream: Any) -> OSError | None:
    """Writes what a stream still has; the error of the disk, if it refuses.

    The stream may be of the user's code: what else is wrong with it loses no result.
    """
    try:
        if stream is not None and not getattr(stream, "closed", False):
            _when_there_is_space(stream.flush)
    except OSError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever the user's code raises
        os.write(2, f"experimaestro: {type(stream).__name__}.flush() failed: {error!r}\n".encode())
    return None


def _plain(value: Any, lost: list[str]) -> Any:
    """A number or array of another library as a plain value; None, and its class noted, if it is none."""
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    for convert in ("item", "tolist"):
        method = getattr(value, convert, None)
        if method is not None:
            try:
                return method()
            except (TypeError, ValueError):
                continue
    lost.append(type(value).__name__)
    return None


def _when_there_is_space(write: Callable[[], T]) -> T:
    """Writes how the job ended, again and again while the disk is full: its work is done and not lost.

    Raises:
        OSError: The disk refuses for another reason, or is full for `FULL_S`.
    """
    end = time.monotonic() + FULL_S
    while True:
        try:
            return write()
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT} or time.monotonic() > end:
                raise
        time.sleep(RETRY_S)


def _exit(code: int) -> NoReturn:
    """Ends the process at once: freeing every object would take longer than most trivial jobs."""
    os._exit(code)


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is not ours, or None."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - light
    ours = (os.path.abspath(__file__), f"{here}/core/", "<frozen importlib")  # noqa: PTH100 - light
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(ours):
            return trace
        trace = trace.tb_next
    return None
