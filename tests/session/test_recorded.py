# ruff: noqa: ISC004, E501
# (the texts of errors stand in tables as they are shown)
"""What a run leaves behind for later ones: its tasks, its actions, and what it was told to save."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experimaestro import (
    Action,
    Config,
    DataPath,
    Interaction,
    Meta,
    Param,
    PathGenerator,
    Task,
    experiment,
    field,
    from_task_dir,
    load_configs,
    load_xp_info,
    tag,
)
from experimaestro.exceptions import ConfigurationError, ExperimaestroError, ExperimentStopped, FormatError


def error_of(call: Callable[[], Any]) -> str:
    """The whole text of what a call raises, with its class."""
    with pytest.raises(ExperimaestroError) as raised:
        call()
    return f"{type(raised.value).__name__}: {raised.value}"


class Model(Config):
    """What is learnt."""

    size: Param[int]


class Learn(Task):
    """Learns a model."""

    model: Param[Model]
    data: DataPath
    weights: Meta[Path] = field(default_factory=PathGenerator("weights.txt"))

    def task_outputs(self, dep: Any) -> Any:
        return dep(Weights.C(model=self.model, path=self.weights))

    def execute(self) -> None:
        self.weights.write_text(f"{self.model.size} {self.data.read_text()}")


class Weights(Config):
    """A model with what it learnt."""

    model: Param[Model]
    path: DataPath


class Export(Action):
    """Shows the weights."""

    weights: Param[Weights]

    def execute(self, interaction: Interaction) -> None:
        interaction.text("weights", self.weights.path.read_text())


class Submits(Task):
    """Adds an action while it is submitted."""

    def __submit__(self, _dep: Any, add_action: Any) -> Any:
        add_action(Nothing.C())
        return self

    def execute(self) -> None:
        pass


class Nothing(Action):
    def execute(self, interaction: Interaction) -> None:
        pass


def learnt(folder: Path, *sizes: int, name: str = "learning") -> Any:
    """An experiment that learnt models and has ended."""
    (folder / "data.txt").write_text("data")
    with experiment(folder / "ws", name, display=False) as xp:
        xp.models = [  # type: ignore[attr-defined] # for the tests
            Learn.C(model=Model.C(size=tag(size)), data=folder / "data.txt").submit() for size in sizes
        ]
        for weights in xp.models:  # type: ignore[attr-defined] # same
            xp.add_action(Export.C(weights=weights))
        xp.wait()
        xp.save(xp.models)  # type: ignore[attr-defined] # same
    return xp


class Answers:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def text(self, _key: str, label: str, *, default: str = "") -> str:
        self.asked.append(label)
        return default

    def choice(self, key: str, label: str, choices: list[str], *, default: Any = None) -> str:
        raise AssertionError(key, label, choices, default)

    def checkbox(self, key: str, label: str, *, default: bool = False) -> bool:
        raise AssertionError(key, label, default)


def test_a_run_gives_back_its_tasks_with_their_identifiers_tags_and_folders(tmp_path: Path):
    xp = learnt(tmp_path, 1, 2)
    jobs = load_xp_info(xp.workdir).jobs
    assert sorted(task.model.size for task in jobs.values()) == [1, 2]
    for identifier, task in jobs.items():
        assert repr(task.__identifier__()) == identifier
        assert (task.jobpath / "weights.txt").read_text() == f"{task.model.size} data"
        assert task.tags() == {"size": task.model.size}
        assert task.weights == task.jobpath / "weights.txt"


def test_the_link_to_the_current_run_will_do(tmp_path: Path):
    xp = learnt(tmp_path, 1)
    assert len(load_xp_info(xp.workdir.parent / "current").jobs) == 1
    with pytest.warns(DeprecationWarning, match="load_configs is deprecated: use load_xp_info"):
        assert len(load_configs(xp.workdir).jobs) == 1


def test_an_action_is_found_and_done_in_another_process_life(tmp_path: Path):
    xp = learnt(tmp_path, 3)
    (action,) = load_xp_info(xp.workdir).actions.values()
    answers = Answers()
    action.instance().execute(answers)
    assert answers.asked == ["3 data"]


def test_the_status_of_a_run_lists_its_actions(tmp_path: Path):
    xp = learnt(tmp_path, 1)
    status = json.loads((xp.workdir / "status.json").read_text())
    (identifier,) = load_xp_info(xp.workdir).actions
    assert status["actions"] == {
        identifier: {
            "action_id": identifier,
            "description": "Shows the weights.",
            "class": f"{__name__}.Export",
        }
    }


def test_an_action_may_be_added_while_a_task_is_submitted(tmp_path: Path):
    with experiment(tmp_path, "submits", display=False) as xp:
        Submits.C().submit()
    assert [type(one.instance()) for one in load_xp_info(xp.workdir).actions.values()] == [Nothing]


def test_what_is_no_action_is_refused(tmp_path: Path):
    with experiment(tmp_path, "wrong", display=False) as xp:
        with pytest.raises(
            ConfigurationError, match=r"^add_action\(3\): expected a configuration of an Action"
        ):
            xp.add_action(3)  # type: ignore[arg-type] # wrong on purpose
        with pytest.raises(ConfigurationError, match="weights"):
            xp.add_action(Export.C())  # type: ignore[call-arg] # same
    with pytest.raises(ExperimentStopped):
        xp.add_action(Nothing.C())


def test_each_object_is_written_once_with_a_number_of_its_own(tmp_path: Path):
    model = Model.C(size=1)
    (tmp_path / "a").write_text("")
    (tmp_path / "b").write_text("")
    with experiment(tmp_path / "ws", "shared", display=False) as xp:
        first: Any = Learn.C(model=model, data=tmp_path / "a").submit()
        Other.C(model=model, weights=first).submit()
    objects = [json.loads(line) for line in (xp.workdir / "objects.jsonl").read_text().splitlines()]
    assert sorted(one["type"] for one in objects) == ["Learn", "Model", "Other", "Weights"]
    assert [one["id"] for one in objects] == [0, 1, 2, 3]
    learn = next(one for one in objects if one["type"] == "Learn")
    assert learn["fields"]["data"] == {"type": "path", "value": str(tmp_path / "a")}


class Other(Task):
    """Uses what another one learnt."""

    model: Param[Model]
    weights: Param[Weights]

    def execute(self) -> None:
        pass


def test_a_class_that_has_gone_hides_only_what_is_made_of_it(tmp_path: Path):
    xp = learnt(tmp_path, 1)
    with (xp.workdir / "objects.jsonl").open("a", encoding="utf-8") as file:
        gone = {
            "id": 99,
            "module": "gone_for_good",
            "type": "Gone",
            "identifier": "0" * 64,
            "task": 99,
            "fields": {},
        }
        file.write(json.dumps(gone) + "\n" + '{"torn": ')
    with (xp.workdir / "jobs.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"job_id": "0" * 64, "task_id": "gone", "tags": {}}) + "\n")
    jobs = load_xp_info(xp.workdir).jobs
    assert len(jobs) == 2
    assert error_of(lambda: jobs["0" * 64]) == (
        f"FormatError: {xp.workdir}/objects.jsonl, object 99: No module named 'gone_for_good'"
    )


def test_runs_of_before_are_read(tmp_path: Path):
    xp = learnt(tmp_path, 1, 2)
    objects = [json.loads(line) for line in (xp.workdir / "objects.jsonl").read_text().splitlines()]
    (xp.workdir / "configs.json").write_text(json.dumps({"objects": objects, "data": [], "tags": {}}))
    for name in ("objects.jsonl", "jobs.jsonl"):
        (xp.workdir / name).unlink()
    assert len(load_xp_info(xp.workdir).jobs) == 2


def test_what_is_no_run_is_named(tmp_path: Path):
    folder = tmp_path / "experiments/none/20260101_000000"
    folder.mkdir(parents=True)
    assert error_of(lambda: load_xp_info(folder)) == (
        f"NotSavedError: {folder} has no objects.jsonl: expected the folder of a run, "
        "<workspace>/experiments/<name>/<run id>"
    )


# ----------------------------------------------------------------------------------------------
# A job's folder


def test_a_job_gives_back_its_task_from_its_folder(tmp_path: Path):
    xp = learnt(tmp_path, 5)
    (folder,) = (task.jobpath for task in load_xp_info(xp.workdir).jobs.values())
    task = from_task_dir(folder)
    assert (task.model.size, task.data, task.weights) == (5, tmp_path / "data.txt", folder / "weights.txt")
    assert repr(task.__identifier__()) == folder.name
    assert task.__xpm__.loaded
    assert task.jobpath == folder


def test_a_copy_of_a_job_has_its_paths_in_the_copy(tmp_path: Path):
    xp = learnt(tmp_path, 5)
    (folder,) = (task.jobpath for task in load_xp_info(xp.workdir).jobs.values())
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert from_task_dir(copy).weights == copy / "weights.txt"
    assert from_task_dir(copy, as_instance=True).weights.read_text() == "5 data"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "NotSavedError: FOLDER has no params.json: it is not the folder of a job"),
        ("{", "FormatError: FOLDER/params.json: expected JSON: Expecting property name enclosed in double "
         "quotes: line 1 column 2 (char 1)"),
        ("[]", "FormatError: FOLDER/params.json: expected an object with 'objects', got a list"),
        ('{"version": 3}', "FormatError: FOLDER/params.json: 'objects' must be a list with the root last, got "
         "None"),
        ('{"version": 9}', "NewerFormatError: FOLDER/params.json was written by a newer experimaestro "
         "(params.json version 9): this one reads up to 3. Update the package"),
        ('{"version": "3"}', "FormatError: FOLDER/params.json: 'version' must be a number, got '3'"),
        ('{"objects": []}', "FormatError: FOLDER/params.json: 'objects' must be a list with the task last, "
         "got []"),
    ],
)  # fmt: skip
def test_what_is_no_job_is_named(content: str | None, text: str, tmp_path: Path):
    if content is not None:
        (tmp_path / "params.json").write_text(content)
    assert error_of(lambda: from_task_dir(tmp_path)) == text.replace("FOLDER", str(tmp_path))


# ----------------------------------------------------------------------------------------------
# What is saved for later runs


def test_a_later_experiment_goes_on_with_what_an_earlier_one_saved(tmp_path: Path):
    learnt(tmp_path, 1, 2)
    with experiment(tmp_path / "ws", "evaluation", display=False) as xp:
        first, second = xp.load("learning")
        assert (first.model.size, second.path.read_text()) == (1, "2 data")
        task = Other.C(model=first.model, weights=first).submit()
    assert list(load_xp_info(xp.workdir).jobs) == [task.jobpath.name]  # what made it is not run again


def test_the_newest_run_that_saved_something_is_loaded(tmp_path: Path):
    first = learnt(tmp_path, 1)
    learnt(tmp_path, 2)
    with experiment(tmp_path / "ws", "learning", display=False) as xp:
        assert [one.model.size for one in xp.load("learning")] == [2]
        assert [one.model.size for one in xp.load("learning", run_id=first.run_id)] == [1]
        xp.save({"now": Model.C(size=3)})
        assert xp.load("learning")["now"].size == 3


def test_what_was_not_saved_is_told_with_what_there_is(tmp_path: Path):
    run = learnt(tmp_path, 1).run_id
    with experiment(tmp_path / "ws", "other", display=False) as xp:
        assert error_of(lambda: xp.load("learning", "model")) == (
            f"NotSavedError: 'learning' saved nothing as 'model'. There is:\n  {run}: default"
        )
        assert error_of(lambda: xp.load("learning", run_id="20200101_000000")) == (
            "NotSavedError: 'learning' saved nothing as 'default' in the run '20200101_000000'. There is:\n"
            f"  {run}: default"
        )
        assert error_of(lambda: xp.load("learnin")) == (
            f"NotSavedError: 'learnin' saved nothing as 'default': {tmp_path}/ws has no experiment of this name. "
            "There are: learning, other"
        )
        with pytest.raises(FileNotFoundError):
            xp.load("other")
        wrong: Any = 3
        assert error_of(lambda: xp.save(Model.C(size=1), wrong)) == (
            "WorkspaceError: name of what is saved: expected a str, got 3"
        )
        assert error_of(lambda: xp.load(wrong)) == (
            "WorkspaceError: name of an experiment: expected a str, got 3"
        )


def test_what_version_1_saved_is_loaded(tmp_path: Path):
    old = tmp_path / "ws/xp/old/data/default"
    old.mkdir(parents=True)
    state = {
        "objects": [
            {
                "id": 140,
                "module": __name__,
                "type": "Model",
                "typename": f"{__name__}.Model",
                "identifier": "a" * 64,
                "file": __file__,
                "fields": {"size": 7},
            }
        ],
        "data": {"type": "python", "value": 140},
    }
    (old / "definition.json").write_text(json.dumps(state))
    with experiment(tmp_path / "ws", "new", display=False) as xp:
        model = xp.load("old")
    assert (model.size, repr(model.__identifier__())) == (7, "a" * 64)


def test_saving_under_a_name_that_leaves_the_folder_is_refused(tmp_path: Path):
    with (
        experiment(tmp_path, "names", display=False) as xp,
        pytest.raises(Exception, match="cannot name a folder"),
    ):
        xp.save(Model.C(size=1), "../other")


def test_a_record_that_is_no_record_is_named(tmp_path: Path):
    xp = learnt(tmp_path, 1)
    (xp.workdir / "jobs.jsonl").write_text("[1]\n")
    with pytest.raises(FormatError, match=r"jobs\.jsonl, line 1: expected 'job_id' and 'tags'$"):
        load_xp_info(xp.workdir)
