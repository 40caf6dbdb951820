# ruff: noqa: UP006, UP007, UP035, UP045, D415
# (spelled as users of Python 3.8 wrote them: the old forms must be read as well)
# mypy: disable-error-code="arg-type,call-arg"
# (values that are coerced, and parameters that are optional without a default)
"""Identifiers of every kind of configuration, as measured on the implementation to be compatible with.

The module and class names are part of the identifiers: import it as `identifiers_vectors`. Run as a
program, it prints the identifiers as JSON; those expected are in the JSON file beside it.
"""

import importlib
import json
import sys
from enum import Enum, IntEnum
from pathlib import Path
from typing import Dict, List, Optional, Set, Union

from experimaestro import (
    Annotated,
    Any,
    Config,
    Constant,
    LightweightTask,
    Meta,
    Option,
    Param,
    PathGenerator,
    Task,
    field,
    pathgenerator,
)
from experimaestro.core import context

# --- Scalars


class Empty(Config):
    pass


class IntC(Config):
    x: Param[int]


class FloatC(Config):
    x: Param[float]


class StrC(Config):
    x: Param[str]


class BoolC(Config):
    x: Param[bool]


class OptC(Config):
    x: Param[Optional[int]]


class OptNoneC(Config):
    x: Param[Optional[int]] = None


class AnyC(Config):
    x: Param[Any]


class UnionC(Config):
    x: Param[Union[int, str]]


class Color(Enum):
    RED = "red"
    BLUE = 2


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Holder:
    class Inner(Enum):
        ONE = 1


class EnumC(Config):
    x: Param[Color]


class NestedEnumC(Config):
    x: Param[Holder.Inner]


class IntEnumC(Config):
    x: Param[Level]


# --- Containers


class ListC(Config):
    x: Param[List[int]]


class ListListC(Config):
    x: Param[List[List[str]]]


class DictC(Config):
    x: Param[Dict[str, int]]


class DictIntC(Config):
    x: Param[Dict[int, float]]


class DictMixC(Config):
    x: Param[Dict[str, Union[int, Dict[str, int]]]]


class SetC(Config):
    x: Param[Set[int]]


class SetStrC(Config):
    x: Param[Set[str]]


# --- Names and ordering


class Order1(Config):
    __xpmid__ = "spec.order"
    b: Param[int]
    a: Param[int]
    B: Param[int]


class Named(Config):
    __xpmid__ = "my.Own.Name"
    x: Param[int]


class NamedChild(Named):
    """The identifier string of the parent is not inherited"""

    y: Param[int]


class DynNamed(Config):
    @classmethod
    def __xpmid__(cls) -> str:
        return f"dyn.{cls.__qualname__}"

    x: Param[int]


class DynNamedChild(DynNamed):
    pass


class Outer:
    class InnerConfig(Config):
        x: Param[int]


class Parent(Config):
    z: Param[int]


class Child(Parent):
    a: Param[int]


class ChildOverride(Parent):
    z: Param[int] = field(default=3, overrides=True)


# --- Defaults


class Bare(Config):
    __xpmid__ = "spec.default"
    a: Param[int]
    b: Param[int] = 5


class FieldDefault(Config):
    __xpmid__ = "spec.default"
    a: Param[int]
    b: Param[int] = field(default=5)


class FieldIgnore(Config):
    __xpmid__ = "spec.default"
    a: Param[int]
    b: Param[int] = field(default=5, ignore_default=True)


class FieldIgnoreOld(Config):
    __xpmid__ = "spec.default"
    a: Param[int]
    b: Param[int] = field(ignore_default=5)


class FactoryDefault(Config):
    __xpmid__ = "spec.default"
    a: Param[int]
    b: Param[List[int]] = field(default_factory=lambda: [1, 2])


class FactoryIgnore(Config):
    __xpmid__ = "spec.default"
    a: Param[int]
    b: Param[List[int]] = field(default_factory=lambda: [1, 2], ignore_default=True)


class FactoryConfig(Config):
    __xpmid__ = "spec.default"
    a: Param[int]
    b: Param[IntC] = field(default_factory=lambda: IntC.C(x=1))


class BareConfigDefault(Config):
    __xpmid__ = "spec.default"
    a: Param[int]
    b: Param[IntC] = IntC.C(x=1)


class OptDefault(Config):
    __xpmid__ = "spec.default"
    a: Param[int]
    b: Param[Optional[int]] = 5


class Reference(Config):
    __xpmid__ = "spec.default"
    a: Param[int]


# --- Ignored


class Ignored(Config):
    __xpmid__ = "spec.ignored"
    a: Param[int]
    m: Meta[int] = 2
    o: Option[str] = "x"
    p: Param[Path]
    g: Annotated[Path, pathgenerator("out.txt")]
    f: Meta[Path] = field(default_factory=PathGenerator("o.bin"))


class IgnoredRef(Config):
    __xpmid__ = "spec.ignored"
    a: Param[int]


class ConstantC(Config):
    __xpmid__ = "spec.constant"
    v: Constant[int] = 1
    a: Param[int]


class ConstantC2(Config):
    __xpmid__ = "spec.constant"
    v: Constant[int] = 2
    a: Param[int]


class ConstantStr(Config):
    v: Constant[str] = "1.0"


# --- Nested


class Pair(Config):
    left: Param[Config]
    right: Param[Config]


class ConfigList(Config):
    x: Param[List[IntC]]


class ConfigDict(Config):
    x: Param[Dict[str, IntC]]


class Node(Config):
    name: Param[str]
    next: Param[Optional["Node"]] = None


# --- Tasks


class Producer(Task):
    a: Param[int]

    def execute(self) -> None:
        pass


class Consumer(Task):
    p: Param[Producer]

    def execute(self) -> None:
        pass


class InitTask(LightweightTask):
    i: Param[int]

    def execute(self) -> None:
        pass


class Nowhere:
    """Takes tasks over and does nothing."""

    workspace = "/nowhere"

    def submit(self, submission: context.Submission) -> None:
        """Does nothing."""


def build() -> list[tuple[str, Config]]:
    """All configurations, by name."""
    out: list[tuple[str, Config]] = []

    def add(name: str, value: Config) -> None:
        out.append((name, value))

    # Scalars
    add("empty", Empty.C())
    add("int-1", IntC.C(x=1))
    add("int-0", IntC.C(x=0))
    add("int-negative", IntC.C(x=-1))
    add("int-from-string", IntC.C(x="1"))
    add("int-from-float", IntC.C(x=1.0))
    add("int-from-bool", IntC.C(x=True))
    add("int-max64", IntC.C(x=2**63 - 1))
    add("float-1.5", FloatC.C(x=1.5))
    add("float-from-int", FloatC.C(x=1))
    add("float-negzero", FloatC.C(x=-0.0))
    add("float-inf", FloatC.C(x=float("inf")))
    add("str", StrC.C(x="hello"))
    add("str-empty", StrC.C(x=""))
    add("str-unicode", StrC.C(x="é漢字🎉"))
    add("bool-true", BoolC.C(x=True))
    add("bool-from-string", BoolC.C(x="false"))
    add("optional-none", OptC.C(x=None))
    add("optional-unset", OptC.C())
    add("optional-value", OptC.C(x=3))
    add("optional-default-none", OptNoneC.C())
    add("any-int", AnyC.C(x=1))
    add("any-bool", AnyC.C(x=True))
    add("any-float", AnyC.C(x=1.0))
    add("union-str", UnionC.C(x="abc"))
    add("union-numeric-string", UnionC.C(x="12"))
    add("enum", EnumC.C(x=Color.RED))
    add("enum-nested", NestedEnumC.C(x=Holder.Inner.ONE))
    add("intenum", IntEnumC.C(x=Level.HIGH))

    # Containers
    add("list-empty", ListC.C(x=[]))
    add("list", ListC.C(x=[1, 2, 3]))
    add("list-nested", ListListC.C(x=[["a"], [], ["b", "c"]]))
    add("dict-empty", DictC.C(x={}))
    add("dict", DictC.C(x={"b": 1, "a": 2}))
    add("dict-int-keys", DictIntC.C(x={10: 1.0, 2: 0.5}))
    add("dict-collision-1", DictMixC.C(x={"a": {"b": 1}, "c": 2}))
    add("dict-collision-2", DictMixC.C(x={"a": {"b": 1, "c": 2}}))
    add("set", SetC.C(x={3, 1, 2}))
    add("set-str", SetStrC.C(x={"b", "a"}))

    # Names
    add("order", Order1.C(a=1, b=2, B=3))
    add("xpmid", Named.C(x=1))
    add("xpmid-child", NamedChild.C(x=1, y=2))
    add("xpmid-method", DynNamed.C(x=1))
    add("xpmid-method-child", DynNamedChild.C(x=1))
    add("nested-class", Outer.InnerConfig.C(x=1))
    add("inheritance", Child.C(a=1, z=2))
    add("inheritance-override", ChildOverride.C())

    # Defaults
    add("default-reference", Reference.C(a=1))
    add("default-bare", Bare.C(a=1))
    add("default-bare-explicit", Bare.C(a=1, b=5))
    add("default-bare-other", Bare.C(a=1, b=6))
    add("default-field", FieldDefault.C(a=1))
    add("default-field-ignore", FieldIgnore.C(a=1))
    add("default-field-ignore-other", FieldIgnore.C(a=1, b=6))
    add("default-field-ignore-old", FieldIgnoreOld.C(a=1))
    add("default-factory", FactoryDefault.C(a=1))
    add("default-factory-explicit", FactoryDefault.C(a=1, b=[1, 2]))
    add("default-factory-ignore", FactoryIgnore.C(a=1))
    add("default-factory-ignore-other", FactoryIgnore.C(a=1, b=[1]))
    add("default-factory-config", FactoryConfig.C(a=1))
    add("default-bare-config", BareConfigDefault.C(a=1))
    add("default-bare-config-equal", BareConfigDefault.C(a=1, b=IntC.C(x=1)))
    add("default-optional-bare", OptDefault.C(a=1))
    add("default-optional-bare-none", OptDefault.C(a=1, b=None))

    # Ignored / constant / meta
    add("ignored", Ignored.C(a=1, p=Path("/p")))
    add("ignored-other", Ignored.C(a=1, m=7, o="y", p=Path("/q")))
    add("ignored-reference", IgnoredRef.C(a=1))
    add("constant", ConstantC.C(a=1))
    add("constant-changed", ConstantC2.C(a=1))
    add("constant-str", ConstantStr.C())

    # Nested
    add("nested", Pair.C(left=IntC.C(x=1), right=StrC.C(x="a")))
    shared = IntC.C(x=1)
    add("nested-shared", Pair.C(left=shared, right=shared))
    add("nested-separate", Pair.C(left=IntC.C(x=1), right=IntC.C(x=1)))
    add("nested-list", ConfigList.C(x=[IntC.C(x=2), IntC.C(x=1)]))
    add("nested-dict", ConfigDict.C(x={"z": IntC.C(x=2), "a": IntC.C(x=1)}))
    add("chain", Node.C(name="a", next=Node.C(name="b", next=Node.C(name="c"))))
    n1, n2 = Node.C(name="a"), Node.C(name="b")
    n1.next = n2
    n2.next = n1
    add("cycle-from-a", n1)
    add("cycle-from-b", n2)
    selfref = Node.C(name="s")
    selfref.next = selfref
    add("cycle-self", selfref)
    add("cycle-inside", Pair.C(left=n1, right=IntC.C(x=1)))

    # Copies
    add("copy", IntC.C(x=9).copy())
    add("sealed", Pair.C(left=IntC.C(x=1), right=StrC.C(x="a")).seal())

    # Tasks (nothing is run)
    context.current = Nowhere()
    try:
        producer = Producer.C(a=1)
        add("task-unsubmitted", Producer.C(a=1))
        producer.submit()
        add("task", producer)
        add("task-dependency", Consumer.C(p=producer))
        add("lightweight-task", InitTask.C(i=1))
        with_init = Producer.C(a=1)
        with_init.submit(init_tasks=[InitTask.C(i=1), InitTask.C(i=2)])
        add("init-tasks", with_init)
        add("init-tasks-dependency", Consumer.C(p=with_init))
    finally:
        context.current = None
    return out


def compute() -> dict[str, str]:
    """The identifiers by name."""
    return {name: value.__identifier__().all.hex() for name, value in build()}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    named = importlib.import_module("identifiers_vectors")
    print(json.dumps(named.compute(), indent=1))
