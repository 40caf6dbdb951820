"""Parts of logs of any size and any bytes."""

import threading
from pathlib import Path

import pytest

from experimaestro.monitor import logs
from experimaestro.monitor.logs import PART, Part


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "train.out"


def at_once(_: float) -> bool:
    return True


def test_a_short_log_is_whole(log: Path):
    log.write_text("one\ntwo\n", encoding="utf-8")

    assert logs.tail(str(log)) == Part(0, 8, 8, "one\ntwo\n")


def test_a_log_that_is_not_there_is_said_to_be_so(log: Path):
    assert logs.tail(str(log)) == Part(0, 0, 0, "", exists=False)


def test_of_a_log_of_two_gigabytes_only_the_end_is_read_from_the_beginning_of_a_line(log: Path):
    with log.open("wb") as file:
        file.truncate(2**31)
        file.seek(2**31)
        file.write(b"".join(b"line %06d\n" % i for i in range(10_000)))

    part = logs.tail(str(log))

    assert part.size == 2**31 + 120_000
    assert part.text.splitlines()[0].startswith("line ")
    assert part.text.endswith("line 009999\n")
    assert PART - 12 <= part.end - part.begin <= PART


def test_what_stands_before_a_part_joins_it(log: Path):
    lines = [f"line {i}\n" for i in range(20_000)]
    log.write_text("".join(lines), encoding="utf-8")
    part = logs.tail(str(log))
    text = part.text
    while part.begin:
        part = logs.before(str(log), part.begin)
        text = part.text + text

    assert text == "".join(lines)


def test_a_log_without_end_of_line_is_cut_at_characters(log: Path):
    log.write_text("é" * PART, encoding="utf-8")

    part = logs.tail(str(log))

    assert set(part.text) == {"é"}
    assert part.begin % 2 == 0


def test_a_character_that_is_not_whole_yet_waits_for_its_rest(log: Path):
    data = "a€b😀".encode()
    seen, offset = "", 0
    for length in range(1, len(data) + 1):
        log.write_bytes(data[:length])
        part = logs.after(str(log), offset)
        seen, offset = seen + part.text, part.end

    assert seen == "a€b😀"


def test_bytes_that_are_no_text_are_shown_as_unknown(log: Path):
    log.write_bytes(bytes(range(256)))

    assert logs.tail(str(log)).text.count("\ufffd") == 128


def test_a_log_that_was_begun_anew_is_read_from_its_start(log: Path):
    log.write_text("second attempt\n", encoding="utf-8")

    assert logs.after(str(log), 1000) == Part(0, 15, 15, "second attempt\n")


def test_following_waits_for_more(log: Path):
    log.write_text("one\n", encoding="utf-8")
    waits: list[float] = []

    def pause(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 3:
            with log.open("a", encoding="utf-8") as file:
                file.write("two\n")
        return False

    assert logs.follow(str(log), 4, pause).text == "two\n"
    assert len(waits) == 3


def test_following_ends_with_its_lease_or_when_nobody_waits_any_more(log: Path):
    log.write_text("one\n", encoding="utf-8")
    waits: list[float] = []

    def pause(seconds: float) -> bool:
        waits.append(seconds)
        return False

    logs.follow(str(log), 4, pause, lease_s=1.0)
    assert sum(waits) == 1.0

    assert logs.follow(str(log), 4, at_once).text == ""


def test_following_a_pipe_end_that_never_comes_can_be_ended(log: Path):
    log.write_text("", encoding="utf-8")
    over = threading.Event()
    over.set()

    assert logs.follow(str(log), 0, over.wait) == Part(0, 0, 0, "")


def test_a_log_that_cannot_be_read_raises_what_the_system_says(tmp_path: Path):
    with pytest.raises(OSError):
        logs.tail(str(tmp_path))
