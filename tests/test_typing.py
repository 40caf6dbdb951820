"""What an editor tells a user: right code is clean, and each wrong line is flagged, in words that help.

`typing/bad.txt` holds the wrong lines of `typing/bad.py` with what each type checker says of them.
After a new version of one of them: `python tests/test_typing.py` writes it anew, and the difference is read.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

if __name__ != "__main__":
    why = "a part of the checks, not of the tests: runs on the Python of .venv"
    pytest.importorskip("mypy", reason=why)
    pytest.importorskip("basedpyright", reason=why)

FOLDER = Path(__file__).parent / "typing"
Said = dict[int, list[str]]
"""What is said, by line"""


def output(module: str, *arguments: str) -> str:
    """What a type checker prints; it exits with 1 when it found something."""
    run = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    return run.stdout


def by_mypy(file: str) -> Said:
    arguments = ["--strict", "--config-file=", "--no-error-summary", "--hide-error-context"]
    said: Said = defaultdict(list)
    for line in output("mypy", *arguments, file).splitlines():
        match = re.fullmatch(rf"{re.escape(file)}:(\d+): (error|note): (.*)", line)
        assert match, line
        if match[2] == "error":
            said[int(match[1])].append(re.sub(" +", " ", match[3]))
    return said


def by_pyright(file: str) -> Said:
    """Of basedpyright, with the rules of pyright: it needs no download at its first use."""
    found = json.loads(output("basedpyright", "--pythonpath", sys.executable, "--outputjson"))
    assert found["summary"]["filesAnalyzed"] == 2, found
    said: Said = defaultdict(list)
    for one in found["generalDiagnostics"]:
        if Path(one["file"]).name == file:
            message = one["message"].replace("\N{NO-BREAK SPACE}", " ")
            said[one["range"]["start"]["line"] + 1].append(f"{message} [{one['rule']}]")
    return said


def flagged_in_bad() -> str:
    """The text of `bad.txt`."""
    mypy, pyright = by_mypy("bad.py"), by_pyright("bad.py")
    lines = (FOLDER / "bad.py").read_text(encoding="utf-8").splitlines()
    text = ""
    for number in sorted({*mypy, *pyright}):
        text += f"{number}: {lines[number - 1].strip()}\n"
        for name, said in (("mypy", mypy), ("pyright", pyright)):
            for message in said.get(number, ["nothing"]):
                text += f"    {name}: " + message.replace("\n", f"\n{' ' * (len(name) + 6)}") + "\n"
    return text


@pytest.mark.slow
def test_right_code_is_clean():
    assert (by_mypy("good.py"), by_pyright("good.py")) == ({}, {})


@pytest.mark.slow
def test_each_wrong_line_is_flagged():
    text = flagged_in_bad()
    assert text == (FOLDER / "bad.txt").read_text(encoding="utf-8")
    for told, name in re.findall(r"^\d+: (.*)(?:\n .*)*?\n    (\w+): nothing$", text, re.MULTILINE):
        assert told.endswith(f"  # not by {name}")
    wrong = (FOLDER / "bad.py").read_text(encoding="utf-8").partition("# What is wrong\n")[2].splitlines()
    assert [line.strip() for line in wrong if "C(" in line] == re.findall(
        r"^\d+: (.*C\(.*)$", text, re.MULTILINE
    )


if __name__ == "__main__":
    (FOLDER / "bad.txt").write_text(flagged_in_bad(), encoding="utf-8")
