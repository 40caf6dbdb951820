# ruff: noqa: ISC004, E501
# (the texts of errors stand in tables as they are shown)
"""What parameters accept, and what a user is told about those that they do not."""

import copy
import math
import pickle
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum, Flag
from pathlib import Path
from typing import Any as TypingAny, ClassVar, Dict, List, Optional, Set, Tuple, Union  # noqa: UP035 - users write these

import pytest

from experimaestro import (
    Annotated,
    Any,
    Choices,
    Config,
    Constant,
    Meta,
    Option,
    Param,
    PathGenerator,
    Task,
    field,
    help as documented,
    param_group,
    partial,
    pathgenerator,
    tag,
)
from experimaestro.core.source import load
from experimaestro.exceptions import (
    AmbiguityWarning,
    ConfigurationError,
    DefinitionError,
    ReadOnlyError,
    RequiredError,
)

ErrorOf = Callable[[Callable[[], TypingAny]], str]


class Color(Enum):
    """Of a thing."""

    RED = "red"
    BLUE = "blue"


class Word(str, Enum):
    """A text that is a member."""

    YES = "yes"


class Model(Config):
    """Something to use."""

    size: Param[int] = field(default=3)


class Deep(Model):
    """A special one."""


class Prepare(Task):
    """Something to wait for."""

    model: Param[Optional[Model]]  # noqa: UP045 - users write these

    def execute(self) -> None:
        pass


class Train(Task):
    """Trains a model.

    With a text
    of two lines.
    """

    lr: Annotated[Param[float], documented("Learning rate")]
    epochs: Param[int] = field(default=10)
    model: Param[Model] = field(default_factory=lambda: Model.C(size=5))
    version: Constant[int] = 2
    log: Meta[Path] = field(default_factory=PathGenerator("log.txt"))

    def execute(self) -> None:
        pass


class Every(Config):
    """A parameter of each type, none required."""

    whole: Param[Optional[int]]  # noqa: UP045 - users write these
    real: Param[float | None]
    text: Param[str | None]
    flag: Param[bool | None]
    path: Param[Path | None]
    color: Param[Color | None]
    numbers: Param[Optional[List[int]]]  # noqa: UP006, UP045 - users write these
    table: Param[Dict[int, float] | None]  # noqa: UP006 - users write these
    words: Param[Set[str] | None]  # noqa: UP006 - users write these
    pair: Meta[Tuple[int, str] | None]  # noqa: UP006 - users write these
    row: Meta[tuple[float, ...] | None]
    either: Param[Union[int, str, None]]  # noqa: UP007 - users write these
    model: Param[Model | None]
    nested: Param[dict[str, list[Model]] | None]
    anything: Param[Any] = field(default=0)
    free: Meta[Any] = field(default=0)
    task: Param[Prepare | None]
    kept: Option[int] = field(default=1)
    large: Meta[Optional[Dict[int, Tuple[int, ...]]]]  # noqa: UP006, UP045 - users write these


def every(**values: TypingAny) -> TypingAny:
    return Every.C(**values)


def train(**values: TypingAny) -> TypingAny:
    return Train.C(**values)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("whole", "12", 12),
        ("whole", "1.0", 1),
        ("whole", " -3 ", -3),
        ("whole", 1.0, 1),
        ("whole", True, 1),
        ("whole", -(2**63), -(2**63)),
        ("kept", 2**70, 2**70),
        ("kept", str(-(10**30)), -(10**30)),
        ("kept", 1e30, int(1e30)),
        ("large", {2**70: [1, -(2**70)]}, {2**70: (1, -(2**70))}),
        ("whole", None, None),
        ("real", 1, 1.0),
        ("real", True, 1.0),
        ("real", "1e-3", 0.001),
        ("real", "inf", math.inf),
        ("text", "a", "a"),
        ("text", Word.YES, "yes"),
        ("flag", 0, False),
        ("flag", 1.0, True),
        ("flag", "Yes", True),
        ("flag", "off", False),
        ("path", "a/b", Path("a/b")),
        ("path", Path("a"), Path("a")),
        ("color", Color.RED, Color.RED),
        ("numbers", ["1", 2.0], [1, 2]),
        ("table", {"3": "0.5"}, {3: 0.5}),
        ("words", {"a"}, {"a"}),
        ("pair", ["1", "a"], (1, "a")),
        ("row", (1, 2, 3), (1.0, 2.0, 3.0)),
        ("either", "12", 12),
        ("either", "twelve", "twelve"),
        ("anything", [1, {"a": None}], [1, {"a": None}]),
        ("anything", Color.RED, Color.RED),
        ("free", (1, Path("a")), (1, Path("a"))),
    ],
)
def test_a_value_is_brought_to_its_type(name: str, given: TypingAny, kept: TypingAny):
    found = getattr(every(**{name: given}), name)
    assert found == kept
    assert type(found) is type(kept)


def test_nan_is_a_float():
    assert math.isnan(every(real=math.nan).real)


class Scalar(float):
    """Looks like a number of NumPy."""

    ndim = 0

    def item(self) -> float:
        return float(self)


Scalar.__module__ = "numpy"


def test_a_number_of_numpy_is_a_number():
    found = every(real=Scalar(0.5), whole=Scalar(3.0), anything=[Scalar(0.5)])
    assert (found.real, found.whole, found.anything) == (0.5, 3, [0.5])
    assert type(found.real) is float


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"whole": 1.5}, "whole   expected an int or None, got 1.5. Example: whole=3"),
        ({"whole": "x"}, "whole   expected an int or None, got 'x'. Example: whole=3"),
        ({"whole": "1e3"}, "whole   expected an int or None, got '1e3'. Example: whole=3"),
        (
            {"text": "\udc80"},
            "text   UTF-8 has no bytes for '\\udc80', so it has no identifier. Use a Path for the name of a file",
        ),
        ({"whole": 2**63}, f"whole   integers have at most 64 bits, got {2**63}. Use a str or a float"),
        (
            {"anything": [2**70]},
            f"anything[0]   integers have at most 64 bits, got {2**70}. Use a str or a float",
        ),
        (
            {"kept": 1 << 20_000},
            "kept   integers are written with at most 4300 digits, got one of 20001 bits. Use a Path to a file",
        ),
        ({"real": "fast"}, "real   expected a float or None, got 'fast'. Example: real=1e-3"),
        ({"text": 3}, "text   expected a str or None, got 3. Example: text='text'"),
        ({"text": b"a"}, "text   expected a str or None, got b'a'. Example: text='text'"),
        ({"flag": 2}, "flag   expected a bool or None, got 2. Example: flag=True"),
        ({"flag": "maybe"}, "flag   expected a bool or None, got 'maybe'. Example: flag=True"),
        ({"path": 3}, "path   expected a path (str or Path) or None, got 3. Example: path='data/file.txt'"),
        ({"color": "RED"}, "color   expected a Color or None, got 'RED'. Example: color=Color.RED"),
        ({"numbers": (1, 2)}, "numbers   expected a List[int] or None, got (1, 2). Example: numbers=[3]"),
        ({"numbers": [1, "x"]}, "numbers[1]   expected an int, got 'x'. Example: numbers=[3]"),
        (
            {"table": [(1, 2)]},
            "table   expected a Dict[int, float] or None, got [(1, 2)]. Example: table={3: 1e-3}",
        ),
        ({"table": {1: "x"}}, "table[1]   expected a float, got 'x'. Example: table={3: 1e-3}"),
        ({"table": {"x": 1}}, "table (key 'x')   expected an int, got 'x'. Example: table={3: 1e-3}"),
        ({"words": ["a"]}, "words   expected a Set[str] or None, got ['a']. Example: words={'text'}"),
        ({"pair": (1,)}, "pair   expected a Tuple[int, str] or None, got (1,). Example: pair=(3, 'text',)"),
        ({"either": []}, "either   expected an int or a str or None, got []. Example: either=3"),
        (
            {"model": 3},
            "model   expected a configuration of Model or None, got 3. Example: model=Model.C(...)",
        ),
        ({"model": Model}, "model   got the class Model. Use Model.C(...)"),
        ({"model": Model.C}, "model   got the class Model. Use Model.C(...)"),
        (
            {"table": {"1": 2, 1: 3}},
            "table (key 1)   two keys mean 1, and one value would be lost. Example: table={3: 1e-3}",
        ),
        (
            {"model": Model()},
            "model   got an instance of Model where a configuration is expected. Use Model.C(...)",
        ),
        (
            {"nested": {"a": [Model.C(), 3]}},
            "nested['a'][1]   expected a configuration of Model, got 3. Example: "
            "nested={'text': [Model.C(...)]}",
        ),
        (
            {"anything": [print]},
            "anything[0]   a job cannot get <built-in function print>: a builtin_function_or_method is not "
            "written as JSON. Use numbers, strings, lists, dictionaries or configurations",
        ),
        (
            {"anything": Model()},
            "anything   got an instance of Model where a configuration is expected. Use Model.C(...)",
        ),
        (
            {"anything": [Path("a")]},
            "anything   a path in a container or in Any cannot be part of an identifier. "
            "Declare anything: Meta[Any]",
        ),
        (
            {"anything": (1, 2)},
            "anything   a tuple cannot be part of an identifier. Declare anything: Meta[Any]",
        ),
        (
            {"anything": {1: 2, "a": 3}},
            "anything   a dictionary with keys of several types cannot be part of an identifier. "
            "Declare anything: Meta[Any]",
        ),
        (
            {"numbers": [tag(1)]},
            "numbers[0]   tag(1) marks the whole value of a parameter, not a part of it. "
            "Use config.tag('name', value)",
        ),
        (
            {"task": Prepare.C(model=None)},
            "task   the task Prepare (made at test_parameters.py:LINE) must be submitted before another task "
            "uses it. Submit it first: Prepare.C(...).submit()",
        ),
        (
            {"anything": Prepare.C(model=None)},
            "anything   the task Prepare (made at test_parameters.py:LINE) must be submitted before another "
            "task uses it. Submit it first: Prepare.C(...).submit()",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_write(
    values: dict[str, TypingAny], line: str, error_of: ErrorOf
):
    assert error_of(lambda: every(**values)) == (
        f"ConfigurationError: Every.C(...): 1 problem (test_parameters.py:LINE)\n  {line}"
    )


def test_all_problems_of_a_call_are_told_together(error_of: ErrorOf):
    assert error_of(lambda: train(lr="fast", epoch=2)) == (
        "ConfigurationError: Train.C(...): 2 problems (test_parameters.py:LINE)\n"
        "  lr      expected a float, got 'fast'. Example: lr=1e-3\n"
        "  epoch   unknown parameter. Did you mean 'epochs'?"
    )


def test_the_line_of_the_user_is_named():
    here = train.__code__.co_firstlineno + 1
    with pytest.raises(ConfigurationError, match=rf"\(test_parameters\.py:{here}\)"):
        train(lr="fast")


def test_an_unknown_name_like_no_other_gets_the_list(error_of: ErrorOf):
    assert error_of(lambda: train(zzz=1)) == (
        "ConfigurationError: Train.C(...): 1 problem (test_parameters.py:LINE)\n"
        "  zzz   unknown parameter. There are: epochs, log, lr, model, version"
    )


class NoParam(Config):
    """Annotates what should be parameters."""

    lr: float
    sizes: list[int]
    later: "Model | None"
    shared: ClassVar[int] = 3


def test_an_annotation_that_makes_no_parameter_says_so(error_of: ErrorOf):
    make: TypingAny = NoParam
    assert error_of(lambda: make.C(lr=1, sizes=[1], later=None, shared=2)) == (
        "ConfigurationError: NoParam.C(...): 4 problems (test_parameters.py:LINE)\n"
        "  lr       `lr` is annotated but is no parameter: write `lr: Param[float]`\n"
        "  sizes    `sizes` is annotated but is no parameter: write `sizes: Param[list[int]]`\n"
        "  later    `later` is annotated but is no parameter: write `later: Param[Model | None]`\n"
        "  shared   unknown parameter. The class declares none"
    )


def test_parameters_are_given_by_name(error_of: ErrorOf):
    call: TypingAny = Model.C
    assert error_of(lambda: call(3)) == (
        "TypeError: Model.C(...) takes parameters by name only (test_parameters.py:LINE): Model.C(size=...)"
    )


def test_none_for_a_required_parameter_is_an_attribute_error(error_of: ErrorOf):
    assert error_of(lambda: train(lr=None)) == (
        "RequiredError: Train.C(...): 1 problem (test_parameters.py:LINE)\n"
        "  lr   Cannot set required attribute 'lr' to None: expected a float, got None. Example: lr=1e-3"
    )
    assert issubclass(RequiredError, AttributeError)


def test_a_later_assignment_is_checked_in_the_same_way(error_of: ErrorOf):
    config = train(lr=1)
    config.lr = "0.5"
    assert config.lr == 0.5
    assert error_of(lambda: setattr(config, "lr", "x")) == (
        "ConfigurationError: Train.lr = ...: 1 problem (test_parameters.py:LINE)\n"
        "  lr   expected a float, got 'x'. Example: lr=1e-3"
    )
    assert config.lr == 0.5


@pytest.mark.parametrize(
    ("name", "word"), [("version", "a Constant"), ("log", "generated when the task is submitted")]
)
def test_constants_and_generated_paths_are_read_only(name: str, word: str, error_of: ErrorOf):
    text = f"1 problem (test_parameters.py:LINE)\n  {name}   Property {name} is read-only: it is {word}"
    assert error_of(lambda: train(**{name: 3})) == f"ReadOnlyError: Train.C(...): {text}"
    assert error_of(lambda: setattr(train(lr=1), name, 3)) == f"ReadOnlyError: Train.{name} = ...: {text}"


def test_a_sealed_configuration_says_how_to_go_on(error_of: ErrorOf):
    config = Model.C().seal()
    assert error_of(lambda: setattr(config, "size", 4)) == (
        "ReadOnlyError: Model.size cannot be set (test_parameters.py:LINE): the configuration is sealed and "
        "does not change any more. Make another one: config.copy()"
    )
    assert issubclass(ReadOnlyError, AttributeError)


def test_other_attributes_are_plain_python():
    config: TypingAny = Model.C()
    config.note = object()
    assert config == Model.C()
    assert not hasattr(config, "other")


def test_reading_a_parameter_that_is_not_set_is_a_key_error():
    with pytest.raises(KeyError, match=r"lr is not set: Train\.C\(lr=\.\.\.\)"):
        train().lr  # noqa: B018 - reading is the point


def test_each_object_has_a_default_of_its_own():
    one, other = train(lr=1), train(lr=1)
    one.model.size = 7
    assert other.model.size == 5
    assert train(lr=1).epochs == 10


def test_a_configuration_is_an_instance_of_its_class_and_runs_none_of_it():
    config = Deep.C(size=4)
    assert isinstance(config, Model)
    assert every(model=config).model is config
    assert Deep.C is Deep.XPMConfig


def test_a_plain_object_has_no_parameters(error_of: ErrorOf):
    make: TypingAny = Model
    assert error_of(lambda: make(size=3, x=2)) == (
        "TypeError: Model(size=..., x=...) makes no configuration. Write Model.C(size=..., x=...)"
    )
    assert error_of(lambda: make(3)) == ("TypeError: Model(...) makes no configuration. Write Model.C(...)")
    assert "size" not in vars(make())


class Layer:
    """Of another library."""

    def __init__(self, width: int = 8) -> None:
        self.width = width


class Wide(Config, Layer):
    """A configuration class whose objects are layers as well."""

    size: Param[int]


class Own(Config):
    """A class with an `__init__` of its own."""

    size: Param[int]

    def __init__(self, start: int = 1) -> None:
        super().__init__()
        self.start = start


def test_an_init_that_takes_arguments_is_left_alone():
    wide: TypingAny = Wide
    assert wide(4).width == 4
    assert Wide.C(size=1).instance().width == 8
    assert Own(3).start == 3
    own: TypingAny = Own
    assert own.C(size=1).instance().start == 1


def test_it_is_shown_as_it_is_written():
    assert repr(Deep.C()) == "Deep.C()"
    shown = train(lr=0.5, epochs=3)
    assert str(shown) == "Train.C(epochs=3, lr=0.5, model=Model.C(size=5))"
    assert repr(every(numbers=list(range(9)), color=Color.RED)) == (
        "Every.C(color=Color.RED, numbers=[0, 1, 2, 3, 4, 5, 6, 7, 8])"
    )


def test_the_copies_of_python_are_ours_and_nothing_is_pickled(error_of: ErrorOf):
    config = train(lr=0.5)
    for made in (copy.copy(config), copy.deepcopy(config), copy.deepcopy([config])[0]):
        assert made == config
        assert made.model is not config.model
    assert error_of(lambda: pickle.dumps(config)) == (
        "TypeError: Train.C(...) is not pickled: give the other process an instance(), or the values"
    )


class Abstract(Config, ABC):
    """Leaves something open."""

    @abstractmethod
    def value(self) -> int: ...


class Concrete(Abstract):
    """Leaves nothing open."""

    def value(self) -> int:
        return 3


def test_only_a_class_that_leaves_nothing_open_has_objects(error_of: ErrorOf):
    abstract: TypingAny = Abstract
    assert repr(abstract.C()) == "Abstract.C()"
    assert error_of(abstract.C().instance).startswith("TypeError: Can't instantiate abstract class Abstract")
    assert Concrete.C().instance().value() == 3


def test_equality_is_of_class_and_values():
    assert Model.C(size=4) == Model.C(size=4)
    assert Model.C(size=4) != Model.C(size=5)
    assert Model.C() != Deep.C()
    assert every(nested={"a": [Model.C()]}) == every(nested={"a": [Model.C()]})
    assert every(nested={"a": [Model.C()]}) != every(nested={"a": []})
    assert every(model=Model.C().seal()) == every(model=Model.C().seal())


def test_only_a_sealed_configuration_has_a_hash(error_of: ErrorOf):
    assert len({Model.C().seal(), Model.C().seal()}) == 1
    assert error_of(lambda: hash(Model.C())) == (
        "TypeError: Unhashable: a Model that is not sealed can still change. Call seal() first"
    )


def test_the_class_tells_what_it_declares():
    found = Train.__getxpmtype__()
    assert (found.title, found.description) == ("Trains a model.", "With a text\nof two lines.")
    assert list(found.arguments) == ["epochs", "log", "lr", "model", "version"]
    lr, epochs, version, log = (found.arguments[name] for name in ("lr", "epochs", "version", "log"))
    assert (lr.help, lr.required, lr.type.name, lr.ignored) == ("Learning rate", True, "float", False)
    assert (epochs.required, epochs.default, version.constant) == (False, 10, True)
    assert (log.ignored, log.generator is not None) == (True, True)


class Base(Config):
    """To be redeclared."""

    x: Param[int]
    model: Param[Model]


class NarrowerModel(Base):
    """A special model is a model."""

    model: Param[Deep] = field(overrides=True)


class OtherType(Base):
    """A float is no int."""

    x: Param[float] = field(overrides=True)  # type: ignore[assignment] # refused when it is used


class Silent(Base):
    """Says nothing of it."""

    x: Param[int]


class NoValue(Config):
    """A constant without a value."""

    x: Constant[int]


class WrongDefault(Config):
    """A default of another type."""

    x: Param[list[int]] = field(default=["a"])  # type: ignore[list-item] # refused when it is used


class NoType(Config):
    """Not something that JSON holds."""

    x: Param[bytes]


class BareList(Config):
    """Says not what it holds."""

    x: Param[list]  # type: ignore[type-arg] # refused when it is used


class Misspelt(Config):
    """A name that nobody knows."""

    x: "Param[Modle]"  # type: ignore[name-defined] # noqa: F821 - refused when it is used


class MisspeltInside(Config):
    """Only the type is a string."""

    x: Meta["Modle"]  # type: ignore[name-defined] # noqa: F821 - same


class OldDefault(Config):
    """As it was written before."""

    x: Param[int] = 5


class DefaultNone(Config):
    """None is the default of nothing."""

    x: Param[int] = field(default=None)  # type: ignore[assignment] # told when it is used


class DefaultBareNone(Config):
    """As it was written before."""

    x: Meta[list[int]] = None  # type: ignore[assignment] # told when it is used


class Generated(Config):
    """A path by annotation, and other names that are no parameters."""

    out: Annotated[Path, pathgenerator("out.txt")]
    plain: int = 3
    unknown: "Elsewhere"  # type: ignore[name-defined] # noqa: F821 - no parameter, never looked up


def test_a_parameter_may_be_redeclared_more_narrowly():
    with pytest.raises(ConfigurationError):
        NarrowerModel.C(x=1, model=Model.C())  # type: ignore[arg-type] # the narrower type
    assert NarrowerModel.C(x=1, model=Deep.C()).x == 1


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (OtherType, "DefinitionError: OtherType.x: float is not compatible with parent type int"),
        (NoValue, "AssertionError: NoValue.x: a Constant needs a value"),
        (WrongDefault, "DefinitionError: WrongDefault.x[0]: the default is wrong: expected an int, got 'a'"),
        (
            NoType,
            "DefinitionError: NoType.x: no type for bytes: use int, float, str, bool, Path, an Enum, Literal, "
            "List, Dict, Set, Optional, Union, Any, a TypeVar or a configuration class",
        ),
        (BareList, "DefinitionError: BareList.x: no type for list: say what it holds, list[int]"),
        (
            Misspelt,
            "DefinitionError: Misspelt.x: the annotation 'Param[Modle]' does not resolve: name 'Modle' is not "
            "defined. Import the name at the top level of the module, outside of `if TYPE_CHECKING:`",
        ),
        (
            MisspeltInside,
            "DefinitionError: MisspeltInside.x: the annotation 'Meta[Modle]' does not resolve: name 'Modle' is "
            "not defined. Import the name at the top level of the module, outside of `if TYPE_CHECKING:`",
        ),
    ],
)
def test_a_class_that_cannot_work_says_so_at_its_first_use(cls: TypingAny, text: str, error_of: ErrorOf):
    assert error_of(lambda: cls.C()) == text  # noqa: PLW0108 - `C` itself is looked up inside the call


def test_two_defaults_are_refused(error_of: ErrorOf):
    call: TypingAny = field
    assert error_of(lambda: call(default=1, default_factory=list)) == (
        "AssertionError: field(...) takes `default` or `default_factory`, not both"
    )


def test_a_class_inside_a_function_is_refused(error_of: ErrorOf):
    class Local(Config):
        pass

    assert error_of(lambda: Local.C()) == (  # noqa: PLW0108 - `C` itself is looked up inside the call
        "LocalClassError: test_a_class_inside_a_function_is_refused.<locals>.Local: configurations should not "
        "be within functions, where no job finds them. Define the class at the top level of its module"
    )


def test_a_bare_default_is_told_where_the_class_is():
    with pytest.warns(DeprecationWarning, match=r"^OldDefault\.x = 5: a bare default is left out") as found:
        OldDefault.C()
    assert found[0].filename == __file__


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (
            DefaultNone,
            "DefaultNone.x: Param[int] = field(default=None) has no default: declare Optional[int]",
        ),
        (
            DefaultBareNone,
            "DefaultBareNone.x: Meta[List[int]] = None has no default: declare Optional[List[int]]",
        ),
    ],
)
def test_a_default_none_of_a_parameter_that_is_never_none_is_told(cls: TypingAny, text: str):
    with pytest.warns(UserWarning, match="has no default") as found:
        arguments = cls.__getxpmtype__().arguments
    assert [str(one.message) for one in found] == [text]
    line = Path(__file__).read_text(encoding="utf-8").splitlines()[found[0].lineno - 1]
    assert (found[0].filename, line) == (__file__, f"class {cls.__name__}(Config):")
    assert arguments["x"].required


def test_redeclaring_without_saying_so_is_told():
    with pytest.warns(UserWarning, match=r"^Silent\.x redeclares a parameter of a parent class"):
        Silent.C(x=1, model=Model.C())


def test_other_names_of_a_class_are_no_parameters():
    assert list(Generated.__getxpmtype__().arguments) == ["out"]
    assert Generated.C().out is None  # type: ignore[call-arg] # nothing yet


def test_a_module_may_postpone_its_annotations(tmp_path: Path):
    file = tmp_path / "postponed.py"
    file.write_text(
        "from __future__ import annotations\n"
        "from experimaestro import Config, Param\n"
        "class Outer(Config):\n"
        "    inner: Param[list[Inner]]\n"
        "class Inner(Config):\n"
        "    outer: Param[Outer | None]\n",
        encoding="utf-8",
    )
    module: TypingAny = load("postponed", str(file))
    inner = module.Inner.C()
    assert module.Outer.C(inner=[inner]).inner == [inner]


def test_the_error_classes_are_those_of_python_as_well():
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(DefinitionError, TypeError)


class Ambiguous(Config):
    text: Param[str] = field(default="")
    same: Param[dict[str, dict[str, int]]] = field(default_factory=dict)
    mixed: Param[dict[str, int | dict[str, int]]] = field(default_factory=dict)
    deep: Param[dict[str, dict[str, dict[str, int]]]] = field(default_factory=dict)
    by_number: Param[dict[int, str | None]] = field(default_factory=dict)
    chosen: Annotated[str, Choices(["", "a\x05b"])] = field(default="")
    quiet: Meta[str] = field(default="")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {"deep": {"a": {"b": {}}, "c": {}}},
            "an empty dictionary can make its identifier that of one that is nested differently",
        ),
        (
            {"by_number": {1: "a\x01\x02"}},
            "the control characters of 'a\\x01\\x02' can make its identifier that of another value",
        ),
        (
            {"chosen": "a\x05b"},
            "the control characters of 'a\\x05b' can make its identifier that of another value",
        ),
        (
            {"text": "a\x03b"},
            "the control characters of 'a\\x03b' can make its identifier that of another value",
        ),
        (
            {"mixed": {"a": {"b": 1}, "c": 2}},
            "a dictionary in a dictionary can have the identifier of one that is nested differently",
        ),
    ],
)
def test_a_value_that_has_the_identifier_of_another_one_is_warned_of_at_the_users_line(
    given: dict[str, TypingAny], why: str
):
    name = next(iter(given))
    with pytest.warns(AmbiguityWarning) as warned:
        config: TypingAny = Ambiguous.C(**given)
    assert [(one.filename, str(one.message).partition(". ")[0]) for one in warned] == [
        (__file__, f"{name}: {why}")
    ]
    with pytest.warns(AmbiguityWarning) as warned:
        setattr(config, name, given[name])
    assert warned[0].filename == __file__


def test_what_is_not_ambiguous_gives_no_warning():
    Ambiguous.C(text="a\nb\tc", same={"a": {"b": 1}, "c": {}}, quiet="\x03")
    Ambiguous.C(mixed={"a": {}})
    Ambiguous.C(deep={"a": {"b": {"x": 1}}, "c": {"d": {"x": 1}}})
    Ambiguous.C(deep={"a": {}})


class Marked(Config):
    text: Param[str] = field(default="a\x03b")
    left_out: Param[str] = field(default="a\x03b", ignore_default=True)


def test_an_ambiguous_default_is_warned_of_where_the_class_is():
    with pytest.warns(AmbiguityWarning, match=r"Marked\.text: the default is ambiguous") as warned:
        Marked.C()
    assert [one.filename for one in warned] == [__file__]


class Paired(Config):
    pair: Param[tuple[int, int]] = field(default=(1, 2))


class LeftOut(Config):
    pair: Param[tuple[int, int]] = field(default=(1, 2), ignore_default=True)


def test_a_default_that_no_identifier_can_have_is_refused():
    with pytest.raises(DefinitionError, match=r"Paired\.pair: the default is wrong: a tuple cannot be part"):
        Paired.C()
    left_out = LeftOut.C(pair=(1, 2)).seal()
    assert left_out.__identifier__() == LeftOut.C().__identifier__()
    with pytest.raises(ConfigurationError, match="a tuple cannot be part of an identifier"):
        LeftOut.C(pair=(1, 3))


class Access(Flag):
    READ = 1
    WRITE = 2


class Opened(Config):
    access: Param[Access]
    anything: Param[TypingAny] = field(default=0)


def test_a_combination_of_flags_is_refused_as_no_name_finds_it_again():
    assert Opened.C(access=Access.READ).access is Access.READ
    both = Access.READ | Access.WRITE
    with pytest.raises(ConfigurationError, match=r"access +.* is a combination of flags, which has no name"):
        Opened.C(access=both)
    with pytest.raises(ConfigurationError, match=r"anything +.* is a combination of flags"):
        Opened.C(access=Access.READ, anything=both)


class Listed(Config):
    file: Annotated[Path, Choices([Path("a.txt"), Path("b.txt")])] = field(default=Path("a.txt"))


def test_a_path_out_of_some_is_in_no_identifier():
    assert Listed.C().__identifier__() == Listed.C(file=Path("b.txt")).__identifier__()


class Twice(Config):
    size: Meta[Param[int]]


class Inside(Config):
    size: Param[int] | None = None


def test_a_word_that_is_no_declaration_is_refused():
    with pytest.raises(DefinitionError, match=r"Twice\.size is Param and Meta at once: leave one of them"):
        Twice.C(size=1)
    with pytest.raises(DefinitionError, match=r"Inside\.size: Param\[\.\.\.\] stands inside of another"):
        Inside.C()


@pytest.mark.parametrize("wrong", [3, "abc", ["a"], param_group("a")])
def test_groups_are_made_by_param_group(wrong: TypingAny):
    with pytest.raises(DefinitionError, match=r"field\(groups=.*\): expected a list of groups"):
        field(groups=wrong)
    with pytest.raises(DefinitionError, match=r"partial\(exclude_groups=.*\): expected a list of groups"):
        partial(exclude_groups=wrong)
    with pytest.raises(DefinitionError, match=r"partial\(include_groups=.*\): expected a list of groups"):
        partial(include_groups=wrong)


class Parent(Config):
    lr: Param[float] = field(default=0.5)


class Bare(Parent):
    lr = 0.1


def test_a_bare_value_for_a_parameter_of_a_parent_is_told():
    text = (
        "Bare.lr = 0.1 has no effect: lr is a parameter of Parent. Declare it again: "
        "lr: Param[float] = field(default=0.1, overrides=True)"
    )
    with pytest.warns(UserWarning, match=re.escape(text)):
        assert Bare.C().lr == 0.5
