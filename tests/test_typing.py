"""What an editor tells a user: right code is clean, and each wrong line is flagged."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="a part of the checks, not of the tests: runs on the Python of .venv")

FOLDER = Path(__file__).parent / "typing"


def flagged(file: str) -> dict[int, str]:
    """The code of the error that mypy finds on each line."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context"]
    run = subprocess.run(
        [*command, "--config-file=", file], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    errors = re.findall(rf"^{re.escape(file)}:(\d+): error: .*\[([\w-]+)\]$", run.stdout, re.MULTILINE)
    assert len(errors) == run.stdout.count(": error: "), run.stdout
    return {int(line): code for line, code in errors}


def expected(file: str) -> dict[int, str]:
    lines = (FOLDER / file).read_text(encoding="utf-8").splitlines()
    marks = ((number, re.search(r"# E: ([\w-]+)$", line)) for number, line in enumerate(lines, 1))
    return {number: mark[1] for number, mark in marks if mark}


@pytest.mark.slow
@pytest.mark.parametrize("file", ["good.py", "bad.py"])
def test_a_type_checker_flags_the_wrong_lines_only(file: str):
    assert flagged(file) == expected(file)
