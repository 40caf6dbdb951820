"""Whether the code of an experiment has changes that are not committed."""

import subprocess
from pathlib import Path


def changes(folder: Path) -> list[str]:
    """The changed files of the repository that a folder is in, as `git status --short` says them.

    Args:
        folder: Where the code is.

    Returns:
        Empty if there are none, or if the folder is in no repository, or if git is not installed.
    """
    command = ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError:
        return []
    return run.stdout.splitlines() if run.returncode == 0 else []
