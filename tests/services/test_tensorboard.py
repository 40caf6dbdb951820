"""TensorBoard, a real one: names from tags, jobs that come later, and its token."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from curves import Curve
from experimaestro import experiment, tag
from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services import Service, TensorBoardService, services_of
from experimaestro.scheduler.services.runs_by_tags import NamedJob, jobs_of_run, latest_runs, link
from experimaestro.workspace.layout import RunPaths
from polling import wait_until


@pytest.fixture
def xp(tmp_path: Path) -> Iterator[experiment]:
    one = experiment(tmp_path / "runs", "curves", display=False).start()
    yield one
    one.stop()


def ask(service: TensorBoardService, what: str) -> object:
    """What TensorBoard answers, as a program with the token."""
    address, _, token = service.get_url().partition("?")
    with urllib.request.urlopen(f"{address}{what}{'&' if '?' in what else '?'}{token}", timeout=10) as answer:
        return json.load(answer)


def has_runs(service: TensorBoardService, *names: str) -> bool:
    return wait_until(lambda: ask(service, "data/runs") == list(names), 30)


def test_runs_are_named_by_tags_and_jobs_that_come_later_appear(xp: experiment):
    board = xp.add_service(TensorBoardService(reload_s=0.2))
    board.get_url()
    Curve.C(slope=tag(0.5)).submit()
    xp.wait()
    assert has_runs(board, "curve/slope=0.5")

    Curve.C(slope=tag(2.0)).submit()
    xp.wait()

    assert has_runs(board, "curve/slope=0.5", "curve/slope=2.0")
    points = ask(board, "data/plugin/scalars/scalars?tag=loss&run=curve%2Fslope%3D2.0")
    assert [value for _, _, value in points] == [0.0, 2.0, 4.0]  # type: ignore[attr-defined] # JSON


def test_chosen_jobs_are_shown_and_no_others(xp: experiment):
    chosen = Curve.C(slope=tag(1.0)).submit()
    Curve.C(slope=tag(3.0)).submit()
    board = xp.add_service(TensorBoardService(jobs=[chosen], reload_s=0.2))
    xp.wait()

    assert has_runs(board, "curve/slope=1.0")
    board.add(Curve.C(slope=tag(4.0)).submit())
    xp.wait()
    assert has_runs(board, "curve/slope=1.0", "curve/slope=4.0")
    assert board.description() == "TensorBoard over 2 jobs"


def test_a_folder_is_shown_as_it_is(xp: experiment):
    job = Curve.C(slope=1.0).submit()
    xp.wait()
    board = xp.add_service(TensorBoardService(job.jobpath))
    assert has_runs(board, ".")
    with pytest.raises(ServiceError) as caught:
        board.add(job)
    assert (
        str(caught.value)
        == f"the service 'tensorboard' shows the folder {job.jobpath}: it cannot show jobs too"
    )


def test_it_is_started_again_from_the_files_of_a_past_run(xp: experiment):
    chosen = Curve.C(slope=tag(1.0)).submit()
    xp.add_service(TensorBoardService(jobs=[chosen], id="one"))
    xp.add_service(TensorBoardService(id="all"))
    xp.wait()
    xp.stop()

    again = services_of(xp.workdir)

    assert list(again) == ["one", "all"]
    for service in again.values():
        assert isinstance(service, TensorBoardService)
        assert has_runs(service, "curve/slope=1.0")
        service.stop()


def test_its_token_is_in_no_command_line_no_environment_and_no_file(xp: experiment):
    board = xp.add_service(TensorBoardService())
    ask(board, "data/environment")
    assert board.process is not None
    keeper = psutil.Process(board.process.pid)
    seen = "".join(f"{one.cmdline()} {one.environ()}" for one in (keeper, *keeper.children(recursive=True)))
    files = [path for path in xp.workdir.parents[2].rglob("*") if path.is_file()]

    assert board.token not in seen
    assert not [path for path in files if board.token.encode() in path.read_bytes()]
    assert len(board.token) >= 40


def test_it_listens_on_one_port_of_this_machine_only(xp: experiment):
    board = xp.add_service(TensorBoardService())
    ask(board, "data/environment")
    assert board.process is not None
    keeper = psutil.Process(board.process.pid)
    open_ports = {
        (connection.laddr.ip, connection.laddr.port)
        for process in (keeper, *keeper.children(recursive=True))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert open_ports == {("127.0.0.1", board.describe()["port"])}


def test_without_tensorboard_the_error_is_the_command_to_type(tmp_path: Path):
    code = (
        "import sys; sys.modules['tensorboard'] = None\n"
        "from experimaestro.scheduler.services import TensorBoardService\n"
        f"service = TensorBoardService({str(tmp_path)!r}); service.log_directory = {str(tmp_path)!r}\n"
        "import pathlib; service.log_directory = pathlib.Path(service.log_directory)\n"
        "try: service.get_url()\n"
        "except Exception as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == (
        "TensorBoard is not installed in the environment of this process: "
        f"{sys.executable} -m pip install tensorboard. Then press Start.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reload_s": 0}, "TensorBoardService(reload_s=0): expected a number of seconds"),
        ({"reload_s": "5"}, "TensorBoardService(reload_s='5'): expected a number of seconds"),
        ({"jobs": 3}, "TensorBoardService(jobs=3): expected a list of submitted tasks"),
        ({"jobs": ["a"]}, "the service 'tensorboard' cannot show 'a': expected a submitted task"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str):
    with pytest.raises(ServiceError) as caught:
        TensorBoardService(**arguments)
    assert str(caught.value) == message


def test_chosen_jobs_may_be_none_yet_and_are_counted_once(xp: experiment):
    board = TensorBoardService(jobs=[])
    assert board.description() == "TensorBoard over 0 jobs"
    job = Curve.C(slope=tag(1.0)).submit()
    board.add(job)
    board.add(job)
    assert board.description() == "TensorBoard over 1 job"
    again = Service.from_state_dict("experimaestro.scheduler.services.TensorBoardService", board.state_dict())
    assert again.description() == "TensorBoard over 1 job"
    with pytest.raises(ServiceError, match="shows all jobs of its experiment"):
        TensorBoardService().add(job)
    xp.wait()


def test_the_program_over_workspaces_leaves_no_folder_of_links_when_it_is_asked_to_end(tmp_path: Path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    module = "experimaestro.scheduler.services.tensorboard_server"
    with subprocess.Popen(
        [sys.executable, "-m", module, "--under", ".", "--unix-socket", "socket"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(temporary)},
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_until(lambda: list(temporary.glob("experimaestro-*")), 30)
        process.terminate()
    assert process.returncode == 0
    assert list(temporary.iterdir()) == []


# Names.


def test_jobs_of_one_name_are_told_apart(tmp_path: Path):
    jobs = [NamedJob("my.train", f"{number}bcdef0123", {"lr": 0.1}, f"/jobs/{number}") for number in range(2)]
    for job in [*jobs, *jobs]:
        link(tmp_path, job)
    found = {str(path.relative_to(tmp_path)): str(path.readlink()) for path in tmp_path.glob("*/*")}
    assert found == {"train/lr=0.1": "/jobs/0", "train/lr=0.1 1bcdef01": "/jobs/1"}


def test_jobs_whose_tags_are_too_long_for_a_folder_are_shown_and_told_apart(tmp_path: Path):
    jobs = [
        NamedJob("my.train", f"{number}" * 64, {"text": "漢" * 300}, f"/jobs/{number}") for number in range(3)
    ]
    for job in jobs:
        link(tmp_path, job)
    assert sorted(str(path.readlink()) for path in tmp_path.glob("*/*")) == ["/jobs/0", "/jobs/1", "/jobs/2"]


def test_jobs_are_read_whatever_their_tags_are_and_half_a_line_is_left(xp: experiment):
    for number, note in enumerate(("a\u2028b", "c\x85d", "e")):
        Curve.C(slope=number).tag("note", note).submit()
    xp.wait()
    paths = RunPaths.of(str(xp.workdir))
    with Path(paths.jobs_jsonl).open("ab") as file:
        file.write('{"job_id": "é'.encode()[:-1])
    names = sorted(job.name for job in jobs_of_run(paths))
    assert names == ["curve/note=a-b", "curve/note=c-d", "curve/note=e"]


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({}, "train/0123abcd"),
        ({"b": 1, "a": "x/y"}, "train/a=x-y_b=1"),
        ({"a": "../../etc"}, "train/a=..-..-etc"),
        ({"a": "z" * 1000}, f"train/a={'z' * 158}"),
        ({"a": "漢" * 100}, f"train/a={'漢' * 52}"),
        ({"a": "\x1b[31m\ud800\t\n"}, "train/a=-[31m---"),
    ],
)
def test_a_name_is_that_of_a_folder(tags: dict[str, object], name: str):
    assert NamedJob("my.train", "0123abcdef", tags, "/jobs/1").name == name


def test_the_last_runs_of_all_workspaces_of_a_folder_are_found(tmp_path: Path):
    for workspace, name in (("a", "one"), ("a", "two"), ("b", "one")):
        with experiment(tmp_path / workspace, name, display=False):
            pass
    (tmp_path / "other").mkdir()
    assert [name for name, _ in latest_runs(tmp_path)] == ["a/one", "a/two", "b/one"]
    assert [name for name, _ in latest_runs(tmp_path / "a")] == ["one", "two"]
    assert list(latest_runs(tmp_path / "missing")) == []
