"""Several documents as one.

Rule: mappings are merged entry by entry, at any depth; everything else, lists included, is replaced
by what comes later.
"""

from collections.abc import Iterable
from functools import reduce

from experimaestro.documents.nodes import Node, Origin, empty
from experimaestro.documents.reading import read_text
from experimaestro.exceptions import DocumentError


def merge(first: Node, second: Node) -> Node:
    """Two documents as one; the second wins."""
    if not (isinstance(first.value, dict) and isinstance(second.value, dict)):
        return second
    entries = dict(first.value)
    for key, item in second.value.items():
        entries[key] = merge(entries[key], item) if key in entries else item
    origin = second.origin if not first.value else first.origin
    return Node(entries, origin, keys={**first.keys, **second.keys})


def merge_all(documents: Iterable[Node]) -> Node:
    """Any number of documents as one; later ones win."""
    return reduce(merge, documents, empty(Origin("")))


def override(text: str, option: str = "-c") -> Node:
    """The document that `key=value` on a command line stands for.

    Args:
        text: A dotted key, `=`, and a value in YAML: `lr=1e-4`, `sizes=[1,2]`, `name=null`.
        option: The option, for messages.

    Raises:
        DocumentError: It has another form.

    Example:
        >>> override("optim.lr=1e-4").value["optim"].value["lr"].value
        0.0001
    """
    source = f"{option} {text}"
    key, equals, value = text.partition("=")
    names = key.strip().split(".")
    if not equals:
        raise DocumentError(f"{source}: expected KEY=VALUE, such as {option} lr=1e-4")
    if not all(names):
        raise DocumentError(f"{source}: expected a key before '=', such as {option} optim.lr=1e-4")
    element = next((name for name in names if "[" in name), None)
    if element is not None:
        whole = f"{option} {key.partition('[')[0].strip()}=[...]"
        raise DocumentError(f"{source}: elements of a list have no key: write all of it, {whole}")
    node = _value(value.strip(), source)
    for name in reversed(names):
        node = Node({name: node}, Origin(source))
    return node


def _value(text: str, source: str) -> Node:
    """A value as typed after `=`: YAML, or any text where a text is wanted (`title=Runs: #3`)."""
    as_text = Node(text, Origin(source), text)
    try:
        node = read_text(text, source, has_lines=False) if text else as_text
    except DocumentError:
        return as_text
    if isinstance(node.value, (dict, list)):
        return Node(node.value, node.origin, text, node.keys)
    is_cut = "#" in text and text[0] not in "'\""  # YAML takes the rest for a comment
    return as_text if is_cut else node
