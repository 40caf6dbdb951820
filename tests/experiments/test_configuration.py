"""The classes that users write for an experiment."""

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from experimaestro.exceptions import ExperimentCodeError
from experimaestro.experiments import (
    MISSING,
    ConfigurationBase,
    DirtyGitAction,
    ExperimentHelper,
    configuration,
    noop_decorator,
)
from experimaestro.experiments.cli import ExperimentCallable


@configuration
class Optim:
    lr: float = 1e-3
    betas: list[float] = attrs.Factory(lambda: [0.9, 0.99])


@configuration()
class Study(ConfigurationBase):
    optim: Optim = Optim()
    id: str = "study"


def test_fields_are_keywords_and_objects_are_values():
    assert Optim(lr=0.1) == Optim(lr=0.1)
    assert Optim(lr=0.1) != Optim(lr=0.2)
    assert Optim(lr=0.1).betas == [0.9, 0.99]
    with pytest.raises(TypeError):
        Optim(0.1)  # type: ignore[call-arg] # the mistake


def test_a_configuration_has_a_hash_if_its_values_have():
    @configuration
    class Flat:
        a: int = 1

    assert hash(Flat(a=2)) == hash(Flat(a=2))


def test_the_base_has_what_every_experiment_has():
    study = Study()

    assert (study.id, study.title, study.dirty_git, study.add_timestamp) == (
        "study",
        "",
        DirtyGitAction.WARN,
        False,
    )
    assert not MISSING
    assert repr(MISSING) == "MISSING"


class Named(ExperimentHelper):
    def run(self, args: Sequence[str], configuration: Any) -> Any:
        return self.callable(self, f"{configuration} of {args[0]}")


@Named.decorator
def with_a_name(_helper: Any, cfg: Any) -> Any:
    return cfg


@Named.decorator()
def with_parentheses(_helper: Any, cfg: Any) -> Any:
    return cfg


@ExperimentHelper.decorator
def without_arguments(_helper: Any, cfg: Any) -> Any:
    return cfg


def test_a_helper_of_ones_own_takes_arguments_with_and_without_parentheses():
    assert with_a_name.run(["anna"], "tea") == "tea of anna"
    assert with_parentheses.run(["anna"], "tea") == "tea of anna"


def test_a_decorated_function_can_still_be_called():
    run: ExperimentCallable = without_arguments

    assert run(None, "tea") == "tea"


def test_arguments_that_nobody_takes_are_refused():
    with pytest.raises(ExperimentCodeError) as caught:
        without_arguments.run(["--fast"], "tea")

    assert str(caught.value) == (
        "without_arguments(helper, cfg) takes no arguments of the command line, got: --fast. Values of "
        "the configuration are given with -c KEY=VALUE; for arguments of your own, derive from "
        "ExperimentHelper and override run(args, configuration)"
    )


def test_a_decorator_that_does_nothing_can_stand_for_any():
    @noop_decorator
    def one() -> int:
        return 1

    @noop_decorator("any", option=3)  # type: ignore[untyped-decorator] # it stands for any
    def two() -> int:
        return 2

    assert (one(), two()) == (1, 2)
