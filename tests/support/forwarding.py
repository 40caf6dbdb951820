"""A port that leads to another one, as `ssh -L` makes it."""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def forwarded(to_port: int) -> Iterator[int]:
    """Listens on a free port, and passes every byte on.

    Args:
        to_port: Where it leads, on this machine.

    Yields:
        The port.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="forward", daemon=True)  # type: ignore[arg-type] # callables
        threads.append(thread)
        thread.start()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", to_port))
                sockets.extend((near, far))
                start(copy, near, far)
                start(copy, far, near)

    start(accept)
    try:
        yield int(listening.getsockname()[1])
    finally:
        for one in (listening, *sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in threads:
            thread.join(5)


def copy(source: socket.socket, target: socket.socket) -> None:
    """Passes bytes on until either side ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
