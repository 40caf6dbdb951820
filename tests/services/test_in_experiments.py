"""Services of an experiment: added, seen by views, kept with the run, and ended with it."""

import errno
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experimaestro import RunMode, experiment
from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services import (
    CommandService,
    Service,
    Services,
    ServiceState,
    installed,
    services_of,
)
from experimaestro.workspace import files
from pages import READY, Page, Raises, Script
from polling import wait_until


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def xp(runs: Path) -> Iterator[experiment]:
    one = experiment(runs, "xp", display=False).start()
    yield one
    one.stop()


def kept(xp: experiment) -> dict[str, Any]:
    """The services as other processes see them."""
    path = xp.workdir / "status.json"
    services: dict[str, Any] = (
        json.loads(path.read_text(encoding="utf-8"))["services"] if path.exists() else {}
    )
    return services


def test_adding_returns_the_service_and_does_not_start_it(xp: experiment):
    page = Page()
    assert xp.add_service(page) is page
    assert dict(xp.services) == {"page": page}
    assert page.state is ServiceState.STOPPED
    assert page.log_directory == xp.workdir / "services" / "page"
    assert (page.experiment_id, page.run_id) == ("xp", xp.run_id)


def test_a_service_of_the_same_id_replaces_the_first_with_a_warning(
    xp: experiment, caplog: pytest.LogCaptureFixture
):
    first, second = xp.add_service(Page()), Page()
    first.get_url()
    xp.add_service(second)

    assert dict(xp.services) == {"page": second}
    assert first.state is ServiceState.STOPPED
    assert [(one.levelno, one.message) for one in caplog.records] == [
        (logging.WARNING, "the service 'page' was added again: the first one is stopped and replaced")
    ]


def test_a_service_of_another_run_is_stopped_and_taken_from_there(runs: Path):
    page = Page()
    with experiment(runs, "first", display=False) as first:
        first.add_service(page).get_url()
        with experiment(runs, "second", display=False) as second:
            second.add_service(page)
            assert page.state is ServiceState.STOPPED
            assert (dict(first.services), dict(second.services)) == ({}, {"page": page})
            assert page.log_directory == second.workdir / "services" / "page"
            page.get_url()
            first.stop()
            assert not page.wait(0)
    assert list(services_of(first.workdir)) == ["page"]


def test_parts_of_a_service_have_a_folder_and_end_with_it(xp: experiment):
    class Board(Page):
        id = "board"

        def __init__(self) -> None:
            self.script = Script(f"{READY} time.sleep(60)")

        def subservices(self) -> list[Service]:
            return [self.script]

    board = xp.add_service(Board())
    board.get_subservice("script").get_url()  # type: ignore[attr-defined] # a part with a page
    assert board.script.log_directory == xp.workdir / "services" / "script"
    xp.stop()
    assert board.script.state is ServiceState.STOPPED


def test_what_is_no_service_or_has_no_id_is_refused(xp: experiment):
    with pytest.raises(ServiceError) as not_one:
        xp.add_service("tensorboard")  # type: ignore[type-var] # the mistake
    with pytest.raises(ServiceError) as nameless:
        xp.add_service(Service())
    assert str(not_one.value) == "add_service('tensorboard'): expected a Service"
    assert str(nameless.value) == 'Service has no id: give its class one, such as id = "board"'


def test_one_that_cannot_be_made_again_is_taken_with_a_warning(
    xp: experiment, caplog: pytest.LogCaptureFixture
):
    page = xp.add_service(Page(title=object()))  # type: ignore[arg-type] # what cannot be kept
    page.get_url()
    wait_until(lambda: kept(xp).get("page", {}).get("state") == "RUNNING")

    (record,) = caplog.records
    assert record.message == (
        "it cannot be started again after this process: service 'page', title: a object cannot be kept with "
        "the run. Define state_dict(), which returns plain values and paths that the constructor takes"
    )
    assert services_of(xp.workdir)["page"].error == (
        "ServiceError: pages.Page was made from what could not be kept: define its state_dict()"
    )


def test_views_are_told_of_each_change_until_they_end(xp: experiment):
    told: list[tuple[str, str]] = []
    end = xp.services.listen(lambda service: told.append((service.id, service.describe()["state"])))
    page = xp.add_service(Page())
    page.get_url()
    end()
    page.stop()
    assert told == [("page", "stopped"), ("page", "starting"), ("page", "running")]
    assert [row["state"] for row in xp.services.describe()] == ["stopped"]


def test_a_view_that_fails_disturbs_nobody(xp: experiment, caplog: pytest.LogCaptureFixture):
    xp.services.listen(lambda service: 1 / 0)  # type: ignore[arg-type] # noqa: ARG005 - the mistake
    xp.add_service(Page()).get_url()
    assert {one.message for one in caplog.records} == {"a view of the service 'page' failed"}


def test_views_are_told_of_one_whose_own_code_fails(xp: experiment, caplog: pytest.LogCaptureFixture):
    class Fails(Page):
        def state_dict(self) -> Mapping[str, Any]:
            raise KeyError("mine")

        def subservices(self) -> list[Service]:
            raise KeyError("mine too")

    fails = xp.add_service(Fails())
    told: list[str] = []
    xp.services.listen(lambda service: told.append(service.state.name))
    fails.get_url()
    fails.stop()
    assert told == ["STARTING", "RUNNING", "STOPPING", "STOPPED"]
    assert {record.message for record in caplog.records} == {
        "the parts of <Fails 'page': STOPPED> are not known: KeyError('mine too')",
        "it cannot be started again after this process: <Fails 'page': STOPPED> raised KeyError('mine')",
    }


def test_its_state_and_address_are_soon_in_the_files_of_the_run(xp: experiment):
    page = xp.add_service(Page("title"))
    page.get_url()
    wait_until(lambda: kept(xp).get("page", {}).get("state") == "RUNNING")
    assert kept(xp)["page"] == {
        "service_id": "page",
        "description": "",
        "class": "pages.Page",
        "state_dict": {"title": "title"},
        "experiment_id": "xp",
        "run_id": xp.run_id,
        "state": "RUNNING",
        "url": page.address,
    }


class Strange(Service):
    """Gives what no file can hold."""

    id = "strange"

    def description(self) -> str:
        return Path("runs")  # type: ignore[return-value] # the mistake

    def full_state_dict(self) -> dict[str, Any]:
        return {"made of": object()}


class Wordless(Service):
    """Fails to say what it shows."""

    id = "wordless"

    def description(self) -> str:
        raise KeyError("title")


def test_what_a_service_says_of_itself_ends_neither_the_experiment_nor_its_files(
    xp: experiment, caplog: pytest.LogCaptureFixture
):
    strange, wordless = xp.add_service(Strange()), xp.add_service(Wordless())
    strange.state = wordless.state = ServiceState.RUNNING

    wait_until(lambda: {row["state"] for row in kept(xp).values()} == {"RUNNING"})

    described = {name: row["description"] for name, row in kept(xp).items()}
    assert described == {
        "strange": "runs",
        "wordless": "wordless (its description() raised KeyError('title'))",
    }
    (record,) = caplog.records
    assert record.message == (
        "it cannot be started again after this process: <Strange 'strange': STOPPED> raised "
        "TypeError('Object of type object is not JSON serializable')"
    )


def test_what_is_written_last_is_what_is_when_two_services_change_at_once():
    written: list[dict[str, str]] = []
    is_writing, other_is_told = threading.Event(), threading.Event()

    def write(rows: Mapping[str, Any]) -> None:
        if not is_writing.is_set():
            is_writing.set()
            other_is_told.wait(0.2)  # as a slow disk; the other one waits, or overtakes
        written.append({name: row["state"] for name, row in rows.items()})

    services, run = Services(), SimpleNamespace(workspace="/tmp", experiment_id="xp", run_id="1")
    first, second = services.add(Wordless(), run), services.add(Page(), run)
    services._write = write
    thread = threading.Thread(target=lambda: setattr(first, "state", ServiceState.RUNNING))
    thread.start()
    is_writing.wait()
    second.state = ServiceState.ERROR
    other_is_told.set()
    thread.join()

    assert written[-1] == {"wordless": "RUNNING", "page": "ERROR"}


def test_a_look_at_a_service_that_comes_late_does_not_hide_a_later_one():
    """Who adds a service that starts may read its row before, and keep it after, it runs."""
    looks = threading.Event(), threading.Event()

    class Slow(Service):
        id = "slow"

        def full_state_dict(self) -> dict[str, Any]:
            row = super().full_state_dict()
            if threading.current_thread() is adding:
                looks[0].set()
                looks[1].wait(5)
            return row

    services, run = Services(), SimpleNamespace(workspace="/tmp", experiment_id="xp", run_id="1")
    slow = Slow()
    adding = threading.current_thread()
    looks[1].set()
    services.add(slow, run)
    looks[1].clear()
    adding = threading.Thread(target=services.service_state_changed, args=(slow,))
    adding.start()
    looks[0].wait(5)
    slow.state = ServiceState.RUNNING
    looks[1].set()
    adding.join()

    assert services._rows["slow"]["state"] == "RUNNING"


def test_a_status_that_could_not_be_written_is_written_as_soon_as_it_can(
    xp: experiment, monkeypatch: pytest.MonkeyPatch
):
    page = xp.add_service(Page())
    wait_until(lambda: kept(xp).get("page", {}).get("state") == "STOPPED")
    refused = threading.Event()
    replace = files.replace

    def is_full(path: str, content: bytes, **options: bool) -> None:
        if not refused.is_set() and path.endswith("status.json"):
            refused.set()
            raise OSError(errno.ENOSPC, "No space left on device", path)
        replace(path, content, **options)

    monkeypatch.setattr(files, "replace", is_full)
    page.get_url()
    refused.wait(5)

    wait_until(lambda: kept(xp)["page"]["state"] == "RUNNING")


def test_in_a_script_services_end_with_the_block(runs: Path):
    with experiment(runs, "xp", display=False) as xp:
        page = xp.add_service(Page())
        script = xp.add_service(Script(f"{READY} time.sleep(60)"))
        page.get_url()
        script.get_url()
    assert page.state is script.state is ServiceState.STOPPED
    assert {name: row["state"] for name, row in kept(xp).items()} == {"page": "STOPPED", "script": "STOPPED"}


def test_in_a_block_that_fails_they_end_too(runs: Path):
    with pytest.raises(KeyError), experiment(runs, "xp", display=False) as xp:
        page = xp.add_service(Page())
        page.get_url()
        raise KeyError
    assert page.state is ServiceState.STOPPED


def test_in_a_notebook_they_outlive_the_block_until_stop(runs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("experimaestro.session.is_kernel", lambda: True)
    with experiment(runs, "xp", display=False) as xp:
        page = xp.add_service(Page())
        page.get_url()
    assert page.describe()["state"] == "running"
    assert kept(xp)["page"]["state"] == "RUNNING"

    xp.stop()

    assert page.describe()["state"] == "stopped"
    assert kept(xp)["page"]["state"] == "STOPPED"


def test_an_error_stays_in_the_files_of_the_run(runs: Path):
    with experiment(runs, "xp", display=False) as xp:
        service = xp.add_service(Raises())
        service.start()
        wait_until(lambda: service.state is ServiceState.ERROR)
    assert kept(xp)["raises"]["state"] == "ERROR"


SCRIPT = """
import atexit, sys
atexit.register(lambda: print(page.state.name, script.state.name))  # registered first: called last
sys.path[:0] = {path!r}
from experimaestro import experiment
from pages import READY, Page, Script
xp = experiment({runs!r}, "xp", display=False).start()
page = xp.add_service(Page())
page.get_url()
script = xp.add_service(Script(READY + "subprocess.Popen(['sleep', '60']); time.sleep(60)"))
script.get_url()
"""


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise SystemExit", "1/0"])
def test_a_process_that_ends_without_stop_leaves_nothing_behind(runs: Path, end: str):
    code = SCRIPT.format(path=sys.path, runs=str(runs)) + end
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.stdout == "STOPPED STOPPED\n"


FORKS = """
import os
child = os.fork()
if child:
    os.waitpid(child, 0)
    print(page.state.name, script.state.name, script.process.poll())
    xp.stop()
"""


def test_a_process_that_is_forked_does_not_stop_the_services_of_its_parent(runs: Path):
    code = SCRIPT.format(path=sys.path, runs=str(runs)) + FORKS
    command = [sys.executable, "-W", "ignore", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "RUNNING RUNNING None" in run.stdout.splitlines()


def test_a_dry_run_takes_services_and_starts_none(runs: Path):
    with experiment(runs, "xp", display=False, run_mode=RunMode.DRY_RUN) as xp:
        page = xp.add_service(Page())
    assert page.state is ServiceState.STOPPED
    assert not runs.exists()


# Runs of the past.


def test_services_of_a_past_run_start_again(runs: Path):
    with experiment(runs, "xp", display=False) as xp:
        xp.add_service(Page("title"))
        command = [sys.executable, "-m", "http.server", "--bind", "{host}", "{port}"]
        xp.add_service(CommandService(command, id="files"))

    again = services_of(xp.workdir)

    for service in again.values():
        assert isinstance(service, (Page, CommandService))
        assert service.get_url().startswith("http://127.0.0.1:")
        service.stop()
    assert again["files"].stderr == xp.workdir / "services" / "files" / "logs.err"
    assert (xp.workdir / "services" / "files" / "logs.err").exists()


def test_a_service_that_cannot_be_made_again_says_why_beside_the_others(runs: Path):
    with experiment(runs, "xp", display=False) as xp:
        xp.add_service(Page())
        xp.add_service(Raises())
    status = xp.workdir / "status.json"
    status.write_text(status.read_text().replace("pages.Raises", "gone.Raises"))

    again = services_of(xp.workdir)

    assert again["page"].state is ServiceState.STOPPED
    assert again["raises"].describe()["error"] == (
        "ServiceError: gone.Raises is no service that can be imported here: "
        "install its package, or add its folder to sys.path"
    )


def test_a_row_that_makes_no_sense_hides_no_other(runs: Path):
    with experiment(runs, "xp", display=False) as xp:
        xp.add_service(Page())
    status = xp.workdir / "status.json"
    content = json.loads(status.read_text())
    content["services"] |= {"number": 5, "class": {"class": 5, "state_dict": {}}}
    status.write_text(json.dumps(content))
    assert {name: one.state.name for name, one in services_of(xp.workdir).items()} == {
        "page": "STOPPED",
        "number": "ERROR",
        "class": "ERROR",
    }


def test_a_folder_that_is_no_run_is_told(tmp_path: Path):
    with pytest.raises(ServiceError) as caught:
        services_of(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} is not the folder of a run: expected <workspace>/experiments/<name>/<run id> with a "
        f"status.json (FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path}/status.json')"
    )


def test_ours_are_among_the_services_that_packages_offer():
    assert {"command", "tensorboard"} <= set(installed())


def test_a_package_offers_its_own_and_one_that_cannot_be_imported_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    described = tmp_path / "boards-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: boards\nVersion: 1.0\n")
    points = "page = pages:Page\nlost = boards_that_are_lost:Board\nexits = exits:Board\n"
    (tmp_path / "exits.py").write_text("raise SystemExit('no licence')")
    (described / "entry_points.txt").write_text(f"[experimaestro.services]\n{points}")
    monkeypatch.syspath_prepend(tmp_path)

    found = installed()

    assert found["page"] is Page
    assert not {"lost", "exits"} & set(found)
    assert "tensorboard" in found
    assert {one.message for one in caplog.records} == {
        "the service lost of boards_that_are_lost:Board cannot be imported",
        "the service exits of exits:Board cannot be imported",
    }


def test_an_interrupt_of_the_terminal_does_not_reach_a_service(xp: experiment):
    script = xp.add_service(Script(f"{READY} time.sleep(60)"))
    script.get_url()
    assert script.process is not None
    assert os.getsid(script.process.pid) != os.getsid(0)
