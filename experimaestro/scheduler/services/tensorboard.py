"""TensorBoard over the jobs of an experiment, each named by its tags."""

import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from experimaestro.core.objects import Task
from experimaestro.core.tags import tags
from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services import ports
from experimaestro.scheduler.services.links import with_token
from experimaestro.scheduler.services.process import ProcessWebService
from experimaestro.scheduler.services.runs_by_tags import NamedJob, link


class TensorBoardService(ProcessWebService):
    """TensorBoard over what jobs write into their folders.

    Each job is a run whose name comes from its tags, such as `train/lr=0.1`. Jobs that start, or
    are submitted, later appear by themselves. The page asks for a token, which the links bring.

    Args:
        logdir: A folder that is shown in place of jobs.
        jobs: Submitted tasks that are shown, more may be added with `add`; None: all jobs of the
            experiment to which it is added, unless a `logdir` is given.
        id: Names it in its experiment.
        reload_s: Seconds between two looks at the data.

    Raises:
        ServiceError: An argument makes no sense.
        NotSubmittedError: A task was not submitted.

    Example:
        >>> xp.add_service(TensorBoardService()).start()              # doctest: +SKIP
    """

    asks_token = True

    def __init__(
        self,
        logdir: str | Path | None = None,
        *,
        jobs: Iterable[Task | Mapping[str, Any]] | None = None,
        id: str = "tensorboard",  # noqa: A002 - the name of the compatible API
        reload_s: float = 5.0,
    ) -> None:
        super().__init__()
        self.id = id
        self._logdir = None if logdir is None else Path(logdir).absolute()
        seconds: object = reload_s  # whatever the caller gave
        if not (isinstance(seconds, int | float) and seconds > 0):
            raise ServiceError(f"TensorBoardService(reload_s={reload_s!r}): expected a number of seconds")
        self._reload_s = reload_s
        self._shows_all = jobs is None and logdir is None
        self._jobs: list[NamedJob] = []
        self._descriptors: Sequence[int] = ()
        self._port = 0
        if isinstance(jobs, (Task, Mapping)) or not isinstance(jobs, Iterable | None):
            raise ServiceError(f"TensorBoardService(jobs={jobs!r}): expected a list of submitted tasks")
        for job in jobs or ():
            self.add(job)

    def add(self, job: Task | Mapping[str, Any]) -> None:
        """Shows one more job.

        Args:
            job: A submitted task (or what `state_dict` made of one).

        Raises:
            NotSubmittedError: The task was not submitted.
            ServiceError: A folder is shown, or all jobs, not chosen ones; or it is no task.
        """
        if self._shows_all:
            raise ServiceError(
                f"the service {self.id!r} shows all jobs of its experiment: "
                "TensorBoardService(jobs=[...]) shows chosen ones, of any"
            )
        if self._logdir is not None:
            raise ServiceError(
                f"the service {self.id!r} shows the folder {self._logdir}: it cannot show jobs too"
            )
        if isinstance(job, Mapping):
            folder = Path(job["folder"])
            named = NamedJob(folder.parent.name, folder.name, job["tags"], str(folder))
        elif isinstance(job, Task):
            folder = job.jobpath
            named = NamedJob(folder.parent.name, folder.name, dict(tags(job)), str(folder))
        else:
            raise ServiceError(f"the service {self.id!r} cannot show {job!r}: expected a submitted task")
        if named.folder in {one.folder for one in self._jobs}:
            return
        self._jobs.append(named)
        if self.process is not None:
            link(self._shown(), named)

    def description(self) -> str:
        """What it shows."""
        if self._logdir is not None:
            return f"TensorBoard over {self._logdir}"
        if self._shows_all:
            return "TensorBoard over all jobs"
        return f"TensorBoard over {len(self._jobs)} job{'' if len(self._jobs) == 1 else 's'}"

    def state_dict(self) -> Mapping[str, Any]:
        """See `Service.state_dict`."""
        jobs = [{"folder": Path(job.folder), "tags": dict(job.tags)} for job in self._jobs]
        shown = None if self._shows_all else jobs
        return {"logdir": self._logdir, "jobs": shown, "id": self.id, "reload_s": self._reload_s}

    def _shown(self) -> Path:
        """The folder that TensorBoard is given."""
        if self._logdir is not None:
            return self._logdir
        assert self.log_directory is not None
        return self.log_directory / "runs"

    def _run_folder(self) -> Path | None:
        """The run all of whose jobs are shown."""
        if not self._shows_all or not self.run_id or self.log_directory is None:
            return None
        return self.log_directory.parents[1]

    def _build_command(self) -> Sequence[str]:
        if importlib.util.find_spec("tensorboard") is None:
            raise ServiceError(
                "TensorBoard is not installed in the environment of this process: "
                f"{sys.executable} -m pip install tensorboard. Then press Start."
            )
        shown = self._shown()
        if self._logdir is None:
            _remove_links(shown)
            shown.mkdir(parents=True, exist_ok=True)
            for job in self._jobs:
                link(shown, job)
        listening, token = self._descriptors
        command = [sys.executable, "-m", "experimaestro.scheduler.services.tensorboard_server"]
        command += ["--logdir", str(shown), "--reload", f"{self._reload_s:g}"]
        command += ["--socket", str(listening), "--token", str(token)]
        run = self._run_folder()
        return command if run is None else [*command, "--run", str(run)]

    @contextlib.contextmanager
    def _resources(self) -> Iterator[Sequence[int]]:
        with contextlib.ExitStack() as held:
            listening = held.enter_context(ports.listen())
            self._port = listening.getsockname()[1]
            read, write = os.pipe()  # the token: in no argument and no variable, which others may see
            held.callback(os.close, read)
            os.write(write, self.token.encode())
            os.close(write)
            self._descriptors = (listening.fileno(), read)
            yield self._descriptors

    def _wait_for_ready(self) -> str:
        address = f"http://{ports.HOST}:{self._port}/"
        self._until(lambda: _answers(with_token(f"{address}data/environment", self.token)))
        return address


def _answers(address: str) -> bool:
    """Whether TensorBoard answers; the port takes connections long before."""
    import urllib.request  # slow to load, and only who starts this needs it

    with contextlib.suppress(OSError, ValueError):
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy of the user's
        with direct.open(address, timeout=0.5) as answer:
            json.load(answer)
            return True
    return False


def _remove_links(folder: Path) -> None:
    """Removes the links of the last start; nothing else is there."""
    for place in sorted(folder.rglob("*"), reverse=True):
        if place.is_symlink():
            place.unlink()
