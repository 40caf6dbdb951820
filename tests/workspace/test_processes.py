"""Identity of processes, the proof that one is gone, and how many fit."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro.events.owners import Owner
from experimaestro.workspace import processes
from polling import wait_until


@pytest.fixture(params=[pytest.param(True, marks=pytest.mark.linux), False], ids=["linux", "portable"])
def linux(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways of asking: what only Linux has, and psutil."""
    if request.param and not processes.LINUX:
        pytest.skip("what only Linux has is switched off")
    monkeypatch.setattr(processes, "LINUX", request.param)
    monkeypatch.setattr(processes, "_myself", None)
    monkeypatch.setattr(processes, "_machine", None)
    return bool(request.param)


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that lives until its input is closed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def zombie(child: "subprocess.Popen[bytes]") -> None:
    """Ends the child and does not wait for it."""
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


pytestmark = pytest.mark.usefixtures("linux")


def test_this_process_is_alive(linux: bool):
    me = processes.myself()

    assert (me.pid, me.host) == (os.getpid(), os.uname().nodename)
    assert bool(me.boot and me.namespace) == linux
    assert processes.fate(me) == "alive"
    assert processes.myself() is me


def test_myself_names_the_job_of_slurm(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLURM_JOB_ID", "123_4")

    assert processes.myself().slurm == "123_4"


def test_a_fork_is_another_process():
    me = processes.myself()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, str(processes.myself().pid).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    text = os.read(reading, 20).decode()
    os.close(reading)
    os.close(writing)

    assert int(text) == pid != me.pid


def test_another_process_is_known_by_its_pid(child: "subprocess.Popen[bytes]"):
    owner = processes.owner_of(child.pid)

    assert owner is not None
    assert owner.pid == child.pid
    assert processes.fate(owner) == "alive"


def test_a_process_that_nobody_waited_for_is_gone(child: "subprocess.Popen[bytes]"):
    owner = processes.owner_of(child.pid)
    assert owner is not None

    zombie(child)

    assert processes.fate(owner) == "gone"
    assert processes.owner_of(child.pid) is None
    assert processes.started_at(child.pid) is None


def test_a_missing_process_is_gone(child: "subprocess.Popen[bytes]"):
    owner = processes.owner_of(child.pid)
    assert owner is not None

    child.kill()
    child.wait()

    assert processes.fate(owner) == "gone"
    assert processes.owner_of(child.pid) is None


def test_a_pid_that_another_process_has_now_is_gone():
    me = processes.myself()

    assert processes.fate(me._replace(started=str(float(me.started) + 5000))) == "gone"


def test_another_start_of_the_same_machine_is_gone(linux: bool):
    earlier = processes.myself()._replace(boot="00000000-0000-0000-0000-000000000000")

    assert processes.fate(earlier) == ("gone" if linux else "unknown")


def test_another_pid_namespace_is_unknown():
    assert processes.fate(processes.myself()._replace(namespace="pid:[1]")) == "unknown"


def test_another_machine_is_unknown():
    assert processes.fate(processes.myself()._replace(host="elsewhere", boot="b", pid=2**22)) == "unknown"


def test_a_machine_without_boot_ids_proves_nothing_about_one_with():
    me = processes.myself()

    assert processes.fate(me._replace(boot="" if me.boot else "b")) == "unknown"


@pytest.mark.parametrize("name", ["localhost", "localhost.localdomain", ""])
def test_a_name_that_many_machines_have_proves_nothing(
    linux: bool, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setattr(processes, "host_name", lambda: name)
    me = processes.myself()

    assert processes.fate(me) == ("alive" if linux else "unknown")  # the id of its start is its own
    assert processes.fate(me._replace(boot="another start")) == "unknown"


def test_a_process_that_is_hidden_from_us_is_unknown(monkeypatch: pytest.MonkeyPatch):
    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    me = processes.myself()
    monkeypatch.setattr(processes, "_stat", lambda _pid: None)
    monkeypatch.setattr(os, "kill", refuse)

    assert processes.fate(me) == "unknown"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("7 (python) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 4321 0", ("4321", False)),
        ("7 (a) b) (c) Z 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4321 0", ("4321", True)),
        ("7 (leader) Z 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 2 0 4321 0", ("4321", False)),
    ],
    ids=["alive", "a zombie with parentheses in its name", "a leader whose threads are alive"],
)
@pytest.mark.linux
def test_what_the_system_says_of_a_process(
    linux: bool, monkeypatch: pytest.MonkeyPatch, line: str, expected: tuple[str, bool]
):
    if not linux:
        pytest.skip("text of Linux")
    monkeypatch.setattr(processes, "_text", lambda _path: line)

    assert processes._stat(7) == expected


def test_a_process_started_about_when_it_did(child: "subprocess.Popen[bytes]"):
    mine, later = processes.started_at(os.getpid()), processes.started_at(child.pid)

    assert mine is not None
    assert later is not None
    assert mine <= later < mine + 3600


@pytest.mark.linux
def test_a_pidfd_tells_of_the_end(linux: bool, child: "subprocess.Popen[bytes]"):
    fd = processes.open_pidfd(child.pid)
    if not linux:
        assert fd is None
        return
    assert fd is not None
    assert select.select([fd], [], [], 0)[0] == []

    child.kill()

    assert wait_until(lambda: select.select([fd], [], [], 0)[0])
    os.close(fd)
    child.wait()
    assert processes.open_pidfd(child.pid) is None


def test_there_is_at_least_one_core():
    assert 1 <= processes.cores() <= (os.cpu_count() or 1)
    assert processes.oom_kills() >= 0


def tree(root: Path, **files: str) -> str:
    """Files of `/proc` and `/sys`; the names have `__` for `/` and `_dot_` for a dot."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return str(root)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, 64, id="no cgroups"),
        pytest.param({"proc__self__cgroup": "0::/a/b\n"}, 64, id="no quota"),
        pytest.param(
            {"proc__self__cgroup": "0::/a/b\n", "sys__fs__cgroup__a__b__cpu_dot_max": "max 100000\n"}, 64
        ),
        pytest.param(
            {"proc__self__cgroup": "0::/a/b\n", "sys__fs__cgroup__a__cpu_dot_max": "250000 100000\n"},
            2,
            id="the quota of a group above",
        ),
        pytest.param(
            {"proc__self__cgroup": "0::/not/here\n", "sys__fs__cgroup__cpu_dot_max": "50000 100000\n"},
            1,
            id="half a core, in a container that sees the path of the host",
        ),
        pytest.param(
            {
                "proc__self__cgroup": "3:cpu,cpuacct:/x\n0::/\n",
                "sys__fs__cgroup__cpu__x__cpu_dot_cfs_quota_us": "400000\n",
                "sys__fs__cgroup__cpu__x__cpu_dot_cfs_period_us": "100000\n",
            },
            4,
            id="version 1",
        ),
        pytest.param(
            {
                "proc__self__cgroup": "1:cpu:/\n",
                "sys__fs__cgroup__cpu__cpu_dot_cfs_quota_us": "-1\n",
                "sys__fs__cgroup__cpu__cpu_dot_cfs_period_us": "100000\n",
            },
            64,
            id="version 1 without quota",
        ),
    ],
)
@pytest.mark.linux
def test_cores_are_those_of_the_affinity_and_the_smallest_quota(
    linux: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int
):
    if not linux:
        pytest.skip("cgroups are of Linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(64)))

    assert processes.cores(tree(tmp_path, **files)) == expected


@pytest.mark.linux
def test_processes_killed_for_want_of_memory_are_counted(linux: bool, tmp_path: Path):
    root = tree(tmp_path, proc__vmstat="nr_free_pages 1\noom_kill 3\n")

    assert processes.oom_kills(root) == (3 if linux else 0)
    assert processes.oom_kills(str(tmp_path / "nothing")) == 0


def test_an_owner_reads_well():
    assert str(Owner("h", "b", "n", 12, "3")) == "pid 12 on h"


def test_peak_memory_is_that_of_the_largest_process_of_a_job(tmp_path: Path, linux: bool):
    (tmp_path / "resource.py").write_text("1 / 0")  # a user's file of that name is left alone
    code = (
        "import subprocess, sys\n"
        "from experimaestro.workspace import processes\n"
        f"processes.LINUX = {linux}\n"
        "print(processes.peak_memory())\n"
        "subprocess.run([sys.executable, '-c', 'b' + repr('x') + ' * (300 << 20)'])\n"
        "print(processes.peak_memory())\n"
    )
    large = b"x" * (200 << 20)  # until Linux is asked otherwise, a child has had what its parent has
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    before, after = map(int, run.stdout.split())
    assert before > 1 << 20
    assert before < len(large) or not linux
    assert 300 << 20 < after < 1 << 30


def test_peak_memory_is_known_without_the_line_of_proc(tmp_path: Path, linux: bool):
    assert (processes.peak_memory(str(tmp_path)) or 0) > 1 << 20
    assert (processes.peak_memory(tree(tmp_path, proc__self__status="VmHWM:\n")) or 0) > 1 << 20
    status = tree(tmp_path, proc__self__status=f"VmPeak:\t1 kB\nVmHWM:\t {1 << 40} kB\n")
    assert (processes.peak_memory(status) == 1 << 50) == linux
