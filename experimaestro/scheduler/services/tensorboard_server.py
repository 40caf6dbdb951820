"""TensorBoard as a program of ours: with a token, on a socket that it is given, over named jobs.

Why not the command `tensorboard`: it asks for nothing, so that all users of the machine see the
page; it looks for a port by itself; and its fast loader opens a second port, without a password,
for the data. Here the page is behind a `TokenGate`, or on a socket in the file system that only
its owner can open, and the data is read in this process.

Only public parts of TensorBoard are used (`program.TensorBoard`, `TensorBoardServer`).
"""

import argparse
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from experimaestro.scheduler.services.gate import Application, TokenGate
from experimaestro.scheduler.services.runs_by_tags import jobs_of_run, latest_runs, link
from experimaestro.workspace.layout import RunPaths

FOLLOW_S = 1.0
"""How often new jobs are looked for, in seconds"""


def main(arguments: list[str]) -> None:
    """Serves until it is killed.

    Args:
        arguments: Those of the command line.
    """
    parser = argparse.ArgumentParser(prog="experimaestro-tensorboard", description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", type=Path, help="folder that is shown, and in which links are made")
    parser.add_argument("--run", help="folder of a run whose jobs are shown, by their tags")
    parser.add_argument(
        "--under", type=Path, help="folder: the last runs of the workspaces that it is or has"
    )
    parser.add_argument("--reload", type=float, default=5.0, help="seconds between two looks at the data")
    parser.add_argument("--socket", type=int, help="descriptor of the listening socket")
    parser.add_argument("--token", type=int, help="descriptor from which the token is read")
    parser.add_argument("--unix-socket", help="path of the socket to make, in place of --socket and --token")
    given = parser.parse_args(arguments)
    if given.unix_socket:
        listening, token = _unix_socket(given.unix_socket), ""
    else:
        listening = socket.socket(fileno=given.socket)
        with open(given.token, encoding="ascii") as file:  # noqa: PTH123 - a descriptor
            token = file.read()
        if not token:
            sys.exit("expected a token")
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # removes the folder of links, if it is its own
    with contextlib.ExitStack() as made:
        logdir = given.logdir or Path(
            made.enter_context(tempfile.TemporaryDirectory(prefix="experimaestro-tensorboard-"))
        )
        seen: dict[str, tuple[int, set[str]]] = {}
        _link_new(logdir, given, seen)
        _serve(str(logdir), given.reload, listening, token)
        while os.getppid() == parent:  # else who started this is gone
            time.sleep(FOLLOW_S)
            _link_new(logdir, given, seen)


def _link_new(logdir: Path, given: argparse.Namespace, seen: dict[str, tuple[int, set[str]]]) -> None:
    """Links the jobs that were submitted since the last time.

    Args:
        logdir: The folder of links.
        given: The arguments.
        seen: Size of the list of jobs of each run, when it was read, and the folders of those that are
            linked; extended.
    """
    runs = [] if given.run is None else [("", RunPaths.of(given.run))]
    if given.under is not None:
        runs += latest_runs(given.under)
    for name, run in runs:
        try:
            size = Path(run.jobs_jsonl).stat().st_size
            before, linked = seen.get(run.folder, (-1, set()))
            if before == size:
                continue
            for job in jobs_of_run(run):
                if job.folder not in linked:
                    link(logdir / name, job)
                    linked.add(job.folder)
            seen[run.folder] = size, linked
        except FileNotFoundError:  # no job was submitted yet
            continue
        except OSError as error:  # a full disk: what is there is shown, and it is tried again
            sys.stderr.write(f"{error}\n")


def _serve(logdir: str, reload_s: float, listening: socket.socket, token: str) -> None:
    """Starts TensorBoard in a thread."""
    try:
        from tensorboard import program
        from werkzeug.serving import WSGIRequestHandler, make_server
    except ImportError as error:
        sys.exit(f"TensorBoard cannot be imported: {error}")

    class Silent(WSGIRequestHandler):
        """Writes no line for each request: the first one has the token."""

        def log_request(self, *_: object) -> None:
            pass

    class Server(program.TensorBoardServer):  # type: ignore[misc] # it ships no types
        def __init__(self, app: Application, _flags: Any) -> None:
            guarded = TokenGate(app, token) if token else app
            if listening.family == socket.AF_UNIX:
                host, port = f"unix://{listening.getsockname()}", 0
            else:
                host, port = listening.getsockname()[:2]
            self._server = make_server(
                host, port, guarded, threaded=True, request_handler=Silent, fd=listening.fileno()
            )

        def serve_forever(self) -> None:
            self._server.serve_forever()

        def get_url(self) -> str:
            return ""

    board = program.TensorBoard(server_class=Server)
    board.configure(logdir=logdir, reload_interval=reload_s, load_fast="false", reuse_port=False)
    board.launch()


def _unix_socket(path: str) -> socket.socket:
    """A listening socket that only its owner can open."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    os.chmod(path, 0o600)  # noqa: PTH101 - a string
    listening.listen(128)
    return listening


if __name__ == "__main__":
    main(sys.argv[1:])
