"""A document as text again: YAML or JSON, with the places if wanted."""

import json
import math
import re
from typing import Any

import yaml

from experimaestro.documents.nodes import Node, leaves, plain
from experimaestro.documents.reading import RESOLVERS


class _Dumper(yaml.SafeDumper):
    """Quotes what `reading` or any reader of YAML 1.1 would not take for a text."""


for _tag, _pattern, _first in RESOLVERS:
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern, re.VERBOSE), _first)


def as_json(node: Node) -> str:
    """The values as JSON, in the order of the document."""
    return json.dumps(plain(node), indent=2, ensure_ascii=False, default=str)


def as_yaml(node: Node) -> str:
    """The values as YAML, in the order of the document."""
    text: str = yaml.dump(
        plain(node), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return text.rstrip("\n")


def with_origins(node: Node) -> str:
    """Each value on a line with its dotted key, and where it was written."""
    lines = [(f"{key}: {_scalar(item)}", str(item.origin)) for key, item in leaves(node) if key]
    width = min(60, max((len(text) for text, _ in lines), default=0))
    return "\n".join(f"{text:<{width}}  # {origin}" for text, origin in lines)


def origins_json(node: Node) -> str:
    """The same as JSON: for each dotted key the value, its file or option, and its line."""
    found: dict[str, Any] = {
        key: {"value": plain(item), "source": item.origin.source, "line": item.origin.line or None}
        for key, item in leaves(node)
        if key
    }
    return json.dumps(found, indent=2, ensure_ascii=False, default=str)


def _scalar(node: Node) -> str:
    if node.entries is not None:
        return "{}"
    if node.items is not None:
        return "[]"
    if isinstance(node.value, str):
        written = yaml.dump(node.value, Dumper=_Dumper, allow_unicode=True, width=math.inf)
        is_plain = written.removesuffix("\n...\n") == node.value  # else it would be read as something else
        return node.value if is_plain else json.dumps(node.value, ensure_ascii=False)
    return "null" if node.value is None else node.text or str(node.value)
