"""Services as the views of a run see them and command them."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experimaestro.monitor.feed import Feed
from experimaestro.scheduler.services import Service, Services
from pages import Guarded, Page
from polling import wait_until
from watching import Commanded, View, Watched, source_of


class Silent(Service):
    """Has no page, and cannot be described."""

    id = "silent"

    def describe(self) -> dict[str, Any]:
        raise RuntimeError("no words")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services()
    run: Any = SimpleNamespace(workspace=tmp_path, experiment_id="first", run_id="1")
    services.add(Guarded(), run)
    services.add(Page(), run)
    yield services
    services.stop()


@pytest.fixture
def view(services: Services) -> Iterator[View]:
    feed = Feed(source_of(Watched(), control=Commanded())._replace(services=services))
    yield View(feed)
    feed.close()


def row(view: View, service_id: str) -> dict[str, Any]:
    """What the view was last told of a service."""
    told = [message["services"] for message in view.received if message.get("services")]
    return next((one for one in told[-1] if one["id"] == service_id), {}) if told else {}


def test_a_service_is_started_linked_and_stopped_from_a_view(view: View, services: Services):
    wait_until(lambda: row(view, "guarded").get("state") == "stopped")
    assert view.request(t="ask", ask="link", service="guarded")["data"] is None

    view.request(t="do", do="start service", service="guarded")
    wait_until(lambda: row(view, "guarded")["state"] == "running")
    place = view.request(t="ask", ask="link", service="guarded")["data"]

    assert place["port"] == row(view, "guarded")["port"] == services["guarded"].describe()["port"]
    token = place["query"].partition("=")[2]
    assert token
    assert token not in str([message for message in view.received if message["t"] != "reply"])
    assert view.request(t="do", do="stop service", service="guarded")["ok"]
    wait_until(lambda: row(view, "guarded")["state"] == "stopped")


def test_an_error_keeps_its_lines_the_first_and_the_last_ones(view: View, services: Services):
    lines = [f"line {number}\x1b[31m" for number in range(100)]
    services["page"].set_error("\n".join(["what happened", *lines]))
    wait_until(lambda: row(view, "page").get("state") == "error")
    assert row(view, "page")["error"].split("\n") == ["what happened", *(f"line {n}" for n in range(60, 100))]


def test_the_end_of_a_log_is_that_of_standard_error_or_else_of_standard_output(
    view: View, services: Services
):
    page = services["page"]
    assert page.stdout is not None
    assert page.stderr is not None
    question = {"t": "ask", "ask": "service log", "service": "page"}
    assert view.request(**question)["data"] == ""

    page.stdout.parent.mkdir(parents=True)
    page.stdout.write_text("x" * 100_000 + "\nlast\n")
    assert view.request(**question)["data"] == "last\n"

    page.stderr.write_text("a warning\n")
    assert view.request(**question)["data"] == "a warning\n"


def test_a_log_that_cannot_be_read_is_told(view: View, services: Services):
    path = services["page"].stderr
    assert path is not None
    path.mkdir(parents=True)

    reply = view.request(t="ask", ask="service log", service="page")

    assert reply["error"] == "the log cannot be read: [Errno 21] Is a directory"


def test_what_is_no_service_or_has_no_page_is_refused(view: View, services: Services):
    services._services["silent"] = Silent()

    texts = [
        view.request(t="do", do="start service", service="nobody")["error"],
        view.request(t="ask", ask="service log", service="nobody")["error"],
        view.request(t="do", do="start service", service="silent")["error"],
    ]

    assert texts == [
        "this run has no service 'nobody'",
        "this run has no service 'nobody'",
        "the service 'silent' has no page, and cannot be started",
    ]


def test_a_description_that_fails_is_a_row_that_says_so(view: View, services: Services):
    services._services["silent"] = Silent()

    wait_until(lambda: row(view, "silent") != {})

    silent = row(view, "silent")
    assert (silent["name"], silent["error"]) == ("silent", "RuntimeError('no words')")
    page = row(view, "page")  # it has no description
    assert (page["name"], page["error"]) == ("page", "")
