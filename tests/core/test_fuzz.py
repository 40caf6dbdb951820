"""Classes and values, right and wrong, made by Hypothesis: whatever is wrong is one of our errors.

`FUZZ_EXAMPLES` says how many are tried (`make fuzz`: 100,000).
"""

import json
import os
import sys
import warnings
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Any as TypingAny, Literal

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from experimaestro import (
    Annotated,
    Any,
    Choices,
    Config,
    Constant,
    InstanceConfig,
    Meta,
    Param,
    PathGenerator,
    field,
    sealed_set,
    setmeta,
    tag,
)
from experimaestro.core.definition import define, write
from experimaestro.core.types import type_of
from experimaestro.exceptions import DefinitionError, ExperimaestroError

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2000"))
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


class Colour(Enum):
    RED = 1
    BLUE = "blue"


class Leaf(Config):
    size: Param[int] = field(default=0)


class Other(Config):
    name: Param[str] = field(default="")


class Twin(InstanceConfig):
    size: Param[int] = field(default=0)


class Rude:
    """Cannot even be shown, but to Hypothesis."""

    def __repr__(self) -> str:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and "hypothesis" not in frame.f_code.co_filename:
            if f"{os.sep}experimaestro{os.sep}core" in frame.f_code.co_filename:
                raise ValueError("no")
            frame = frame.f_back
        return "Rude()"

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        raise ValueError("no")


class Text(str):
    __slots__ = ()


ITSELF: list[TypingAny] = []
ITSELF.append(ITSELF)

SCALARS: dict[TypingAny, st.SearchStrategy[TypingAny]] = {
    int: st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.integers(-9, 9).map(str),
    float: st.floats() | st.integers(-(2**70), 2**70) | st.just("1e3"),
    str: st.text(st.characters(exclude_categories=["Cs"])).filter(
        lambda t: "\x03" not in t and "\x05" not in t
    ),
    bool: st.booleans() | st.sampled_from(["yes", "No", 0, 1.0, "off"]),
    Colour: st.sampled_from(Colour),
    Literal["a", 2]: st.sampled_from(["a", 2]),
    Leaf: st.integers(-5, 5).map(lambda n: Leaf.C(size=n)),
    Twin: st.integers(-1, 1).map(lambda n: Twin.C(size=n)),
    Config: st.sampled_from(["x", "y"]).map(lambda name: Other.C(name=name)),
}
LIST: TypingAny = list
DICT: TypingAny = dict
SET: TypingAny = set
KEYS: list[TypingAny] = [int, str, bool]

Pair = tuple[TypingAny, st.SearchStrategy[TypingAny]]
"""A type, and values that it accepts"""


def containers(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.one_of(
        inner.map(lambda of: (LIST[of[0]], st.lists(of[1], max_size=3))),
        inner.map(lambda of: (of[0] | None, of[1] | st.none())),
        st.tuples(st.sampled_from(KEYS), inner).map(
            lambda pair: (
                DICT[pair[0], pair[1][0]],
                st.lists(
                    st.tuples(SCALARS[pair[0]], pair[1][1]),
                    max_size=3,
                    unique_by=lambda item: type_of(pair[0], {}).check(item[0]),  # what the key means
                ).map(dict),
            )
        ),
        st.sampled_from([int, str, Colour]).map(lambda of: (SET[of], st.sets(SCALARS[of], max_size=3))),
        st.just((set[Leaf], st.sets(st.integers(0, 3), max_size=3).map(leaves))),
    )


def leaves(sizes: set[int]) -> set[Leaf]:
    return sealed_set(*(Leaf.C(size=size) for size in sizes))


TYPES: st.SearchStrategy[Pair] = st.recursive(
    st.sampled_from(sorted(SCALARS.items(), key=repr)), containers, max_leaves=3
)

JUNK: st.SearchStrategy[TypingAny] = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(max_size=3),
    st.sampled_from(
        [
            *(Rude(), Rude, Text("text"), ITSELF, int, Leaf, Colour, Path("/x"), Ellipsis, object(), len),
            *(frozenset([1]), (1, 2), {"a": {"b": ()}}, [[[1, b""]]], {1: 2, "a": 3}, {(1,): 2}, 10**400),
            *(tag(3), tag([1]), [tag(1)], range(3), "\ud800", b"\xff", complex(1, 2), memoryview(b"a")),
        ]
    ),
    st.builds(Leaf.C),
    st.builds(lambda: setmeta(Other.C(), True)),
    st.builds(lambda: Leaf.C().instance()),
    st.lists(st.integers() | st.text(), max_size=3),
    st.dictionaries(st.integers() | st.text(), st.integers() | st.lists(st.text()), max_size=3),
)


def made(**namespace: TypingAny) -> TypingAny:
    """A class as users write it."""
    meta: TypingAny = type(Config)
    return meta("Made", (Config,), {"__module__": __name__, "__qualname__": "Made", **namespace})


def use(config: TypingAny) -> None:
    """Everything that may be done with a configuration that was accepted."""
    identity = repr(config.__identifier__())
    assert repr(config.copy().__identifier__()) == identity
    assert config.copy() == config or "nan" in repr(config)
    assert config.__repr__()
    config.seal()
    assert repr(config.__identifier__()) == identity
    assert json.loads(write(define(config.__xpm__.owner)))
    config.instance()


@FUZZ
@given(st.data())
def test_right_values_are_taken(data: st.DataObject):
    types = data.draw(st.lists(TYPES, min_size=1, max_size=3))
    names = [f"p{number}" for number in range(len(types))]
    words = [data.draw(st.sampled_from([Param, Meta])) for _ in types]
    cls = made(
        __annotations__={name: word[of] for name, word, (of, _) in zip(names, words, types, strict=True)}
    )
    values = {name: data.draw(of) for name, (_, of) in zip(names, types, strict=True)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        use(cls.C(**values))


@FUZZ
@given(st.data())
def test_wrong_values_are_refused_with_parameter_and_place_and_nothing_is_half_set(data: st.DataObject):
    of, good = data.draw(TYPES)
    of = data.draw(st.sampled_from([of, of, Any, int | list[str], tuple[int, ...], Path, Path | None]))
    cls = made(__annotations__={"x": data.draw(st.sampled_from([Param, Meta]))[of], "y": Param[int]})
    junk = data.draw(JUNK | good)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            config = cls.C(x=junk, y=1)
        except ExperimaestroError as error:
            text = str(error)
            assert "Made.C(...): 1 problem (test_fuzz.py:" in text
            assert "\n  x" in text
            assert len(text) < 1000
            config = cls.C(y=1)
            with pytest.raises(ExperimaestroError):
                config.x = junk
            assert "x" not in config.__dict__ or config.__dict__["x"] is None
        else:
            use(config)


DECLARED: st.SearchStrategy[TypingAny] = st.one_of(
    JUNK,
    JUNK.map(lambda value: field(default=value)),
    JUNK.map(lambda value: field(default=value, ignore_default=True)),
    JUNK.map(lambda value: field(ignore_default=value)),
    JUNK.map(lambda value: field(default_factory=lambda: value)),
    JUNK.map(lambda value: field(default_factory=value)),
    st.just(field(default_factory=PathGenerator("a"))),
)
ANNOTATIONS: st.SearchStrategy[TypingAny] = st.one_of(
    TYPES.map(lambda pair: pair[0]),
    st.sampled_from(
        [
            *(bytes, list, dict, object, complex, "int", "Nowhere", "list[", None, Any, Path, tuple[()]),
            *(dict[int], list[int, str], frozenset[int], Literal[b"x"], type, bytes | int),  # type: ignore[misc] # wrong on purpose
        ]
    ),
)


@FUZZ
@given(st.data())
def test_a_class_that_cannot_work_says_so_when_it_is_used(data: st.DataObject):
    namespace: dict[str, TypingAny] = {}
    of = data.draw(ANNOTATIONS)
    try:
        word = data.draw(st.sampled_from([Param, Meta, Constant]))
        annotation = word[of]
        choices = data.draw(st.none() | JUNK)
        if choices is not None:
            annotation = Annotated[of, Choices(choices)]
        if data.draw(st.booleans()):
            namespace["x"] = data.draw(DECLARED)
    except (TypeError, SyntaxError, DefinitionError):
        return  # refused by Python or by us where it was written
    if data.draw(st.booleans()):
        namespace["__xpmid__"] = data.draw(st.text() | JUNK)
    cls = made(__annotations__={"x": annotation}, **namespace)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            config = cls.C()
        except (ExperimaestroError, AssertionError):
            return
        declaration = config.__xpm__.declaration
        if not declaration.generated and not declaration.required:
            use(config)
