"""`Task` and the way of one task out of the core.

Rules: `submit` touches no disk but to find a class the first time that it sees it, starts no thread
and hands over nothing that changes; what it costs does not grow with the tasks submitted before.
"""

import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from math import inf
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from experimaestro.core import context
from experimaestro.core.base import Configuration, Information, place
from experimaestro.core.identifier import Walk
from experimaestro.core.objects.config import Config
from experimaestro.core.objects.hooks import SubmitHook
from experimaestro.core.objects.outputs import HasOutputs, Marker, SubmitsItself
from experimaestro.core.objects.sealing import check, seal, unseal
from experimaestro.core.problems import Mismatch, Problem, failure, short
from experimaestro.core.references import refused_object
from experimaestro.core.serialization import dump_objects
from experimaestro.core.source import has_notebook
from experimaestro.core.tags import Stopped, TagDict, union
from experimaestro.exceptions import NotSubmittedError, SubmissionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypedDict

    from typing_extensions import Self, Unpack

    from experimaestro.core.cells import Shipped
    from experimaestro.core.definition import Definition

    class _Options(TypedDict, total=False):
        """What `Task.submit` takes."""

        init_tasks: "Sequence[LightweightTask]"
        launcher: Any
        priority: int
        max_retries: int | None
        transient: int | None
        workspace: Any
        run_mode: Any


T = TypeVar("T")


class LightweightTask(Config):
    """What runs in the process of a task before it, when given as `init_tasks` to `submit`.

    You must provide `execute`.
    """

    def execute(self) -> Any:
        """What the task does, in its own process.

        Returns:
            None, or what it found out, as JSON values (a number, a dictionary of numbers, ...): it is
            kept in `results.json` of the job, and in the table of `experiment.dataframe`.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no method `execute`")


class Task(LightweightTask):
    """Base of what runs as a job: in a process and a folder of its own, once for each identity.

    You must provide `execute`; for that you get `submit`.

    Example:
        >>> class Train(Task):  # doctest: +SKIP
        ...     lr: Param[float]
        ...
        ...     def execute(self):
        ...         print(self.lr)
        >>> Train.C(lr=1e-3).submit()  # doctest: +SKIP
    """

    _xpm_is_job: ClassVar[bool] = True

    @overload
    def submit(self: SubmitsItself[T], **options: "Unpack[_Options]") -> T: ...
    @overload
    def submit(self: HasOutputs[T], **options: "Unpack[_Options]") -> T: ...
    @overload
    def submit(
        self,
        *,
        init_tasks: "Sequence[LightweightTask]" = (),
        launcher: Any = None,
        priority: int = 0,
        max_retries: int | None = None,
        transient: int | None = None,
        workspace: Any = None,
        run_mode: Any = None,
    ) -> "Self": ...
    def submit(
        self,
        *,
        init_tasks: "Sequence[LightweightTask]" = (),
        launcher: Any = None,
        priority: int = 0,
        max_retries: int | None = None,
        transient: int | None = None,
        workspace: Any = None,
        run_mode: Any = None,
    ) -> Any:
        """Hands the task to the open experiment, which runs it when it can.

        Args:
            init_tasks: Lightweight tasks run before it, in its process. They are part of its
                identity.
            launcher: What starts its process; None: that of the experiment.
            priority: Of the tasks that could start, the one with the highest comes first.
            max_retries: How often a `ResumableTask` is resumed after it ran out of time; None: as
                often as the workspace says (3).
            transient: A `TransientMode`: whether it is run only if a task that is run needs it; None:
                it is run.
            workspace: A `Workspace` that it is for, which may only say what would be run; None: that
                of the open experiment.
            run_mode: A `RunMode`: what is done with this task; None: as with all others. Where
                nothing is run, the mode of the experiment (or workspace) holds. A task that is run
                has the tasks run that it uses.

        Returns:
            The task itself, from now on final; or what its `task_outputs` or `__submit__` returns.

        Raises:
            ConfigurationError: Naming everything that is missing or wrong.
            SubmissionError: No experiment is open, or the task was submitted before.
            DefinitionError: A class is defined where no job can find it.
        """
        frame = sys._getframe(1)  # noqa: SLF001 - the user's line, for errors
        name = type(self).__qualname__.removesuffix(".XPMConfig")
        return self._xpm_submit(
            name,
            (frame.f_code, frame.f_lasti),
            init_tasks=init_tasks,
            launcher=launcher,
            priority=priority,
            max_retries=max_retries,
            transient=transient,
            workspace=workspace,
            run_mode=run_mode,
        )

    def _xpm_submit(
        self,
        name: str,
        where: tuple[CodeType | None, int],
        *,
        init_tasks: "Sequence[LightweightTask]" = (),
        launcher: Any = None,
        priority: int = 0,
        max_retries: int | None = None,
        transient: int | None = None,
        workspace: Any = None,
        run_mode: Any = None,
    ) -> Any:
        """See `submit`; also what is submitted is called `name` in errors, and was in the line `where`."""
        state: Information | None = self.__dict__.get("__xpm__")
        if state is None:
            raise NotSubmittedError(
                f"{name} object: only configurations are submitted. Write {name}.C(...).submit()"
            )
        submitter = _submitter(workspace, run_mode, name, where)
        info = state
        if info.key is not None:
            raise SubmissionError(f"{name}.submit(): {_submitted(info, place(*where))}")
        value: Any = info.declaration.cls.XPMValue  # type: ignore[attr-defined] # of the metaclass
        if value.execute is LightweightTask.execute:
            raise SubmissionError(
                f"{name}.submit(): {value.__qualname__} has no method `execute` to be run as a job"
            )
        options = _options(self, name, launcher, priority, max_retries, transient)
        if not isinstance(init_tasks, (list, tuple)):
            raise SubmissionError(f"{name}.submit(init_tasks={short(init_tasks)}): expected a list of tasks")
        given: tuple[Any, ...] = tuple(init_tasks)
        before_it: tuple[Any, ...] = tuple(one.value if type(one) is Stopped else one for one in given)
        tagging = [info.owner, *(one for one in given if type(one) is not Stopped)]
        _check_init_tasks(before_it, name, where)
        roots = [info.owner, *before_it]
        order = check(roots, f"{name}.submit()", where)
        for config in order:
            config.__xpm__.declaration.home  # noqa: B018 - raises if no job finds the class
        used = _used(order, submitter, name, where)
        shipped = _shipped(order, used.values())
        before = (info.digest, info.own_digest, info.init_tasks)
        info.init_tasks = before_it
        info.digest = info.own_digest = None
        sealed: list[Configuration] = []
        try:
            memo: dict[int, bytes] = {}
            walk = Walk(memo)
            identity = walk.digest(info.owner)
            key = f"{info.declaration.typename}/{identity.hex()}"
            folder = f"{submitter.workspace}/jobs/{key}"
            here = os.getcwd()  # noqa: PTH109 - a string, and fast
            sealed = seal(order, roots, memo, folder, submitter.workspace)
            info.own_digest = identity
            info.digest = None if walk.depends_on_start(info.owner) else identity
            found, conflicts = union(tagging, order)
            tags = TagDict(found)
            for line in conflicts:
                warnings.warn(f"{name}.submit(): {line}", stacklevel=3)
            submission = context.Submission(
                key=key,
                task=self,
                tags=tags,
                dependencies=tuple(used),
                uses=tuple(used.values()),
                init_tasks=before_it,
                needs=_needs(order, self, submitter.workspace),
                options=options,
                prepares=tuple(_prepares(order, self)),
                hooks=tuple(dict.fromkeys(hook for one in order for hook in _hooks(one, self))),
                objects=partial(
                    dump_objects, info.owner, before_it, submitter.workspace, folder, here, shipped
                ),
                definition=partial(_define, info.owner),
                shipped=shipped,
            )
            info.key, info.workspace, info.job_tags = key, submitter.workspace, tags
            info.submission, info.submitter = submission, submitter
            submitter.submit(submission)
            context.note_submitted(info.code, info.instruction)
        except BaseException:
            unseal(sealed)
            info.digest, info.own_digest, info.init_tasks = before
            info.key = info.workspace = info.job_tags = info.submission = info.submitter = None
            raise
        for completion in info.completions:
            submitter.on_completed(key, completion)
        for method, callback in info.watches:
            submitter.watch(key, _watch(method, callback))
        return _outputs(self, submitter)

    def on_completed(self, callback: "Callable[[], object]") -> None:
        """Has something called when the task is done, once; soon, if it is done already.

        Args:
            callback: Called without arguments in a thread of its own, one at a time; may submit tasks.
                What it raises ends the wait for the experiment.
        """
        info = _configuration(self, "on_completed")
        if not callable(callback):
            raise TypeError(f"{info.declaration.name}.on_completed({short(callback)}): expected a function")
        if info.submitter is None or info.key is None:
            info.completions = (*info.completions, callback)
        else:
            info.submitter.on_completed(info.key, callback)

    @property
    def job(self) -> Any:
        """The `Job`: where it stands, its files.

        Raises:
            AssertionError: The task was not submitted.
        """
        info = _configuration(self, "job")
        if info.submitter is None or info.key is None:
            raise NotSubmittedError(f"{info.declaration.name} (made at {info.made_at}) was not submitted")
        return info.submitter.job(info.key)

    def wait(self) -> Any:
        """Blocks until the job is done, has failed, or will not be run; returns its `JobState`."""
        return self.job.wait()

    @property
    def jobpath(self) -> "Path":
        """The folder of the job.

        Raises:
            AssertionError: The task was not submitted.
        """
        from pathlib import Path  # not needed to submit

        info: Information | None = self.__dict__.get("__xpm__")
        if info is None:
            files = self.__dict__.get("_xpm_files")
            if files is None:
                raise NotSubmittedError("an object has a folder in a running job only")
            return Path(files.folder)
        if info.key is None:
            raise NotSubmittedError(
                f"{info.declaration.name} (made at {info.made_at}) has no folder: it was not submitted"
            )
        if not info.workspace:
            raise NotSubmittedError(
                f"{info.declaration.name} has no folder that is known here: it was loaded from a file that "
                "does not say its workspace. Load it with xp.load, from_task_dir or load_xp_info"
            )
        return Path(f"{info.workspace}/jobs/{info.key}")

    def stdout(self) -> "Path":
        """The file with what the job prints."""
        return _log(self.jobpath, "out")

    def stderr(self) -> "Path":
        """The file with the errors and warnings of the job."""
        return _log(self.jobpath, "err")


class ResumableTask(Task):
    """A task that goes on where it stopped: run again in the same folder when its time was over.

    You must provide an `execute` that finds in its folder how far it came, and raises `GracefulTimeout`
    if it stops by itself before its time is over.
    """

    def watch_output(self, method: "Callable[..., T]", callback: "Callable[[T], object]") -> None:
        """Has something done with each output that the task registers while it runs.

        For each call of `register_task_output(self.method, *args)` in the job, `method(dep, *args)` is
        called here with the configuration, and `callback` with what it returned: it may submit tasks
        that use it, which do not wait for the end of this one.

        Args:
            method: A method of the task's configuration, or of one that it uses.
            callback: What to do with what the method returns; called in a thread of its own.

        Raises:
            TypeError: `method` is no method of a configuration.

        Example:
            >>> learner.watch_output(learner.checkpoint, lambda it: Test.C(of=it).submit())  # doctest: +SKIP
        """
        info = _configuration(self, "watch_output")
        if not isinstance(getattr(method, "__self__", None), Configuration):
            raise TypeError(
                f"{info.declaration.name}.watch_output({short(method)}, ...): expected a method of a "
                "configuration, as in task.watch_output(task.checkpoint, callback)"
            )
        if info.submitter is None or info.key is None:
            info.watches = (*info.watches, (method, callback))
        else:
            info.submitter.watch(info.key, _watch(method, callback))

    def register_task_output(self, method: "Callable[..., Any]", *args: Any, **kwargs: Any) -> None:
        """Says in a running job that there is an output; see `watch_output`.

        Args:
            method: A method of this object, or of one that it uses.
            args: JSON values, given to the method after its marker.
            kwargs: Same, by name.

        Raises:
            NotInJobError: No job runs here.
            TypeError: `args` are no JSON values, or `method` is none of an object of a job.
        """
        from experimaestro.core.registering import register  # only who gives something out pays for it

        register(method, args, kwargs)

    def remaining_time(self) -> float | None:
        """Seconds until the launcher ends the job; None if it has no limit."""
        return None


def _log(folder: "Path", suffix: str) -> "Path":
    return folder / f"{folder.parent.name.rpartition('.')[2]}.{suffix}"


def _submitter(
    workspace: Any, run_mode: Any, name: str, where: tuple[CodeType | None, int]
) -> context.Submitter:
    """Who takes a task over."""
    if workspace is not None:
        if not hasattr(workspace, "submitter"):
            raise SubmissionError(
                f"{name}.submit(workspace={short(workspace)}): expected a Workspace. To run it in another "
                "folder, open an experiment there"
            )
        chosen: context.Submitter = workspace.submitter(run_mode)
        return chosen
    submitter = context.named.get() or context.current
    if submitter is None:
        raise SubmissionError(
            f"{name}.submit(): no experiment is open ({place(*where)}). Open one first:\n"
            f'  with experiment("runs", "first"):\n'
            f"      {name}.C(...).submit()"
        )
    return submitter if run_mode is None else submitter.in_mode(run_mode)


def _options(
    task: Any, name: str, launcher: Any, priority: int, max_retries: int | None, transient: int | None
) -> context.Options:
    """What was asked for, checked."""
    if (type(priority), priority, max_retries, transient) == (int, 0, None, None):  # as almost always
        return context.Options(0, 0, None if isinstance(task, ResumableTask) else 0, launcher)
    transient = 0 if transient is None else transient
    given: tuple[tuple[str, Any, float, float, str], ...] = (
        ("priority", priority, -inf, inf, "a whole number"),
        ("max_retries", 0 if max_retries is None else max_retries, 0, inf, "a number from 0 up"),
        ("transient", transient, 0, 2, "a TransientMode"),
    )
    for what, value, lowest, highest, expected in given:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise SubmissionError(f"{name}.submit({what}={short(value)}): expected {expected}")
    retries = max_retries if isinstance(task, ResumableTask) else 0
    return context.Options(priority, int(transient), retries, launcher)


def _needs(order: Iterable[Any], task: Any, workspace: str) -> tuple[context.Need, ...]:
    """What a task holds while it runs: tokens of all that belongs to it, and folders that tasks share."""
    found: dict[str, context.Need] = {}
    for one in order:
        info = one.__xpm__
        if info.key is not None and one is not task:
            continue  # another job
        for need in (*info.needs, *(each.need(one, workspace) for each in info.declaration.partials)):
            before = found.get(need.folder)
            if before is None or need.folder.startswith(f"{workspace}/partials/"):
                found[need.folder] = need
            else:
                found[need.folder] = before._replace(amount=before.amount + need.amount)
    for need in found.values():
        if need.amount > need.total:
            name = task.__xpm__.declaration.name
            raise SubmissionError(
                f"{name}.submit(): it needs {need.amount} of a token of which there are {need.total} "
                f"({need.folder}), and so would wait for ever"
            )
    return tuple(found.values())


def _configuration(task: Any, what: str) -> Information:
    info: Information | None = task.__dict__.get("__xpm__")
    if info is None:
        raise NotSubmittedError(
            f"{what} is a part of the plan: call it on the configuration, not on an object"
        )
    if info.key is not None and info.submitter is None:
        raise NotSubmittedError(f"{info.declaration.name}.{what}: {_loaded(info)}")
    return info


def _submitted(info: Information, where: str) -> str:
    """Why a task is not submitted again, and what to do."""
    if info.submitter is None:
        return f"{_loaded(info)} ({where})"
    return (
        f"this task was already submitted as {info.key} ({where}). "
        "To run it with other parameters, submit a copy: task.copy()"
    )


def _loaded(info: Information) -> str:
    """What a task has that was loaded from a run, and what it has not."""
    return (
        f"this task was loaded. It was submitted before, as {info.key}, and task.jobpath has its files: "
        "to have it run again or followed, submit a copy: task.copy().submit()"
    )


def _watch(method: Any, callback: "Callable[[Any], object]") -> context.Watch:
    return context.Watch(f"{method.__self__.__identifier__()!r}/{method.__name__}", method, callback)


def _hooks(config: Configuration, task: Any) -> Iterable[SubmitHook]:
    """What the class of a configuration wants done when a task that uses it is submitted."""
    info = config.__xpm__
    return () if info.key is not None and config is not task else info.declaration.hooks


def _prepares(order: Iterable[Any], task: Any) -> Iterable[Any]:
    """What is to be prepared before a task starts; what submitted tasks use was prepared for them."""
    return (one for one in order if one.__xpm__.declaration.prepares and one.__xpm__.preparation is not task)


def _shipped(order: Sequence[Configuration], used: Iterable[context.Submission]) -> "Shipped | None":
    """What the job needs of a notebook."""
    if not has_notebook():
        return None
    from experimaestro.core.cells import shipped  # only in a notebook

    return shipped(order, [one.shipped for one in used])


def _define(task: Configuration) -> "Definition":
    from experimaestro.core.definition import define  # a job does not need it

    return define(task)


def _outputs(task: Any, submitter: context.Submitter) -> Any:
    """What `.submit()` returns: the task, or what it says that its outputs are."""
    cls = type(task)  # what an object lacks is told at length
    if hasattr(cls, "__submit__"):
        return task.__submit__(Marker(task), submitter.add_action)
    return task.task_outputs(Marker(task)) if hasattr(cls, "task_outputs") else task


def _used(
    order: Sequence[Configuration],
    submitter: context.Submitter,
    name: str,
    where: tuple[CodeType | None, int],
) -> dict[str, context.Submission]:
    """The submitted tasks among configurations, and those that some are outputs of, by their keys."""
    used = {}
    for one in order:
        task = one.__xpm__.task
        if task is None:
            continue
        info = task.__xpm__
        if info.key is not None and info.submission is not None and one.__xpm__.waits:
            if info.workspace != submitter.workspace:
                raise SubmissionError(
                    f"{name}.submit(): it uses {info.declaration.name}, which was submitted in the workspace "
                    f"{info.workspace}, and this experiment is in {submitter.workspace} ({place(*where)}). "
                    "Submit a copy of it here: task.copy().submit()"
                )
            used[info.key] = info.submission
    for one in order:  # what a job prepares
        preparation = one.__xpm__.preparation
        submission = None if preparation is None else preparation.__xpm__.submission
        if preparation and submission and preparation.__xpm__.workspace == submitter.workspace:
            used[submission.key] = submission
    return used


def _check_init_tasks(init_tasks: Sequence[Any], name: str, where: tuple[CodeType | None, int]) -> None:
    for position, one in enumerate(init_tasks):
        wrong = no_init_task(one)
        if wrong is not None:
            line = Problem(f"init_tasks[{position}]", f"{wrong.text}. {wrong.hint}")
            raise failure(f"{name}.submit()", place(*where), [line])


def no_init_task(value: Any) -> Mismatch | None:
    """Why a value cannot be run before a task, in its process; None if it can."""
    if not isinstance(value, Configuration):
        return refused_object(value) or Mismatch(f"got {short(value)}", hint="Give Cls.C(...)")
    declaration = value.__xpm__.declaration
    if issubclass(declaration.cls, LightweightTask) and not declaration.is_task:
        return None
    return Mismatch(
        f"{declaration.name} is {'a task' if declaration.is_task else 'no task'}",
        hint="Derive its class from LightweightTask",
    )
