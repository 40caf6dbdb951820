"""xpm-mlboard: a service over the folders of an experiment's tasks, named by their tags."""

import json
from pathlib import Path
from typing import Any

import pytest
from xpm_mlboard import TensorboardService
from xpm_mlboard.service import read_run_tags

from experimaestro import Annotated, Param, RunMode, Task, experiment, pathgenerator, tag, tagspath
from experimaestro.scheduler.services import Service, ServiceState


class Learn(Task):
    """Leaves a curve."""

    lr: Param[float]
    logpath: Annotated[Path, pathgenerator("runs")]

    def execute(self) -> None:
        self.logpath.mkdir(exist_ok=True)
        (self.logpath / "curve").write_text(f"{self.lr}", encoding="utf-8")


def test_runs_are_found_by_the_tags_of_their_tasks(tmp_path: Path):
    with experiment(tmp_path, "curves", display=False) as xp:
        stale = xp.resultspath / "monitoring" / "stale"
        stale.mkdir(parents=True)
        board = xp.add_service(TensorboardService(xp.resultspath / "monitoring"))
        assert not stale.exists()
        tasks = [Learn.C(lr=tag(lr)).submit() for lr in (0.1, 0.2)]
        for task in tasks:
            board.add(task, task.logpath)

    assert [tagspath(task) for task in tasks] == ["lr=0.1", "lr=0.2"]
    assert read_run_tags(board.path) == {"lr=0.1": {"lr": 0.1}, "lr=0.2": {"lr": 0.2}}
    assert (board.path / "lr=0.2" / "curve").read_text(encoding="utf-8") == "0.2"


def test_a_rehearsal_leaves_the_folder_alone(tmp_path: Path):
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "curve").touch()
    with experiment(tmp_path / "ws", "curves", display=False, run_mode=RunMode.DRY_RUN) as xp:
        board = xp.add_service(TensorboardService(folder))
        task = Learn.C(lr=tag(0.1)).submit()
        board.add(task, task.logpath)

    assert [file.name for file in folder.iterdir()] == ["curve"]


def test_the_service_is_made_again_in_another_process_life(tmp_path: Path):
    with experiment(tmp_path, "curves", display=False) as xp:
        board = xp.add_service(TensorboardService(xp.resultspath / "monitoring"))

    status: Any = json.loads((xp.workdir / "status.json").read_text(encoding="utf-8"))
    row = status["services"]["tensorboard"]
    assert row["state"] == "STOPPED"
    again = Service.from_state_dict(row["class"], row["state_dict"])
    assert isinstance(again, TensorboardService)
    assert again.path == board.path
    assert (board.project, again.project) == ("curves", "curves")
    assert [sub.id for sub in again.subservices()] == ["tensorboard", "wandb"]


def test_a_start_that_fails_says_why(tmp_path: Path):
    with experiment(tmp_path, "curves", display=False) as xp:
        board = xp.add_service(TensorboardService(xp.resultspath / "monitoring"))
        with pytest.raises(Exception, match="No module named 'tensorboard'"):
            board.get_url()  # TensorBoard is a choice of the person: not installed here
        assert board.state is ServiceState.ERROR
