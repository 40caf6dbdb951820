"""`experimaestro deprecated` and `migrate`: what earlier classes and versions left."""

import json
import os
import subprocess
import sys
from pathlib import Path

from commands import run, write

LAB = """\
from experimaestro import Param, Task, deprecate


class Learn(Task):
    lr: Param[float]

    def execute(self):
        print(self.lr)


"""
BEFORE = f"{LAB}class Train(Task):\n    lr: Param[float]\n\n    def execute(self): ...\n"
SINCE = f"{LAB}@deprecate\nclass Train(Learn): ...\n"
STUDY = """\
from experimaestro.experiments import ConfigurationBase, configuration
from lab import {name} as Task


@configuration
class Configuration(ConfigurationBase): ...


def run(helper, cfg: Configuration):
    Task.C(lr=1.0).submit()
"""


def test_jobs_of_a_deprecated_class_are_linked_to_the_new_one_and_found_done(tmp_path: Path):
    write(
        tmp_path,
        {
            "lab.py": BEFORE,
            "study.py": STUDY.format(name="Train"),
            "full.yaml": "id: a\nfile: study\n",
        },
    )
    assert run(tmp_path, "run-experiment", "--workdir", "runs", "full").code == 0
    assert run(tmp_path, "deprecated", "list", "runs").out == ""

    write(
        tmp_path,
        {
            "lab.py": SINCE,
            "study.py": STUDY.format(name="Learn"),
        },
    )
    listed = run(tmp_path, "deprecated", "list", "runs", "--fix")
    assert listed.out.startswith("lab.train/")
    assert " -> lab.learn/" in listed.out
    assert listed.err == "1 to link: nothing was done, add --perform\n"
    assert run(tmp_path, "deprecated", "diff", "runs").out == "lab.train -> lab.learn: 1 job\n"
    assert json.loads(run(tmp_path, "deprecated", "diff", "runs", "--json").out) == [
        {"old": "lab.train", "new": "lab.learn", "jobs": 1}
    ]

    fixed = run(tmp_path, "deprecated", "list", "runs", "--fix", "--perform")
    assert (fixed.out.endswith(" (linked)\n"), fixed.err) == (True, "1 to link\n")
    again = run(tmp_path, "run-experiment", "--workdir", "runs", "full")
    assert "1 found done (1 of them ran other code): nothing to run" in again.err


def test_jobs_of_a_script_have_no_other_name_and_keep_what_they_are(tmp_path: Path):
    plan = "with experiment('runs', 'a', display=False):\n        Train.C(lr=1.0).submit()\n"
    script = f"from experimaestro import experiment\n{BEFORE}\n\nif __name__ == '__main__':\n    {plan}"
    write(tmp_path, {"script.py": script})
    subprocess.run([sys.executable, "script.py"], cwd=tmp_path, check=True)

    listed = run(tmp_path, "deprecated", "list", "runs", "--fix", "--perform")

    assert (listed.code, listed.out, listed.err) == (0, "", "0 to link\n")
    assert len(list(tmp_path.glob("runs/jobs/__main__.train/*/.experimaestro/definition.json"))) == 1


def test_a_class_that_is_gone_is_told_and_hides_no_other(tmp_path: Path):
    write(
        tmp_path,
        {
            "lab.py": BEFORE,
            "study.py": STUDY.format(name="Train"),
            "full.yaml": "id: a\nfile: study\n",
        },
    )
    assert run(tmp_path, "run-experiment", "--workdir", "runs", "full").code == 0
    write(tmp_path, {"lab.py": ""})

    listed = run(tmp_path, "deprecated", "list", "runs")

    assert (listed.code, listed.out) == (0, "")
    assert listed.err.startswith("lab.train/")
    assert "cannot be loaded: " in listed.err


def test_experiments_of_version_1_become_runs(tmp_path: Path):
    job = tmp_path / "runs/jobs/lab.Train/0123"
    write(tmp_path, {"runs/jobs/lab.Train/0123/Train.done": "", "runs/xp/first/state.json": "{}"})
    link = tmp_path / "runs/xp/first/jobs/lab.Train/0123"
    link.parent.mkdir(parents=True)
    link.symlink_to(job)
    os.utime(tmp_path / "runs/xp/first", (1_700_000_000, 1_700_000_000))

    asked = run(tmp_path, "migrate", "v1-to-v2", "runs")
    assert asked.out.startswith("would move")
    assert asked.err == "1 experiment: nothing was done, add --perform\n"

    assert run(tmp_path, "migrate", "v1-to-v2", "runs", "--perform").out.startswith("moved")
    assert run(tmp_path, "experiments", "--workdir", "runs", "list").out == "first (1/1 jobs)\n"
    (row,) = json.loads(run(tmp_path, "experiments", "--workdir", "runs", "history", "first", "--json").out)
    assert (row["status"], row["run_id"][:4]) == ("done", "2023")
    assert run(tmp_path, "migrate", "v1-to-v2", "runs", "--perform").out == ""


def test_a_workspace_that_is_not_of_version_1_is_left_alone(tmp_path: Path):
    (tmp_path / "runs").mkdir()

    ended = run(tmp_path, "migrate", "v1-to-v2", "runs", "--perform")

    assert (ended.code, ended.err) == (
        1,
        f"Error: {tmp_path}/runs has no folder xp: it is no workspace of version 1\n",
    )
    assert list((tmp_path / "runs").iterdir()) == []
