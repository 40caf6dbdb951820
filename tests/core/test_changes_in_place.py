"""Lists that are changed once given, and hooks that set values: all is checked before it counts."""

import re
from pathlib import Path
from typing import Any

import pytest

from experimaestro import (
    Config,
    DirectoryContext,
    Meta,
    ObjectStore,
    Param,
    PathGenerator,
    Task,
    field,
)
from experimaestro.exceptions import ConfigurationError, DefinitionError


class Lists(Config):
    numbers: Param[list[int]] = field(default_factory=list)
    counts: Param[dict[str, int]] = field(default_factory=dict)
    anything: Param[Any]
    note: Meta[Any]


class Inner(Config):
    size: Param[int]
    file: Meta[Path] = field(default_factory=PathGenerator("inner.txt"))


def endless() -> Lists:
    config = Lists.C(anything=[], note=0)
    config.anything.append(config.anything)
    return config


def with_number(number: Any) -> Lists:
    config = Lists.C(numbers=[1], anything=0, note=0)
    config.numbers.append(number)
    return config


@pytest.mark.parametrize("use", ["seal", "instance", "__identifier__", "copy"])
def test_a_list_that_holds_itself_is_named(use: str):
    with pytest.raises(ConfigurationError, match=r"anything +a list or dictionary that holds itself"):
        getattr(endless(), use)()


@pytest.mark.parametrize("use", ["seal", "instance"])
def test_what_was_added_to_a_list_is_checked(use: str):
    with pytest.raises(ConfigurationError, match=re.escape("numbers[1]   expected an int, got 'x'")):
        getattr(with_number("x"), use)()


@pytest.mark.parametrize("use", ["seal", "__identifier__"])
def test_what_has_no_place_in_an_identifier_is_named(use: str):
    with pytest.raises(ConfigurationError, match=r"numbers\[1\] +integers have at most 64 bits"):
        getattr(with_number(2**70), use)()
    mixed = Lists.C(counts={"a": 1}, anything=0, note=0)
    mixed.counts[1] = 2  # type: ignore[index] # wrong on purpose
    with pytest.raises(ConfigurationError, match=r"counts \(key 1\)"):
        getattr(mixed, use)()
    pair = Lists.C(anything=[], note=0)
    pair.anything.append((1,))
    with pytest.raises(ConfigurationError, match=r"anything +a tuple cannot be part of an identifier"):
        getattr(pair, use)()


def test_nothing_is_sealed_after_an_error():
    config = Lists.C(note=[1], anything=0)
    config.note.append(print)
    with pytest.raises(ConfigurationError, match=r"note\[1\] +a job cannot get"):
        config.seal()
    config.note.pop()
    assert config.seal().note == [1]


class Filled(Config):
    """Sets a parameter in its hook."""

    inner: Param[Inner | None] = None
    number: Param[int] = field(default=-3)

    def __validate__(self) -> None:
        self.number = abs(self.number)
        if self.inner is None:
            self.inner = Inner.C(size=self.number)


def test_what_a_hook_sets_is_sealed_and_gets_its_paths(tmp_path: Path):
    config = Filled.C()
    made = config.instance(DirectoryContext(tmp_path))
    assert made.inner is not None
    assert made.number == made.inner.size == 3
    assert made.inner.file == tmp_path / "out/inner/inner.txt"
    assert config.instance(DirectoryContext(tmp_path)).number == 3, "the hook of what is sealed is not called"


class Careless(Config):
    inner: Param[Inner | None] = None
    numbers: Param[list[int]] = field(default_factory=list)

    def __validate__(self) -> None:
        if self.inner is None:
            self.inner = Inner.C()  # type: ignore[call-arg] # forgets the size
        else:
            self.numbers.append("a")  # type: ignore[arg-type] # wrong on purpose


def test_what_a_hook_sets_is_checked():
    with pytest.raises(ConfigurationError, match=r"inner\.size +missing: expected an int"):
        Careless.C().instance()
    with pytest.raises(ConfigurationError, match=re.escape("numbers[0]   expected an int, got 'a'")):
        Careless.C(inner=Inner.C(size=1)).instance()


class Made(Task):
    number: Param[int]

    def execute(self) -> None:
        """Nothing."""


class Needy(Task):
    """Finds out in its hook what it needs."""

    made: Param[Made | None] = None

    def __validate__(self) -> None:
        if self.made is None:
            self.made = Made.C(number=1).submit()

    def execute(self) -> None:
        """Nothing."""


def test_a_task_that_a_hook_sets_is_waited_for(recorder: Any):
    Needy.C().submit()
    made, needy = recorder.received
    assert needy.dependencies == (made.key,)


class Fragile(Config):
    fails = True

    def __post_init__(self) -> None:
        if Fragile.fails:
            raise ValueError("not today")


class Holder(Config):
    fragile: Param[Fragile]


def test_a_store_keeps_no_half_made_objects():
    store, holder = ObjectStore(), Holder.C(fragile=Fragile.C())
    for _ in range(2):
        with pytest.raises(ValueError, match="not today"):
            holder.instance(objects=store)
    Fragile.fails = False
    try:
        assert holder.instance(objects=store).fragile is not None
    finally:
        Fragile.fails = True


class Placed(Config):
    first: Meta[Path] = field(default_factory=PathGenerator("first"))


class Misplaced(Config):
    placed: Param[Placed]
    last: Meta[Path] = field(default_factory=PathGenerator(lambda _context, _config: None))  # type: ignore[arg-type, return-value] # wrong on purpose


def test_a_function_that_gives_no_path_is_named_and_no_path_is_set(tmp_path: Path):
    config = Misplaced.C(placed=Placed.C())
    with pytest.raises(ConfigurationError, match=r"last +its function gave None: expected a path"):
        config.instance(DirectoryContext(tmp_path))
    assert config.placed.first is None


def test_folders_and_stores_of_another_kind_are_refused():
    with pytest.raises(DefinitionError, match=r"PathGenerator\(3\): expected a relative path"):
        PathGenerator(3)  # type: ignore[arg-type] # wrong on purpose
    with pytest.raises(ConfigurationError, match=r"DirectoryContext\(3\): expected the path of a folder"):
        Placed.C().instance(3)
    with pytest.raises(ConfigurationError, match=r"instance\(objects=3\): expected an ObjectStore"):
        Holder.C(fragile=Fragile.C()).instance(objects=3)  # type: ignore[arg-type] # wrong on purpose
