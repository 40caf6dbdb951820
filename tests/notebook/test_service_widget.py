"""The display of a service, as Python code sees it."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experimaestro import experiment, session
from experimaestro.notebook.service_widget import ServiceWidget
from experimaestro.scheduler.services import Service, ServiceState, services_of
from pages import Deaf, Guarded, Page, Raises
from polling import wait_until


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page("title")
    yield page
    page.stop()
    page.widget.close()


assert session is not None  # it brings the displays


def sent(widget: ServiceWidget) -> list[Any]:
    """What the widget sends to its views, from now on."""
    messages: list[Any] = []
    widget.send = lambda content, _buffers=None: messages.append(content)
    return messages


def test_its_values_follow_the_service(page: Page):
    widget = page.widget
    assert (widget.state, widget.error, widget.link) == ("stopped", "", "")
    assert widget is page.widget

    page.get_url()
    wait_until(lambda: widget.state == "running")
    assert widget.row["port"] == page.describe()["port"]

    page.stop()
    wait_until(lambda: widget.state == "stopped")
    assert widget.row["port"] is None


def test_a_start_that_fails_says_why():
    service = Raises()
    widget = service.widget
    widget._take({"t": "start"})

    wait_until(lambda: widget.state == "error")
    assert "RuntimeError: no page today" in widget.error
    widget.close()


def test_a_start_that_is_refused_as_the_last_life_goes_on_says_so():
    service = Deaf()
    widget = service.widget
    service.get_url()
    service.stop(0.0)
    widget._take({"t": "start"})
    assert widget.error == "the service 'deaf' has not ended yet: start it when it is stopped"
    service.free.set()
    assert service.wait(10)
    widget.close()


def test_a_template_of_links_that_is_wrong_is_told(page: Page, monkeypatch: pytest.MonkeyPatch):
    page.get_url()
    wait_until(lambda: page.widget.state == "running")
    monkeypatch.setenv("XPM_SERVICE_URL", "https://{nowhere}/")
    page.widget._take({"t": "place"})
    assert page.widget.error.startswith("XPM_SERVICE_URL=https://{nowhere}/: cannot be filled")


def test_after_it_was_closed_there_is_another_one(page: Page):
    widget = page.widget
    widget.close()
    assert page.widget is not widget
    assert page.widget.comm is not None
    page.widget.close()


def test_what_lets_in_is_sent_and_never_a_value():
    page = Guarded()
    widget = page.widget
    messages = sent(widget)
    widget._take({"t": "start"})
    wait_until(lambda: page.state is ServiceState.RUNNING)
    widget._take({"t": "place"})
    widget._take({"t": "link", "link": "http://here/proxy/1/"})

    (place,) = messages
    assert place["place"]["port"] == place["port"] == page.describe()["port"]
    assert widget.link == "http://here/proxy/1/"
    assert page.token
    assert page.token in str(place)
    assert page.token not in str(widget.get_state())
    widget._take({"t": "stop"})
    wait_until(lambda: page.state is ServiceState.STOPPED)
    widget.close()


@pytest.mark.parametrize(
    "content", [None, 3, "start", {}, {"t": 1}, {"t": "link", "link": 3}, {"t": "place"}, {"t": "stop"}]
)
def test_what_makes_no_sense_is_left_alone(content: object):
    class Plain(Service):
        id = "plain"

    service = Plain()
    service.widget._take(content)

    assert service.widget.state == "stopped"
    service.widget.close()


def test_the_end_of_the_log_is_sent_when_it_is_asked_for(page: Page):
    messages = sent(page.widget)
    page.widget._take({"t": "log"})

    assert messages == [{"t": "log", "text": ""}]


def test_a_service_of_a_past_run_is_started_from_its_widget(tmp_path: Path):
    with experiment(tmp_path / "runs", "past", display=False) as xp:
        xp.add_service(Page("title"))

    again = services_of(xp.workdir)["page"]
    assert isinstance(again, Page)
    again.widget._take({"t": "start"})
    wait_until(lambda: again.widget.state == "running")
    with urllib.request.urlopen(again.get_url()) as answer:
        assert answer.read() == b"<h1>the page</h1>"

    again.stop()
    again.widget.close()
