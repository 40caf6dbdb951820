"""What other versions of the package see of us, and we of them."""

import fcntl
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from experimaestro.events.owners import Outcome, Status
from experimaestro.workspace import interchange, processes
from experimaestro.workspace.layout import JobPaths
from polling import wait_until

KEY = "my.train/" + "0" * 64


@pytest.fixture
def paths(tmp_path: Path) -> JobPaths:
    found = JobPaths.of(str(tmp_path), KEY)
    Path(found.folder).mkdir(parents=True)
    return found


def test_a_lock_is_held_by_one(paths: JobPaths):
    fd = interchange.lock(paths)
    assert fd is not None
    assert interchange.is_locked(paths)
    assert interchange.lock(paths) is None

    os.close(fd)

    assert not interchange.is_locked(paths)


def test_a_lock_makes_the_folder_of_its_job(tmp_path: Path):
    paths = JobPaths.of(str(tmp_path), KEY)

    fd = interchange.lock(paths)

    assert fd is not None
    os.close(fd)


def test_asking_creates_no_lock(tmp_path: Path, paths: JobPaths):
    assert not interchange.is_locked(paths)
    assert os.listdir(paths.folder) == []
    assert not interchange.is_locked(JobPaths.of(str(tmp_path), "my.other/00"))


def test_a_lock_is_not_lost_to_somebody_who_asks(paths: JobPaths, monkeypatch: pytest.MonkeyPatch):
    asking = os.open(paths.lock, os.O_RDONLY | os.O_CREAT)
    fcntl.flock(asking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _s: fcntl.flock(asking, fcntl.LOCK_UN))

    fd = interchange.lock(paths)

    assert fd is not None
    os.close(fd)
    os.close(asking)


def test_a_lock_is_given_up_if_somebody_asks_for_ever(paths: JobPaths, monkeypatch: pytest.MonkeyPatch):
    asking = os.open(paths.lock, os.O_RDONLY | os.O_CREAT)
    fcntl.flock(asking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _s: None)

    assert interchange.lock(paths) is None
    os.close(asking)


def test_a_lock_goes_with_its_descriptor_to_the_process_of_the_job(paths: JobPaths):
    fd = interchange.lock(paths)
    assert fd is not None
    code = (
        "import os, sys\n"
        "from experimaestro.workspace import interchange\n"
        "interchange.keep_lock(int(sys.argv[1]))\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0:\n"
        "        os.write(1, b'in the fork of a fork\\n')\n"  # one write: lines of both do not mix
        "        os._exit(0)\n"
        "    os.wait()\n"
        "    sys.stdin.read()\n"
        "    os._exit(0)\n"
        "os.write(1, b'locked\\n')\n"
    )
    command = [sys.executable, "-c", code, str(fd)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, pass_fds=(fd,), text=True
    ) as process:
        os.close(fd)
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stderr is not None
        said = {process.stdout.readline(), process.stdout.readline()}
        process.wait()
        released = not interchange.is_locked(paths)  # although its fork lives
        process.stdin.close()
        errors = process.stderr.read()

    assert said == {"locked\n", "in the fork of a fork\n"}
    assert released
    assert not errors


def test_the_pid_file_has_the_form_of_the_format(paths: JobPaths):
    me = processes.myself()

    interchange.write_pid(paths, me)

    assert json.loads(Path(paths.pid).read_bytes()) == {"type": "local", "pid": me.pid, "host": me.host}
    file = interchange.read_pid(paths)
    assert file is not None
    assert (file.host, file.pid) == (me.host, me.pid)
    assert interchange.fate(file) == "alive"
    interchange.remove_pid(paths)
    assert interchange.read_pid(paths) is None


def test_a_pid_that_went_to_another_process_since_is_gone(paths: JobPaths):
    interchange.write_pid(paths, processes.myself())
    os.utime(paths.pid, (1e9, 1e9))  # long before this process

    file = interchange.read_pid(paths)

    assert file is not None
    assert interchange.fate(file) == "gone"


@pytest.mark.parametrize(
    ("content", "fate"),
    [
        ('{"type": "local", "pid": %d}', "unknown"),
        ('{"type": "local", "pid": 4194303}', "gone"),
        ('{"type": "local", "pid": 0}', "unknown"),
        ('{"type": "local", "pid": 4194303, "host": "HOST"}', "gone"),
        ('{"type": "local", "pid": %d, "host": "elsewhere"}', "unknown"),
        ('{"type": "slurm", "pid": "123", "host": "HOST"}', "unknown"),
        ('{"type": "ssh"}', "unknown"),
        ("", None),
        ("{}", None),
        ("[1]", None),
        ("{'pid': 1}", None),
    ],
)
def test_a_pid_file_of_any_version_is_read(paths: JobPaths, content: str, fate: str | None):
    text = content.replace("%d", str(os.getpid())).replace("HOST", processes.host_name())
    Path(paths.pid).write_text(text, encoding="utf-8")

    file = interchange.read_pid(paths)

    assert (file and interchange.fate(file)) == fate


def _is_alive(file: interchange.PidFile) -> bool:
    return interchange.fate(file) == "alive"


def test_a_pid_without_a_machine_is_that_of_the_job_if_it_works_for_it(paths: JobPaths):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    for words, cwd in ((sleep, paths.folder), ([*sleep, paths.script], "/")):
        with subprocess.Popen(words, cwd=cwd) as process:
            Path(paths.pid).write_text(f'{{"type": "local", "pid": {process.pid}}}', encoding="utf-8")
            file = interchange.read_pid(paths)
            assert file is not None
            assert wait_until(partial(_is_alive, file))  # its words come a moment after the process
            process.kill()


@pytest.mark.parametrize(
    ("outcome", "content"),
    [
        (Outcome("failed", "no", code=3), {"code": 3, "reason": "failed", "message": "no"}),
        (Outcome("failed", code=0), {"code": 1, "reason": "failed"}),
        (Outcome("memory"), {"code": 1, "reason": "memory"}),
        (Outcome("timeout"), {"code": 1, "reason": "timeout"}),
        (Outcome("cancelled"), {"code": 15, "reason": "cancelled"}),
        (
            Outcome("killed", "by signal 9", signal=9),
            {"code": 1, "reason": "failed", "message": "by signal 9"},
        ),
        (Outcome("lost"), {"code": 1, "reason": "failed"}),
        (Outcome("refused"), {"code": 1, "reason": "failed"}),
    ],
)
def test_a_failure_is_written_with_the_reasons_of_the_format(outcome: Outcome, content: dict[str, object]):
    assert json.loads(interchange.failed_content(outcome)) == content


@pytest.mark.parametrize(
    ("content", "status", "message", "code"),
    [
        ('{"code": 1, "reason": "failed", "message": "no"}', "failed", "no", 1),
        ('{"code": 1, "reason": "TIMEOUT"}', "timeout", "", 1),
        ('{"code": 15, "failure_status": "cancelled"}', "cancelled", "", 15),
        ('{"reason": "something new"}', "failed", "", None),
        ("1", "failed", "", 1),
        ("-9\n", "failed", "", -9),
        ("0", "done", "", 0),
        ("", "failed", "", None),
        ("garbage", "failed", "", None),
        ("[]", "failed", "", None),
    ],
)
def test_a_failure_of_any_version_is_read(
    paths: JobPaths, content: str, status: Status, message: str, code: int | None
):
    Path(paths.failed).write_text(content, encoding="utf-8")

    assert interchange.read_failed(paths) == Outcome(status, message, code=code)


def test_no_failure_is_none(paths: JobPaths):
    assert interchange.read_failed(paths) is None
