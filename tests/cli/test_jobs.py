"""`experimaestro jobs`, `orphans`, `explain` and `parameters-difference` on a real workspace."""

import json
import os
import re
import shutil
import signal
import threading
from pathlib import Path

import pytest

from commands import Ended, project, run, start, write
from experimaestro.inventory import owning
from experimaestro.inventory.jobs import Short, find
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
    lines = jobs(folder, "list").out.splitlines()

    assert sorted((line.split()[0], line.split()[-1]) for line in lines) == [
        ("DONE", "lr=0.5"), ("DONE", "lr=1.0"), ("FAIL", "lr=-1.0"),
    ]  # fmt: skip
    assert [len(line.split()) for line in jobs(folder, "list", "--no-tags").out.splitlines()] == [2] * 3
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
        ("lr == 1", ["1.0"]),
        ("@state = UNSCHED", []),
        ("@state in [FAIL, running]", ["-1.0"]),
        ('@state != "not run"', ["-1.0", "0.5", "1.0"]),
        ("@state = ERROR", ["-1.0"]),
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
    assert lines[2:5] == [
        "  ValueError: lr must not be negative",
        "  tags: lr=-1.0",
        "  experiments: bad",
    ]
    assert re.fullmatch(r"  started \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, took .* s", lines[5])
    assert re.fullmatch(r"  ended \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", lines[6])
    assert re.fullmatch(r"  peak memory \d+\.\d MB", lines[7])
    assert re.fullmatch(r"  ran as pid \d+ on .*", lines[8])
    assert lines[-3:] == ["parameters:", "  lr = -1.0", f"folder: {failed['folder']}"]
    assert jobs(folder, "path", identifier[:10]).out == f"{failed['folder']}\n"
    whole = json.loads(jobs(folder, "show", "--json", identifier).out)
    assert whole["parameters"] == {"lr": -1.0}
    assert (whole["reason"], whole["exit_code"], whole["attempts"]) == ("failed", 1, 1)
    assert whole["started"] < whole["ended"]
    assert whole["seconds"] > 0
    assert whole["peak_memory"] > 1 << 20


def has_begun(folder: Path) -> bool:
    """Whether the slow job is at work, and its run lists it (which may take a fifth of a second more)."""
    outputs = [path.read_text() for path in folder.glob("runs/jobs/*/*/slow.out")]
    listed = [path.read_text() for path in folder.glob("runs/experiments/*/*/jobs.jsonl")]
    return any("begun" in text for text in outputs) and any("experiment.slow" in text for text in listed)


def test_the_log_of_a_job_is_printed_and_followed(tmp_path: Path):
    write(tmp_path, {"experiment.py": SLOW, "full.yaml": "id: slow\nfile: experiment\n"})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as scheduler:
        wait_until(lambda: has_begun(tmp_path), 30)
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
        wait_until(lambda: has_begun(tmp_path), 30)

        asked = jobs(tmp_path, "kill", "--experiment", "slow")
        assert asked.out.startswith("would kill  experiment.slow/")
        assert asked.err == "1 job: nothing was done, add --perform\n"
        assert rows(tmp_path)[0]["state"] == "running"
        assert rows(tmp_path, "--filter", "@state = RUNNING") == rows(tmp_path)

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
        wait_until(lambda: has_begun(tmp_path), 30)
        done = jobs(tmp_path, "kill", "--experiment", "slow", "--perform")
        scheduler.communicate(timeout=30)

    assert [line.split()[0] for line in done.out.splitlines()] == ["killed"] * 2
    assert f": by pid {scheduler.pid} on " in done.out
    assert ", which had it\n" in done.out
    assert done.err == "2 jobs\n"
    assert not list(tmp_path.glob("runs/jobs/*/*/.done"))


def test_a_job_whose_scheduler_is_gone_is_stray_and_can_be_killed(tmp_path: Path):
    write(tmp_path, {"experiment.py": SLOW, "full.yaml": "id: slow\nfile: experiment\n"})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as scheduler:
        wait_until(lambda: has_begun(tmp_path), 30)
        assert jobs(tmp_path, "stray").out == ""
        for listed in tmp_path.glob("runs/experiments/*/*/jobs.jsonl"):
            threading.Timer(0.5, listed.write_text, [listed.read_text()]).start()
            listed.write_text("")  # as if it were submitted just now
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


def test_jobs_that_wait_are_listed_and_chosen_by_a_filter(tmp_path: Path):
    code = SLOW.replace("Slow.C(n=1).submit()", "[Slow.C(n=tag(n)).submit() for n in range(40)]")
    code = code.replace("import Param, Task", "import Param, Task, tag")
    write(tmp_path, {"experiment.py": code, "full.yaml": "id: slow\nfile: experiment\n"})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as scheduler:
        wait_until(
            lambda: any(len(one.jobs) == 40 for one in owning.open_runs(f"{tmp_path}/runs")), 30, "all"
        )
        last = rows(tmp_path, "--filter", "n = 39")
        done = jobs(tmp_path, "kill", "--filter", "n = 39", "--perform")
        count = len(rows(tmp_path))
        assert jobs(tmp_path, "kill", "--experiment", "slow", "--perform").err == "39 jobs\n"
        scheduler.communicate(timeout=30)

    assert [row["state"] for row in last] == ["not run"]
    assert re.fullmatch(
        rf"killed      experiment.slow/\w{{8}}: by pid {scheduler.pid} on .*, which had it\n", done.out
    )
    assert count == 40
    lines = jobs(tmp_path, "show", str(last[0]["job"])).out.splitlines()
    assert lines[:2] == [f"{last[0]['job']}: not run (cancelled)", "  killed before it started"]
    assert len(rows(tmp_path)) < 40


def test_a_failed_job_of_an_open_run_is_run_again_by_the_process_that_has_it(tmp_path: Path):
    failing = "class Failing(Task):\n    def execute(self):\n        1 / 0\n\n\n@configuration"
    code = SLOW.replace("@configuration", failing, 1).replace("Slow.C(", "Failing.C().submit()\n    Slow.C(")
    write(tmp_path, {"experiment.py": code, "full.yaml": "id: slow\nfile: experiment\n"})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as scheduler:
        wait_until(lambda: list(tmp_path.glob("runs/jobs/*/*/failing.failed")), 30, "a failure")
        wait_until(lambda: any(one.failed for one in owning.open_runs(f"{tmp_path}/runs")), 30, "its word")
        wait_until(lambda: list(tmp_path.glob("runs/jobs/*/*/slow.out")), 30, "the other job")
        would = jobs(tmp_path, "retry", "--experiment", "slow")
        done = jobs(tmp_path, "retry", "--experiment", "slow", "--perform")
        (log,) = tmp_path.glob("runs/jobs/*/*/failing.out")
        paths = JobPaths(str(log.parent), "failing")
        wait_until(lambda: Path(paths.end(2)).exists(), 30, "another end")
        (tmp_path / "runs/jobs" / next(tmp_path.glob("runs/jobs/*/*/slow.out")).parent / "go").touch()
        scheduler.communicate(timeout=30)

    assert re.fullmatch(r"would retry experiment.failing/\w{8}\n", would.out)
    assert re.fullmatch(
        rf"asked       experiment.failing/\w{{8}}: pid {scheduler.pid} on .* has it and runs it again\n",
        done.out,
    )
    assert (done.code, done.err) == (0, "1 job\n")
    claims = [json.loads(Path(paths.claim(n)).read_text(encoding="utf-8")) for n in (1, 2)]
    assert claims[0] == claims[1]
    assert json.loads(jobs(tmp_path, "show", "--json", str(log.parent)).out)["attempts"] == 2


def test_a_command_that_nobody_answers_is_said_to_be_without_answer(tmp_path: Path):
    write(tmp_path, {"experiment.py": SLOW, "full.yaml": "id: slow\nfile: experiment\n"})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as scheduler:
        wait_until(lambda: list(tmp_path.glob("runs/jobs/*/*/slow.out")), 30, "the job")
        wait_until(lambda: any(one.jobs for one in owning.open_runs(f"{tmp_path}/runs")), 30, "the run")
        (known,) = owning.open_runs(f"{tmp_path}/runs")
        scheduler.send_signal(signal.SIGSTOP)
        asked = owning.ask([known], "kill", known.jobs)
        silent = owning.answers(asked, lambda job, _: job.state.finished(), 0.0)
        scheduler.send_signal(signal.SIGCONT)
        done = owning.answers(asked, lambda job, _: job.state.finished(), 30.0)
        scheduler.communicate(timeout=30)

    (key,) = known.jobs
    assert (silent, done) == ({key: owning.Answer("silent")}, {key: owning.Answer("done")})
    refused = owning.ask([known], "kill", known.jobs)
    assert owning.answers(refused, lambda _, is_done: is_done, 30.0) == {
        key: owning.Answer("refused", "its run has ended meanwhile")
    }


def test_identifiers_are_cut_as_far_as_they_name_one_job(tmp_path: Path):
    one, other, third = "a" * 64, "a" * 10 + "b" * 54, "c" * 64
    for name in (one, other, third):
        (tmp_path / "jobs/lab.train" / name).mkdir(parents=True)
    short = Short(str(tmp_path))

    cut = [short(f"lab.train/{name}") for name in (one, other, third, "aab" + "0" * 61)]

    assert cut == [
        "lab.train/" + "a" * 11,
        "lab.train/aaaaaaaaaab",
        "lab.train/cccccccc",
        "lab.train/aab00000",
    ]
    assert [find(str(tmp_path), text) for text in cut[:3]] == [
        f"lab.train/{name}" for name in (one, other, third)
    ]


def test_jobs_that_ran_other_code_are_marked(folder: Path):
    text = (folder / "experiment.py").read_text()
    (folder / "experiment.py").write_text(text.replace("lr is", "the learning rate is"))
    (row, *_) = rows(folder)
    paths = JobPaths.of(str(folder / "runs"), str(row["job"]))
    code = json.loads(Path(paths.code).read_text(encoding="utf-8"))
    (file,) = code["files"]
    code["files"] = {str(folder / "experiment.py"): code["files"][file]}  # of the folder that was copied
    Path(paths.code).write_text(json.dumps(code), encoding="utf-8")
    key = str(row["job"])

    (line,) = [one for one in jobs(folder, "list").out.splitlines() if key[:-56] in one]
    assert line.endswith("  (ran other code)")
    assert "  ran other code; changed since: experiment.py\n" in jobs(folder, "show", key).out
    assert rows(folder)[0]["changed_code"] == [str(folder / "experiment.py")]

    (folder / "experiment.py").write_text(text + "# a comment\n")
    assert "other code" not in jobs(folder, "show", key).out


def test_a_job_that_was_not_run_is_told_with_the_job_that_failed(tmp_path: Path):
    code = (
        "from experimaestro import Param, Task\n"
        "from experimaestro.experiments import ConfigurationBase, configuration\n"
        "class First(Task):\n    def execute(self):\n        1 / 0\n"
        "class Second(Task):\n    first: Param[First]\n    def execute(self): ...\n"
        "@configuration\nclass Configuration(ConfigurationBase): ...\n"
        "def run(helper, cfg: Configuration):\n    Second.C(first=First.C().submit()).submit()\n"
    )
    write(tmp_path, {"experiment.py": code, "full.yaml": "id: a\nfile: experiment\n"})
    assert run(tmp_path, "run-experiment", "--workdir", "runs", "full").code == 1

    first, second = rows(tmp_path, "--experiment", "a")

    assert [first["state"], second["state"]] == ["failed", "not run"]
    lines = jobs(tmp_path, "show", str(second["job"])).out.splitlines()
    assert lines[:2] == [f"{second['job']}: not run", f"  was not run because {first['job']} failed"]
    assert json.loads(jobs(tmp_path, "show", str(second["job"]), "--json").out)["because"] == first["job"]


def test_results_are_told_with_the_job(tmp_path: Path):
    project(tmp_path)
    code = (tmp_path / "experiment.py").read_text()
    code = code.replace("        print(", "        return {'loss': 0.5}\n        print(")
    (tmp_path / "experiment.py").write_text(code)
    assert run(tmp_path, "run-experiment", "--workdir", "runs", "full").code == 0
    (row,) = rows(tmp_path)

    assert "results:\n  loss = 0.5\n" in jobs(tmp_path, "show", str(row["job"])).out
    assert json.loads(jobs(tmp_path, "show", "--json", str(row["job"])).out)["results"] == {"loss": 0.5}


def test_what_is_no_job_in_the_folders_of_jobs_is_left_alone(folder: Path):
    others = ["README", "experiment.train/notes.txt", "experiment.train/.hidden", "experiment.train/mine/a"]
    for name in others:
        (folder / "runs/jobs" / name).parent.mkdir(exist_ok=True)
        (folder / "runs/jobs" / name).touch()

    assert len(rows(folder)) == 3
    assert run(folder, "orphans", "runs", "--clean", "--perform").out == ""
    assert jobs(folder, "show", "notes").code == 1
    assert all((folder / "runs/jobs" / name).exists() for name in others)


def test_jobs_of_earlier_runs_keep_their_tags(folder: Path):
    assert run(folder, "run-experiment", "--workdir", "runs", "full", "-c", "lr=3").code == 0

    assert sorted(str(row["tags"]) for row in rows(folder)) == [
        "{'lr': -1.0}", "{'lr': 0.5}", "{'lr': 1.0}", "{'lr': 3.0}",
    ]  # fmt: skip
    assert len(rows(folder, "--experiment", "first")) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["kill"], "does not run"),
        (["retry"], "has not failed"),
    ],
)
def test_why_nothing_is_done_with_a_job_that_is_named_is_said(folder: Path, words: list[str], said: str):
    key = str(rows(folder, "--filter", "lr = 0.5")[0]["job"])

    ended = jobs(folder, *words, key)

    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"{key[:-56]} {said}: it is done\n0 jobs\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jobs", "list", "--filter", "lr = 7"], "no job\n"),
        (["jobs", "stray"], "no job that runs without an experiment\n"),
        (["experiments", "tags", "first"], "no tag\n"),
        (["experiments", "services", "list"], "no service\n"),
        (["deprecated", "list", "--fix"], "0 to link\n"),
        (["experiments", "prune", "first"], "0 of 1 runs, 0 B\n"),
    ],
)
def test_where_there_is_nothing_that_is_said_to_people_and_not_in_json(
    folder: Path, words: list[str], said: str
):
    assert run(folder, *words, "--workdir", "runs") == (0, "", said)
    if "list" in words[:2] and "--fix" not in words:
        assert run(folder, *words, "--workdir", "runs", "--json") == (0, "[]\n", "")


def test_an_empty_log_is_said_with_the_other_one(folder: Path):
    key = str(rows(folder, "--filter", "lr = 0.5")[0]["job"])

    assert jobs(folder, "log", key) == (0, "", "no line on standard error; --std prints standard output\n")
    assert jobs(folder, "log", key, "--std") == (0, "lr is 0.5\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["orphans"], "no job that no experiment has\n"),
        (["deprecated", "list"], "no job that has another identifier now\n"),
        (["deprecated", "diff"], "no job that has another identifier now\n"),
    ],
)
def test_a_workspace_is_named_in_the_same_way_everywhere(folder: Path, words: list[str], said: str):
    settings = "workspaces:\n- {id: main, path: runs}\n"
    write(folder, {"home/.config/experimaestro/settings.yaml": settings})

    ways = [["runs"], ["--workdir", "runs"], ["--workspace", "main"], []]
    ended = [run(folder, *words, *way) for way in ways]

    assert [(one.code, one.out) for one in ended] == [(0, "")] * 4
    assert [one.err for one in ended[:3]] == [said] * 3
    assert ended[3].err == f"workspace 'main' (runs), because it is the first one of the settings\n{said}"
    both = run(folder, *words, "runs", "--workspace", "main")
    assert both.code == 2
    assert both.err.endswith("Error: PATH and --workdir or --workspace say the same: give one of them\n")


def test_failed_jobs_are_run_again_here(tmp_path: Path):
    folder = project(tmp_path)
    assert run(folder, "run-experiment", "--workdir", "runs", "full", "-c", "lr=-1").code == 1
    text = (folder / "experiment.py").read_text().replace("if self.lr < 0", "if False")
    (folder / "experiment.py").write_text(text)

    asked = jobs(folder, "retry", "--filter", "lr < 0")
    assert (asked.code, asked.err) == (
        1,
        "Error: expected =, !=, ~, in or not in, got '<'\n  lr < 0\n     ^\n",
    )
    asked = jobs(folder, "retry", "--filter", "lr = -1")
    assert asked.out.startswith("would retry experiment.train/")
    assert rows(folder)[0]["changed_code"] == [str(folder / "experiment.py")]
    done = jobs(folder, "retry", "--filter", "lr = -1", "--perform")

    assert (done.code, done.out.split()[0], done.err) == (0, "done", "1 job\n")
    assert [(row["state"], row["changed_code"]) for row in rows(folder)] == [("done", [])]
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
    start = str(found["job"])[: len("experiment.train/") + 8]
    assert start in run(folder, "orphans", "--workdir", "runs", "--size").out
    assert run(folder, "orphans", "runs", "--clean").out.startswith("would remove")
    assert run(folder, "orphans", "runs", "--clean", "--perform").out.startswith("removed")
    assert len(rows(folder)) == 2


def test_the_difference_of_a_job_from_the_nearest_is_explained(folder: Path):
    keys = {str(row["tags"]["lr"]): str(row["job"]) for row in rows(folder)}  # type: ignore[index] # a dictionary

    lines = run(folder, "explain", "--workdir", "runs", keys["0.5"], "-n", "5").out.splitlines()

    assert sorted(lines) == sorted(
        [
            f"{keys['1.0'][:-56]} (done)",
            "  lr: 1.0 there, 0.5 here",
            f"{keys['-1.0'][:-56]} (failed)",
            "  lr: -1.0 there, 0.5 here",
        ]
    )
    folders = [f"runs/jobs/{keys[lr]}" for lr in ("0.5", "1.0")]
    assert run(folder, "parameters-difference", *folders).out == "lr: 0.5 -> 1.0\n"
    assert run(folder, "parameters-difference", folders[0], folders[0]).out == "no parameter differs\n"
    files = [f"{one}/params.json" for one in folders]
    assert run(folder, "parameters-difference", *files).out == "lr: 0.5 -> 1.0\n"
    starts = [keys[lr][:-50] for lr in ("0.5", "1.0")]
    assert run(folder, "parameters-difference", "--workdir", "runs", *starts).out == "lr: 0.5 -> 1.0\n"
    assert run(folder, "parameters-difference", "--workdir", "runs", "none", *starts[:1]).err == (
        f"Error: {folder}/runs has no job 'none'. `experimaestro jobs list` tells all\n"
    )
    assert json.loads(run(folder, "parameters-difference", *folders, "--json").out)["differences"] == [
        {"parameter": "lr", "one": "0.5", "other": "1.0"}
    ]
    Path(folder, files[0]).write_text("{", encoding="utf-8")
    assert run(folder, "explain", "--workdir", "runs", keys["0.5"]).err == (
        f"Error: {folder}/{files[0]}: damaged, or of another form: what the job is cannot be told\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "zzz"], "Error: {runs} has no job 'zzz'. `experimaestro jobs list` tells all\n"),
        (["list", "--experiment", "fist"], "Error: {runs} has no experiment 'fist'. Did you mean 'first'?\n"),
        (["list", "--experiment", "bad", "--run", "x"],
         "Error: 'bad' has no run 'x'. The last ones: {last}\n"),
        (["list", "--experiment", "empty"],
         "Error: 'empty' has no run: {runs}/experiments/empty has none\n"),
        (["list", "--filter", "lr ="], "Error: expected a value, got the end\n  lr =\n      ^\n"),
        (["list", "--filter", "lr ~ '('"], ("Error: '(' is no regular expression: missing ), "
         "unterminated subpattern at position 0\n  lr ~ '('\n       ^\n")),
        (["list", "--filter", "(a=1"], "Error: expected ')', got the end\n  (a=1\n      ^\n"),
        (["list", "--filter", "a=1 b=2"],
         "Error: expected 'and', 'or' or the end, got 'b'\n  a=1 b=2\n      ^\n"),
        (["list", "--filter", "a in 3"], "Error: expected '[', got '3'\n  a in 3\n       ^\n"),
        (["list", "--filter", "a in [3"], "Error: expected ',' or ']', got the end\n  a in [3\n         ^\n"),
        (["list", "--filter", "= 3"], ("Error: expected the name of a tag, @state, @name, 'not' or '(', "
         "got '='\n  = 3\n  ^\n")),
        (["list", "--filter", "lrr = 3"], "Error: no job has the tag 'lrr'. Did you mean 'lr'?\n"),
        (["clean", "--filter", "other != 3"], "Error: no job has the tag 'other'. The tags are: lr\n"),
        (["list", "--filter", "@stat = done"],
         "Error: @stat is not known. Did you mean '@state'?\n  @stat = done\n  ^\n"),
        (["list", "--filter", "@state in [done, finished]"],
         ("Error: no job has the state 'finished'. There are: done, failed, not run, running, interrupted, "
         "unknown\n  @state in [done, finished]\n                   ^\n")),
        (["list", "--filter", "@state = faild"],
         "Error: no job has the state 'faild'. Did you mean 'failed'?\n  @state = faild\n           ^\n"),
    ],
)  # fmt: skip
def test_what_is_not_there_or_cannot_be_read_is_said(folder: Path, words: list[str], said: str):
    (last,) = [name for name in os.listdir(folder / "runs/experiments/bad") if name[0].isdigit()]
    (folder / "runs/experiments/empty").mkdir()

    ended = jobs(folder, *words)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == said.format(runs=folder / "runs", last=last)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jobs", "--workdir", "none", "list"], "Error: {0}/none: there is no such folder\n"),
        (["jobs", "list", "--workdir", "."], NO_WORKSPACE),
        (["orphans", "."], NO_WORKSPACE),
        (["jobs", "list"], ("Error: no workspace: give a folder with --workdir (in Python, workdir=...), "
         "or write one into home/.config/experimaestro/settings.yaml:\n"
         "  workspaces:\n    - id: main\n      path: ~/experiments\n")),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path, words: list[str], said: str):
    ended = run(tmp_path, *words)

    assert (ended.code, ended.out, ended.err) == (1, "", said.format(tmp_path))
    assert list(tmp_path.iterdir()) == []
