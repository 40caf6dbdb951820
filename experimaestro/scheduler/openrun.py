"""The open runs of this process: they hand tasks over to the scheduler of their workspace.

Rules: submitting touches no disk and waits for nothing; a workspace has one scheduler in a process,
which lives while a run is open or a job that it started runs.
"""

import asyncio
import logging
import os
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

from experimaestro.core import context
from experimaestro.core.definition import define, differences, different_paths
from experimaestro.core.objects import Config
from experimaestro.core.objects.actions import described
from experimaestro.core.problems import short
from experimaestro.events.model import (
    CommandReceived,
    Event,
    JobSubmitted,
    Need,
    RunStopped,
    TaskContinued,
    encode,
)
from experimaestro.events.state import Run, State
from experimaestro.exceptions import (
    AmbiguityWarning,
    ConflictError,
    ExperimaestroError,
    ExperimentStopped,
    ServiceError,
    SubmissionError,
)
from experimaestro.launchers import DirectLauncher
from experimaestro.launchers.base import check_variable
from experimaestro.scheduler.callbacks import Callbacks, Given, Watched, output_call, read_outputs
from experimaestro.scheduler.dryrun import DryRun
from experimaestro.scheduler.effects import Work, users_path
from experimaestro.scheduler.job import Job
from experimaestro.scheduler.listener import METHODS, Listener
from experimaestro.scheduler.loop import Loop
from experimaestro.scheduler.modes import RunMode, asked_for
from experimaestro.scheduler.rehearsal import rehearse
from experimaestro.scheduler.runs import RunFiles
from experimaestro.scheduler.services import Services, WebService
from experimaestro.scheduler.workspace import Workspace
from experimaestro.workspace import inbox
from experimaestro.workspace.attached import Attached
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.locks import ExperimentLock

log = logging.getLogger("experimaestro.scheduler")

T = TypeVar("T")

Status = Literal["new", "held", "running", "done", "failed", "detached"]
"""Where an experiment stands: `new` before it is started; `detached`: its jobs go on without it"""

OUTPUTS_S = 0.2
"""How often it is looked what a running job gives out, in seconds"""

INBOX_S = 0.5
"""How often it is looked whether another process asks for something, in seconds"""

_loops: dict[str, Loop] = {}


def loop_of(workspace: str, workers: int | None) -> Loop:
    """The scheduler of a workspace, started if there is none.

    Args:
        workspace: The workspace's folder.
        workers: Jobs at once, for a new one; None: one for each core.
    """
    loop = _loops.get(workspace)
    if loop is None or loop.failure is not None:
        loop = _loops[workspace] = Loop(workspace, workers)
    elif workers is not None and not loop.is_alive:
        loop.set_workers(workers)
    loop.start()
    return loop


def release_loop(workspace: str) -> None:
    """Ends the scheduler of a workspace that no open run needs; jobs of ours keep it until they end."""
    _loops[workspace].close()


def leave() -> None:
    """At the exit of the process: open runs are recorded as detached, their jobs go on."""
    for loop in _loops.values():
        loop.detach(time.time())


def forget() -> None:
    """In a process that the user forked: none of the schedulers is here."""
    for loop in _loops.values():
        loop.forget()
    _loops.clear()


class OpenRun:
    """A run that is open in this process: what all its users share, and the core's `Submitter`.

    Args:
        loop: The scheduler of its workspace.
        files: Its files.
        lock: The lock of its experiment, which it has.
        run_id: Name of the run.
        t: When it was started, in seconds since the epoch.
        place: The workspace, as its users see it and may change it while the run is open.
    """

    def __init__(
        self, loop: Loop, files: RunFiles, lock: ExperimentLock, run_id: str, t: float, place: Workspace
    ) -> None:
        self.workspace = loop.workspace
        self.loop = loop
        self.files = files
        self.lock = lock
        self.run_id = run_id
        self.started_at = t
        self.place = place
        self.environment = dict(place.env)
        """Variables of the jobs that are submitted from now on"""
        self._env_seen = dict(place.env)
        self.attached: Sequence[Attached] = place.attached
        """Other workspaces whose results count here"""
        self.stops = False
        """Whether its first failure keeps all jobs from starting that have not"""
        self.retries = 0
        """How often a resumable task goes on after it ran out of time, where its submission does not say"""
        self.services = Services(files.show_services)
        self.actions: list[Config] = []
        """What a person may do with the results"""
        self.blocks = 0
        """How many `with` blocks it has"""
        self.is_kept = False
        """Whether somebody has joined it since it was opened, who ends it"""
        self._last_path: tuple[Sequence[str], Sequence[str]] = ((), ())
        self.at_end: list[Callable[[], None]] = []
        """What is called when it ends: nothing more is submitted to it"""
        self.after_end: list[Callable[[], None]] = []
        """What is called when all its files are written"""
        self.act: Callable[[Callable[[], None]], None] = lambda begin: begin()
        """Calls what runs jobs again, and opens the run for them if it has ended"""
        self.callbacks = Callbacks(self, lambda: loop.post(lambda: None))
        self._jobs: dict[str, weakref.ref[Config]] = {}
        """All that was submitted, in order, with the task that was the first to be this job"""
        self._rehearsals: dict[RunMode, DryRun] = {}
        """What takes tasks that are not to be run"""
        self.listeners: tuple[Listener, ...] = ()
        """What is told of its jobs and services"""
        self._watched: list[Watched] = []
        self.status: Status = "running"
        self.ended_at: float | None = None

    def in_mode(self, mode: Any) -> context.Submitter:
        """See `context.Submitter.in_mode`."""
        wanted = asked_for(mode)
        if wanted is RunMode.NORMAL:
            return self
        if wanted not in self._rehearsals:
            rehearsal = self._rehearsals[wanted] = rehearse(wanted, self.workspace, self.attached)
            self.at_end.append(rehearsal.close)
        return self._rehearsals[wanted]

    def submit(self, submission: context.Submission) -> None:
        """See `context.Submitter.submit`.

        Raises:
            ExperimentStopped: The run has ended.
        """
        if self.status != "running":
            raise ExperimentStopped(
                f"the run {self.files.run} has ended: {submission.key} is not run. "
                "Submit inside the block, or before stop()"
            )
        path = self._path()
        stack = [submission]
        while stack:
            unknown = [used for used in stack[-1].uses if used.key not in self._jobs]
            if unknown:  # tasks of an earlier experiment: they belong to this run as well
                stack.extend(unknown)
                continue
            self._hand_over(stack.pop(), path)

    def _hand_over(self, submission: context.Submission, path: Sequence[str]) -> None:
        event = JobSubmitted(
            t=time.time(),
            job=submission.key,
            run=self.files.run,
            task=submission.task.__xpm__.declaration.written_name,  # people read it, case and all
            tags=dict(submission.tags),
            deps=tuple(submission.dependencies),
            needs=tuple(Need(need.folder, need.amount, need.total) for need in submission.needs),
            priority=submission.options.priority,
            transient=submission.options.transient,
            retries=self.retries if submission.options.retries is None else submission.options.retries,
        )
        self._check_first(submission)
        try:
            encode(event)
        except UnicodeEncodeError:
            raise SubmissionError(
                f"{submission.key}: its tags have characters that no file can hold: {dict(submission.tags)!a}"
            ) from None
        work = Work(submission, self._environment(submission), path, self.attached)
        if self._first(submission.key) is None:
            self._jobs[submission.key] = weakref.ref(submission.task)
        self.loop.submit(work, event)

    def _environment(self, submission: context.Submission) -> Mapping[str, str]:
        """The variables of a job, as its launcher and the hooks of what it uses want them."""
        launcher, said = submission.options.launcher, "submit(launcher={!r})"
        if launcher is None:
            launcher, said = self.place.launcher, "xp.workspace.launcher = {!r}"
        variables = self._variables()
        if launcher is None and not submission.hooks:
            return variables
        if launcher is not None and not isinstance(launcher, DirectLauncher):
            raise SubmissionError(
                f"{submission.key}: {said.format(launcher)}: expected DirectLauncher(), or None "
                "for this machine"
            )
        environ = {**({} if launcher is None else launcher.environ), **variables}
        job = Job(submission.key, self.workspace, submission.task, environ, self.loop)
        if launcher is not None:
            launcher.onSubmit(job)
        for hook in submission.hooks:
            hook.process(job, launcher or DirectLauncher())
        return job.environ

    def _variables(self) -> dict[str, str]:
        """The variables of all jobs: a new dictionary only when `xp.workspace.env` was changed."""
        if self.place.env != self._env_seen:
            for name, value in self.place.env.items():
                check_variable(name, value)
            gone = self._env_seen.keys() - self.place.env.keys()
            kept = {name: value for name, value in self.environment.items() if name not in gone}
            self._env_seen = dict(self.place.env)
            self.environment = {**kept, **self._env_seen}
        return self.environment

    def _first(self, key: str) -> Config | None:
        """The task that was submitted first as this job, if it still exists."""
        known = self._jobs.get(key)
        return None if known is None else known()

    def submissions(self) -> dict[str, context.Submission]:
        """All that was submitted and still exists, by key."""
        tasks = {key: self._first(key) for key in list(self._jobs)}
        known = {key: None if task is None else task.__xpm__.submission for key, task in tasks.items()}
        return {key: submission for key, submission in known.items() if submission is not None}

    def _check_first(self, submission: context.Submission) -> None:
        """Refuses a task that has the identifier of another one without being the same."""
        first = self._first(submission.key)
        if first is None or first is submission.task:
            return
        paths = different_paths(first.__xpm__.owner, submission.task.__xpm__.owner)
        if paths:
            warnings.warn(
                f"{submission.key} was submitted before with other paths: {'; '.join(paths)}. Paths do not "
                "count for what a task is: this one is not run. Add a parameter that tells them apart, such "
                "as a name",
                AmbiguityWarning,
                stacklevel=6,
            )
        mine, other = submission.definition(), define(first.__xpm__.owner)
        found = differences(other, mine) if mine.digest != other.digest else []
        if found:
            lines = "\n".join(f"  {one.key}: {one.old} there, {one.new} here" for one in found[:10])
            raise ConflictError(
                f"{submission.key}: a task that was made at {first.__xpm__.made_at} has the same identifier "
                f"and is another:\n{lines}\nGive one an identity of its own: a Constant, or a default that "
                "is not ignored"
            )

    @property
    def key(self) -> tuple[str, str]:
        """Folder of the workspace and name of the experiment."""
        return self.workspace, self.files.run.partition("/")[0]

    def ask(self, question: Callable[[State, Run], T]) -> T:
        """Asks something of the run, and waits for the answer.

        Args:
            question: Called once in the scheduler's thread; must not block.

        Raises:
            ExperimentStopped: This process was forked from the one that the run belongs to.
        """
        name = self.files.run

        def of_run(state: State) -> T:
            if name not in state.runs:
                raise ExperimentStopped(
                    f"the run {name} belongs to the process that opened it, not to a fork"
                )
            return question(state, state.runs[name])

        return self.loop.ask(of_run).result()

    def jobs(self) -> dict[str, Job]:
        """The jobs of the run by their identifiers, in the order of submission."""
        return {job.identifier: job for job in map(self.job, list(self._jobs))}

    def job(self, key: str) -> Job:
        """A job of the run, as users see it."""
        return Job(key, self.workspace, self._first(key), loop=self.loop)

    # The user's code that is called.

    def add_listener(self, listener: Listener) -> None:
        """Has changes told to a listener.

        Raises:
            TypeError: It is none.
        """
        lacking = [name for name in METHODS if not callable(getattr(listener, name, None))]
        if lacking:
            raise TypeError(
                f"add_listener({short(listener)}): expected a Listener, this has no method "
                f"{', '.join(lacking)}. Derive its class from experimaestro.Listener"
            )
        self.listeners = (*self.listeners, listener)
        self.loop.listen(self.files.run, self._tell)

    def _tell(self, job: str, *, is_new: bool) -> None:
        what = f"the listener for {job}"
        seen = self.job(job)
        for one in self.listeners:
            call = one.on_job_submitted if is_new else one.on_job_state_changed
            self.callbacks.call(what, partial(call, seen))

    def tell_service(self, service: Any) -> None:
        """Tells listeners that a service was added."""
        for one in self.listeners:
            self.callbacks.call("the listener for a service", partial(one.on_service_added, service))

    def on_completed(self, key: str, callback: Callable[[], object]) -> None:
        """See `context.Submitter.on_completed`."""
        self.loop.on_done(key, lambda: self.callbacks.call(f"a callback of {key}", callback))

    def watch(self, key: str, watch: context.Watch) -> None:
        """See `context.Submitter.watch`."""
        watched = Watched(key, self._first(key), watch)
        self._watched.append(watched)
        self._follow(watched)

    def watch_again(self) -> None:
        """Follows outputs again, where the run is open again."""
        for watched in self._watched:
            self._follow(watched)

    def _follow(self, watched: Watched) -> None:
        def begin() -> None:
            self.loop.spawn(self._read_outputs(watched), is_awaited=True)

        if self.status == "running" and self.loop.post(begin):
            return
        is_all = False
        while not is_all:  # nobody reads for a run that has ended: here what is there
            is_all = self._give_out(
                watched, *read_outputs(JobPaths.of(self.workspace, watched.key), watched.offset)
            )

    def _give_out(self, watched: Watched, given: Sequence[Given], offset: int) -> bool:
        """Has what was read called; says whether it was nothing."""
        before, watched.offset = watched.offset, offset
        for one in watched.new(given):
            what = f"the output {one.key} of {watched.key}"
            self.callbacks.call(what, output_call(watched, one))
        return offset == before

    async def _read_outputs(self, watched: Watched) -> None:
        """Has what a job gives out called until the run has ended; in the loop's thread."""
        key = watched.key
        paths = JobPaths.of(self.workspace, key)
        while True:
            is_open = self.status == "running"
            end = self.loop.end_of(key)
            try:
                read = await self.loop.in_pool(read_outputs, paths, watched.offset)
            except OSError as error:
                log.warning("the outputs of %s cannot be read: %s", key, error)
                is_all = True
            else:
                is_all = self._give_out(watched, *read)
            if end is not None and is_all:
                watched.read = end
                self.loop.post(lambda: None)
            if is_all and not is_open:
                return
            while self.status == "running":
                await asyncio.sleep(OUTPUTS_S)
                if end is None or not is_all or end != self.loop.end_of(key):
                    break  # else nothing new comes before the job is run again, though it be done

    def is_quiet(self) -> bool:
        """Whether no call of the user's code is pending, and no output unread; in the loop's thread."""
        return self.callbacks.pending == 0 and all(
            watched.read == self.loop.end_of(watched.key) for watched in self._watched
        )

    # Other processes.

    async def serve_inbox(self) -> None:
        """Does what other processes ask for, until the run ends; in the loop's thread."""
        while self.status == "running":
            try:
                for one in await self.loop.in_pool(inbox.received, self.files.paths):
                    self._obey(one)
                    await self.loop.in_pool(inbox.remove, one)
            except OSError as error:
                log.warning("the inbox of %s cannot be read: %s", self.files.run, error)
            await asyncio.sleep(INBOX_S)

    def _obey(self, received: inbox.Received) -> None:
        command, error = received.command, received.error
        if command is not None:
            # In the loop's thread, which waits for no lock: the run is open, so nothing has to be opened.
            do: dict[str, Callable[[], None]] = {
                "kill": lambda: self.kill(command.jobs),
                "retry": lambda: self.loop.retry(command.jobs),
                "stop": self.stop,
                "continue": lambda: self._post(TaskContinued(t=time.time(), task=command.task)),
                "stop service": lambda: self._stop_service(command.service),
            }
            try:
                do[command.do]()
            except ExperimaestroError as refused:
                error = str(refused)
        if error:
            log.warning("%s", error)
        self.loop.post(
            CommandReceived(
                t=time.time(),
                run=self.files.run,
                id=received.id,
                do="" if command is None else command.do,
                error=error,
            )
        )

    def _stop_service(self, service: str) -> None:
        """Stops a service; it takes a while, and so is done in a thread of its own.

        Raises:
            ServiceError: There is no such service.
        """
        found = self.services.get(service)
        if not isinstance(found, WebService):
            names = ", ".join(self.services) or "none"
            raise ServiceError(f"the run has no service {service!r} that can be stopped. It has: {names}")
        self.callbacks.call(f"stopping the service {service}", found.stop)

    # What a person may do with its jobs.

    def kill(self, jobs: Sequence[str]) -> None:
        """Ends jobs of the run; see `Loop.kill`."""
        self.loop.kill(jobs)

    def retry(self, jobs: Sequence[str]) -> None:
        """Runs failed jobs again, and those that did not run because of them; reopens a run that has ended.

        Raises:
            ExperimentStopped: Another run of the experiment is open.
        """
        self.act(lambda: self.loop.retry(jobs))

    def stop(self) -> None:
        """Starts no job any more; those that run go on."""
        self._post(RunStopped(t=time.time(), run=self.files.run, why="the experiment was stopped"))

    def _post(self, event: Event) -> None:
        self.loop.post(event)

    def continue_task(self, task: str) -> None:
        """Starts jobs again of a task that was paused."""
        self.act(lambda: self._post(TaskContinued(t=time.time(), task=task)))

    def add_action(self, action: Config) -> None:
        """See `context.Submitter.add_action`.

        Raises:
            ConfigurationError: It is no action, or a parameter is missing.
            ExperimentStopped: The run has ended.
        """
        if self.status != "running":
            raise ExperimentStopped(f"the run {self.files.run} has ended: the action is not added")
        self.files.add_action(action, described(action))
        self.actions.append(action)

    def _path(self) -> Sequence[str]:
        """`sys.path` for jobs, as it is now and where we are now, after what the workspace adds."""
        here = os.getcwd() if "" in sys.path or "." in sys.path else ""  # noqa: PTH109 - a string
        seen = [here, *(os.fspath(one) for one in self.place.python_path), *sys.path]
        if seen != self._last_path[0]:
            added = [os.path.abspath(one) for one in self.place.python_path]  # noqa: PTH100 - links are kept
            self._last_path = seen, (*added, *users_path(sys.path))
        return self._last_path[1]
