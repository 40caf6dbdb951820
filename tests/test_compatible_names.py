"""What existing packages import and use is there: they run unmodified.

The table was read from the sources of the packages that `docs/compatibility.md` names. What they do
with these names is run with the packages themselves (`make test-clients`).
"""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from experimaestro.rpyc import client  # type: ignore[import-not-found] # an old path, found at run time
from experimaestro.scheduler.workspace_state_provider import WorkspaceStateProvider  # type: ignore[import-not-found] # same
from experimaestro.utils import cleanupdir  # type: ignore[import-not-found] # same
from experimaestro.utils.settings import JsonSettings  # type: ignore[import-not-found] # same

from experimaestro import (
    Action,
    Config,
    Constant,
    DataPath,
    Interaction,
    Launcher,
    Meta,
    Param,
    PathGenerator,
    RunMode,
    Task,
    experiment,
    field,
    tag,
)
from experimaestro.connectors.local import LocalConnector
from experimaestro.core.objects import ConfigInformation
from experimaestro.exceptions import (
    LauncherNotFoundError,
    NotInstalledError,
    SettingsError,
    SubmissionError,
    WorkspaceError,
)
from experimaestro.launchers.direct import DirectLauncher
from experimaestro.scheduler.workspace import Workspace
from experimaestro.settings import Settings, WorkspaceSettings
from tasks import Note

NAMES = {
    "experimaestro": (
        "Action Annotated Choices Config Constant DataPath Interaction Job Launcher LightweightTask Meta "
        "ObjectStore Option OptionalDataPath Param PathGenerator PathSerializationLWTask Prepare RunMode "
        "SerializationLWTask SubmitHook TagDict Task documentation field initializer load_xp_info "
        "pathgenerator progress tag tags tagspath taskglobals tqdm"
    ),
    "experimaestro.annotations": "cache tags",
    "experimaestro.click": "click",
    "experimaestro.connectors": "Connector Process",
    "experimaestro.connectors.local": "LocalConnector",
    "experimaestro.core.context": "SerializedPath",
    "experimaestro.core.objects": "ConfigInformation",
    "experimaestro.core.objects.config": "ConfigInformation clone",
    "experimaestro.core.types": "ObjectType Type",
    "experimaestro.exceptions": "HandledException",
    "experimaestro.experiments": "ConfigurationBase ExperimentHelper configuration",
    "experimaestro.experiments.cli": "ExperimentCallable ExperimentHelper experiments_cli",
    "experimaestro.experiments.configuration": "ConfigurationBase",
    "experimaestro.experiments.grid": "GridSearch generate_grid",
    "experimaestro.huggingface": "ExperimaestroHFHub",
    "experimaestro.launcherfinder": "find_launcher",
    "experimaestro.launchers": "DirectLauncher Launcher",
    "experimaestro.launchers.direct": "DirectLauncher",
    "experimaestro.mkdocs.base": "",
    "experimaestro.mkdocs.metaloader": "DependencyInjectorFinder Module",
    "experimaestro.rpyc": "client",
    "experimaestro.scheduler": "Job JobState Listener RunMode TransientMode Workspace experiment",
    "experimaestro.scheduler.experiment": "experiment",
    "experimaestro.scheduler.services": "ProcessWebService Service ServiceState WebService",
    "experimaestro.scheduler.workspace": "Workspace",
    "experimaestro.scheduler.workspace_state_provider": "WorkspaceStateProvider",
    "experimaestro.settings": "Settings WorkspaceSettings find_workspace",
    "experimaestro.taskglobals": "Env",
    "experimaestro.tokens": "CounterToken",
    "experimaestro.tools.documentation": "DocumentationAnalyzer",
    "experimaestro.utils": "cleanupdir",
    "experimaestro.utils.settings": "JsonSettings",
    "experimaestro.xpmutils": "DirectoryContext",
}
"""The names that are imported from each module; "" where the module itself is"""

ROWS = [(module, name) for module, names in NAMES.items() for name in names.split() or [""]]


@pytest.mark.parametrize(("module", "name"), ROWS)
def test_a_name_that_packages_import_is_there(module: str, name: str):
    found = __import__(module, fromlist=[name])
    assert name == "" or getattr(found, name) is not None


class Data(Config):
    path: DataPath
    """Where it is"""
    size: Param[int] = field(default=3)


class Look(Action):
    data: Param[Data]

    def execute(self, interaction: Interaction) -> None:
        interaction.text("path", str(self.data.path))


def test_an_experiment_has_what_packages_use(tmp_path: Path):
    with experiment(tmp_path, "names", display=False) as xp:
        assert xp.resultspath == xp.workdir / "results"
        assert xp.run_mode is RunMode.NORMAL
        for member in ("wait", "add_service", "add_action", "save"):
            assert callable(getattr(xp, member))


def test_an_experiment_is_made_with_the_defaults_of_the_compatible_signature(tmp_path: Path):
    xp = experiment(tmp_path, "names", run_mode=None, launcher=None, project_paths=None)
    assert (xp.run_mode, xp.workspace.launcher) == (RunMode.NORMAL, None)


def test_an_experiment_has_a_launcher_for_its_tasks(tmp_path: Path):
    launcher = DirectLauncher()
    assert experiment(tmp_path, "names", launcher=launcher).workspace.launcher is launcher
    with pytest.raises(WorkspaceError) as caught:
        experiment(tmp_path, "names", launcher="slurm")  # type: ignore[arg-type] # what is refused
    assert str(caught.value) == (
        "experiment(..., launcher='slurm'): expected DirectLauncher(), or None for this machine"
    )


def test_an_experiment_tells_what_each_job_needs(tmp_path: Path):
    with experiment(tmp_path, "names", display=False) as xp:
        first = Note.C(name="first", log=str(tmp_path / "log")).submit()
        second = Note.C(name="second", log=str(tmp_path / "log"), needs=[first]).submit()
    ids = [task.job.identifier for task in (first, second)]
    assert xp.dependencies == {ids[0]: [], ids[1]: [ids[0]]}
    rehearsal = experiment(tmp_path, "names", run_mode=RunMode.DRY_RUN).start()
    assert dict(rehearsal.dependencies) == {}
    rehearsal.stop()


def test_the_current_experiment_is_asked_for_where_none_is_open():
    with pytest.raises(AssertionError, match=r"^No current experiment defined\."):
        experiment.current()


def test_the_workspace_of_an_experiment_has_what_packages_use(tmp_path: Path):
    workspace: Any = experiment(tmp_path, "names", display=False, run_mode=RunMode.DRY_RUN).workspace
    assert workspace.path == tmp_path.resolve()
    assert workspace.run_mode is RunMode.DRY_RUN
    assert workspace.env == {}
    assert list(workspace.python_path) == []
    assert workspace.launcher is None or workspace.launcher.environ == {}
    assert hasattr(workspace, "connector")


def test_a_task_is_tried_out_in_a_workspace_without_an_experiment(tmp_path: Path, capsys: Any):
    workspace = Workspace(Settings(), WorkspaceSettings("trial", path=tmp_path), run_mode=RunMode.DRY_RUN)
    task = Surroundings.C().submit(workspace=workspace)
    assert task.jobpath.parent == tmp_path / "jobs" / f"{__name__.lower()}.surroundings"
    assert capsys.readouterr().err.startswith("[not run] Simulating")
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_whose_tasks_nobody_runs_is_refused(tmp_path: Path):
    with pytest.raises(SubmissionError) as caught:
        Surroundings.C().submit(workspace=Workspace(Settings(), WorkspaceSettings("main", path=tmp_path)))
    assert str(caught.value) == (
        f"no experiment is open in the workspace {tmp_path}. Open one there, or give a Workspace "
        "with run_mode=RunMode.DRY_RUN"
    )
    with pytest.raises(SubmissionError) as caught:
        Surroundings.C().submit(workspace="runs")
    assert str(caught.value) == (
        "Surroundings.submit(workspace='runs'): expected a Workspace. To run it in another folder, open "
        "an experiment there"
    )


def test_a_configuration_has_what_packages_use(tmp_path: Path):
    config = Data.C(path=tmp_path, size=tag(4))
    info = config.__xpm__
    info.validate()
    assert str(info.identifier) == repr(config.__identifier__())
    assert info.values == {"path": tmp_path, "size": 4}
    assert {argument.name: value for argument, value in info.xpmvalues()} == info.values
    assert info.task is None
    assert info.tags() == {"size": 4}
    assert list(info.init_tasks) == []
    assert str(config.__xpmtype__.identifier) == f"{__name__}.data"
    assert list(config.__xpmtype__.arguments) == ["path", "size"]
    assert callable(config.__xpm_serialize__)


class Measure(Config):
    """Has a meaning of its own for @."""

    cutoff: Param[int]

    def __matmul__(self, cutoff: int) -> "Measure":  # type: ignore[override] # composition is not wanted
        return Measure.C(cutoff=cutoff)


def test_an_operator_that_a_class_defines_is_its_own():
    assert (Measure.C(cutoff=1) @ 20).cutoff == 20


class Reranked(Config):
    path: DataPath
    size: Param[int]
    version: Constant[int] = 1
    run: Param[str]
    cache: Meta[Path] = field(default_factory=PathGenerator("cache"))


def test_the_arguments_of_a_configuration_make_another_one(tmp_path: Path):
    data = Data.C(path=tmp_path, size=tag(4))
    reranked = Reranked.C(**data.__arguments__(), run="bm25")
    assert (reranked.path, reranked.size) == (tmp_path, 4)
    assert reranked.__arguments__() == {"path": tmp_path, "size": 4, "run": "bm25"}


class Named(Config):
    __xpmid__ = "study.named"


def test_a_class_names_its_type_by_xpmid():
    assert str(Named.__getxpmtype__().identifier) == "study.named"


def test_a_folder_is_made_or_emptied_and_links_in_it_lead_to_what_stays(tmp_path: Path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "result").touch()
    folder = tmp_path / "a" / "b"

    cleanupdir(folder)
    (folder / "link").symlink_to(kept)
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "file").touch()
    cleanupdir(str(folder))

    assert list(folder.iterdir()) == []
    assert list(kept.iterdir()) == [kept / "result"]


def test_settings_that_are_no_json_are_an_error_that_names_the_file(tmp_path: Path):
    file = tmp_path / "settings.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        JsonSettings.load(file)
    assert str(caught.value) == (
        f"{file}: expected JSON: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1). Mend it, or move it away"
    )


class Surroundings(Task):
    """Prints variables of its process."""

    def execute(self) -> None:
        print(json.dumps([os.environ.get("COLOUR"), os.environ.get("SHAPE")]))


def test_a_launcher_gives_its_variables_to_jobs_and_tells_of_them(tmp_path: Path):
    launcher = DirectLauncher(LocalConnector.instance())
    launcher.setenv("COLOUR", "green")
    launcher.setenv("SHAPE", "round")
    told: list[Any] = []
    launcher.addListener(lambda job: told.append((job.name, job.environ["SHAPE"])))

    with experiment(tmp_path, "launched", display=False) as xp:
        xp.setenv("SHAPE", "square")
        task = Surroundings.C().submit(launcher=launcher)

    assert json.loads(task.stdout().read_text(encoding="utf-8")) == ["green", "square"]
    assert told == [("surroundings", "square")]


def test_the_old_module_of_an_experiment_does_not_hide_the_class():
    old = importlib.import_module("experimaestro.scheduler.experiment")
    assert importlib.import_module("experimaestro.scheduler").experiment is old.experiment is experiment


def test_a_launcher_is_found_by_the_folder_of_its_machine(tmp_path: Path):
    found: Launcher = Launcher.get(tmp_path)
    assert isinstance(found, DirectLauncher)
    assert found.connector is LocalConnector.instance()
    with pytest.raises(LauncherNotFoundError) as caught:
        Launcher.get("ssh://elsewhere/runs")
    assert str(caught.value) == (
        "ssh://elsewhere/runs: expected a folder of this machine: jobs are run here only"
    )


def test_what_is_no_launcher_is_refused(tmp_path: Path):
    with experiment(tmp_path, "launched", display=False):
        task = Surroundings.C()
        with pytest.raises(SubmissionError) as caught:
            task.submit(launcher="slurm")
        assert str(caught.value).partition(": ")[2] == (
            "submit(launcher='slurm'): expected DirectLauncher(), or None for this machine"
        )
        task.submit()


def test_what_the_runs_of_a_workspace_recorded_is_found_by_experiment(tmp_path: Path):
    runs = []
    for name in ("one", "two"):
        with experiment(tmp_path, "recorded", display=False) as xp:
            Note.C(name=tag(name), log=str(tmp_path / "log")).submit()
            xp.add_action(Look.C(data=Data.C(path=tmp_path)))
            runs.append(xp.run_id)

    provider = WorkspaceStateProvider(tmp_path)
    assert provider.workspace_path == tmp_path.resolve()
    assert provider.get_current_run("recorded") == runs[1]
    assert [task.name for task in provider.load_xp_info("recorded").jobs.values()] == ["two"]
    info = provider.load_xp_info("recorded", run_id=runs[0])
    assert [task.name for task in info.jobs.values()] == ["one"]
    assert [type(action).__name__ for action in info.actions.values()] == ["Look.XPMConfig"]
    with pytest.raises(WorkspaceError):
        provider.get_current_run("unknown")


def test_the_objects_of_a_run_are_loaded_line_by_line(tmp_path: Path):
    with experiment(tmp_path, "lines", display=False) as xp:
        task = Note.C(name="a", log="log").submit()
    lines = (xp.workdir / "objects.jsonl").read_text(encoding="utf-8").splitlines()
    definitions = [json.loads(line) for line in lines]

    loaded = ConfigInformation.load_objects(definitions, as_instance=False)

    found = {definition["identifier"]: loaded[definition["id"]] for definition in definitions}
    identifier = repr(task.__identifier__())
    assert found[identifier].name == "a"
    assert str(found[identifier].__xpm__.identifier) == identifier
    (instance,) = ConfigInformation.load_objects(definitions).values()
    assert instance.name == "a"


def test_python_of_another_machine_needs_a_package_that_is_said():
    with pytest.raises(NotInstalledError) as caught:
        client(hostname="far", pythonpath="python3")
    assert str(caught.value) == (
        "a connection to another machine needs RPyC: pip install rpyc (here and there)"
    )
