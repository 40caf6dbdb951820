"""Services of the tests: real threads and real processes, each with one habit."""

import http.server
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experimaestro.scheduler.services import (
    ProcessWebService,
    Service,
    ServiceListener,
    ServiceState,
    TokenGate,
    WebService,
)

PAGE = b"<h1>the page</h1>"


class Page(WebService):
    """Serves a page until it should stop."""

    id = "page"

    def __init__(self, title: str = "page", folder: Path | None = None) -> None:
        self.title, self.folder = title, folder

    def _serve(self, running: threading.Event) -> None:
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
            server.timeout = 0.02
            self.url = f"http://127.0.0.1:{server.server_port}/"
            running.set()
            while not self.should_stop():
                server.handle_request()


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: Any) -> None:
        pass


class Raises(WebService):
    """Fails before it is ready."""

    id = "raises"

    def _serve(self, running: threading.Event) -> None:
        assert not running.is_set()
        raise RuntimeError("no page today")


class NeverReady(WebService):
    """Never says that it is ready."""

    id = "never"
    ready_timeout_s = 0.1

    def _serve(self, running: threading.Event) -> None:
        while not self.should_stop():
            running.wait(0.005)


class Quits(WebService):
    """Is ready, and returns as soon as it is told to, although nobody asked it to stop."""

    id = "quits"

    def __init__(self) -> None:
        self.quit = threading.Event()

    def _serve(self, running: threading.Event) -> None:
        self.url = "http://127.0.0.1:9/"
        running.set()
        self.quit.wait()


class Deaf(WebService):
    """Does not look whether it should stop."""

    id = "deaf"

    def __init__(self) -> None:
        self.free = threading.Event()

    def _serve(self, running: threading.Event) -> None:
        self.url = "http://127.0.0.1:9/"
        running.set()
        self.free.wait()


class Script(ProcessWebService):
    """Runs Python code as a process; ready when the file `ready` is in its folder of logs."""

    id = "script"

    def __init__(self, code: str, log_directory: Path | None = None) -> None:
        super().__init__(log_directory=log_directory)
        self.code = code

    def _build_command(self) -> Sequence[str]:
        return [sys.executable, "-c", self.code]

    def _environment(self) -> dict[str, str]:
        assert self.log_directory is not None
        return {"FOLDER": str(self.log_directory)}

    def _wait_for_ready(self) -> str:
        assert self.log_directory is not None
        self._until((self.log_directory / "ready").exists)
        return "http://127.0.0.1:9/"


READY = "import os, time, signal, subprocess, sys; open(os.environ['FOLDER'] + '/ready', 'w').close();"


class Story(ServiceListener):
    """What a listener was told."""

    def __init__(self, service: Service) -> None:
        self.states: list[ServiceState] = []
        service.add_listener(self)

    def service_state_changed(self, service: Service) -> None:
        self.states.append(service.state)


class Guarded(WebService):
    """A WSGI page behind a token."""

    id = "guarded"
    asks_token = True

    def _serve(self, running: threading.Event) -> None:
        from wsgiref.simple_server import WSGIRequestHandler, make_server

        class Silent(WSGIRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

        def hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [f"hello {environ['PATH_INFO']}?{environ['QUERY_STRING']}".encode()]

        gate: Any = TokenGate(hello, self.token)
        with make_server("127.0.0.1", 0, gate, handler_class=Silent) as server:
            server.timeout = 0.02
            self.url = f"http://127.0.0.1:{server.server_port}/"
            running.set()
            while not self.should_stop():
                server.handle_request()
