r"""Values that name others, `${optim.lr}`: looked up by omegaconf, where it is installed.

Rules: only values with `${` in them are touched, and each keeps the place where it was written; where
omegaconf is missing, they stay as they are, and that is told. `\${` is the text itself.
"""

from typing import TYPE_CHECKING, Any

from experimaestro.documents.nodes import Node, from_python, leaves, plain
from experimaestro.exceptions import DocumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTALL = "pip install 'experimaestro[interpolation]'"


def resolve(root: Node) -> "tuple[Node, Sequence[str]]":
    """A document whose values do not name others any more.

    Args:
        root: A whole document: what is named is looked up in it.

    Returns:
        The document, and what a person should know of it.

    Raises:
        DocumentError: A value names one that is not there, or itself, or is not well formed.
    """
    spots = [(key, node) for key, node in leaves(root) if _has_name(node)]
    if not spots:
        return root, ()
    try:
        from omegaconf import OmegaConf  # optional, and only for documents that need it
        from omegaconf.errors import OmegaConfBaseException
    except ImportError:
        return root, [
            f"{node.origin}: {key}: {node.value!r} stays as it is: {INSTALL}" for key, node in spots
        ]
    try:
        whole = OmegaConf.create(plain(root))
    except OmegaConfBaseException as error:
        raise _wrong(*spots[0], error) from None

    def resolved(node: Node, within: Any, name: Any, key: str) -> Node:
        if isinstance(node.value, dict):
            entries = {
                one: resolved(
                    item, within if name is None else within[name], node.keys.get(one, one), f"{key}.{one}"
                )
                for one, item in node.value.items()
            }
            return Node(entries, node.origin, keys=node.keys)
        if isinstance(node.value, list):
            items = [resolved(item, within[name], n, f"{key}[{n}]") for n, item in enumerate(node.value)]
            return Node(items, node.origin)
        if not _has_name(node):
            return node
        try:
            value = within[name]
            if OmegaConf.is_config(value):
                value = OmegaConf.to_container(value, resolve=True)
        except (OmegaConfBaseException, RecursionError) as error:
            raise _wrong(key.removeprefix("."), node, error) from None
        return from_python(value, node.origin)

    return resolved(root, whole, None, ""), ()


def _has_name(node: Node) -> bool:
    return isinstance(node.value, str) and "${" in node.value


def _wrong(key: str, node: Node, error: Exception) -> DocumentError:
    what = str(error).splitlines()[0]
    if "${env:" in str(node.value):  # as settings have it
        what += ". A variable of this process is ${oc.env:NAME} here"
    return DocumentError(
        f"{node.origin}: {key}: {node.value!r}: {what}. Write \\${{...}} for the text itself"
    )
