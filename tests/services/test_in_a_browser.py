"""Links to services as a real browser makes and opens them, in JupyterLab and elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page as Tab

import experimaestro
from chromium import Chromium, chromium
from curves import Curve
from experimaestro import experiment, tag
from experimaestro.scheduler.services import TensorBoardService, WebService, links
from forwarding import forwarded
from notebook_server import TOKEN, NotebookServer, notebook_server
from pages import Guarded
from talking import Talks

pytestmark = pytest.mark.slow

SOURCE = Path(experimaestro.__file__).parent / "monitor" / "frontend" / "src" / "service_link.js"

RESOLVE = """async ([source, service]) => {
  const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  return (await import(url)).resolve(service);
}"""

LAB = ("jupyter_server_proxy", "jupyterlab")


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module", params=["/", "/pre/", "/user/alice/"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookServer]:
    with notebook_server(tmp_path_factory.mktemp("lab"), request.param, extensions=LAB) as one:
        yield one


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookServer]:
    """For what does not depend on the base URL."""
    with notebook_server(tmp_path_factory.mktemp("hub"), "/user/alice/", extensions=LAB) as one:
        yield one


@pytest.fixture
def service() -> Iterator[Guarded]:
    guarded = Guarded()
    guarded.get_url()
    yield guarded
    guarded.stop()


def link_in(tab: Tab, service: WebService, **changed: Any) -> dict[str, str]:
    """What the front-end makes of a service in the page of a tab."""
    made: dict[str, str] = tab.evaluate(
        RESOLVE, [SOURCE.read_text(encoding="utf-8"), {**(service.link() or {}), **changed}]
    )
    return made


def lab_in(profile: BrowserContext, url: str) -> Tab:
    """JupyterLab's page, logged in; only its head is waited for."""
    tab = profile.new_page()
    tab.goto(f"{url}lab?token={TOKEN}", wait_until="domcontentloaded")
    tab.wait_for_selector("#jupyter-config-data", state="attached")
    return tab


def test_in_jupyterlab_the_link_goes_through_its_proxy_and_opens(
    browser: Chromium, lab: NotebookServer, service: Guarded
):
    def work(profile: BrowserContext) -> tuple[dict[str, str], str, str]:
        link = link_in(lab_in(profile, lab.url), service)
        page = profile.new_page()
        page.goto(link["href"])
        return link, page.url, page.inner_text("body")

    link, address, text = browser.run(work)

    expected = f"{lab.url}proxy/{service.describe()['port']}/"
    assert link == {
        "href": f"{expected}?xpm_token={service.token}",
        "shown": expected,
        "via": "proxy",
        "hint": "",
    }
    assert (address, text) == (expected, "hello /?")


def test_behind_a_forwarded_port_the_link_stays_at_that_port(
    browser: Chromium, lab: NotebookServer, service: Guarded
):
    with forwarded(links.Place.of(lab.origin).port) as port:

        def work(profile: BrowserContext) -> tuple[dict[str, str], str]:
            link = link_in(lab_in(profile, f"http://localhost:{port}{lab.base_url}"), service)
            page = profile.new_page()
            page.goto(link["href"])
            return link, page.inner_text("body")

        link, text = browser.run(work)
    assert link["shown"] == f"http://localhost:{port}{lab.base_url}proxy/{service.describe()['port']}/"
    assert text == "hello /?"


TALK = """async () => {
  const socket = new WebSocket(new URL("echo", location.href).href.replace(/^http/, "ws"));
  await new Promise((done, failed) => { socket.onopen = done; socket.onerror = failed; });
  const heard = new Promise((done) => { socket.onmessage = (message) => done(message.data); });
  socket.send("hello");
  const echo = await heard;
  socket.close();

  const events = new EventSource("events");
  const numbers = [];
  await new Promise((done) => {
    events.onmessage = async (event) => {
      if (numbers.push(event.data) === 3) done();
      await fetch("heard", {method: "POST"});
    };
  });
  events.close();

  const posted = await (await fetch("form", {method: "POST", body: "a=1"})).text();
  const moved = await fetch("old");
  return {echo, numbers, posted, moved: [moved.url, await moved.text()]};
}"""


@pytest.mark.parametrize("forward", [False, True])
def test_a_page_talks_with_its_server_in_every_way(browser: Chromium, lab: NotebookServer, forward: bool):
    service = Talks()
    service.get_url()

    def work(profile: BrowserContext, url: str) -> tuple[str, dict[str, Any]]:
        link = link_in(lab_in(profile, url), service)
        page = profile.new_page()
        page.goto(link["href"])
        talk: dict[str, Any] = page.evaluate(TALK)
        return page.url, talk

    if forward:
        with forwarded(links.Place.of(lab.origin).port) as port:
            url = f"http://localhost:{port}{lab.base_url}"
            address, talk = browser.run(lambda profile: work(profile, url))
    else:
        url = lab.url
        address, talk = browser.run(lambda profile: work(profile, url))
    service.stop()

    assert address == f"{url}proxy/{links.Place.of(address).path.split('/')[-2]}/"
    assert talk == {
        "echo": "hello",
        "numbers": ["0", "1", "2"],  # each is sent when the one before was heard
        "posted": "got a=1",
        "moved": [f"{address}sub", "<title>talks</title>/sub"],
    }


def test_an_expired_login_is_told(browser: Chromium, hub: NotebookServer, service: Guarded):
    def work(profile: BrowserContext) -> dict[str, str]:
        tab = lab_in(profile, hub.url)
        profile.clear_cookies()
        return link_in(tab, service)

    assert browser.run(work)["hint"] == (
        "The login at the Jupyter server has ended. Reload this page, log in, and open the link again."
    )


def test_a_template_of_the_user_wins(browser: Chromium, hub: NotebookServer, service: Guarded):
    template = "https://example.org/p/1/"
    link = browser.run(lambda profile: link_in(lab_in(profile, hub.url), service, template=template))
    assert (link["shown"], link["via"], link["hint"]) == (template, "template", "")
    assert link["href"] == f"{template}?xpm_token={service.token}"


def test_a_server_without_the_proxy_is_told_where_to_install_it(
    browser: Chromium, service: Guarded, tmp_path: Path
):
    with notebook_server(tmp_path, extensions=("jupyterlab",)) as lab:
        link = browser.run(lambda profile: link_in(lab_in(profile, lab.url), service))
    direct = f"http://localhost:{service.describe()['port']}/"
    assert (link["shown"], link["via"]) == (direct, "direct")
    assert link["hint"] == (
        f"This Jupyter server has no jupyter-server-proxy, so the link opens {direct} and works only on this "
        "machine. Install it in the environment of the server, then restart the server: "
        "`pip install jupyter-server-proxy`"
    )


def test_a_page_of_ours_finds_the_proxy_that_it_is_behind(
    browser: Chromium, hub: NotebookServer, service: Guarded
):
    other = Guarded()
    other.id = "other"
    other.get_url()

    def work(profile: BrowserContext) -> dict[str, str]:
        tab = lab_in(profile, hub.url)
        tab.goto(link_in(tab, service)["href"])  # a page that is not Jupyter's
        return link_in(tab, other)

    link = browser.run(work)
    other.stop()
    assert (link["shown"], link["via"]) == (
        f"{hub.url}proxy/{links.Place.of(link['shown']).path.split('/')[-2]}/",
        "proxy",
    )


def test_without_jupyter_the_link_is_the_address_on_this_machine(browser: Chromium, service: Guarded):
    def work(profile: BrowserContext) -> dict[str, str]:
        tab = profile.new_page()
        tab.goto(service.get_url())
        return link_in(tab, service)

    link = browser.run(work)
    direct = f"http://localhost:{service.describe()['port']}/"
    assert (link["shown"], link["via"], link["hint"]) == (direct, "direct", "")


def test_tensorboard_draws_the_curve_of_a_job_behind_the_proxy(
    browser: Chromium, hub: NotebookServer, tmp_path: Path
):
    with experiment(tmp_path / "runs", "curves", display=False) as xp:
        Curve.C(slope=tag(0.5)).submit()
        xp.wait()
        board = xp.add_service(TensorBoardService(reload_s=0.2))
        board.get_url()

        def work(profile: BrowserContext) -> str:
            page = profile.new_page()
            page.goto(link_in(lab_in(profile, hub.url), board)["href"])
            page.get_by_text("curve/slope=0.5").first.wait_for(timeout=30_000)
            page.get_by_text("loss", exact=True).first.wait_for(timeout=30_000)
            page.locator("line-chart svg, line-chart canvas").first.wait_for(state="attached", timeout=30_000)
            page.get_by_text("Smoothed").first.wait_for(state="attached", timeout=30_000)
            (tmp_path / "tensorboard.png").write_bytes(page.screenshot())  # for people to look at
            # A plug-in whose page is in a frame of its own
            page.goto(f"{page.url.partition('#')[0]}#projector")
            with page.expect_event("framenavigated", lambda one: one.url.endswith("projector_binary.html")):
                page.reload()
            frames = [one.url.partition("/proxy/")[2].partition("/")[2] for one in page.frames]
            assert frames[1].startswith("data/plugin_entry.html?name=projector")
            return page.url

        address = browser.run(work)
    assert address.startswith(f"{hub.url}proxy/")
    assert "xpm_token" not in address


def test_the_launcher_of_jupyterlab_has_a_tile_that_opens_tensorboard(browser: Chromium, tmp_path: Path):
    with notebook_server(tmp_path, "/user/alice/", extensions=LAB) as lab:
        with experiment(lab.folder / "runs", "tile", display=False):
            Curve.C(slope=tag(7.0)).submit()

        def work(profile: BrowserContext) -> tuple[str, str]:
            tab = lab_in(profile, lab.url)
            tile = tab.locator(".jp-LauncherCard", has_text="TensorBoard of experiments")
            tile.wait_for(timeout=60_000)
            (tmp_path / "launcher.png").write_bytes(tab.screenshot())  # for people to look at
            with profile.expect_page() as opened:
                tile.click()
            page = opened.value
            page.get_by_text("runs/tile/curve/slope=7.0").first.wait_for(timeout=60_000)
            return page.url, page.title()

        address, title = browser.run(work)
    assert address.startswith(f"{lab.url}experimaestro-tensorboard/")
    assert title == "TensorBoard"
