"""Which runs of an experiment are kept."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from experimaestro import FailedExperiment, JobState, experiment, load_run, load_xp_info, tag
from experimaestro.exceptions import WorkspaceError
from experimaestro.settings import HistorySettings, WorkspaceSettings
from experimaestro.workspace import history
from experimaestro.workspace.history import EndedRun, Limits, superfluous
from experimaestro.workspace.layout import RunPaths
from experimaestro.workspace.locks import is_locked
from polling import wait_until
from tasks import Fail, Note, notes


def run_id(number: int) -> str:
    return f"20261125_{number:06}"


def kept_after(statuses: Iterable[str], limits: Limits, tagged: Iterable[int] = ()) -> list[str]:
    """What is left of runs that end one after the other; each is named by its number and status."""
    runs: list[EndedRun] = []
    for number, status in enumerate(statuses):
        tags = number in set(tagged)
        runs.append(EndedRun(run_id(number), "done" if status == "d" else "failed", tags))
        gone = superfluous(runs, run_id(number), limits)
        runs = [run for run in runs if run.run_id not in gone]
    return [f"{int(run.run_id[9:])}{run.status[0]}" for run in runs]


@pytest.mark.parametrize(
    ("statuses", "kept"),
    [
        ("dddddddd", ["3d", "4d", "5d", "6d", "7d"]),
        ("ddddddddfff", ["3d", "4d", "5d", "6d", "7d", "10f"]),
        ("ddddddddfffd", ["4d", "5d", "6d", "7d", "11d"]),
        ("fff", ["2f"]),
        ("fffd", ["3d"]),
    ],
)
def test_the_newest_five_that_ended_well_are_kept_and_one_failure_after_them(statuses: str, kept: list[str]):
    assert kept_after(statuses, Limits()) == kept


def test_the_numbers_are_the_users():
    assert kept_after("dddff", Limits(max_done=1, max_failed=2)) == ["2d", "3f", "4f"]


def test_the_run_that_ends_is_kept_whatever_the_numbers():
    assert kept_after("ddf", Limits(max_done=0, max_failed=0)) == ["2f"]


def test_a_tagged_run_is_kept_and_takes_the_place_of_no_other():
    assert kept_after("fdddd", Limits(max_done=2), tagged=[0, 1]) == ["0f", "1d", "3d", "4d"]


def test_ten_runs_in_one_second_are_in_their_order():
    names = ["20261125_000000", *(f"20261125_000000.{number}" for number in range(1, 11))]
    runs = [EndedRun(name, "done") for name in sorted(names)]

    assert superfluous(runs, names[-1], Limits(max_done=2)) == names[:-2]


@given(st.lists(st.tuples(st.sampled_from("df"), st.booleans())), st.integers(0, 6), st.integers(0, 6))
def test_no_history_loses_a_tagged_run_or_the_last_one_or_keeps_too_many(
    ends: list[tuple[str, bool]], max_done: int, max_failed: int
):
    tagged = [number for number, (_, is_tagged) in enumerate(ends) if is_tagged]

    kept = kept_after((status for status, _ in ends), Limits(max_done, max_failed), tagged)

    numbers = {int(name[:-1]) for name in kept}
    assert numbers.issuperset(tagged)
    assert not ends or len(ends) - 1 in numbers
    assert sum(name[-1] == "d" for name in kept) <= max(1, max_done) + len(tagged)
    assert sum(name[-1] == "f" for name in kept) <= max(1, max_failed) + len(tagged)


def make_run(workspace: Path, number: int, status: str, form: str = "environment") -> Path:
    """The folder of a run that ended before, as one of the two files tells."""
    folder = workspace / "experiments" / "first" / run_id(number)
    (folder / "jobs").mkdir(parents=True)
    content = {"run": {"status": status}} if form == "environment" else {"status": status}
    (folder / f"{form}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def names(workspace: Path) -> list[str]:
    return sorted(os.listdir(workspace / "experiments" / "first"))


def test_what_is_not_understood_is_never_removed(tmp_path: Path):
    job = tmp_path / "jobs" / "a"
    job.mkdir(parents=True)
    strange = [
        make_run(tmp_path, 1, "detached"),
        make_run(tmp_path, 2, "running", "status"),
        make_run(tmp_path, 3, "a word of a later version"),
        make_run(tmp_path, 4, "failed").rename(tmp_path / "experiments" / "first" / "my own folder"),
    ]
    torn = make_run(tmp_path, 5, "done")
    (torn / "environment.json").write_text('{"run": {"sta', encoding="utf-8")
    odd = make_run(tmp_path, 9, "done", "status")
    (odd / "status.json").write_text('{"status": [{}], "run_tags": []}', encoding="utf-8")
    strange.append(odd)
    link = torn.with_name(run_id(6))
    link.symlink_to(make_run(tmp_path / "elsewhere", 6, "failed"))
    old = make_run(tmp_path, 7, "failed")
    (old / "jobs" / "link").symlink_to(job)
    last = make_run(tmp_path, 8, "done", "status")

    removed = history.clean_up(RunPaths.of(str(last)), Limits())

    assert removed == [old.name]
    assert names(tmp_path) == sorted(path.name for path in (*strange, torn, link, last))
    assert (tmp_path / "elsewhere" / "experiments" / "first" / run_id(6) / "environment.json").exists()
    assert job.exists()


def test_a_clean_up_that_was_killed_is_finished_by_the_next_one(tmp_path: Path):
    last = make_run(tmp_path, 2, "done")
    half = make_run(tmp_path, 1, "done")
    half.rename(half.with_name(f".{half.name}.removed"))

    assert history.clean_up(RunPaths.of(str(last)), Limits()) == []
    assert names(tmp_path) == [last.name]


def runs_of(workspace: Path) -> int:
    return len([name for name in names(workspace) if name[0].isdigit()])


def test_an_experiment_keeps_as_many_runs_as_its_workspace_says(tmp_path: Path):
    settings = WorkspaceSettings(path=tmp_path, history=HistorySettings(max_done=2, max_failed=1))
    log = str(tmp_path / "log")

    for _ in range(4):
        with experiment(settings, "first", display=False) as xp:
            Note.C(name="a", log=log).submit()
    assert runs_of(tmp_path) == 2

    for _ in range(2):
        with pytest.raises(FailedExperiment), experiment(settings, "first", display=False) as xp:
            Fail.C(how="raise").submit()
    assert runs_of(tmp_path) == 3
    assert os.path.realpath(tmp_path / "experiments/first/current") == str(xp.workdir)


def test_a_run_that_was_removed_can_still_be_retried(tmp_path: Path):
    settings = WorkspaceSettings(path=tmp_path, history=HistorySettings(max_done=1, max_failed=1))
    failing = experiment(settings, "first", display=False)
    with pytest.raises(FailedExperiment), failing:
        Fail.C(how="raise").submit()
    with experiment(settings, "first", display=False):
        Note.C(name="a", log=str(tmp_path / "log")).submit()
    assert not failing.workdir.exists()

    failing.retry()

    with pytest.raises(FailedExperiment):
        failing.wait()


def test_a_retry_of_a_run_whose_folder_cannot_be_made_says_so_and_keeps_nobody_out(tmp_path: Path):
    with pytest.raises(FailedExperiment), experiment(tmp_path, "first", display=False) as failing:
        Fail.C(how="raise").submit()
    shutil.rmtree(failing.workdir)
    failing.workdir.touch()

    with pytest.raises(WorkspaceError) as caught:
        failing.retry()

    assert str(caught.value).startswith(f"the run first/{failing.run_id} cannot be opened again: ")
    assert not is_locked(RunPaths(str(tmp_path), "first", failing.run_id))


def test_a_run_that_was_removed_and_is_retried_is_written_whole_again(tmp_path: Path):
    settings = WorkspaceSettings(path=tmp_path, history=HistorySettings(max_done=1, max_failed=1))
    log, go = str(tmp_path / "log"), tmp_path / "go"
    with pytest.raises(FailedExperiment), experiment(settings, "first", display=False) as failing:
        hangs = Note.C(name="hangs", log=log, until=str(go)).submit()
        after = Note.C(
            name=tag("after"), log=log, needs=[hangs, Note.C(name="done", log=log).submit()]
        ).submit()
        wait_until(lambda: hangs.job.state is JobState.RUNNING)
        failing.kill(hangs)
    with experiment(settings, "first", display=False):
        Note.C(name="done", log=log).submit()
    assert not failing.workdir.exists()
    go.touch()

    failing.retry()
    failing.wait()
    status = failing.workdir / "status.json"
    wait_until(lambda: status.exists() and json.loads(status.read_bytes())["status"] == "done")

    table = load_run(tmp_path, "first", failing.run_id).dataframe().set_index("job")
    assert dict(table["state"]) == dict.fromkeys(failing.jobs, "done")
    assert table.loc[after.job.identifier, "name"] == "after"
    assert set(load_xp_info(failing.workdir).jobs) == set(failing.jobs)
    assert notes(log) == ["after", "done", "hangs"]


def test_a_run_with_results_of_the_user_is_kept(tmp_path: Path):
    old, last = "20260101_000000", "20260102_000000"
    for run_id in (old, last):
        paths = RunPaths(str(tmp_path), "plan", run_id)
        Path(paths.folder).mkdir(parents=True)
        Path(paths.status).write_text('{"status": "done"}', encoding="utf-8")
    Path(RunPaths(str(tmp_path), "plan", old).results).mkdir()
    limits = Limits(max_done=0, max_failed=0)
    Path(RunPaths(str(tmp_path), "plan", old).results, "table.csv").touch()

    assert history.clean_up(RunPaths(str(tmp_path), "plan", last), limits) == []
    Path(RunPaths(str(tmp_path), "plan", old).results, "table.csv").unlink()
    assert history.clean_up(RunPaths(str(tmp_path), "plan", last), limits) == [old]
