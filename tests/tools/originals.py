"""Makes environments with the published versions of experimaestro, to read and write what they do.

    python tests/tools/originals.py FOLDER

Each is installed from the package index as it is, into `FOLDER/<version>`, and only ever run. A second
call costs nothing.
"""

import subprocess
import sys
from pathlib import Path

from environment import SetupError, version

VERSIONS = ("1.8.3", "2.7.0")


def ensure(folder: Path, release: str) -> Path:
    """Makes the environment of one version if it is missing.

    Returns:
        Path of its interpreter.

    Raises:
        SetupError: venv or pip failed.
    """
    environment = folder / release
    python, stamp = environment / "bin" / "python", environment / "installed"
    if stamp.exists() and version(str(python)):
        return python
    print(f"set-up: installing experimaestro {release} into {environment}", flush=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(environment)],
        [*pip, f"experimaestro=={release}"],
    ):
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if run.returncode:
            raise SetupError(f"{run.stdout}{run.stderr}\nexperimaestro {release} could not be installed")
    stamp.touch()
    return python


if __name__ == "__main__":
    try:
        for one in VERSIONS:
            ensure(Path(sys.argv[1]).absolute(), one)
    except SetupError as error:
        sys.exit(f"set-up failed:\n{error}")
