"""Services behind a real Jupyter server, under the base URLs of a laptop, a site and a hub."""

import http.cookiejar
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from curves import Curve
from experimaestro import experiment, tag
from experimaestro.scheduler.services import TensorBoardService, WebService, links
from notebook_server import TOKEN, NotebookServer, notebook_server
from pages import Guarded
from polling import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["/", "/pre/", "/user/alice/"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NotebookServer]:
    with notebook_server(tmp_path_factory.mktemp("jupyter"), request.param) as one:
        yield one


class Browser:
    """As much of a browser as addresses and cookies need; logged in at a Jupyter server."""

    def __init__(self, server: NotebookServer | None) -> None:
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        if server is not None:
            self.get(f"{server.url}api/status?token={TOKEN}")

    def get(self, url: str, **headers: str) -> tuple[int, str, str]:
        """Status, final address, content."""
        request = urllib.request.Request(url, headers={"Accept": "text/html", **headers})
        try:
            with self._opener.open(request, timeout=20) as answer:
                return answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.url or "", error.read().decode()


def through(server: NotebookServer, service: WebService, token: bool = True) -> str:
    """The link to a service that the front-end makes at this server."""
    link = service.link()
    assert link is not None
    address = f"{server.url}{link['proxied']}"
    return f"{address}{'&' if '?' in address else '?'}{link['query']}" if token and link["query"] else address


def test_the_link_opens_the_page_and_leaves_an_address_without_token(server: NotebookServer):
    service = Guarded()
    service.get_url()
    browser = Browser(server)

    opened = browser.get(through(server, service))
    clean = through(server, service, token=False)
    again = browser.get(f"{clean}sub")
    service.stop()

    assert opened == (200, clean, "hello /?")
    assert again[2] == "hello /sub?"


def test_without_the_token_a_page_is_refused_behind_the_proxy_too(server: NotebookServer):
    service = Guarded()
    service.get_url()
    answer = Browser(server).get(through(server, service, token=False))
    service.stop()
    assert (answer[0], answer[2][:4]) == (403, "403:")


def test_who_is_not_logged_in_at_jupyter_sees_nothing(server: NotebookServer):
    service = Guarded()
    service.get_url()
    answer = Browser(None).get(through(server, service))
    service.stop()
    assert "hello" not in answer[2]


def test_the_log_of_the_jupyter_server_has_no_token(server: NotebookServer):
    service = Guarded()
    service.get_url()
    browser = Browser(server)
    browser.get(through(server, service))
    browser.get(f"{through(server, service)}x")  # a wrong token: such requests are logged
    token = service.token
    service.stop()
    log = server.log.read_text(encoding="utf-8")
    assert "xpm_token=[secret]" in log
    assert token not in log


def test_a_kernel_knows_the_address_of_its_server(server: NotebookServer):
    code = "from experimaestro.scheduler.services.links import Place, server_view as view\n"
    code += "print(view(Place.of('http://127.0.0.1:6006/')))"
    environment = {
        **os.environ,
        "JPY_PARENT_PID": str(server.pid),
        "JUPYTER_RUNTIME_DIR": str(server.runtime),
    }
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    port = links.Place.of(server.origin).port
    assert run.stdout == f"http://localhost:{port}{server.base_url}proxy/6006/\n"


def test_tensorboard_shows_the_curve_of_a_job(server: NotebookServer, tmp_path: Path):
    with experiment(tmp_path / "runs", "curves", display=False) as xp:
        Curve.C(slope=tag(0.5)).submit()
        board = xp.add_service(TensorBoardService(reload_s=0.2))
        board.get_url()
        xp.wait()
        browser = Browser(server)

        page = browser.get(through(server, board))
        base = through(server, board, token=False)
        wait_until(lambda: json.loads(browser.get(f"{base}data/runs")[2]) == ["curve/slope=0.5"], 30)
        points = browser.get(f"{base}data/plugin/scalars/scalars?tag=loss&run=curve%2Fslope%3D0.5")
        frame = browser.get(f"{base}data/plugin_entry.html?name=projector")

    assert (page[0], page[1]) == (200, base)
    assert "<title>TensorBoard</title>" in page[2]
    assert [value for _, _, value in json.loads(points[2])] == [0.0, 0.5, 1.0]
    assert frame[0] == 200


def test_the_tile_of_the_launcher_opens_tensorboard_over_the_workspaces(tmp_path: Path):
    with notebook_server(tmp_path, "/user/alice/") as server:
        with experiment(server.folder / "runs", "tile", display=False):
            Curve.C(slope=tag(7.0)).submit()
        browser = Browser(server)
        listed = json.loads(browser.get(f"{server.url}server-proxy/servers-info")[2])["server_processes"]
        tile = next(one for one in listed if one["name"] == "experimaestro-tensorboard")
        icon = browser.get(f"{server.url}server-proxy/icon/experimaestro-tensorboard")
        base = f"{server.url}{tile['launcher_entry']['path_info'].strip('/')}/"

        page = browser.get(base)
        wait_until(
            lambda: json.loads(browser.get(f"{base}data/runs")[2]) == ["runs/tile/curve/slope=7.0"], 30
        )

        assert tile["launcher_entry"]["title"] == "TensorBoard of experiments"
        assert (icon[0], icon[2][:4]) == (200, "<svg")
        assert "<title>TensorBoard</title>" in page[2]
        assert open_ports_below(server.pid) == set()


def open_ports_below(pid: int) -> set[int]:
    """The ports on which the processes below a process listen, for every user of the machine."""
    return {
        connection.laddr.port
        for process in psutil.Process(pid).children(recursive=True)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
