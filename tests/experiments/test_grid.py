"""Configurations made of one, for all combinations or for pairs."""

from typing import Any

import pytest

from experimaestro.exceptions import DocumentError
from experimaestro.experiments import ConfigurationBase, GridSearch, configuration, generate_grid


@configuration
class Optim:
    lr: float = 0.1


@configuration
class Study(ConfigurationBase):
    optim: Optim = Optim()
    seed: int = 0


def rows(grid: dict[str, Any], **options: Any) -> list[tuple[float, int]]:
    study = Study(id="a", grid_search=grid)
    made = list(generate_grid(study, **options))
    assert study.optim.lr == 0.1
    assert all(one.grid_search is None and one.id == "a" for one in made)
    return [(one.optim.lr, one.seed) for one in made]


def test_all_combinations_are_made_in_order():
    grid = {"optim.lr": [1.0, 2.0], "seed": {"values_list": [7, 8]}}

    assert rows(grid) == [(1.0, 7), (1.0, 8), (2.0, 7), (2.0, 8)]


def test_pairs_take_the_first_values_then_the_second():
    assert rows({"optim.lr": [1.0, 2.0], "seed": [7, 8]}, mode="pairs") == [(1.0, 7), (2.0, 8)]


@pytest.mark.parametrize(
    ("values", "seeds"),
    [([0, 4, 5], [0, 1, 2, 3, 4]), ([3, 3, 1], [3])],
)
def test_a_range_has_both_ends(values: list[int], seeds: list[float]):
    assert [seed for _, seed in rows({"seed": {"values_range": values}})] == seeds


def test_values_become_what_the_field_says():
    study = Study(id="a", grid_search={"optim": [{"lr": 3}], "seed": ["1", 2.0]})

    assert [(one.optim, one.seed) for one in generate_grid(study)] == [(Optim(lr=3.0), 1), (Optim(lr=3.0), 2)]
    assert [lr for lr, _ in rows({"optim.lr": {"values_range": [0, 1, 3]}})] == [0.0, 0.5, 1.0]
    assert [lr for lr, _ in rows({"optim.lr": {"values_range": [0, 2, 3]}})] == [0.0, 1.0, 2.0]


def test_no_grid_is_the_configuration_alone():
    assert rows({}) == [(0.1, 0)]
    assert GridSearch == dict[str, Any]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"sed": [1]}, "grid_search: sed: Study has no field 'sed'. Did you mean 'seed'?"),
        ({"optim.rate": [1]}, "grid_search: optim.rate: Optim has no field 'rate'. There are: lr"),
        ({"seed.x": [1]}, "grid_search: seed.x: int has no field 'x'. There are none"),
        ({"seed": [1, "x"]}, "grid_search: seed: expected an int, got 'x'"),
        ({"seed": {"values_range": [0, 1, 3]}}, "grid_search: seed: expected an int, got 0.5"),
        ({"optim": [{"lrr": 1}]}, "grid_search: optim.lrr: unknown key. Did you mean 'lr'?"),
        ({"seed": []}, "grid_search: seed: has no values"),
        ({"seed": 3}, ("grid_search: seed: expected [values], values_list: [values] or "
                       "values_range: [start, stop, count], got 3")),
        ({"seed": {"values_range": [1, 2]}}, ("grid_search: seed: values_range: "
                                              "expected [start, stop, count], got [1, 2]")),
        ({"seed": {"values_range": [1, 2, 0]}}, ("grid_search: seed: values_range: "
                                                 "expected a count from 1 up, got 0")),
    ],
)  # fmt: skip
def test_a_wrong_grid_is_refused(grid: dict[str, Any], message: str):
    with pytest.raises(DocumentError) as caught:
        rows(grid)

    assert str(caught.value) == message


def test_pairs_need_as_many_values_for_each_field():
    with pytest.raises(DocumentError) as caught:
        rows({"optim.lr": [1.0], "seed": [1, 2]}, mode="pairs")

    assert str(caught.value) == (
        "grid_search: pairs need as many values for each field: optim.lr has 1, seed has 2"
    )
