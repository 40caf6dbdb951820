"""From JSON values to values, and the table of objects that a file holds.

Rules: a file may hold anything: what is not as it should be is a `FormatError` that names the file, the
object and the key; only the classes of enumerations are loaded here. Order and reach of objects are found
by explicit stacks, since their depth comes from users.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from os.path import isfile
from typing import TYPE_CHECKING, Any, NamedTuple

from experimaestro.core.context import SerializedPath
from experimaestro.core.problems import short
from experimaestro.core.source import SCRIPT, load_class, loaded
from experimaestro.core.versions import defined, has_code
from experimaestro.exceptions import DefinitionError, FormatError, NewerFormatError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 3
"""Of the format: newer ones are refused"""

Number = Any
"""The number of an object: whatever JSON can hold and a dictionary can be asked for"""


class Record(NamedTuple):
    """An object of a file, with the types of its keys checked."""

    number: Number
    module: str
    qualname: str
    typename: Any
    identifier: Any
    """64 hexadecimal digits; None if they were not written"""
    file: str | None
    code: str | None
    """What tells its class from others of its name, if it is one of a notebook"""
    fields: Mapping[str, Any]
    init_tasks: tuple[Number, ...]
    task: Number
    """The task that it is, or that made it; None if there is none"""
    meta: bool | None
    is_stub: bool
    """Whether it stands for a task that was not loaded when it was written"""


def check_version(container: Mapping[str, Any], where: str) -> None:
    """Refuses what a newer version wrote.

    Args:
        container: The content of the file.
        where: The file.

    Raises:
        NewerFormatError: It was written by a newer version.
        FormatError: The version is no number.
    """
    version = container.get("version")
    if version is None:
        return
    if type(version) is not int:
        raise FormatError(f"{where}: 'version' must be a number, got {short(version)}")
    if version > VERSION:
        name = where.rpartition("/")[2]
        raise NewerFormatError(
            f"{where} was written by a newer experimaestro ({name} version {version}): this one reads up to "
            f"{VERSION}. Update the package"
        )


def records_of(objects: Any, where: str) -> dict[Number, Record]:
    """The objects of a file by their numbers, in the order of the file.

    Raises:
        FormatError: One is not as it should be.
    """
    if not isinstance(objects, list):
        raise FormatError(f"{where}: 'objects' must be a list with the root last, got {short(objects)}")
    found: dict[Number, Record] = {}
    for position, one in enumerate(objects):
        record = record_of(one, where, f"object at position {position}")
        if record.number in found:
            raise FormatError(f"{where}, object {record.number}: the number is used twice")
        found[record.number] = record
    return found


def record_of(one: Any, where: str, place: str) -> Record:
    """One object of a file.

    Args:
        one: What the file holds.
        where: The file.
        place: Where it is in the file.

    Raises:
        FormatError: It is not as it should be.
    """
    if not isinstance(one, dict):
        raise FormatError(f"{where}, {place}: expected an object, got {short(one)}")
    is_stub = one.get("stub", False)
    for key in ("id",) if is_stub is True else ("module", "type", "id"):
        if one.get(key) is None:
            raise FormatError(f"{where}, {place}: no {key!r}")
    number = one["id"]
    if type(number) not in {int, str}:
        raise FormatError(f"{where}, {place}, key 'id': expected a number, got {short(number)}")
    at = f"{where}, object {number}"
    for key, (is_right, expected) in _KEYS.items():
        if one.get(key) is not None and not is_right(one[key]):
            raise FormatError(f"{at}, key {key!r}: expected {expected}, got {short(one[key])}")
    qualname, fields = one.get("type", ""), one.get("fields", {} if is_stub is True else None)
    if not isinstance(fields, dict):
        raise FormatError(f"{at} ({qualname}): no 'fields'")
    return Record(
        number,
        one.get("module", ""),
        qualname,
        one.get("typename"),
        one.get("identifier"),
        one.get("file"),
        one.get("code"),
        fields,
        tuple(one.get("init-tasks") or ()),
        one.get("task"),
        one.get("meta"),
        is_stub is True,
    )


def _is_number(value: Any) -> bool:
    return type(value) in {int, str}


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_flag(value: Any) -> bool:
    return type(value) is bool


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


_KEYS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "module": (_is_text, "a text"),
    "type": (_is_text, "a text"),
    "file": (_is_text, "a text"),
    "code": (_is_text, "a text"),
    "init-tasks": (_are_numbers, "a list of numbers"),
    "task": (_is_number, "a number"),
    "meta": (_is_flag, "true or false"),
    "stub": (_is_flag, "true or false"),
}
"""What the keys of an object hold, where they are there"""


def used_first(
    roots: Iterable[Number], records: Mapping[Number, Record], *, with_makers: bool
) -> list[Record]:
    """The objects that some use, each once, children before parents (except on a cycle).

    Numbers of objects that are not there are left out: whoever refers to them says so.

    Args:
        roots: The numbers of those that are wanted.
        records: All objects that are not known yet.
        with_makers: Whether the tasks are wanted that only made some of them.
    """
    seen: set[Number] = set()
    order: list[Record] = []
    stack: list[tuple[Record | None, Iterator[Number]]] = [(None, iter(list(roots)))]
    while stack:
        record, rest = stack[-1]
        for number in rest:
            if number not in seen and number in records:
                seen.add(number)
                child = records[number]
                stack.append((child, iter(_used_by(child, with_makers=with_makers))))
                break
        else:
            stack.pop()
            if record is not None:
                order.append(record)
    return order


def _used_by(record: Record, *, with_makers: bool) -> list[Number]:
    found = list(record.init_tasks)
    if with_makers and record.task is not None:
        found.insert(0, record.task)
    found.extend(references(record.fields))
    return found


def references(value: Any) -> list[Number]:
    """The numbers of the objects in a JSON value, in order."""
    found: list[Number] = []
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            if one.get("type") == "python":
                if type(one.get("value")) in {int, str}:
                    found.append(one["value"])
            else:
                pending.extend(reversed(one.values()))
        elif isinstance(one, list):
            pending.extend(reversed(one))
    return found


class Places(NamedTuple):
    """Where the paths of a file lead."""

    bases: Mapping[str, str]
    """Folders of relative paths, by their names in the format"""
    data: "Callable[[SerializedPath], Path | str] | None"
    """The place of copied data; None if nobody knows"""
    is_closed: bool
    """Whether copied data must be inside the folder of the file"""


class Classes:
    """Finds the classes that a file names.

    Args:
        where: The file.
        folder: What relative names of files start from.
        definitions_only: See `source.load`: None for scripts only, which must not run again.
    """

    def __init__(self, where: str, folder: str = "", *, definitions_only: bool | None = None) -> None:
        self._where = where
        self._folder = folder
        self._definitions_only = definitions_only
        self._files: dict[str, str] = {}

    def of(self, record: Record) -> type[Any]:
        """The class of an object.

        Raises:
            FormatError: It is no configuration class.
            DefinitionError: It is not where it was.
        """
        from experimaestro.core.base import Declares  # not at import: keeps this module below it

        cls = self.find(record.module, record.qualname, record.file, record.code)
        if record.file is not None:
            self._files[record.module] = record.file
        if not issubclass(cls, Declares):
            raise FormatError(
                f"{self._where}, object {record.number}: {record.qualname} is no configuration class"
            )
        return cls

    def find(self, module: str, qualname: str, file: str | None, code: str | None) -> type[Any]:
        """A class by its module and name.

        Args:
            module: Its module.
            qualname: Its name.
            file: Its file, when the module does not say that.
            code: What tells it from others of its name, if it is one of a notebook.

        Raises:
            DefinitionError: It is not where it was.
        """
        if file is None:
            file = self._files.get(module)
        if file is not None and not file.startswith("/"):
            file = f"{self._folder}/{file}"
        if code is not None and file is not None:
            return _of_notebook(module, qualname, file, code)
        only = module == SCRIPT if self._definitions_only is None else self._definitions_only
        if file is not None and not only and not isfile(file):  # noqa: PTH113 - a job may not need pathlib
            file = None  # of another machine: a module of this name may be here as well
        if file is None and not all(module.split(".")):
            raise DefinitionError(f"{module!r} is no name of a module")
        return load_class(module, qualname, file, definitions_only=only)


def _of_notebook(module: str, qualname: str, file: str, code: str) -> type[Any]:
    """The class of a notebook: the one of this process that is the same, else as it was.

    Raises:
        DefinitionError: What it was is not known.
    """
    own = defined(qualname)
    if own is not None and has_code(own, code):
        return own
    found = loaded(qualname, code)
    if found is None and isfile(file):  # noqa: PTH113 - a job may not need pathlib
        found = load_class(module, qualname, file, definitions_only=True)
    if found is None:
        raise DefinitionError(
            f"`{qualname}` was redefined since this was written, and what it was is not there ({file}): undo "
            "the edit, or make it again"
            if own is not None
            else f"`{qualname}` was defined in a cell of a notebook, and what it was is not there ({file}): "
            "load it in a notebook, after its cell has run"
        )
    if own is not None:
        from warnings import warn  # rarely used

        warn(f"`{qualname}` was redefined since this was written: it is loaded as it was", stacklevel=2)
    return found


class ValueReader:
    """Reads the values of one file.

    Args:
        refer: Gives what stands for the object of a number; the text says where that is written.
        classes: Finds enumerations.
        places: Where paths lead.
    """

    def __init__(self, refer: Callable[[Number, str], Any], classes: Classes, places: Places) -> None:
        self._refer = refer
        self._classes = classes
        self._places = places
        self._readers: dict[Any, Callable[[dict[str, Any], str], Any]] = {
            "python": self._object,
            "path": self._path,
            "path.serialized": self._copied,
            "enum": self._member,
            "set": self._set,
            "tuple": self._tuple,
            "dict": self._dict,
        }

    def read(self, value: Any, at: str) -> Any:
        """The value that JSON stands for.

        Args:
            value: What the file holds.
            at: Where: file, object and key.

        Raises:
            FormatError: It stands for nothing.
        """
        try:
            return self._read(value, at)
        except RecursionError:
            raise FormatError(f"{at}: it is nested too deeply") from None

    def _read(self, value: Any, at: str) -> Any:
        if isinstance(value, list):
            return [self._read(item, at) for item in value]
        if not isinstance(value, dict):
            return value
        kind = value.get("type")
        if kind is None:
            return {key: self._read(item, at) for key, item in value.items()}
        reader = self._readers.get(kind) if type(kind) is str else None
        if reader is None:
            raise FormatError(f"{at}: unknown type {short(kind)}")
        return reader(value, at)

    def _part(self, value: dict[str, Any], key: str, kind: type, at: str) -> Any:
        part = value.get(key)
        if type(part) is not kind:
            raise _wrong(value, at)
        return part

    def _object(self, value: dict[str, Any], at: str) -> Any:
        return self._refer(value.get("value"), at)

    def _path(self, value: dict[str, Any], at: str) -> Any:
        from pathlib import Path  # a job without paths does not need it

        text: str = self._part(value, "value", str, at)
        name = value.get("base")
        if name is None:
            return Path(text)
        base = self._places.bases.get(name) if type(name) is str else None
        if base is None:
            raise _wrong(value, at)
        if _leaves(text):
            raise FormatError(f"{at}: the path {text!r} leads out of the folder that it is relative to")
        return Path(base) / text

    def _copied(self, value: dict[str, Any], at: str) -> Any:
        from pathlib import Path  # same

        text: str = self._part(value, "value", str, at)
        if self._places.is_closed and _leaves(text):
            raise FormatError(f"{at}: the path {text!r} leads out of the folder")
        if self._places.data is None:
            raise FormatError(
                f"{at}: {text!r} is data beside the configuration, and no folder was given: path=..."
            )
        return Path(self._places.data(SerializedPath(Path(text), value.get("is_folder") is True)))

    def _member(self, value: dict[str, Any], at: str) -> Any:
        module, qualname, name = (self._part(value, key, str, at) for key in ("module", "enum", "value"))
        file, code = (
            None if value.get(key) is None else self._part(value, key, str, at) for key in ("file", "code")
        )
        of: Any = self._classes.find(module, qualname, file, code)
        if not issubclass(of, Enum) or name not in of.__members__:
            raise _wrong(value, at)
        return of[name]

    def _tuple(self, value: dict[str, Any], at: str) -> Any:
        return tuple(self._read(item, at) for item in self._part(value, "items", list, at))

    def _set(self, value: dict[str, Any], at: str) -> Any:
        items = [self._key(item, at) for item in self._part(value, "items", list, at)]
        try:
            return set(items)
        except TypeError:
            raise _wrong(value, at) from None

    def _dict(self, value: dict[str, Any], at: str) -> Any:
        pairs = self._part(value, "items", list, at)
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise _wrong(value, at)
        items = [(self._key(key, at), self._read(item, at)) for key, item in pairs]
        try:
            return dict(items)
        except TypeError:
            raise _wrong(value, at) from None

    def _key(self, value: Any, at: str) -> Any:
        """An array that is a key or in a set was a tuple."""
        return _hashable(self._read(value, at))


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, (list, tuple)) else value


def _wrong(value: dict[str, Any], at: str) -> FormatError:
    text = repr(value)
    shown = text if len(text) < 300 else f"{text[:300]}..."
    return FormatError(f"{at}: {shown} is not a value of type {short(value['type'])}")


def _leaves(path: str) -> bool:
    """Whether a path leads out of the folder that it is relative to."""
    from posixpath import isabs, normpath

    return isabs(path) or f"{normpath(path)}/".startswith("../") or "\0" in path


class told:  # noqa: N801 - used as a word: `with told(place):`
    """Says where a class is named that is not there.

    Args:
        at: File and object.
    """

    def __init__(self, at: str) -> None:
        self._at = at

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (DefinitionError, ModuleNotFoundError)):
            raise FormatError(f"{self._at}: {error}") from error
