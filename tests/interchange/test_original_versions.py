"""Workspaces of the published versions are continued by this one, and ours by them.

One plan (tests/support/learning.py) runs unchanged on all; each job that is executed leaves a line in a log.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experimaestro.inventory import runs

SUPPORT = Path(__file__).parents[1] / "support"
ALL = ["Breaks", "Build", "Data", "Data", "Evaluate", "Search", "Train", "Train"]


class Machine:
    """Runs the plan, with any version, in one workspace."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "runs"
        self._folder = folder
        self._runs = 0
        settings = folder / "2.7.0" / ".config" / "experimaestro" / "settings.yaml"
        settings.parent.mkdir(parents=True)
        settings.write_text("carbon: {enabled: false, warn_if_unavailable: false}\n", encoding="utf-8")

    def run(self, release: str, how: str) -> list[str]:
        """Runs the plan with a version; returns what was executed, sorted."""
        self._runs += 1
        log = self._folder / f"executed-{self._runs}"
        log.touch()
        plan = [str(SUPPORT / "learning.py"), str(self.workspace), str(log), how]
        self._call(release, [self.python(release), "-W", "ignore", *plan])
        return sorted(log.read_text(encoding="utf-8").split())

    def command(self, release: str, *arguments: str) -> list[str]:
        """Runs `experimaestro ...` of a version; returns the lines that it prints."""
        program = str(Path(self.python(release)).parent / "experimaestro")
        return self._call(release, [program, *arguments]).splitlines()

    def _call(self, release: str, command: list[str]) -> str:
        environment = {**os.environ, "HOME": str(self._folder / release)}
        if release != "ours":
            environment["PYTHONPATH"] = str(SUPPORT)
        done = subprocess.run(
            command,
            env=environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.errors = done.stderr
        return done.stdout

    @staticmethod
    def python(release: str) -> str:
        if release == "ours":
            return sys.executable
        return str(Path(os.environ["XPM_ORIGINALS"], release, "bin", "python"))

    def jobs(self) -> list[str]:
        """The keys of the jobs that are done."""
        return sorted(
            path.parent.relative_to(self.workspace / "jobs").as_posix()
            for path in self.workspace.glob("jobs/*/*/*.done")
        )

    def contents(self) -> dict[str, tuple[float, bytes]]:
        """Time and content of all files below `jobs/`."""
        found = {}
        for path in self.workspace.glob("jobs/*/*/**/*"):
            if path.is_file() and not path.is_symlink():
                found[str(path.relative_to(self.workspace))] = (path.stat().st_mtime, path.read_bytes())
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_workspace_of_2_7_is_continued(machine: Machine):
    assert machine.run("2.7.0", "fail") == ALL
    theirs = machine.jobs()

    assert machine.run("ours", "mended") == ["Breaks"]  # failed jobs are run again, all others are found

    assert [key for key in machine.jobs() if not key.startswith("learning.breaks/")] == theirs
    assert machine.run("ours", "mended") == []


def test_the_runs_of_2_7_are_listed_beside_ours(machine: Machine):
    machine.run("2.7.0", "mended")
    machine.run("ours", "mended")

    first, second = sorted(machine.workspace.glob("experiments/first/2*"))
    assert sorted(runs.keys_of(str(first))) == sorted(runs.keys_of(str(second))) == machine.jobs()


def test_2_7_executes_nothing_of_what_we_did(machine: Machine):
    assert machine.run("ours", "mended") == ALL
    ours = machine.jobs()

    assert machine.run("2.7.0", "mended") == []

    assert machine.jobs() == ours
    assert machine.run("ours", "mended") == []


def test_2_7_runs_again_what_failed_with_us(machine: Machine):
    assert machine.run("ours", "fail") == ALL

    assert machine.run("2.7.0", "mended") == ["Breaks"]
    assert machine.run("ours", "mended") == []


def test_2_7_lists_our_jobs_and_runs(machine: Machine):
    machine.run("ours", "fail")

    workspace = ["--workdir", str(machine.workspace)]
    jobs = [line.split() for line in machine.command("2.7.0", "jobs", *workspace, "list") if line.strip()]
    assert sorted((key.partition("/")[0], state) for state, key in jobs) == [
        ("learning.breaks", "FAIL"),
        ("learning.build", "DONE"),
        ("learning.data", "DONE"),
        ("learning.data", "DONE"),
        ("learning.evaluate", "DONE"),
        ("learning.search", "DONE"),
        ("learning.train", "DONE"),
        ("learning.train", "DONE"),
    ]
    experiments = machine.command("2.7.0", "experiments", *workspace, "list")
    assert [line for line in experiments if line] == [f"first [{os.uname().nodename}] (7/8 jobs)"]


def test_results_of_1_8_are_found_under_their_old_identifiers_and_stay_as_they_are(machine: Machine):
    assert machine.run("1.8.3", "fail") == ALL
    before = machine.contents()

    assert machine.run("ours", "mended") == ["Breaks"]

    told = [line for line in machine.errors.splitlines() if "1.8" in line]
    assert len(told) == 1 and told[0].startswith(f"results of version 1.8 in {machine.workspace} are found")
    assert {path: content for path, content in machine.contents().items() if path in before} == before
    logs = machine.workspace.glob("jobs/learning.train/*/train.out")
    assert sorted(log.read_text(encoding="utf-8") for log in logs) == [
        "3 epochs on 3\n",
        "warm 1\nwarm 2\n4 epochs on 3\n",
    ]
    assert machine.run("ours", "mended") == []


def test_1_8_still_finds_its_own_results_after_us(machine: Machine):
    machine.run("1.8.3", "fail")
    machine.run("ours", "mended")
    for left in machine.workspace.glob("jobs/*/*/*.pid"):  # 1.8 hangs where it left these itself
        left.unlink()

    assert machine.run("1.8.3", "mended") == ["Breaks"]


def test_results_of_1_8_that_2_7_did_not_find_are_there_for_it_after_us(machine: Machine):
    machine.run("1.8.3", "fail")
    machine.run("ours", "mended")

    assert machine.run("2.7.0", "mended") == []


def test_the_identifiers_of_1_8_are_those_that_it_gives(machine: Machine):
    machine.run("1.8.3", "mended")

    vectors = json.loads((SUPPORT.parent / "core" / "vectors" / "identifiers_v1.json").read_bytes())
    folders = sorted(
        str(path.relative_to(machine.workspace / "jobs")) for path in machine.workspace.glob("jobs/*/*")
    )
    assert folders == sorted(vectors.values())
