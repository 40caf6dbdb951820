"""The `experiment` object that users hold: it opens a run, takes tasks, waits, and ends.

Rules: in one process, the real path of a workspace and a name stand for one open run: a second
`experiment` of the same names joins it. A run belongs to one process for life. Blocking calls
have an awaitable twin; interrupting a wait stops nothing. The folder is changed only by `start`,
after everything that can be checked was checked.

An open run is the `Submitter` that the core knows: starting one fills the slot of `core.context`,
ending it empties the slot again.
"""

import asyncio
import atexit
import contextlib
import os
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from experimaestro import waiting
from experimaestro.core import context
from experimaestro.core.objects import Config, Task
from experimaestro.core.objects.actions import Action
from experimaestro.core.objects.outputs import HasOutputs, SubmitsItself
from experimaestro.core.problems import short
from experimaestro.events.states import JobState
from experimaestro.exceptions import (
    FailedExperiment,
    FormatError,
    GracefulExperimentExit,
    NoExperimentError,
    SubmissionError,
    WaitInterrupted,
    WorkspaceError,
)
from experimaestro.launchers import DirectLauncher
from experimaestro.launchers.base import check_variable
from experimaestro.monitor import dataframe, drawing, failures, uncaught
from experimaestro.monitor.terminal import TerminalView
from experimaestro.notebook import kernel
from experimaestro.scheduler import arguments, holding, lifetime
from experimaestro.scheduler.dryrun import DryRun
from experimaestro.scheduler.job import Job
from experimaestro.scheduler.lifetime import say
from experimaestro.scheduler.listener import Listener
from experimaestro.scheduler.modes import RunMode
from experimaestro.scheduler.openrun import OpenRun, Status
from experimaestro.scheduler.rehearsal import rehearse
from experimaestro.scheduler.services import Service, Services, web
from experimaestro.scheduler.services.links import is_kernel
from experimaestro.scheduler.workspace import Workspace
from experimaestro.settings import HistorySettings, Settings, WorkspaceSettings, get_settings
from experimaestro.tokens import CounterToken
from experimaestro.workspace import git, recorded
from experimaestro.workspace.git import DirtyGitAction
from experimaestro.workspace.history import Limits
from experimaestro.workspace.layout import JobPaths, RunPaths
from experimaestro.workspace.processes import host_name

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Unpack

    from experimaestro.notebook.widget import ExperimentWidget

T = TypeVar("T")
TaskT = TypeVar("TaskT", bound=Task)
ServiceT = TypeVar("ServiceT", bound=Service)

_current: "list[experiment]" = []


class experiment:  # noqa: N801 - the name of the compatible API
    """An experiment: tasks that are submitted while it is open are run, each once.

    Use it as a block, which waits at its end, or with `start`, `wait` and `stop`. Several
    `experiment` objects of one workspace and name are the same run while it is open.

    Args:
        env: Folder of the workspace, made if it does not exist; or a `settings.WorkspaceSettings`,
            whose variables the jobs get.
        name: Name of the experiment; a folder of that name holds its runs.
        workers: Jobs at once on this machine; None: one for each core that this process may use
            (affinity and container quota). Given by the first experiment of a workspace.
        display: Whether to show the progress, in a notebook as a live view, elsewhere on standard
            error; None: yes.
        run_mode: `RunMode.DRY_RUN` only says what would be run; see `RunMode` for others.
        on_failure: What the first failed job means for the others: "continue" runs all that do not
            need it; "stop" starts nothing more.
        dirty_git: What `start` does when the code has changes that are not committed: that of the
            script, or of the working directory of a notebook, and of `project_paths`.
        project_paths: More files or folders whose commit and changes are recorded with the run,
            beside those of the script and of the submitted tasks; None: no others.
        launcher: What starts tasks that are submitted without one: a `DirectLauncher`, which adds its
            variables; None: processes of this machine.
        **earlier: What earlier versions took; it has no effect, which is told.

    Raises:
        WorkspaceError: An argument is wrong, such as a `name` that cannot name a folder.

    Example:
        >>> with experiment("runs", "first") as xp:                   # doctest: +SKIP
        ...     Train.C(lr=1e-3).submit()
    """

    CURRENT: "experiment | None" = None
    """The experiment that was started last and is open, or waits for the run of another process"""

    def __init__(
        self,
        env: str | os.PathLike[str],
        name: str,
        *,
        workers: int | None = None,
        display: bool | None = None,
        run_mode: RunMode | None = RunMode.NORMAL,
        on_failure: Literal["continue", "stop"] = "continue",
        dirty_git: DirtyGitAction = DirtyGitAction.WARN,
        project_paths: Sequence[str | os.PathLike[str]] | None = None,
        launcher: DirectLauncher | None = None,
        **earlier: "Unpack[arguments.Earlier]",
    ) -> None:
        arguments.tell_earlier(earlier)
        run_mode = RunMode.NORMAL if run_mode is None else run_mode
        arguments.check_options(run_mode, on_failure, workers, launcher)
        self._folder = arguments.folder_of(env, name)
        self.name = name
        self._workers = workers
        self._stops = on_failure == "stop"
        self._display = display is not False
        self.run_mode = run_mode
        self._run: OpenRun | None = None
        self._hold: holding.Hold | None = None
        """What keeps it from starting: the run of another process, or an error that came while it waited"""
        self._claim = holding.Claim(self._begin, self._hold_ended)
        self.tells_interruption = True
        """Whether a block that is left by Ctrl-C says what goes on; the command line says it itself"""
        self._dry: DryRun | None = None
        self._widget: ExperimentWidget | None = None
        settings = WorkspaceSettings(path=Path(self._folder), env=dict(getattr(env, "env", {})))
        settings.max_retries = getattr(env, "max_retries", settings.max_retries)  # of a WorkspaceSettings
        settings.folders = list(getattr(env, "folders", ()))  # same
        self._retries = settings.max_retries
        self.workspace = Workspace(Settings(), settings, run_mode, launcher)
        """The workspace: its folder, and how jobs are run there"""
        self._limits: HistorySettings | None = getattr(env, "history", None)  # same
        self._dirty_git = dirty_git
        paths = [os.path.abspath(path) for path in project_paths or ()]  # noqa: PTH100 - links are kept
        self._code = [*filter(None, [git.main_script()]), *paths]

    # Life.

    def start(self) -> "experiment":
        """Opens a run, or joins the one that is open in this process. Does not wait for jobs.

        If another process has an open run of this experiment, waits for its end, and says so; in a
        notebook returns at once, shows that run, and begins when it has ended.

        Returns:
            Itself.

        Raises:
            WorkspaceError: The folder cannot be a workspace; it is left as it was.
            DirtyGitError: The code has changes that are not committed, and `dirty_git` is `ERROR`.
            KeyboardInterrupt: The wait was interrupted; nothing was started.
        """
        self._open()
        if not is_kernel():
            self._wait_for_turn()
        return self

    def _open(self) -> None:
        """Opens or joins a run, or begins to wait for the end of that of another process; shows it."""
        if self.run_mode is not RunMode.NORMAL:
            self._dry = rehearse(self.run_mode, self._folder, self.workspace.attached)
            self._become_current()
            return
        self._look_at_git()
        with lifetime.lock:
            hold = holding.begin_or_hold(self._folder, self.name, self._claim)
            if hold is not None and hold is not self._hold:
                self._hold, self._widget = hold, None
            self._become_current()
        if hold is not None:
            say(f"the experiment {self.name!r} is open in {hold.holder}: waiting for its end")
        if self._display and is_kernel():
            no_files_yet = () if hold is None else (WorkspaceError, FormatError)
            with contextlib.suppress(*no_files_yet):
                self.widget.show()

    def _begin(self) -> bool:
        """Opens a run or joins the one of this process, with `lifetime.lock` held; whether it could."""
        run = lifetime.join_or_open(self._wanted(), self._show)
        if run is None:
            return False
        self._run, self._hold, self.workspace = run, None, run.place
        return True

    def _hold_ended(self) -> None:
        """A hold has ended, with `lifetime.lock` held: by a run, by an error, or since it was given up."""
        hold = self._hold
        if hold is None:
            self._set_current()
            if self._widget is not None and self._run is not None:
                self._widget.follow(self._run)
            return
        told = hold.refusal()
        if hold.error is None:
            self._let_go()
            told = (
                f"the experiment {self.name!r} was given up: nothing begins when this run, of {hold.holder}, "
                "ends. start() tries again"
            )
        if self._widget is not None:
            self._widget.tell(f"{told[0].upper()}{told[1:]}.")
        elif hold.error is not None and is_kernel():
            say(told)

    def _let_go(self) -> None:
        """Begins no more by itself."""
        with lifetime.lock:
            if self._hold is not None:
                self._hold = None
                self._leave_current()

    def _wait_for_turn(self) -> None:
        """Blocks while another process has the run; if that fails, waits no more, and has nothing open."""
        hold = self._hold
        if hold is not None:
            try:
                hold.wait(self._claim, kernel.pump)
            except BaseException:
                self.stop()
                raise

    async def _wait_for_turn_async(self) -> None:
        hold = self._hold
        if hold is not None:
            try:
                await hold.wait_async(self._claim, kernel.pump)
            except BaseException:
                await asyncio.to_thread(self.stop)
                raise

    def wait(self) -> None:
        """Blocks until no job of the run is unfinished.

        Raises:
            FailedExperiment: Jobs failed.
            KeyboardInterrupt: The wait was interrupted, or `stop` called meanwhile; the jobs go on.
            SubmissionError: It is called by what the run waits for: a callback.
        """
        if self._dry is not None:
            return
        run = self._to_wait_for()
        try:
            waiting.wait(lifetime.finished(run), kernel.pump)
        except KeyboardInterrupt:
            unfinished = run.ask(lambda _, row: row.open)
            raise WaitInterrupted(unfinished) from None
        self._waited(run, run.ask(lambda _, row: row.open))

    def _to_wait_for(self) -> OpenRun:
        run = self._opened()
        if run.callbacks.is_mine:
            raise SubmissionError(
                "wait() in a callback would wait for itself: the run is finished when the callback is over. "
                "Submit tasks and return, or wait for one of them: task.wait()"
            )
        return run

    def _waited(self, run: OpenRun, unfinished: int) -> None:
        """After a wait for a run."""
        self._save_view()
        if unfinished and run.status != "running":
            raise WaitInterrupted(unfinished, "the experiment was stopped")
        self._raise_failures(run)

    def __await__(self) -> Generator[Any, None, None]:
        """Waits until no job of the run is unfinished; other coroutines go on. See `wait`."""
        return self._wait_async().__await__()

    async def _wait_async(self) -> None:
        if self._dry is not None:
            return
        run = self._to_wait_for()
        try:
            await waiting.wait_async(lifetime.finished(run), kernel.pump)
        except asyncio.CancelledError:
            if not waiting.is_of_cell():
                raise  # a task of the user's, which was cancelled on purpose
            unfinished = await asyncio.to_thread(run.ask, lambda _, row: row.open)
            raise WaitInterrupted(unfinished) from None
        self._waited(run, await asyncio.to_thread(run.ask, lambda _, row: row.open))

    def stop(self) -> None:
        """Ends the run. Jobs that run go on by themselves; those that wait are not started.

        While another process has the run: does not begin when that run ends. `start` waits for it again.
        """
        if self._dry is not None:
            self._dry.close()
            self._leave_current()
            return
        hold = self._hold
        if hold is not None:
            hold.give_up()
            self._let_go()
        if self._run is not None:
            self._run.services.stop()  # also of a run that has ended: in a notebook they outlive it
            lifetime.end(self._run, None)

    def __enter__(self) -> "experiment":  # noqa: PYI034 - start() may not be of a sub-class
        self.start()
        self._wait_for_turn()  # also in a notebook: the block needs a run
        if self._dry is None:
            self._opened().blocks += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._dry is not None:
            is_left = isinstance(error, GracefulExperimentExit)
            self._dry.close(by_error=error is not None and not is_left)
            self.stop()
            return is_left
        run = self._opened()
        try:
            if error is None:
                self.wait()
        except KeyboardInterrupt:
            self._leave_block(run, "detached")
            raise
        except BaseException:
            self._leave_block(run, None)
            raise
        self._leave_block(run, _status_after(error))
        return isinstance(error, GracefulExperimentExit)

    async def __aenter__(self) -> "experiment":  # noqa: PYI034 - same
        await asyncio.to_thread(self._open)
        await self._wait_for_turn_async()
        if self._dry is None:
            self._opened().blocks += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._dry is not None:
            is_left = isinstance(error, GracefulExperimentExit)
            self._dry.close(by_error=error is not None and not is_left)
            self.stop()
            return is_left
        run = self._opened()
        try:
            if error is None:
                await self
        except (asyncio.CancelledError, KeyboardInterrupt):
            await asyncio.to_thread(self._leave_block, run, "detached")
            raise
        except BaseException:
            await asyncio.to_thread(self._leave_block, run, None)
            raise
        await asyncio.to_thread(self._leave_block, run, _status_after(error))
        return isinstance(error, GracefulExperimentExit)

    # What users ask.

    @classmethod
    def current(cls) -> "experiment":
        """The experiment that was started last and is open.

        Raises:
            SubmissionError: None is open; it is an AssertionError as well.
        """
        if cls.CURRENT is None:
            raise NoExperimentError(
                'No current experiment defined. Open one: with experiment("runs", "name"): ...'
            )
        return cls.CURRENT

    @property
    def status(self) -> Status:
        """`new` before `start`, then `running`, and at the end `done`, `failed` or `detached`.

        `held` as long as it waits for the run of another process; `failed` if it could not begin then.
        """
        if self._dry is not None:
            return "running" if self._dry.is_open else "done"
        hold = self._hold
        if hold is not None:
            return "held" if hold.error is None else "failed"
        return "new" if self._run is None else self._run.status

    @property
    def workdir(self) -> Path:
        """Folder of the run; in a dry run and the like a temporary one, which is removed at the end."""
        return Path(self._paths_of_run().folder)

    @property
    def resultspath(self) -> Path:
        """Folder for what the user makes of the run's results; not made by the library."""
        return Path(self._paths_of_run().results)

    @property
    def run_id(self) -> str:
        """Name of the run: the local time of its start; `dry-run` in that mode."""
        return "dry-run" if self._dry is not None else self._opened().run_id

    @property
    def jobspath(self) -> Path:
        """Folder of links to the jobs of the run."""
        return Path(self._paths_of_run().jobs)

    @property
    def started_at(self) -> datetime | None:
        """When the run was opened, in local time; None before."""
        return None if self._run is None else datetime.fromtimestamp(self._run.started_at).astimezone()

    @property
    def ended_at(self) -> datetime | None:
        """When the run ended, in local time; None before."""
        ended = None if self._run is None else self._run.ended_at
        return None if ended is None else datetime.fromtimestamp(ended).astimezone()

    @property
    def hostname(self) -> str:
        """Name of the machine on which this process runs."""
        return host_name()

    @property
    def failed(self) -> bool:
        """Whether jobs of the run have failed, or did not run because of others."""
        return self._dry is None and self._opened().ask(lambda _, row: row.counts[JobState.ERROR] > 0)

    @property
    def jobs(self) -> Mapping[str, Job]:
        """The jobs of the run by their identifiers, in the order of submission; none in a dry run."""
        return {} if self._dry is not None else self._opened().jobs()

    @property
    def tags(self) -> Mapping[str, Mapping[str, Any]]:
        """The tags of each job of the run, by its identifier."""
        return {identifier: job.tags for identifier, job in self.jobs.items()}

    @property
    def dependencies(self) -> Mapping[str, Sequence[str]]:
        """The identifiers of the jobs that each job of the run needs, by its identifier."""
        return {
            identifier: [needed.rpartition("/")[2] for needed in job.dependencies]
            for identifier, job in self.jobs.items()
        }

    @property
    def actions(self) -> Sequence[Config]:
        """What was added by `add_action`."""
        return () if self._dry is not None else tuple(self._opened().actions)

    @property
    def experiment_id(self) -> str:
        """The same as `name`."""
        return self.name

    def setenv(self, name: str, value: str, override: bool = True) -> None:
        """Sets an environment variable of the jobs that are submitted from now on.

        Args:
            name: Name of the variable.
            value: Its value; the job has it beside all variables of this process.
            override: Whether to replace a value that was set before.
        """
        run = None if self._dry is not None else self._opened()
        check_variable(name, value)
        if run is not None and (override or name not in run.environment):
            run.environment = {**run.environment, name: value}  # jobs submitted before keep theirs

    @overload
    def submit(self, task: SubmitsItself[T]) -> T: ...
    @overload
    def submit(self, task: HasOutputs[T]) -> T: ...
    @overload
    def submit(self, task: TaskT) -> TaskT: ...
    def submit(self, task: Any) -> Any:
        """Submits a task to this experiment, whichever was started last.

        Args:
            task: A task's configuration.

        Returns:
            What `task.submit()` does.

        Raises:
            ExperimentStopped: The experiment has ended.
        """
        if not hasattr(task, "submit"):
            raise SubmissionError(f"submit({short(task)}): expected the configuration of a task, Cls.C(...)")
        token = context.named.set(self._dry or self._opened())
        try:
            return task.submit()
        finally:
            context.named.reset(token)

    def token(self, name: str, count: int | None = None) -> CounterToken:
        """A limited number of something that tasks take while they run, shared by all processes.

        Args:
            name: Name of the token.
            count: How much there is in all; None: what `tokens.yaml` of the settings says.

        Returns:
            The token: `token(1, task).submit()` makes a task take 1.

        Raises:
            SubmissionError: `count` is no whole number from 1 up, or nothing says it.
            WorkspaceError: `name` cannot name a folder.
        """
        return CounterToken(name, count)

    def kill(self, *tasks: Task) -> None:
        """Asks the jobs of tasks to end: those that run get SIGTERM, and after 10 s SIGKILL.

        Those that wait are not started; tasks that need them are skipped. Returns at once.

        Args:
            tasks: Submitted tasks; none: all that are not finished.
        """
        run = self._opened()
        run.kill([_key(task) for task in tasks] or run.ask(lambda _, row: list(row.jobs)))

    def retry(self, *tasks: Task) -> None:
        """Runs failed jobs again, and those that did not run because of them. Returns at once.

        Also after the end of the run: it is then open again until they are finished.

        Args:
            tasks: Submitted tasks; none: all that failed.

        Raises:
            ExperimentStopped: Another run of the experiment is open.
        """
        run = self._opened()
        run.retry([_key(task) for task in tasks] or run.ask(lambda _, row: list(row.jobs)))

    @property
    def widget(self) -> "ExperimentWidget":
        """The live view as an ipywidget: to observe, to link, to put into a box. One for each run."""
        from experimaestro.notebook import widget  # heavy, and only for who looks

        hold = self._hold
        if hold is None:
            self._widget = widget.widget_of(self._opened(), self.name, self._is_current)
        elif self._widget is None:
            self._widget = widget.widget_of_another(self._folder, self.name, hold.holder, self._is_current)
            if hold.error is not None:
                self._widget.tell(hold.refusal())
        return self._widget

    def _is_current(self) -> bool:
        return experiment.CURRENT is self and self._hold is None

    def _save_view(self) -> None:
        """Brings what a notebook saves up to date now: its kernel may be ended right after a wait."""
        if self._widget is not None:
            self._widget.save()

    def _ipython_display_(self) -> None:
        if self._run is None and self._hold is None and self._widget is None:
            print(repr(self))  # noqa: T201 - what a notebook shows of an object without a view
        else:
            self.widget.show_once()

    def __repr__(self) -> str:
        return f"<experiment {self.name!r} in {self._folder}: {self.status}>"

    def add_action(self, action: Action) -> None:
        """Notes what a person may do with the results: it is kept with the run.

        Args:
            action: A configuration; it is sealed.

        Raises:
            ConfigurationError: It is no action, or a parameter is missing.
            ExperimentStopped: The run has ended.
        """
        (self._dry or self._opened()).add_action(action)

    def save(self, obj: Any, name: str = "default") -> None:
        """Saves configurations with the run, for later runs and other experiments; see `experimaestro.save`.

        Args:
            obj: A configuration, or lists and dictionaries of them.
            name: Names what is saved; what the run saved under it before is replaced.

        Raises:
            ConfigurationError: Something in `obj` cannot be saved.
        """
        if self._dry is None:
            recorded.save_in_run(self._paths_of_run(), name, obj)

    def load(self, experiment: str, name: str = "default", run_id: str | None = None) -> Any:
        """What a run of an experiment of this workspace saved with `save`.

        Args:
            experiment: Name of the experiment.
            name: What `save` was given.
            run_id: The run; None: the newest that saved something under this name, an open one included.

        Returns:
            The configurations: tasks that use them do not wait for the tasks that made them.

        Raises:
            FileNotFoundError: Nothing was saved; the text says what there is.
        """
        return recorded.load_from_runs(self._folder, experiment, name, run_id)

    def add_service(self, service: ServiceT) -> ServiceT:
        """Adds a service, such as TensorBoard, to the run. It is not started.

        In a script it lives at most until the block ends; in a notebook until it is stopped,
        `stop` is called, or the kernel ends.

        Args:
            service: The service. One of the same id is stopped and replaced, with a warning.

        Returns:
            The service.

        Raises:
            ServiceError: It is no service, or has no id.
        """
        if self._dry is not None:
            return self._dry.services.add(service, self)
        run = self._opened()
        added = run.services.add(service, self)
        run.tell_service(added)
        return added

    def add_listener(self, listener: Listener) -> None:
        """Has the changes of jobs, and new services, told to a listener from now on.

        Args:
            listener: Its methods are called in a thread of its own, one at a time.

        Raises:
            TypeError: It has not all methods of a `Listener`.
        """
        if self._dry is None:
            self._opened().add_listener(listener)

    def dataframe(self) -> "pd.DataFrame":
        """A table with a row for each job of the run, as it is now.

        Returns:
            Columns `job`, `task`, the tags, the parameters (those inside others with dots: `optim.lr`),
            `state`, `failure`, `started`, `ended` (local time), `duration` (s), `folder`, and what the
            tasks returned from `execute`.

        Raises:
            ImportError: pandas is not installed.
        """
        if self._dry is not None:
            return dataframe.dataframe([])
        run = self._opened()
        run.files.flush()
        objects = dataframe.read_objects(run.files.paths.objects_jsonl)
        name = run.files.run
        jobs = run.loop.ask(lambda state: dataframe.jobs_of(state, name)).result()
        return dataframe.dataframe(dataframe.records(jobs, objects, self._paths))

    @property
    def services(self) -> Services:
        """The services of the run, by id."""
        return (self._dry or self._opened()).services

    # What they share.

    def _paths_of_run(self) -> RunPaths:
        if self._dry is not None:
            return self._dry.run_paths(self.name)
        return self._opened().files.paths

    def _opened(self) -> OpenRun:
        if self._dry is not None:
            raise SubmissionError(
                f"the experiment {self.name!r} is a rehearsal ({self.run_mode.value}): "
                "it has no jobs to look at"
            )
        hold = self._hold
        if hold is not None:
            raise SubmissionError(hold.refusal())
        if self._run is None:
            raise SubmissionError(
                f"the experiment {self.name!r} is not started: call start(), or use it as a block (with ...)"
            )
        return self._run

    def _wanted(self) -> lifetime.Wanted:
        limits = self._limits or get_settings().history
        return lifetime.Wanted(
            workspace=self._folder,
            name=self.name,
            workers=self._workers,
            stops=self._stops,
            place=self.workspace,
            code=self._code,
            limits=Limits(limits.max_done, limits.max_failed),
            retries=self._retries,
        )

    def _show(self, run: OpenRun) -> None:
        """Shows a new run in the terminal."""
        run.at_end.append(lambda: _leave_all(run))
        if self._display and not is_kernel():
            view = TerminalView(run.loop.ask, run.files.run, self.name, self._paths, run.loop.workers)
            view.start()
            run.after_end.append(view.stop)
            uncaught.tell_once()

    def _look_at_git(self) -> None:
        """Refuses code that has changes, or tells them, as was asked for."""
        if self._dirty_git is DirtyGitAction.ERROR:
            git.check(self._code, self._dirty_git)
        elif self._display:  # only to tell something, nobody waits long
            for text in git.check(self._code, self._dirty_git, timeout_s=1.0):
                say(f"warning: {text}")

    def _raise_failures(self, run: OpenRun) -> None:
        if run.loop.failure is not None:
            raise run.loop.failure
        failed = run.ask(
            lambda state, row: (
                [state.jobs[key] for key in row.jobs if state.jobs[key].state is JobState.ERROR]
                if row.counts[JobState.ERROR]
                else []
            ),
        )
        wrong = [failures.report(failed, self._paths)] if failed else []
        wrong += run.callbacks.errors
        if wrong:
            was_shown = self._display and not is_kernel() and not run.callbacks.errors
            heading = f"{wrong[0].splitlines()[0]}. {failures.RETRY}"
            raise FailedExperiment("\n".join(wrong), heading if was_shown else "")

    def _paths(self, key: str) -> JobPaths:
        return JobPaths.of(self._folder, key)

    def _leave_block(self, run: OpenRun, status: Literal["failed", "detached"] | None) -> None:
        """Ends the run when its last block ends; says what goes on if nobody waits for it."""
        run.blocks -= 1
        if run.blocks > 0 and status is None:
            return
        unfinished = run.ask(lambda _, row: row.open) if status == "detached" else 0
        if not is_kernel():  # in a notebook their pages stay, until `stop` or the kernel's exit
            run.services.stop()
        lifetime.end(run, status)
        if unfinished and self.tells_interruption:
            say(
                f"interrupted: {unfinished} unfinished job{'s' if unfinished > 1 else ''} of {self.name!r}: "
                "those that run go on, run the same code again for the rest"
            )

    def _become_current(self) -> None:
        if self in _current:
            _current.remove(self)
        _current.append(self)
        self._set_current()

    def _leave_current(self) -> None:
        if self in _current:
            _current.remove(self)
        self._set_current()

    @staticmethod
    def _set_current() -> None:
        now = experiment.CURRENT = _current[-1] if _current else None
        context.current = None if now is None else now._dry or now._hold or now._run  # noqa: SLF001 - our own


def _leave_all(run: OpenRun) -> None:
    """A run ends: it is nobody's current one any more."""
    for one in [one for one in _current if one._run is run and one._hold is None]:  # noqa: SLF001 - our own
        one._leave_current()  # noqa: SLF001 - same


def _key(task: Task) -> str:
    """The key of a submitted task."""
    info = getattr(task, "__xpm__", None)
    if info is None or info.key is None:
        raise SubmissionError(f"{task!r} was not submitted: only jobs are killed and retried")
    return info.key  # type: ignore[no-any-return] # a str


def _status_after(error: BaseException | None) -> Literal["failed", "detached"] | None:
    """How a run ends whose block was left: on purpose, by an error, or at its end."""
    if error is None:
        return None
    left = (KeyboardInterrupt, asyncio.CancelledError, SystemExit, GracefulExperimentExit)
    return "detached" if isinstance(error, left) else "failed"


def _leave() -> None:
    """At the exit of the process: open runs are detached, their jobs go on."""
    web.leave()
    holding.leave()
    lifetime.leave()


def _forget_in_fork() -> None:
    """A process that the user forks has none of our threads: nothing in it is its to run or to write."""
    web.forget()
    holding.forget()
    lifetime.forget()
    for one in _current:
        one._hold = None  # noqa: SLF001 - our own
    _current.clear()
    experiment.CURRENT = context.current = None


def _widget_of_service(service: Service) -> Any:
    from experimaestro.notebook.service_widget import widget_of  # heavy, and only for who looks

    return widget_of(service)


Service.make_widget = _widget_of_service
context.draw, context.line = drawing.drawn, drawing.line
atexit.register(_leave)
os.register_at_fork(after_in_child=_forget_in_fork)
