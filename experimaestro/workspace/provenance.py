"""Where the results of a run come from: Python, packages, the commits of the code and what was changed since.

Rules: what was submitted is only noted, in memory; everything that asks git or the disk is one blocking
function, for a thread of the pool; each repository is asked once, soon after the first task that needs
it was submitted, so that what is recorded is what ran. Without git everything else is recorded.

The form is that of `environment.json` of the compatible format; what it does not name (`path`, `patch`,
`command`, `packages` of a commit) is added.
"""

import importlib.metadata
import json
import os
import platform
import re
import sys
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

import experimaestro
from experimaestro.workspace import files, git
from experimaestro.workspace.layout import RunPaths

_HEADER = re.compile(r"^(Name|Version):[ \t]*(\S+)", re.MULTILINE)


class Provenance:
    """What is known of the code of one run.

    Args:
        paths: The run's files; its folder exists once something is noted.
    """

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._new: list[str] = []
        self._seen: set[str] = set()
        self._command = [sys.executable, *sys.orig_argv[1:]]
        self._packages: dict[str, str] = {}
        self._editable: dict[str, dict[str, Any]] = {}
        self._projects: dict[str, dict[str, Any] | None] = {}
        self._looking = threading.Lock()

    def note(self, cls: type) -> None:
        """Notes that a task of a class was submitted; in memory, once for each class."""
        module = sys.modules.get(cls.__module__)
        file = getattr(module, "__file__", None)
        if file is not None and file not in self._seen:
            self._seen.add(file)
            path = os.path.abspath(file)  # noqa: PTH100 - links are kept
            if git.is_of_project(path):
                self.add(path)

    def add(self, path: str) -> None:
        """Notes a file or folder with code that the run uses; in memory.

        Args:
            path: Absolute.
        """
        if path not in self._seen:
            self._seen.add(path)
            self._new.append(path)

    def look(self, timeout_s: float = git.TIMEOUT_S) -> None:
        """Finds out what is not known yet; writes the differences beside the run.

        Args:
            timeout_s: How long git may think about each repository, in seconds.

        Raises:
            OSError: The disk cannot be written.
        """
        with self._looking:
            if not self._packages:
                self._packages, self._editable = _packages(timeout_s)
            while self._new:
                root = git.repository(self._new[-1])
                if root is not None and root not in self._projects:
                    self._projects[root] = self._project(root, timeout_s)
                del self._new[-1]

    def _project(self, root: str, timeout_s: float) -> dict[str, Any] | None:
        found = git.describe(root, timeout_s)
        if found is None or not found["dirty"]:
            return found
        patch, is_whole = git.difference(root, timeout_s)
        if not patch:
            return found
        name = _name(
            root, {project["patch"] for project in self._projects.values() if project and "patch" in project}
        )
        files.make_folder(self._paths.patches)
        files.replace(self._paths.patch(name), patch)
        return {**found, "patch": name, "patch_is_whole": is_whole}

    def describe(self, run: dict[str, Any]) -> bytes:
        """The content of `environment.json`, as far as it is known.

        Args:
            run: What it says of the run itself.
        """
        return json.dumps(
            {
                "python_version": platform.python_version(),
                "python": sys.executable,
                "platform": platform.platform(),
                "experimaestro": experimaestro.__version__,
                "command": self._command,
                "packages": self._packages,
                "editable_packages": self._editable,
                "projects": [project for project in list(self._projects.values()) if project is not None],
                "run": run,
            },
            indent=1,
        ).encode()


def _name(root: str, taken: Iterable[str]) -> str:
    """The name of the file for the difference of a repository."""
    stem = re.sub(r"[^\w.-]", "_", os.path.basename(root)) or "root"  # noqa: PTH119 - a string
    taken = set(taken)
    number = 1
    name = f"{stem}.patch"
    while name in taken:
        number += 1
        name = f"{stem}.{number}.patch"
    return name


def _packages(timeout_s: float) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """The installed packages with their versions, and those that are installed from a folder that changes.

    Takes about 10 ms for 150 packages, and a question to git for each of the latter.
    """
    installed: dict[str, str] = {}
    editable: dict[str, dict[str, Any]] = {}
    for one in importlib.metadata.distributions():
        name, version = _name_and_version(one)
        if not name or name in installed:  # the first on the path is the one that is imported
            continue
        installed[name] = version
        folder = _editable_folder(one)
        if folder is not None:
            editable[name] = {"version": version, "path": folder}
            root = git.repository(folder)
            state = None if root is None else git.describe(root, timeout_s)
            if state is not None:
                editable[name]["git"] = state
    return dict(sorted(installed.items())), dict(sorted(editable.items()))


def _name_and_version(one: importlib.metadata.Distribution) -> tuple[str, str]:
    """Two headers of the core metadata of a package (PEP 566); "" for what it does not say.

    The library parses each file whole, as an e-mail: ten times slower, at the end of every run.
    """
    text = one.read_text("METADATA") or one.read_text("PKG-INFO") or ""
    headers = dict(_HEADER.findall(text.partition("\n\n")[0]))
    return headers.get("Name", ""), headers.get("Version", "")


def _editable_folder(one: importlib.metadata.Distribution) -> str | None:
    """The folder of a package that is installed so that changes of its code count at once."""
    text = one.read_text("direct_url.json")
    try:
        content = json.loads(text or "{}")
        if content.get("dir_info", {}).get("editable") is True:
            return unquote(urlsplit(content["url"]).path)
    except (ValueError, KeyError, AttributeError, TypeError):  # not in the form of PEP 610
        pass
    return None
