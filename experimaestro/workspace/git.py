"""What git says of the code that a run uses: the commit, and what was changed since.

Rules: only questions are asked, none that takes a lock of the user's repository; a question has a
deadline and an answer a largest size; without git, outside of a repository, or where git refuses, the
answer is that nothing is known, never an error.
"""

import contextlib
import enum
import functools
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from experimaestro.exceptions import DirtyGitError

TIMEOUT_S = 5.0
"""How long git may think about one folder, in seconds"""

PATCH_BYTES = 2**20
"""Most bytes of a difference that are kept"""

_ENVIRONMENT_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""What git sets for its hooks; here it would name another repository than that of the folder"""

_START_OF_A_FILE = b"\ndiff --git "


class DirtyGitAction(enum.Enum):
    """What to do when the code of an experiment has changes that are not committed."""

    IGNORE = "ignore"
    WARN = "warn"
    ERROR = "error"


def repository(path: str) -> str | None:
    """The folder of the repository that a file or folder is in; None if it is in none."""
    folder = os.path.realpath(path)
    while True:
        if os.path.exists(f"{folder}/.git"):  # noqa: PTH110 - a file in a submodule or a worktree
            return folder
        above = os.path.dirname(folder)  # noqa: PTH120 - a string
        if above == folder:
            return None
        folder = above


def is_of_project(file: str) -> bool:
    """Whether a file is of somebody's project: not installed, and no part of Python or of this package."""
    return not file.startswith(_folders_of_others())


@functools.cache
def _folders_of_others() -> tuple[str, ...]:
    """Where everything is that is no project: Python, what is installed, and this package."""
    import sysconfig  # a job that loads the code of an experiment loads this module

    paths = sysconfig.get_paths()
    installed = {paths["stdlib"], paths["purelib"], paths["platlib"], paths["scripts"], sys.prefix}
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - strings
    return tuple(f"{folder}/" for folder in (*installed, package))


def main_script() -> str | None:
    """Where the code that this process runs is: its script, or the working directory of a notebook.

    Returns:
        None if it runs an installed program.
    """
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if file is None:
        try:
            return os.getcwd()  # noqa: PTH109 - a string
        except FileNotFoundError:
            return None
    path = os.path.abspath(file)  # noqa: PTH100 - links are kept
    return path if is_of_project(path) else None


def changes(path: str, timeout_s: float = TIMEOUT_S) -> list[str]:
    """The changed files of the repository that a file or folder is in.

    Args:
        path: Where the code is.
        timeout_s: How long git may think, in seconds.

    Returns:
        Their names, from the root of the repository; empty if there are none, or if nothing is known.
    """
    root = repository(path)
    if root is None:
        return []
    return _changed(root, time.monotonic() + timeout_s)


def check(paths: Iterable[str], action: DirtyGitAction, timeout_s: float = TIMEOUT_S) -> list[str]:
    """Says whether code has changes that are not committed.

    Args:
        paths: Where the code is: files and folders.
        action: What to do if it has.
        timeout_s: How long git may think about each repository, in seconds.

    Returns:
        A warning for each repository that has; none for `IGNORE`.

    Raises:
        DirtyGitError: One has, and `action` is `ERROR`.
    """
    if action is DirtyGitAction.IGNORE:
        return []
    found = []
    for root in sorted({root for root in map(repository, paths) if root is not None}):
        changed = _changed(root, time.monotonic() + timeout_s)
        if not changed:
            continue
        shown = ", ".join(changed[:5]) + (", ..." if len(changed) > 5 else "")
        text = f"the code in {root} has changes that are not committed: {shown}"
        if action is DirtyGitAction.ERROR:
            raise DirtyGitError(
                f"{text}. Commit them, or say that they are only to be told (dirty_git: warn)"
            )
        found.append(text)
    return found


def describe(root: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any] | None:
    """The state of a repository, in the form of `environment.json`.

    Args:
        root: Its folder.
        timeout_s: How long git may think, in seconds.

    Returns:
        `commit`, `commit_short`, `branch` (None if none is checked out), `dirty`, `message`, `author`,
        `date`, `path`; None if nothing is known.
    """
    until = time.monotonic() + timeout_s
    log = _git(root, until, "log", "-1", "--no-show-signature", "--format=%H%x00%h%x00%s%x00%an <%ae>%x00%cI")
    if log is None:
        return None
    commit, short, message, author, date = log.decode(errors="replace").rstrip("\n").split("\0")
    branch = _git(root, until, "symbolic-ref", "--short", "-q", "HEAD")
    return {
        "commit": commit,
        "commit_short": short,
        "branch": None if branch is None else branch.decode(errors="replace").strip(),
        "dirty": bool(_changed(root, until)),
        "message": message,
        "author": author,
        "date": date,
        "path": root,
    }


def difference(root: str, timeout_s: float = TIMEOUT_S, most: int = PATCH_BYTES) -> tuple[bytes, bool]:
    """What was changed in a repository since its last commit; `git apply` repeats it.

    Args:
        root: Its folder.
        timeout_s: How long git may think, in seconds.
        most: Most bytes to return.

    Returns:
        The difference, and whether it is whole: where it is too long it ends after the last file that
        fits.
    """
    command = ("diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")
    found = _git(root, time.monotonic() + timeout_s, *command, most=most + 1) or b""
    if len(found) <= most:
        return found, True
    end = found.rfind(_START_OF_A_FILE, 0, most)
    return found[: end + 1], False


def _changed(root: str, until: float) -> list[str]:
    """Changed files that git knows; what it does not know is no change."""
    status = _git(root, until, "status", "--porcelain", "-z", "--untracked-files=no", "--no-renames")
    return [line[3:] for line in (status or b"").decode(errors="replace").split("\0") if line]


def _git(root: str, until: float, *arguments: str, most: int = 2**24) -> bytes | None:
    """The answer of git; None if it has none.

    Args:
        root: The repository.
        until: When it is ended, by the monotonic clock.
        arguments: The question.
        most: Bytes after which the rest of the answer is left unread.
    """
    import subprocess  # same
    import threading

    # A program that watches the files would outlive the question
    command: Sequence[str] = (
        "git",
        "-C",
        root,
        "-c",
        "core.fsmonitor=false",
        "--no-optional-locks",
        *arguments,
    )
    environment = {name: value for name, value in os.environ.items() if name not in _ENVIRONMENT_OF_A_HOOK}
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except OSError:  # not installed
        return None
    timer = threading.Timer(max(0.0, until - time.monotonic()), process.kill)
    timer.start()
    assert process.stdout is not None
    with process.stdout:
        answer = process.stdout.read(most)
        is_cut = len(answer) == most
    timer.cancel()
    if is_cut:
        process.kill()
    with contextlib.suppress(ChildProcessError):
        process.wait()
    timer.join()
    return answer if is_cut or process.returncode == 0 else None
