"""A process that runs a command, and leaves nothing behind when its starter is gone.

Run as a program, with the command as arguments, as leader of a process group of its own. Its
standard input is a pipe whose other end the starter holds and nobody writes to: when the starter
closes it, or is killed, the group is asked to end (SIGTERM) and after `GRACE_S` killed (SIGKILL),
this process included. When the command ends by itself, this process exits with its code.

Either way nothing that the command started goes on, also what left the group (a daemon, a session of
its own): on Linux this process becomes the parent of those, and so finds them.

Standard library only, and little of it: it is started without site packages.
"""

import contextlib
import glob
import os
import select
import signal
import subprocess
import sys
import time

GRACE_S = 1.0
"""How long the group may take to end, in seconds"""

_PR_SET_CHILD_SUBREAPER = 36


def main(command: list[str]) -> int:
    """Runs a command.

    Args:
        command: Program and arguments; it inherits the open files that can be inherited.

    Returns:
        Its exit code; 128 and the signal if one killed it; 127 if it could not be started.
    """
    _adopt()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    # Handlers, as what is ignored would be ignored by the command too
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    while _goes_on(child):
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 512)
        if 0 in ready:
            _end_group(child)
    _kill_all()
    code: int = child.returncode
    return code if code >= 0 else 128 - code


def _adopt() -> None:
    """Makes this process the parent of those below it whose own parent ends."""
    if sys.platform == "linux":
        import ctypes  # slow to load, and of use there only

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _goes_on(child: "subprocess.Popen[bytes]") -> bool:
    """Whether the command goes on; takes note of the end of what was adopted."""
    if sys.platform == "linux":
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)) is not None:
                if ended.si_pid == child.pid:
                    break
                os.waitpid(ended.si_pid, 0)
    return child.poll() is None


def _end_group(child: "subprocess.Popen[bytes]") -> None:
    """Ends all of the group, and this process: at once when the command has ended."""
    os.killpg(0, signal.SIGTERM)
    end = time.monotonic() + GRACE_S
    while _goes_on(child) and time.monotonic() < end:
        time.sleep(0.01)
    _kill_all()
    os.killpg(0, signal.SIGKILL)


def _kill_all() -> None:
    """Kills what is below this process, until nothing is: what a killed one leaves is adopted."""
    while killed := [pid for pid in _below() if _is_killed(pid)]:
        for pid in killed:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _is_killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:  # it became another user's (sudo)
        return False
    return True


def _below() -> list[int]:
    """The children of this process, where the system tells (Linux)."""
    found = []
    for place in glob.iglob("/proc/[0-9]*/stat"):  # noqa: PTH207 - strings are enough
        with contextlib.suppress(OSError), open(place, "rb") as file:  # noqa: PTH123 - same
            if int(file.read().rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(place.split("/")[2]))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
