"""How a run looks: whole pictures, and what holds at any width."""

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from experimaestro.events.model import Level
from experimaestro.monitor.picture import failure, picture
from experimaestro.monitor.snapshot import RunningJob, Snapshot
from experimaestro.monitor.words import Tally
from study import Study


def plain(snapshot: Snapshot, width: int, height: int = 16, unicode: bool = True) -> list[str]:
    return [line.plain.rstrip() for line in picture(snapshot, "first", width, height, unicode=unicode)]


def small_study() -> Study:
    study = Study()
    study.submit(1).observe(1, "done").submit(2).observe(2, "done").start(3).fail(3)
    study.submit(4, lr=0.1).observe(4).start(4, t=10.0).progress(4, (0.5, "epoch 5/10"), (0.2, "batch 1/5"))
    study.submit(5, lr=0.01).observe(5).start(5, t=15.0)
    study.submit(6, 4).observe(6).submit(7, 3).observe(7).skip(7, 3)
    return study


def test_a_wide_terminal_shows_the_run_on_one_line_and_a_line_for_each_running_job():
    head, *rows = plain(small_study().look(t=100.0), 124)

    assert head == (
        "▸ first  01:40  ━━━━━━━━━━━━┅┅┅┅┅┅┅┅┅────┄┄┄┄✕✕✕✕"
        "  2 done  2 running  1 waiting  1 skipped  1 failed  about 3 min left"
    )
    assert rows == [
        "  train lr=0.1   ━━━━━━──────   50%  01:30  epoch 5/10, batch 1/5",
        "  train lr=0.01                      01:25",
    ]


def test_an_ordinary_terminal_shows_the_same_on_two_lines():
    assert plain(small_study().look(t=100.0), 80)[:2] == [
        "▸ first  01:40  about 3 min left",
        "  ━━━━━━━━━━━┅┅┅┅┅┅┅───┄┄┄✕✕✕  2 done  2 running  1 waiting  1 skipped  1 failed",
    ]


def test_a_narrow_terminal_shows_the_same_on_more_lines():
    assert plain(small_study().look(t=100.0), 40) == [
        "▸ first  01:40  about 3 min left",
        "  ━━━━━━━━━━━━━┅┅┅┅┅┅┅┅┅┅─────┄┄┄┄┄✕✕✕✕✕",
        "  2 done  2 running  1 waiting",
        "  1 skipped  1 failed",
        "  train lr=0.1    50%  01:30  epoch 5/1…",
        "  train lr=0.01        01:25",
    ]


def test_without_unicode_the_marks_are_ascii():
    lines = plain(small_study().look(t=100.0), 80, unicode=False)

    assert "\n".join(lines).isascii()
    assert lines[1].startswith("  ###########=======...///xxx  2 done")


def test_a_run_without_jobs_says_so():
    assert plain(Study().look(), 80) == ["▸ first  00:20  no job yet"]


@pytest.mark.parametrize(("failed", "mark"), [(0, "✓"), (1, "✕")])
def test_a_run_in_which_nothing_is_left_shows_how_it_went(failed: int, mark: str):
    assert plain(Snapshot(5.0, 0.0, Tally(found=3, failed=failed)), 80)[0].startswith(f"{mark} first  00:05")


def test_trouble_is_a_banner():
    study = small_study().trouble("/data/runs: No space left on device")
    assert plain(study.look(), 80)[0] == "✕ /data/runs: No space left on device: trying again"


def test_what_runs_elsewhere_says_so():
    study = Study().submit(1).observe(1, "running")
    assert plain(study.look(), 80)[-1].endswith("runs elsewhere")


def test_jobs_that_do_not_fit_are_counted():
    study = Study()
    for i in range(100, 120):
        study.start(i)

    lines = plain(study.look(limit=10), 80, height=6)

    assert len(lines) == 6
    assert lines[-1] == "  … 17 more running"


def test_one_failure_among_ten_thousand_jobs_is_seen_in_the_bar():
    bar = plain(Snapshot(5.0, 0.0, Tally(found=9999, failed=1)), 100)[1]

    assert bar.endswith("━✕  9,999 done  1 failed")


def test_columns_stay_while_progress_arrives():
    study = small_study()
    before = plain(study.look(t=100.0), 120)[1]
    after = plain(study.progress(4, (1.0, "")).look(t=100.0), 120)[1]

    assert before.index("01:30") == after.index("01:30")


def test_markup_of_users_is_text():
    study = (
        Study().submit(1, **{"[bold]": "[/]"}).observe(1).start(1).progress(1, (0.5, "[red]x[/red] \x1b[2J"))
    )

    line = plain(study.look(), 120)[-1]

    assert "[bold]=[/]" in line
    assert "[red]x[/red]" in line
    assert "\x1b" not in line


def test_a_failure_begins_with_its_mark():
    lines = failure("train lr=1 failed", ["train.py:1 in f: [x]", "end of /a:", "  log"], unicode=True)
    assert [line.plain for line in lines] == [
        "✕ train lr=1 failed",
        "  train.py:1 in f: [x]",
        "  end of /a:",
        "    log",
    ]


counts = st.one_of(st.just(0), st.integers(0, 20), st.integers(0, 10**6))
jobs = st.builds(
    RunningJob,
    key=st.just("lab.train/" + "a" * 64),
    task=st.one_of(st.just("lab.train"), st.text()),
    tags=st.dictionaries(st.text(), st.one_of(st.text(), st.floats(), st.none())),
    progress=st.lists(st.builds(Level, st.floats(), st.text())).map(tuple),
    seconds=st.floats(0, 1e7),
    is_here=st.booleans(),
)
snapshots = st.builds(
    Snapshot,
    t=st.floats(0, 1e7),
    started=st.just(0.0),
    tally=st.tuples(*[counts] * 7).map(lambda numbers: Tally(*numbers)),
    running=st.lists(jobs, max_size=10).map(tuple),
    remaining=st.none() | st.floats(0, 1e9),
    trouble=st.just("") | st.text(),
)


@given(snapshots, st.text(), st.integers(1, 220), st.integers(1, 30), st.booleans())
def test_no_line_is_wider_than_the_terminal_and_none_holds_a_control_character(
    snapshot: Snapshot, title: str, width: int, height: int, unicode: bool
):
    for line in picture(snapshot, title, width, height, unicode=unicode):
        assert cell_len(line.plain) <= width
        assert line.plain.isprintable() or not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line.plain)


@given(snapshots, st.integers(30, 220))
def test_every_count_that_is_not_zero_is_shown(snapshot: Snapshot, width: int):
    shown = "\n".join(plain(snapshot, width, 30))
    assert all(f"{count:,} {look.word}" in shown for count, look in snapshot.tally.parts() if count)
