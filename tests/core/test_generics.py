"""Type variables: anything goes, as long as what belongs together agrees."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest

from experimaestro import Config, Param

ErrorOf = Callable[[Callable[[], Any]], str]

T = TypeVar("T")
B = TypeVar("B", bound="Animal")


class Animal(Config):
    age: Param[int]


class Dog(Animal):
    pass


class Cat(Animal):
    pass


class Box(Config, Generic[T]):
    content: Param[T]


class Pair(Config, Generic[T]):
    left: Param[T]
    right: Param[T]


class Cage(Config, Generic[B]):
    animal: Param[B]


class Ints(Box[int]):
    pass


class Boxes(Config, Generic[T]):
    boxes: Param[list[Box[T]]]
    one: Param[T]


class DogBox(Config):
    box: Param[Box[Dog]]


class AnyBox(Config):
    box: Param[Box[Any]]


class Anything(Box[Any]):
    pass


class Chain(Config, Generic[T]):
    next: Param["Chain[T] | None"]
    value: Param[T]


def test_a_free_variable_takes_anything():
    assert Box.C(content=3).content == 3


def test_any_in_the_place_of_a_variable_agrees_with_everything():
    assert AnyBox.C(box=Ints.C(content=3)).box.content == 3
    assert AnyBox.C(box=Box.C(content=Dog.C(age=3))).box.content.age == 3
    assert DogBox.C(box=Anything.C(content=Dog.C(age=4))).box.content.age == 4
    assert Box.C(content=Dog.C(age=1)).content.age == 1


def test_a_variable_that_a_subclass_fixes_is_that_type(error_of: ErrorOf):
    values: Any = {"content": "3"}
    assert Ints.C(**values).content == 3
    values = {"content": "three"}
    assert error_of(lambda: Ints.C(**values)) == (
        "ConfigurationError: Ints.C(...): 1 problem (test_generics.py:LINE)\n"
        "  content   expected an int, got 'three'. Example: content=3"
    )


def test_parameters_of_one_variable_agree(error_of: ErrorOf):
    assert Pair.C(left=Dog.C(age=1), right=Animal.C(age=2)).right.age == 2
    text = (
        "VariableError: Pair.C(...): 1 problem (test_generics.py:LINE)\n"
        "  right   T is Dog in left and Cat here: give values of comparable classes"
    )
    assert error_of(lambda: Pair.C(left=Dog.C(age=1), right=Cat.C(age=2))) == text
    with pytest.raises(TypeError):
        Pair.C(left=Dog.C(age=1), right=Cat.C(age=2))
    pair: Any = Pair.C(left=Dog.C(age=1), right=Dog.C(age=2))
    with pytest.raises(TypeError):
        pair.right = Cat.C(age=2)
    assert pair.right.age == 2
    assert type(pair.right) is Dog.C


def test_a_bound_is_kept(error_of: ErrorOf):
    wrong: Any = 3
    assert Cage.C(animal=Dog.C(age=1)).animal.age == 1
    assert error_of(lambda: Cage.C(animal=wrong)) == (
        "ConfigurationError: Cage.C(...): 1 problem (test_generics.py:LINE)\n"
        "  animal   expected a configuration of Animal (the bound of B), got 3. Example: animal=..."
    )


def test_a_parametrised_class_looks_at_what_is_inside(error_of: ErrorOf):
    assert DogBox.C(box=Box.C(content=Dog.C(age=1))).box.content.age == 1
    wrong: Any = Box.C(content=Cat.C(age=1))
    assert error_of(lambda: DogBox.C(box=wrong)) == (
        "ConfigurationError: DogBox.C(...): 1 problem (test_generics.py:LINE)\n"
        "  box   expected a configuration of Box[Dog], got a Box whose T is Cat. Example: box=Box.C(...)"
    )
    ints: Any = Ints.C(content=3)
    assert "a Ints whose T is int" in error_of(lambda: DogBox.C(box=ints))


def test_a_variable_inside_of_containers_counts():
    boxes: Any = [Box.C(content=Dog.C(age=1))]
    one: Any = Cat.C(age=1)
    with pytest.raises(TypeError, match="T is Dog in boxes and Cat here"):
        Boxes.C(boxes=boxes, one=one)


def test_a_long_chain_of_generic_configurations_is_made():
    chain: Any = Chain.C(next=None, value=0)
    for number in range(3000):
        chain = Chain.C(next=chain, value=number)
    with pytest.raises(TypeError):
        Chain.C(next=chain, value="text")


def test_copies_know_what_their_variables_stand_for():
    copy: Any = Box.C(content=Cat.C(age=1)).copy()
    with pytest.raises(ValueError, match="a Box whose T is Cat"):
        DogBox.C(box=copy)
