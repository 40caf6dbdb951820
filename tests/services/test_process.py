"""Services that are processes: their end, their logs, and nothing of them left behind."""

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services import CommandService, ProcessWebService, ServiceState
from pages import READY, Script, Story
from polling import wait_until

SERVER = [sys.executable, "-u", "-m", "http.server", "--bind", "{host}", "{port}"]


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended, whoever is to take note of that."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def command_of(service: ProcessWebService) -> psutil.Process:
    """The process of the command, below its keeper."""
    assert service.process is not None
    return psutil.Process(service.process.pid).children()[0]


def is_of(process: psutil.Process, folder: Path) -> bool:
    """Whether a `Script` with that folder, or what it started, is this process."""
    try:
        return process.environ().get("FOLDER") == str(folder) and runs(process)
    except psutil.Error:
        return False


def test_two_of_one_folder_do_not_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("experimaestro.scheduler.services.process.KILLED_S", 0.1)
    first, second = (Script(f"{READY} print('mine', flush=True); time.sleep(60)", tmp_path) for _ in range(2))
    first.get_url()
    wait_until(lambda: (tmp_path / "logs.out").read_text() == "mine\n")

    with pytest.raises(ServiceError) as caught:
        second.get_url()

    assert str(caught.value) == (
        "the service 'script' runs already, perhaps in another process: "
        f"it has the logs in {tmp_path}. Stop it there first"
    )
    assert (tmp_path / "logs.out").read_text() == "mine\n"
    first.stop()
    second.get_url()
    second.stop()


def test_it_runs_until_it_is_stopped(tmp_path: Path):
    service = Script(f"{READY} print('hello'); sys.stdout.flush(); time.sleep(60)", tmp_path)
    service.get_url()
    command = command_of(service)
    assert service.stdout is not None
    wait_until(lambda: (tmp_path / "logs.out").read_text() == "hello\n")

    service.stop()

    assert service.state is ServiceState.STOPPED
    assert not runs(command)


def test_one_that_ignores_being_asked_is_killed_with_all_that_it_started(tmp_path: Path):
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    inner = f"import signal, time; {ignore} time.sleep(60)"
    service = Script(
        f"import signal, subprocess, sys; {ignore} subprocess.Popen([sys.executable, '-c', {inner!r}]);"
        f"{READY} time.sleep(60)",
        tmp_path,
    )
    service.get_url()
    command = command_of(service)
    group = [command, *command.children()]
    assert len(group) == 2

    service.stop(timeout=0.2)

    wait_until(lambda: not any(runs(one) for one in group))
    assert service.state is ServiceState.STOPPED


def test_one_that_is_killed_is_an_error_within_a_second(tmp_path: Path):
    service = Script(
        f"{READY} sys.stderr.write('one\\ntwo\\n'); sys.stderr.flush(); time.sleep(60)", tmp_path
    )
    service.get_url()
    wait_until(lambda: (tmp_path / "logs.err").read_text() == "one\ntwo\n")

    command_of(service).send_signal(signal.SIGKILL)

    wait_until(lambda: service.state is ServiceState.ERROR, 1.0)
    assert service.error == (
        f"The service 'script' ended: {sys.executable} was killed by SIGKILL. "
        f"Last lines of {tmp_path}/logs.err:\none\ntwo"
    )


def test_what_it_started_is_gone_when_it_dies(tmp_path: Path):
    service = Script(f"{READY} subprocess.Popen(['sleep', '60']); time.sleep(60)", tmp_path)
    service.get_url()
    command = command_of(service)
    wait_until(command.children)
    below = command.children()

    command.kill()

    wait_until(lambda: not any(runs(one) for one in below), 1.0)
    wait_until(lambda: service.state is ServiceState.ERROR)


def test_one_that_dies_at_once_says_its_code_and_its_last_lines(tmp_path: Path):
    service = Script("raise SystemExit('no such folder: mlruns')", tmp_path)
    with pytest.raises(ServiceError) as caught:
        service.get_url()
    assert str(caught.value) == (
        f"The service 'script' ended: {sys.executable} exited with code 1. "
        f"Last lines of {tmp_path}/logs.err:\nno such folder: mlruns"
    )


def test_one_that_is_never_ready_is_ended_with_its_last_lines(tmp_path: Path):
    service = Script("import time; print('loading', flush=True); time.sleep(60)", tmp_path)
    service.ready_timeout_s = 1.0
    with pytest.raises(ServiceError) as caught:
        service.get_url()
    assert str(caught.value) == (
        f"The service 'script' was not ready within 1 s. Last lines of {tmp_path}/logs.out:\nloading"
    )
    wait_until(lambda: service.process is None)


def test_megabytes_of_output_go_to_its_file_and_only_the_end_is_shown(tmp_path: Path):
    service = Script(
        "import sys; sys.stderr.write('x' * 79 + '\\n' * 1); "
        "[sys.stderr.write('line %d\\n' % i) for i in range(500_000)]; sys.exit(3)",
        tmp_path,
    )
    with pytest.raises(ServiceError) as caught:
        service.get_url()
    assert (tmp_path / "logs.err").stat().st_size > 5_000_000
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "line 499999"


def test_one_without_a_folder_for_its_logs_says_what_to_do():
    with pytest.raises(ServiceError) as caught:
        Script("pass").get_url()
    assert str(caught.value) == (
        "the service 'script' has no folder for its logs: add it to an experiment "
        "(xp.add_service), or give Script(..., log_directory=...)"
    )


def test_what_an_earlier_start_still_waited_for_changes_nothing(tmp_path: Path):
    first, go = threading.Event(), threading.Event()

    class Stubborn(Script):
        def _wait_for_ready(self) -> str:
            if first.is_set():
                return "http://127.0.0.1:2/"
            first.set()
            go.wait()
            return "http://127.0.0.1:1/"

    service = Stubborn("import time; time.sleep(60)", tmp_path)
    service.start()
    first.wait(10)
    waiter = next(one for one in threading.enumerate() if one.name == "service[script].ready")
    service.stop()
    assert service.get_url() == "http://127.0.0.1:2/"

    go.set()
    waiter.join(10)

    assert service.get_url() == "http://127.0.0.1:2/"
    service.stop()


def test_starting_and_stopping_in_a_row_leaves_no_process(tmp_path: Path):
    service = Script(f"{READY} time.sleep(60)", tmp_path)
    before = set(psutil.Process().children(recursive=True))
    for _ in range(5):
        service.start()
        service.stop()
    assert set(psutil.Process().children(recursive=True)) <= before


def test_one_that_dies_at_each_start_leaves_no_process_and_no_thread_and_is_not_started_by_itself(
    tmp_path: Path,
):
    service = Script("import subprocess, sys; subprocess.Popen(['sleep', '60']); sys.exit('no')", tmp_path)
    story = Story(service)
    before = set(psutil.Process().children(recursive=True)), set(threading.enumerate())
    for _ in range(5):
        with pytest.raises(ServiceError, match="exited with code 1"):
            service.get_url()

    assert story.states == [ServiceState.STARTING, ServiceState.ERROR] * 5
    wait_until(lambda: set(psutil.Process().children(recursive=True)) <= before[0])
    wait_until(lambda: set(threading.enumerate()) <= before[1])
    assert (tmp_path / "logs.err").read_text() == "no\n"  # of the last start


KERNEL = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from experimaestro import experiment
from experimaestro.scheduler.services import CommandService, TensorBoardService
xp = experiment({runs!r}, "xp", display=False).start()
xp.add_service(TensorBoardService()).get_url()
xp.add_service(CommandService({server!r}, id="web")).get_url()
Path({ready!r}).touch()
"""


@pytest.mark.slow
def test_no_process_stays_behind_when_a_kernel_is_killed(tmp_path: Path):
    code, ready = tmp_path / "cells.py", tmp_path / "ready"
    code.write_text(
        KERNEL.format(path=sys.path, runs=str(tmp_path / "runs"), server=SERVER, ready=str(ready))
    )
    command = [sys.executable, "-m", "ipykernel_launcher", f"--IPKernelApp.exec_files={[str(code)]}"]
    command += ["-f", str(tmp_path / "kernel.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as kernel:
        wait_until(lambda: ready.exists() or kernel.poll() is not None, 60)
        started = psutil.Process(kernel.pid).children(recursive=True)
        assert len(started) >= 4  # two keepers, two commands

        kernel.kill()

        wait_until(lambda: not any(runs(one) for one in started))


LEAVES = f"{READY} subprocess.Popen(['sleep', '60'], start_new_session=True);"


@pytest.mark.parametrize("timeout", [2.0, 0.0])
def test_what_left_the_group_is_ended_too(tmp_path: Path, timeout: float):
    service = Script(f"{LEAVES} time.sleep(60)", tmp_path)
    service.get_url()
    command = command_of(service)
    wait_until(command.children)
    below = command.children()

    service.stop(timeout)

    wait_until(lambda: not any(runs(one) for one in [command, *below]))


def test_a_command_that_goes_on_in_the_background_is_ended_and_told(tmp_path: Path):
    service = Script(f"{LEAVES} os._exit(0)", tmp_path)
    service.start()
    assert service.wait(10)
    assert service.error is not None
    assert "let it stay in the foreground" in service.error
    assert not [one for one in psutil.process_iter() if is_of(one, tmp_path)]


FORKED = """
import sys, time, os
sys.path[:0] = {path!r}
from pathlib import Path
from experimaestro import experiment
from pages import READY, Script
service = Script(READY + "time.sleep(60)", Path({folder!r}))
service.get_url()
experiment
child = os.fork()
if not child:
    sys.stdin.read()
    os._exit(0)
print(service.process.pid, child, flush=True)
os.kill(os.getpid(), 9)
"""


def test_no_process_stays_behind_when_the_owner_was_forked_and_is_killed(tmp_path: Path):
    code = FORKED.format(path=sys.path, folder=str(tmp_path))
    command = [sys.executable, "-W", "ignore", "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        keeper, child = (psutil.Process(int(pid)) for pid in owner.stdout.readline().split())

        wait_until(lambda: not runs(keeper))

        assert runs(child)


OWNER = """
import sys, time
sys.path[:0] = {path!r}
from pathlib import Path
from pages import READY, Script, Story
service = Script(READY + "subprocess.Popen(['sleep', '60']); time.sleep(60)", Path({folder!r}))
service.get_url()
print(service.process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_stays_behind_when_their_owner_is_killed(tmp_path: Path, number: signal.Signals):
    code = OWNER.format(path=sys.path, folder=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout is not None
        keeper = psutil.Process(int(owner.stdout.readline()))
        wait_until(lambda: len(keeper.children(recursive=True)) == 2)
        all_of_it = [keeper, *keeper.children(recursive=True)]

        owner.send_signal(number)

        wait_until(lambda: not any(runs(one) for one in all_of_it))


# Commands with a port.


def command_service(tmp_path: Path, *arguments: str, **options: object) -> CommandService:
    service = CommandService(list(arguments) or SERVER, id="web", **options)  # type: ignore[arg-type] # a test's
    service.log_directory = tmp_path / "logs"
    return service


def test_a_command_is_given_a_free_port_and_is_ready_when_it_listens(tmp_path: Path):
    service = command_service(tmp_path, path="x?y=1")
    url = service.get_url()
    row = service.describe()
    assert url == f"http://127.0.0.1:{row['port']}/x?y=1"
    service.stop()


def test_two_commands_started_at_once_have_two_ports(tmp_path: Path):
    services = [command_service(tmp_path / str(number)) for number in range(4)]
    for service in services:
        service.start()
    ports = {service.get_url() for service in services}
    for service in services:
        service.stop()
    assert len(ports) == 4


def test_a_port_that_is_taken_is_told_with_what_to_do(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = command_service(tmp_path, port=port)
        with pytest.raises(ServiceError) as caught:
            service.get_url()
    assert str(caught.value) == (
        f"Port {port} cannot be used (Address already in use). Stop the process that has it, or pass "
        "port=0, which takes a free one. Then press Start."
    )


def test_a_command_that_is_not_there_is_told_with_what_to_do(tmp_path: Path):
    service = command_service(tmp_path, "mlfow", "ui", "--port", "{port}")
    with pytest.raises(ServiceError) as caught:
        service.get_url()
    assert str(caught.value) == (
        "mlfow was not found: install it in the environment of this process, or give its whole path. "
        "Then press Start."
    )


def test_a_port_on_which_another_process_answers_is_never_believed(tmp_path: Path):
    service = command_service(tmp_path, "sleep", "60", "{port}")
    service.start()
    port = wait_until(lambda: service._port)
    with socket.create_server(("127.0.0.1", port)):
        assert service.wait(10)
    assert service.error is not None
    assert "was taken by another process while 'web' started. Press Start again." in service.error


def test_a_command_that_others_can_reach_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    service = command_service(tmp_path, sys.executable, "-m", "http.server", "{port}")
    service.get_url()
    service.stop()
    (record,) = caplog.records
    assert record.message == (
        "the service 'web' listens on all addresses of this machine, which others can reach: "
        "give its command the option for 127.0.0.1, such as --host {host}"
    )


def test_the_program_names_a_command():
    service = CommandService("mlflow ui --port {port} --opt '{\"a\": 1}'")
    assert (service.id, service.description()) == ("mlflow", "mlflow ui --port {port} --opt '{\"a\": 1}'")
    assert json.loads(json.dumps(service.full_state_dict()))["state_dict"] == {
        "command": "mlflow ui --port {port} --opt '{\"a\": 1}'"
    }


FIXED_PORT = "or port=... if it has a fixed one"


@pytest.mark.parametrize("port", [-1, 65536, "80", 1.5])
def test_a_port_that_cannot_be_is_refused_where_it_is_written(port: Any):
    with pytest.raises(ServiceError) as caught:
        CommandService("serve", port=port)
    assert str(caught.value) == (
        f"CommandService('serve'): port={port!r}: expected a number from 1 to 65535, or 0 for a free one"
    )


def test_variables_may_be_numbers(tmp_path: Path):
    service = command_service(tmp_path, "env", "{port}", environment={"THREADS": 4})
    assert service._environment()["THREADS"] == "4"


def test_a_program_of_an_environment_that_is_not_active_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    name = Path(sys.executable).name
    monkeypatch.setenv("PATH", "/nowhere")
    service = command_service(tmp_path, name, *SERVER[1:])
    service.get_url()
    assert command_of(service).exe() == psutil.Process().exe()
    service.stop()


@pytest.mark.parametrize("command", [5, None, [""], []])
def test_what_is_no_command_is_refused(command: Any):
    with pytest.raises(ServiceError, match="expected a"):
        CommandService(command)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "CommandService(''): expected a program and its arguments"),
        ("mlflow 'ui", 'CommandService("mlflow \'ui"): No closing quotation'),
        (
            "mlflow ui",
            "CommandService('mlflow ui'): expected {port} where the command takes its port, " + FIXED_PORT,
        ),
    ],
)
def test_a_wrong_command_is_refused_where_it_is_written(command: str, message: str):
    with pytest.raises(ServiceError) as caught:
        CommandService(command)
    assert str(caught.value) == message
