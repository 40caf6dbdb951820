"""What a wait knows of the loop that it is in; waits in real notebooks are tried in tests/browser."""

import asyncio
import sys
import types

import pytest

from experimaestro import waiting


async def of_a_library() -> bool:
    return waiting.is_of_cell()


def of_a_user() -> "types.CoroutineType[object, object, bool]":
    """A coroutine that is defined in a cell."""
    names = {"waiting": waiting}
    code = "async def ask():\n    return waiting.is_of_cell()"
    exec(compile(code, "/tmp/ipykernel_12/34.py", "exec"), names)
    return names["ask"]()  # type: ignore[operator, no-any-return] # the function above


def test_only_the_task_of_a_cell_is_cancelled_by_interrupt(monkeypatch: pytest.MonkeyPatch):
    assert asyncio.run(of_a_library()) is False

    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", types.ModuleType("ipykernel.kernelapp"))

    assert asyncio.run(of_a_library()) is True
    assert asyncio.run(of_a_user()) is False
