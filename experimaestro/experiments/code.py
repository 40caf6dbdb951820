"""The code of an experiment: finds it, loads it, and takes its function and configuration class.

Rules: `sys.path` gets what the document says, in front, so that jobs get it too; a file is loaded once,
and under the name with which a job finds it; an error of the user's code is raised as it is, with
the lines of that code.
"""

import importlib
import importlib.util
import inspect
import sys
import typing
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from experimaestro.core import source
from experimaestro.documents.fields import fields_of, has_fields
from experimaestro.documents.nodes import shown
from experimaestro.documents.problems import did_you_mean
from experimaestro.exceptions import ExperimentCodeError
from experimaestro.experiments.document import Document, beside, value
from experimaestro.experiments.helper import ExperimentHelper


class Code(NamedTuple):
    """What an experiment runs."""

    helper: ExperimentHelper
    schema: type
    """The class of its configuration"""
    folder: Path
    """Where the code is"""
    warnings: Sequence[str] = ()
    """What a person should know of it"""


def load(document: Document, file: str | None = None, module: str | None = None) -> Code:
    """Loads the code that a document names.

    Args:
        document: The document.
        file: In place of `file` and `module` of the document, a file, relative to the working directory.
        module: The same, a module.

    Raises:
        ExperimentCodeError: It is not there, or has no usable `run`.
        DocumentError: A key of the document is wrong.
    """
    for folder in reversed(document.pythonpath):
        _put_first(folder)
    taken = set(sys.modules)
    loaded, where = _module(document, file, module)
    return _code(loaded, where)._replace(warnings=_shadowing(loaded, taken))


def _module(document: Document, file: str | None, module: str | None) -> tuple[ModuleType, str]:
    if file is not None and module is not None:
        raise ExperimentCodeError("--file and --module-name cannot both be given")
    if file is None and module is None:
        file_said, file_at = value(document, "file", str)
        module_said, module_at = value(document, "module", str)
        if file_at is not None and module_at is not None:
            raise ExperimentCodeError(
                f"{module_at}: module: there is also a file ({file_at}): give one of the two"
            )
        if module_at is not None:
            _run_first(document)
            return _import(document, module_said, f"{module_at}: module"), module_said
        if file_at is None:
            raise ExperimentCodeError(
                f"{shown(str(document.path))}: which code is to be run? Write `file: experiment` for a file "
                "experiment.py beside it, or `module: my_package.experiment`, or give --file or --module-name"
            )
        path, where = beside(file_at, file_said), f"{file_at}: file"
    elif module is not None:
        _run_first(document)
        return _import(document, module, "--module-name"), module
    else:
        path, where = Path(typing.cast("str", file)).absolute(), "--file"
    if not document.pythonpath:
        _put_first(path.parent)
    path = _python_file(path, where)
    _run_first(document)
    return _load_file(path, where), shown(str(path))


def _python_file(path: Path, where: str) -> Path:
    given = path
    if path.suffix != ".py":
        path = path.parent / f"{path.name}.py"
    if not path.is_file():
        if given.is_dir():
            text = f"expected a Python file, found the folder {shown(str(given))}"
            raise ExperimentCodeError(f"{where}: {text}")
        near = sorted(one.name for one in path.parent.glob("*.py")) if path.parent.is_dir() else []
        hint = f". {did_you_mean(path.name, near, 'In its folder there are')}" if near else ""
        raise ExperimentCodeError(f"{where}: there is no file {shown(str(path))}{hint}")
    return path.resolve()


def _load_file(path: Path, where: str) -> ModuleType:
    if not path.stem.isidentifier():
        raise ExperimentCodeError(
            f"{where}: {path.name} cannot be imported: its name must be one of Python "
            "(letters, digits and _, no digit first)"
        )
    return source.load(path.stem, str(path))


def _import(document: Document, name: str, origin: str) -> ModuleType:
    if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
        hint = ". For a file write file: in place of module:" if name.endswith(".py") or "/" in name else ""
        raise ExperimentCodeError(f"{origin}: {name!r} is not the name of a module{hint}")
    if not _is_found(name):
        if len(document.path.parents) > name.count("."):
            _put_first(document.path.parents[name.count(".")])
            importlib.invalidate_caches()
        if not _is_found(name):
            raise ExperimentCodeError(
                f"{origin}: there is no module {name!r}. Folders where modules are looked for are added with "
                "pythonpath: [..], relative to the YAML file"
            )
    return importlib.import_module(name)


def _is_found(name: str) -> bool:
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return False
        raise


def _shadowing(module: ModuleType, taken: Collection[str]) -> Sequence[str]:
    """What to say of a file that has the name of a module that every job needs: jobs get it in its place."""
    path = Path(module.__file__ or "")
    name = path.stem
    real = sys.modules.get(name) if name in taken else None
    if real is None or real is module or str(path.parent) not in sys.path:
        return ()
    file = getattr(real, "__file__", None) or ""
    if name not in sys.stdlib_module_names and not _is_installed(file):
        return ()
    return [f"{shown(str(path))}: jobs may load it in place of the module {name!r}: rename it"]


def _is_installed(file: str) -> bool:
    return "site-packages" in Path(file).parts or Path(file).is_relative_to(Path(__file__).parents[1])


def _put_first(folder: Path) -> None:
    path = str(folder)
    if path not in sys.path:
        sys.path.insert(0, path)


def _run_first(document: Document) -> None:
    """Runs what `pre_experiment` names."""
    name, origin = value(document, "pre_experiment", str)
    if origin is None:
        return
    if "/" in name or "\\" in name or name.endswith(".py"):
        path = _python_file(beside(origin, name), f"{origin}: pre_experiment")
        _load_file(path, f"{origin}: pre_experiment")
    else:
        _import(document, name, f"{origin}: pre_experiment")


def _is_own(value: object, module: ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__


def _code(module: ModuleType, where: str) -> Code:
    run = getattr(module, "run", None)
    if run is None:
        functions = [name for name, one in vars(module).items() if _is_own(one, module)]
        raise ExperimentCodeError(
            f"{where}: there is no function run(helper, cfg). "
            f"{did_you_mean('run', functions, 'Its functions are')}"
        )
    helper = run if isinstance(run, ExperimentHelper) else None
    function = helper.callable if helper is not None else run
    if not callable(function):
        raise ExperimentCodeError(f"{where}: run must be a function run(helper, cfg), got {run!r}")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        kind = "a coroutine (async def)" if inspect.iscoroutinefunction(function) else "a generator (yield)"
        raise ExperimentCodeError(f"{where}: run is {kind}, which nobody would run: write a plain function")
    schema = _schema(function, where)
    folder = Path(module.__file__ or ".").resolve().parent
    return Code(helper or ExperimentHelper(function), schema, folder)


def _schema(run: Callable[..., Any], where: str) -> type:
    """The class of the second parameter."""
    parameters = list(inspect.signature(run).parameters.values())
    usable = [one for one in parameters if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}]
    if len(usable) != 2 or len(parameters) != 2:
        raise ExperimentCodeError(
            f"{where}: run must have two parameters, run(helper, cfg), got run{inspect.signature(run)}"
        )
    name = usable[1].name
    try:
        found = typing.get_type_hints(run).get(name)
    except NameError as error:
        raise ExperimentCodeError(f"{where}: the annotations of run cannot be read: {error}") from None
    if found is None:
        raise ExperimentCodeError(
            f"{where}: which class has the configuration? Annotate the second parameter of run: "
            f"def run({usable[0].name}, {name}: Configuration)"
        )
    if not isinstance(found, type) or not has_fields(found):
        raise ExperimentCodeError(
            f"{where}: {name} is a {getattr(found, '__qualname__', found)}, which YAML cannot fill: "
            "decorate the class with @configuration"
        )
    try:
        fields_of(found)
    except NameError as error:
        raise ExperimentCodeError(
            f"{where}: the annotations of {found.__qualname__} cannot be read: {error}"
        ) from None
    return found
