"""Where everything is in a workspace: every name of a file, and nobody else spells one.

Rules: paths are strings, joined here; nothing here touches the disk. A name that comes from
outside (an experiment, a job key) is checked before it becomes part of a path, so that no path
leaves the workspace.

The names without a leading dot are those of the interchange format: other versions read them.
"""

from typing import Any

from experimaestro.exceptions import WorkspaceError

CLAIM = "claim"
"""The part of an attempt in which a scheduler says that it will run the job"""
START = "start"
"""The part in which the job's process says that it runs, or somebody that it never will"""
END = "end"
"""The part that says how the attempt ended"""

_PARTS = frozenset((CLAIM, START, END))


def workspace_marker(workspace: str) -> str:
    """The empty file that makes a folder a workspace."""
    return f"{workspace}/.__experimaestro__"


def job_name(key: str) -> str:
    """The name with which a job's files begin: the last part of its type's name.

    Args:
        key: `<type name>/<identifier>`.

    Raises:
        WorkspaceError: `key` has another form.

    Example:
        >>> job_name("my.tasks.train/0123abcd")
        'train'
    """
    type_name, identifier = _key_parts(key)
    name = type_name.rpartition(".")[2]
    return _checked(name, f"job key {key!r}", identifier)


def job_folder(workspace: str, key: str) -> str:
    """The folder of a job.

    Args:
        workspace: The workspace's folder.
        key: `<type name>/<identifier>`.

    Raises:
        WorkspaceError: `key` has another form.
    """
    type_name, identifier = _key_parts(key)
    return f"{workspace}/jobs/{type_name}/{identifier}"


def jobs_folder(workspace: str, type_name: str = "") -> str:
    """The folder of the jobs of a type; without one, that of all types."""
    return f"{workspace}/jobs/{type_name}" if type_name else f"{workspace}/jobs"


def shared_folder(workspace: str, name: str, identifier: str) -> str:
    """The folder of the files that equal configurations share.

    Args:
        workspace: The workspace's folder.
        name: Module and qualified name of the class, in upper and lower case.
        identifier: 64 hexadecimal digits.
    """
    return f"{workspace}/config/{name}/{identifier}"


def runs_folder(workspace: str, experiment: str) -> str:
    """The folder of the runs of an experiment.

    Args:
        workspace: The workspace's folder.
        experiment: Name of the experiment; "": the folder of all experiments.

    Raises:
        WorkspaceError: `experiment` cannot name a folder.
    """
    if not experiment:
        return f"{workspace}/experiments"
    return f"{workspace}/experiments/{_checked(experiment, 'name of an experiment', experiment)}"


def old_experiments_folder(workspace: str) -> str:
    """The folder of the experiments of version 1."""
    return f"{workspace}/xp"


def old_saved_folder(workspace: str, experiment: str, name: str) -> str:
    """Where versions 1 saved for later runs.

    Args:
        workspace: The workspace's folder.
        experiment: Name of the experiment.
        name: What is saved.

    Raises:
        WorkspaceError: `name` cannot name a folder.
    """
    return f"{workspace}/xp/{experiment}/data/{_checked(name, 'name of what is saved', name)}"


def temporary(path: str, mark: str) -> str:
    """A hidden name in the folder of `path`, for a file that will become it.

    Args:
        path: The file to be.
        mark: What tells it apart from other temporary files.
    """
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}.{name}.{mark}.tmp"


def unreadable(path: str) -> str:
    """Where a file is kept that nobody understands, out of the way of one that takes its name."""
    return f"{path}.unreadable"


def condemned(folder: str) -> str:
    """The hidden name that a folder gets before it is removed with all that is in it."""
    parent, slash, name = folder.rpartition("/")
    return f"{parent}{slash}.{name}.removed"


def is_condemned(name: str) -> bool:
    """Whether a name is one of `condemned`."""
    return name.startswith(".") and name.endswith(".removed")


def attempt_part(name: str) -> tuple[int, str] | None:
    """What a name in the folder of attempts stands for.

    Returns:
        Number of the attempt (from 1) and one of `CLAIM`, `START`, `END`; None for any other name.

    Example:
        >>> attempt_part("12.start")
        (12, 'start')
        >>> attempt_part(".12.start.host.17.1.tmp")
    """
    number, _, part = name.partition(".")
    if part in _PARTS and number.isascii() and number.isdigit() and not number.startswith("0"):
        return int(number), part
    return None


def v1_marker(workspace: str) -> str:
    """What a workspace has in which version 1 ran experiments; a link to nowhere after its migration."""
    return f"{workspace}/xp"


class JobPaths:
    """The files of one job.

    Example:
        >>> JobPaths.of("/runs", "my.train/0123abcd").done
        '/runs/jobs/my.train/0123abcd/train.done'
    """

    __slots__ = ("_stem", "folder", "name")

    def __init__(self, folder: str, name: str) -> None:
        self.folder = folder
        self.name = name
        self._stem = f"{folder}/{name}"

    @classmethod
    def of(cls, workspace: str, key: str) -> "JobPaths":
        """The files of the job `key` of a workspace."""
        return cls(job_folder(workspace, key), job_name(key))

    def __repr__(self) -> str:
        return f"JobPaths({self.folder!r}, {self.name!r})"

    @property
    def params(self) -> str:
        """The task and its parameters."""
        return f"{self.folder}/params.json"

    @property
    def script(self) -> str:
        """What the job's interpreter is given."""
        return f"{self._stem}.py"

    @property
    def done(self) -> str:
        """Present if the job has succeeded."""
        return f"{self._stem}.done"

    @property
    def failed(self) -> str:
        """Why the job has failed."""
        return f"{self._stem}.failed"

    @property
    def pid(self) -> str:
        """The running process, for other versions."""
        return f"{self._stem}.pid"

    @property
    def lock(self) -> str:
        """Empty file whose lock is held while the job runs, for other versions."""
        return f"{self._stem}.lock"

    @property
    def out(self) -> str:
        """What the job printed."""
        return f"{self._stem}.out"

    @property
    def err(self) -> str:
        """What the job printed to its error stream."""
        return f"{self._stem}.err"

    @property
    def internal(self) -> str:
        """Folder of all that is not part of the interchange format."""
        return f"{self.folder}/.experimaestro"

    @property
    def attempts(self) -> str:
        """Folder of the attempts."""
        return f"{self.folder}/.experimaestro/attempts"

    @property
    def definition(self) -> str:
        """Everything that can influence the task, so that two are told apart that have one identifier."""
        return f"{self.folder}/.experimaestro/definition.json"

    @property
    def origin(self) -> str:
        """Where the result comes from, if it was made elsewhere."""
        return f"{self.folder}/.experimaestro/origin.json"

    @property
    def code(self) -> str:
        """The code that the job ran, as digests."""
        return f"{self.folder}/.experimaestro/code.json"

    @property
    def results(self) -> str:
        """What the task found out, as JSON: what `execute` returned, or what it wrote there itself."""
        return f"{self.folder}/results.json"

    @property
    def tokens(self) -> str:
        """The files that say which tokens the job holds."""
        return f"{self.folder}/.experimaestro/tokens.json"

    @property
    def needs(self) -> str:
        """How much of which tokens the job takes, for who runs it without its plan."""
        return f"{self.folder}/.experimaestro/needs.json"

    @property
    def task_outputs(self) -> str:
        """What the job said while it ran, a line for each output."""
        return f"{self.folder}/.experimaestro/task-outputs.jsonl"

    def rotated(self, mark: str) -> tuple[str, str]:
        """Where the outputs of an earlier attempt are kept, of the time `mark`."""
        return f"{self._stem}.{mark}.out", f"{self._stem}.{mark}.err"

    @property
    def progress(self) -> str:
        """How far the job is."""
        return f"{self.folder}/.experimaestro/progress.json"

    def claim(self, n: int) -> str:
        """The claim of attempt `n`."""
        return f"{self.folder}/.experimaestro/attempts/{n}.{CLAIM}"

    def start(self, n: int) -> str:
        """The start of attempt `n`."""
        return f"{self.folder}/.experimaestro/attempts/{n}.{START}"

    def end(self, n: int) -> str:
        """The end of attempt `n`."""
        return f"{self.folder}/.experimaestro/attempts/{n}.{END}"


class TokenPaths:
    """The files of one token.

    Args:
        folder: Where it is counted.
    """

    __slots__ = ("jobs", "lock", "total")

    def __init__(self, folder: str) -> None:
        self.total = f"{folder}/informations.json"
        """How much there is"""
        self.lock = f"{folder}/ipc.lock"
        """Locked by whoever counts"""
        self.jobs = f"{folder}/jobs"
        """Folder of what the jobs hold, a file for each"""


def token_folder(root: str, name: str) -> str:
    """Where a token of this name is counted.

    Args:
        root: Folder of all that workspaces share.
        name: Name of the token.

    Raises:
        WorkspaceError: `name` cannot name a folder.
    """
    return f"{root}/tokens/{_checked(name, 'name of a token', name)}.counter"


class RunPaths:
    """The files of one run of an experiment, and those that its runs share.

    Args:
        workspace: The workspace's folder.
        experiment: Name of the experiment; it names a folder.
        run_id: Name of the run; it names a folder.

    Raises:
        WorkspaceError: A name cannot be that of a folder.
    """

    __slots__ = ("experiment_folder", "folder", "workspace")

    def __init__(self, workspace: str, experiment: str, run_id: str) -> None:
        _checked(experiment, "name of an experiment", experiment)
        _checked(run_id, "name of a run", run_id)
        self.workspace = workspace
        self.experiment_folder = f"{workspace}/experiments/{experiment}"
        self.folder = f"{self.experiment_folder}/{run_id}"

    @classmethod
    def of(cls, folder: str) -> "RunPaths":
        """The run that has a folder.

        Args:
            folder: Absolute path.

        Raises:
            WorkspaceError: The folder cannot be that of a run.
        """
        workspace, experiments, *names = folder.rsplit("/", 3)
        if experiments != "experiments" or len(names) != 2:
            raise WorkspaceError(
                f"{folder}: expected the folder of a run, <workspace>/experiments/<name>/<run id>"
            )
        return cls(workspace, *names)

    def __repr__(self) -> str:
        return f"RunPaths({self.folder!r})"

    @property
    def lock(self) -> str:
        """Locked while a run of the experiment is open."""
        return f"{self.experiment_folder}/lock"

    @property
    def current(self) -> str:
        """Relative link to the last run."""
        return f"{self.experiment_folder}/current"

    @property
    def journal(self) -> str:
        """What happened."""
        return f"{self.folder}/journal.jsonl"

    @property
    def inbox(self) -> str:
        """Folder of the commands from other processes."""
        return f"{self.folder}/inbox"

    def command(self, identifier: str) -> str:
        """The file of a command from another process.

        Raises:
            WorkspaceError: `identifier` cannot name a file.
        """
        return f"{self.folder}/inbox/{_checked(identifier, 'id of a command', identifier)}.json"

    @property
    def jobs_jsonl(self) -> str:
        """The submitted jobs, a line for each."""
        return f"{self.folder}/jobs.jsonl"

    @property
    def objects_jsonl(self) -> str:
        """The submitted configurations, a line for each object."""
        return f"{self.folder}/objects.jsonl"

    @property
    def status(self) -> str:
        """State of the run and of its jobs."""
        return f"{self.folder}/status.json"

    @property
    def environment(self) -> str:
        """Python, packages, machine."""
        return f"{self.folder}/environment.json"

    @property
    def patches(self) -> str:
        """Folder of what was changed in the code since it was committed."""
        return f"{self.folder}/patches"

    def patch(self, name: str) -> str:
        """The difference of one repository, `name` as in `environment.json`."""
        return f"{self.folder}/patches/{_checked(name, 'name of a patch', name)}"

    @property
    def jobs(self) -> str:
        """Folder of links to the run's jobs."""
        return f"{self.folder}/jobs"

    @property
    def configs(self) -> str:
        """What runs of before had in place of `objects.jsonl`."""
        return f"{self.folder}/configs.json"

    @property
    def data(self) -> str:
        """Folder of what was saved for later runs."""
        return f"{self.folder}/data"

    def saved(self, name: str) -> str:
        """The folder of what was saved under a name.

        Raises:
            WorkspaceError: `name` cannot name a folder.
        """
        return f"{self.data}/{_checked(name, 'name of what is saved', name)}"

    @property
    def results(self) -> str:
        """Folder that belongs to the user."""
        return f"{self.folder}/results"

    def service(self, service_id: str) -> str:
        """The folder of a service of the run: its logs, and what it makes.

        Args:
            service_id: Names it in the run.

        Raises:
            WorkspaceError: `service_id` cannot name a folder.
        """
        return f"{self.folder}/services/{_checked(service_id, 'id of a service', service_id)}"

    def job_link(self, key: str) -> str:
        """The run's link to the job `key`.

        Raises:
            WorkspaceError: `key` is not `<type name>/<identifier>`.
        """
        type_name, identifier = _key_parts(key)
        return f"{self.folder}/jobs/{type_name}/{identifier}"


def _key_parts(key: str) -> tuple[str, str]:
    """Type name and identifier of a job's key, both usable as names of folders."""
    type_name, slash, identifier = key.partition("/")
    if not slash:
        raise WorkspaceError(f"job key {key!r}: expected '<type name>/<identifier>'")
    _checked(type_name, f"job key {key!r}", type_name)
    _checked(identifier, f"job key {key!r}", identifier)
    return type_name, identifier


def _checked(name: Any, what: str, shown: str) -> str:
    """`name`, if it can name one file or folder."""
    if not isinstance(name, str):
        raise WorkspaceError(f"{what}: expected a str, got {name!r}")
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise WorkspaceError(
            f"{what}: {shown!r} cannot name a folder. Use a name that is not empty, '.' or '..' "
            "and has no '/'"
        )
    return name
