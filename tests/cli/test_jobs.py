"""`experimaestro jobs`, `orphans`, `explain` and `parameters-difference` on a real workspace."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from commands import Ended, project, run, start, write
from experimaestro.workspace import attempts
from experimaestro.workspace.layout import JobPaths
from polling import wait_until

SLOW = """\
import os, time
from pathlib import Path

from experimaestro import Param, Task
from experimaestro.experiments import ConfigurationBase, ExperimentHelper, configuration


class Slow(Task):
    n: Param[int]

    def execute(self):
        print("begun", flush=True)
        while not Path("go").exists():
            time.sleep(0.02)
        print("over")


@configuration
class Configuration(ConfigurationBase): ...


def run(helper: ExperimentHelper, cfg: Configuration):
    Slow.C(n=1).submit()
"""


NO_WORKSPACE = (
    "Error: {0} is no workspace: it has no file .__experimaestro__. "
    "Give the folder that experiments were run in\n"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace `runs` with two jobs that are done and one that failed."""
    tmp_path = project(tmp_path_factory.mktemp("made"))
    assert (
        run(tmp_path, "run-experiment", "--workdir", "runs", "full", "-c", "sizes=[1,2]", "-c", "lr=0.5").code
        == 0
    )
    write(tmp_path, {"bad.yaml": "imports: [full.yaml]\nid: bad\nlr: -1\n"})
    assert run(tmp_path, "run-experiment", "--workdir", "runs", "bad").code == 1
    return tmp_path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path


def jobs(folder: Path, *words: str) -> Ended:
    return run(folder, "jobs", "--workdir", "runs", *words)


def rows(folder: Path, *words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(jobs(folder, "list", "--json", *words).out)
    return found


def test_jobs_are_listed_with_their_states_and_tags(folder: Path):
    lines = jobs(folder, "list", "--tags").out.splitlines()

    assert sorted((line.split()[0], line.split()[-1]) for line in lines) == [
        ("DONE", "lr=0.5"), ("DONE", "lr=1.0"), ("FAIL", "lr=-1.0"),
    ]  # fmt: skip
    assert [row["experiments"] for row in rows(folder, "--experiment", "bad")] == [["bad"]]
    assert rows(folder, "--filter", "@state=failed")[0]["error"] == "ValueError: lr must not be negative"
    assert jobs(folder, "list", "-c", "1", "--fullpath").out.count(str(folder / "runs/jobs")) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("lr = 0.5", ["0.5"]),
        ('lr = "5e-1"', ["0.5"]),
        ("lr != 0.5", ["-1.0", "1.0"]),
        ("lr in [1, -1]", ["-1.0", "1.0"]),
        ("lr not in [1]", ["-1.0", "0.5"]),
        ("lr ~ '^-'", ["-1.0"]),
        ('@state = "done" and not lr = 1', ["0.5"]),
        ("@state = failed or (lr = 1 and @name ~ train)", ["-1.0", "1.0"]),
        ("other = 3", []),
    ],
)
def test_jobs_are_chosen_by_a_filter(folder: Path, text: str, found: list[str]):
    assert sorted(str(row["tags"]["lr"]) for row in rows(folder, "--filter", text)) == found  # type: ignore[index] # a dictionary


def test_one_job_is_told_whole_by_the_start_of_its_identifier(folder: Path):
    (failed,) = rows(folder, "--filter", "@state=failed")
    identifier = str(failed["job"]).partition("/")[2]

    lines = jobs(folder, "show", identifier[:10]).out.splitlines()

    assert lines[0] == f"experiment.train/{identifier}: failed"
    assert lines[1].endswith('in execute: raise ValueError("lr must not be negative")')
    assert lines[2:] == [
        "  ValueError: lr must not be negative",
        "  lr = -1.0",
        f"folder: {failed['folder']}",
    ]
    assert jobs(folder, "path", identifier[:10]).out == f"{failed['folder']}\n"
    assert json.loads(jobs(folder, "show", "--json", identifier).out)["parameters"] == {"lr": -1.0}


def test_the_log_of_a_job_is_printed_and_followed(tmp_path: Path):
    write(tmp_path, {"experiment.py": SLOW, "full.yaml": "id: slow\nfile: experiment\n"})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as scheduler:
        wait_until(
            lambda: any("begun" in path.read_text() for path in tmp_path.glob("runs/jobs/*/*/slow.out")), 30
        )
        (key,) = [str(row["job"]) for row in rows(tmp_path)]
        assert jobs(tmp_path, "log", key, "--std").out == "begun\n"
        with start(tmp_path, "jobs", "--workdir", "runs", "log", key, "--std", "-f") as follower:
            assert follower.stdout is not None
            assert follower.stdout.readline() == "begun\n"
            (tmp_path / "runs/jobs" / key / "go").touch()
            assert follower.stdout.readline() == "over\n"
            assert follower.wait(30) == 0
        assert scheduler.wait(30) == 0


def test_a_running_job_is_killed_only_on_demand_and_its_scheduler_knows(tmp_path: Path):
    write(tmp_path, {"experiment.py": SLOW, "full.yaml": "id: slow\nfile: experiment\n"})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as scheduler:
        wait_until(
            lambda: any("begun" in path.read_text() for path in tmp_path.glob("runs/jobs/*/*/slow.out")), 30
        )

        asked = jobs(tmp_path, "kill", "--experiment", "slow")
        assert asked.out.startswith("would kill  experiment.slow/")
        assert asked.err == "1 job: nothing was done, add --perform\n"
        assert rows(tmp_path)[0]["state"] == "running"

        done = jobs(tmp_path, "kill", "--experiment", "slow", "--perform")
        assert (done.code, done.out.split()[0], done.err) == (0, "killed", "1 job\n")
        _, err = scheduler.communicate(timeout=30)
    assert scheduler.returncode == 1
    assert "slow 3" in err or "slow" in err
    assert rows(tmp_path)[0]["state"] == "failed"


def test_jobs_that_wait_are_not_started_by_the_process_that_has_them(tmp_path: Path):
    after = "class After(Task):\n    slow: Param[Slow]\n\n    def execute(self): ...\n\n\n@configuration"
    code = SLOW.replace("@configuration", after).replace(
        "Slow.C(n=1).submit()", "After.C(slow=Slow.C(n=1).submit()).submit()"
    )
    write(tmp_path, {"experiment.py": code, "full.yaml": "id: slow\nfile: experiment\n"})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as scheduler:
        wait_until(
            lambda: any("begun" in path.read_text() for path in tmp_path.glob("runs/jobs/*/*/slow.out")), 30
        )
        done = jobs(tmp_path, "kill", "--experiment", "slow", "--perform")
        scheduler.communicate(timeout=30)

    assert sorted(line.split()[0] for line in done.out.splitlines()) == ["asked", "killed"]
    assert f": pid {scheduler.pid} on " in done.out
    assert "has it and was asked to end it" in done.out
    assert done.err == "2 jobs\n"
    assert not list(tmp_path.glob("runs/jobs/*/*/.done"))


def test_a_job_whose_scheduler_is_gone_is_stray_and_can_be_killed(tmp_path: Path):
    write(tmp_path, {"experiment.py": SLOW, "full.yaml": "id: slow\nfile: experiment\n"})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as scheduler:
        wait_until(
            lambda: any("begun" in path.read_text() for path in tmp_path.glob("runs/jobs/*/*/slow.out")), 30
        )
        assert jobs(tmp_path, "stray").out == ""
        scheduler.send_signal(signal.SIGKILL)
        scheduler.wait(30)

    assert jobs(tmp_path, "stray", "--size").out.startswith("experiment.slow/")
    assert jobs(tmp_path, "stray", "--kill").err == "1 job: nothing was done, add --perform\n"
    assert jobs(tmp_path, "stray", "--kill", "--perform").err == "1 job\n"
    (row,) = rows(tmp_path)
    assert row["state"] == "failed"
    paths = JobPaths.of(str(tmp_path / "runs"), str(row["job"]))
    assert json.loads(Path(paths.failed).read_text(encoding="utf-8"))["reason"] == "cancelled"
    assert attempts.observe(paths).kind == "failed"


def test_failed_jobs_are_run_again_here(tmp_path: Path):
    folder = project(tmp_path)
    assert run(folder, "run-experiment", "--workdir", "runs", "full", "-c", "lr=-1").code == 1
    text = (folder / "experiment.py").read_text().replace("if self.lr < 0", "if False")
    (folder / "experiment.py").write_text(text)

    asked = jobs(folder, "retry", "--filter", "lr < 0")
    assert (asked.code, asked.err) == (1, "Error: lr < 0\n   ^ expected =, !=, ~, in or not in, got '<'\n")
    asked = jobs(folder, "retry", "--filter", "lr = -1")
    assert asked.out.startswith("would retry experiment.train/")
    done = jobs(folder, "retry", "--filter", "lr = -1", "--perform")

    assert (done.code, done.out.split()[0], done.err) == (0, "done", "1 job\n")
    assert [row["state"] for row in rows(folder)] == ["done"]
    assert jobs(folder, "retry", "--filter", "lr = -1", "--perform").err == "0 jobs\n"


def test_what_is_cleaned_is_told_with_its_size_and_removed_on_demand(folder: Path):
    asked = jobs(folder, "clean", "--filter", "@state=failed")
    assert asked.out.startswith("would remove")
    assert asked.err.endswith(" kB: nothing was done, add --perform\n")
    assert len(rows(folder)) == 3

    done = jobs(folder, "clean", "--filter", "@state=failed", "--perform")

    assert done.out.startswith("removed")
    assert [row["state"] for row in rows(folder)] == ["done"] * 2
    assert [name for name in os.listdir(folder / "runs/jobs/experiment.train") if name.startswith(".")] == []


def test_nothing_is_chosen_by_naming_nothing(folder: Path):
    ended = jobs(folder, "clean", "--perform")

    assert ended.code == 2
    assert ended.err.splitlines()[-1] == "Error: which jobs? Name some, or give --experiment or --filter"


def test_jobs_that_no_run_lists_are_orphans(folder: Path):
    assert run(folder, "orphans", "runs").out == ""
    shutil.rmtree(folder / "runs/experiments/bad")

    (found,) = json.loads(run(folder, "orphans", "runs", "--json").out)
    assert found["state"] == "failed"
    assert found["job"] in run(folder, "orphans", "runs", "--size").out
    assert run(folder, "orphans", "runs", "--clean").out.startswith("would remove")
    assert run(folder, "orphans", "runs", "--clean", "--perform").out.startswith("removed")
    assert len(rows(folder)) == 2


def test_the_difference_of_a_job_from_the_nearest_is_explained(folder: Path):
    keys = {str(row["tags"]["lr"]): str(row["job"]) for row in rows(folder)}  # type: ignore[index] # a dictionary

    lines = run(folder, "explain", "--workdir", "runs", keys["0.5"], "-n", "5").out.splitlines()

    assert sorted(lines) == sorted(
        [
            f"{keys['1.0']} (done)",
            "  lr: 1.0 there, 0.5 here",
            f"{keys['-1.0']} (failed)",
            "  lr: -1.0 there, 0.5 here",
        ]
    )
    folders = [f"runs/jobs/{keys[lr]}" for lr in ("0.5", "1.0")]
    assert run(folder, "parameters-difference", *folders).out == "lr: 0.5 -> 1.0\n"
    assert run(folder, "parameters-difference", folders[0], folders[0]).out == "no parameter differs\n"
    assert json.loads(run(folder, "parameters-difference", *folders, "--json").out)["differences"] == [
        {"parameter": "lr", "one": "0.5", "other": "1.0"}
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "zzz"], "Error: {runs} has no job 'zzz'. `experimaestro jobs list` tells all\n"),
        (["list", "--experiment", "fist"], "Error: {runs} has no experiment 'fist'. Did you mean 'first'?\n"),
        (["list", "--experiment", "bad", "--run", "x"],
         "Error: 'bad' has no run 'x'. The last ones: {last}\n"),
        (["list", "--filter", "lr ="], "Error: lr =\n    ^ expected a value, got the end\n"),
        (["list", "--filter", "lr ~ '('"], ("Error: lr ~ '('\n     ^ '(' is no regular expression: "
         "missing ), unterminated subpattern at position 0\n")),
        (["list", "--filter", "(a=1"], "Error: (a=1\n    ^ expected ')', got the end\n"),
        (["list", "--filter", "a=1 b=2"], "Error: a=1 b=2\n    ^ expected 'and', 'or' or the end, got 'b'\n"),
        (["list", "--filter", "a in 3"], "Error: a in 3\n     ^ expected '[', got '3'\n"),
        (["list", "--filter", "a in [3"], "Error: a in [3\n       ^ expected ',' or ']', got the end\n"),
        (["list", "--filter", "= 3"], ("Error: = 3\n^ expected the name of a tag, @state, @name, 'not' "
         "or '(', got '='\n")),
    ],
)  # fmt: skip
def test_what_is_not_there_or_cannot_be_read_is_said(folder: Path, words: list[str], said: str):
    (last,) = [name for name in os.listdir(folder / "runs/experiments/bad") if name[0].isdigit()]

    ended = jobs(folder, *words)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == said.format(runs=folder / "runs", last=last)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jobs", "--workdir", "none", "list"], "Error: {0}/none: there is no such folder\n"),
        (["jobs", "list", "--workdir", "."], NO_WORKSPACE),
        (["orphans", "."], NO_WORKSPACE),
        (["jobs", "list"], ("Error: no workspace: give a folder with --workdir, or write one into "
         "home/.config/experimaestro/settings.yaml:\n"
         "  workspaces:\n    - id: main\n      path: ~/experiments\n")),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path, words: list[str], said: str):
    ended = run(tmp_path, *words)

    assert (ended.code, ended.out, ended.err) == (1, "", said.format(tmp_path))
    assert list(tmp_path.iterdir()) == []
