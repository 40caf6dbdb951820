"""What a saved notebook shows of a run, wherever it is opened."""

import re
from html.parser import HTMLParser

from experimaestro.events.owners import Outcome
from experimaestro.monitor.feed import Title
from experimaestro.monitor.html import ROWS, date, snapshot
from study import Study

TAGS = {"div", "p", "span", "strong", "bdi", "code", "br", "details", "summary"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}

TITLE = Title("first", "1", "/runs", 2)


def drawn(study: Study, t: float = 62.0) -> tuple[str, str]:
    return snapshot(study.state, TITLE, t)


class Words(HTMLParser):
    """The text of a page, as one reads it where every style is removed; and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[str] = [""]
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in {"tr", "p", "summary"}:
            self.rows.append("")
        elif tag in {"td", "th"}:
            self.rows[-1] += " | "

    def handle_data(self, data: str) -> None:
        self.rows[-1] += data.strip("\n")


def test_failures_come_first_with_message_and_line():
    study = Study()
    study.submit("a", lr=0.1).observe("a").start("a").fail("a")
    study.submit("b", "a").observe("b").skip("b", "a").start("c").end("c")

    html, text = drawn(study)

    rows = [" ".join(row.replace("\xa0", " ").split()) for row in Words(html).rows]
    assert [row for row in rows if row] == [
        "○ idle first 1 01:02 elapsed",
        "✓ 1 done ⊘ 1 skipped ✕ 1 failed",
        "| State | Task | lr | Note | Duration",
        "| ✕ failed | train | 0.1 | | 00:10",
        "| | ValueError: notrain.py:12 in execute",
        "2 other jobs",
        "| State | Task | lr | Note | Duration",
        "| ⊘ skipped | train | | train failed |",
        "| ✓ done | train | | | 00:10",
        f"Snapshot of {date(62.0)}. Run this cell again for the live view; xp.dataframe() has all 3 jobs.",
    ]
    counts = "1 done, 1 skipped, 1 failed"
    assert text == f"○ experiment 'first', idle: {counts} (as of {date(62.0)})"


def test_what_users_write_is_never_markup():
    evil = "<img src=x onerror=alert(1)>\u202e"
    study = Study()
    study.submit("a", **{"tag<b>": evil}).observe("a").start("a")
    study.fail("a", Outcome("failed", f"{evil}: no", frame=f"{evil}:1 in f: x"))

    html, _ = drawn(study)

    assert "img" not in Words(html).tags
    assert "\u202e" not in html


def test_only_what_sanitisers_keep_is_used():
    study = Study()
    study.start("a").fail("a").start("b").end("b")

    html, _ = drawn(study)

    assert Words(html).tags <= TAGS
    assert Words(html).attributes <= {"style", "title", "align", "nowrap", "colspan", "data-xpm-saved"}
    assert not re.search(r"class=|id=|<script|<style|var\(|rgba|href|https?:|token", html)


def test_of_many_jobs_a_hundred_are_shown_and_the_others_counted():
    study = Study()
    for i in range(300):
        study.submit(f"{i:03} ", lr=1e-3, corpus="wiki", seed=i)

    html, text = drawn(study)

    assert html.count("<tr") == ROWS + 1
    assert len(html) < 100_000  # a notebook is kept, sent and compared
    assert "200 more; <code>xp.dataframe()</code> has all 300 jobs. Snapshot of" in html
    assert "300 waiting" in text


def test_a_run_without_jobs_says_so():
    html, text = drawn(Study())

    assert "<table" not in html
    assert "no job yet" in text


def test_jobs_that_run_are_shown_however_many_came_before_them():
    study = Study()
    for i in range(2001):
        study.submit(f"{i:04} ")
    study.start("last")

    html, _ = drawn(study)

    assert "running</td>" in html


def test_a_run_that_was_loaded_says_where_its_view_and_table_are():
    study = Study()
    study.start("a").end("a").start("b").end("b")

    html, _ = snapshot(study.state, TITLE, 62.0, "done")

    assert "<code>run.widget</code> is the live view; <code>run.dataframe()</code> has all 2 jobs." in html
