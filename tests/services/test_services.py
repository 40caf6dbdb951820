"""The life of a service: states, errors, deadlines, what is told and what is kept."""

import asyncio
import contextlib
import json
import logging
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from experimaestro.exceptions import ServiceError, WorkspaceError
from experimaestro.scheduler.services import Service, ServiceListener, ServiceState, WebService
from experimaestro.scheduler.services.states import NEXT
from experimaestro.scheduler.services.web import stop_all
from pages import PAGE, Deaf, NeverReady, Page, Quits, Raises, Story
from polling import wait_until

STOPPED, STARTING, RUNNING, STOPPING, ERROR = ServiceState


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        content: bytes = answer.read()
    return content


def test_a_service_runs_from_get_url_to_stop_and_tells_each_change_once():
    page = Page()
    story = Story(page)

    url = page.get_url()
    assert fetch(url) == PAGE
    assert page.get_url() == url == page.url
    page.stop()

    assert story.states == [STARTING, RUNNING, STOPPING, STOPPED]
    assert (page.state, page.error) == (STOPPED, None)
    assert page.url is None


def test_it_starts_again():
    page = Page()
    for _ in range(3):
        assert fetch(page.get_url()) == PAGE
        page.stop()


def test_its_thread_is_a_daemon_that_bears_its_name():
    page = Page()
    page.get_url()
    assert [one.daemon for one in threading.enumerate() if one.name == "service[page]"] == [True]
    page.stop()


def test_stopping_what_is_stopped_does_nothing():
    page = Page()
    story = Story(page)
    page.stop()
    assert story.states == []


def test_a_serve_that_raises_is_an_error_with_its_traceback(tmp_path: Path):
    service = Raises(log_directory=tmp_path)
    with pytest.raises(ServiceError) as caught:
        service.get_url()

    assert service.state is ERROR
    assert str(caught.value) == service.error
    lines = str(service.error).splitlines()
    assert lines[0] == "The service 'raises' failed: RuntimeError: no page today"
    assert lines[1] == "Traceback (most recent call last):"
    assert "in _serve" in lines[2]  # its own code, not what called it
    assert 'raise RuntimeError("no page today")' in lines[-2]
    assert lines[-1] == "RuntimeError: no page today"
    assert (tmp_path / "logs.err").read_text() == service.error


def test_one_that_is_never_ready_is_an_error_after_its_time():
    service = NeverReady()
    story = Story(service)
    with pytest.raises(ServiceError) as caught:
        service.get_url()

    assert str(caught.value) == "The service 'never' was not ready within 0.1 s."
    assert story.states == [STARTING, ERROR]


def test_the_time_limit_needs_nobody_who_waits():
    service = NeverReady()
    service.start()
    wait_until(lambda: service.state is ERROR)


def test_one_that_ends_by_itself_is_an_error_within_a_second():
    service = Quits()
    service.get_url()
    service.quit.set()
    wait_until(lambda: service.state is ERROR, 1.0)
    assert service.error == "The service 'quits' ended by itself: _serve returned, and nobody asked it to."
    assert service.url is None


def test_one_that_does_not_stop_is_an_error_and_cannot_be_started_meanwhile(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("experimaestro.scheduler.services.web.KILLED_S", 0.1)
    service = Deaf()
    service.get_url()

    service.stop(timeout=0.1)

    assert service.error == (
        "The service 'deaf' did not stop within 0.1 s: its thread goes on. "
        "Its _serve must return soon after should_stop() is true."
    )
    with pytest.raises(ServiceError) as caught:
        service.start()
    assert str(caught.value) == "the service 'deaf' has not ended yet: start it when it is stopped"
    service.free.set()
    wait_until(lambda: "service[deaf]" not in [one.name for one in threading.enumerate()])


def test_ready_without_an_address_is_an_error():
    class Nowhere(WebService):
        id = "nowhere"

        def _serve(self, running: threading.Event) -> None:
            running.set()

    with pytest.raises(ServiceError) as caught:
        Nowhere().get_url()
    assert str(caught.value) == "the service 'nowhere' says that it is ready, and has set no url"


def test_an_address_that_is_none_is_an_error_where_it_is_set():
    class Wrong(Page):
        def _serve(self, running: threading.Event) -> None:
            self.url = "http://127.0.0.1:9/"
            running.set()
            self.url = "port 9"

    service = Wrong()
    service.start()
    assert service.wait(10)
    assert service.error == "the address of a service is 'port 9': expected http://127.0.0.1:PORT/"
    assert service.describe()["port"] is None


def test_stop_during_start_ends_the_wait_for_its_address():
    service = NeverReady()
    service.ready_timeout_s = 30.0
    answers: list[str] = []

    def ask() -> None:
        with pytest.raises(ServiceError) as caught:
            service.get_url()
        answers.append(str(caught.value))

    waits = threading.Thread(target=ask)
    waits.start()
    wait_until(lambda: service.state is STARTING)
    service.stop()
    waits.join(5)

    assert answers == ["the service 'never' was stopped while it started"]
    assert service.state is STOPPED


def test_many_threads_that_start_and_stop_leave_one_truth():
    page = Page()
    story = Story(page)

    def restless() -> None:
        for _ in range(20):
            with contextlib.suppress(ServiceError):  # the others stop it just now
                page.start()
            page.stop()

    threads = [threading.Thread(target=restless) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page.stop()

    assert page.state is STOPPED
    assert ERROR not in story.states


def test_a_coroutine_waits_for_the_address_while_others_go_on():
    page = Page()

    async def main() -> str:
        address, _ = await asyncio.gather(page.get_url_async(), asyncio.sleep(0))
        return address

    assert fetch(asyncio.run(main())) == PAGE
    page.stop()


def test_who_no_longer_awaits_the_address_is_not_held_by_it():
    services = [NeverReady() for _ in range(40)]  # more than asyncio has threads
    for service in services:
        service.ready_timeout_s = 60.0

    async def give_up() -> None:
        waiting = [asyncio.create_task(service.get_url_async()) for service in services]
        await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: "a thread is free") == "a thread is free"
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(give_up())  # ends: it waits for all of asyncio's threads
    assert {service.state for service in services} == {STARTING}
    stop_all(services)


def test_an_interrupt_in_a_listener_is_raised_when_all_is_told_and_it_starts_again():
    page = Page()
    interrupts = [KeyboardInterrupt()]

    class Interrupted(ServiceListener):
        def service_state_changed(self, _: Service) -> None:
            if interrupts:
                raise interrupts.pop()

    page.add_listener(Interrupted())
    story = Story(page)
    with pytest.raises(KeyboardInterrupt):
        page.start()
    assert (page.state, page.error) == (ERROR, "The service 'page' could not be started: KeyboardInterrupt")
    page.get_url()
    page.stop()
    assert story.states == [STARTING, ERROR, STARTING, RUNNING, STOPPING, STOPPED]


def test_all_are_stopped_at_once_whatever_one_of_them_does(caplog: pytest.LogCaptureFixture):
    all_are_asked = threading.Barrier(20, timeout=10)

    class Together(Deaf):
        def _interrupt(self) -> None:
            all_are_asked.wait()
            self.free.set()

    class Refuses(Page):
        def _interrupt(self) -> None:
            raise OSError("no")

    together = [Together() for _ in range(20)]
    refuses, page = Refuses(), Page()
    for service in (refuses, *together, page):
        service.get_url()

    stop_all([refuses, *together, page], 10)

    assert {service.state for service in (*together, page)} == {STOPPED}
    assert "the service 'page' could not be stopped" in caplog.text
    wait_until(lambda: refuses.wait(0))


def test_what_a_listener_raises_is_logged_and_the_others_are_told(caplog: pytest.LogCaptureFixture):
    class Broken(ServiceListener):
        def service_state_changed(self, service: Service) -> None:
            raise ValueError(f"not today, {service.id}")

    page = Page()
    page.add_listener(Broken())
    story = Story(page)
    page.get_url()
    page.stop()

    assert story.states == [STARTING, RUNNING, STOPPING, STOPPED]
    messages = [(one.levelno, one.message, str(one.exc_info and one.exc_info[1])) for one in caplog.records]
    assert messages == [(logging.ERROR, "a listener of the service 'page' failed", "not today, page")] * 4


def test_a_listener_may_stop_the_service_that_tells_it():
    class Stops(ServiceListener):
        def service_state_changed(self, service: Service) -> None:
            if service.state is RUNNING:
                assert isinstance(service, WebService)
                service.stop()

    page = Page()
    page.add_listener(Stops())
    begin = time.monotonic()
    page.start()
    wait_until(lambda: page.state is STOPPED)
    assert time.monotonic() - begin < 2


def test_a_listener_may_ask_for_the_address_when_it_is_told_that_it_runs():
    class Tells(ServiceListener):
        def __init__(self) -> None:
            self.told: list[str] = []

        def service_state_changed(self, service: Service) -> None:
            if service.state is RUNNING:
                assert isinstance(service, WebService)
                self.told.append(service.get_url())

    page, tells = Page(), Tells()
    page.add_listener(tells)
    assert tells.told == [page.get_url()] or wait_until(lambda: tells.told == [page.get_url()], 1.0)
    page.stop()


def test_a_listener_that_was_removed_is_told_nothing():
    page = Page()
    story = Story(page)
    page.remove_listener(story)
    page.remove_listener(story)
    page.get_url()
    page.stop()
    assert story.states == []


def test_setting_the_state_tells_the_listeners_and_what_cannot_be_is_refused():
    class Mine(Service):
        id = "mine"

    service = Mine()
    story = Story(service)
    service.state = RUNNING
    service.state = RUNNING
    service.set_error("the disk is full")
    service.state = STOPPED
    with pytest.raises(ServiceError) as caught:
        service.state = STOPPING

    assert str(caught.value) == "service 'mine': STOPPED cannot become STOPPING"
    assert story.states == [RUNNING, ERROR, STOPPED]


def test_each_state_can_be_left_for_stopped_or_error():
    for state, following in NEXT.items():
        assert state is STOPPED or STOPPED in following
        assert state is ERROR or ERROR in following


def test_the_values_of_the_states_are_those_of_the_format():
    assert [(state.name, state.value) for state in ServiceState] == [
        ("STOPPED", 0),
        ("STARTING", 1),
        ("RUNNING", 2),
        ("STOPPING", 3),
        ("ERROR", 4),
    ]


# What is kept.

IMPORT_HINT = "install its package, or add its folder to sys.path"
MAIN_HINT = "a class of a script or notebook is found in that one only: move it to a module"
ARGUMENT_HINT = "Page.__init__() got an unexpected keyword argument 'size'"


def test_a_service_is_made_again_from_the_arguments_of_its_constructor():
    page = Page("the title", folder=Path("/data/a"))
    full = json.loads(json.dumps(page.full_state_dict()))

    assert full == {
        "service_id": "page",
        "description": "",
        "class": "pages.Page",
        "state_dict": {"title": "the title", "folder": {"__path__": "/data/a"}},
        "experiment_id": "",
        "run_id": "",
        "state": "STOPPED",
        "url": None,
    }
    again = Service.from_state_dict(full["class"], full["state_dict"], lambda path: Path("/here") / path.name)
    assert isinstance(again, Page)
    assert (again.title, again.folder) == ("the title", Path("/here/a"))


def test_services_within_a_service_are_found_by_id():
    class Board(Service):
        id = "board"

        def subservices(self) -> list[Service]:
            return [self, Page("inner")]  # itself as well, as packages do

    board = Board()
    assert isinstance(board.get_subservice("page"), Page)
    assert board.get_subservice("board") is board
    with pytest.raises(KeyError):
        board.get_subservice("other")
    assert list(board.full_state_dict()["subservices"]) == ["page"]
    assert board.full_state_dict()["subservices"]["page"]["state_dict"] == {"title": "inner"}
    assert [row["id"] for row in board.describe()["subservices"]] == ["page"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "pages.Nothing",
            {},
            "pages.Nothing is no service that can be imported here: " + IMPORT_HINT,
        ),
        ("..Mine", {}, "..Mine is no service that can be imported here: " + IMPORT_HINT),
        (
            "__main__.Mine",
            {},
            "__main__.Mine is no service that can be imported here: " + MAIN_HINT,
        ),
        (
            "pages.Page",
            {"size": 3},
            "pages.Page cannot be made again from ['size']: " + ARGUMENT_HINT,
        ),
    ],
)
def test_what_cannot_be_made_again_says_why(name: str, data: dict[str, Any], message: str):
    with pytest.raises(ServiceError) as caught:
        Service.from_state_dict(name, data)
    assert str(caught.value) == message


def test_an_argument_that_cannot_be_kept_is_told_with_what_to_do():
    with pytest.raises(ServiceError) as caught:
        Page(title=object()).full_state_dict()  # type: ignore[arg-type] # the mistake
    assert str(caught.value) == (
        "service 'page', title: a object cannot be kept with the run. "
        "Define state_dict(), which returns plain values and paths that the constructor takes"
    )


def test_a_row_for_views_has_a_port_while_it_runs():
    page = Page()
    stopped = page.describe()
    page.get_url()
    running = page.describe()
    page.stop()

    assert stopped == {
        "id": "page",
        "description": "",
        "state": "stopped",
        "error": None,
        "port": None,
        "path": None,
        "can_start": True,
        "can_stop": False,
        "log": None,
        "subservices": [],
    }
    assert running["port"] > 0
    assert running == {
        **stopped,
        "state": "running",
        "port": running["port"],
        "path": "/",
        "can_start": False,
        "can_stop": True,
    }


def test_an_id_that_cannot_name_a_folder_is_refused(tmp_path: Path):
    class Owner:
        workspace, experiment_id, run_id = str(tmp_path), "xp", "run"

    page = Page()
    page.id = "../page"
    with pytest.raises(WorkspaceError) as caught:
        page.set_experiment(Owner())
    assert str(caught.value) == (
        "id of a service: '../page' cannot name a folder. "
        "Use a name that is not empty, '.' or '..' and has no '/'"
    )
