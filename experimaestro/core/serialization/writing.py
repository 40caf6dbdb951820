"""From configurations to JSON values.

Rules: an object is written once, with its children before it and the root last; a task that only made
something is written as well, so that what was made keeps its mark. What is written down must be readable
by whoever has the classes: no pickle, no address.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from experimaestro.core.base import Configuration, Information
from experimaestro.core.context import SerializedPath
from experimaestro.core.identifier import Identifier, digest, identify
from experimaestro.core.source import NOTEBOOK, Home, home
from experimaestro.core.versions import code, full_name
from experimaestro.core.walk import children, postorder

if TYPE_CHECKING:
    from experimaestro.core.cells import Shipped

Json = dict[str, Any]


def dump_objects(
    task: Configuration,
    init_tasks: Sequence[Configuration],
    workspace: str,
    folder: str,
    here: str,
    shipped: "Shipped | None" = None,
) -> list[Json]:
    """The `objects` of `params.json`.

    Args:
        task: Sealed.
        init_tasks: What runs before it, in order.
        workspace: Paths below it are written relative to it.
        folder: The folder of the job: paths below it are written relative to it.
        here: What relative paths are relative to: a job runs in a folder of its own.
        shipped: What the job gets of the notebook.

    Returns:
        One dictionary for each configuration, the task last.
    """
    writer = ObjectWriter(relative_to(here, job=folder, workspace=workspace))
    return writer.add([*init_tasks, task], shipped)


def as_given(path: str) -> Json:
    """Writes a path as it is."""
    return {"type": "path", "value": path}


def relative_to(here: str, **bases: str) -> Callable[[str], Json]:
    """Writes paths relative to the first of some folders that they are in, all others absolute.

    Args:
        here: What relative paths are relative to.
        **bases: The folders by their names in the format.
    """
    starts = [(name, f"{folder}/") for name, folder in bases.items()]

    def write(path: str) -> Json:
        path = os.path.join(here, path)  # noqa: PTH118 - strings
        for base, start in starts:
            if path.startswith(start) and "/../" not in f"{path}/":
                return {"type": "path", "value": path[len(start) :], "base": base}
            if path == start[:-1]:
                return {"type": "path", "value": ".", "base": base}
        return as_given(path)

    return write


def makers_and_parts(config: Configuration) -> list[Configuration]:
    """What must be written before a configuration: the task that made it, init tasks, and what it holds."""
    info = config.__xpm__
    made_by = () if info.producer is None else (info.producer,)
    return [*made_by, *info.init_tasks, *children(config)]


class ObjectWriter:
    """Writes configurations, each once, however often it is given.

    Args:
        path: How a path is written.
        data: What becomes of the data of a configuration, by the names of the parameters; None:
            they stay where they are.
    """

    def __init__(
        self,
        path: Callable[[str], Json],
        data: Callable[[Configuration], dict[str, SerializedPath]] | None = None,
    ) -> None:
        self._path = path
        self._data = data
        self._numbers: WeakKeyDictionary[Information, int] = WeakKeyDictionary()
        """Of what was written and still exists: nothing that is to come can hold the rest"""
        self._stubs: dict[int, tuple[int, Any]] = {}  # by id: each kept, with its number
        self._count = 0
        self._digests: dict[int, bytes] = {}  # by id, while one call lasts
        self._shipped: Shipped | None = None  # same
        self._notebook = NOTEBOOK  # same

    def add(
        self, roots: Iterable[Configuration], shipped: "Shipped | None" = None, notebook: str = NOTEBOOK
    ) -> list[Json]:
        """The objects that were not written yet, children first.

        Args:
            roots: What is to be written, with all that it uses.
            shipped: What was given of the notebook to the job that they belong to.
            notebook: The file with that.
        """
        self._digests = {}
        self._shipped, self._notebook = shipped, notebook
        new = postorder(
            [one for one in roots if one.__xpm__ not in self._numbers],
            lambda one: [inner for inner in makers_and_parts(one) if inner.__xpm__ not in self._numbers],
        )
        made: list[Json] = []
        for stub in (one.__xpm__.stub for one in new):
            if stub is not None and id(stub) not in self._stubs:
                self._stubs[id(stub)] = self._next(), stub
                made.append({**stub, "id": self._stubs[id(stub)][0], "stub": True})
        for config in new:
            self._numbers[config.__xpm__] = self._next()
        return made + [self._object(config) for config in new]

    def _next(self) -> int:
        self._count += 1
        return self._count - 1

    def _object(self, config: Configuration) -> Json:
        info = config.__xpm__
        declaration = info.declaration
        module, qualname, _ = declaration.home
        made: Json = {
            "id": self._numbers[info],
            "module": module,
            "type": qualname,
            "typename": full_name(declaration.cls),
            "identifier": repr(self._identifier(config)),
        }
        if info.init_tasks:
            made["init-tasks"] = [self._numbers[one.__xpm__] for one in info.init_tasks]
        if info.meta is not None:
            made["meta"] = info.meta
        if info.task is not None:
            made["task"] = self._numbers[info.task.__xpm__]
        elif info.stub is not None:
            made["task"], _ = self._stubs[id(info.stub)]
        made.update(self._file(declaration.cls, declaration.home))
        data = {} if self._data is None else self._data(config)
        made["fields"] = {
            name: _copied(data[name])
            if name in data
            else self.value(config.__dict__[name], is_typed=argument.type.loads)
            for name, argument in declaration.arguments.items()
            if name in config.__dict__
        }
        return made

    def _file(self, cls: type, of: Home) -> Json:
        """The file of a class, if its module does not say that, and what tells it from others of its name."""
        if of.file is None:
            return {}
        codes = {} if self._shipped is None else self._shipped.module.codes
        if of.file == NOTEBOOK and of.qualname in codes:  # what stands in a cell may have changed since
            return {"file": self._notebook, "code": codes[of.qualname]}
        known = code(cls)
        if known is None:
            return {"file": of.file}
        is_shipped = of.file == NOTEBOOK or codes.get(of.qualname) == known
        return {"file": self._notebook if is_shipped else of.file, "code": known}

    def _identifier(self, config: Configuration) -> Identifier:
        if config.__xpm__.sealed:
            return identify(config)
        known = self._digests.get(id(config))
        return Identifier(digest(config, self._digests) if known is None else known)

    def value(self, value: Any, *, is_typed: bool = False) -> Any:
        """A value in JSON.

        Args:
            value: Its configurations were added.
            is_typed: Whether the reader is told by the parameter what is a tuple.
        """
        if value is None or type(value) in {str, float, int, bool}:
            return value
        if isinstance(value, Configuration):
            return {"type": "python", "value": self._numbers[value.__xpm__]}
        if isinstance(value, Enum):
            found = home(type(value))
            made = {"type": "enum", "module": found.module, "enum": found.qualname, "value": value.name}
            return {**made, **self._file(type(value), found)}
        if isinstance(value, (list, tuple)):
            items = [self.value(item, is_typed=is_typed) for item in value]
            return {"type": "tuple", "items": items} if isinstance(value, tuple) and not is_typed else items
        if isinstance(value, dict):
            if "type" in value or not all(type(key) is str for key in value):
                pairs = [
                    [self.value(key, is_typed=is_typed), self.value(item, is_typed=is_typed)]
                    for key, item in value.items()
                ]
                return {"type": "dict", "items": pairs}
            return {key: self.value(item, is_typed=is_typed) for key, item in value.items()}
        if isinstance(value, set):
            items = [self.value(item, is_typed=is_typed) for item in sorted(value, key=self._position)]
            return {"type": "set", "items": items}
        if isinstance(value, (str, float, int)):
            return value
        return self._path(str(value))

    def _position(self, value: Any) -> tuple[str, str]:
        """An order of the elements of a set that is the same in every process."""
        text = repr(self._identifier(value)) if isinstance(value, Configuration) else repr(value)
        return type(value).__qualname__, text


def _copied(data: SerializedPath) -> Json:
    return {"type": "path.serialized", "value": str(data.path), "is_folder": data.is_folder}
