"""The widget in each of its states, on a page with data that never changes: rules of accessibility, sizes."""

import http.server
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import BrowserContext, Locator, Page

import experimaestro
from chromium import Chromium

pytestmark = pytest.mark.slow

T = TypeVar("T")

MONITOR = Path(experimaestro.__file__).parent / "monitor"
AXE = MONITOR / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


class _Files(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/login/"):  # a Jupyter server at which nobody is logged in
            self.send_error(403)
        else:
            super().do_GET()

    def translate_path(self, path: str) -> str:
        path = path.partition("?")[0]
        return str(MONITOR / path[1:] if path.startswith("/static/") else Path(__file__).parent / path[1:])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def pages(pytestconfig: pytest.Config) -> Iterator[str]:
    """Serves the gallery and the built front-end."""
    install = [sys.executable, str(pytestconfig.rootpath / "tests" / "tools" / "frontend.py"), "install"]
    subprocess.run(install, check=True)  # axe
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/gallery.html"
        server.shutdown()
        thread.join()


class Gallery:
    """A page of a browser that shows the widget in one state after the other."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self._address = address
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.set_viewport_size({"width": 1700, "height": 600})

    def show(self, options: str) -> Page:
        """Shows a state; see gallery.js."""
        self.page.goto(f"{self._address}?{options}")
        self.page.locator(".xpm:not([data-view=loading]), .xpm .over").first.wait_for()
        return self.page


@pytest.fixture
def gallery(browser: Chromium, pages: str) -> Callable[[Callable[[Gallery], T]], T]:
    """Calls a function with a gallery, and checks that no script failed."""

    def visit(work: Callable[[Gallery], T]) -> T:
        def in_profile(profile: BrowserContext) -> T:
            one = Gallery(profile.new_page(), pages)
            result = work(one)
            assert one.problems == []
            return result

        return browser.run(in_profile)

    return visit


def row(page: Page, state: str) -> Locator:
    return page.locator(f'.xpm-rows > [data-state="{state}"]:not([hidden])').first


def tab(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("tab", name=name).click()


def opened(state: str, panel: str = "") -> Callable[[Page], None]:
    def act(page: Page) -> None:
        row(page, state).click()
        if panel:
            page.get_by_role("tab", name=panel).click()

    return act


def pressed(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name).click()


def marked(page: Page) -> None:
    row(page, "failed").locator("input").check()
    row(page, "running").locator("input").check()


def service_logs(page: Page) -> None:
    tab("Services")(page)
    for number in (0, 1):
        page.get_by_role("button", name="Log").nth(number).click()


def one_log(page: Page) -> None:
    page.get_by_text("Log", exact=True).click()


VIEWS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "jobs": ("w=900", lambda _: None),
    "grouped": ("w=900", pressed("Group by task")),
    "marked": ("w=900", marked),
    "question": ("w=900", pressed("Kill all")),
    "error": ("w=900", opened("failed")),
    "output": ("w=1400", opened("running", "Output")),
    "parameters": ("w=900", opened("running", "Parameters")),
    "details": ("w=900", opened("failed", "Details")),
    "graph": ("w=900", tab("Graph")),
    "graph of tasks": ("w=900&n=1000", tab("Graph")),
    "services": ("w=900&services=1", tab("Services")),
    "logs of services": ("w=900&services=1", service_logs),
    "services without the proxy": ("w=900&services=1&jupyter=noproxy", tab("Services")),
    "services after the login": ("w=420&services=1&jupyter=login", tab("Services")),
    "no service": ("w=900", tab("Services")),
    "one service": ("w=420&services=1&one=notes", one_log),
    "log": ("w=900", tab("Log")),
    "narrow": ("w=420", opened("running")),
    "empty": ("w=900&state=empty", lambda _: None),
    "loading": ("w=900&state=loading", lambda _: None),
    "finished": ("w=900&state=finished", lambda _: None),
    "at rest": ("w=900&state=idle", lambda _: None),
    "kernel gone": ("w=900&state=gone", lambda _: None),
    "stopped view": ("w=900&state=error", lambda _: None),
    "paused task": ("w=900&state=paused", lambda _: None),
    "held": ("w=900&state=held", lambda _: None),
    "full disk": ("w=900&state=trouble", lambda _: None),
    "right to left": ("w=900&dir=rtl", opened("failed")),
}

CHECK = """async () => {
  const found = await axe.run(document.querySelector(".xpm"), {resultTypes: ["violations"]});
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 2)}`);
}"""


OUT_OF_PLACE = """() => {
  const root = document.querySelector(".xpm");
  const box = root.getBoundingClientRect();
  const parts = root.querySelectorAll("button, .xpm-row > *, .xpm-name, input");
  const out = [...parts].filter((one) => {
    const place = one.getBoundingClientRect();
    return place.width && (place.right > box.right + 1 || place.left < box.left - 1);
  });
  return [...out.map((one) => one.outerHTML.slice(0, 80)),
    ...(root.scrollWidth > root.clientWidth ? ["the widget scrolls sideways"] : [])];
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_view_keeps_the_rules_of_accessibility(gallery: Any, theme: str):
    axe = AXE.read_text(encoding="utf-8")

    def check(one: Gallery) -> dict[str, list[str]]:
        violations = {}
        for name, (options, act) in VIEWS.items():
            page = one.show(f"{options}&theme={theme}")
            page.add_script_tag(content=axe)
            act(page)
            page.mouse.move(2, 2)
            page.wait_for_timeout(100)  # answers of the feed are painted
            if found := page.evaluate(CHECK):
                violations[name] = found
        return violations

    assert gallery(check) == {}


def test_nothing_stands_out_of_its_place_at_any_width(gallery: Any):
    def check(one: Gallery) -> dict[str, list[str]]:
        out = {}
        for width, more in itertools.product(
            (420, 560, 720, 900, 1240, 1600), ("", "&long=1", "&font=17", "&font=17&state=idle")
        ):
            options = f"w={width}{more}"
            page = one.show(options)
            row(page, "failed").wait_for()
            if found := page.evaluate(OUT_OF_PLACE):
                out[options] = found
        return out

    assert gallery(check) == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_state_of_a_service_has_its_words_and_buttons(gallery: Any, theme: str, tmp_path: Path):
    def shown(one: Gallery) -> dict[str, str]:
        rows: dict[str, str] = {}
        for width, jupyter in itertools.product((420, 1240), ("", "&jupyter=noproxy", "&jupyter=login")):
            page = one.show(f"w={width}&services=1&theme={theme}{jupyter}")
            tab("Services")(page)
            page.get_by_role("link", name="Open").wait_for()
            picture = tmp_path / f"{width}{jupyter}.png"
            picture.write_bytes(page.screenshot())  # for people to look at
            for each in page.locator("[data-service-id]").all():
                name = f"{each.get_attribute('data-service-id')}{jupyter}"
                rows.setdefault(name, " ".join(each.inner_text().split()))  # a wide one has the address too
            assert page.evaluate(OUT_OF_PLACE) == [], (width, jupyter)
        return rows

    rows = gallery(shown)

    assert rows["tensorboard"] == "running TensorBoard Open Stop Log"
    assert rows["report"] == "stopped Live report Start Log"
    assert rows["profiler"] == "starting Profiler Stop Log"
    assert rows["mlflow"].startswith("stopping mlflow ui --port")
    assert rows["mlflow"].endswith("mlflow Log")
    assert rows["explorer"] == (
        "error Sample explorer Start Log Port 8501 is already in use by another process. Stop that process, "
        "or pass another port: SampleExplorer(port=0) takes a free one. Then press Start."
    )
    assert rows["notes"].endswith("ModuleNotFoundError: No module named 'notes.database'")
    assert rows["tensorboard&jupyter=noproxy"] == (
        "running TensorBoard Open Stop Log This Jupyter server has no jupyter-server-proxy, so the link "
        "opens http://localhost:36013/ and works only on this machine. Install it in the environment of "
        "the server, then restart the server: pip install jupyter-server-proxy"
    )
    assert rows["tensorboard&jupyter=login"].endswith(
        "The login at the Jupyter server has ended. Reload this page, log in, and open the link again."
    )


def test_the_log_of_a_service_keeps_its_end_in_view_and_the_focus_its_place(gallery: Any):
    def look(one: Gallery) -> tuple[str, bool, list[str]]:
        page = one.show("w=900&services=1")
        tab("Services")(page)
        log = page.get_by_label("End of the log")
        page.locator('[data-service-id="tensorboard"]').get_by_role("button", name="Log").click()
        page.wait_for_function("() => document.querySelector('.xpm-svc-log > pre').textContent.length > 20")
        end = "(e) => e.scrollTop > 0 && e.scrollHeight - e.clientHeight - e.scrollTop < 2"
        at_end = log.evaluate(end)
        focused = page.evaluate("() => document.activeElement.textContent")
        page.evaluate("() => { window.sent.length = 0; }")
        page.wait_for_function("() => window.sent.some((each) => each.ask === 'service log')")
        page.locator('[data-service-id="tensorboard"]').get_by_role("button", name="Log").click()
        return focused, at_end, log.all_inner_texts()

    assert gallery(look) == ("Log", True, [])


def test_details_stand_beside_their_names_whatever_the_host_does_to_lists(gallery: Any):
    def places(one: Gallery) -> list[bool]:
        page = one.show("w=900")
        opened("failed", "Details")(page)
        page.locator(".xpm-kv").wait_for()
        return page.evaluate(BESIDE)  # type: ignore[no-any-return] # of a browser

    assert gallery(places) == [True] * 5


BESIDE = """() => [...document.querySelectorAll(".xpm-kv dt")].map((name) => {
  const [left, right] = [name, name.nextElementSibling].map((one) => one.getBoundingClientRect());
  const isPlain = getComputedStyle(name).fontWeight === "400";
  return isPlain && left.right < right.left && Math.abs(left.bottom - right.bottom) < 4;
})"""


def test_the_height_never_changes(gallery: Any):
    def heights(one: Gallery) -> set[float]:
        page, found = one.show("w=900"), set()
        for act in (opened("failed"), tab("Graph"), tab("Log"), tab("Services"), tab("Jobs"), marked):
            act(page)
            found.add(page.evaluate("() => document.querySelector('.xpm').getBoundingClientRect().height"))
        return found

    assert gallery(heights) == {420}


COVERED = """() => {
  const row = document.activeElement.getBoundingClientRect();
  return row.bottom > document.querySelector(".xpm-note:not([hidden])").getBoundingClientRect().top + 1;
}"""


@pytest.mark.parametrize("width", [420, 900])
def test_the_message_bar_never_hides_the_row_with_the_focus(gallery: Any, width: int):
    def covered(one: Gallery) -> list[bool]:
        page = one.show(f"w={width}")
        found: list[bool] = []
        row(page, "failed").focus()
        for key in ("End", "Space", "ArrowUp", "Shift+End", "PageUp", "End"):
            page.keyboard.press(key)
            if key != "End" or found:
                found.append(bool(page.evaluate(COVERED)))
        return found

    assert gallery(covered) == [False] * 5


FRAMES = """() => Array.from({length: 100}, () => {
  const scroll = document.querySelector(".xpm-scroll");
  const begin = performance.now();
  scroll.scrollTop = (scroll.scrollTop + 400) % 2000;
  scroll.dispatchEvent(new Event("scroll"));
  scroll.offsetHeight;
  return performance.now() - begin;
})"""


def test_a_frame_costs_the_same_however_many_rows_there_are(gallery: Any):
    """Rows and layout of one frame that scrolls by 15 rows: the median of 100."""

    def median(one: Gallery, rows: int) -> float:
        page = one.show(f"w=900&n={rows}")
        row(page, "failed").wait_for()
        times: list[float] = page.evaluate(FRAMES)
        return sorted(times)[50]

    few, many = gallery(lambda one: (median(one, 120), median(one, 10_000)))

    assert many < 3 * few
