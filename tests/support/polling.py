"""Waiting in tests: on a condition, with a deadline, never for a time that seems enough."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], deadline: float = 10.0, what: str = "") -> T:
    """Calls `predicate` until it returns something true, and returns that.

    Args:
        predicate: What is waited for; called in this thread, at least twice.
        deadline: Seconds after which the test fails.
        what: What is waited for, for the message; else the name of the predicate.
    """
    end = time.monotonic() + deadline
    pause = 0.001
    while not (value := predicate()):
        if time.monotonic() > end:
            if last := predicate():  # the machine was asleep, not the code
                return last
            name = what or getattr(predicate, "__name__", repr(predicate))
            pytest.fail(f"waited {deadline:g} s in vain: {name}")
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return value
