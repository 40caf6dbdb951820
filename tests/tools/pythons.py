"""Runs the quick tests on each supported Python, or on the lowest dependencies.

    python tests/tools/pythons.py            # `make test-pythons`, PYTHONS="3.10 3.13" for some
    python tests/tools/pythons.py --lowest   # `make test-lowest`

Quick means: not marked `slow`, and nothing of `ELSEWHERE`. Those run real processes or many
histories; what differs between Pythons (typing, inspection, threads, the event loop) the quick ones
see. The newest Python runs `OF_THE_SYSTEM` once more with XPM_PORTABLE=1 and without
the tests marked `linux`: what macOS would run. A Python that this machine lacks is said; it is
no failure, as the next machine may have it.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from environment import ROOT, SetupError, ensure, version

PYTHONS = tuple(os.environ.get("PYTHONS", "3.10 3.11 3.12 3.13").split())

ELSEWHERE = ("tests/services", "tests/cli", "tests/notebooks", "tests/browser", "tests/clients")
"""What starts commands, servers and browsers, and depends on them rather than on Python"""

OF_THE_SYSTEM = (
    "tests/connectors",
    "tests/inventory",
    *(f"tests/services/test_{part}.py" for part in ("ports", "process")),
    *(f"tests/workspace/test_{part}.py" for part in ("attempts", "interchange", "processes")),
    *(
        f"tests/session/test_{part}.py"
        for part in ("control", "experiment", "held", "known_failures", "surroundings", "two_processes")
    ),
)
"""What asks the system for processes, cores and the like"""

LOWEST_ON = ("3.10", "3.11")
"""The Pythons for which the oldest supported dependencies have wheels."""


def find(python: str) -> str | None:
    """Path of the newest CPython `3.x`, on PATH or from pyenv; None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    patches = sorted(pyenv.glob(f"{python}.*/bin/python"), key=_patch, reverse=True)
    on_path = [shutil.which(f"python{python}", path=folder) for folder in os.get_exec_path()]
    for candidate in [*map(str, patches), *filter(None, on_path)]:
        if version(candidate).startswith(f"{python}."):  # pyenv's shims may name what is not there
            return candidate
    return None


def _patch(python: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", python.parent.parent.name))


def lower_bounds() -> list[str]:
    """`name==x` for each dependency `name>=x` of the project itself.

    Raises:
        SetupError: A dependency has no lower bound.
    """
    bounds = []
    for requirement in metadata.requires("experimaestro") or []:
        if "extra ==" in requirement:
            continue
        match = re.match(r"([\w.-]+)[^;]*?>=\s*([\w.]+)", requirement)
        if match is None:
            raise SetupError(f"pyproject.toml: {requirement!r} needs a lower bound, name>=version")
        bounds.append(f"{match[1]}=={match[2]}")
    return bounds


def run(title: str, python: str, folder: str, *, constraints: list[str], portable: bool = False) -> str:
    """Runs the tests, and tells in a few words what came out."""
    print(f"\n=== {title}: {version(python)} ({python})", flush=True)
    start = time.monotonic()
    try:
        interpreter = ensure(ROOT / ".venvs" / folder, ["test"], python, constraints)
    except SetupError as error:
        print(error, flush=True)
        return "failed: no environment"
    environment = {**os.environ, "FUZZ_EXAMPLES": "300", **({"XPM_PORTABLE": "1"} if portable else {})}
    marks = "not slow and not linux" if portable else "not slow"
    command = [interpreter, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    command += ["-p", "no:cacheprovider", "-m", marks]
    command += OF_THE_SYSTEM if portable else [f"--ignore={folder}" for folder in ELSEWHERE]
    code = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode
    seconds = f"in {time.monotonic() - start:.0f} s"
    return f"passed {seconds}" if code == 0 else f"failed {seconds} (pytest exited with {code})"


def main() -> int:
    """Runs what the command line asks for; 0 if nothing failed."""
    results: dict[str, str] = {}
    if "--lowest" in sys.argv[1:]:
        bounds = lower_bounds()
        print("lowest dependencies:", " ".join(bounds))
        python = next(filter(None, map(find, LOWEST_ON)), None)
        title = "lowest dependencies"
        results[title] = (
            run(title, python, "lowest", constraints=bounds)
            if python
            else f"failed: this machine has none of CPython {', '.join(LOWEST_ON)}"
        )
    else:
        found = {python: find(python) for python in PYTHONS}
        for name, python in found.items():
            missing = "missing: this machine has no such CPython"
            results[name] = run(f"CPython {name}", python, name, constraints=[]) if python else missing
        here = (f"{sys.version_info[0]}.{sys.version_info[1]}", sys.executable)  # where none of them is
        newest, python = [here, *((name, python) for name, python in found.items() if python)][-1]
        title = f"{newest} portable"
        results[title] = run(f"CPython {title}", python, newest, constraints=[], portable=True)
    print("\n" + "\n".join(f"{title:20} {result}" for title, result in results.items()))
    return int(any(result.startswith("failed") for result in results.values()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(str(error))
