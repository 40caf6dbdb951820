"""YAML text to values that know their place."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from experimaestro.documents.nodes import leaves, plain
from experimaestro.documents.reading import read_text
from experimaestro.documents.showing import as_yaml, with_origins
from experimaestro.exceptions import DocumentError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        ("-2.5e+3", -2500.0),
        (".5", 0.5),
        ("3.", 3.0),
        (".inf", float("inf")),
        ("12", 12),
        ("1_000", 1000),
        ("0x1f", 31),
        ("010", "010"),
        ("12:30", "12:30"),
        ("2026-01-31", "2026-01-31"),
        ("1.2.3", "1.2.3"),
        ("yes", True),
        ("off", False),
        ("null", None),
        ("~", None),
        ("", {}),
        ("'12'", "12"),
        ("[1, a]", [1, "a"]),
        ("{1: a, on: b}", {1: "a", "on": "b"}),
        ("<<: {a: 1}\na: 2", {"a": 2}),
        ("x-base: &b {lr: 1}\nbig: {<<: *b, n: 2}", {"x-base": {"lr": 1}, "big": {"lr": 1, "n": 2}}),
        ("<<: [{a: 1, b: 1}, {a: 2, c: 2}]\nc: 3", {"a": 1, "b": 1, "c": 3}),
        ("c: 3\n<<: [{<<: {d: 0}, a: 1}, {a: 2, c: 2, d: 2}]", {"a": 1, "c": 3, "d": 0}),
        ("<<: {1: a}\n'1': b", {"1": "b"}),
    ],
)
def test_plain_values_are_what_people_mean(text: str, value: object):
    assert plain(read_text(text, "full.yaml")) == value


def test_each_value_knows_its_line():
    root = read_text("a: 1\nb:\n  c: [2,\n     3]\n", "full.yaml")

    assert [(key, str(node.origin)) for key, node in leaves(root)] == [
        ("a", "full.yaml:1"),
        ("b.c[0]", "full.yaml:3"),
        ("b.c[1]", "full.yaml:4"),
    ]


def test_a_document_is_shown_with_the_place_of_each_value():
    root = read_text(
        'lr: 1e-4\nname: "a b"\nsizes: []\nempty: ""\nnothing:\nword: "null"\ntab: "a\\tb"\n', "full.yaml"
    )

    assert with_origins(root).splitlines() == [
        "lr: 1e-4       # full.yaml:1",
        "name: a b      # full.yaml:2",
        "sizes: []      # full.yaml:3",
        'empty: ""      # full.yaml:4',
        "nothing: null  # full.yaml:5",
        'word: "null"   # full.yaml:6',
        r'tab: "a\tb"    # full.yaml:7',
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", ("full.yaml:1: not YAML: while parsing a flow sequence, expected ',' or ']', but got "
         "'<stream end>'")),
        ("a: 1\n\tb: 2", ("full.yaml:2: not YAML: while scanning for the next token, found character '\\t' "
         "that cannot start any token. The line has a tab: indent with spaces")),
        ("a: 1\nb: 2\na: 3", "full.yaml:3: a: written twice, first in line 1: keep one of them"),
        ("a: &x [*x]", "full.yaml:1: an alias (*name) inside of what it names: it would never end"),
        ("[1]: 2", "full.yaml:1: a key must be a text or a number"),
        ("a: !!int x", ("full.yaml:1: 'x' is not what its tag says: "
         "invalid literal for int() with base 10: 'x'")),
        ("a: !python/object:os.system ls", ("full.yaml:1: not YAML: could not determine a constructor for "
         "the tag '!python/object:os.system'")),
        ("a: *b", "full.yaml:1: not YAML: found undefined alias 'b'"),
        ("a: 1\n<<: 3", "full.yaml:2: <<: expected a mapping, or a list of mappings, to merge"),
        ("a: &a\n  <<: [{},\n  a]", "full.yaml:3: <<: expected a mapping, or a list of mappings, to merge"),
        ("a: &a\n  <<: *a", "full.yaml:1: an alias (*name) inside of what it names: it would never end"),
    ],
)  # fmt: skip
def test_what_is_not_yaml_is_refused_at_its_line(text: str, message: str):
    with pytest.raises(DocumentError) as caught:
        read_text(text, "full.yaml")

    assert str(caught.value) == message


def test_aliases_of_aliases_are_refused_before_anybody_looks_at_what_they_stand_for():
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))

    with pytest.raises(DocumentError) as caught:
        read_text(f"a0: &a0 [1, 2]\n{levels}", "full.yaml")

    assert str(caught.value) == "full.yaml:8: its aliases stand for more than 10,000,000 values"


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_a_document_that_is_shown_is_read_back_equal(value: dict[str, Any]):
    root = read_text(json.dumps(value, ensure_ascii=True), "full.yaml")

    assert plain(read_text(as_yaml(root), "again.yaml")) == plain(root)
