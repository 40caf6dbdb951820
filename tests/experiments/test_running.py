"""The same from Python and from a notebook."""

import subprocess
import sys
from pathlib import Path

import pytest

from commands import project, run


def python(folder: Path, code: str) -> str:
    """What a script in a folder prints."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def outputs(folder: Path) -> list[str]:
    return sorted(path.read_text(encoding="utf-8") for path in folder.glob("runs/jobs/*/*/*.out"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("lr=2", ["lr is 2.0\n"]),
        ("lr=2, sizes=(1, 2)", ["lr is 2.0\n", "lr is 4.0\n"]),
        ("conf={'lr': 3}, title='any'", ["lr is 3.0\n"]),
        ("conf=['lr=3', 'sizes=[2]']", ["lr is 6.0\n"]),
        ("conf={'lr': 3}, lr=4", ["lr is 4.0\n"]),
    ],
)
def test_values_are_given_as_python_has_them(tmp_path: Path, given: str, expected: list[str]):
    project(tmp_path)

    printed = python(
        tmp_path,
        "from experimaestro import run_experiment\n"
        f"xp = run_experiment('full.yaml', workdir='runs', {given})\n"
        "print(xp.name, xp.status)",
    )

    assert printed == "first done\n"
    assert outputs(tmp_path) == expected


def test_a_wrong_value_is_told_with_what_was_given(tmp_path: Path):
    project(tmp_path)

    printed = python(
        tmp_path,
        "from experimaestro.experiments import run_experiment\n"
        "try:\n    run_experiment('full', workdir='runs', lr='fast', sizs=[1], conf={'sizes': [{}]})\n"
        "except ValueError as error:\n    print(error)",
    )

    assert printed.splitlines() == [
        "full.yaml: 3 problems",
        "  lr='fast': lr: expected a float, got 'fast'",
        "  sizes=[{}]: sizes[0]: expected an int, got a mapping",
        "  sizs=[1]: sizs: unknown key. Did you mean 'sizes'?",
    ]
    assert not (tmp_path / "runs").exists()


def test_without_waiting_it_returns_when_the_tasks_are_submitted(tmp_path: Path):
    project(tmp_path)

    printed = python(
        tmp_path,
        "from experimaestro.experiments import run_experiment\n"
        "xp = run_experiment('full', workdir='runs', wait=False)\n"
        "print(xp.status)\nxp.wait()\nxp.stop()\nprint(xp.status)",
    )

    assert printed == "running\ndone\n"


SHELL = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell(history_manager=None)
def cell(text):
    result = shell.run_cell(text, store_history=False)
    result.raise_error()
    return result.result
"""


def test_in_a_notebook_a_magic_takes_the_options_of_the_command(tmp_path: Path):
    project(tmp_path)

    printed = python(
        tmp_path,
        f"{SHELL}\n"
        "cell('%load_ext experimaestro')\n"
        "cell('xp = %run_experiment --workdir runs full.yaml -c lr=2')\n"
        "cell('print(xp.status)')\n"
        "cell('xp.wait()')\n"
        "cell('xp.stop()')\n"
        "cell('print(xp.status)')\n"
        "cell('%run_experiment --show full -c lr=5')\n"
        "cell('xp = %run_experiment --run-mode dry-run --no-progress --workdir runs full')\n"
        "cell('print(xp.status)')\n",
    )

    assert printed.splitlines()[:2] == ["running", "done"]
    assert printed.splitlines()[-4:] == ["id: first", "file: experiment", "lr: 5", "done"]
    assert outputs(tmp_path) == ["lr is 2.0\n"]


def test_files_of_one_name_in_two_folders_are_run_as_by_two_commands(tmp_path: Path):
    for name in ("one", "other"):
        project(tmp_path / name)
    other = tmp_path / "other/experiment.py"
    other.write_text(other.read_text(encoding="utf-8").replace("lr is", "other lr is"), encoding="utf-8")

    printed = python(
        tmp_path,
        "from experimaestro import run_experiment\n"
        "run_experiment('one/full', workdir='runs', lr=1)\n"
        "run_experiment('other/full', workdir='runs', lr=2)\n"
        "print(run_experiment('other/full', workdir='runs', lr=2).status)\n",
    )

    assert printed == "done\n"
    assert outputs(tmp_path) == ["lr is 1.0\n", "other lr is 2.0\n"]
    again = run(tmp_path, "run-experiment", "--workdir", "runs", "other/full", "-c", "lr=2")
    assert "1 found done: nothing to run" in again.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--colour full", "No such option"),
        ("--detach full", "--detach and --events-viewer are for a terminal"),
        ("full --workdir runs -c lr=fast", "-c lr=fast: lr: expected a float, got 'fast'"),
        ("fll --workdir runs", "fll: there is no such file. Did you mean 'full.yaml'?"),
        ("full --show -c lr", "-c lr: expected KEY=VALUE, such as -c lr=1e-4"),
        ('full -c "lr=1', 'No closing quotation: full -c "lr=1'),
    ],
)
def test_a_wrong_line_of_the_magic_is_a_message_without_a_traceback(tmp_path: Path, line: str, said: str):
    project(tmp_path)

    printed = python(
        tmp_path,
        f"{SHELL}\n"
        "from IPython.core.error import UsageError\n"
        "cell('%load_ext experimaestro')\n"
        f"try:\n    cell('%run_experiment {line}')\n"
        "except UsageError as error:\n    print(f'raised: {error}')\n",
    )

    assert printed.startswith(f"raised: {said}")
    assert not (tmp_path / "runs").exists()
