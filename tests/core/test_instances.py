"""From configurations to the objects that they describe."""

from collections.abc import Callable
from typing import Any

import pytest

from experimaestro import Config, Param, Task, field, tag
from experimaestro.core.objects.instances import ObjectStore
from experimaestro.exceptions import ReadOnlyError

ErrorOf = Callable[[Callable[[], Any]], str]

HAPPENED: list[str] = []


class Part(Config):
    """Tells what happens to it."""

    name: Param[str]

    def __init__(self) -> None:
        HAPPENED.append(f"init without name: {not hasattr(self, 'name')}")

    def __post_init__(self) -> None:
        HAPPENED.append(f"after {self.name}")


class Whole(Config):
    """Has parts."""

    parts: Param[list[Part]]
    by_name: Param[dict[str, Part]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        HAPPENED.append(f"after whole of {[part.name for part in self.parts]}")


class Plain(Config):
    """Calls the methods of the base, which defines them for that."""

    name: Param[str]

    def __init__(self) -> None:
        super().__init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        HAPPENED.append(f"after plain {self.name}")


class Ring(Config):
    """Refers back to itself."""

    next: Param["Ring | None"] = field(default=None)


class Twice(Config):
    """Uses a method of its own, and a name that the class has already."""

    value: Param[int]

    @property
    def double(self) -> int:
        return self.value * 2


class Work(Task):
    """Could be run here."""

    part: Param[Part]

    def execute(self) -> None:
        HAPPENED.append(f"work with {self.part.name}")


def part_of(name: str) -> Part:
    make: Any = Part.C  # to a type checker, `__init__` takes nothing
    found: Part = make(name=name)
    return found


@pytest.fixture(autouse=True)
def nothing_happened():
    HAPPENED.clear()


def test_parts_come_first_and_parameters_after_init():
    Whole.C(parts=[part_of("a"), part_of("b")]).instance()
    assert HAPPENED == [
        "init without name: True",
        "after a",
        "init without name: True",
        "after b",
        "after whole of ['a', 'b']",
    ]


def test_the_base_has_the_methods_that_a_class_calls_on_it():
    make: Any = Plain.C
    make(name="a").instance()
    assert HAPPENED == ["after plain a"]


def test_making_configurations_runs_nothing_of_the_user():
    Whole.C(parts=[part_of("a")]).seal()
    assert HAPPENED == []


def test_what_is_shared_is_one_object():
    part = part_of("a")
    whole = Whole.C(parts=[part, part, part_of("a")], by_name={"x": part}).instance()
    assert whole.parts[0] is whole.parts[1] is whole.by_name["x"]
    assert whole.parts[0] is not whole.parts[2]


def test_an_object_is_of_the_class_and_has_plain_values():
    whole = Whole.C(parts=[part_of("a")]).instance()
    assert type(whole) is Whole
    assert type(whole.parts) is list
    whole.parts.append(whole.parts[0])
    assert Twice.C(value=tag(3)).instance().double == 6


def test_a_cycle_is_tied():
    one, other = Ring.C(), Ring.C()
    one.next, other.next = other, one
    found = one.instance()
    assert found.next is not None
    assert found.next.next is found


def test_two_calls_make_two_objects_unless_they_share_a_store():
    part = part_of("a")
    assert part.instance() is not part.instance()
    store = ObjectStore()
    found = part.instance(objects=store)
    assert part.instance(objects=store) is found
    assert Whole.C(parts=[part]).instance(objects=store).parts[0] is found


def test_an_object_remembers_its_configuration_if_wanted():
    part = part_of("a")
    found: Any = part.instance()
    assert found.xpmconfig is part
    assert not hasattr(part.instance(keep=False), "xpmconfig")


def test_a_configuration_is_final_afterwards():
    part = part_of("a")
    part.instance()
    with pytest.raises(ReadOnlyError):
        part.name = "b"


def test_what_is_missing_is_told(error_of: ErrorOf):
    part: Any = Part.C
    whole = Whole.C(parts=[part()])
    assert error_of(lambda: whole.instance()) == (  # noqa: PLW0108 - the line of the user is the lambda's
        "ConfigurationError: Whole.instance(): 1 problem (test_instances.py:LINE)\n"
        "  parts[0].name   missing: expected a str (made at test_instances.py:LINE). Example: name='text'"
    )


def test_a_task_can_be_run_here():
    Work.C(part=part_of("a")).instance().execute()
    assert HAPPENED[-1] == "work with a"


def test_a_chain_of_10_000_becomes_objects():
    ring = Ring.C()
    for _ in range(10_000):
        ring = Ring.C(next=ring)
    found: Ring | None = ring.instance()
    length = 0
    while found is not None:
        found, length = found.next, length + 1
    assert length == 10_001
