"""Tests the buttons of the live view in older kernels, each in an environment of its own.

    python tests/tools/kernels.py [VERSION ...]   # `make test-kernels`

The newest ipykernel is in every run of the tests. Here, a cell that sleeps, computes, waits or awaits is
tried with older ones, behind a front-end that names a subshell for the messages of widgets (JupyterLab
from 4.4 on, Notebook from 7.4 on) and behind one that does not (older ones, nbclassic). ipykernel 6 can
take messages only while a wait of ours runs.
"""

import os
import subprocess
import sys

from environment import ROOT, SetupError, ensure

VERSIONS = ("6.29.5", "7.0.1", "7.3.0")

TEST = "tests/browser/test_notebook.py::test_a_job_is_killed_while_a_cell"


def main(versions: list[str]) -> int:
    """Runs the tests; returns how many combinations failed."""
    failed = []
    for version in versions:
        python = ensure(
            ROOT / ".venvs" / f"kernel-{version}", ["kernel"], constraints=[f"ipykernel=={version}"]
        )
        ways = ("waits", "awaits") if version.startswith("6.") else ("sleeps", "computes", "waits", "awaits")
        for subshells in ("perCommTarget", "disabled"):
            print(f"ipykernel {version}, front-end with comms over subshells: {subshells}", flush=True)
            tests = [f"{TEST}[{way}]" for way in ways]
            environment = {**os.environ, "XPM_KERNEL_PYTHON": python, "XPM_SUBSHELLS": subshells}
            command = [sys.executable, "-m", "pytest", "-q", *tests]
            if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
                failed.append(f"{version} {subshells}")
    if failed:
        print("failed:", ", ".join(failed))
    return len(failed)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:] or list(VERSIONS)))
    except SetupError as error:
        sys.exit(f"set-up failed:\n{error}")
