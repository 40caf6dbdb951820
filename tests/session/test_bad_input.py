"""What users get wrong: an error before anything starts, whole, and the workspace as it was."""

import contextlib
import importlib.util
import os
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro import Any, Config, FailedExperiment, Param, RunMode, Task, experiment
from experimaestro.exceptions import ConfigurationError, SubmissionError, WorkspaceError
from tasks import Note, notes


class Model(Config):
    width: Param[int]


class Train(Task):
    lr: Param[float]
    model: Param[Model]
    extra: Param[Any | None] = None

    def execute(self) -> None: ...


class After(Task):
    train: Param[Train]

    def execute(self) -> None: ...


@contextlib.contextmanager
def nothing_is_run(runs: Path) -> Iterator[None]:
    """An open experiment, in which nothing is submitted for good."""
    with experiment(runs, "bad", display=False) as xp:
        yield
        assert (xp.workdir / "jobs.jsonl").exists() is False
    assert not (runs / "jobs").exists()


def test_several_wrong_parameters_are_one_error(runs: Path):
    with nothing_is_run(runs), pytest.raises(ConfigurationError) as caught:
        Train.C(lr="fast", widht=3)  # type: ignore[call-arg,arg-type] # the mistakes

    lines = str(caught.value).splitlines()
    assert lines[0].startswith("Train.C(...): 2 problems (test_bad_input.py:")
    assert lines[1:] == [
        "  lr      expected a float, got 'fast'. Example: lr=1e-3",
        "  widht   unknown parameter. There are: extra, lr, model",
    ]


def test_a_missing_parameter_deep_inside_is_named_with_its_path(runs: Path):
    with nothing_is_run(runs), pytest.raises(ConfigurationError) as caught:
        Train.C(lr=1.0, model=Model.C()).submit()  # type: ignore[call-arg] # the mistake

    assert "model.width" in str(caught.value)
    assert "missing: expected an int" in str(caught.value)


def test_a_value_that_no_file_can_hold_is_refused(runs: Path):
    with nothing_is_run(runs), pytest.raises(ConfigurationError) as caught:
        Train.C(lr=1.0, model=Model.C(width=1), extra=object())

    assert "extra" in str(caught.value)


def test_a_task_that_was_not_submitted_cannot_be_given(runs: Path):
    with nothing_is_run(runs), pytest.raises(ConfigurationError) as caught:
        After.C(train=Train.C(lr=1.0, model=Model.C(width=1)))

    assert "submit" in str(caught.value)


def test_submitting_outside_of_an_experiment_shows_what_to_write():
    with pytest.raises(SubmissionError) as caught:
        Train.C(lr=1.0, model=Model.C(width=1)).submit()

    text = str(caught.value)
    assert text.startswith("Train.submit(): no experiment is open (test_bad_input.py:")
    assert text.splitlines()[1:] == [
        '  with experiment("runs", "first"):',
        "      Train.C(...).submit()",
    ]


def test_a_workspace_that_is_a_file_is_refused(tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("precious", encoding="utf-8")

    with pytest.raises(WorkspaceError) as caught:
        experiment(file, "bad", display=False).start()

    assert str(caught.value) == (
        f"{file} cannot be used as workspace: it, or a folder above it, is a file. Give the path of a folder"
    )
    assert file.read_text(encoding="utf-8") == "precious"


def test_a_workspace_below_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(WorkspaceError) as caught:
        experiment(tmp_path / "file" / "runs", "bad", display=False).start()

    assert "is a file. Give the path of a folder" in str(caught.value)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_name_that_cannot_name_a_folder_is_refused(runs: Path, name: str):
    with pytest.raises(WorkspaceError) as caught:
        experiment(runs, name)

    assert "cannot name a folder" in str(caught.value)
    assert not runs.exists()


def test_no_workers_are_refused(runs: Path):
    with pytest.raises(WorkspaceError) as caught:
        experiment(runs, "bad", workers=0)

    assert str(caught.value) == "experiment(..., workers=0): expected a number of jobs from 1 up"


@contextlib.contextmanager
def small_disk(path: Path, options: str) -> Iterator[Path]:
    """A file system of its own, in memory; needs the right to mount."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Fills a disk but for some bytes."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    os.truncate(filler, filler.stat().st_size - leave)
    return filler


@pytest.mark.linux
def test_a_full_disk_is_refused_and_left_as_it_was(tmp_path: Path):
    with small_disk(tmp_path / "disk", "size=64k") as disk:
        fill(disk)
        before = sorted(disk.iterdir())

        with pytest.raises(WorkspaceError) as caught:
            experiment(disk / "runs", "bad", display=False).start()

        assert str(caught.value) == (
            f"{disk}/runs cannot be used as workspace: No space left on device. "
            "Free space or change permissions, or give another folder"
        )
        assert sorted(disk.iterdir()) == before


@pytest.mark.linux
def test_a_read_only_disk_is_refused(tmp_path: Path):
    with small_disk(tmp_path / "disk", "size=64k,ro") as disk, pytest.raises(WorkspaceError) as caught:
        experiment(disk / "runs", "bad", display=False).start()

    assert "Read-only file system" in str(caught.value)


@pytest.mark.linux
@pytest.mark.slow
def test_a_disk_that_fills_up_stops_starting_jobs_until_there_is_space(tmp_path: Path):
    log = str(tmp_path / "log")
    with small_disk(tmp_path / "disk", "size=512k") as disk:
        xp = experiment(disk / "runs", "full", display=False).start()
        assert xp._run is not None
        loop = xp._run.loop
        filler = fill(disk)
        Note.C(name="a", log=log).submit()
        loop.when(lambda state: bool(state.trouble)).wait(30)
        trouble = loop.ask(lambda state: state.trouble).result()
        assert trouble.endswith("No space left on device")
        assert not notes(log)

        filler.unlink()
        xp.wait()
        xp.stop()

    assert notes(log) == ["a"]


def test_a_class_whose_file_a_job_cannot_find_is_refused(runs: Path):
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("made_by_hand", None))  # type: ignore[arg-type] # there is one
    source = "from experimaestro import Task\nclass Made(Task):\n    def execute(self): ...\n"
    sys.modules["made_by_hand"] = module
    try:
        exec(source, module.__dict__)
        with nothing_is_run(runs), pytest.raises(Exception, match="made_by_hand") as caught:
            module.Made.C().submit()
    finally:
        del sys.modules["made_by_hand"]

    assert "job" in str(caught.value)


def test_a_module_that_a_job_cannot_import_is_told_with_python_and_path(runs: Path, tmp_path: Path):
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "vanishing.py").write_text("", encoding="utf-8")
    (folder / "using.py").write_text(
        "import vanishing\nfrom experimaestro import Task\n\nclass Gone(Task):\n    def execute(self): ...\n",
        encoding="utf-8",
    )
    sys.path.insert(0, str(folder))
    try:
        module = __import__("using")
        with pytest.raises(FailedExperiment) as caught, experiment(runs, "bad", display=False):
            task = module.Gone.C()
            (folder / "vanishing.py").rename(folder / "elsewhere.py")
            task.submit()
    finally:
        sys.path.remove(str(folder))
        del sys.modules["vanishing"], sys.modules["using"]

    text = str(caught.value)
    assert "ModuleNotFoundError: No module named 'vanishing'" in text
    assert f"importable by the python of the job: {sys.executable}" in text
    assert f"sys.path: ['{folder}'" in text


class Opens(Task):
    name: Param[str]

    def execute(self) -> None:
        Path(self.name).read_text(encoding="utf-8")


def test_a_relative_name_that_is_not_in_the_folder_of_the_job_is_told_with_what_to_do(runs: Path):
    with pytest.raises(FailedExperiment) as caught, experiment(runs, "bad", display=False):
        Opens.C(name="data.txt").submit()
        Opens.C(name="/nowhere/data.txt").submit()

    text = str(caught.value)
    assert text.count("FileNotFoundError: [Errno 2] No such file or directory: ") == 2
    assert text.count("make its path a parameter of type `Path`, which is absolute in the job.") == 1


class Constructed(Task):
    n: Param[int]

    def __init__(self, z: int) -> None:
        self.z = z

    def execute(self) -> None: ...


def test_an_init_that_wants_arguments_is_told_what_to_write(runs: Path):
    with pytest.raises(FailedExperiment) as caught, experiment(runs, "bad", display=False):
        Constructed.C(n=1).submit()  # type: ignore[call-arg] # the mistake

    text = str(caught.value)
    assert "TypeError: Constructed.__init__() missing 1 required positional argument: 'z'" in text
    assert "Make them parameters (`z: Param[int]`), or compute what you need in `__post_init__`." in text
    assert "importable" not in text


def test_wrong_arguments_are_refused_where_they_are_given(runs: Path):
    wrong: typing.Any = 3
    opened: typing.Any = experiment
    call: typing.Callable[[], object]
    for call, text in (
        (lambda: experiment(wrong, "x"), "experiment(3, 'x'): expected the folder of the workspace"),
        (lambda: experiment("", "x"), "experiment('', 'x'): expected the folder of the workspace"),
        (lambda: experiment(runs, wrong), "experiment(..., name=3): expected a str"),
        (
            lambda: experiment(runs, "x", workers=wrong / 2),
            "experiment(..., workers=1.5): expected a number of jobs from 1 up",
        ),
        (
            lambda: experiment(runs, "x", run_mode=wrong),
            (
                "experiment(..., run_mode=3): expected one of RunMode.NORMAL, RunMode.DRY_RUN, "
                "RunMode.GENERATE_ONLY, RunMode.PREPARE"
            ),
        ),
        (
            lambda: opened(runs, "x", worker=wrong),
            "experiment(...) got an unexpected keyword argument 'worker'",
        ),
    ):
        with pytest.raises((WorkspaceError, TypeError)) as caught:
            call()
        assert str(caught.value) == text
    with experiment(runs, "x", display=False) as xp:
        task = Note.C(name="a", log="log")
        for call, text in (
            (lambda: xp.submit(wrong), "submit(3): expected the configuration of a task, Cls.C(...)"),
            (lambda: xp.token(wrong, 1), "token(3, ...): expected a str as its name"),
            (lambda: task.submit(init_tasks=wrong), "Note.submit(init_tasks=3): expected a list of tasks"),
            (lambda: task.on_completed(wrong), "Note.on_completed(3): expected a function"),
        ):
            with pytest.raises((SubmissionError, TypeError)) as refused:
                call()
            assert str(refused.value) == text


def test_arguments_of_earlier_versions_are_told_and_have_no_effect(runs: Path):
    with pytest.warns(DeprecationWarning, match="no effect") as told:
        xp = experiment(runs, "x", port=12345, register_signals=False, run_mode=None)

    assert [str(one.message) for one in told] == [
        "experiment(..., port=, register_signals=): of earlier versions, no effect"
    ]
    assert told[0].filename == __file__
    assert (xp.status, xp.run_mode) == ("new", RunMode.NORMAL)
