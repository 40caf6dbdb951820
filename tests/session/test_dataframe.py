"""The table of a run: a row for each job, live and afterwards."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from experimaestro import experiment, load_run, tag
from experimaestro.exceptions import FailedExperiment, WorkspaceError
from polling import wait_until
from tasks import AfterFailure, Checkpoint, Fail, Note, Score


def test_a_run_is_a_table_of_tags_parameters_states_and_results(runs: Path):
    with pytest.raises(FailedExperiment), experiment(runs, "x", display=False) as xp:
        for lr in (0.5, 0.25):
            Score.C(learner=Checkpoint.C(step=3), lr=tag(lr)).submit()
        failing = Fail.C(how="raise").submit()
        AfterFailure.C(first=failing, log="").submit()

    live, past = xp.dataframe(), load_run(runs, "x").dataframe()

    pd.testing.assert_frame_equal(live, past)
    assert list(live["task"]) == ["Score", "Score", "Fail", "AfterFailure"]
    assert list(live["state"]) == ["done", "done", "failed", "skipped"]
    assert list(live["lr"][:2]) == [0.5, 0.25]
    assert list(live["learner.step"][:2]) == [3, 3]
    assert list(live["loss"][:2]) == [0.25, 0.125]
    assert list(live["test.f1"][:2]) == [0.75, 0.75]
    assert list(live["result.state"][:2]) == ["converged"] * 2
    assert list(live["failure"][2:]) == [
        "ValueError: no learning rate in {'lr': 1}", "did not run because Fail failed",
    ]  # fmt: skip
    assert all(Path(folder).is_relative_to(runs) for folder in live["folder"])
    assert live["duration"].dtype == "Float64"
    assert live["learner.step"].dtype == "Int64"
    assert pd.api.types.is_datetime64_any_dtype(live["started"])


def test_results_of_jobs_that_were_done_before_are_there_again(runs: Path):
    for _ in range(2):
        with experiment(runs, "x", display=False) as xp:
            Score.C(learner=Checkpoint.C(step=1), lr=0.5).submit()
            Score.C(learner=Checkpoint.C(step=1), lr=0.25, how="file").submit()

    assert list(xp.dataframe()["loss"]) == [0.25, 0.5]
    assert list(load_run(runs, "x").dataframe()["loss"]) == [0.25, 0.5]


def scored(runs: Path) -> experiment:
    with experiment(runs, "x", display=False) as xp:
        for lr in (0.5, 0.25):
            Score.C(learner=Checkpoint.C(step=1), lr=lr).submit()
    return xp


def test_times_of_jobs_that_were_done_before_are_their_own(tmp_path: Path):
    first = scored(tmp_path / "first").dataframe()
    shutil.copytree(tmp_path / "first", tmp_path / "again", symlinks=True)

    again, past = scored(tmp_path / "again").dataframe(), load_run(tmp_path / "again", "x").dataframe()

    for table in (again, past):
        for name in ("started", "ended"):
            assert (table[name] - first[name]).abs().max() < pd.Timedelta(seconds=1)
        assert (table["ended"] - table["started"]).dt.total_seconds().sub(
            table["duration"]
        ).abs().max() < 0.01
        assert list(table["peak_memory"]) == list(first["peak_memory"])
    assert first["peak_memory"].between(1 << 20, 1 << 30).all()


def test_times_that_nobody_knows_are_empty(tmp_path: Path):
    for job in scored(tmp_path / "first").jobs.values():
        shutil.rmtree(job.path / ".experimaestro" / "attempts")  # an older version has none
    shutil.copytree(tmp_path / "first", tmp_path / "again", symlinks=True)

    table = scored(tmp_path / "again").dataframe()
    assert table[["started", "ended", "duration", "peak_memory"]].isna().all(axis=None)


def test_what_is_no_json_value_is_said_and_the_rest_is_kept(runs: Path):
    with experiment(runs, "x", display=False) as xp:
        task = Score.C(learner=Checkpoint.C(step=1), lr=0.5, how="nonsense").submit()

    assert list(xp.dataframe()["loss"]) == [0.25]
    assert task.stderr().read_text(encoding="utf-8") == (
        "experimaestro: of what execute() returned, all is kept but what is no JSON value (null): object\n"
    )


def test_a_run_without_jobs_is_an_empty_table(runs: Path):
    with experiment(runs, "x", display=False) as xp:
        assert xp.dataframe().empty
        assert list(xp.dataframe().columns)[:2] == ["job", "task"]


def test_pandas_is_loaded_only_by_whoever_wants_a_table(runs: Path):
    code = (
        f"import sys; from experimaestro import experiment, load_run\n"
        f"with experiment({str(runs)!r}, 'x', display=False): pass\n"
        f"load_run({str(runs)!r}, 'x').records(); assert 'pandas' not in sys.modules\n"
        f"sys.modules['pandas'] = None\n"
        f"try: load_run({str(runs)!r}, 'x').dataframe()\n"
        f"except ImportError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == "dataframe() needs pandas: pip install pandas\n"


def test_a_run_that_is_open_is_running_or_idle(runs: Path, tmp_path: Path):
    go = tmp_path / "go"
    with experiment(runs, "x", display=False) as xp:
        wait_until((xp.workdir / "journal.jsonl").read_bytes)
        assert load_run(runs, "x").status == "idle"
        task = Note.C(name="a", log=str(tmp_path / "log"), until=str(go)).submit()
        run = load_run(runs, "x")
        wait_until(lambda: run.refresh().status == "running")
        go.touch()
        task.wait()
        wait_until(lambda: run.refresh().status == "idle")
        assert "idle" in run._repr_mimebundle_()["text/plain"]

    assert run.refresh().status == "done"


def test_a_past_run_shows_itself_and_one_that_is_not_there_is_said(runs: Path, tmp_path: Path):
    with experiment(runs, "x", display=False):
        Note.C(name="a", log=str(tmp_path / "log")).submit()
    run = load_run(runs, "x")

    assert (run.name, run.status) == ("x", "done")
    assert run.run_id in run._repr_mimebundle_()["text/html"]
    with pytest.raises(WorkspaceError, match="has no run: the experiment was never started here"):
        load_run(runs, "y")
