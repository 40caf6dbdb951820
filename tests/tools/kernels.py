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

LAB = "4.3.8"
"""The oldest JupyterLab in which the live view is tested"""

VERSIONS = ("6.29.5", "7.0.1", "7.3.0")

TESTS = "tests/browser/test_notebook.py"

KERNEL = "the_kernel_is_that_of_the_environment_that_was_asked_for"

IN_LAB = [
    KERNEL,
    *(f"a_job_is_killed_while_a_cell[{way}]" for way in ("computes", "waits", "awaits")),
    "in_each_host_a_job_is_killed_while_a_cell_sleeps[JupyterLab]",
    "a_failure_is_read_retried_saved_and_read_again[JupyterLab]",
]
"""What is tried in another JupyterLab"""


def run(title: str, tests: list[str], **variables: str) -> bool:
    """Runs tests with environment variables that tests/browser/conftest.py reads; whether they passed."""
    print(title, flush=True)
    command = [sys.executable, "-m", "pytest", "-q", *(f"{TESTS}::test_{test}" for test in tests)]
    return not subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=False).returncode


def main(versions: list[str]) -> int:
    """Runs the tests; returns how many combinations failed."""
    failed = []
    python = ensure(ROOT / ".venvs" / f"lab-{LAB}", ["lab"], constraints=[f"jupyterlab=={LAB}"])
    if not run(f"JupyterLab {LAB}", IN_LAB, XPM_SERVER_PYTHON=python):
        failed.append(f"JupyterLab {LAB}")
    for version in versions:
        python = ensure(
            ROOT / ".venvs" / f"kernel-{version}", ["kernel"], constraints=[f"ipykernel=={version}"]
        )
        tests = [KERNEL, "a_job_is_killed_while_a_cell[waits]", "a_job_is_killed_while_a_cell[awaits]"]
        tests += ["in_each_host_a_wait_lets_other_coroutines_go_on_or_says_how"]
        tests += ["interrupt_ends_the_wait_and_the_job_goes_on"]
        if not version.startswith("6."):
            tests += [
                "a_job_is_killed_while_a_cell[computes]",
                "in_each_host_a_job_is_killed_while_a_cell_sleeps",
            ]
        for subshells in ("perCommTarget", "disabled"):
            title = f"ipykernel {version}, front-end with comms over subshells: {subshells}"
            if not run(title, tests, XPM_KERNEL_PYTHON=python, XPM_SUBSHELLS=subshells):
                failed.append(title)
    if failed:
        print("failed:", "; ".join(failed))
    return len(failed)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:] or list(VERSIONS)))
    except SetupError as error:
        sys.exit(f"set-up failed:\n{error}")
