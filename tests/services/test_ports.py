"""Ports: held until a server listens, and believed only if it is ours."""

import os
import socket

import pytest

from experimaestro.scheduler.services.ports import HOST, Held, is_open, listen, listens


@pytest.mark.linux
def test_a_held_port_is_given_to_nobody_by_itself_and_to_the_server_that_asks_for_it():
    held = Held()
    with socket.socket() as careless, pytest.raises(OSError, match="Address already in use"):
        careless.bind((HOST, held.port))
    others = [Held() for _ in range(200)]
    assert not is_open(held.port)

    with socket.create_server((HOST, held.port)):  # sets SO_REUSEADDR, as servers do
        assert is_open(held.port)
        held.release()
        assert is_open(held.port)
    assert held.port not in {other.port for other in others}
    for other in others:
        other.release()


def test_who_listens_is_known():
    with listen() as listening:
        port = listening.getsockname()[1]
        assert listens(os.getpid(), port) == HOST
        assert listens(os.getpid(), port + 1) is None
        assert listens(2**22 + 1, port) is None
