"""A real Jupyter server with jupyter-server-proxy, as a laptop, a site or a hub runs it."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from experimaestro.scheduler.services.ports import Held
from polling import wait_until

TOKEN = "jupyters-own-token"

EXTENSIONS = ("jupyter_server_proxy", "jupyterlab", "notebook", "nbclassic")
"""What is in the environment and would be switched on by itself"""


class NotebookServer(NamedTuple):
    """A server that runs."""

    origin: str
    base_url: str
    pid: int
    log: Path
    runtime: Path
    folder: Path

    @property
    def url(self) -> str:
        """Its origin and base URL."""
        return f"{self.origin}{self.base_url}"


@contextlib.contextmanager
def notebook_server(
    folder: Path,
    base_url: str = "/",
    environment: Mapping[str, str] | None = None,
    extensions: Sequence[str] = ("jupyter_server_proxy",),
    python: str = sys.executable,
) -> Iterator[NotebookServer]:
    """Starts a server.

    Args:
        folder: Where its files are; those that it serves are in `notebooks`.
        base_url: Its base URL.
        environment: Variables that it has beside ours.
        extensions: Those of its extensions that are switched on.
        python: The interpreter of its environment.
    """
    held = Held()
    log, runtime, notebooks = folder / "server.log", folder / "runtime", folder / "notebooks"
    notebooks.mkdir(parents=True, exist_ok=True)
    own = {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_PLATFORM_DIRS": "1",
        "IPYTHONDIR": str(folder / "ipython"),
    }
    command = [python, "-m", "jupyter_server", "--no-browser", "--allow-root"]
    command += [
        f"--ServerApp.port={held.port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.base_url={base_url}",
    ]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={notebooks}"]
    switched = {name: name in extensions for name in EXTENSIONS}
    command += [f"--ServerApp.jpserver_extensions={switched}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **own, **(environment or {})},
            cwd=notebooks,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        server = NotebookServer(
            f"http://127.0.0.1:{held.port}", base_url, process.pid, log, runtime, notebooks
        )
        wait_until(lambda: process.poll() is not None or _answers(server), 30, "the Jupyter server answers")
        held.release()
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        held.release()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(server: NotebookServer) -> bool:
    with contextlib.suppress(OSError, ValueError):
        with urllib.request.urlopen(f"{server.url}api", timeout=1) as answer:
            json.load(answer)
        return True
    return False
