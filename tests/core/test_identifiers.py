"""Identifiers: the bytes that results are found by, in any order, depth and process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from experimaestro import Config, Meta, Param, Task, field
from experimaestro.core.base import Configuration
from experimaestro.core.identifier import Identifier, digest
from experimaestro.core.source import load
from experimaestro.exceptions import ConfigurationError, ReadOnlyError

VECTORS = Path(__file__).parent / "vectors"
EXPECTED: dict[str, str] = json.loads((VECTORS / "identifiers_vectors.json").read_text(encoding="utf-8"))


class Leaf(Config):
    """Holds values of all kinds."""

    number: Param[int] = field(default=0)
    values: Param[list[float]] = field(default_factory=list)
    names: Param[dict[str, int]] = field(default_factory=dict)
    words: Param[set[str]] = field(default_factory=set)


class Node(Config):
    """One in a chain, or in a graph."""

    name: Param[str]
    next: Param["Node | None"] = field(default=None)
    other: Param["Node | None"] = field(default=None)
    many: Param[list["Node"]] = field(default_factory=list)


class Paths(Config):
    """Has a value with no place in an identifier, where it does not matter."""

    inputs: Meta[list[Path]] = field(default_factory=list)
    shape: Meta[tuple[int, int]]
    size: Param[int] = field(default=1)


class Version1(Config):
    """Before a parameter was added."""

    __xpmid__ = "test.version"
    size: Param[int]


class Version2(Config):
    """After."""

    __xpmid__ = "test.version"
    size: Param[int]
    nodes: Param[list[Node]] = field(default_factory=lambda: [Node.C(name="a")], ignore_default=True)


KEPT = Identifier(b"kept" * 8)


class Kept(Config):
    """Is named by an object, as those are that derive from it."""

    __xpmid__ = KEPT
    size: Param[int]


class KeptBelow(Kept):
    """Says nothing of its name."""


class Work(Task):
    """Uses nodes."""

    node: Param[Node]

    def execute(self) -> None:
        pass


def identifier(config: Config) -> str:
    return repr(config.__identifier__())


def chain(length: int) -> Node:
    node = Node.C(name="end")
    for number in range(length):
        node = Node.C(name=str(number), next=node)
    return node


@pytest.mark.filterwarnings("ignore:.*a bare default:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::experimaestro.exceptions.AmbiguityWarning")
def test_every_vector_has_its_identifier(capsys: pytest.CaptureFixture[str]):
    found = load("identifiers_vectors", str(VECTORS / "identifiers_vectors.py")).compute()
    assert found == EXPECTED
    assert "Simulating" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_order_of_hashes_in_a_process_does_not_matter(seed: str):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(VECTORS / "identifiers_vectors.py")],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout) == EXPECTED


def test_a_chain_of_10_000_configurations_is_identified():
    begin = time.process_time()
    assert len(chain(10_000).__identifier__().all) == 32
    assert time.process_time() - begin < 5


def test_a_diamond_of_depth_30_is_identified_once_for_each_object():
    node = Node.C(name="end")
    for number in range(30):
        node = Node.C(name=str(number), next=node, other=node)
    begin = time.process_time()
    node.__identifier__()
    assert time.process_time() - begin < 1


def test_an_unsealed_configuration_follows_its_values():
    config = Leaf.C(number=1)
    before = identifier(config)
    config.number = 2
    assert identifier(config) != before
    config.number = 1
    assert identifier(config) == before


def test_a_list_given_to_a_configuration_is_its_own_copy():
    values = [1.0]
    config = Leaf.C(values=values)
    values.append(2.0)
    assert config.values == [1.0]


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.values.append(1.0),
        lambda config: config.names.update(a=1),
        lambda config: config.words.add("a"),
        lambda config: config.values.__setitem__(0, 2.0),
        lambda config: setattr(config, "number", 3),
        lambda config: delattr(config, "number"),
    ],
)
def test_a_sealed_configuration_does_not_change(change: Any):
    config = Leaf.C(values=[1.0], names={"b": 1}, words={"c"})
    before = identifier(config)
    config.seal()
    with pytest.raises(ReadOnlyError):
        change(config)
    assert identifier(config) == before


def test_sealing_changes_no_identifier_even_on_a_cycle():
    first, second = Node.C(name="a"), Node.C(name="b")
    first.next, second.next = second, first
    outside = Node.C(name="c", next=first)
    before = [identifier(one) for one in (first, second, outside)]
    outside.seal()
    assert [identifier(one) for one in (second, first, outside)] == [before[1], before[0], before[2]]


def test_what_a_sealed_configuration_uses_is_final_too():
    inner = Node.C(name="a")
    Node.C(name="b", next=inner).seal()
    with pytest.raises(ReadOnlyError):
        inner.name = "c"


def test_values_that_do_not_count_may_have_no_identifier():
    plain = Paths.C(shape=(1, 2))
    assert identifier(Paths.C(inputs=[Path("/a")], shape=(3, 4))) == identifier(plain)


def test_a_parameter_may_be_added_when_its_default_is_left_out():
    assert identifier(Version2.C(size=1)) == identifier(Version2.C(size=1, nodes=[Node.C(name="a")]))
    assert identifier(Version2.C(size=1)) == identifier(Version1.C(size=1))
    assert identifier(Version2.C(size=1, nodes=[])) != identifier(Version1.C(size=1))


def test_reading_an_identifier_without_a_required_value_names_it():
    with pytest.raises(
        KeyError,
        match=r"^'Node \(made at test_identifiers.py:\d+\) has no identifier yet: "
        r"its parameter name is not set'$",
    ):
        Node.C().__identifier__()  # type: ignore[call-arg] # the value that is missing


def test_an_identifier_names_a_class_and_those_below():
    assert Kept.__getxpmtype__().typename == KeptBelow.__getxpmtype__().typename == repr(KEPT)
    assert identifier(Kept.C(size=1)) == identifier(KeptBelow.C(size=1))


def test_an_identifier_is_a_value_that_can_be_written_and_read():
    one = Node.C(name="a").__identifier__()
    assert Identifier.from_state_dict(one.state_dict()) == one
    assert Identifier.from_state_dict({"main": one.state_dict()}) == one
    assert len({one, Node.C(name="a").__identifier__()}) == 1
    assert one != Node.C(name="b").__identifier__()


@pytest.mark.filterwarnings("ignore::experimaestro.exceptions.AmbiguityWarning")
@given(st.permutations(["number", "values", "names", "words"]), st.dictionaries(st.text(), st.integers(0, 9)))
def test_the_order_in_which_values_are_given_does_not_matter(order: list[str], names: dict[str, int]):
    values: dict[str, Any] = {"number": 3, "values": [0.5], "names": names, "words": set(names)}
    backwards = {**values, "names": dict(reversed(list(names.items())))}
    shuffled = Leaf.C(**{name: backwards[name] for name in order})
    assert identifier(shuffled) == identifier(Leaf.C(**values))


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Some nodes, each with references to any of them: cycles, diamonds, objects of their own."""
    nodes = [Node.C(name=draw(st.sampled_from("ab"))) for _ in range(draw(st.integers(1, 6)))]
    for node in nodes:
        node.next = draw(st.sampled_from([None, *nodes]))
        node.many = draw(st.lists(st.sampled_from(nodes), max_size=2))
    return nodes


def digest_without_memory(config: Any, path: tuple[int, ...] = ()) -> bytes:
    """The digest as it is defined: every reference computed anew, by recursion."""
    from hashlib import sha256
    from struct import pack

    path = (*path, id(config))

    def value(item: Any) -> bytes:
        if isinstance(item, str):
            return b"\x03" + item.encode()
        if isinstance(item, list):
            return b"\x07" + pack("!d", len(item)) + b"".join(map(value, item))
        if id(item) in path:
            return b"\x00\x0b" + pack("!q", len(path) - path.index(id(item)))
        return b"\x00" + digest_without_memory(item, path)

    found = b"\x00" + config.__xpm__.declaration.typename.encode()
    for name in sorted(("many", "name", "next", "other")):
        item = getattr(config, name)
        if item is not None:
            found += b"\x03" + name.encode() + b"\x05" + value(item)
    return sha256(found).digest()


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_remembering_digests_changes_none_on_any_graph(nodes: list[Node]):
    expected = [digest_without_memory(node) for node in nodes]
    assert [node.__identifier__().all for node in nodes] == expected
    shared: dict[int, bytes] = {}
    roots: list[Any] = list(nodes)
    assert [digest(one, shared) for one in roots if isinstance(one, Configuration)] == expected
    nodes[0].seal()
    assert [node.__identifier__().all for node in nodes] == expected


@settings(deadline=None)
@given(graphs())
def test_a_copy_is_equal_and_has_the_same_identifier(nodes: list[Node]):
    copy = nodes[0].copy()
    assert copy is not nodes[0]
    assert copy == nodes[0]
    assert identifier(copy) == identifier(nodes[0])
    copy.name += "!"
    assert copy != nodes[0]


class Knot(Config):
    number: Param[int]
    others: Param[list["Knot"]] = field(default_factory=list)


def test_parts_that_all_refer_to_each_other_do_not_hang(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("experimaestro.core.identifier.MOST_WAYS", 1000)
    knots = [Knot.C(number=number) for number in range(12)]
    for knot in knots:
        knot.others = [other for other in knots if other is not knot]
    with pytest.raises(ConfigurationError, match=r"refer back to each other in more than 1,000 ways"):
        knots[0].__identifier__()
