"""What configurations promise, in real jobs: conflicts, preparation, hooks, outputs, value classes."""

import sys
from pathlib import Path
from typing import Any

import pytest

from experimaestro import (
    Config,
    DependentMarker,
    FailedExperiment,
    LightweightTask,
    Meta,
    Param,
    Prepare,
    RunMode,
    SubmitHook,
    Task,
    cache,
    experiment,
    field,
    initializer,
)
from experimaestro.exceptions import AmbiguityWarning, ConflictError, SubmissionError
from experimaestro.launchers import DirectLauncher
from experimaestro.scheduler.workspace import Workspace
from experimaestro.settings import Settings, WorkspaceSettings
from tasks import Note, ReadsFile, ReadsOther, note, notes


class Fit(Task):
    """As it was when its results were made."""

    __xpmid__ = "test.language.fit"
    depth: Param[int]
    log: Meta[str]
    rate: Param[float] = field(default=0.1, ignore_default=True)

    def execute(self) -> None:
        note(self.log, f"fit {self.depth} {self.rate}")


class FitChanged(Fit):
    """With another default under the same identity."""

    __xpmid__ = "test.language.fit"
    rate: Param[float] = field(default=0.2, ignore_default=True, overrides=True)


class Corpus(Prepare):
    """Leaves a line when it is prepared."""

    name: Param[str]
    log: Meta[str]

    def prepare(self) -> None:
        if self.name == "missing":
            raise FileNotFoundError("no such corpus")
        if self.name == "exits":
            sys.exit("no network")
        note(self.log, f"prepared {self.name}")


class Count(Task):
    """Uses corpora."""

    corpora: Param[list[Corpus]]
    log: Meta[str]
    seed: Param[int] = field(default=0)

    def execute(self) -> None:
        note(self.log, f"counted {len(self.corpora)}")


class Variable(SubmitHook):
    """Sets a variable."""

    def process(self, job: Any, launcher: Any) -> None:
        assert isinstance(launcher, DirectLauncher)
        job.environ["FROM_HOOK"] = job.path.name[:4]


@Variable()
class Hooked(Config):
    """Its tasks have a variable."""


class Model(Config):
    """Has a value class, a method that runs once, and a file that jobs share."""

    size: Param[int]
    log: Meta[str]


@Model.value_class()
class BigModel(Model):
    """What jobs get."""

    @initializer
    def start(self) -> int:
        note(self.log, "started")
        return self.size

    @cache("sum.txt")
    def total(self, path: Path) -> int:
        if not path.is_file():
            note(self.log, "computed")
            path.write_text(str(self.size * 2), encoding="utf-8")
        return int(path.read_text(encoding="utf-8"))


class Load(LightweightTask):
    """Runs before."""

    model: Param[Model]

    def execute(self) -> None:
        note(self.model.log, f"loaded {self.model.size}")


class Learn(Task):
    """Gives a model."""

    size: Param[int]
    log: Meta[str]

    def task_outputs(self, dep: DependentMarker) -> Model:
        return dep(Model.C(size=self.size, log=self.log))

    def execute(self) -> None:
        note(self.log, "learnt")


class Use(Task):
    """Uses a model."""

    model: Param[Model]
    hooked: Param[Hooked] = field(default_factory=Hooked.C)
    seed: Param[int] = field(default=0)

    def execute(self) -> None:
        import os

        model: Any = self.model
        note(model.log, f"{type(model).__name__} {model.start()} {model.start()} {model.total()}")
        note(model.log, f"variable of {len(os.environ['FROM_HOOK'])}")
        note(model.log, f"loads Learn: {'Learn' in {type(one).__name__ for one in vars(self).values()}}")


def test_a_changed_default_under_the_same_identity_is_a_conflict(tmp_path: Path):
    log = str(tmp_path / "log")
    with experiment(tmp_path, "first", display=False):
        task = Fit.C(depth=1, log=log).submit()
    with pytest.raises(FailedExperiment) as raised, experiment(tmp_path, "first", display=False):
        FitChanged.C(depth=1, log=log).submit()
    assert str(raised.value) == (
        "1 job failed\n"
        "\n"
        f"fit {task.jobpath.name[:8]} is in conflict\n"
        "  another definition has the same identifier, and its result is there:\n"
        "    rate: was 0.1, is 0.2\n"
        "  Either give it an identity of its own (a Constant that you raise, a default that is not ignored), "
        f"or remove the folder of the job, jobs/{task.__xpm__.key}, to run it as it is now\n"
        f"  folder: {task.jobpath}\n"
        "\n"
        "To retry, run the same code again: done jobs are kept, failed ones are run again."
    )
    assert notes(log) == ["fit 1 0.1"]
    with experiment(tmp_path, "first", display=False):
        Fit.C(depth=1, log=log).submit()
    assert notes(log) == ["fit 1 0.1"]


def test_two_tasks_of_one_run_that_only_seem_to_be_one_are_refused(tmp_path: Path):
    log = str(tmp_path / "log")
    with experiment(tmp_path, "first", display=False):
        first = Fit.C(depth=1, log=log).submit()
        Fit.C(depth=1, log=log, rate=0.1).submit()
        with pytest.raises(ConflictError) as raised:
            FitChanged.C(depth=1, log=log).submit()
    assert str(raised.value).splitlines()[1:] == [
        "  rate: 0.1 there, 0.2 here",
        "Give one an identity of its own: a Constant, or a default that is not ignored",
    ]
    assert first.__xpm__.made_at in str(raised.value)
    assert notes(log) == ["fit 1 0.1"]


def test_what_tasks_need_is_prepared_once_before_they_start(tmp_path: Path):
    log = str(tmp_path / "log")
    with experiment(tmp_path, "first", display=False):
        for seed in range(3):
            Count.C(
                corpora=[Corpus.C(name="a", log=log), Corpus.C(name="b", log=log)], log=log, seed=seed
            ).submit()
    assert notes(log) == ["counted 2"] * 3 + ["prepared a", "prepared b"]


class Linked(Prepare):
    """Knows more than its parameters, in this process."""

    log: Meta[str]

    def is_prepared(self) -> bool:
        return "source" not in self.__dict__

    def prepare(self) -> None:
        note(self.log, f"prepared from {self.__dict__['source']}")


class Read(Task):
    linked: Param[Linked]

    def execute(self) -> None:
        note(self.linked.log, "read")


def test_the_configuration_itself_is_prepared_with_all_that_it_has(tmp_path: Path):
    log = str(tmp_path / "log")
    linked = Linked.C(log=log)
    linked.__dict__["source"] = "afar"
    with experiment(tmp_path, "first", display=False):
        Read.C(linked=linked).submit()
    assert notes(log) == ["prepared from afar", "read"]


def test_a_task_whose_needs_cannot_be_prepared_fails_with_the_error(tmp_path: Path):
    log = str(tmp_path / "log")
    with pytest.raises(FailedExperiment) as raised, experiment(tmp_path, "first", display=False):
        Count.C(corpora=[Corpus.C(name="missing", log=log)], log=log).submit()
        Count.C(corpora=[Corpus.C(name="a", log=log)], log=log).submit()
    text = str(raised.value)
    assert "could not be prepared: FileNotFoundError: no such corpus" in text
    assert 'raise FileNotFoundError("no such corpus")' in text
    assert notes(log) == ["counted 1", "prepared a"]


def test_what_was_prepared_is_asked_for_again_in_another_run(tmp_path: Path):
    log = str(tmp_path / "log")
    for number in range(2):
        with experiment(tmp_path, "first", display=False):
            Count.C(
                corpora=[Corpus.C(name="a", log=log), Corpus.C(name=str(number), log=log)], log=log
            ).submit()
    assert notes(log).count("prepared a") == 2


def test_a_preparation_that_exits_fails_its_jobs_only(tmp_path: Path):
    log = str(tmp_path / "log")
    with (
        pytest.raises(FailedExperiment, match="could not be prepared: SystemExit: no network"),
        experiment(tmp_path, "first", display=False),
    ):
        Count.C(corpora=[Corpus.C(name="exits", log=log)], log=log).submit()
        Count.C(corpora=[Corpus.C(name="a", log=log)], log=log).submit()
    assert notes(log) == ["counted 1", "prepared a"]


class Words(Prepare):
    """Is prepared when its file is there."""

    file: Meta[str]
    log: Meta[str]

    def is_prepared(self) -> bool:
        return Path(self.file).exists()

    def prepare(self) -> None:
        note(self.log, f"prepared in {Path.cwd().parent.name}")
        Path(self.file).touch()


class ReadWords(Task):
    words: Param[Words]
    seed: Param[int] = field(default=0)

    def execute(self) -> None:
        note(self.words.log, f"read {self.words.is_prepared()}")


def test_what_tasks_need_is_prepared_by_a_job_if_a_task_is_run(tmp_path: Path):
    log, file = str(tmp_path / "log"), tmp_path / "words"
    with experiment(tmp_path, "first", display=False) as xp:
        Words.C(file=str(file), log=log).submit()
    assert [job.state.name for job in xp.jobs.values()] == ["TRANSIENT"]
    with experiment(tmp_path, "first", display=False):
        words = Words.C(file=str(file), log=log).submit()
        ReadWords.C(words=words).submit()
    assert notes(log) == ["prepared in experimaestro.prepare", "read True"]


def test_one_task_of_an_experiment_is_only_rehearsed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = str(tmp_path / "log")
    with experiment(tmp_path, "first", display=False) as xp:
        Fit.C(depth=1, log=log).submit(run_mode=RunMode.NORMAL)
        Fit.C(depth=2, log=log).submit(run_mode=RunMode.DRY_RUN)
        written = Fit.C(depth=3, log=log).submit(run_mode=RunMode.GENERATE_ONLY)
        with pytest.raises(SubmissionError) as caught:
            Fit.C(depth=4, log=log).submit(run_mode="dry-run")
        assert len(xp.jobs) == 1
    assert notes(log) == ["fit 1 0.1"]
    assert [path.name for path in written.jobpath.iterdir() if path.suffix == ".json"] == ["params.json"]
    assert str(caught.value) == (
        "submit(run_mode='dry-run'): expected one of RunMode.NORMAL, RunMode.DRY_RUN, RunMode.GENERATE_ONLY, "
        "RunMode.PREPARE"
    )
    said = [line.partition("/")[0] for line in capsys.readouterr().err.splitlines() if line[0] != " "]
    assert said == [
        "[not run] Simulating test.language.fit",
        "[not run] Simulating test.language.fit",
        "dry run: 1 would run, 0 would not",
        "generate: 1 of 1 written, none was run",
    ]


def test_where_nothing_is_run_no_task_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    workspace = Workspace(Settings(), WorkspaceSettings("trial", path=tmp_path / "runs"))
    Fit.C(depth=1, log="").submit(workspace=workspace, run_mode=RunMode.DRY_RUN)
    workspace.run_mode = RunMode.DRY_RUN
    Fit.C(depth=2, log="").submit(workspace=workspace, run_mode=RunMode.NORMAL)
    with experiment(tmp_path / "runs", "first", run_mode=RunMode.DRY_RUN):
        Fit.C(depth=3, log="").submit(run_mode=RunMode.GENERATE_ONLY)
    assert capsys.readouterr().err.count("[not run] Simulating") == 3
    assert not (tmp_path / "runs").exists()


def test_outputs_init_tasks_hooks_and_value_classes_work_in_jobs(tmp_path: Path):
    log = str(tmp_path / "log")
    with experiment(tmp_path, "first", display=False):
        model: Any = Learn.C(size=3, log=log).submit()
        for seed in (0, 1):
            Use.C(model=model, seed=seed).submit(init_tasks=[Load.C(model=model)])
    assert notes(log) == sorted(
        [
            "learnt",
            "computed",
            *["loaded 3", "started", "BigModel 3 3 6", "variable of 4", "loads Learn: False"] * 2,
        ]
    )


def test_a_dry_run_says_what_it_would_do_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = str(tmp_path / "log")
    with experiment(tmp_path / "runs", "first", display=False):
        done = Fit.C(depth=1, log=log).submit()
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with experiment(tmp_path / "runs", "first", run_mode=RunMode.DRY_RUN) as xp:
        Fit.C(depth=1, log=log).submit()
        other = Fit.C(depth=2, log=log).tag("name", "two").submit()
        assert xp.run_id == "dry-run"
        xp.wait()
    with experiment(tmp_path / "none", "first", run_mode=RunMode.DRY_RUN):
        Learn.C(size=1, log=log).submit()
    assert capsys.readouterr().err.splitlines()[:5] == [
        f"[done] Simulating test.language.fit/{done.jobpath.name}",
        "  its result is there",
        f"[not run] Simulating test.language.fit/{other.jobpath.name} (name=two)",
        "  would run: it has no result",
        "dry run: 1 would run, 1 would not",
    ]
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
    assert xp.status == "done"
    assert experiment.CURRENT is None


def test_a_job_finds_the_folders_of_the_jobs_that_it_uses(tmp_path: Path):
    log = tmp_path / "log"
    with experiment(tmp_path / "runs", "x", display=False):
        other = Note.C(name="a", log=str(log)).submit()
        ReadsOther.C(other=other, log=str(log)).submit()

    assert notes(log) == ["a", f"note.out in {other.jobpath.name}"]


def test_the_same_task_with_another_path_is_said_since_paths_do_not_count(tmp_path: Path):
    log = str(tmp_path / "log")
    with experiment(tmp_path / "runs", "x", display=False):
        first = ReadsFile.C(data=Path("train.txt"), log=log).submit()
        with pytest.warns(AmbiguityWarning) as warned:
            ReadsFile.C(data=Path("test.txt"), log=log).submit()

    assert str(warned[0].message) == (
        f"{first.__xpm__.key} was submitted before with other paths: data: train.txt and test.txt. "
        "Paths do not count for what a task is: this one is not run. Add a parameter that tells them apart, "
        "such as a name"
    )
    assert warned[0].filename == __file__
    assert notes(log) == ["train.txt"]
