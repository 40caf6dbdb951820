"""Whether a kernel is shown as busy after a click: a real kernel, with a subshell as JupyterLab makes one."""

import time
from collections.abc import Iterator

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from jupyter_core.utils import ensure_event_loop

from polling import wait_until

SHOW = """
import asyncio, time
from ipywidgets import Widget
from experimaestro.notebook import kernel
def show():
    global widget
    widget = Widget()
    kernel.listen(widget, lambda content: None)
"""

LEFT_BEHIND = """
async def later():
    await asyncio.sleep(0.3)
    show()
task = asyncio.get_event_loop().create_task(later())
"""

OTHER_PARENT = """
kernel.kernel().set_parent([], {"header": {"msg_type": "comm_msg", "msg_id": "other"}}, "shell")
"""


class Kernel:
    """A kernel, and what it says of its status."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client
        self.statuses: list[tuple[str, str]] = []
        """`busy` or `idle`, and the kind of message that it was said of"""
        self.comm = ""
        """Of the widget that was shown"""
        request = client.session.msg("create_subshell_request", {})
        client.control_channel.send(request)
        self._subshell = client.get_control_msg(timeout=20)["content"]["subshell_id"]

    def begin(self, code: str) -> None:
        """Has a cell run."""
        before = len(self.statuses)
        self._client.execute(code)
        self._wait("busy", "execute_request", before)

    def run(self, code: str) -> None:
        """Runs a cell to its end."""
        before = len(self.statuses)
        self._client.execute(code)
        self._wait("idle", "execute_request", before)

    def click(self) -> None:
        """Sends what a view sends when a button is clicked, and waits until the kernel is done with it."""
        content = {"comm_id": self.comm, "data": {"method": "custom", "content": {}}}
        message = self._client.session.msg("comm_msg", content)
        message["header"]["subshell_id"] = self._subshell
        before = len(self.statuses)
        self._client.shell_channel.send(message)
        self._wait("idle", "comm_msg", before)
        time.sleep(0.15)  # for what is said after it

    def _wait(self, status: str, kind: str, before: int) -> None:
        wait_until(lambda: [self.said(), (status, kind) in self.statuses[before:]][1])

    def said(self) -> tuple[str, str]:
        """The last status."""
        while self._client.iopub_channel.msg_ready():
            message = self._client.get_iopub_msg(timeout=1)
            if message["msg_type"] == "comm_open":
                self.comm = message["content"]["comm_id"]
            if message["msg_type"] == "status":
                kind = message["parent_header"].get("msg_type", "")
                self.statuses.append((message["content"]["execution_state"], kind))
        return self.statuses[-1] if self.statuses else ("", "")


@pytest.fixture
def one() -> Iterator[Kernel]:
    manager, client = start_new_kernel()
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        ensure_event_loop().close()  # of the client


def test_a_kernel_is_shown_as_busy_after_a_click_as_long_as_a_cell_runs_and_no_longer(one: Kernel) -> None:
    one.run(SHOW)
    one.run("show()")
    one.click()
    assert one.said() == ("idle", "comm_msg")

    for cell in (
        "time.sleep(1)",
        "await asyncio.sleep(1)",
        "_ = get_ipython().run_cell('1'); time.sleep(1)",
        f"time.sleep(1)\n{OTHER_PARENT}",
    ):
        one.begin(cell)
        one.click()
        assert one.said() == ("busy", "execute_request"), cell
        wait_until(lambda: one.said()[0] == "idle")
        one.click()
        assert one.said() == ("idle", "comm_msg"), cell


def test_a_view_that_is_shown_after_its_cell_ended_makes_no_kernel_busy(one: Kernel) -> None:
    one.run(SHOW)
    one.run(LEFT_BEHIND)
    wait_until(lambda: [one.said(), one.comm][1])

    one.click()

    assert one.said() == ("idle", "comm_msg")
