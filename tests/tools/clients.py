"""Does small real things with the packages that use experimaestro, unmodified.

    python tests/tools/clients.py               # `make test-clients`: those that are quick to install
    python tests/tools/clients.py --all         # `make test-clients ALL=1`: all of them
    python tests/tools/clients.py xpm-torch     # this one

Each package has an environment of its own in .venvs/clients, with this project in it first. Its
dependencies name `experimaestro`, which the index has as well: a constraint to the version of this
project keeps pip from taking that one, and before anything is run it is checked which one is
imported. What is done with a package is in `tests/clients/uses_<package>.py`; where a package ships
tests of its own that need no network, those are run too.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from environment import ROOT, SetupError, ensure, version
from pythons import find

PYTHONS = ("3.11", "3.12", "3.13")
"""The Pythons that all these packages take; torch has wheels for the first one longest."""


class Client(NamedTuple):
    """A package that uses experimaestro."""

    requirements: Sequence[str]
    """What pip is asked for: the versions that were read to know what they use"""
    own_tests: Sequence[str] = ()
    """Modules of tests that it ships"""
    is_quick: bool = False
    """Whether it is run by default: it installs in less than a minute"""


CLIENTS = {
    "xpm-mlboard": Client(["xpm-mlboard==0.3.1"], is_quick=True),
    "datamaestro": Client(["datamaestro==1.16.1", "rpyc>=6"], ["datamaestro.test"], is_quick=True),
    "datamaestro-text": Client(["datamaestro-text==2026.4.22"]),
    "datamaestro-ir": Client(["datamaestro-ir==0.5.0"], ["datamaestro_ir.test.test_datasets"]),
    "xpm-torch": Client(["xpm-torch==0.3.1", "torch==2.13.*"]),
    "experimaestro-ir": Client(["experimaestro-ir[neural]==1.5.0", "torch==2.13.*"]),
}

WHICH = "import experimaestro; print(experimaestro.__file__)"


def install(name: str, client: Client, python: str) -> str:
    """Makes the environment of a package, unless it is there.

    Returns:
        Path of its interpreter.

    Raises:
        SetupError: It could not be made, or has another experimaestro in it.
    """
    folder = ROOT / ".venvs" / "clients" / name
    interpreter = ensure(folder, [], python)
    stamp = folder / "client"
    wanted = "\n".join(["pytest>=8.2", *client.requirements])
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"set-up: installing {', '.join(client.requirements)}", flush=True)
        constraint = folder / "constraint.txt"
        constraint.write_text(f"experimaestro=={project_version()}\n", encoding="utf-8")
        pip = [interpreter, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-qq"]
        _ask([*pip, "--constraint", str(constraint), *wanted.splitlines()])
        stamp.write_text(wanted, encoding="utf-8")
    imported = _ask([interpreter, "-c", WHICH])
    if Path(imported).parent.parent != ROOT:
        raise SetupError(f"{name}: the experimaestro of its environment is {imported}, not this project")
    return interpreter


def project_version() -> str:
    """The version of this project, as it is written."""
    found = re.search(
        r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found is not None, "pyproject.toml has no version"
    return found[1]


def run(name: str, client: Client, python: str) -> str:
    """Runs what is done with a package, and tells in a few words what came out."""
    print(f"\n=== {name}: {version(python)} ({python})", flush=True)
    start = time.monotonic()
    try:
        interpreter = install(name, client, python)
    except SetupError as error:
        print(error, flush=True)
        return "failed: no environment"
    made = time.monotonic() - start
    script = f"tests/clients/uses_{name.replace('-', '_')}.py"
    command = [interpreter, "-m", "pytest", "-q", "-c", "tests/clients/pytest.ini"]
    with TemporaryDirectory() as home:  # what a package keeps there is not this person's
        environment = {**os.environ, "HOME": home, "DATAMAESTRO_DIR": f"{home}/datamaestro"}
        runs = [[*command, script], *([*command, "--pyargs", tests] for tests in client.own_tests)]
        codes = [
            subprocess.run(each, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
            for each in runs
        ]
    seconds = f"in {time.monotonic() - start:.0f} s ({made:.0f} s to install)"
    return f"failed {seconds}" if any(codes) else f"passed {seconds}"


def _ask(command: Sequence[str]) -> str:
    """What a command prints.

    Raises:
        SetupError: It failed.
    """
    run = subprocess.run(
        command,
        cwd=ROOT / "tests" / "clients",  # not where `import experimaestro` finds the folder
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        raise SetupError(f"{run.stdout}\n{' '.join(command)} failed")
    return run.stdout.strip()


def main(arguments: Sequence[str]) -> int:
    """Runs what the command line asks for; 0 if nothing failed."""
    wanted = [name for name in arguments if name != "--all"]
    unknown = [name for name in wanted if name not in CLIENTS]
    if unknown:
        raise SetupError(f"unknown: {', '.join(unknown)}. Known: {', '.join(CLIENTS)}")
    if not wanted:
        wanted = [name for name, client in CLIENTS.items() if "--all" in arguments or client.is_quick]
    python = next(filter(None, map(find, PYTHONS)), None)
    if python is None:
        raise SetupError(f"this machine has none of CPython {', '.join(PYTHONS)}")
    results = {name: run(name, CLIENTS[name], python) for name in wanted}
    print("\n" + "\n".join(f"{name:20} {result}" for name, result in results.items()))
    return int(any(result.startswith("failed") for result in results.values()))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(str(error))
