"""Several documents as one, and values of a command line."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from experimaestro.documents.merging import merge, override
from experimaestro.documents.nodes import Origin, from_python, leaves, plain
from experimaestro.documents.reading import read_text
from experimaestro.exceptions import DocumentError


def test_mappings_are_merged_and_everything_else_is_replaced():
    first = read_text("a: {b: 1, c: 2}\nsizes: [1, 2, 3]\nname: x", "base.yaml")
    second = read_text("a: {c: 3}\nsizes: [4]", "full.yaml")

    merged = merge(first, second)

    assert plain(merged) == {"a": {"b": 1, "c": 3}, "sizes": [4], "name": "x"}
    assert {key: str(node.origin) for key, node in leaves(merged)} == {
        "a.b": "base.yaml:1",
        "a.c": "full.yaml:1",
        "sizes[0]": "full.yaml:2",
        "name": "base.yaml:3",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lr=1e-4", {"lr": 1e-4}),
        ("optim.lr=1", {"optim": {"lr": 1}}),
        ("sizes=[1,2]", {"sizes": [1, 2]}),
        ("name=null", {"name": None}),
        ("name=", {"name": ""}),
        ("name=a=b", {"name": "a=b"}),
        ("name='12'", {"name": "12"}),
        ("title=Runs #3", {"title": "Runs #3"}),
        ("launcher=@slow", {"launcher": "@slow"}),
        ("opt={lr: 2}", {"opt": {"lr": 2}}),
        ("sizes=[1,", {"sizes": "[1,"}),
    ],
)
def test_a_value_of_the_command_line_is_yaml_or_a_text(text: str, value: object):
    assert plain(override(text)) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", "-c lr: expected KEY=VALUE, such as -c lr=1e-4"),
        ("=3", "-c =3: expected a key before '=', such as -c optim.lr=1e-4"),
        ("a..b=3", "-c a..b=3: expected a key before '=', such as -c optim.lr=1e-4"),
    ],
)
def test_what_is_no_key_and_value_is_refused(text: str, message: str):
    with pytest.raises(DocumentError) as caught:
        override(text)

    assert str(caught.value) == message


documents = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(documents, documents)
def test_what_comes_last_wins(a: Any, b: Any):
    first, second = (from_python({"k": value}, Origin("t")) for value in (a, b))

    merged = merge(first, second)

    assert plain(merge(first, first)) == plain(first)
    assert plain(merge(merged, second)) == plain(merged)
    now = {key: plain(node) for key, node in leaves(merged)}
    given_last = {key: plain(node) for key, node in leaves(second) if node.entries != {}}
    assert all(now[key] == value for key, value in given_last.items())
