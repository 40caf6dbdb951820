"""Graphs of configurations made by Hypothesis: written and read back equal; and files that were damaged.

`FUZZ_EXAMPLES` says how many are tried, as in `test_fuzz`.
"""

import json
import math
import os
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any as TypingAny, Literal

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from experimaestro import (
    Any,
    Config,
    InstanceConfig,
    LightweightTask,
    Meta,
    Param,
    SerializationContext,
    Task,
    field,
    from_state_dict,
    load,
    save,
    sealed_set,
    setmeta,
    state_dict,
)
from experimaestro.core import context
from experimaestro.core.serialization import load_instances
from experimaestro.core.walk import children
from experimaestro.exceptions import FormatError

pytestmark = pytest.mark.filterwarnings("ignore::experimaestro.exceptions.AmbiguityWarning")

FUZZ = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "700")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Colour(Enum):
    """Of a thing."""

    RED = 1
    BLUE = "blue"


class Leaf(Config):
    """What may be in a set."""

    size: Param[int] = field(default=1)


class Node(Config):
    """Has a parameter of each kind."""

    number: Param[int] = field(default=0)
    ratio: Param[float] = field(default=0.5)
    text: Param[str] = field(default="", ignore_default=True)
    colour: Param[Colour | None] = None
    mode: Param[Literal["a", 2]] = field(default="a")
    either: Param[int | list[str]] = field(default=0)
    anything: Param[Any] = field(default=0)
    free: Meta[Any] = field(default=0)
    table: Param[dict[int, list[float]]] = field(default_factory=dict)
    row: Meta[tuple[int, Path] | None] = None
    large: Meta[dict[int, list[int]] | int | None] = None
    path: Param[Path | None] = None
    maybe: Param["Node | None"] = field(default=None)
    hidden: Meta["Node | None"] = field(default=None)
    inner: Param[list["Node"]] = field(default_factory=list)
    named: Param[dict[str, "Node"]] = field(default_factory=dict)
    leaves: Param[set[Leaf]] = field(default_factory=set)


class Twin(Node, InstanceConfig):
    """Counts by its identity."""


class Make(Task):
    """Makes a node."""

    node: Param[Node]

    def execute(self) -> None:
        pass

    def task_outputs(self, dep: TypingAny) -> TypingAny:
        return dep(Node.C(number=7, maybe=self.node))


class Before(LightweightTask):
    """Runs before."""

    node: Param[Node]

    def execute(self) -> None:
        pass


class Keeper:
    """An experiment that runs nothing."""

    workspace = "/ws"

    def __init__(self) -> None:
        self.received: list[context.Submission] = []

    def submit(self, submission: context.Submission) -> None:
        self.received.append(submission)


@pytest.fixture(autouse=True)
def keeper() -> Iterator[Keeper]:
    """The open experiment."""
    context.current = keeper = Keeper()  # type: ignore[assignment] # all that submitting needs
    yield keeper
    context.current = None


INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["type", "value", "items", "python"]
)
FLOATS = st.floats().map(lambda value: math.nan if math.isnan(value) else value)
"""One NaN: JSON knows no others, while the bytes of identifiers tell them apart"""
SCALARS: st.SearchStrategy[TypingAny] = st.one_of(
    st.none(), st.booleans(), INTEGERS, FLOATS, TEXTS, st.sampled_from(Colour)
)
HASHABLE = st.integers(0, 9) | TEXTS | st.sampled_from(Colour)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=3),
        st.dictionaries(st.integers(0, 9), inner, max_size=3),
        st.sets(st.integers(0, 9)),
        st.sets(TEXTS, max_size=3),
    ),
    max_leaves=8,
)
FREE = st.recursive(
    PLAIN | st.sampled_from([Path("/a"), Path("/b")]),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.tuples(HASHABLE, st.booleans()), inner, max_size=2)
        | st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)
PARAMETERS: dict[str, st.SearchStrategy[TypingAny]] = {
    "number": INTEGERS,
    "ratio": FLOATS,
    "text": TEXTS,
    "colour": st.sampled_from(Colour),
    "mode": st.sampled_from(["a", 2]),
    "either": INTEGERS | st.lists(TEXTS, max_size=3),
    "anything": PLAIN,
    "free": FREE,
    "table": st.dictionaries(st.integers(-9, 9), st.lists(FLOATS, max_size=3), max_size=3),
    "row": st.tuples(INTEGERS, st.sampled_from(["/a", "/b/c"])),
    "large": st.integers() | st.dictionaries(st.integers(), st.lists(st.just(10**80)), max_size=3),
    "path": st.sampled_from(["/a/b", "/ws/x", "/ws/a/../../b", "/elsewhere"]),
    "leaves": st.sets(st.integers(0, 3), max_size=3).map(
        lambda sizes: sealed_set(*(Leaf.C(size=n) for n in sizes))
    ),
}


@st.composite
def graphs(draw: TypingAny) -> TypingAny:
    """A configuration with others below it: shared, marked, on cycles, made by tasks."""
    nodes: list[TypingAny] = []
    for _ in range(draw(st.integers(1, 5))):
        chosen = draw(st.sets(st.sampled_from(sorted(PARAMETERS)), max_size=4))
        values = {name: draw(PARAMETERS[name]) for name in sorted(chosen)}
        if nodes:
            some = st.sampled_from(nodes)
            values["maybe"] = draw(st.none() | some)
            values["hidden"] = draw(st.none() | some)
            values["inner"] = draw(st.lists(some, max_size=3))
            values["named"] = draw(st.dictionaries(TEXTS, some, max_size=2))
            if draw(st.booleans()):
                values["anything"] = {"type": [draw(some)]}
        node = draw(st.sampled_from([Node, Node, Twin])).C(**values)
        setmeta(node, draw(st.sampled_from([None, None, None, True, False])))
        if draw(st.integers(0, 5)) == 0:
            before = [Before.C(node=draw(st.sampled_from(nodes)))] if nodes and draw(st.booleans()) else []
            node = Make.C(node=node).submit(init_tasks=before)
        nodes.append(node)
    open_ends = [node for node in nodes if not node.__xpm__.sealed]
    if len(open_ends) > 1 and draw(st.booleans()):
        open_ends[0].maybe = open_ends[-1]
    return nodes[-1]


def check_same(one: TypingAny, other: TypingAny, known: dict[int, TypingAny]) -> None:
    """Fails if two values differ, or if what is shared in one is not in the other.

    Args:
        one: A value.
        other: Another.
        known: What stands in the second for each configuration of the first, by `id`.
    """
    pending = [(one, other)]
    while pending:
        left, right = pending.pop()
        if isinstance(left, Config):
            if id(left) in known:
                assert known[id(left)] is right
                continue
            known[id(left)] = right
            a, b = left.__xpm__, right.__xpm__
            assert type(left) is type(right)
            assert (a.meta, repr(a.identifier)) == (b.meta, repr(b.identifier))
            assert [type(task) for task in a.init_tasks] == [type(task) for task in b.init_tasks]
            assert (id(a.task) == id(left), a.key) == (id(b.task) == id(right), b.key)
            pending.extend(zip(a.init_tasks, b.init_tasks, strict=True))
            pending.append((a.producer, b.producer))
            assert a.values.keys() == b.values.keys()
            pending.extend((a.values[name], b.values[name]) for name in a.values)
        elif isinstance(left, set) and any(isinstance(item, Config) for item in left):
            assert {repr(item.__identifier__()) for item in left} == {
                repr(item.__identifier__()) for item in right
            }
        elif isinstance(left, (list, tuple)):
            assert isinstance(right, list if isinstance(left, list) else tuple)
            assert len(left) == len(right)
            pending.extend(zip(left, right, strict=True))
        elif isinstance(left, dict):
            assert list(left) == list(right)
            assert list(map(type, left)) == list(map(type, right))
            pending.extend((left[key], right[key]) for key in left)
        else:
            assert (type(left), repr(left)) == (type(right), repr(right)) or left == right


@FUZZ
@given(graphs())
def test_whatever_is_written_is_read_back_equal_with_its_identifiers(root: TypingAny):
    state = json.loads(json.dumps(state_dict(SerializationContext(), [root, {"again": root}])))
    found = from_state_dict(state)
    assert found[0] is found[1]["again"]
    check_same(root, found[0], {})
    check_same(
        root, from_state_dict(json.loads(json.dumps(state_dict(SerializationContext(), found))))[0], {}
    )
    # Inside others it counts as it did
    assert repr(Node.C(inner=[root]).__identifier__()) == repr(Node.C(inner=[found[0]]).__identifier__())
    check_objects(root, from_state_dict(state, as_instance=True)[0])
    check_job(root)


def check_objects(root: TypingAny, found: TypingAny) -> None:
    """Fails if objects do not refer to each other as the configurations do."""
    pending: list[tuple[TypingAny, TypingAny]] = [(root, found)]
    known: dict[int, TypingAny] = {}
    while pending:
        config, instance = pending.pop()
        if id(config) in known:
            assert known[id(config)] is instance
            continue
        known[id(config)] = instance
        assert type(instance) is config.__xpmtype__.cls
        held = [name for name in ("maybe", "hidden") if getattr(config, name, None) is not None]
        pending.extend((getattr(config, name), getattr(instance, name)) for name in held)
        pending.extend(zip(getattr(config, "inner", ()), getattr(instance, "inner", ()), strict=True))


def check_job(root: TypingAny) -> None:
    """Fails if a job gets other values than those that were submitted."""
    task = Task_.C(node=root)
    keeper: TypingAny = context.current
    task.submit()
    params = {"workspace": "/ws", "version": 3, "objects": keeper.received[-1].objects()}
    loaded, _ = load_instances(json.loads(json.dumps(params)), f"/ws/jobs/{task.__xpm__.key}")
    assert type(loaded.node) is root.__xpmtype__.cls
    for name in PARAMETERS:
        if name not in {"leaves", "anything", "free"}:
            assert repr(getattr(loaded.node, name)) == repr(getattr(root, name))
    keeper.received.clear()


class Task_(Task):  # noqa: N801 - the name of the base is taken
    """Uses a node."""

    node: Param[Node]

    def execute(self) -> None:
        pass


@settings(FUZZ, max_examples=max(1, FUZZ.max_examples // 10))
@given(root=graphs())
def test_what_is_saved_in_a_folder_is_read_from_it(root: TypingAny, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("saved")
    save(root, folder)
    check_same(root, load(folder), {})


# ----------------------------------------------------------------------------------------------
# Damage

JSON = st.recursive(
    SCALARS.filter(lambda value: not isinstance(value, Enum)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "value", "items", "base", "id", "a"]), inner, max_size=3)
        | st.sampled_from(["python", "enum", "set", "dict", "tuple", "path", "path.serialized"]).flatmap(
            lambda kind: st.fixed_dictionaries({"type": st.just(kind), "value": inner, "items": inner})
        )
    ),
    max_leaves=5,
)


def places(value: TypingAny) -> Iterator[tuple[TypingAny, TypingAny]]:
    """Each container in a JSON value, with each key in it."""
    pending = [value]
    while pending:
        one = pending.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            yield one, key
            pending.append(one[key])


@FUZZ
@given(graphs(), st.data())
def test_damage_is_found_or_does_not_matter(root: TypingAny, data: st.DataObject):
    state = json.loads(json.dumps(state_dict(SerializationContext(), {"root": root})))
    for _ in range(data.draw(st.integers(1, 3))):
        found = list(places(state))
        if not found:
            break
        holder, key = data.draw(st.sampled_from(found))
        if isinstance(holder, dict) and key in {"module", "enum"} and data.draw(st.booleans()):
            holder[key] = data.draw(
                st.sampled_from(["", ".", "..", "json", "json.none", "a b", "Colour", "Leaf"])
            )
        elif data.draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = data.draw(JSON)
    try:
        value = from_state_dict(state, path=Path("/saved"))
    except FormatError as error:
        text = str(error)
    else:
        text, roots = "", [value] if not isinstance(value, dict) else list(value.values())
        loaded = [one for one in roots if isinstance(one, Config)]
        assert all(one.__xpm__.sealed for one in loaded)
        assert all(child.__xpm__.sealed for one in loaded for child in children(one.__xpm__.owner))
    assert text == "" or text.startswith("state")
    assert len(text) < 1000
