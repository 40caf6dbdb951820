"""Makes a virtual environment with the project in it, unless it is there and up to date.

    python3 tests/tools/environment.py FOLDER [EXTRA ...]

Runs before anything is installed: only the standard library, no file of the project imported.
Up to date means: made from the same pyproject.toml, extras and constraints, which a stamp in the
folder tells, so that a second run costs 50 ms and needs no network. An interrupted or failed run
leaves no stamp.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""Programs that the tests can drive"""


class SetupError(Exception):
    """The environment could not be made; the text says what to do."""


def ensure(
    folder: Path, extras: Sequence[str], python: str = sys.executable, constraints: Sequence[str] = ()
) -> str:
    """Makes the environment if needed.

    Args:
        folder: Where it shall be.
        extras: The optional dependencies (`[project.optional-dependencies]`) that it shall have.
        python: The interpreter to make it with.
        constraints: Requirements that pip shall keep to, such as `rich==13.7`.

    Returns:
        Path of its interpreter.

    Raises:
        SetupError: venv or pip failed.
    """
    interpreter = folder / "bin" / "python"
    stamp = folder / "experimaestro-extras"
    digest = _digest(constraints)
    stamped, *installed = stamp.read_text(encoding="utf-8").split() if stamp.is_file() else [""]
    if version(str(interpreter)) and stamped == digest and set(extras) <= set(installed):
        return str(interpreter)

    if not _exits_0([str(interpreter), "-m", "pip", "--version"]):
        shutil.rmtree(folder, ignore_errors=True)
        _say(f"making {os.path.relpath(folder)} with Python {version(python)}")
        _make(folder, python)
        installed = []
    chosen = f"[{','.join(extras)}]" if extras else ""
    _say(f"installing experimaestro{chosen} into {os.path.relpath(folder)}")
    stamp.unlink(missing_ok=True)
    limits = folder / "constraints.txt"
    limits.write_text("\n".join(constraints), encoding="utf-8")
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    what = ["--constraint", str(limits), "--editable", f"{ROOT}{chosen}"]
    _run([*pip, *what], "pip could not install the project")
    kept = installed if stamped == digest else []
    stamp.write_text(" ".join([digest, *sorted({*extras, *kept})]), encoding="utf-8")
    return str(interpreter)


def version(python: str) -> str:
    """Version of an interpreter, such as `3.12.4`; empty if it does not work."""
    try:
        code = "import platform; print(platform.python_version())"
        run = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def _digest(constraints: Sequence[str]) -> str:
    project = (ROOT / "pyproject.toml").read_bytes()
    where = str(ROOT).encode()  # a moved checkout must be installed again
    return hashlib.sha256(b"\0".join([project, where, *map(str.encode, constraints)])).hexdigest()


def _make(folder: Path, python: str) -> None:
    if not _exits_0([python, "-c", "import ensurepip"]):
        _install_ensurepip(python)
    _run([python, "-m", "venv", str(folder)], f"{python} -m venv failed")


def _install_ensurepip(python: str) -> None:
    """Debian and Ubuntu ship Python without the part that `venv` needs."""
    if not shutil.which("apt-get"):
        raise SetupError(f"{python} has no ensurepip: install the venv part of your system's Python")
    package = f"python{'.'.join(version(python).split('.')[:2])}-venv"
    _install(package, "which makes virtual environments", f"{python} has no ensurepip")


def ensure_browser() -> None:
    """Installs Chromium, which the tests of pages and notebooks drive, if the machine has no browser for it.

    Raises:
        SetupError: It could not be installed.
    """
    if not any(map(shutil.which, BROWSERS)) and shutil.which("apt-get"):
        _install("chromium", "in which pages and notebooks are tested", "this machine has no Chromium")


def _install(package: str, purpose: str, problem: str) -> None:
    """Installs a package of Debian or Ubuntu, where that can be done without a question.

    Args:
        package: Its name.
        purpose: What it is for.
        problem: What is missing without it.

    Raises:
        SetupError: It could not be; the text says what to type.
    """
    by_hand = f"{problem}, {purpose}. Type:\n\n"
    by_hand += f"    sudo apt-get update && sudo apt-get install {package}\n"
    root = os.geteuid() == 0
    if not root and not (shutil.which("sudo") and _exits_0(["sudo", "-n", "true"])):
        raise SetupError(by_hand)
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o=Dpkg::Use-Pty=0"]
    if not root:
        apt = ["sudo", "-n", *apt]
    _say(f"installing {package}, {purpose}")
    if not _exits_0([*apt, "install", "--yes", package]):  # the list of packages is missing or old
        _run([*apt, "update"], by_hand)
        _run([*apt, "install", "--yes", package], by_hand)


def _run(command: Sequence[str], problem: str) -> None:
    run = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        raise SetupError(f"{run.stdout}\n{problem}")


def _exits_0(command: Sequence[str]) -> bool:
    try:
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return False
    return run.returncode == 0


def _say(text: str) -> None:
    print(f"set-up: {text}", flush=True)


if __name__ == "__main__":
    try:
        ensure(Path(sys.argv[1]).absolute(), sys.argv[2:])
        if "test-browser" in sys.argv[2:]:
            ensure_browser()
    except SetupError as error:
        sys.exit(f"set-up failed:\n{error}")
