"""Definitions: what tells two things apart that have one identifier, for each weakness of the bytes."""

import json
from collections.abc import Callable
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any as TypingAny

import pytest

from experimaestro import (
    Any,
    Config,
    InstanceConfig,
    LightweightTask,
    Meta,
    Param,
    Task,
    field,
    setmeta,
)
from experimaestro.core import definition
from experimaestro.core.definition import Definition, define, differences, write

pytestmark = pytest.mark.filterwarnings("ignore::experimaestro.exceptions.AmbiguityWarning")


class Level(IntEnum):
    LOW = 1


class Anything(Task):
    x: Param[Any]

    def execute(self) -> None:
        pass


class Two(Task):
    __xpmid__ = "test.two"
    a: Param[str]
    b: Param[str]

    def execute(self) -> None:
        pass


class One(Task):
    __xpmid__ = "test.two"
    a: Param[str]

    def execute(self) -> None:
        pass


class Model(Config):
    size: Param[int] = field(default=1)
    verbose: Meta[bool] = field(default=False)
    where: Meta[Path] = field(default=Path("/tmp"))


class MODEL(Config):
    size: Param[int] = field(default=1)
    verbose: Meta[bool] = field(default=False)
    where: Meta[Path] = field(default=Path("/tmp"))


class Layer(InstanceConfig):
    size: Param[int]


class Net(Config):
    left: Param[Layer]
    right: Param[Layer]


class Both(Config):
    left: Param[Config]
    right: Param[Config]


class Uses(Task):
    model: Param[Config]
    other: Param[Config | None] = field(default=None)
    many: Param[list[Config]] = field(default_factory=list)

    def execute(self) -> None:
        pass


class Before(InstanceConfig):
    """As it was when a job ran."""

    __xpmid__ = "test.changed"
    depth: Param[int]
    rate: Param[float] = field(default=0.1, ignore_default=True)


class After(InstanceConfig):
    """With another default, and a parameter that did not exist."""

    __xpmid__ = "test.changed"
    depth: Param[int]
    rate: Param[float] = field(default=0.2, ignore_default=True)
    drop: Param[float] = field(default=0.5, ignore_default=True)


class Zero(Config):
    x: Param[float] = field(default=0.0, ignore_default=True)


class Value(Config):
    x: Param[Any]


class Seed(LightweightTask):
    seed: Param[int] = field(default=0, ignore_default=True)

    def execute(self) -> None:
        pass


class Ring(Config):
    name: Param[str]
    next: Param["Ring | None"]


def of(task: TypingAny) -> Definition:
    task.seal()
    return define(task.__xpm__.owner)


def shown(left: TypingAny, right: TypingAny) -> list[str]:
    """The differences between two tasks that have one identifier."""
    assert repr(left.__identifier__()) == repr(right.__identifier__())
    found = differences(of(left), of(right))
    return [f"{one.key}: {one.old} / {one.new}" for one in found]


COLLISIONS: list[tuple[str, Callable[[], tuple[TypingAny, TypingAny]], list[str]]] = [
    (
        "dictionaries have no end",
        lambda: (Anything.C(x={"a": {"b": 1}, "c": 2}), Anything.C(x={"a": {"b": 1, "c": 2}})),
        ["x: {'a': {'b': 1}, 'c': 2} / {'a': {'b': 1, 'c': 2}}"],
    ),
    (
        "strings have no length",
        lambda: (Anything.C(x=["a\x03b", "c"]), Anything.C(x=["a", "b\x03c"])),
        ["x[0]: 'a\\x03b' / 'a'", "x[1]: 'c' / 'b\\x03c'"],
    ),
    (
        "one parameter reads as two",
        lambda: (One.C(a="1\x03b\x05\x032"), Two.C(a="1", b="2")),
        ["a: '1\\x03b\\x05\\x032' / '1'"],
    ),
    (
        "names of types are in lower case",
        lambda: (Uses.C(model=Model.C()), Uses.C(model=MODEL.C())),
        ["model: tests.core.test_definition.Model / tests.core.test_definition.MODEL"],
    ),
    ("a boolean is an integer", lambda: (Anything.C(x=1), Anything.C(x=True)), ["x: 1 / True"]),
    (
        "a member of an IntEnum is an integer",
        lambda: (Anything.C(x=1), Anything.C(x=Level.LOW)),
        [f"x: 1 / {__name__}.Level.LOW (value 1)"],
    ),
    (
        "an ignored default was changed",
        lambda: (Uses.C(model=Before.C(depth=1)), Uses.C(model=After.C(depth=1))),
        ["model.rate: 0.1 / 0.2"],
    ),
    (
        "a default is compared with ==",
        lambda: (Uses.C(model=Zero.C(x=0.0)), Uses.C(model=Zero.C(x=-0.0))),
        ["model.x: 0.0 / -0.0"],
    ),
]


@pytest.mark.parametrize(
    ("pair", "text"), [pair[1:] for pair in COLLISIONS], ids=[one[0] for one in COLLISIONS]
)
def test_a_collision_of_identifiers_is_seen(pair: Callable[[], tuple[TypingAny, TypingAny]], text: list[str]):
    assert shown(*pair()) == text


def renamed(value: TypingAny) -> TypingAny:
    made: TypingAny = Enum
    return made("Colour", {"RED": value}, module=__name__, qualname="Colour").RED


def test_the_value_of_a_member_of_an_enumeration_counts():
    assert shown(Anything.C(x=renamed("red")), Anything.C(x=renamed("rot"))) == [
        f"x: {__name__}.Colour.RED (value 'red') / {__name__}.Colour.RED (value 'rot')"
    ]
    assert shown(Anything.C(x=renamed((1, {"a": 2}))), Anything.C(x=renamed((1, {"a": 3})))) == [
        f"x: {__name__}.Colour.RED (value [1, [['a', 2]]]) / {__name__}.Colour.RED (value [1, [['a', 3]]])"
    ]
    assert shown(Anything.C(x=renamed(Path("/a"))), Anything.C(x=renamed(Path("/b")))) == [
        f"x: {__name__}.Colour.RED (value '/a') / {__name__}.Colour.RED (value '/b')"
    ]
    assert shown(Anything.C(x=renamed(object())), Anything.C(x=renamed(object()))) == []


class AnyKeys(Config):
    table: Param[Any] = field(default={0: 0, "": Model.C()}, ignore_default=True)


def test_a_default_that_no_identifier_has_is_in_it():
    assert write(of(AnyKeys.C()))


def test_what_does_not_count_is_not_in_it():
    left = Uses.C(model=Model.C(verbose=True, where=Path("/a")), many=[setmeta(Model.C(), True)])
    right = Uses.C(model=Model.C(where=Path("/b")), many=[])
    assert of(left) == of(right)


def test_equal_things_are_written_once():
    shared = Model.C(size=3)
    node: TypingAny = shared
    for _ in range(30):
        node = Both.C(left=node, right=node)
    assert len(of(node).nodes) == 31
    assert of(Uses.C(model=shared, other=shared)) == of(Uses.C(model=Model.C(size=3), other=Model.C(size=3)))


def test_instances_are_told_apart():
    one, other = Layer.C(size=1), Layer.C(size=1)
    same, both = Uses.C(model=Net.C(left=one, right=one)), Uses.C(model=Net.C(left=one, right=other))
    assert differences(of(same), of(both)) == [("model.right", "the first instance", "instance 2")]


def test_an_init_task_counts():
    plain = Anything.C(x=1)
    with_seed = Anything.C(x=1)
    with_seed.__xpm__.init_tasks = (Seed.C().__xpm__.owner,)
    assert [one.key for one in differences(of(plain), of(with_seed))] == ["the task: init_tasks"]


def test_a_cycle_has_a_definition():
    first, second = Ring.C(name="a", next=None), Ring.C(name="b", next=None)
    first.next, second.next = second, first
    other = Ring.C(name="a", next=None)
    other.next = Ring.C(name="c", next=other)
    assert differences(of(Uses.C(model=first)), of(Uses.C(model=first))) == []
    assert [one.key for one in differences(of(Uses.C(model=first)), of(Uses.C(model=other)))] == [
        "model.next.name"
    ]


def test_a_definition_is_read_back():
    made = of(Uses.C(model=Model.C(size=3), many=[Model.C()]))
    data = definition.write(made)
    assert data.startswith(definition.start_of_file(made.digest))
    assert definition.read(data) == made


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b'{"digest": "a", "nodes": {"b": {}}}', b"\xff"]
)
def test_what_is_no_definition_is_not_taken_for_one(data: bytes):
    assert definition.read(data) is None
    assert definition.of_params(data) is None


def test_what_another_version_wrote_is_compared_as_far_as_it_goes(recorder: TypingAny):
    dependency = Anything.C(x=2).submit()
    task = Uses.C(
        model=Before.C(depth=1), other=Value.C(x={"a": Level.LOW, "b": [1.5, None]}), many=[dependency]
    )
    task.submit()
    params = json.dumps({"objects": recorder.received[-1].objects()}).encode()
    old = definition.of_params(params)
    assert old is not None
    assert differences(old, define(task.__xpm__.owner)) == []
    changed = Uses.C(
        model=After.C(depth=1), other=Value.C(x={"a": Level.LOW, "b": [1.5, None]}), many=[dependency]
    )
    assert [one.key for one in differences(old, of(changed))] == ["model.rate"]


def test_what_two_files_of_another_version_number_alike_is_compared():
    def of_version_2(size: int) -> definition.Definition:
        model = {"id": 1, "fields": {"size": size}}
        task = {"id": 2, "fields": {"model": {"type": "python", "value": 1}}}
        found = definition.of_params(json.dumps({"objects": [model, task]}).encode())
        assert found is not None
        return found

    assert differences(of_version_2(1), of_version_2(3)) == [("model.size", "1", "3")]
    assert differences(of_version_2(1), of_version_2(1)) == []


def test_the_text_of_a_conflict_says_both_ways_out():
    found = [definition.Difference("model.rate", "0.1", "0.2")]
    assert definition.conflict("test.uses/0123", found) == (
        "another definition has the same identifier, and its result is there:\n"
        "  model.rate: was 0.1, is 0.2\n"
        "Either give it an identity of its own (a Constant that you raise, a default that is not ignored), "
        "or remove the folder of the job, jobs/test.uses/0123, to run it as it is now"
    )
