"""What comes from users and logs cannot command a terminal."""

import unicodedata

import pytest
from hypothesis import given, strategies as st

from experimaestro.monitor.printable import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [bold]text[/]", "plain [bold]text[/]"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]0;title\x07seen", "seen"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\nb\r\nc\td", "a b c d"),
        ("bell\x07 back\x08", "bell\ufffd back\ufffd"),
        ("\x9b31m", "\ufffd31m"),
        ("turned \u202e round", "turned \ufffd round"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("été 学习 👩‍🔬", "été 学习 👩‍🔬"),
        ("no-break\u00a0space", "no-break\u00a0space"),
    ],
)
def test_a_text_is_shown_without_what_a_terminal_obeys(text: str, shown: str):
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_no_control_character_is_left(text: str):
    assert not {unicodedata.category(c) for c in printable(text)} & {"Cc", "Cs", "Zl", "Zp"}


def test_a_long_text_is_cut():
    assert printable("x" * 2000, 10) == "xxxxxxxxxx…"


def test_of_a_progress_bar_in_a_log_its_last_state_is_shown():
    assert printable_lines("start\n 0%|   |\r50%|#  |\r99%|## |\r\nend\n", 10) == ["start", "99%|## |", "end"]


def test_the_first_or_the_last_lines_are_taken():
    assert printable_lines("\na\nb\nc\n", 2) == ["a", "b"]
    assert printable_lines("\na\nb\nc\n", 2, last=True) == ["b", "c"]
    assert printable_lines(" \n", 2) == []
