"""The parameters of a job as a tree, from what its process was given.

Pure: it reads the objects of a `params.json`, which is data like any other file: whatever is not as
expected is shown as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from experimaestro.monitor.printable import printable

_DEEPEST = 30
_MOST = 2000
"""Nodes of a tree; more helps nobody"""

Node = dict[str, object]
"""`key`, and `value` with `kind` of a leaf, or `type` and `kids` of a configuration or container"""


def tree(objects: Sequence[Mapping[str, Any]], tags: Mapping[str, str]) -> list[Node]:
    """The parameters of the last object, those that it has in their turn below.

    Args:
        objects: Each after those that it uses.
        tags: Tags of the job: a value that is one is marked.
    """
    if not objects:
        return []
    return _Maker({one.get("id"): one for one in objects}, tags).fields(objects[-1], 0)


class _Maker:
    def __init__(self, objects: Mapping[object, Mapping[str, Any]], tags: Mapping[str, str]) -> None:
        self._objects = objects
        self._tags = tags
        self._left = _MOST

    def fields(self, one: Mapping[str, Any], depth: int) -> list[Node]:
        fields = one.get("fields")
        return [self._node(key, value, depth) for key, value in fields.items()] if fields else []

    def _node(self, key: str, value: Any, depth: int) -> Node:
        self._left -= 1
        key = printable(key)
        if depth > _DEEPEST or self._left < 0:
            return {"key": key, "value": "…"}
        if isinstance(value, dict):
            kind = value.get("type")
            if kind == "python" and value.get("value") in self._objects:
                one = self._objects[value["value"]]
                name = printable(str(one.get("type", "")))
                return {"key": key, "type": name, "kids": self.fields(one, depth + 1)}
            if kind == "path":
                return {"key": key, "value": printable(str(value.get("value"))), "kind": "path"}
            if kind in {"set", "tuple"}:
                return self._node(key, value.get("items"), depth)
            if kind == "dict":
                value = dict(value.get("items", ()))
            elif "value" in value and kind is not None:
                return {"key": key, "value": printable(str(value["value"]))}
            kids = [self._node(str(name), item, depth + 1) for name, item in value.items()]
            return {"key": key, "type": _count(value), "kids": kids}
        if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            kids = [self._node(str(i), item, depth + 1) for i, item in enumerate(value)]
            return {"key": key, "type": _count(value), "kids": kids}
        shown = printable(_text(value))
        return {"key": key, "value": shown, **({"kind": "tag"} if self._tags.get(key) == shown else {})}


def _count(items: Sequence[Any] | Mapping[str, Any]) -> str:
    return "1 item" if len(items) == 1 else f"{len(items):,} items"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)
