"""A configuration as text: what a user sees when he looks at one."""

from enum import Enum
from pathlib import Path
from time import perf_counter

import pytest

from experimaestro import Any, Config, Meta, Param, field
from experimaestro.core.objects.printing import LINES, shown


class Color(Enum):
    """Of a thing."""

    RED = "red"


class Optim(Config):
    """How weights change."""

    lr: Param[float]
    momentum: Param[float] = field(default=0.9)


class Link(Config):
    """One of a chain."""

    before: Param["Link | None"] = None
    others: Param["list[Link] | None"] = None


class Learner(Config):
    """Has many parameters."""

    optims: Param[list[Optim]]
    names: Param[dict[str, str] | None] = None
    color: Param[Color | None] = None
    folder: Meta[Path | None] = None
    anything: Meta[Any | None] = None


def test_what_fits_is_one_line_that_makes_it_again():
    learner = Learner.C(optims=[Optim.C(lr=0.1)], color=Color.RED, anything=(1,))
    text = "Learner.C(anything=(1,), color=Color.RED, optims=[Optim.C(lr=0.1)])"
    assert repr(learner) == str(learner) == text
    assert eval(text) == learner


def test_what_is_longer_is_indented_and_makes_it_again():
    learner = Learner.C(
        optims=[Optim.C(lr=0.1, momentum=0.5), Optim.C(lr=0.01)],
        names={"first": "a text of some length", "second": "another text of some length"},
        folder=Path("a/folder"),
    )
    assert repr(learner) == (
        "Learner.C(\n"
        "    folder=PosixPath('a/folder'),\n"
        "    names={'first': 'a text of some length', 'second': 'another text of some length'},\n"
        "    optims=[Optim.C(lr=0.1, momentum=0.5), Optim.C(lr=0.01)],\n"
        ")"
    )
    learner.folder = None
    assert eval(repr(learner)) == learner


def test_long_lists_and_texts_say_how_much_more_there_is():
    learner = Learner.C(
        optims=[Optim.C(lr=number) for number in range(10_000)],
        names={str(number): "x" for number in range(12)},
        anything="a" * 2_060,
    )
    assert repr(learner) == (
        "Learner.C(\n"
        f"    anything='{'a' * 60}'... 2,000 more,\n"
        "    names={\n"
        + "".join(f"        '{number}': 'x',\n" for number in range(10))
        + "        ... 2 more\n"
        "    },\n"
        "    optims=[\n"
        + "".join(f"        Optim.C(lr={number}.0),\n" for number in range(10))
        + "        ... 9,990 more\n"
        "    ],\n"
        ")"
    )
    assert repr(Learner.C(optims=[], anything=list(range(12)))) == (
        "Learner.C(anything=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 2 more], optims=[])"
    )


def wide(depth: int) -> Link:
    return Link.C(others=[wide(depth - 1) for _ in range(6)] if depth else [])


def test_it_is_never_longer_than_a_screen():
    lines = repr(wide(4)).splitlines()
    assert LINES - 4 <= len(lines) <= LINES
    assert max(map(len, lines)) <= 100


def test_deep_configurations_and_cycles_end():
    link = Link.C()
    for _ in range(10_000):
        link = Link.C(before=link)
    assert repr(link) == f"{'Link.C(before=' * 5}Link.C(...){')' * 5}"
    link = Link.C()
    link.before = Link.C(before=link)
    assert repr(link) == "Link.C(before=Link.C(before=...))"


@pytest.mark.parametrize("kind", [list, set, tuple])
def test_containers_of_a_sealed_configuration_are_shown_alike(kind: type):
    assert shown(kind([1, 2])) == repr(kind([1, 2]))
    assert shown(kind()) == repr(kind())


def test_a_nest_of_lists_ends():
    nest: list[object] = []
    for _ in range(5_000):
        nest = [nest]
    assert shown(nest) == "[[[[[[[...]]]]]]]"


def test_the_work_is_that_of_the_text():
    one = Optim.C(lr=0.1)
    learner = Learner.C(optims=[one] * 100_000, anything="a" * 10_000_000)
    start = perf_counter()
    for _ in range(20):
        repr(learner)
    assert perf_counter() - start < 1


class Sets(Config):
    parts: Param[set[int]]


def test_sets_are_shown_in_an_order_and_as_sets_when_they_are_sealed():
    assert repr(Sets.C(parts={30, 10, 20}).seal()) == "Sets.C(parts={10, 20, 30})"
    assert repr(Sets.C(parts=set()).seal()) == "Sets.C(parts=set())"
