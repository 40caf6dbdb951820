"""What is found in the folder of a job, and what is written there, step by step."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from experimaestro.events.owners import Observation, Outcome, Owner
from experimaestro.workspace import attempts, files, interchange, processes
from experimaestro.workspace.layout import JobPaths
from experimaestro.workspace.processes import Fate

SCHEDULER = Owner("host", "boot", "ns", 10, "100")
JOB = Owner("host", "boot", "ns", 20, "200", "77")
DONE = Outcome("done", t=9.0)
FAILED = Outcome("failed", "ValueError: no", code=1, frame="train.py:12 in execute", t=9.0)


@pytest.fixture
def paths(tmp_path: Path) -> JobPaths:
    return JobPaths.of(str(tmp_path), "my.train/" + "0" * 64)


def all_are(fate: Fate) -> Callable[[Owner], Fate]:
    """Everybody who can be read has this fate."""
    return lambda owner: fate if owner.host else "unknown"


alive, gone, unknown = all_are("alive"), all_are("gone"), all_are("unknown")


def run(paths: JobPaths, outcome: Outcome | None = None) -> int:
    """An attempt up to its start, or to its end."""
    n = attempts.claim(paths, SCHEDULER)
    assert n is not None
    assert attempts.start(paths, n, JOB, 5.0)
    if outcome and attempts.end(paths, n, outcome):
        attempts.conclude(paths, n, outcome)
    return n


# ----------------------------------------------------------------------------------------------
# The way of a job


def test_a_new_job_is_free_and_looking_creates_nothing(paths: JobPaths, tmp_path: Path):
    assert attempts.observe(paths) == Observation("free")
    assert attempts.settle(paths) == Observation("free")
    assert os.listdir(tmp_path) == []


def test_a_claimed_job_will_be_run_by_its_scheduler(paths: JobPaths):
    assert attempts.claim(paths, SCHEDULER) == 1

    assert attempts.observe(paths, alive) == Observation("running", 1, SCHEDULER)


def test_a_started_job_is_run_by_its_process(paths: JobPaths):
    assert run(paths) == 1

    assert attempts.observe(paths, alive) == Observation("running", 1, JOB, started_t=5.0)


def test_a_job_that_ended_well_is_done(paths: JobPaths):
    run(paths, DONE)

    assert attempts.observe(paths) == Observation("done")
    assert Path(paths.done).read_bytes() == b""
    assert attempts.claim(paths, SCHEDULER) is None


def test_a_job_that_ended_badly_is_failed_and_may_be_claimed_again(paths: JobPaths):
    run(paths, FAILED)

    assert attempts.observe(paths) == Observation("failed", 1, outcome=FAILED)
    assert json.loads(Path(paths.failed).read_bytes()) == {
        "code": 1,
        "reason": "failed",
        "message": "ValueError: no",
    }

    assert attempts.claim(paths, SCHEDULER) == 2
    assert not Path(paths.failed).exists()


def test_a_job_that_succeeds_after_a_failure_has_one_marker(paths: JobPaths):
    run(paths, FAILED)
    Path(paths.failed).touch()
    run(paths, DONE)

    assert Path(paths.done).exists()
    assert not Path(paths.failed).exists()


def test_an_open_attempt_is_not_claimed_again(paths: JobPaths):
    attempts.claim(paths, SCHEDULER)
    assert attempts.claim(paths, SCHEDULER) is None

    attempts.start(paths, 1, JOB, 5.0)
    assert attempts.claim(paths, SCHEDULER) is None


def test_a_void_attempt_is_followed_by_another(paths: JobPaths):
    attempts.claim(paths, SCHEDULER)
    assert attempts.void(paths, 1)
    assert not attempts.start(paths, 1, JOB, 5.0)
    assert not attempts.void(paths, 1)

    assert attempts.observe(paths) == Observation("free", 1)
    assert attempts.claim(paths, SCHEDULER) == 2


@pytest.mark.parametrize("name", ["claim", "start"])
def test_a_claim_or_start_is_of_who_wrote_it_while_it_is_there(paths: JobPaths, name: str):
    path = getattr(paths, name)(1)
    owner, other = (SCHEDULER, JOB) if name == "claim" else (JOB, SCHEDULER)
    assert not attempts.is_of(path, owner)
    run(paths)

    assert attempts.is_of(path, owner)
    assert not attempts.is_of(path, other)
    assert not attempts.is_of(path, owner._replace(started="201"))
    Path(path).write_bytes(b"")
    assert attempts.is_of(path, owner), "what cannot be read is not taken for absent"


def test_a_void_start_is_of_nobody(paths: JobPaths):
    attempts.claim(paths, SCHEDULER)
    attempts.void(paths, 1)

    assert not attempts.is_of(paths.start(1), JOB)


def test_a_process_starts_only_what_the_scheduler_claimed_that_launched_it(paths: JobPaths):
    assert not attempts.start(paths, 1, JOB, 5.0)
    attempts.claim(paths, SCHEDULER)

    assert not attempts.start(paths, 2, JOB, 5.0, attempts.mark(SCHEDULER))
    assert not attempts.start(paths, 1, JOB, 5.0, attempts.mark(SCHEDULER._replace(started="101")))
    assert attempts.start(paths, 1, JOB, 5.0, attempts.mark(SCHEDULER))


def test_a_job_that_started_is_not_void(paths: JobPaths):
    run(paths)

    assert not attempts.void(paths, 1)


def test_there_is_one_end(paths: JobPaths):
    run(paths)

    assert attempts.end(paths, 1, DONE)
    assert not attempts.lose(paths, 1, Outcome("lost"))
    assert attempts.observe(paths) == Observation("done", 1, outcome=DONE)


def test_what_never_started_is_not_lost(paths: JobPaths):
    attempts.claim(paths, SCHEDULER)
    assert not attempts.lose(paths, 1, Outcome("lost"))

    attempts.void(paths, 1)
    assert not attempts.lose(paths, 1, Outcome("lost"))
    assert attempts.observe(paths) == Observation("free", 1)


def test_the_end_of_an_attempt_is_read_though_another_followed(paths: JobPaths):
    run(paths, FAILED)
    run(paths)

    assert attempts.ended(paths, 1) == FAILED
    assert attempts.ended(paths, 2) is None


def test_a_claim_that_cannot_remove_the_old_failure_is_known_to_its_owner(
    paths: JobPaths, monkeypatch: pytest.MonkeyPatch
):
    run(paths, FAILED)

    def fail(path: str) -> bool:
        raise PermissionError(path)

    monkeypatch.setattr(files, "remove", fail)

    assert attempts.claim(paths, SCHEDULER) == 2


def test_attempts_are_counted_as_numbers(paths: JobPaths):
    for _ in range(10):
        run(paths, FAILED)

    assert attempts.claim(paths, SCHEDULER) == 11


def test_other_files_among_the_attempts_are_ignored(paths: JobPaths):
    run(paths, FAILED)
    Path(paths.attempts, "12.note").touch()
    Path(paths.attempts, ".2.claim.host.1.0.tmp").touch()

    assert attempts.claim(paths, SCHEDULER) == 2


# ----------------------------------------------------------------------------------------------
# Who was killed when


def test_a_claim_whose_scheduler_is_gone_is_made_void(paths: JobPaths):
    attempts.claim(paths, SCHEDULER)
    assert attempts.observe(paths, gone) == Observation("gone", 1, SCHEDULER)

    assert attempts.settle(paths, gone) == Observation("free", 1)
    assert json.loads(Path(paths.start(1)).read_bytes()) == {"void": True}


def test_a_job_whose_process_is_gone_is_lost(paths: JobPaths):
    run(paths)
    lost = Outcome("lost", "pid 20 on host is gone and left no word")
    assert attempts.observe(paths, gone) == Observation("gone", 1, JOB, started_t=5.0)

    assert attempts.settle(paths, gone) == Observation("failed", 1, outcome=lost)
    assert interchange.read_failed(paths) == Outcome("failed", lost.message, code=1)


def test_a_job_killed_between_end_and_marker_is_done(paths: JobPaths):
    run(paths)
    attempts.end(paths, 1, DONE)

    assert attempts.settle(paths, gone) == Observation("done", 1, outcome=DONE)
    assert Path(paths.done).exists()
    assert attempts.settle(paths, gone) == Observation("done")


def test_a_job_killed_between_a_bad_end_and_its_marker_is_failed(paths: JobPaths):
    run(paths)
    attempts.end(paths, 1, FAILED)

    assert attempts.settle(paths, gone).kind == "failed"
    assert Path(paths.failed).exists()


def test_a_process_of_which_nothing_is_known_is_left_alone(paths: JobPaths):
    run(paths)

    assert attempts.settle(paths, unknown) == Observation("unknown", 1, JOB, started_t=5.0)
    assert not Path(paths.end(1)).exists()


def test_a_process_that_ended_well_while_it_was_proven_gone_is_done(paths: JobPaths):
    run(paths)

    def ends_now(_owner: Owner) -> Fate:
        attempts.end(paths, 1, DONE)
        return "gone"

    assert attempts.settle(paths, ends_now) == Observation("done", 1, outcome=DONE)
    assert not Path(paths.failed).exists()


def test_a_disk_that_refuses_what_would_settle_leaves_it_gone(
    paths: JobPaths, monkeypatch: pytest.MonkeyPatch
):
    run(paths)
    monkeypatch.setattr(files, "put_if_absent", lambda *_args, **_options: False)

    assert attempts.settle(paths, gone).kind == "gone"


def test_a_slow_failure_does_not_mark_the_attempt_that_followed(paths: JobPaths):
    run(paths)
    attempts.end(paths, 1, FAILED)
    attempts.claim(paths, SCHEDULER)

    attempts.conclude(paths, 1, FAILED)

    assert not Path(paths.failed).exists()


def test_a_failure_does_not_stand_beside_a_success(paths: JobPaths):
    run(paths)
    attempts.end(paths, 1, FAILED)
    Path(paths.done).touch()

    attempts.conclude(paths, 1, FAILED)

    assert not Path(paths.failed).exists()


# ----------------------------------------------------------------------------------------------
# What cannot be read

GARBAGE = [b"", b"\0\0\0", b"{", b"[]", b"{}", b'{"owner": 1}', b'{"owner": {"pid": "x", "host": "h"}}']


@pytest.mark.parametrize("content", GARBAGE)
def test_a_start_that_cannot_be_read_is_not_free(paths: JobPaths, content: bytes):
    attempts.claim(paths, SCHEDULER)
    Path(paths.start(1)).write_bytes(content)

    for fate in (alive, gone, processes.fate):
        assert attempts.settle(paths, fate) == Observation("unknown", 1, started_t=0.0)
    assert attempts.claim(paths, SCHEDULER) is None


@pytest.mark.parametrize("content", GARBAGE)
def test_a_claim_that_cannot_be_read_is_not_free(paths: JobPaths, content: bytes):
    attempts.claim(paths, SCHEDULER)
    Path(paths.claim(1)).write_bytes(content)

    assert attempts.settle(paths, gone) == Observation("unknown", 1)
    assert attempts.claim(paths, SCHEDULER) is None


def test_the_user_gives_up_who_cannot_be_read(paths: JobPaths):
    attempts.claim(paths, SCHEDULER)
    Path(paths.claim(1)).write_bytes(b"")
    assert attempts.settle(paths, lambda _: "gone") == Observation("free", 1)

    attempts.claim(paths, SCHEDULER)
    Path(paths.start(2)).write_bytes(b"")
    lost = Outcome("lost", "its process is gone and left no word")
    assert attempts.settle(paths, lambda _: "gone") == Observation("failed", 2, outcome=lost)
    assert attempts.claim(paths, SCHEDULER) == 3


@pytest.mark.parametrize("content", [b"", b"\0\0", b"{", b"{}", b'{"status": 1}'])
def test_an_end_that_cannot_be_read_counts_once_its_process_is_gone(paths: JobPaths, content: bytes):
    run(paths)
    Path(paths.end(1)).write_bytes(content)

    assert attempts.settle(paths, alive) == Observation("running", 1, JOB, started_t=5.0)
    assert attempts.settle(paths, unknown) == Observation("unknown", 1, JOB, started_t=5.0)
    assert attempts.claim(paths, SCHEDULER) is None

    found = attempts.settle(paths, gone)
    kept = f"{paths.end(1)}.unreadable"
    said = f". How it ended cannot be read: it is kept in {kept}" if content else ""
    assert found.kind == "failed"
    assert found.outcome == Outcome("lost", f"pid 20 on host is gone and left no word{said}")
    assert not content or Path(kept).read_bytes() == content
    assert Path(paths.failed).exists()
    assert attempts.claim(paths, SCHEDULER) == 2


def test_an_end_of_a_later_version_is_a_failure(paths: JobPaths):
    run(paths)
    Path(paths.end(1)).write_text('{"status": "evaporated", "message": "m", "new": 1}', encoding="utf-8")

    assert attempts.observe(paths, gone) == Observation("failed", 1, outcome=Outcome("failed", "m"))


def test_an_owner_of_a_later_version_is_read(paths: JobPaths):
    attempts.claim(paths, SCHEDULER)
    content = {"owner": {**JOB._asdict(), "new": 1}, "t": 6, "new": 2}
    Path(paths.start(1)).write_text(json.dumps(content), encoding="utf-8")

    assert attempts.observe(paths, alive) == Observation("running", 1, JOB, started_t=6.0)


def test_a_disk_that_does_not_tell_is_no_absence(paths: JobPaths, monkeypatch: pytest.MonkeyPatch):
    run(paths, FAILED)

    def fail(path: str) -> bytes:
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr(files, "read", fail)
    with pytest.raises(OSError, match="Input/output error"):
        attempts.claim(paths, SCHEDULER)


# ----------------------------------------------------------------------------------------------
# Other versions


def test_a_job_whose_lock_is_held_runs(paths: JobPaths):
    fd = interchange.lock(paths)
    assert fd is not None

    assert attempts.observe(paths) == Observation("running", 0, started_t=0.0)

    os.close(fd)
    assert attempts.observe(paths) == Observation("free")


def test_a_job_whose_pid_file_names_a_living_process_runs(paths: JobPaths):
    files.make_folder(paths.folder)
    interchange.write_pid(paths, processes.myself())
    owner = Owner(processes.host_name(), "", "", os.getpid(), "")

    assert attempts.observe(paths) == Observation("running", 0, owner, started_t=0.0)


def test_a_pid_file_of_another_machine_is_unknown_unless_the_job_failed(paths: JobPaths):
    files.make_folder(paths.folder)
    interchange.write_pid(paths, JOB)
    assert attempts.observe(paths) == Observation("unknown", 0, Owner("host", "", "", 20, ""), started_t=0.0)

    Path(paths.failed).write_text("1", encoding="utf-8")
    assert attempts.observe(paths) == Observation("failed", 0, outcome=Outcome("failed", code=1))


def test_the_pid_file_and_lock_of_our_own_ended_process_are_no_new_owner(paths: JobPaths):
    fd = interchange.lock(paths)
    assert fd is not None
    me = processes.myself()
    attempts.claim(paths, me)
    attempts.start(paths, 1, me, 5.0)
    interchange.write_pid(paths, me)
    attempts.end(paths, 1, FAILED)

    assert attempts.observe(paths).kind == "failed"

    attempts.conclude(paths, 1, FAILED)
    assert attempts.observe(paths, gone).kind == "running"  # it is gone: another holds the lock
    os.close(fd)


def test_a_failure_of_another_version_is_read(paths: JobPaths):
    files.make_folder(paths.folder)
    Path(paths.failed).write_text('{"code": 1, "reason": "memory"}', encoding="utf-8")

    assert attempts.settle(paths) == Observation("failed", 0, outcome=Outcome("memory", code=1))
    assert attempts.claim(paths, SCHEDULER) == 1
    assert not Path(paths.failed).exists()


def test_a_failure_with_exit_code_0_is_a_success_of_an_old_version(paths: JobPaths):
    files.make_folder(paths.folder)
    Path(paths.failed).write_text("0", encoding="utf-8")

    assert attempts.observe(paths) == Observation("done")


def test_a_done_job_is_done_whatever_else_is_there(paths: JobPaths):
    run(paths)
    Path(paths.done).touch()
    Path(paths.failed).write_text("1", encoding="utf-8")

    assert attempts.settle(paths, gone) == Observation("done")
    assert attempts.claim(paths, SCHEDULER) is None


# ----------------------------------------------------------------------------------------------


def test_looking_at_a_done_job_asks_the_disk_once(paths: JobPaths, monkeypatch: pytest.MonkeyPatch):
    run(paths, DONE)
    asked: list[str] = []
    exists = files.exists

    def look(path: str) -> bool:
        asked.append(path)
        return exists(path)

    monkeypatch.setattr(files, "exists", look)
    for name in ("read", "names"):
        monkeypatch.delattr(files, name)

    attempts.settle(paths)

    assert asked == [paths.done]


def test_looking_at_a_new_job_asks_the_disk_twice(paths: JobPaths, monkeypatch: pytest.MonkeyPatch):
    for name in ("read", "names"):
        monkeypatch.delattr(files, name)

    assert attempts.observe(paths) == Observation("free")
