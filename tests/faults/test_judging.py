"""The judge of histories finds what may not be: each law, broken in a log."""

from dataclasses import replace
from pathlib import Path

import pytest

from histories import History, Job, Plan
from judging import judge
from performing import Damage, Ended, Record

HISTORY = History(1, Plan((Job("a", (), 0.0, failures=1, holds=True, steps=0),), 1), ("one",), ())


def problems(folder: Path, log: str, record: Record | None = None) -> list[str]:
    """What is wrong with a log, of which each line is `<seconds> <what> <process>`."""
    lines = (line.split() for line in log.split(","))
    text = "".join(f"{t} {what} a {pid}\n" for t, what, pid in lines)
    (folder / "log").write_text(text, encoding="utf-8")
    return judge(HISTORY, folder / "log", record or Record(), folder)


@pytest.mark.parametrize(
    "log",
    [
        "1 begin 10, 2 ok 10",
        "1 begin 10, 2 fail 10, 3 begin 11, 4 ok 11",
        "1 begin 10, 2 timeout 10, 3 begin 11, 4 ok 11",
        "1 begin 66, 3 begin 11, 4 ok 11",
        "1 begin 66, 2 ok 66, 3 begin 11, 4 ok 11",
        "1 begin 66, 2 asked 66, 3 begin 11, 4 ok 11",
    ],
)
def test_what_may_happen_is_no_problem(tmp_path: Path, log: str) -> None:
    assert problems(tmp_path, log, Record(hits={66})) == []


@pytest.mark.parametrize(
    ("log", "problem"),
    [
        ("1 begin 66", "a never succeeded"),
        ("1 begin 10, 2 ok 10, 3 begin 11, 4 ok 11", "a was run again after it had succeeded as process 10"),
        ("1 begin 10, 2 begin 11, 3 ok 11", "a: process 10 ended without a word, and nobody killed it"),
        ("1 begin 10, 2 overlap 10, 3 ok 10", "overlap a"),
        ("1 begin 10, 2 exceeded 10, 3 ok 10", "exceeded a"),
        ("1 begin 10, 2 misread 10, 3 ok 10", "misread a"),
        (
            "1 begin 10, 2 fail 10, 3 begin 11, 4 fail 11, 5 begin 12, 6 ok 12",
            "a failed more often than it was to",
        ),
    ],
)
def test_a_law_that_is_broken_is_one(tmp_path: Path, log: str, problem: str) -> None:
    assert problems(tmp_path, log, Record(hits={66})) == [problem]


TWO = History(
    1,
    Plan(tuple(Job(name, (), 0.0, failures=0, holds=True, steps=0) for name in "ab"), 2),
    ("one",),
    (),
)


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_process_whose_job_was_deleted_may_have_a_token_that_nobody_knows_of(
    tmp_path: Path, *, is_deleted: bool
) -> None:
    lines = ["1 begin a 10", "2 begin a 11", "2 overlap a 11", "2.5 begin b 12", "2.5 exceeded b 12"]
    lines += ["3 ok a 10", "3 ok a 11", "3 ok b 12"]
    (tmp_path / "log").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    folder = tmp_path / "jobs/labour/1"
    folder.mkdir(parents=True)
    (folder / "result.txt").write_text("a", encoding="utf-8")

    found = judge(TWO, tmp_path / "log", Record(deleted={"labour/1"} if is_deleted else set()), tmp_path)

    assert found == (
        []
        if is_deleted
        else ["overlap a", "exceeded b", "a was run again after it had succeeded as process 10"]
    )


@pytest.mark.parametrize(
    ("forgotten", "slots", "killed", "problems"),
    [
        ({10}, 2, 13, []),
        ({12}, 2, 13, []),
        ({14}, 2, 13, ["exceeded a"]),
        ({10}, 1, 13, ["exceeded a"]),  # by those that are known alone
        ({12}, 2, 12, []),  # killed later
    ],
)
def test_a_process_whose_folder_was_deleted_may_begin_when_the_token_is_taken(
    tmp_path: Path, forgotten: set[int], slots: int, killed: int, problems: list[str]
) -> None:
    lines = ["1 begin b 13", "1.5 begin b 12", "2 begin c 11", "2.5 begin a 10", "2.5 exceeded a 10"]
    ends = {10: "3 ok a 10", 11: "3 ok c 11", 12: "3 ok b 12"}
    lines += [line for pid, line in ends.items() if pid != killed] + ["4 begin b 15", "5 ok b 15"]
    (tmp_path / "log").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    jobs = tuple(Job(name, (), 0.0, failures=0, holds=True, steps=0) for name in "abc")
    history = History(1, Plan(jobs, slots), ("one",), ())
    record = Record(hits={12, 13}, forgotten=forgotten)  # what was killed has no token any more

    assert judge(history, tmp_path / "log", record, tmp_path) == problems


def test_a_process_whose_folder_was_deleted_before_it_began_does_nothing(tmp_path: Path) -> None:
    record = Record(forgotten={10, 11}, too_late={11})

    assert problems(tmp_path, "1 begin 10, 2 ok 10", record) == []
    assert problems(tmp_path, "1 begin 11, 2 ok 11", record) == [
        "a: process 11 began after its folder was deleted"
    ]


def test_what_ends_while_the_disk_refuses_may_be_run_again(tmp_path: Path) -> None:
    log = "1 begin 10, 2 ok 10, 30 begin 11, 31 ok 11"

    assert problems(tmp_path, log, Record(refused=[(2.5, 4.0)])) == []
    assert problems(tmp_path, log, Record(refused=[(12.5, 14.0)])) != []


def test_what_ends_while_the_disk_is_full_may_fail_but_is_not_run_again_after_a_success(
    tmp_path: Path,
) -> None:
    record = Record(full=[(0.5, 4.0)])

    assert problems(tmp_path, "1 begin 10, 30 begin 11, 31 ok 11", record) == []
    assert problems(tmp_path, "1 begin 10, 2 ok 10, 30 begin 11, 31 ok 11", record) != []


@pytest.mark.parametrize(
    ("ended", "found"),
    [
        (Ended(0, "", was_hit=False, was_troubled=False), []),
        (Ended(-9, "", was_hit=True, was_troubled=False), []),
        (Ended(-9, "", was_hit=False, was_troubled=False), ["a scheduler ended with -9: "]),
        (Ended(3, "refused", was_hit=False, was_troubled=True), []),
        (Ended(3, "refused", was_hit=False, was_troubled=False), ["a scheduler refused: refused"]),
        (
            Ended(0, "Traceback", was_hit=False, was_troubled=False),
            ["a scheduler showed a traceback: Traceback"],
        ),
    ],
)
def test_a_scheduler_keeps_its_word(tmp_path: Path, ended: Ended, found: list[str]) -> None:
    assert problems(tmp_path, "1 begin 10, 2 ok 10", Record(ended=[ended])) == found


def test_a_file_that_cannot_be_read_is_kept_under_its_name_or_beside_it(tmp_path: Path) -> None:
    end = tmp_path / "jobs" / "t" / "0" / ".experimaestro" / "attempts" / "1.end"
    end.parent.mkdir(parents=True)
    record = Record(damages=[Damage(end, b"{")])
    log = "1 begin 10, 2 ok 10"

    assert problems(tmp_path, log, record) == [f"the content of {end} was deleted: {b'{'!r}"]
    assert problems(tmp_path, log, replace(record, deleted={"t/0"})) == [], "with all of the folder"
    end.with_name("1.end.unreadable").write_bytes(b"{")
    assert problems(tmp_path, log, record) == []
