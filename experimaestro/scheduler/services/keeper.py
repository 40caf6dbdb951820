"""A process that runs a command, and leaves nothing behind when its starter is gone.

Run as a program, with the command as arguments, as leader of a process group of its own. Its
standard input is a pipe whose other end the starter holds and nobody writes to: when the starter
closes it, or is killed, the group is asked to end (SIGTERM) and after `GRACE_S` killed (SIGKILL),
this process included. When the command ends by itself, this process exits with its code.

Standard library only, and little of it: it is started without site packages.
"""

import os
import select
import signal
import subprocess
import sys
import time

GRACE_S = 1.0
"""How long the group may take to end, in seconds"""


def main(command: list[str]) -> int:
    """Runs a command.

    Args:
        command: Program and arguments; it inherits the open files that can be inherited.

    Returns:
        Its exit code; 128 and the signal if one killed it; 127 if it could not be started.
    """
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
    while child.poll() is None:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 512)
        if 0 in ready:
            _end_group(child)
    code: int = child.returncode
    return code if code >= 0 else 128 - code


def _end_group(child: "subprocess.Popen[bytes]") -> None:
    """Ends all of the group, and this process: at once when the command has ended."""
    os.killpg(0, signal.SIGTERM)
    end = time.monotonic() + GRACE_S
    while child.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
