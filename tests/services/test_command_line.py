"""`experimaestro experiments services` on a real workspace."""

import json
import re
import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from commands import run, start
from experimaestro import experiment
from experimaestro.scheduler.services import CommandService, Service, ServiceState, TensorBoardService
from pages import PAGE, Page, Raises
from polling import wait_until

SERVICES = ("experiments", "--workdir", "runs", "services")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace `runs` with two experiments, which had services; `pages.py` beside it."""
    (tmp_path / "pages.py").symlink_to(Path(__file__).parents[1] / "support" / "pages.py")
    with experiment(tmp_path / "runs", "first", display=False) as xp:
        xp.add_service(Page("title"))
        xp.add_service(TensorBoardService())
    with experiment(tmp_path / "runs", "second", display=False) as xp:
        xp.add_service(TensorBoardService())
        xp.add_service(Raises())
        xp.add_service(
            CommandService([sys.executable, "-c", "raise SystemExit('broken')", "{port}"], id="bad")
        )
    return tmp_path


def test_services_of_the_last_runs_are_listed(folder: Path):
    assert run(folder, *SERVICES, "list", "first").out == (
        "STOPPED  first  page  \nSTOPPED  first  tensorboard  TensorBoard over all jobs\n"
    )
    rows = json.loads(run(folder, *SERVICES, "list", "--json").out)
    assert [(row["experiment"], row["service_id"]) for row in rows] == [
        ("first", "page"),
        ("first", "tensorboard"),
        ("second", "tensorboard"),
        ("second", "raises"),
        ("second", "bad"),
    ]


@pytest.mark.parametrize("content", ['{"services": {', '{"services": []}', '{"services": {"page": 3}}', "[]"])
def test_a_run_whose_file_is_damaged_hides_no_other(folder: Path, content: str):
    status = next((folder / "runs/experiments/first").glob("2*/status.json"))
    status.write_text(content)

    ended = run(folder, *SERVICES, "list")

    assert [line.split()[1:3] for line in ended.out.splitlines()] == [
        ["second", name] for name in ("tensorboard", "raises", "bad")
    ]
    assert (ended.code, ended.err.count("\n")) == (0, content.endswith("{"))
    if ended.err:
        assert ended.err.startswith(f"warning: {status}: expected JSON, got 14 bytes that are not: ")


def test_a_service_whose_process_was_killed_is_listed_as_gone(folder: Path):
    status = next((folder / "runs/experiments/first").glob("2*/status.json"))
    content = json.loads(status.read_text())
    content["services"]["page"] |= {"state": "RUNNING", "url": "http://127.0.0.1:1/"}
    status.write_text(json.dumps(content))
    assert run(folder, *SERVICES, "list", "first").out.startswith("GONE     first  page  \n")
    content["hostname"] = "another"  # whose ports are not seen from here
    status.write_text(json.dumps(content))
    assert run(folder, *SERVICES, "list", "first").out.startswith(
        "RUNNING  first  page    http://127.0.0.1:1/\n"
    )


def test_what_a_service_says_of_itself_is_one_harmless_line_and_hides_no_other(folder: Path):
    class Odd(Service):
        id = "odd\x1b[31m"

        def description(self) -> str:
            return "two\nlines\x1b[2J"

    with experiment(folder / "runs", "first", display=False) as xp:
        xp.add_service(Odd()).state = ServiceState.RUNNING  # it has no address
        xp.add_service(Page())
    assert run(folder, *SERVICES, "list", "first").out == (
        "RUNNING  first  odd  two lines\nSTOPPED  first  page  \n"
    )


def test_a_service_is_started_until_it_is_interrupted(folder: Path):
    with start(folder, *SERVICES, "start", "page") as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.read() == PAGE
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ["tensorboard"],
            "several experiments have a service 'tensorboard': first, second. Name one of them",
        ),
        (["nothing"], "no service 'nothing'. There are: bad, page, raises, tensorboard"),
        (["page/inner"], "the service 'page' has no part 'inner'. There are: none"),
    ],
)
def test_a_service_that_cannot_be_meant_is_told(folder: Path, words: list[str], error: str):
    ended = run(folder, *SERVICES, "start", *words)
    assert (ended.code, ended.out, ended.err) == (1, "", f"Error: {error}\n")


def test_one_that_does_not_start_ends_the_command_with_its_error(folder: Path):
    ended = run(folder, *SERVICES, "start", "bad", "second")
    assert ended.code == 1
    assert ended.err.splitlines()[0].startswith("Error: The service 'bad' ended: ")
    assert ended.err.splitlines()[-1] == "broken"


def test_one_that_runs_elsewhere_is_not_started_a_second_time(folder: Path):
    with experiment(folder / "runs", "first", display=False) as xp:
        xp.add_service(Page()).get_url()
        wait_until(lambda: "RUNNING" in run(folder, *SERVICES, "list", "first").out)
        ended = run(folder, *SERVICES, "start", "page", "first")
    assert ended.code == 1
    assert re.fullmatch(
        r"Error: the service 'page' runs in pid \d+ on .*\. Open it there, or stop it first: "
        r"experimaestro experiments services stop page first\n",
        ended.err,
    )


def test_a_service_of_an_open_run_is_stopped_by_its_process(folder: Path):
    with experiment(folder / "runs", "first", display=False) as xp:
        page = xp.add_service(Page("title"))
        page.get_url()
        wait_until(lambda: "page" in run(folder, *SERVICES, "list", "first").out)

        out = run(folder, *SERVICES, "stop", "page", "first").out

        assert re.fullmatch(r"page: pid \d+ on .* was asked to stop it\n", out)
        wait_until(lambda: page.state is ServiceState.STOPPED)
    ended = run(folder, *SERVICES, "stop", "page", "first")
    assert ended.code == 1
    assert re.fullmatch(
        r"Error: no process has the run first/\S+ open: its services have ended with it\n", ended.err
    )
