"""A folder with a configuration in it, and the data that belong to it.

    <folder>/experimaestro.json    {"version", "objects", "data"}; an array of objects in the older form
    <folder>/<name>/<name>...      data, named after the parameters that lead to them

Rules: the only module of the core that opens files. All is written in a hidden folder beside first; then
the old description is removed, data are moved to their names, and the new description comes last: what is
killed leaves the old state, or a folder that says that nothing is saved in it, never a mixture. Data are
copied, so that they do not change with their source; what was there under other names stays. Nothing that
is read leads out of the folder.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path, PurePath
from tempfile import mkdtemp
from typing import Any

from experimaestro.core.base import Configuration, Declares, plain
from experimaestro.core.context import SerializationContext, SerializedPath
from experimaestro.core.objects.instances import ObjectStore
from experimaestro.core.objects.sealing import folder_name, validate
from experimaestro.core.objects.task import no_init_task
from experimaestro.core.problems import short
from experimaestro.core.serialization.configurations import ConfigurationReader
from experimaestro.core.serialization.reading import VERSION, Places, check_version, record_of, records_of
from experimaestro.core.serialization.writing import Json, ObjectWriter, as_given, makers_and_parts
from experimaestro.core.source import NOTEBOOK, has_notebook, module_file
from experimaestro.core.walk import Route, collect, postorder, steps
from experimaestro.exceptions import ConfigurationError, FormatError, NotSavedError

DEFINITION = "experimaestro.json"
"""The file that describes what is saved in a folder"""
OLD_DEFINITION = "definition.json"
"""Its name in versions 1"""

DEEPEST = 50
"""How deep lists and dictionaries may be nested around configurations"""

Source = str | Path | Callable[[Any], Path]
"""A folder; or a function that gives the file of a name, and the place of data (a `SerializedPath`)"""


# ----------------------------------------------------------------------------------------------
# Writing


def save(obj: Any, save_directory: str | Path) -> None:
    """Saves configurations in a folder, with the data that belong to them.

    What the folder has of an earlier call is replaced; other files are left as they are. The data
    (`DataPath`) are copied, those of tasks that only made something are not.

    Args:
        obj: A configuration, an object made of one, or lists and dictionaries of them and of plain values.
        save_directory: The folder; made if it does not exist.

    Raises:
        ConfigurationError: A parameter is missing, data are not there, or a value cannot be written.

    Example:
        >>> save({"model": model, "lr": 1e-3}, "saved")  # doctest: +SKIP
        >>> load("saved")["model"]  # doctest: +SKIP
    """
    folder = folder_of(save_directory, "save(..., {})")
    data = _checked(obj, "save(...)")
    with _replacing(folder) as context:
        _write(context, _state(context, data))


def serialize(config: Any, save_directory: str | Path, init_tasks: Sequence[Any] = ()) -> None:
    """Saves a configuration, and what must be run to make its object ready.

    Args:
        config: The configuration.
        save_directory: The folder; made if it does not exist.
        init_tasks: Lightweight tasks, such as one that loads the weights of a model.

    Raises:
        ConfigurationError: See `save`.
    """
    folder = folder_of(save_directory, "serialize(..., {})")
    data = [_one(config), _init_tasks(init_tasks)]
    with _replacing(folder) as context:
        _write(context, _state(context, data, {0: (), 1: ("init_tasks",)}))


def save_objects(config: Configuration, save_directory: str | Path) -> None:
    """Saves a configuration in the older form: an array of objects, the last is the configuration."""
    with _replacing(folder_of(save_directory, "serialize({})")) as context:
        _write(context, _state(context, _one(config))["objects"])


def state_dict(context: SerializationContext, obj: Any) -> Json:
    """What `save` writes, as a dictionary that JSON can hold.

    Args:
        context: What becomes of data: `SerializationContext()` only names them.
        obj: See `save`.

    Raises:
        ConfigurationError: See `save`.
    """
    if not isinstance(context, SerializationContext):
        raise ConfigurationError(
            f"state_dict({short(context)}, ...): expected a context, as in "
            "state_dict(SerializationContext(), obj)"
        )
    return _state(context, _checked(obj, "state_dict(...)"))


def folder_of(given: Any, call: str) -> Path:
    """The folder that a user gave.

    Args:
        given: What he gave.
        call: Where to: `save(..., {})`, with braces for it.

    Raises:
        ConfigurationError: It is no path.
    """
    if isinstance(given, (str, os.PathLike)) and "\0" not in str(given):
        return Path(given)
    raise ConfigurationError(f"{call.format(short(given))}: expected a folder, as a str or Path")


def _source(given: Any, call: str) -> Source:
    """A folder, or a function that gives the file of a name."""
    return given if callable(given) else folder_of(given, call)


def _one(config: Any) -> Configuration:
    """The configuration of `serialize`, checked."""
    checked = _checked(config, "serialize(...)")
    if isinstance(checked, Configuration):
        return checked
    raise ConfigurationError(
        f"serialize({short(config)}, ...): expected a configuration, Cls.C(...). save(...) takes lists and "
        "dictionaries of them"
    )


def _init_tasks(given: Any) -> list[Any]:
    """The init tasks of `serialize`, checked."""
    if not isinstance(given, (list, tuple)):
        raise ConfigurationError(f"serialize(..., init_tasks={short(given)}): expected a list of tasks")
    checked = [_checked(one, "serialize(..., init_tasks=...)") for one in given]
    for position, one in enumerate(checked):
        wrong = no_init_task(one)
        if wrong is not None:
            raise ConfigurationError(f"serialize(...): init_tasks[{position}]: {wrong.text}. {wrong.hint}")
    return checked


def _state(context: SerializationContext, data: Any, starts: Mapping[int, Route] | None = None) -> Json:
    """What is written of a checked value.

    Args:
        context: What becomes of data.
        data: The value.
        starts: Where the data of its elements begin, by position; None: at the names of the elements.
    """
    roots: list[Configuration] = []
    collect(data, roots)
    places = _routes(data, starts)

    def data_of(config: Configuration) -> dict[str, SerializedPath]:
        route = places.get(id(config))
        if route is None:
            return {}  # of a task that only made something
        context.var_path = [folder_name(step) for step in route]
        return dict(config.__xpm_serialize__(context))  # type: ignore[attr-defined] # of `Declares`

    if isinstance(context, FolderContext):
        _write_notebook(context.folder, postorder(roots, makers_and_parts))
    writer = ObjectWriter(as_given, data_of)
    return {"version": VERSION, "objects": writer.add(roots), "data": writer.value(data)}


def _write_notebook(folder: Path, order: Sequence[Configuration]) -> None:
    """Writes the classes of a notebook beside what is saved, as a job has them."""
    if has_notebook():
        from experimaestro.core.cells import shipped  # only in a notebook

        found = shipped(order, [])
        if found is not None:
            (folder / NOTEBOOK).write_text(found.source, encoding="utf-8")
    else:
        for file in {module_file(config.__xpm__.declaration.cls) for config in order}:
            if file is not None and file.endswith(f"/{NOTEBOOK}"):  # in a job
                shutil.copy2(file, folder / NOTEBOOK)


def _checked(value: Any, what: str, depth: int = 0) -> Any:
    """A value that can be written: each object in it replaced by its configuration, each checked."""
    if isinstance(value, Configuration):
        validate(value)
        return value
    if value is None or isinstance(value, (str, int, float, Enum, PurePath)):
        return value
    if isinstance(value, Declares):
        config = getattr(value, "xpmconfig", None)
        if config is None:
            name = type(value).__qualname__
            raise ConfigurationError(f"{what}: {name} object without a configuration. Give {name}.C(...)")
        return config
    if depth == DEEPEST:
        raise ConfigurationError(f"{what}: the value is nested more than {DEEPEST} deep, or contains itself")
    if isinstance(value, dict):
        return {
            _checked(key, what, depth + 1): _checked(item, what, depth + 1) for key, item in value.items()
        }
    for kind in (list, tuple, set):
        if isinstance(value, kind):
            return kind(_checked(item, what, depth + 1) for item in value)
    raise ConfigurationError(
        f"{what}: {short(value)} cannot be saved: a {type(value).__name__} is not written as JSON. "
        "Use numbers, strings, lists, dictionaries or configurations"
    )


def _routes(data: Any, starts: Mapping[int, Route] | None) -> dict[int, Route]:
    """The first route to each configuration whose data are saved: all but tasks that only made something."""
    found: dict[int, Route] = {}
    pending = [
        (route if starts is None else (*starts[route[0]], *route[1:]), config)  # type: ignore[index] # a position
        for route, config in steps(data, ())
    ]
    pending.reverse()
    while pending:
        route, config = pending.pop()
        if id(config) in found:
            continue
        found[id(config)] = route
        info = config.__xpm__
        inner = [
            step
            for name in info.declaration.references
            for step in steps(config.__dict__.get(name), (*route, name))
        ]
        inner += [((*route, "init_tasks", number), one) for number, one in enumerate(info.init_tasks)]
        pending.extend(reversed(inner))
    return found


class FolderContext(SerializationContext):
    """Copies data into a folder.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.folders: list[Path] = []
        """What was saved as a folder: replaces all that is there under its name"""
        self._sources: dict[tuple[str, ...], str] = {}

    def serialize(self, var_path: Sequence[str], path: str | Path, config: Any) -> SerializedPath:
        """See `SerializationContext.serialize`.

        Raises:
            ConfigurationError: The data are not there, or other data have the place.
        """
        name = config.__xpm__.declaration.name
        source = os.path.realpath(path)
        wanted = tuple(var_path)
        if not all(part not in {"", ".", ".."} and "/" not in part and "\0" not in part for part in wanted):
            raise ConfigurationError(
                f"{name}: {list(wanted)} is no place for data: expected names of folders"
            )
        place = self._free(wanted, source)
        at = self.folder.joinpath(*place)
        is_folder = Path(source).is_dir()
        if place not in self._sources:
            self._sources[place] = source
            try:
                _copy(Path(source), at, is_folder=is_folder)
            except (OSError, shutil.Error) as error:
                raise ConfigurationError(
                    f"{name}: its data cannot be saved: {_reason(error, source)}"
                ) from error
            if is_folder and place:
                self.folders.append(Path(*place))
        return SerializedPath(Path(*place), is_folder)

    def _free(self, wanted: tuple[str, ...], source: str) -> tuple[str, ...]:
        """The place that was asked for, or one beside it if other data have that."""
        place, number = wanted, 1
        while any(self._collide(place, source, *one) for one in self._sources.items()):
            if not wanted:
                raise ConfigurationError(f"{source} and other data would be mixed in one folder")
            number += 1
            place = (*wanted[:-1], f"{wanted[-1]}-{number}")
        return place

    @staticmethod
    def _collide(place: tuple[str, ...], source: str, taken: tuple[str, ...], by: str) -> bool:
        if place == taken:
            return source != by
        short_one, long_one = sorted((place, taken), key=len)
        return bool(short_one) and long_one[: len(short_one)] == short_one


def _copy(source: Path, at: Path, *, is_folder: bool) -> None:
    if is_folder:
        shutil.copytree(source, at, dirs_exist_ok=True)
    else:
        at.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, at)


def _reason(error: Exception, source: str) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{source} does not exist. If a task makes it, wait for the task first"
    return f"{source}: {error}"


@contextmanager
def _replacing(folder: Path) -> Iterator[FolderContext]:
    """A hidden folder whose content becomes that of `folder` if nothing is raised."""
    folder.mkdir(parents=True, exist_ok=True)
    staging = Path(mkdtemp(prefix=".saving-", dir=folder))
    try:
        context = FolderContext(staging / "new")
        context.folder.mkdir()
        yield context
        with _locked(folder):
            for name in (DEFINITION, OLD_DEFINITION):
                (folder / name).unlink(missing_ok=True)
            _move(context.folder, folder, staging / "old", context.folders)
            (staging / DEFINITION).replace(folder / DEFINITION)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write(context: FolderContext, content: Any) -> None:
    text = json.dumps(content, indent=1)
    with (context.folder.parent / DEFINITION).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two processes that save in one folder move their files one after the other."""
    import fcntl  # where nothing is saved, nothing needs it

    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _move(source: Path, target: Path, aside: Path, whole: Sequence[Path], inside: Path = Path()) -> None:
    """Moves the content of a folder into another.

    Args:
        source: The folder.
        target: Where its content goes.
        aside: Where goes what is in the way.
        whole: Folders, relative to the first one, that replace what is there.
        inside: Where we are, relative to the first one.
    """
    for one in sorted(source.iterdir()):
        there, here = target / one.name, inside / one.name
        if one.is_dir() and there.is_dir() and not there.is_symlink() and here not in whole:
            _move(one, there, aside, whole, here)
            continue
        if there.exists() or there.is_symlink():
            (aside / inside).mkdir(parents=True, exist_ok=True)
            there.replace(aside / here)
        one.replace(there)


# ----------------------------------------------------------------------------------------------
# Reading


def load(path: Source, as_instance: bool = False, partial_loading: bool | None = None) -> Any:
    """Loads what `save` wrote.

    Args:
        path: The folder.
        as_instance: Whether each configuration is made an object.
        partial_loading: Whether the tasks are left out that only made something, so that their
            classes are not needed; None: as `as_instance`.

    Returns:
        The value, with sealed configurations that have the identifiers that were saved.

    Raises:
        FileNotFoundError: Nothing is saved there.
        FormatError: What is saved there cannot be read; naming file, object and key.
    """
    source = _source(path, "load({})")
    return _load(source, as_instance=as_instance, partial_loading=partial_loading)


def deserialize(path: Source, as_instance: bool = False, partial_loading: bool | None = None) -> Any:
    """Loads what `serialize` wrote.

    Args:
        path: The folder.
        as_instance: Whether an object is made of the configuration, and the init tasks are run.
        partial_loading: See `load`.

    Returns:
        The configuration and the list of init tasks; or the object, ready.

    Raises:
        FileNotFoundError: Nothing is saved there.
        FormatError: What is saved there cannot be read.
    """
    partial = as_instance if partial_loading is None else partial_loading
    config, init_tasks = _pair(_load(_source(path, "deserialize({})"), partial_loading=partial))
    if not as_instance:
        return config, init_tasks
    store = ObjectStore()
    instance = config.instance(objects=store)
    for task in init_tasks:
        task.instance(objects=store).execute()
    return instance


def from_state_dict(
    state: Mapping[str, Any] | Sequence[Any],
    path: Source | None = None,
    as_instance: bool = False,
    partial_loading: bool | None = None,
) -> Any:
    """Makes a value of what `state_dict` returned.

    Args:
        state: The dictionary.
        path: Where the data are: a folder, or a function of their place (a `SerializedPath`).
        as_instance: See `load`.
        partial_loading: See `load`.

    Raises:
        FormatError: It is not what `state_dict` returns, or has data and no `path` was given.
    """
    source = None if path is None else _source(path, "from_state_dict(..., path={})")
    return _read(state, "state", source, as_instance=as_instance, partial_loading=partial_loading)


def load_one(path: Source, name: str, *, as_instance: bool, partial_loading: bool | None) -> Any:
    """The one configuration that was saved, in any form; its init tasks are left out.

    Args:
        path: See `load`.
        name: The file that describes it.
        as_instance: Whether an object is made of it.
        partial_loading: See `load`.

    Raises:
        FormatError: Something else was saved there.
    """
    partial = as_instance if partial_loading is None else partial_loading
    source = _source(path, "deserialize({})")
    config, _ = _pair(_load(source, partial_loading=partial, names=(name, DEFINITION, OLD_DEFINITION)))
    return config.instance() if as_instance else config


def load_objects(objects: Sequence[Any], *, as_instance: bool) -> dict[Any, Any]:
    """The configurations that a file describes one by one, as the lines of `objects.jsonl` do.

    Args:
        objects: What the file holds of each; of two with one number the last counts.
        as_instance: Whether objects are made of them.

    Returns:
        The configurations by their numbers, but for those of tasks that were not written.

    Raises:
        FormatError: One is not as it should be.
    """
    where = "load_objects(...)"
    if not isinstance(objects, Iterable):
        raise FormatError(f"{where}: expected the lines of a file, got {short(objects)}")
    records = {
        record.number: record
        for record in (record_of(one, where, f"object at position {n}") for n, one in enumerate(objects))
    }
    places = Places({}, lambda data: data.path, is_closed=False)
    reader = ConfigurationReader(records, where, places)
    configs = {number: reader.config(number) for number, record in records.items() if not record.is_stub}
    if not as_instance:
        return configs
    store = ObjectStore()
    return {number: config.instance(objects=store) for number, config in configs.items()}


def _pair(data: Any) -> tuple[Any, list[Any]]:
    """The configuration and the init tasks that were saved."""
    if isinstance(data, Configuration):
        return data, []
    if isinstance(data, list) and len(data) == 2:
        config, init_tasks = data
        if (
            isinstance(config, Configuration)
            and isinstance(init_tasks, list)
            and all(isinstance(one, Configuration) for one in init_tasks)
        ):
            return config, init_tasks
    raise FormatError(
        f"{DEFINITION}, key 'data': expected one configuration, got {short(data)}. Use load(...)"
    )


def _load(
    path: Source,
    *,
    as_instance: bool = False,
    partial_loading: bool | None = None,
    names: Sequence[str] = (DEFINITION, OLD_DEFINITION),
) -> Any:
    file, content = _content(path, dict.fromkeys(names))
    state = parse(content, str(file))
    return _read(state, str(file), path, as_instance=as_instance, partial_loading=partial_loading)


def _content(path: Source, names: Iterable[str]) -> tuple[Path, bytes]:
    """The first file that there is."""
    files = []
    for name in names:
        file = Path(path(name)) if callable(path) else Path(path) / name
        if file.is_file():
            return file, file.read_bytes()
        files.append(file)
    raise NotSavedError(
        f"{files[0].parent} has no {files[0].name}: nothing was saved there, or saving was interrupted"
    )


def parse(content: bytes | str, where: str) -> Any:
    """The JSON value of a file.

    Raises:
        FormatError: It is none.
    """
    try:
        return json.loads(content)
    except ValueError as error:
        raise FormatError(f"{where}: expected JSON: {error}") from None
    except RecursionError:
        raise FormatError(f"{where}: it is nested too deeply") from None


def _read(
    state: Any, where: str, path: Source | None, *, as_instance: bool, partial_loading: bool | None
) -> Any:
    if isinstance(state, list):  # the older form
        last = state[-1] if state else None
        state = {
            "objects": state,
            "data": {"type": "python", "value": last.get("id") if isinstance(last, dict) else None},
        }
    if not isinstance(state, dict):
        raise FormatError(f"{where}: expected an object with 'objects' and 'data', got {short(state)}")
    check_version(state, where)
    if "data" not in state:
        raise FormatError(f"{where}: no 'data'")
    partial = as_instance if partial_loading is None else partial_loading
    folder = "" if path is None or callable(path) else os.path.abspath(path)  # noqa: PTH100 - a string
    reader = ConfigurationReader(
        records_of(state.get("objects"), where),
        where,
        Places({}, _data_of(path), is_closed=True),
        folder=folder,
        with_makers=not partial,
    )
    value = reader.value(state["data"], "key 'data'")
    return instances_of(value) if as_instance else value


def _data_of(path: Source | None) -> Callable[[SerializedPath], Path] | None:
    if path is None or callable(path):
        return path
    folder = Path(path)
    return lambda data: folder / data.path


def instances_of(value: Any) -> Any:
    """A value with an object in the place of each configuration; shared ones stay shared."""
    store = ObjectStore()
    return plain(value, lambda config: config.instance(objects=store))  # type: ignore[attr-defined] # of Config
