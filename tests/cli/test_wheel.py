"""The package as users get it: a wheel, in an environment of its own folder, run in an empty one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import EXPERIMENT, project, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs; the dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), str(ROOT)], check=True)
    return folder


def run(installed: Path, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(installed), "HOME": str(folder / "home")}
    return subprocess.run(
        [sys.executable, str(installed / "bin" / "experimaestro"), *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.slow
def test_a_file_and_a_package_are_run_by_the_command_of_the_wheel(installed: Path, tmp_path: Path):
    project(tmp_path)
    write(
        tmp_path,
        {
            "lab/__init__.py": "",
            "lab/experiment.py": EXPERIMENT,
            "lab/full.yaml": "id: second\nmodule: lab.experiment\npythonpath: [..]\nlr: 2\n",
        },
    )

    file = run(
        installed, tmp_path, "run-experiment", "--run-mode", "normal", "--workdir", "runs", "full.yaml"
    )
    package = run(installed, tmp_path, "run-experiment", "--workdir", "runs", "lab/full.yaml")
    listed = run(installed, tmp_path, "jobs", "--workdir", "runs", "list")

    assert (file.returncode, package.returncode) == (0, 0), file.stderr + package.stderr
    assert sorted(line.split("/")[0] for line in listed.stdout.splitlines()) == [
        "DONE        experiment.train",
        "DONE        lab.experiment.train",
    ]
