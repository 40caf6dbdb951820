"""What a log file gets of a run: whole texts."""

from experimaestro.monitor.plain import PlainLines
from experimaestro.monitor.snapshot import Snapshot
from experimaestro.monitor.words import Tally
from study import Study


def told(*snapshots: Snapshot) -> list[str]:
    lines: list[str] = []
    view = PlainLines(lines.append, "first")
    for snapshot in snapshots:
        view.show(snapshot)
    return lines


def at(t: float, done: int, waiting: int, remaining: float | None = None, trouble: str = "") -> Snapshot:
    return Snapshot(
        t, 0.0, Tally(here=done, running=1, waiting=waiting - 1), remaining=remaining, trouble=trouble
    )


def test_nothing_is_told_before_the_first_job():
    assert told(Study().look(), Study().look()) == []


def test_the_first_look_and_each_tenth_of_the_way_are_told():
    assert told(*(at(t, t, 100 - t, remaining=600) for t in range(1, 31)))[:3] == [
        "first: 100 jobs: 1 done, 1 running, 98 waiting; about 10 min left",
        "first: 100 jobs: 10 done, 1 running, 89 waiting; about 10 min left",
        "first: 100 jobs: 20 done, 1 running, 79 waiting; about 10 min left",
    ]


def test_two_lines_are_at_least_a_second_apart():
    assert len(told(*(at(t / 10, t, 100 - t) for t in range(100)))) == 10


def test_a_change_is_told_after_ten_seconds_and_no_change_after_ten_minutes():
    times = [*range(20), *range(20, 700, 10)]
    lines = told(*(at(t, int(t > 3), 1000) for t in times))

    assert [line.partition("; ")[0] for line in lines] == [
        "first: 1,000 jobs: 1 running, 999 waiting",
        "first: 1,001 jobs: 1 done, 1 running, 999 waiting",
        "first: 1,001 jobs: 1 done, 1 running, 999 waiting",
    ]


def test_a_way_that_grows_with_new_jobs_is_not_told_twice():
    assert len(told(at(0, 9, 1), at(2, 9, 11), at(4, 18, 2))) == 1


def test_trouble_is_told_in_the_line():
    assert told(at(0, 1, 2, trouble="/data:\x1b[2J full")) == [
        "first: 3 jobs: 1 done, 1 running, 1 waiting; /data: full: trying again"
    ]
