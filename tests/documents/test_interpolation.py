"""Values that name others."""

import sys

import pytest

from experimaestro.documents.interpolation import resolve
from experimaestro.documents.nodes import plain
from experimaestro.documents.reading import read_text
from experimaestro.exceptions import DocumentError

TEXT = """\
name: mnist
optim: {lr: 1e-4}
id: "${name}-study"
copies:
- ${optim.lr}
- ${optim}
1: ${copies[0]}
shell: echo \\${HOME}
"""


def test_a_value_has_what_it_names_and_its_own_place():
    root, notes = resolve(read_text(TEXT, "full.yaml"))

    assert plain(root) == {
        "name": "mnist",
        "optim": {"lr": 1e-4},
        "id": "mnist-study",
        "copies": [1e-4, {"lr": 1e-4}],
        1: 1e-4,
        "shell": "echo ${HOME}",
    }
    assert notes == ()
    assert str(root.value["id"].origin) == "full.yaml:3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: ${b}", "full.yaml:1: a: '${b}': Interpolation key 'b' not found"),
        (
            "a: ${env:HOME}",
            (
                "full.yaml:1: a: '${env:HOME}': Unsupported interpolation type env. "
                "A variable of this process is ${oc.env:NAME} here"
            ),
        ),
        (
            "x:\n  a: [1, '${none:x}']",
            "full.yaml:2: x.a[1]: '${none:x}': Unsupported interpolation type none",
        ),
    ],
)
def test_what_names_nothing_is_refused_where_it_is_written(text: str, message: str):
    with pytest.raises(DocumentError) as raised:
        resolve(read_text(text, "full.yaml"))
    assert str(raised.value) == f"{message}. Write \\${{...}} for the text itself"


def test_a_value_that_names_itself_is_refused():
    with pytest.raises(DocumentError, match=r"^full\.yaml:1: a: '\$\{b\}': .*\. Write"):
        resolve(read_text("a: ${b}\nb: ${a}", "full.yaml"))


def test_without_omegaconf_it_stays_as_it_is_and_that_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "omegaconf", None)

    root, notes = resolve(read_text("a: 1\nb: ${a}\n", "full.yaml"))

    assert plain(root) == {"a": 1, "b": "${a}"}
    assert notes == ["full.yaml:2: b: '${a}' stays as it is: pip install 'experimaestro[interpolation]'"]
