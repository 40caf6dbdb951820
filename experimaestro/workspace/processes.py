"""Which process is which, whether it is gone, and how many fit on this machine.

Rule 1: *gone* is proven or it is not said. Proof is: same machine, same start of it, same pid
namespace, and the pid is missing, a zombie or of another process; or same machine and another
start of it. All else is *unknown*: another machine, another namespace.
Rule 2: no age, time-out or heartbeat is a proof.
Rule 3: what only Linux has is used where it is; elsewhere psutil answers, behind the same
functions. `XPM_PORTABLE=1` switches the Linux parts off, for tests.

Safe because: a pid may be used again, but never with the same start time; a boot id never. A name
such as `localhost`, which many machines have, does not tell that it is the same machine.
"""
# A job's process imports this: paths are strings, and pathlib stays out
# ruff: noqa: PTH115, PTH123

import contextlib
import math
import os
import sys
from importlib import machinery
from typing import Any, Literal, NamedTuple

from experimaestro.events.owners import Owner

LINUX = sys.platform == "linux" and not os.environ.get("XPM_PORTABLE")
"""Whether `/proc`, pidfd, boot ids and cgroups may be used"""

Fate = Literal["alive", "gone", "unknown"]
"""What is known of a process"""

_NO_NAMES = frozenset(("", "localhost", "localhost.localdomain"))
"""Host names that many machines have"""

_myself: tuple[int, Owner] | None = None
_machine: tuple[str, str, str] | None = None


class _Stat(NamedTuple):
    """What `/proc/<pid>/stat` or psutil says of a process."""

    started: str
    is_dead: bool
    """A zombie: it has ended and nobody has waited for it"""


# ----------------------------------------------------------------------------------------------
# Identity


def myself() -> Owner:
    """This process. Asked of the system once, and again after a fork."""
    global _myself  # noqa: PLW0603 - a cache, valid for one pid
    pid = os.getpid()
    if _myself is None or _myself[0] != pid:
        owner = owner_of(pid)
        if owner is None:
            raise RuntimeError(f"the system does not know pid {pid}, this process (is /proc mounted?)")
        _myself = pid, owner._replace(slurm=os.environ.get("SLURM_JOB_ID", ""))
    return _myself[1]


def owner_of(pid: int) -> Owner | None:
    """The process that has this pid now, on this machine; None if there is none.

    A zombie is none: it has ended.
    """
    stat = _stat(pid)
    if stat is None or stat.is_dead:
        return None
    host, boot, namespace = _this_machine()
    return Owner(host, boot, namespace, pid, stat.started)


def host_name() -> str:
    """Name of this machine, as in `Owner.host`."""
    return os.uname().nodename


def send(pid: int, number: int) -> None:
    """Sends a signal to a process and, if it leads a group of its own, to all of the group.

    Raises:
        OSError: There is no such process, or it is another user's.
    """
    if os.getpgid(pid) == pid:
        os.killpg(pid, number)
    else:
        os.kill(pid, number)


def fate(owner: Owner) -> Fate:
    """Whether a process is alive, proven gone, or neither.

    Args:
        owner: Any process, of any machine and time.
    """
    host, boot, namespace = _this_machine()
    is_named = host not in _NO_NAMES
    if owner.host != host:
        return "unknown"
    if owner.boot != boot:
        return "gone" if owner.boot and boot and is_named else "unknown"
    if not (boot or is_named):
        return "unknown"
    if owner.namespace != namespace:
        return "unknown"
    stat = _stat(owner.pid)
    if stat is not None:
        return "gone" if stat.is_dead or stat.started != owner.started else "alive"
    return "gone" if _is_missing(owner.pid) else "unknown"


def started_at(pid: int) -> float | None:
    """When the process that has this pid now started, in seconds since the epoch.

    Unlike `Owner.started` it depends on the clock: for comparison with the times of files.

    Returns:
        None if there is no such process here, or if it is a zombie.
    """
    stat = _stat(pid)
    if stat is None or stat.is_dead:
        return None
    if not LINUX:
        return float(stat.started)
    boot = next(line for line in _text("/proc/stat").splitlines() if line.startswith("btime "))
    return int(boot.split()[1]) + int(stat.started) / os.sysconf("SC_CLK_TCK")


def is_at_work(pid: int, folder: str) -> bool:
    """Whether a process of this machine has a folder as its working directory, or in its command line."""
    import psutil  # not light, and only files of old versions need it

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if any(folder in word for word in process.cmdline()):
            return True
        return os.path.realpath(process.cwd()) == os.path.realpath(folder)
    return False


def open_pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; the caller closes it.

    The pid may have passed to another process meanwhile: ask for the `fate` of the owner *after*
    this, then the descriptor is surely its own.

    Returns:
        None if the process is gone, or where there is no such thing: ask for its `fate` from time
        to time.
    """
    if LINUX and hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            return os.pidfd_open(pid)
    return None


def _this_machine() -> tuple[str, str, str]:
    """Host, boot id and pid namespace: the same for a process and its forks."""
    global _machine  # noqa: PLW0603 - a cache of what does not change
    if _machine is None:
        boot = namespace = ""
        if LINUX:
            with contextlib.suppress(OSError):
                boot = _text("/proc/sys/kernel/random/boot_id").strip()
            with contextlib.suppress(OSError):
                namespace = os.readlink("/proc/self/ns/pid")
        _machine = host_name(), boot, namespace
    return _machine


def _stat(pid: int) -> _Stat | None:
    """None if the process is missing, or cannot be seen by this user."""
    if LINUX:
        try:
            text = _text(f"/proc/{pid}/stat")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return None
        # The name, in parentheses, may hold anything; fields are numbered from 1 in proc(5)
        fields = text.rpartition(")")[2].split()
        state, threads, started = fields[0], int(fields[17]), fields[19]
        # A leader that ended before its threads is a zombie too, while they may still write
        return _Stat(started, state in {"Z", "X"} and threads <= 1)

    import psutil  # where /proc is absent; not light

    try:
        process = psutil.Process(pid)
        return _Stat(f"{process.create_time():.2f}", process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return None


def _is_missing(pid: int) -> bool:
    """Whether there is surely no such process: `/proc` may hide those of other users."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


# ----------------------------------------------------------------------------------------------
# How much fits


def cores(root: str = "") -> int:
    """How many cores this process may use: its affinity and the quotas of its cgroups.

    Args:
        root: Where `/proc` and `/sys` are, for tests.

    Returns:
        At least 1; a quota of 2.5 cores counts as 2.
    """
    if not LINUX:
        return os.cpu_count() or 1
    return max(1, math.floor(min(len(os.sched_getaffinity(0)), _quota(root))))


def oom_kills(root: str = "") -> int:
    """How many processes this machine has killed for want of memory since it started.

    Args:
        root: Where `/proc` is, for tests.

    Returns:
        0 where the system does not say.
    """
    if LINUX:
        with contextlib.suppress(OSError):
            for line in _text(f"{root}/proc/vmstat").splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
    return 0


def peak_memory(root: str = "") -> int | None:
    """Resident memory of this process at its peak, or of the largest that it waited for, in bytes.

    Args:
        root: Where `/proc` is, for tests.

    Returns:
        None where the system does not say.
    """
    resource = _resource()
    if resource is None:
        return None
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if LINUX:
        # There `ru_maxrss` counts what the process was before its exec: a copy of the scheduler
        with contextlib.suppress(OSError, ValueError, IndexError):
            own = int(_text(f"{root}/proc/self/status").partition("VmHWM:")[2].split(maxsplit=1)[0])
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return int(max(own, children)) * (1 if sys.platform == "darwin" else 1024)


def _resource() -> Any:
    """Python's module `resource`; a user's file of that name is neither taken for it nor run."""
    folders = [path for path in sys.path if path.endswith("/lib-dynload")]
    name = "resource"
    spec = machinery.BuiltinImporter.find_spec(name) or machinery.PathFinder.find_spec(name, folders)
    if spec is None or spec.loader is None:
        return None
    module = spec.loader.create_module(spec)
    if module is not None:
        spec.loader.exec_module(module)
    return module


def _quota(root: str) -> float:
    """The smallest quota of the cgroups of this process, in cores; infinite if none."""
    try:
        lines = _text(f"{root}/proc/self/cgroup").splitlines()
    except OSError:
        return math.inf
    smallest = math.inf
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            mounts, read = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"), _quota_v2
        elif "cpu" in controllers.split(","):
            mounts, read = ("/sys/fs/cgroup/cpu", f"/sys/fs/cgroup/{controllers}"), _quota_v1
        else:
            continue
        # In a container the path may be that of the host: what exists on the way up counts
        steps = path.strip("/").split("/") if path.strip("/") else []
        for depth in range(len(steps), -1, -1):
            for mount in mounts:
                smallest = min(smallest, read("/".join((root + mount, *steps[:depth]))))
    return smallest


def _quota_v2(folder: str) -> float:
    with contextlib.suppress(OSError, ValueError):
        quota, period = _text(f"{folder}/cpu.max").split()
        if quota != "max":
            return int(quota) / int(period)
    return math.inf


def _quota_v1(folder: str) -> float:
    with contextlib.suppress(OSError, ValueError):
        quota = int(_text(f"{folder}/cpu.cfs_quota_us"))
        if quota > 0:
            return quota / int(_text(f"{folder}/cpu.cfs_period_us"))
    return math.inf


def _text(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()
