"""Tags: noted where a value is given, joined over all that is used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experimaestro import Config, Param, TagDict, field, tag, tags

ErrorOf = Callable[[Callable[[], Any]], str]


class Model(Config):
    """Something to use."""

    size: Param[int] = field(default=1)
    path: Param[Path | None]


class Study(Config):
    """Uses models."""

    lr: Param[float]
    models: Param[list[Model]] = field(default_factory=list)


def model(**values: Any) -> Model:
    return Model.C(**values)


def test_a_tag_notes_the_value_as_it_was_given():
    config = Study.C(lr=tag(1), models=[model(size=tag(3))])
    assert config.lr == 1.0
    assert tags(config) == {"lr": 1, "size": 3}
    assert config.tags() == {"lr": 1, "size": 3}


def test_a_tag_does_not_change_the_identifier():
    assert Study.C(lr=tag(1.0)).__identifier__() == Study.C(lr=1.0).tag("a", "b").__identifier__()


def test_a_later_value_takes_the_tag_away_or_brings_it():
    config = Study.C(lr=tag(1.0))
    config.lr = 2.0
    assert tags(config) == {}
    config.lr = tag(3.0)
    assert tags(config) == {"lr": 3.0}


def test_a_copy_has_no_tags():
    assert tags(Study.C(lr=tag(1.0)).copy()) == {}


def test_a_tag_is_a_plain_value(error_of: ErrorOf):
    assert error_of(lambda: model(path=tag(Path("a")))) == (
        "ConfigurationError: Model.C(...): 1 problem (test_tags.py:LINE)\n"
        f"  path   a tag is a str, int, float or bool, got {Path('a')!r}. "
        "Tag the configuration in words: config.tag('name', 'text')"
    )
    wrong: Any = None
    with pytest.raises(TypeError):
        model().tag("a", wrong)


def test_tags_are_a_sorted_mapping_with_a_hash():
    one = TagDict({"b": 1, "a": "x"})
    assert list(one) == ["a", "b"]
    assert (len(one), one["b"], repr(one)) == (2, 1, "{'a': 'x', 'b': 1}")
    assert len({one, TagDict({"a": "x", "b": 1})}) == 1
    assert one != 3
