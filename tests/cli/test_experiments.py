"""`experimaestro experiments` on a real workspace."""

import json
import os
import shutil
from pathlib import Path

import pytest

from commands import Ended, project, run, write


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace `runs` with an experiment `first`: two runs that ended well, one that failed."""
    tmp_path = project(tmp_path_factory.mktemp("made"))
    for lr, code in (("1", 0), ("2", 0), ("-1", 1)):
        assert run(tmp_path, "run-experiment", "--workdir", "runs", "full", "-c", f"lr={lr}").code == code
    return tmp_path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path


def experiments(folder: Path, *words: str) -> Ended:
    return run(folder, "experiments", "--workdir", "runs", *words)


def run_ids(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder / "runs/experiments/first") if name[0].isdigit())


def test_experiments_and_their_runs_are_listed(folder: Path):
    assert experiments(folder, "list").out == "first (0/1 jobs)\n"
    (row,) = json.loads(experiments(folder, "list", "--json").out)
    assert (row["experiment"], row["runs"], row["jobs"]) == ("first", 3, {"failed": 1})

    lines = experiments(folder, "history", "first").out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [run_id, status] for run_id, status in zip(run_ids(folder), ("done", "done", "failed"), strict=True)
    ]
    assert [one["status"] for one in json.loads(experiments(folder, "history", "first", "--json").out)] == [
        "done", "done", "failed",
    ]  # fmt: skip


def test_a_run_is_told_with_its_jobs(folder: Path):
    lines = experiments(folder, "show", "first", "oldest").out.splitlines()

    assert lines[0] == f"first {run_ids(folder)[0]}: done"
    assert lines[2] == "  jobs: 1 done"
    assert lines[3].startswith("  done        experiment.train/")
    assert lines[3].endswith("  lr=1.0")
    assert lines[4] == f"folder: {folder}/runs/experiments/first/{run_ids(folder)[0]}"
    assert json.loads(experiments(folder, "show", "first", "--json").out)["status"] == "failed"


def test_a_run_that_has_ended_is_watched_to_its_end(folder: Path):
    ended = experiments(folder, "watch", "first")

    assert ended.code == 0
    assert ended.err.splitlines()[-1].startswith("first: 1 failed in ")


def test_runs_have_tags_by_which_they_are_kept(folder: Path):
    first, second, _ = run_ids(folder)
    assert experiments(folder, "tag", "first", "oldest", "paper").code == 0
    assert experiments(folder, "tags", "first").out == f"paper  {first}\n"

    taken = experiments(folder, "tag", "first", second, "paper")
    assert (taken.code, taken.err) == (
        1,
        f"Error: the run {first} has the tag 'paper': add --force (take=True) to take it away\n",
    )
    assert experiments(folder, "tag", "first", second, "paper", "--force").code == 0
    assert json.loads(experiments(folder, "tags", "first", "--json").out) == {"paper": second}

    pruned = experiments(folder, "prune", "first", "--keep", "1", "--perform")
    assert pruned.out.split()[:2] == ["removed", first]
    assert experiments(folder, "untag", "first", "paper").code == 0
    assert (
        experiments(folder, "untag", "first", "paper").err
        == "Error: no run of 'first' has the tag 'paper'. None has any\n"
    )


def test_runs_are_pruned_on_demand_and_jobs_are_kept(folder: Path):
    before = run_ids(folder)

    asked = experiments(folder, "prune", "first", "--status", "done")
    assert [line.split()[2] for line in asked.out.splitlines()] == before[:2]
    assert asked.err.startswith("2 of 3 runs, ")
    assert asked.err.endswith("nothing was done, add --perform\n")
    assert run_ids(folder) == before

    experiments(folder, "prune", "first", "--status", "done", "--perform")
    assert run_ids(folder) == before[2:]
    assert len(list((folder / "runs/jobs/experiment.train").iterdir())) == 3


def test_keep_0_keeps_none(folder: Path):
    assert experiments(folder, "prune", "first", "--keep", "0").err.startswith("3 of 3 runs, ")


def test_a_tag_is_a_word(folder: Path):
    said = "Error: tag '': expected a word that names the run\n"
    assert experiments(folder, "tag", "first", "latest", "") == (1, "", said)


def test_without_options_the_history_of_the_workspace_is_kept(folder: Path):
    text = f"workspaces:\n- {{id: main, path: {folder}/runs, history: {{max_done: 0, max_failed: 1}}}}\n"
    write(folder, {"home/.config/experimaestro/settings.yaml": text})

    assert experiments(folder, "prune", "first").err.startswith("2 of 3 runs, ")


def test_without_options_the_history_of_the_settings_is_kept(folder: Path):
    write(folder, {"home/.config/experimaestro/settings.yaml": "history: {max_done: 1, max_failed: 1}\n"})

    oldest = run_ids(folder)[0]

    pruned = experiments(folder, "prune", "first", "--perform")

    assert pruned.out.split()[:2] == ["removed", oldest]
    assert len(run_ids(folder)) == 2
