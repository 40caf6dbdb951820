"""Tests the buttons of the live view in older kernels, each in an environment of its own.

    python tests/tools/kernels.py [VERSION ...]   # `make test-kernels`

The newest ipykernel is in every run of the tests. Here, a cell that sleeps, computes, waits or awaits, and
coroutines beside a wait, are tried with older ones in JupyterLab, Notebook 7 and nbclassic; with comms that
name a subshell (JupyterLab from 4.4 on, Notebook from 7.4 on), and without (older ones, nbclassic).
ipykernel 6 can take messages only while a wait of ours runs.
"""

import os
import subprocess
import sys

from environment import ROOT, SetupError, ensure

VERSIONS = ("6.29.5", "7.0.1", "7.3.0")

TESTS = "tests/browser/test_notebook.py"


def main(versions: list[str]) -> int:
    """Runs the tests; returns how many combinations failed."""
    failed = []
    for version in versions:
        python = ensure(
            ROOT / ".venvs" / f"kernel-{version}", ["kernel"], constraints=[f"ipykernel=={version}"]
        )
        tests = ["a_job_is_killed_while_a_cell[waits]", "a_job_is_killed_while_a_cell[awaits]"]
        tests += ["in_each_host_a_wait_lets_other_coroutines_go_on_or_says_how"]
        if not version.startswith("6."):
            tests += [
                "a_job_is_killed_while_a_cell[computes]",
                "in_each_host_a_job_is_killed_while_a_cell_sleeps",
            ]
        for subshells in ("perCommTarget", "disabled"):
            print(f"ipykernel {version}, front-end with comms over subshells: {subshells}", flush=True)
            environment = {**os.environ, "XPM_KERNEL_PYTHON": python, "XPM_SUBSHELLS": subshells}
            command = [sys.executable, "-m", "pytest", "-q", *(f"{TESTS}::test_{test}" for test in tests)]
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
