"""What a run records of the code that it ran."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from experimaestro import experiment
from experimaestro.exceptions import DirtyGitError
from experimaestro.workspace import git
from experimaestro.workspace.git import DirtyGitAction
from experimaestro.workspace.layout import RunPaths
from experimaestro.workspace.provenance import Provenance

STUDY = """
import sys

from experimaestro import Param, Task, experiment


class Train(Task):
    lr: Param[float]

    def execute(self):
        pass


if __name__ == "__main__":
    with experiment(sys.argv[1], "first", display=False):
        Train.C(lr=0.1).submit()
"""


def call_git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one script, committed."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "study.py").write_text(STUDY, encoding="utf-8")
    call_git(folder, "init", "--quiet")
    call_git(folder, "add", "study.py")
    call_git(folder, "commit", "--quiet", "--message", "The study")
    return folder


def run_study(project: Path, workspace: Path, before: Sequence[str] = ()) -> dict[str, Any]:
    """Runs the script in a process of its own; returns `environment.json` of the run."""
    command = [*before, sys.executable, str(project / "study.py"), str(workspace)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(
        (workspace / "experiments/first/current/environment.json").read_bytes()
    )
    return found


def test_a_run_records_the_commit_of_its_code(project: Path, tmp_path: Path):
    environment = run_study(project, tmp_path / "runs")

    commit = call_git(project, "rev-parse", "HEAD")
    assert environment["projects"] == [
        {
            "commit": commit,
            "commit_short": call_git(project, "rev-parse", "--short", "HEAD"),
            "branch": "main",
            "dirty": False,
            "message": "The study",
            "author": "Ada <ada@example.org>",
            "date": call_git(project, "log", "-1", "--format=%cI"),
            "path": str(project),
        }
    ]
    assert environment["command"] == [sys.executable, str(project / "study.py"), str(tmp_path / "runs")]
    assert environment["packages"]["pytest"] == pytest.__version__
    assert environment["run"]["status"] == "completed"


def test_what_was_not_committed_is_kept_and_can_be_applied_again(project: Path, tmp_path: Path):
    with (project / "study.py").open("a", encoding="utf-8") as file:
        file.write("# a change\n")

    environment = run_study(project, tmp_path / "runs")

    (found,) = environment["projects"]
    assert (found["dirty"], found["patch"], found["patch_is_whole"]) == (True, "project.patch", True)
    patch = tmp_path / "runs/experiments/first/current/patches/project.patch"
    again = tmp_path / "again"
    call_git(tmp_path, "clone", "--quiet", str(project), str(again))
    call_git(again, "apply", str(patch.resolve()))
    assert (again / "study.py").read_bytes() == (project / "study.py").read_bytes()


def test_without_git_all_else_is_recorded(project: Path, tmp_path: Path):
    environment = run_study(project, tmp_path / "runs", before=["env", "PATH=/nowhere"])

    assert environment["projects"] == []
    assert environment["packages"]["pytest"] == pytest.__version__


def test_code_in_no_repository_has_no_commit(tmp_path: Path):
    (tmp_path / "study.py").write_text(STUDY, encoding="utf-8")

    assert run_study(tmp_path, tmp_path / "runs")["projects"] == []


def test_a_package_that_is_installed_from_a_folder_is_told_with_its_commit(tmp_path: Path):
    found = Provenance(RunPaths(str(tmp_path), "first", "run"))
    found.look()

    environment = json.loads(found.describe({}))
    editable = environment["editable_packages"]["experimaestro"]
    assert Path(editable["path"], "pyproject.toml").is_file()
    assert editable["version"] == environment["packages"]["experimaestro"]
    commit = git.describe(editable["path"])
    assert editable.get("git") == commit


def test_a_difference_that_is_too_long_ends_after_the_last_file_that_fits(project: Path):
    for name in ("a.txt", "b.txt"):
        (project / name).write_text("old\n", encoding="utf-8")
    call_git(project, "add", "--all")
    call_git(project, "commit", "--quiet", "--message", "Two files")
    (project / "a.txt").write_text("new\n", encoding="utf-8")
    whole, is_whole = git.difference(str(project))
    assert is_whole
    (project / "b.txt").write_text("new\n" * 1000, encoding="utf-8")

    assert git.difference(str(project), most=len(whole) + 100) == (whole, False)


def test_a_repository_without_a_commit_is_no_error(tmp_path: Path):
    call_git(tmp_path, "init", "--quiet")

    assert git.describe(str(tmp_path)) is None
    assert git.changes(str(tmp_path)) == []


def test_git_is_asked_about_the_folder_also_within_a_hook(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))

    found = git.describe(str(project))
    assert found is not None and found["message"] == "The study"


def test_git_that_does_not_answer_is_ended(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\nexec sleep 100\n", encoding="utf-8")
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    before = set(threading.enumerate())

    assert git.describe(str(project), timeout_s=0.2) is None
    assert set(threading.enumerate()) <= before


def test_changed_code_is_told_or_refused(project: Path):
    script = str(project / "study.py")
    assert git.check([script], DirtyGitAction.ERROR) == []

    with (project / "study.py").open("a", encoding="utf-8") as file:
        file.write("# a change\n")

    text = f"the code in {project} has changes that are not committed: study.py"
    assert git.check([script, str(project)], DirtyGitAction.WARN) == [text]
    assert git.check([script], DirtyGitAction.IGNORE) == []
    with pytest.raises(DirtyGitError) as error:
        git.check([script], DirtyGitAction.ERROR)
    assert str(error.value) == f"{text}. Commit them, or say that they are only to be told (dirty_git: warn)"


def test_only_the_code_of_a_project_counts():
    assert git.is_of_project(__file__)
    assert not git.is_of_project(json.__file__)
    assert not git.is_of_project(pytest.__file__)
    assert not git.is_of_project(git.__file__)


def test_an_experiment_refuses_changed_code_before_it_touches_the_workspace(project: Path, tmp_path: Path):
    with (project / "study.py").open("a", encoding="utf-8") as file:
        file.write("# a change\n")
    paths = [project]

    xp = experiment(tmp_path / "runs", "first", dirty_git=DirtyGitAction.ERROR, project_paths=paths)
    with pytest.raises(DirtyGitError):
        xp.start()
    assert not (tmp_path / "runs").exists()


def test_an_experiment_tells_changed_code_once(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with (project / "study.py").open("a", encoding="utf-8") as file:
        file.write("# a change\n")

    with experiment(tmp_path / "runs", "first", project_paths=[project]) as xp:
        pass

    first, *_ = capsys.readouterr().err.splitlines()
    text = f"the code in {project} has changes that are not committed: study.py"
    assert first == f"experimaestro: warning: {text}"
    projects = json.loads((xp.workdir / "environment.json").read_bytes())["projects"]
    found = {one["path"]: one.get("patch") for one in projects}
    assert found[str(project)] == "project.patch"
