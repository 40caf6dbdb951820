"""What a script prints at its end when jobs have failed."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from experimaestro import Param, Task, experiment, tag

class Divide(Task):
    by: Param[int]

    def execute(self):
        print(1 / self.by)

if __name__ == "__main__":
    {before}
    with experiment("runs", "first", display={display}):
        Divide.C(by=tag(0)).submit()
"""

AGAIN = "To retry, run the same code again: done jobs are kept, failed ones are run again."


def end(folder: Path, before: str = "", *, display: bool = True) -> tuple[int, str]:
    """Exit code and standard error of a script whose only job fails."""
    script = folder / "study.py"
    script.write_text(SCRIPT.format(before=before or "pass", display=display), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(script)], cwd=folder, capture_output=True, text=True, check=False
    )
    return run.returncode, run.stderr


def test_a_failure_that_the_terminal_showed_is_not_told_again(tmp_path: Path):
    code, text = end(tmp_path)

    assert code == 1
    assert text.count("ZeroDivisionError: division by zero") == 1
    assert "session.py" not in text
    assert text.splitlines()[-1] == f"experimaestro: 1 job failed. {AGAIN}"


def test_without_a_display_the_error_tells_all(tmp_path: Path):
    code, text = end(tmp_path, display=False)

    assert code == 1
    assert "FailedExperiment: 1 job failed\n\nDivide by=0 failed\n" in text
    assert text.splitlines()[-1] == AGAIN


def test_other_errors_are_printed_as_ever(tmp_path: Path):
    with_error = "experiment('runs', 'other').start().stop(); raise KeyError('mine')"
    code, text = end(tmp_path, with_error)

    assert code == 1
    assert text.splitlines()[-1] == "KeyError: 'mine'"
    assert "study.py" in text


def test_who_prints_errors_in_a_way_of_their_own_gets_the_whole_error(tmp_path: Path):
    code, text = end(
        tmp_path, "sys.excepthook = lambda kind, error, trace: print('MINE', error, file=sys.stderr)"
    )

    assert code == 1
    assert "MINE 1 job failed\n\nDivide by=0 failed\n" in text
