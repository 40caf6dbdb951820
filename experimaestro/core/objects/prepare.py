"""What must be there before tasks that use a configuration start: data downloaded, an index built."""

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from experimaestro.core.arguments import Param
from experimaestro.core.base import Information
from experimaestro.core.objects.config import Config
from experimaestro.core.objects.sealing import own
from experimaestro.core.objects.task import Task
from experimaestro.exceptions import NotATaskError, NotSubmittedError, SubmissionError

if TYPE_CHECKING:
    from typing_extensions import Self


class Prepare(Config):
    """Base of what is prepared once, where the experiment runs, before the tasks that use it start.

    You must provide `prepare`; for that it is called once in a process for each identity, on the
    configuration itself, before the first job starts that has it anywhere inside. If it raises, those
    jobs fail with its error. With `is_prepared` it can be a job: see `submit`.

    Example:
        >>> class Corpus(Prepare):  # doctest: +SKIP
        ...     url: Param[str]
        ...
        ...     def prepare(self):
        ...         download(self.url, cache_folder())
    """

    _xpm_prepares: ClassVar[bool] = True

    def prepare(self) -> None:
        """Makes what is needed."""
        raise NotImplementedError(f"{type(self).__qualname__} has no method `prepare`")

    def is_prepared(self) -> bool:
        """Whether what is needed is there already: `prepare` is then not called."""
        return False

    def submit(self, *, launcher: Any = None, transient: int | None = None) -> "Self":
        """Has it prepared by a job, which the tasks that use it wait for.

        You must provide `is_prepared`. When the job is done and what is needed is not there any more,
        it is prepared as without a job.

        Args:
            launcher: What starts the process of the job; None: that of the experiment.
            transient: A `TransientMode`; None: the job is run only if a task that is run needs it.

        Returns:
            The configuration, from now on final.

        Raises:
            ValueError: It has no method `is_prepared`.
            ConfigurationError: Naming everything that is missing or wrong.
            SubmissionError: No experiment is open, or what it needs is in the folder of each job.

        Example:
            >>> corpus = Corpus.C(url="https://example.org/words").submit()  # doctest: +SKIP
            >>> Train.C(corpus=corpus).submit()  # doctest: +SKIP
        """
        frame = sys._getframe(1)  # noqa: SLF001 - the user's line, for errors
        name = type(self).__qualname__.removesuffix(".XPMConfig")
        info: Information | None = self.__dict__.get("__xpm__")
        if info is None:
            raise NotSubmittedError(
                f"{name} object: only configurations are submitted. Write {name}.C(...).submit()"
            )
        if type(self).is_prepared is Prepare.is_prepared:
            raise NotATaskError(
                f"{name}.submit(): a job can only prepare what tells whether it is prepared. Add a method "
                "`is_prepared`, or leave `.submit()` out: it is then prepared where the experiment runs"
            )
        placed = [one.__xpm__.declaration for one in own([info.owner]) if one.__xpm__.declaration.generated]
        if placed:
            raise SubmissionError(
                f"{name}.submit(): {placed[0].name}.{placed[0].generated[0].name} is in the folder of each "
                "job that uses it, where no other job can prepare it. Leave `.submit()` out"
            )
        before = info.preparation
        task: Any = Preparation.C(config=self)
        info.preparation = task
        try:
            task._xpm_submit(  # noqa: SLF001 - our own
                name,
                (frame.f_code, frame.f_lasti),
                launcher=launcher,
                transient=1 if transient is None else transient,
            )
        except BaseException:
            info.preparation = before
            raise
        return self


class Preparation(Task):
    """Prepares something as a job; made by `Prepare.submit`."""

    __xpmid__ = "experimaestro.prepare"

    config: Param[Prepare]
    """What is prepared"""

    def execute(self) -> None:
        """Prepares it, if that was not done."""
        if not self.config.is_prepared():
            self.config.prepare()
