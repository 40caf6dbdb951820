"""Ports of 127.0.0.1, taken without a race, and who listens on one.

Law: a port is never chosen, let go and hoped for. A program of ours gets the *listening socket*
(`listen`). A foreign command gets a number; until it listens, the port is held by a socket that is
bound and does not listen (`Held`): on Linux the kernel then gives the port to nobody by itself, and
lets a program have it that sets SO_REUSEADDR, as servers do. Elsewhere it is let go when the command
starts, and the last rule alone protects: what answers is believed only if a process of ours listens
there (`listens`).
"""

import contextlib
import socket

from experimaestro.exceptions import ServiceError
from experimaestro.workspace.processes import LINUX

HOST = "127.0.0.1"
"""Where everything of ours listens"""

_LAST = 65535

EVERYWHERE = frozenset(("0.0.0.0", "::"))  # noqa: S104 - to tell of it
"""Addresses that other machines reach"""


def checked(port: object, whose: str) -> int:
    """A number that can be a port.

    Args:
        port: The port; 0: a free one.
        whose: What has it, for the message.

    Raises:
        ServiceError: It is no such number.
    """
    if not isinstance(port, int) or not 0 <= port <= _LAST:
        raise ServiceError(
            f"{whose}: port={port!r}: expected a number from 1 to {_LAST}, or 0 for a free one"
        )
    return port


def listen() -> socket.socket:
    """Gives a socket that listens on a free port, for a process that inherits it."""
    listening = socket.create_server((HOST, 0), backlog=128)
    listening.set_inheritable(True)
    return listening


class Held:
    """A port that is held for a command until it listens.

    Args:
        port: The port; 0: a free one.

    Raises:
        ServiceError: Another process has it.
    """

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
        except OSError as error:
            self._socket.close()
            raise ServiceError(
                f"Port {port} cannot be used ({error.strerror}). Stop the process that has it, or pass "
                "port=0, which takes a free one. Then press Start."
            ) from None
        self.port: int = self._socket.getsockname()[1]
        if not LINUX:
            self.release()  # elsewhere two sockets of one port cannot be bound: `listens` remains

    def release(self) -> None:
        """Lets the port go."""
        self._socket.close()


def is_open(port: int) -> bool:
    """Whether something accepts connections on a port of 127.0.0.1."""
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def listens(pid: int, port: int) -> str | None:
    """The address on which a process or one below it listens on a port.

    Args:
        pid: The process.
        port: The port.

    Returns:
        Such as `127.0.0.1`; None if none of them listens there.
    """
    import psutil  # slow to load, and only who starts a command needs it

    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                connections = getattr(process, "net_connections", None) or process.connections
                for one in connections(kind="tcp"):
                    if one.status == psutil.CONN_LISTEN and one.laddr.port == port:
                        return str(one.laddr.ip)
    return None
