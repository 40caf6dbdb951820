"""The parameters of a job as its `params.json` has them.

Rule: reads only; a file that is not there or of another form gives none.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from experimaestro.workspace import files
from experimaestro.workspace.layout import JobPaths

_Objects = Mapping[Any, Mapping[str, Any]]


def parameters(paths: JobPaths) -> dict[str, Any]:
    """The parameters of a job: dotted names and values of JSON.

    A configuration inside is followed, also in lists and dictionaries (`models.0.size`); a task that the job
    uses is its key, a configuration without parameters the name of its type.
    """
    try:
        content = json.loads(files.read(paths.params) or b"{}")
        objects = {one["id"]: one for one in content["objects"]}
        number = content["objects"][-1]["id"]
        return dict(_fields("", number, objects, ()))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return {}


def _fields(name: str, number: Any, objects: _Objects, above: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """The parameters of a configuration, or what stands for it."""
    one = objects[number]
    if above and one.get("task") == number:
        yield name, f"{one['typename'].lower()}/{one['identifier']}"
    elif number in above or not one.get("fields"):
        yield name, one["typename"]
    else:
        for key, value in one["fields"].items():
            yield from _value(f"{name}.{key}" if name else key, value, objects, (*above, number))


def _value(name: str, value: Any, objects: _Objects, above: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """A value without the marks of the format."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "python":
        yield from _fields(name, value["value"], objects, above)
    elif kind in {"path", "path.serialized", "enum"}:
        yield name, value["value"]
    elif kind in {"set", "tuple"}:
        yield from _value(name, value["items"], objects, above)
    elif kind == "dict":  # with keys that are no texts, or that could be taken for marks
        for key, item in value["items"]:
            marked = dict(_value("", key, objects, above))
            yield from _value(f"{name}.{marked.get('', key)}", item, objects, above)
    elif isinstance(value, list) and any(isinstance(item, (list, dict)) for item in value):
        for number, item in enumerate(value):
            yield from _value(f"{name}.{number}", item, objects, above)
    elif isinstance(value, dict) and any(isinstance(item, (list, dict)) for item in value.values()):
        for key, item in value.items():
            yield from _value(f"{name}.{key}", item, objects, above)
    else:
        yield name, value
