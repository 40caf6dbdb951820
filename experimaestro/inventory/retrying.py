"""Runs failed jobs again, in this process, one after another.

Rule: a job is claimed by its own process, as always: one that another scheduler takes meanwhile is not run
twice. (The script in the folder of a job does that when nobody gives it an attempt.)
"""

import os
import subprocess
import sys
from typing import Literal

from experimaestro.workspace import attempts, files
from experimaestro.workspace.layout import JobPaths

Retried = Literal["done", "failed", "not failed", "no script"]
"""What became of a job that was to be run again"""


def retry(paths: JobPaths) -> Retried:
    """Runs a failed job again, with this interpreter and the variables of this process, and waits for it.

    Args:
        paths: The job.

    Returns:
        How it ended; `not failed` if it is done or runs, `no script` if its folder cannot be run.
    """
    if attempts.settle(paths).kind != "failed":
        return "not failed"
    if not (files.exists(paths.script) and files.exists(paths.params)):
        return "no script"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
    out, err = os.open(paths.out, flags, 0o666), os.open(paths.err, flags, 0o666)
    try:
        process = subprocess.Popen(
            [sys.executable, paths.script],
            cwd=paths.folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    finally:
        os.close(out)
        os.close(err)
    process.wait()
    attempts.settle(paths)
    return "done" if attempts.observe(paths).kind == "done" else "failed"
