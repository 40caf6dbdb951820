"""`experimaestro run-experiment`, as a process of its own."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from commands import EXPERIMENT, YAML, names, project, run, start, write
from polling import wait_until

SLOW = """\
from pathlib import Path
import os, time

from experimaestro import Param, Task
from experimaestro.experiments import ConfigurationBase, ExperimentHelper, configuration


class Slow(Task):
    n: Param[int]

    def execute(self):
        Path(f"../../../started-{self.n}").touch()
        while not Path("../../../go").exists():
            time.sleep(0.02)


@configuration
class Configuration(ConfigurationBase):
    tasks: int = 1


def run(helper: ExperimentHelper, cfg: Configuration):
    for n in range(cfg.tasks):
        Slow.C(n=n).submit()
"""


MOCKED = """\
import heavy
from heavy.layers import Linear
"""
MOCKED += EXPERIMENT.replace("from __future__ import annotations\n", "").replace(
    "class Train",
    """\
class Net(Linear): ...


@heavy.fast(3)
def double(x):
    return 2 * x


class Train""",
)
MOCKED = MOCKED.replace("lr: float = 1e-3", "lr: float = double(2.0)")


def outputs(folder: Path) -> list[str]:
    return sorted(path.read_text(encoding="utf-8") for path in folder.glob("runs/jobs/*/*/*.out"))


def test_an_experiment_runs_and_a_second_time_finds_all_done(tmp_path: Path):
    project(tmp_path)

    first = run(
        tmp_path, "run-experiment", "--run-mode", "normal", "--workdir", "runs", "full.yaml", "-c", "lr=1e-4"
    )
    again = run(
        tmp_path, "run-experiment", "--run-mode", "NORMAL", "--workdir", "runs", "full", "-c", "lr=1e-4"
    )

    assert (first.code, first.out, again.code, again.out) == (0, "", 0, "")
    assert first.err.splitlines()[0] == "experimaestro: first: workspace runs, because --workdir says so"
    assert again.err.splitlines()[-1] == "first: 1 found done: nothing to run"
    assert outputs(tmp_path) == ["lr is 0.0001\n"]


def test_values_come_from_pre_imports_main_post_and_options_in_this_order(tmp_path: Path):
    project(tmp_path)
    write(
        tmp_path,
        {
            "pre.yaml": "title: pre\nsubtitle: pre\npaper: pre\ndescription: pre\nlr: 1\n",
            "conf/base.yaml": "subtitle: base\npaper: base\ndescription: base\nlr: 2\nsizes: [1, 2, 3]\n",
            "full.yaml": f"imports: [conf/base.yaml]\n{YAML}paper: main\ndescription: main\nlr: 3\n",
            "post.yaml": "description: post\nlr: 4\n",
        },
    )
    options = ["--pre-yaml", "pre.yaml", "--post-yaml", "post.yaml", "-c", "lr=5", "-c", "sizes=[7]"]

    shown = run(tmp_path, "run-experiment", "--show", "--origins", "full.yaml", *options)
    as_yaml = run(tmp_path, "run-experiment", "--show", "full.yaml", *options)
    as_json = run(tmp_path, "run-experiment", "--show", "--json", "full.yaml", *options)

    assert [tuple(map(str.strip, line.split("#"))) for line in shown.out.splitlines()] == [
        ("title: pre", "pre.yaml:1"),
        ("subtitle: base", "conf/base.yaml:1"),
        ("paper: main", "full.yaml:4"),
        ("description: post", "post.yaml:1"),
        ("lr: 5", "-c lr=5"),
        ("sizes[0]: 7", "-c sizes=[7]"),
        ("imports[0]: conf/base.yaml", "full.yaml:1"),
        ("id: first", "full.yaml:2"),
        ("file: experiment", "full.yaml:3"),
    ]
    assert as_yaml.out.splitlines()[:6] == [
        "title: pre", "subtitle: base", "paper: main", "description: post", "lr: 5", "sizes:",
    ]  # fmt: skip
    assert json.loads(as_json.out)["sizes"] == [7]
    assert names(tmp_path) == [
        "conf",
        "conf/base.yaml",
        "experiment.py",
        "full.yaml",
        "post.yaml",
        "pre.yaml",
    ]


def test_where_each_value_was_written_is_told_as_json_too(tmp_path: Path):
    project(tmp_path)

    shown = run(tmp_path, "run-experiment", "--show", "--origins", "--json", "full.yaml", "-c", "lr=5")

    assert json.loads(shown.out)["lr"] == {"value": 5, "source": "-c lr=5", "line": None}
    assert json.loads(shown.out)["id"] == {"value": "first", "source": str(tmp_path / "full.yaml"), "line": 1}


@pytest.mark.parametrize("mode", ["dry-run", "DRY_RUN", "dry_run"])
def test_a_dry_run_says_what_would_be_run_and_why_and_leaves_nothing(tmp_path: Path, mode: str):
    project(tmp_path)
    before = names(tmp_path)

    ended = run(tmp_path, "run-experiment", "--run-mode", mode, "--workdir", "runs", "full.yaml")

    lines = ended.err.splitlines()
    assert ended.code == 0
    assert lines[1].startswith("[not run] Simulating experiment.train/")
    assert lines[2:] == ["  would run: it has no result", "dry run: 1 would run, 0 would not"]
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("mode", "last"),
    [
        ("dry-run", "dry run: 1 would run, 0 would not"),
        ("generate", "generate: 1 of 1 written, none was run"),
        ("prepare", "prepare: 1 would run, and what they use is prepared; 0 would not"),
    ],
)
def test_a_rehearsal_gives_the_plan_a_folder_of_the_run_and_removes_it(
    tmp_path: Path, mode: str, last: str, monkeypatch: pytest.MonkeyPatch
):
    project(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    code = EXPERIMENT + "    helper.xp.resultspath.mkdir()\n    (helper.xp.resultspath / 'a').touch()\n"
    write(tmp_path, {"experiment.py": code})

    ended = run(tmp_path, "run-experiment", "--run-mode", mode, "--workdir", "runs", "full")

    assert (ended.code, ended.err.splitlines()[-1]) == (0, last), ended.err
    assert list((tmp_path / "scratch").iterdir()) == []
    assert not (tmp_path / "runs/experiments").exists()


def test_no_sum_of_a_plan_stands_above_the_error_that_ended_it(tmp_path: Path):
    project(tmp_path)
    write(tmp_path, {"experiment.py": EXPERIMENT + "    1 / 0\n"})

    dry = run(tmp_path, "run-experiment", "--run-mode", "dry-run", "--workdir", "runs", "full")
    none = run(tmp_path, "run-experiment", "--workdir", "runs", "full", "-c", "sizes=[]")

    assert (dry.code, none.code) == (1, 1)
    assert "dry run:" not in dry.err
    assert none.err.splitlines()[1:3] == [
        "first: no task was submitted",
        "Traceback (most recent call last):",
    ]


def test_a_plan_that_leaves_its_jobs_is_no_success_until_they_are_done(tmp_path: Path):
    code = SLOW.replace(
        "import os, time", "import os, time\nfrom experimaestro.exceptions import GracefulExperimentExit"
    )
    code += (
        "    dry = helper.xp.run_id == 'dry-run'\n"
        "    while not (dry or Path('runs/started-0').exists()):\n        time.sleep(0.02)\n"
        "    raise GracefulExperimentExit\n"
    )
    write(tmp_path, {"experiment.py": code, "full.yaml": YAML})
    words = ["run-experiment", "--workdir", "runs", "full"]

    left = run(tmp_path, *words)
    (tmp_path / "runs/go").touch()
    wait_until(lambda: list(tmp_path.glob("runs/jobs/*/*/slow.done")), 30, "the job")
    again = run(tmp_path, *words)
    dry = run(tmp_path, *words, "--run-mode", "dry-run")

    assert left.code == 1
    assert left.err.splitlines()[-1] == (
        "experimaestro: 1 job not done yet: the plan left without waiting. To go on: "
        "python -m experimaestro run-experiment --workdir runs full"
    )
    assert again.code == 0
    assert (dry.code, dry.err.splitlines()[-1]) == (0, "dry run: 0 would run, 1 would not")


def test_tasks_that_were_made_and_not_submitted_are_told(tmp_path: Path):
    project(tmp_path)
    code = (
        "    Train.C(lr=7.0)\n"
        "    template = Train.C(lr=8.0)\n"
        "    other = template.copy()\n"
        "    other.lr = 9.0\n"
        "    other.submit()\n"
        "    for lr in (10.0, 11.0):\n"
        "        made = Train.C(lr=lr)\n"
        "        if lr < 11:\n"
        "            made.submit()\n"
    )
    write(tmp_path, {"experiment.py": EXPERIMENT + code})
    line = 1 + (EXPERIMENT + code).splitlines().index("    Train.C(lr=7.0)")

    said = [
        run(tmp_path, "run-experiment", *mode, "--workdir", "runs", "full").err
        for mode in (["--run-mode", "dry-run"], [])
    ]

    said_of_it = "the task Train was made and not submitted. Is .submit() missing?"
    warning = f"experimaestro: warning: experiment.py:{line}: {said_of_it}"
    for one in said:
        assert [text for text in one.splitlines() if "warning" in text] == [warning]


def test_generate_writes_the_folders_and_a_normal_run_goes_on_from_there(tmp_path: Path):
    project(tmp_path)

    generated = run(tmp_path, "run-experiment", "--run-mode", "generate-only", "--workdir", "runs", "full")
    assert generated.code == 0
    assert [path.name for path in tmp_path.glob("runs/jobs/*/*/params.json")] == ["params.json"]
    assert outputs(tmp_path) == []

    assert run(tmp_path, "run-experiment", "--workdir", "runs", "full").code == 0
    assert outputs(tmp_path) == ["lr is 0.001\n"]


def test_events_are_printed_as_text_and_as_json(tmp_path: Path):
    project(tmp_path)
    words = ["run-experiment", "--no-progress", "--workdir", "runs", "full", "--events-viewer"]

    text = run(tmp_path, *words)
    lines = run(tmp_path, *words, "-c", "lr=2", "--events-format", "json")

    assert (text.code, lines.code, len(text.err.splitlines())) == (0, 0, 1)
    assert [line.split()[1] for line in text.out.splitlines()] == [
        json.loads(line)["type"] for line in lines.out.splitlines()
    ]
    assert text.out.splitlines()[0].split()[1:3] == ["RunStarted", f"first/{run_ids(tmp_path)[0]}"]
    assert text.out.splitlines()[-1].split()[1] == "RunEnded"


def run_ids(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.glob("runs/experiments/first/2*"))


def test_a_failed_job_is_exit_code_1_and_tells_the_users_line(tmp_path: Path):
    project(tmp_path)

    ended = run(tmp_path, "run-experiment", "--workdir", "runs", "full.yaml", "-c", "lr=-1")

    assert ended.code == 1
    assert ended.err.count("Train lr=-1.0 failed\n") == 1
    assert ended.err.count("  ValueError: lr must not be negative\n") == 1
    assert 'raise ValueError("lr must not be negative")' in ended.err
    assert ended.err.endswith(
        "Error: 1 job failed. To retry, run the same code again: done jobs are kept, failed ones are run "
        "again.\n"
    )


def test_an_error_of_the_users_code_is_shown_with_the_lines_of_the_users_code(tmp_path: Path):
    project(tmp_path)
    code = EXPERIMENT.replace("    for size in cfg.sizes:", "    1 / 0\n    for size in cfg.sizes:")
    write(tmp_path, {"experiment.py": code})

    ended = run(tmp_path, "run-experiment", "--workdir", "runs", "full.yaml")
    whole = run(tmp_path, "--traceback", "run-experiment", "--workdir", "runs", "full.yaml")

    line = 1 + code.splitlines().index("    1 / 0")
    lines = ended.err.partition("Traceback")[2].splitlines()
    assert ended.code == whole.code == 1
    assert lines[1] == f'  File "{tmp_path}/experiment.py", line {line}, in run'
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "/site-packages/click/" in whole.err
    assert "/site-packages/click/" not in ended.err


def test_a_package_is_run_from_a_yaml_file_inside_it(tmp_path: Path):
    write(
        tmp_path,
        {
            "lab/__init__.py": "",
            "lab/tasks.py": EXPERIMENT.partition("@configuration")[0],
            "lab/study/__init__.py": "",
            "lab/study/code.py": "from lab.tasks import Train\nfrom experimaestro import tag\n"
            "from experimaestro.experiments import ConfigurationBase, configuration\n"
            "@configuration\nclass Configuration(ConfigurationBase):\n    lr: float = 2.0\n"
            "def run(helper, cfg: Configuration):\n    Train.C(lr=tag(cfg.lr)).submit()\n",
            "lab/study/full.yaml": "id: second\nmodule: lab.study.code\n",
        },
    )

    ended = run(tmp_path, "run-experiment", "--workdir", "runs", "lab/study/full.yaml")

    assert (ended.code, outputs(tmp_path)) == (0, ["lr is 2.0\n"])


def test_pythonpath_is_relative_to_its_file_and_adds_up_over_imports(tmp_path: Path):
    write(
        tmp_path,
        {
            "code/one/first.py": "VALUE = 1.0\n",
            "code/two/second.py": "VALUE = 2.0\n",
            "conf/base/base.yaml": "pythonpath: [../../code/one]\n",
            "conf/full.yaml": "imports: [base/base.yaml]\npythonpath: [../code/two]\nid: a\n"
            "file: ../main/study\n",
            "main/study.py": EXPERIMENT.replace("1e-3", "VALUE * second.VALUE").replace(
                "class Train", "from first import VALUE\nimport second\n\n\nclass Train", 1
            ),
        },
    )

    ended = run(tmp_path, "run-experiment", "--workdir", "runs", "conf/full.yaml")

    assert (ended.code, outputs(tmp_path)) == (0, ["lr is 2.0\n"]), ended.err


def test_a_file_that_an_option_names_finds_the_modules_beside_it(tmp_path: Path):
    code = EXPERIMENT.replace("class Train", "import beside\n\n\nclass Train", 1)
    write(
        tmp_path,
        {
            "src/study.py": code.replace("{self.lr}", "{beside.VALUE}"),
            "src/beside.py": "VALUE = 7\n",
            "conf/full.yaml": "id: a\n",
        },
    )

    ended = run(tmp_path, "run-experiment", "--workdir", "runs", "--file", "src/study", "conf/full")

    assert (ended.code, outputs(tmp_path)) == (0, ["lr is 7\n"]), ended.err


def test_what_is_to_be_run_before_the_experiment_is_run_first(tmp_path: Path):
    project(tmp_path)
    write(
        tmp_path,
        {
            "mocks.py": "from experimaestro.experiments import mock_modules\n"
            "mock_modules(['heavy'], decorators=['heavy.fast'])\n",
            "experiment.py": MOCKED,
            "full.yaml": f"{YAML}pre_experiment: ./mocks.py\n",
        },
    )  # fmt: skip

    ended = run(tmp_path, "run-experiment", "--run-mode", "dry-run", "--workdir", "runs", "full.yaml")

    assert ended.code == 0, ended.err
    assert "(lr=4.0)" in ended.err


def test_arguments_go_to_the_helper_of_the_experiment(tmp_path: Path):
    project(tmp_path)
    code = EXPERIMENT.replace(
        "def run(helper: ExperimentHelper",
        "class WithName(ExperimentHelper):\n    def run(self, args, cfg):\n        print(args)\n"
        "        return self.callable(self, cfg)\n\n\n@WithName.decorator\ndef run(helper: ExperimentHelper",
    )
    write(tmp_path, {"experiment.py": code})

    ended = run(
        tmp_path, "run-experiment", "--run-mode", "dry-run", "--workdir", "runs", "full", "a", "--", "--b"
    )

    assert (ended.code, ended.out) == (0, "['a', '--b']\n")


def test_variables_of_the_command_and_of_the_workspace_reach_the_jobs(tmp_path: Path):
    project(tmp_path)
    code = EXPERIMENT.replace(
        'print(f"lr is {self.lr}")', "import os\n        print(os.environ['A'], os.environ['B'])"
    )
    settings = "env: {A: all, B: all}\nworkspaces:\n- {id: main, path: runs, env: {B: main}}\n"
    write(tmp_path, {"experiment.py": code, "conf/settings.yaml": settings})

    ended = run(tmp_path, "run-experiment", "--xpm-config-dir", "conf", "full", "--env", "A", "given")

    assert (ended.code, outputs(tmp_path)) == (0, ["given main\n"])
    assert ended.err.splitlines()[0] == (
        "experimaestro: first: workspace 'main' (runs), because it is the first one of the settings"
    )


def test_add_timestamp_puts_the_time_behind_the_name(tmp_path: Path):
    project(tmp_path)

    assert run(tmp_path, "run-experiment", "--workdir", "runs", "full", "-c", "add_timestamp=true").code == 0

    (folder,) = (tmp_path / "runs/experiments").iterdir()
    assert folder.name.rsplit("-", 2)[0] == "first"
    assert [len(part) for part in folder.name.rsplit("-", 2)[1:]] == [8, 4]


def test_changes_that_are_not_committed_are_told_or_refused(tmp_path: Path):
    project(tmp_path)
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    clean = run(tmp_path, "run-experiment", "--run-mode", "dry-run", "--workdir", "runs", "full")
    write(tmp_path, {"experiment.py": EXPERIMENT + "\n"})

    warned = run(tmp_path, "run-experiment", "--run-mode", "dry-run", "--workdir", "runs", "full")
    refused = run(tmp_path, "run-experiment", "--workdir", "runs", "full", "-c", "dirty_git=error")
    ignored = run(
        tmp_path,
        "run-experiment",
        "--run-mode",
        "dry-run",
        "--workdir",
        "runs",
        "full",
        "-c",
        "dirty_git=ignore",
    )

    text = f"the code in {tmp_path} has changes that are not committed: experiment.py"
    assert "warning" not in clean.err + ignored.err
    assert warned.err.splitlines()[0] == f"experimaestro: warning: {text}"
    said = f"Error: {text}. Commit them, or say that they are only to be told (dirty_git: warn)\n"
    assert (refused.code, refused.err) == (1, said)
    assert not (tmp_path / "runs").exists()


def started(folder: Path) -> int:
    return len(list(folder.glob("runs/started-*")))


@pytest.mark.parametrize("name", ["json", "click", "experimaestro"])
def test_a_file_that_hides_a_module_from_jobs_is_told(tmp_path: Path, name: str):
    write(tmp_path, {f"a/{name}.py": EXPERIMENT, "a/full.yaml": f"id: first\nfile: {name}\n"})

    ended = run(tmp_path, "run-experiment", "--workdir", "runs", "--run-mode", "dry-run", "a/full")

    said = f"experimaestro: warning: a/{name}.py: jobs may load it in place of the module {name!r}: rename it"
    assert ended.code == 0
    assert ended.err.splitlines()[0] == said


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&- <&-"])
def test_closed_streams_do_not_matter(tmp_path: Path, closed: str):
    project(tmp_path)
    command = f"{sys.executable} -m experimaestro run-experiment --workdir runs full {closed}"

    ended = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=False, capture_output=True)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert len(list(tmp_path.glob("runs/jobs/*/*/train.done"))) == 1
    dry = subprocess.run(["sh", "-c", f"{command} --run-mode dry-run"], cwd=tmp_path, check=False)
    assert dry.returncode == 0


def test_ctrl_c_before_the_experiment_is_open_is_no_failure(tmp_path: Path):
    code = "import time\nfrom pathlib import Path\nPath('here').touch()\ntime.sleep(60)\n"
    write(tmp_path, {"experiment.py": code, "full.yaml": YAML})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as process:
        wait_until((tmp_path / "here").exists, 30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (130, "\ninterrupted\n")
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_while_no_job_runs_says_so(tmp_path: Path):
    text = EXPERIMENT.replace("    for size", "    open('here', 'w').close()\n    sleep(60)\n    for size")
    text = text.replace("\nfrom exp", "\nfrom time import sleep\nfrom exp", 1)
    write(tmp_path, {"experiment.py": text, "full.yaml": YAML})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as process:
        wait_until((tmp_path / "here").exists, 30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    said = "no job runs. To go on: python -m experimaestro run-experiment --workdir runs full"
    assert (process.returncode, err.splitlines()[-1]) == (130, f"experimaestro: interrupted: {said}")


def test_ctrl_c_once_starts_nothing_more_and_waits_for_what_runs(tmp_path: Path):
    write(tmp_path, {"experiment.py": SLOW, "full.yaml": YAML})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full", "-c", "tasks=20") as process:
        wait_until(lambda: started(tmp_path) >= 2, 30)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        lines: list[str] = []
        while not lines or "no more jobs" not in lines[-1]:
            lines.append(process.stderr.readline())
        (tmp_path / "runs/go").touch()
        last = process.stderr.read()
        process.wait(30)

    assert process.returncode == 130
    command = "python -m experimaestro run-experiment --workdir runs full -c tasks=20"
    assert re.fullmatch(
        r"experimaestro: interrupted: no more jobs are started; waiting for \d+ jobs?. "
        rf"Ctrl-C again kills what runs. To go on: {command}\n",
        lines[-1],
    )
    assert sum("interrupted" in line for line in lines) == 1
    done = len(list(tmp_path.glob("runs/jobs/*/*/slow.done")))
    assert 2 <= done < 20
    assert re.fullmatch(rf"experimaestro: \d+ jobs? done, {20 - done} jobs not started\n", last)
    again = run(tmp_path, "run-experiment", "--workdir", "runs", "full", "-c", "tasks=20")
    assert again.code == 0
    assert f"{done} found done, {20 - done} run" in again.err


def test_ctrl_c_twice_kills_what_runs(tmp_path: Path):
    write(tmp_path, {"experiment.py": SLOW, "full.yaml": YAML})
    with start(tmp_path, "run-experiment", "--workdir", "runs", "full") as process:
        wait_until(lambda: started(tmp_path) == 1, 30)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "no more jobs" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (
        130,
        "experimaestro: killing 1 job\nexperimaestro: 1 job killed\n",
    )
    (failed,) = tmp_path.glob("runs/jobs/*/*/slow.failed")
    assert json.loads(failed.read_text())["reason"] == "cancelled"


def test_detach_leaves_what_runs(tmp_path: Path):
    write(tmp_path, {"experiment.py": SLOW, "full.yaml": YAML})
    with start(tmp_path, "run-experiment", "--detach", "--workdir", "runs", "full") as process:
        wait_until(lambda: started(tmp_path) == 1, 30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    said = "experimaestro: interrupted: 1 job left running. To go on: python -m experimaestro run-experiment"
    assert f"\n{said} --detach --workdir runs full\n" in err
    assert err.count("interrupted") == 1
    (tmp_path / "runs/go").touch()
    wait_until(lambda: list(tmp_path.glob("runs/jobs/*/*/slow.done")), 30)
