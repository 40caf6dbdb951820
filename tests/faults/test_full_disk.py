"""A disk that is full when a job ends: what it worked for is not lost."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro import experiment
from experimaestro.exceptions import FailedExperiment
from polling import wait_until
from tasks import Note, notes


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own, in memory; needs the right to mount."""
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill(disk: Path) -> Path:
    """Leaves no space; the file that takes it."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    return filler


@pytest.mark.linux
@pytest.mark.slow
def test_a_job_that_ends_while_the_disk_is_full_is_done_when_there_is_space(
    disk: Path, tmp_path: Path
) -> None:
    log = str(tmp_path / "log")
    xp = experiment(disk / "runs", "full", display=False).start()
    Note.C(name="a", log=log, until=str(tmp_path / "go")).submit()
    wait_until(lambda: list(disk.glob("runs/jobs/*/*/note.pid")), deadline=30)
    filler = fill(disk)
    (tmp_path / "go").touch()
    wait_until(lambda: notes(log) == ["a"], deadline=30)
    ended = time.monotonic()
    wait_until(lambda: time.monotonic() > ended + 1)  # it tries to say so, more than once
    assert not list(disk.glob("runs/jobs/*/*/.experimaestro/attempts/1.end"))

    filler.unlink()
    xp.wait()
    xp.stop()

    assert notes(log) == ["a"]
    assert xp.status == "done"


@pytest.mark.linux
@pytest.mark.slow
def test_a_job_that_fails_while_the_disk_is_full_says_why_when_there_is_space(
    disk: Path, tmp_path: Path
) -> None:
    xp = experiment(disk / "runs", "full", display=False).start()
    missing = tmp_path / "/".join(["missing"] * 500)  # more than a buffer has
    task = Note.C(name="a", log=str(missing), until=str(tmp_path / "go")).submit()
    wait_until(lambda: list(disk.glob("runs/jobs/*/*/note.pid")), deadline=30)
    filler = fill(disk)
    (tmp_path / "go").touch()
    began = time.monotonic()
    wait_until(lambda: time.monotonic() > began + 1)
    assert not list(disk.glob("runs/jobs/*/*/.experimaestro/attempts/1.end"))

    filler.unlink()
    with pytest.raises(FailedExperiment, match="FileNotFoundError: "):
        xp.wait()
    xp.stop()

    said = task.stderr().read_text(encoding="utf-8")
    assert said.count("Traceback (most recent call last)") == 1
    assert f"FileNotFoundError: [Errno 2] No such file or directory: '{missing}'\n" in said
