"""What views get from a feed: all rows once, then what changed, whatever is lost on the way."""

import random
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from experimaestro.events.model import JobSubmitted
from experimaestro.monitor import feed as feed_module
from experimaestro.monitor.feed import PART, THREAD, Feed
from experimaestro.monitor.messages import Message
from experimaestro.monitor.rows import COLUMNS, STATE, TEXT, Row
from experimaestro.monitor.table import BATCH, Look, Table
from experimaestro.workspace.layout import JobPaths
from polling import wait_until
from watching import Commanded, View, Watched, feed_of, source_of


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def feed(watched: Watched) -> Iterator[Feed]:
    feed = feed_of(watched, control=Commanded())
    yield feed
    feed.close()


def is_alive() -> bool:
    return any(thread.name == THREAD for thread in threading.enumerate())


def is_after(view: View, seq: int) -> bool:
    return view.seq > seq


def test_a_view_gets_the_rows_once_and_then_what_changes(watched: Watched, feed: Feed):
    with watched.changing() as study:
        study.start("a").submit("b", "a").observe("b")
    view = View(feed)
    view.wait_for(watched)

    with watched.changing() as study:
        study.progress("a", (0.5, "epoch 1/2")).submit("c", lr=1e-3)
    view.wait_for(watched)

    assert view.resets == 1
    assert view.received[0]["cols"] == COLUMNS
    deltas = [message for message in view.received if message["t"] == "delta"]
    assert [cell for delta in deltas for cell in delta.get("set", ())] == [
        (0, TEXT, "epoch 1/2"),
        (0, COLUMNS.index("value"), 0.5),
    ]


def test_the_text_of_a_job_that_waits_follows_what_it_waits_for(watched: Watched, feed: Feed):
    with watched.changing() as study:
        study.start("a").start("b").submit("c", "a", "b").observe("c")
    view = View(feed)
    view.wait_for(watched)
    assert view.rows[2][TEXT] == "for 2 jobs"

    with watched.changing() as study:
        study.end("a")

    wait_until(lambda: view.rows[2][TEXT] == "for 1 job")


def test_the_head_tells_counts_and_log(watched: Watched, feed: Feed):
    with watched.changing() as study:
        study.start("a").start("b").fail("b").submit("c", "b").observe("c").skip("c", "b")
    view = View(feed)
    view.wait_for(watched)

    wait_until(lambda: view.run)
    assert view.run["status"] == "running"
    assert view.run["counts"] == {"done": 0, "running": 1, "waiting": 0, "skipped": 1, "failed": 1}
    assert view.log == [
        (0.0, "info", "run 1 started, workspace /runs, 2 workers"),
        (14.0, "error", "train bbbbbbbb: ValueError: no; 1 job skipped"),
    ]


def test_all_views_get_the_same_numbers(watched: Watched, feed: Feed):
    views = [View(feed, f"view {i}") for i in range(5)]
    for name in "abc":
        with watched.changing() as study:
            study.start(name)
        for view in views:
            view.wait_for(watched)

    assert len({(view.epoch, view.seq) for view in views}) == 1


def test_a_lost_delta_is_sent_again_and_nothing_else(watched: Watched, feed: Feed):
    with watched.changing() as study:
        study.start("a")
    view = View(feed)
    view.wait_for(watched)
    lost: list[Message] = []

    def lose_one(message: Message) -> bool:
        if message["t"] == "delta" and "set" in message and not lost:
            lost.append(message)
            return True
        return False

    view.lose = lose_one
    with watched.changing() as study:
        study.progress("a", (0.1, "one"))
    wait_until(lambda: lost)
    with watched.changing() as study:
        study.progress("a", (0.2, "two"))
    view.wait_for(watched)

    assert view.resets == 1


def test_a_view_that_slept_too_long_gets_everything(watched: Watched, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feed_module, "_KEPT", 2)
    feed = feed_of(watched)
    try:
        with watched.changing() as study:
            study.start("a")
        view, other = View(feed, "sleeper"), View(feed, "other")
        view.wait_for(watched)
        view.lose = lambda _: True
        for i in range(4):
            seq = other.seq
            with watched.changing() as study:
                study.progress("a", (i / 100, f"step {i}"))
            wait_until(partial(is_after, other, seq))

        view.lose = lambda _: False
        view.hello()
        view.wait_for(watched)

        assert view.resets > 1
    finally:
        feed.close()


@pytest.mark.parametrize("epoch", ["", "of another kernel"])
def test_a_view_of_another_epoch_gets_everything(watched: Watched, feed: Feed, epoch: str):
    with watched.changing() as study:
        study.start("a")
    view = View(feed)
    view.wait_for(watched)
    view.epoch, view.seq = epoch, 12
    view.hello()

    wait_until(lambda: view.resets == 2)
    view.wait_for(watched)


def test_a_hello_that_misses_nothing_is_answered_by_a_sign_of_life(watched: Watched, feed: Feed):
    view = View(feed)
    view.wait_for(watched)
    wait_until(lambda: view.run)
    before = len(view.received)
    view.hello()

    wait_until(lambda: len(view.received) > before)
    assert view.received[-1] == {"t": "delta", "to": "view", "epoch": view.epoch, "seq": view.seq}


def test_many_rows_come_in_parts_and_no_look_takes_more_than_a_batch(watched: Watched, feed: Feed):
    count = 2 * PART + 1
    with watched.changing() as study:
        for i in range(count):
            study.submit(f"{i:05} ")
    first = View(feed, "first")
    first.wait_for(watched)
    adds = [len(message.get("add", ())) for message in first.received if message["t"] == "delta"]
    assert max(adds) <= BATCH

    second = View(feed, "second")
    second.wait_for(watched)
    assert second.parts == [PART, PART, 1]


def test_nothing_is_asked_when_no_view_is_open(watched: Watched, feed: Feed):
    view = View(feed)
    view.wait_for(watched)
    view.send(t="bye", view=view.name)

    wait_until(lambda: not is_alive())
    asked = watched.asked
    with watched.changing() as study:
        study.start("a")
    assert watched.asked == asked
    assert not is_alive()

    again = View(feed, "again")
    again.wait_for(watched)
    assert again.resets == 1


def test_a_closed_wire_ends_its_views(watched: Watched, feed: Feed):
    view = View(feed)
    view.wait_for(watched)
    view.wire.close()

    wait_until(lambda: not is_alive())


def test_a_view_that_is_silent_is_forgotten(watched: Watched, feed: Feed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feed_module, "LEASE_S", 0.5)
    view = View(feed)
    view.wait_for(watched)

    wait_until(lambda: not is_alive())


def test_a_wire_that_breaks_leaves_the_others(watched: Watched, feed: Feed, caplog: pytest.LogCaptureFixture):
    good = View(feed, "good")
    good.wait_for(watched)

    def broken(_: Message) -> None:
        raise BrokenPipeError("gone")

    feed.connect(broken).receive({"t": "hello", "v": 1, "view": "bad"})
    wait_until(lambda: "a view cannot be reached any more" in caplog.text)
    with watched.changing() as study:
        study.start("a")

    good.wait_for(watched)


def test_two_feeds_of_one_state_both_see_each_change(watched: Watched, feed: Feed):
    other_feed = feed_of(watched)
    try:
        view, other = View(feed, "view"), View(other_feed, "other")
        for name in "abc":
            with watched.changing() as study:
                study.start(name)
            view.wait_for(watched)
            other.wait_for(watched)
    finally:
        other_feed.close()


@pytest.mark.parametrize(
    ("nonsense", "why"),
    [
        ({"t": "fly", "id": "1"}, "not a message: Invalid value 'fly' - at `$.t`"),
        (
            {"t": "do", "id": "1", "do": "explode"},
            "not a message: Invalid enum value 'explode' - at `$.do`",
        ),
        (
            {"t": "do", "id": "1", "do": "kill", "jobs": "all"},
            "not a message: Expected `array | null`, got `str` - at `$.jobs`",
        ),
        ({"t": "ask", "id": "1", "ask": "details", "job": "nobody"}, "this run has no job 'nobody'"),
        ({"t": "do", "id": "1", "do": "kill", "jobs": ["../etc"]}, "this run has no job '../etc'"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(feed: Feed, nonsense: Message, why: str):
    view = View(feed)

    assert view.request(**nonsense) == {"t": "reply", "id": "1", "ok": False, "error": why}


def test_a_file_that_is_not_as_expected_is_answered_too(watched: Watched, tmp_path: Path):
    feed = feed_of(watched, tmp_path)
    try:
        with watched.changing() as study:
            study.start("a")
        view = View(feed)
        view.wait_for(watched)
        key = str(view.rows[0][0])
        params = Path(JobPaths.of(str(tmp_path), key).params)
        params.parent.mkdir(parents=True)
        params.write_text('{"objects": 7}', encoding="utf-8")

        answer = view.request(t="ask", id="1", ask="parameters", job=key)
    finally:
        feed.close()

    assert answer["error"].startswith("this cannot be shown: ")


@pytest.mark.parametrize("nonsense", [None, 12, "hello", [], {}, {"t": "hello"}, {"t": "do", "id": 7}])
def test_nonsense_changes_nothing(watched: Watched, feed: Feed, nonsense: object):
    view = View(feed)
    if nonsense is not None:
        view.wire.receive(nonsense)
    with watched.changing() as study:
        study.start("a")

    view.wait_for(watched)


def test_a_view_of_another_version_is_told(feed: Feed):
    view = View(feed)
    view.wire.receive({"t": "hello", "v": 99, "view": "old"})

    wait_until(lambda: {"t": "old", "to": "old"} in view.received)


def test_a_thousand_commands_at_once_are_each_answered(watched: Watched):
    control = Commanded()
    feed = feed_of(watched, control=control)
    try:
        with watched.changing() as study:
            study.start("a")
        view = View(feed)
        view.wait_for(watched)
        for i in range(1000):
            view.send(t="do", id=str(i), do="kill", jobs=[watched.study.key("a")])

        wait_until(lambda: len(view.replies) == 1000)
        assert all(answer["ok"] for answer in view.replies.values())
        assert len(control.calls) == 1000
    finally:
        feed.close()


def test_a_graph_has_jobs_up_to_two_hundred_and_tasks_above(watched: Watched, feed: Feed):
    with watched.changing() as study:
        study.submit("a", task="lab.prepare").submit("b").submit("c", "b")
        needs = (study.key("a", "lab.prepare"), study.key("c"))
        study.state.apply(
            JobSubmitted(t=1.0, job=study.key("d"), run=study.run, task="lab.train", deps=needs)
        )
    view = View(feed)
    view.wait_for(watched)
    tasks = [("lab.prepare", "lab.train")]
    assert view.request(t="ask", ask="graph")["data"] == {"jobs": [(1, 2), (0, 3), (2, 3)], "tasks": tasks}

    with watched.changing() as study:
        for i in range(200):
            study.submit(f"{i:03} ", "d")
    view.wait_for(watched)
    assert view.request(t="ask", ask="graph")["data"] == {"jobs": None, "tasks": tasks}


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_lost_the_view_shows_what_is(watched: Watched, feed: Feed, seed: int):
    chance = random.Random(seed)
    view = View(feed)
    view.wait_for(watched)
    view.lose = lambda message: message["t"] == "delta" and chance.random() < 0.3
    known: list[str] = []
    for step in range(30):
        with watched.changing() as study:
            if not known or chance.random() < 0.4:
                known.append(f"{step:02} ")
                study.start(known[-1])
            else:
                study.progress(chance.choice(known), (chance.random(), f"step {step}"))
        if chance.random() < 0.2:
            view.hello()
    view.lose = lambda _: False
    view.hello()

    view.wait_for(watched)


def test_a_watcher_is_told_the_counts_without_any_row(watched: Watched, feed: Feed):
    told: list[int] = []
    feed.watch(lambda overview: told.append(overview.snapshot.tally.running))
    with watched.changing() as study:
        study.start("a")

    wait_until(lambda: told and told[-1] == 1)


def test_a_watcher_that_fails_ends_nothing(watched: Watched, feed: Feed, caplog: pytest.LogCaptureFixture):
    def fail(_: object) -> None:
        raise RuntimeError("no")

    feed.watch(fail)
    view = View(feed)
    wait_until(lambda: "a watcher of first failed" in caplog.text)
    with watched.changing() as study:
        study.start("a")

    view.wait_for(watched)


def test_a_feed_can_go_over_to_another_run(watched: Watched, feed: Feed):
    with watched.changing() as study:
        study.start("a")
    view = View(feed)
    view.wait_for(watched)
    other = Watched()
    with other.changing() as study:
        study.start("b").start("c")

    feed.follow(source_of(other))

    view.wait_for(other)
    assert view.resets == 2


def test_a_table_that_is_closed_takes_no_note_of_changes(watched: Watched):
    table = Table(watched.study.run)
    with watched.changing() as study:
        study.start("a")
        table.fold(table.look(study.state))
        table.close(study.state)
        study.end("a")

    assert [row[STATE] for row in table.rows] == ["running"]
    assert watched.study.state.changed


def test_a_task_that_another_run_asked_for_first_has_its_edge_once_it_has_a_row():
    table = Table("lab/1")
    after: Row = ["a/1", "lab.Train", {}, "waiting"]
    before: Row = ["b/2", "lab.Prepare", {}, "done"]

    table.fold(Look([after], [("b/2",)], [], more=False))
    assert table.tasks() == []

    table.fold(Look([before], [()], [], more=False))
    assert table.tasks() == [("lab.Prepare", "lab.Train")]
    assert table.edges() == [(1, 0)]
