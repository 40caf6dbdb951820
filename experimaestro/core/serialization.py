"""Configurations as JSON values, and the instances that a job makes of them.

Rules: no file is opened here; objects are numbered, children come before parents, the root is last;
what cannot be read is refused with the number of the object and the name of the parameter. The form
is that of `params.json` version 3, so that earlier workspaces are read and ours can be read there.
A dictionary that JSON would confuse with one of our marks (it has a key `"type"`, or keys that are
no strings) becomes `{"type": "dict", "items": [[key, value], ...]}`; all others stay as they are.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from experimaestro.core.base import Configuration
from experimaestro.core.identifier import identify
from experimaestro.core.source import home, load_class
from experimaestro.core.walk import children, postorder
from experimaestro.exceptions import ExperimaestroError, FormatError

if TYPE_CHECKING:
    from experimaestro.core.objects.declaration import Declaration

VERSION = 3
"""Of the format of `params.json`: newer ones are refused"""


def dump_objects(
    task: Configuration, init_tasks: Sequence[Configuration], workspace: str, folder: str
) -> list[dict[str, Any]]:
    """The `objects` of `params.json`.

    Args:
        task: Sealed.
        init_tasks: What runs before it, in order.
        workspace: Paths below it are written relative to it.
        folder: The folder of the job: paths below it are written relative to it.

    Returns:
        One dictionary for each configuration, the task last.
    """
    order = postorder([*init_tasks, task], _all_children)
    numbers = {id(config): number for number, config in enumerate(order)}
    dump = _Dump(numbers, f"{workspace}/", f"{folder}/")
    return [dump.object(config) for config in order]


def _all_children(config: Configuration) -> list[Configuration]:
    info = config.__xpm__
    made_by = () if info.producer is None else (info.producer,)
    return [*made_by, *info.init_tasks, *children(config)]


class _Dump:
    def __init__(self, numbers: Mapping[int, int], workspace: str, folder: str) -> None:
        self.numbers = numbers
        self.workspace = workspace
        self.folder = folder

    def object(self, config: Configuration) -> dict[str, Any]:
        info = config.__xpm__
        declaration = info.declaration
        module, qualname, file = declaration.home
        number = self.numbers[id(config)]
        made: dict[str, Any] = {
            "id": number,
            "module": module,
            "type": qualname,
            "typename": f"{declaration.cls.__module__}.{qualname}",
            "identifier": repr(identify(config)),
        }
        if info.init_tasks:
            made["init-tasks"] = [self.numbers[id(one)] for one in info.init_tasks]
        if info.meta is not None:
            made["meta"] = info.meta
        if info.task is not None:
            made["task"] = self.numbers[id(info.task)]
        if file is not None:
            made["file"] = file
        made["fields"] = {
            name: self.value(config.__dict__[name])
            for name in declaration.arguments
            if name in config.__dict__
        }
        return made

    def value(self, value: Any) -> Any:
        if value is None or type(value) in {str, float, int, bool}:
            return value
        if isinstance(value, Configuration):
            return {"type": "python", "value": self.numbers[id(value)]}
        if isinstance(value, Enum):
            module, qualname, file = home(type(value))
            made = {"type": "enum", "module": module, "enum": qualname, "value": value.name}
            return made if file is None else {**made, "file": file}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            if "type" in value or not all(type(key) is str for key in value):
                return {
                    "type": "dict",
                    "items": [[self.value(key), self.value(item)] for key, item in value.items()],
                }
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, set):
            return {"type": "set", "items": [self.value(item) for item in sorted(value, key=_position)]}
        if isinstance(value, (str, float, int)):
            return value
        return self.path(str(value))

    def path(self, path: str) -> dict[str, Any]:
        for base, start in (("job", self.folder), ("workspace", self.workspace)):
            if path.startswith(start):
                return {"type": "path", "value": path[len(start) :], "base": base}
            if path == start[:-1]:
                return {"type": "path", "value": ".", "base": base}
        return {"type": "path", "value": path}


def _position(value: Any) -> tuple[str, str]:
    """An order of the elements of a set that is the same in every process."""
    return type(value).__name__, repr(value)


def load_instances(params: Mapping[str, Any], folder: str) -> tuple[Any, list[Any]]:
    """Makes the objects that a job runs.

    A module is loaded once, by its name or its file. A script stops being loaded where it opens
    its experiment.

    Args:
        params: What `params.json` holds.
        folder: The folder of the job.

    Returns:
        The task, and the init tasks in the order in which they run.

    Raises:
        FormatError: Something is not as it should be, or the version is newer than this one.
        DefinitionError: A class is not where it was.
    """
    version = params.get("version", 0)
    if not isinstance(version, int) or version > VERSION:
        raise FormatError(
            f"the job was written by a newer experimaestro (params.json version {version}, this one reads "
            f"up to {VERSION}): update the package"
        )
    objects = params.get("objects")
    if not isinstance(objects, list) or not objects:
        raise FormatError("params.json: 'objects' must be a list with the task last")
    return _Load(params, objects, folder).instances()


class _Load:
    def __init__(self, params: Mapping[str, Any], objects: list[Any], folder: str) -> None:
        from pathlib import Path  # a job gives its folder as a Path

        self.objects = objects
        self.folder = Path(folder)
        self.bases = {"job": self.folder, "workspace": Path(params.get("workspace") or folder)}
        self.shells: dict[Any, Any] = {}
        self.files: dict[str, str] = {}

    def instances(self) -> tuple[Any, list[Any]]:
        from experimaestro.core.objects.config import declaration_of  # they use this module to submit
        from experimaestro.core.objects.instances import fill, object_of

        declarations: list[Declaration] = []
        for position, one in enumerate(self.objects):
            for key in ("module", "type", "id"):
                self.item(one, position, key)
        self.objects = _reached(self.objects)
        for one in self.objects:
            module, qualname, number = one["module"], one["type"], one["id"]
            file = one.get("file")
            if file is not None:
                self.files[module] = file
            cls = load_class(module, qualname, file, definitions_only=True)
            try:
                declarations.append(declaration_of(cls))
            except AttributeError:
                raise FormatError(
                    f"params.json, object {number}: {qualname} is no configuration class"
                ) from None
            if number in self.shells:
                raise FormatError(f"params.json, object {number}: the number is used twice")
            self.shells[number] = object_of(cls)
        common = self.common(declarations[-1])
        values = [
            self.parameters(one, declaration)
            for one, declaration in zip(self.objects, declarations, strict=True)
        ]
        extra = [
            {
                "__xpmidentifier__": one.get("identifier"),
                "__xpmtypename__": one.get("typename"),
                **common,
            }
            for one in self.objects
        ]
        fill([self.shells[one["id"]] for one in self.objects], values, extra)
        root = self.objects[-1]
        init_tasks = [self.shell(number, root["id"], "init-tasks") for number in root.get("init-tasks", ())]
        return self.shells[root["id"]], init_tasks

    @staticmethod
    def item(one: Any, position: int, key: str) -> Any:
        if not isinstance(one, dict) or key not in one:
            raise FormatError(f"params.json, object at position {position}: no {key!r}")
        return one[key]

    def common(self, declaration: "Declaration") -> dict[str, Any]:
        folder = self.folder
        name = declaration.typename.rpartition(".")[2]
        return {
            "__taskdir__": folder,
            "__xpm_stdout__": folder / f"{name}.out",
            "__xpm_stderr__": folder / f"{name}.err",
        }

    def parameters(self, one: Mapping[str, Any], declaration: "Declaration") -> dict[str, Any]:
        number = one["id"]
        fields = one.get("fields")
        if not isinstance(fields, dict):
            raise FormatError(f"params.json, object {number} ({declaration.name}): no 'fields'")
        values = {}
        for name, value in fields.items():
            argument = declaration.arguments.get(name)
            if argument is None:
                raise FormatError(
                    f"params.json, object {number}, key {name!r}: {declaration.name} has no such parameter "
                    "(any more)"
                )
            loaded = self.value(value, number, name)
            values[name] = argument.type.load(loaded) if argument.type.loads else loaded
        for name, default in declaration.shared.items():
            if name not in values:
                values[name] = self.default(default)
        missing = [argument.name for argument in declaration.required if argument.name not in values]
        if missing:
            raise FormatError(
                f"params.json, object {number}: {declaration.name} needs {', '.join(missing)}, "
                "which was not written"
            )
        return values

    @staticmethod
    def default(value: Any) -> Any:
        from experimaestro.core.base import plain
        from experimaestro.core.objects.copying import clone

        return plain(clone(value), lambda config: config.instance())  # type: ignore[attr-defined] # of Config

    def shell(self, number: Any, holder: Any, name: str) -> Any:
        try:
            return self.shells[number]
        except (KeyError, TypeError):
            raise FormatError(
                f"params.json, object {holder}, key {name!r}: refers to object {number}, which is not there"
            ) from None

    def value(self, value: Any, number: Any, name: str) -> Any:
        if isinstance(value, list):
            return [self.value(item, number, name) for item in value]
        if not isinstance(value, dict):
            return value
        kind = value.get("type")
        if kind is None:
            return {key: self.value(item, number, name) for key, item in value.items()}
        if kind == "enum":  # apart: it runs the user's code
            return self.member(value, number, name)
        read = getattr(self, f"read_{str(kind).replace('.', '_')}", None)
        if read is None:
            raise FormatError(f"params.json, object {number}, key {name!r}: unknown type {kind!r}")
        try:
            return read(value, number, name)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, ExperimaestroError):
                raise
            raise self.wrong(value, number, name) from error

    @staticmethod
    def wrong(value: dict[str, Any], number: Any, name: str) -> FormatError:
        kind = value["type"]
        return FormatError(
            f"params.json, object {number}, key {name!r}: {value!r} is not a value of type {kind!r}"
        )

    def member(self, value: dict[str, Any], number: Any, name: str) -> Any:
        try:
            module, qualname, member = value["module"], value["enum"], value["value"]
        except KeyError:
            raise self.wrong(value, number, name) from None
        file = value.get("file") or self.files.get(module)
        of: Any = load_class(module, qualname, file, definitions_only=True)
        if not issubclass(of, Enum) or member not in of.__members__:
            raise self.wrong(value, number, name)
        return of[member]

    def read_python(self, value: dict[str, Any], number: Any, name: str) -> Any:
        return self.shell(value["value"], number, name)

    def read_path(self, value: dict[str, Any], _number: Any, _name: str) -> Any:
        base = value.get("base")
        return type(self.folder)(value["value"]) if base is None else self.bases[base] / value["value"]

    def read_path_serialized(self, value: dict[str, Any], _number: Any, _name: str) -> Any:
        return type(self.folder)(value["value"])

    def read_set(self, value: dict[str, Any], number: Any, name: str) -> Any:
        return {_as_key(self.value(item, number, name)) for item in value["items"]}

    def read_dict(self, value: dict[str, Any], number: Any, name: str) -> Any:
        return {
            _as_key(self.value(key, number, name)): self.value(item, number, name)
            for key, item in value["items"]
        }


def _reached(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects that the last one uses: not the tasks that only made some of them."""
    by_number = {_hashable(one["id"]): one for one in objects}
    if len(by_number) < len(objects):
        return objects  # a number is used twice: that is said when they are made
    reached: set[Any] = set()
    pending = [objects[-1]["id"]]
    while pending:
        number = _hashable(pending.pop())
        if number in reached or number not in by_number:
            continue
        reached.add(number)
        one = by_number[number]
        pending.extend(one.get("init-tasks", ()))
        values = [one.get("fields")]
        while values:
            value = values.pop()
            if isinstance(value, dict):
                if value.get("type") == "python":
                    pending.append(value.get("value"))
                else:
                    values.extend(value.values())
            elif isinstance(value, list):
                values.extend(value)
    return [one for one in objects if _hashable(one["id"]) in reached]


def _hashable(number: Any) -> Any:
    """The number of an object; a file may have anything in its place."""
    return number if isinstance(number, (int, str)) else repr(number)


def _as_key(value: Any) -> Any:
    """What an array of JSON was when it is a key or in a set: a tuple."""
    return tuple(map(_as_key, value)) if isinstance(value, list) else value
