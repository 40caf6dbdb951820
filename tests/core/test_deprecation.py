"""Old names of classes and parameters: their results are found again, and nobody is surprised."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from experimaestro import Config, Param, deprecate, field
from experimaestro.exceptions import ConfigurationError

ErrorOf = Callable[[Callable[[], Any]], str]


class New(Config):
    values: Param[list[int]]

    @deprecate
    def value(self, x: int) -> None:
        self.values = [x]


@deprecate
class Renamed(New):
    pass


@deprecate(New)
class Converted(Config):
    value: Param[int]

    def __convert__(self) -> New:
        return New.C(values=[self.value])


@deprecate(New, replace=True)
class Replaced(Config):
    value: Param[int]
    scale: Param[float] = field(default=1.0)

    def __convert__(self) -> New:
        return New.C(values=[self.value])


@deprecate(New)
class WrongConvert(Config):
    def __convert__(self) -> int:
        return 3


class Holder(Config):
    x: Param[Config]


class HoldsNew(Config):
    new: Param[New]


def identifier(config: Config) -> str:
    return repr(config.__identifier__())


def test_a_renamed_class_has_the_identity_of_the_new_one_and_is_accepted_in_its_place():
    assert identifier(Renamed.C(values=[1])) == identifier(New.C(values=[1]))
    assert HoldsNew.C(new=Renamed.C(values=[1])).new.values == [1]


def test_a_converted_class_has_the_identity_of_what_it_becomes_and_stays_what_it_is(error_of: ErrorOf):
    old = Converted.C(value=1)
    assert identifier(old) == identifier(New.C(values=[1]))
    assert identifier(Holder.C(x=old)) == identifier(Holder.C(x=New.C(values=[1])))
    assert old.value == 1
    wrong: Any = old
    assert error_of(lambda: HoldsNew.C(new=wrong)) == (
        "ConfigurationError: HoldsNew.C(...): 1 problem (test_deprecation.py:LINE)\n"
        "  new   expected a configuration of New, got Converted.C(value=1). Example: new=New.C(...)"
    )


def test_a_replaced_class_gives_the_new_one_at_once(caplog: pytest.LogCaptureFixture):
    made: Any = Replaced.C(value=1, scale=2.0)
    assert type(made).__name__ == "New.XPMConfig"
    assert made.values == [1]
    assert "test_deprecation.py" in made.__xpm__.made_at
    made.scale = 3.0
    assert not hasattr(made, "scale")
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert caplog.messages[1] == (
        "scale is no parameter of New, which replaced the deprecated class: the value is discarded"
    )


def test_a_deprecated_parameter_is_set_through_its_function(caplog: pytest.LogCaptureFixture):
    made: Any = New.C
    config = made(value=1)
    assert config.values == [1]
    config.value = 2
    assert config.values == [2]
    assert all("New.value is deprecated" in line for line in caplog.messages)
    with pytest.raises(NotImplementedError, match="value is deprecated: it can be set, not read"):
        config.value  # noqa: B018 - reading it is what is refused


def test_what_is_wrong_with_a_deprecation_is_said():
    with pytest.raises(AssertionError, match=r"Already deprecated: Renamed"):
        deprecate()(Renamed)
    with pytest.raises(RuntimeError, match=r"derives from Holder, HoldsNew: say which replaces it"):

        @deprecate
        class Both(Holder, HoldsNew):
            pass

    with pytest.raises(ConfigurationError, match=r"add the method `__convert__\(self\)` that returns New"):

        @deprecate(New)
        class NoConvert(Config):
            pass

    with pytest.raises(ConfigurationError, match=r"returned 3: expected New.C\(...\)"):
        WrongConvert.C().__identifier__()


class Innermost(Config):
    y: Param[int]


class Between(Config):
    inner: Param[Innermost]


class Successor(Config):
    between: Param[Between]
    inners: Param[list[Innermost]]


@deprecate(Successor)
class Predecessor(Config):
    x: Param[int]

    def __convert__(self) -> Successor:
        return Successor.C(between=Between.C(inner=Innermost.C(y=self.x)), inners=[Innermost.C(y=self.x + 1)])


class Many(Config):
    parts: Param[list[Config]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_many_are_converted_to_is_told_apart():
    old = Many.C(parts=[Predecessor.C(x=number) for number in range(30)])
    new = Many.C(
        parts=[
            Successor.C(between=Between.C(inner=Innermost.C(y=number)), inners=[Innermost.C(y=number + 1)])
            for number in range(30)
        ]
    )
    assert {old.__identifier__() for _ in range(50)} == {new.__identifier__()}


@deprecate(New)
class Endless(Config):
    value: Param[int]

    def __convert__(self) -> Config:
        return self


def test_a_conversion_that_gives_the_old_class_is_refused():
    with pytest.raises(
        ConfigurationError, match=r"Endless\.__convert__ .* returned one of the deprecated class"
    ):
        Endless.C(value=1).__identifier__()


def test_a_deprecated_class_says_what_replaces_it():
    with pytest.raises(ConfigurationError, match=r"derive it from the class that replaces it"):

        @deprecate
        class Alone(Config):
            pass
