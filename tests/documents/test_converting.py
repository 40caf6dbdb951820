"""Nodes to values: what is accepted, and what is said of the rest."""
# The old spellings, Union[...] and Optional[...], are a part of what is tested
# ruff: noqa: UP007, UP045

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NewType, Optional, Protocol, TypedDict, Union

import attrs
import pytest

from experimaestro.documents.converting import Conversion
from experimaestro.documents.fields import MISSING
from experimaestro.documents.reading import read_text

Seconds = NewType("Seconds", int)


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Level(enum.Enum):
    LOW = 1


@attrs.define(kw_only=True)
class Optim:
    lr: float
    steps: int = 10


@dataclasses.dataclass
class Data:
    name: str
    rows: int = dataclasses.field(default=5)


@attrs.define(kw_only=True)
class Study:
    optim: Optim = attrs.Factory(lambda: Optim(lr=0.5, steps=3))
    names: dict[str, Data] = attrs.Factory(dict)
    seed: int = MISSING


class Plain:
    size: int


@attrs.define(kw_only=True)
class Checked:
    n: int = attrs.field(default=1, validator=attrs.validators.ge(0))


@attrs.define(kw_only=True)
class Named:
    _private: int = 1
    other: int = attrs.field(default=2, alias="another")


class Row(TypedDict):
    n: int


class Sized(Protocol):
    size: int


def convert(text: str, of: Any) -> Any:
    conversion = Conversion()
    value = conversion.convert(read_text(f"v: {text}", "a.yaml").value["v"], of, "v")
    assert conversion.problems == []
    return value


def problems(text: str, of: Any) -> list[str]:
    conversion = Conversion()
    conversion.convert(read_text(f"v: {text}", "a.yaml").value["v"], of, "v")
    return [str(problem) for problem in conversion.problems]


@pytest.mark.parametrize(
    ("text", "of", "value"),
    [
        ("1", int, 1),
        ("1.0", int, 1),
        ("'12'", int, 12),
        ("1e-4", float, 1e-4),
        ("'0.25'", float, 0.25),
        ("3", float, 3.0),
        ("'yes'", bool, True),
        ("0", bool, False),
        ("1.10", str, "1.10"),
        ("yes", str, "yes"),
        ("a/b", Path, Path("a/b")),
        ("null", Optional[int], None),
        ("1", int | None, 1),
        ("12", Union[str, int], 12),
        ("'12'", Union[int, str], "12"),
        ("12", Union[float, bool], 12.0),
        ("small", Size, Size.SMALL),
        ("LARGE", Size, Size.LARGE),
        ("1", Level, Level.LOW),
        ("a", Literal["a", "b"], "a"),
        ("2", Literal[1, 2], 2),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, 2]", Sequence[float], [1.0, 2.0]),
        ("[1, 2]", tuple[int, ...], (1, 2)),
        ("[1, a]", tuple[int, str], (1, "a")),
        ("[1, 1]", set[int], {1}),
        ("[1]", frozenset[int], frozenset((1,))),
        ("{a: 1}", dict[str, int], {"a": 1}),
        ("{1: 2}", Mapping[int, int], {1: 2}),
        ("{1: [a, null]}", Any, {1: ["a", None]}),
        ("[1, a]", list, [1, "a"]),
        ("5", Annotated[int, "doc"], 5),
        ("5", Final[int], 5),
        ("{_private: 3, other: 4}", Named, Named(private=3, another=4)),
        ("5", Seconds, 5),
        ("{lr: 1}", Optim, Optim(lr=1.0)),
        ("{name: x, rows: 2}", Data, Data("x", 2)),
        ("{lr: 1, x-note: any}", Optim, Optim(lr=1.0)),
        ("{seed: 1, optim: {steps: 4}}", Study, Study(seed=1, optim=Optim(lr=0.5, steps=4))),
        ("{seed: 1, names: {a: {name: b}}}", Study, Study(seed=1, names={"a": Data("b")})),
        ("[{lr: 1}, {lr: 2}]", list[Optim], [Optim(lr=1.0), Optim(lr=2.0)]),
        ("{name: x}", Union[Optim, Data], Data("x")),
    ],
)
def test_a_value_becomes_what_the_annotation_says(text: str, of: Any, value: object):
    made = convert(text, of)

    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("text", "of", "said"),
    [
        ("fast", float, ["a.yaml:1: v: expected a float, got 'fast'"]),
        ("1.5", int, ["a.yaml:1: v: expected an int, got 1.5"]),
        ("yes", int, ["a.yaml:1: v: expected an int, got yes"]),
        ("null", str, ["a.yaml:1: v: expected a str, got null"]),
        ("[a]", str, ["a.yaml:1: v: expected a str, got a list"]),
        ("maybe", bool, ["a.yaml:1: v: expected a bool (true or false), got 'maybe'"]),
        ("1", None, ["a.yaml:1: v: expected null, got 1"]),
        ("smal", Size, ["a.yaml:1: v: expected one of 'small', 'large', got 'smal'. Did you mean 'small'?"]),
        ("c", Literal["a", "b"], ["a.yaml:1: v: expected one of 'a', 'b', got 'c'"]),
        ("3", list[int], ["a.yaml:1: v: expected a list, each an int, got 3. Write [3]"]),
        ("{a: 1}", list[int], ["a.yaml:1: v: expected a list, each an int, got a mapping"]),
        ("[1, b, c]", list[int], ["a.yaml:1: v[1]: expected an int, got 'b'",
                                  "a.yaml:1: v[2]: expected an int, got 'c'"]),
        ("[1]", tuple[int, int], ["a.yaml:1: v: expected a list of 2, got one of 1"]),
        ("[[1]]", set, ["a.yaml:1: v: the elements of a set must be scalars"]),
        ("[1]", dict[str, int], ["a.yaml:1: v: expected a mapping, got a list"]),
        ("{a: b}", dict[int, int], ["a.yaml:1: v.a: its key: expected an int, got 'a'",
                                    "a.yaml:1: v.a: expected an int, got 'b'"]),
        ("x", Union[int, float], ["a.yaml:1: v: expected an int or a float, got 'x'"]),
        ("x", Optional[int], ["a.yaml:1: v: expected an int, got 'x'"]),
        ("3", Optim, ["a.yaml:1: v: expected a mapping (Optim), got 3"]),
        ("{lrr: 1, steps: x}", Optim, ["a.yaml:1: v.lrr: unknown key. Did you mean 'lr'?",
                                       "a.yaml:1: v.lr: missing: expected a float",
                                       "a.yaml:1: v.steps: expected an int, got 'x'"]),
        ("{}", Study, ["a.yaml:1: v.seed: missing: expected an int"]),
        ("{lr: 1, names: 3}", Union[Optim, Data], ["a.yaml:1: v.names: unknown key. There are: lr, steps"]),
        ("1", Plain, [("a.yaml:1: v: a Plain cannot be written in YAML: decorate the class with "
                       "@configuration")]),
        ("1", bytes, ["a.yaml:1: v: a bytes cannot be written in YAML"]),
        ("{n: 1}", Row, ["a.yaml:1: v: a Row cannot be written in YAML"]),
        ("x", Final[int], ["a.yaml:1: v: expected an int, got 'x'"]),
        ("{n: 1}", Sized, ["a.yaml:1: v: a Sized cannot be written in YAML"]),
        ("{n: -1}", Checked, ["a.yaml:1: v: Checked refuses it: 'n' must be >= 0: -1"]),
        ("x" * 80, int, [f"a.yaml:1: v: expected an int, got '{'x' * 49}...{'x' * 6}'"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_key(text: str, of: Any, said: list[str]):
    assert problems(text, of) == said
