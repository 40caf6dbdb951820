"""Results of another workspace count here: used there, copied, or moved."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from experimaestro import RunMode, experiment
from experimaestro.settings import FolderSettings, WorkspaceSettings
from experimaestro.workspace import attached
from experimaestro.workspace.attached import Mode
from experimaestro.workspace.layout import JobPaths
from tasks import Note, notes

KEY = "study.train/0123abcd"


def make_job(workspace: Path, *, done: bool = True) -> JobPaths:
    """The folder of a job with a result, a log and a folder of its own."""
    paths = JobPaths.of(str(workspace), KEY)
    (Path(paths.folder) / "out").mkdir(parents=True)
    (Path(paths.folder) / "out" / "model.txt").write_text("the model", encoding="utf-8")
    Path(paths.out).write_text("what it printed", encoding="utf-8")
    if done:
        Path(paths.done).touch()
    return paths


@pytest.mark.parametrize("mode", ["use", "backup", "move"])
def test_a_result_of_another_workspace_is_one_of_this(tmp_path: Path, mode: Mode):
    there, here = make_job(tmp_path / "there"), JobPaths.of(str(tmp_path / "here"), KEY)

    assert attached.bring(here, there, mode)

    assert attached.is_done(here)
    for paths in (here, there):
        assert Path(paths.folder, "out", "model.txt").read_text(encoding="utf-8") == "the model"
    is_link = {paths: os.path.islink(paths.folder) for paths in (here, there)}
    expected = {"use": (True, False), "backup": (False, False), "move": (False, True)}
    assert tuple(is_link.values()) == expected[mode]


@pytest.mark.linux
def test_a_result_moves_from_another_disk(tmp_path: Path):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as disk:
        assert os.stat(disk).st_dev != os.stat(tmp_path).st_dev
        there, here = make_job(Path(disk) / "there"), JobPaths.of(str(tmp_path / "here"), KEY)

        assert attached.bring(here, there, "move")

        assert attached.is_done(here) and not os.path.islink(here.folder)
        assert os.readlink(there.folder) == here.folder
        assert os.listdir(os.path.dirname(there.folder)) == [os.path.basename(there.folder)]


@pytest.mark.parametrize("mode", ["use", "backup", "move"])
def test_whoever_has_begun_the_job_here_is_left_alone(tmp_path: Path, mode: Mode):
    there, here = make_job(tmp_path / "there"), JobPaths.of(str(tmp_path / "here"), KEY)
    Path(here.folder).mkdir(parents=True)

    assert not attached.bring(here, there, mode)

    assert os.listdir(here.folder) == []
    assert not os.path.islink(there.folder)


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path):
    there, here = make_job(tmp_path / "there"), JobPaths.of(str(tmp_path / "here"), KEY)
    os.mkfifo(f"{there.folder}/pipe")  # not to be copied

    with pytest.raises(OSError):
        attached.bring(here, there, "backup")

    assert os.listdir(os.path.dirname(here.folder)) == []


def run(folder: Path, log: str, *attached: FolderSettings, name: str = "a") -> Note:
    settings = WorkspaceSettings(path=folder, folders=list(attached))
    with experiment(settings, "first", display=False):
        task = Note.C(name=name, log=log).submit()
    return task  # noqa: RET504 - of a block, mypy thinks that it may end early


@pytest.mark.parametrize("mode", ["use", "backup", "move"])
def test_an_experiment_executes_nothing_that_is_done_in_an_attached_workspace(tmp_path: Path, mode: Mode):
    log = str(tmp_path / "log")
    run(tmp_path / "there", log)

    folder = FolderSettings(tmp_path / "there", mode)
    task = run(tmp_path / "here", log, folder)
    run(tmp_path / "here", log, folder, name="b")
    run(tmp_path / "there", log)

    assert notes(log) == ["a", "b"]
    assert task.jobpath.parent.parent.parent == tmp_path / "here"
    assert (task.jobpath / "note.done").exists()


def test_what_failed_or_was_never_run_there_is_run_here(tmp_path: Path):
    log = str(tmp_path / "log")
    there = FolderSettings(tmp_path / "there")
    failed = make_job(tmp_path / "there", done=False)

    task = run(tmp_path / "here", log, there, FolderSettings(tmp_path / "nowhere"))

    assert notes(log) == ["a"]
    assert not os.path.islink(task.jobpath)
    assert not os.path.exists(failed.done)


def test_a_link_whose_target_is_gone_keeps_no_job_from_being_run(tmp_path: Path):
    log = str(tmp_path / "log")
    there = run(tmp_path / "there", log)
    folder = FolderSettings(tmp_path / "there")
    run(tmp_path / "here", log, folder)
    shutil.rmtree(there.jobpath)

    run(tmp_path / "here", log, folder)

    assert notes(log) == ["a", "a"]


@pytest.mark.parametrize(("mode", "word"), [("use", "linked"), ("backup", "copied"), ("move", "moved")])
def test_a_rehearsal_finds_what_is_done_in_an_attached_workspace(
    tmp_path: Path, mode: Mode, word: str, capsys: pytest.CaptureFixture[str]
):
    log = str(tmp_path / "log")
    done = run(tmp_path / "there", log)
    capsys.readouterr()
    settings = WorkspaceSettings(path=tmp_path / "here", folders=[FolderSettings(tmp_path / "there", mode)])

    with experiment(settings, "first", run_mode=RunMode.DRY_RUN):
        Note.C(name="a", log=log).submit()
        Note.C(name="b", log=log).submit()

    said = capsys.readouterr().err
    assert f"its result would be {word} from {done.jobpath}" in said
    assert "1 would run, 1 would not" in said
    assert not (tmp_path / "here").exists()


def test_folders_in_which_no_result_can_be_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    missing, loop = tmp_path / "resluts", tmp_path / "loop"
    loop.symlink_to(loop)
    folders = [FolderSettings(path=missing), FolderSettings(path=loop)]
    with experiment(WorkspaceSettings(path=tmp_path / "runs", folders=folders), "plan", display=False) as xp:
        pass

    start = "experimaestro: no result is looked for in"
    assert capsys.readouterr().err.splitlines() == [
        f"{start} {missing} (folders): it has no jobs, and so is no workspace",
        f"{start} {loop} (folders): Too many levels of symbolic links",
    ]
    assert xp.status == "done"
