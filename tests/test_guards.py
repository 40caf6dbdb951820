"""Each guard fires: a test that leaks is failed, and told what it left."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent / "support"

LEAKS = """
import asyncio, os, subprocess, sys, threading, time
from pathlib import Path

import guards
from guards import guarded

guards.GRACE_S = 0.3
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
KEPT = []


def in_loop(work):
    thread = threading.Thread(target=lambda: asyncio.run(work()), name="experimaestro-loop")
    thread.start()
    thread.join()


def test_child():
    KEPT.append(subprocess.Popen(SLEEP))

def test_zombie():
    child = subprocess.Popen([sys.executable, "-c", ""])
    KEPT.append(child)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

def test_orphan(tmp_path):
    up = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]
    start = f"from subprocess import *; Popen({up}, start_new_session=True, stdout=PIPE).stdout.readline()"
    subprocess.run([sys.executable, "-c", start], check=True)

def test_thread():
    threading.Thread(target=time.sleep, args=(20,), daemon=True, name="left-over").start()

def test_open_file(tmp_path):
    KEPT.append((tmp_path / "left-open").open("w"))

def test_blocked_by_open():
    async def work():
        Path(os.devnull).open().close()
    in_loop(work)

def test_blocked_by_sleep():
    async def work():
        time.sleep(0.001)
    in_loop(work)

def test_blocked_by_stat():
    async def work():
        os.path.exists("/nowhere")
    in_loop(work)

def test_blocked_by_waiting():
    async def work():
        threading.Event().wait(0.001)
    in_loop(work)

def test_blocked_by_a_process():
    async def work():
        subprocess.run([sys.executable, "-c", ""])
    in_loop(work)

def test_good(tmp_path):
    async def work():
        import wsgiref.util  # an import may read files
        await asyncio.get_running_loop().run_in_executor(None, os.listdir, tmp_path)
        await asyncio.sleep(0.001)
    in_loop(work)
    async def elsewhere():
        time.sleep(0.001)
    asyncio.run(elsewhere())
    subprocess.run([sys.executable, "-c", ""], check=True)
    (tmp_path / "file").write_text("closed")
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("leaks")
    (folder / "test_leaks.py").write_text(LEAKS, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return run.stdout + run.stderr


def told(outcome: str, test: str) -> str:
    """What the guards said about one of the tests above."""
    parts = re.split(r"_{3,} ERROR at teardown of (\w+) _{3,}", outcome)
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(test, "nothing")


def test_a_good_test_passes(outcome: str):
    assert told(outcome, "test_good") == "nothing"
    assert "11 passed" in outcome, outcome


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("child", "import time; time.sleep(600)"),
        ("zombie", "(a zombie: nobody waited for it)"),
        ("thread", "thread 'left-over' (daemon)"),
        ("blocked_by_waiting", "the event loop was blocked by Condition.wait"),
        ("blocked_by_open", "the event loop was blocked by open"),
        ("blocked_by_stat", "the event loop was blocked by os.stat"),
        ("blocked_by_sleep", "the event loop was blocked by time.sleep"),
        ("blocked_by_a_process", "the event loop was blocked by subprocess.Popen"),
    ],
)
def test_a_leak_is_told(outcome: str, test: str, message: str):
    assert message in told(outcome, f"test_{test}")


@pytest.mark.linux
@pytest.mark.parametrize(
    ("test", "message"), [("orphan", "import time; time.sleep(600)"), ("open_file", "left-open")]
)
def test_a_leak_is_told_where_proc_exists(outcome: str, test: str, message: str):
    assert message in told(outcome, f"test_{test}")


def test_the_blocking_line_is_shown(outcome: str):
    assert 'os.path.exists("/nowhere")' in told(outcome, "test_blocked_by_stat")
