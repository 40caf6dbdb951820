"""Where a class was defined, and how a job gets it again.

Rules: a class is written down as a module and a qualified name, with a file when the name alone
would not find it; a job loads each file once, under a name other than `__main__`, so that the body
of `if __name__ == "__main__":` does not run; what no other process could load is refused at
submission. The disk is looked at once for each class. A class of a notebook has no file: a module with its
code is made beside the description of each job (`cells`), and is named relative to it.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

from experimaestro.exceptions import DefinitionError

SCRIPT = "__main__"
NOTEBOOK = "__notebook__.py"
"""The file with the classes of a notebook, in the folder of a job"""
CODES = "__xpm_codes__"
"""The variable of that file with the identities of its classes"""
_SCRIPT_IN_A_JOB = "__xpm_main__"


class Home(NamedTuple):
    """What a job needs to load a class."""

    module: str
    qualname: str
    file: str | None
    """Absolute path of the module's file, when its name does not find it; `NOTEBOOK` stands alone"""


def home(cls: type) -> Home:
    """Where a job will find a class.

    Raises:
        DefinitionError: Nowhere: it was typed in a session, or its module has no file.
    """
    name = cls.__module__
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if name == SCRIPT:
        spec = getattr(module, "__spec__", None)
        if hasattr(module, cls.__qualname__.partition(".")[0]):
            if spec is not None:  # python -m package.module
                return Home(spec.name, cls.__qualname__, None)
        else:  # run by a profiler or a debugger, which is then the main module
            file = getattr(cls, "_xpm_defined_at", (sys.argv[0], 0))[0]
        if is_of_notebook(cls) and _is_text_kept(cls):
            return Home(name, cls.__qualname__, NOTEBOOK)
        if file is None or file.startswith("<"):
            raise DefinitionError(
                f"{cls.__qualname__} was defined in an interactive session, where no job finds it. "
                "Put the class in a file and import it"
            )
        return Home(name, cls.__qualname__, _absolute(file))
    if module is None or file is None:
        raise DefinitionError(
            f"{cls.__qualname__} is in the module {name!r}, which has no file: no job finds it. "
            "Put the class in a file and import it"
        )
    if file.endswith(f"/{NOTEBOOK}"):  # a notebook gives its jobs what it has itself, not what it loaded
        return Home(SCRIPT, cls.__qualname__, _absolute(file) if has_notebook() else NOTEBOOK)
    found = _file_by_name(name)
    if found is not None and _same(found, file):
        return Home(name, cls.__qualname__, None)
    return Home(module_name(cls), cls.__qualname__, _absolute(file))


def module_name(cls: type) -> str:
    """The name of the module of a class, as it is where its file is the only one of this name."""
    name = cls.__module__
    return name.split(".", 2)[2] if name.startswith(f"{_SCRIPT_IN_A_JOB}.") else name


_script: ModuleType | None = None
"""The main module, if it was seen to be that of a script"""


def is_of_notebook(cls: type) -> bool:
    """Whether a class was defined in a notebook, or typed in a session: its module has no file."""
    return cls.__module__ == SCRIPT and has_notebook()


def codes_of(module: ModuleType | None) -> Mapping[str, str]:
    """What a module says of the classes of a notebook that it has; empty for all other modules."""
    found: Mapping[str, str] = getattr(module, CODES, {})
    return found


def loaded(qualname: str, code: str) -> type | None:
    """The class of a notebook that was loaded from a file with this code; None if none was.

    Args:
        qualname: Its name.
        code: What tells it from others of this name.
    """
    modules = (one for one in _loaded_files.values() if codes_of(one).get(qualname) == code)
    return next((found_in(one, qualname) for one in modules), None)


def has_notebook() -> bool:
    """Whether this process runs a notebook or a session.

    A script that has ended has no file any more, while what it submitted is still written down.
    """
    global _script  # noqa: PLW0603 - one for the process
    main = sys.modules.get(SCRIPT)
    if getattr(main, "__file__", None) is not None or getattr(main, "__spec__", None) is not None:
        _script = main
    return main is not _script


def module_file(cls: type) -> str | None:
    """The file of the module of a class; None if it has none."""
    file: str | None = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return file


def _is_text_kept(cls: type) -> bool:
    """Whether who runs the text of a class keeps it, as notebooks do, and `python -c` does not."""
    file = cls.__dict__.get("_xpm_defined_at", ("", 0))[0]
    if file not in {"<string>", "<stdin>"}:
        return True
    from linecache import getlines  # only in a session

    return bool(getlines(file))


def _absolute(file: str) -> str:
    from os.path import abspath  # links are kept: a job is given the path that the user knows

    return abspath(file)  # noqa: PTH100 - same


def _same(one: str, other: str) -> bool:
    from os.path import realpath

    return one == other or realpath(one) == realpath(other)


def _file_by_name(name: str) -> str | None:
    """The file that `import name` would load in a new process; None if there is none."""
    path: Any = None
    parent, _, _ = name.rpartition(".")
    if parent:
        package = sys.modules.get(parent)
        path = getattr(package, "__path__", None)
        if path is None or not _is_package_found(parent):
            return None
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(name, path, None) if find is not None else None
        if spec is not None:
            return spec.origin if isinstance(spec.origin, str) else None
    return None


def _is_package_found(name: str) -> bool:
    """Whether `import name` finds the package that is loaded under this name."""
    package = sys.modules[name]
    file = getattr(package, "__file__", None)
    if file is not None:
        found = _file_by_name(name)
        return found is not None and _same(found, file)
    parent, _, last = name.rpartition(".")  # a namespace package: each of its folders is on the path
    folders = sys.path if not parent else getattr(sys.modules.get(parent), "__path__", [])
    if parent and not _is_package_found(parent):
        return False
    return any(_same(f"{folder}/{last}", part) for folder in folders for part in package.__path__)


class EndOfDefinitions(BaseException):
    """A script came to its experiment while a job was loading its classes: they are all there."""


class experiment:  # noqa: N801 - stands in for the public name
    """What `experimaestro.experiment` is while a job loads a script: the end of it."""

    def __init__(self, *_args: Any, **_named: Any) -> NoReturn:
        raise EndOfDefinitions

    def __class_getitem__(cls, item: Any) -> Any:
        return cls


_loaded_files: dict[str, ModuleType] = {}
_ended_early: set[str] = set()


def load(module: str, file: str | None = None, *, definitions_only: bool = False) -> ModuleType:
    """Loads the module of a class, once.

    Args:
        module: Its name.
        file: Its file, when the name does not find it.
        definitions_only: Whether a call of `experiment(...)` at the top level of the module ends
            its loading quietly, as a job wants it.

    Raises:
        DefinitionError: The file is not there, or the module cannot be found.
    """
    if file is not None:
        known = _loaded_files.get(file) or _loaded_from(file)
        if known is None:
            known = _load_file(module, file, definitions_only=definitions_only)
        _loaded_files[file] = known
        return known
    loaded = sys.modules.get(module)
    if loaded is not None:
        return loaded
    if not definitions_only:
        return import_module(module)
    parent, _, _ = module.rpartition(".")
    if parent:
        import_module(parent)
    from importlib.util import find_spec  # only a job, once for each module

    spec = find_spec(module)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    return _execute(spec, module, definitions_only=True)


def load_class(
    module: str, qualname: str, file: str | None = None, *, definitions_only: bool = False
) -> type[Any]:
    """Loads a class.

    Raises:
        DefinitionError: The module does not define it.
    """
    loaded = load(module, file, definitions_only=definitions_only)
    found = found_in(loaded, qualname)
    if found is None:
        where = file or module
        if loaded.__name__ in _ended_early:
            raise DefinitionError(
                f"{qualname} is not defined in {where} as a job loads it: a job stops at the call of "
                "`experiment(...)`. Define the class above it"
            )
        raise DefinitionError(
            f"{qualname} is not defined in {where} as a job loads it: the class was renamed or moved (leave "
            "one of that name there, with `@deprecate`), or is only defined under "
            "`if __name__ == '__main__':` (define it above)"
        )
    return found


def found_in(module: ModuleType, qualname: str) -> type | None:
    """The class of a module with a name; None if that stands for nothing, or something else."""
    found: Any = module
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found if isinstance(found, type) else None


def _loaded_from(file: str) -> ModuleType | None:
    """The module that was already imported from a file."""
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get("__file__") == file:
            return module
    return None


def _load_file(module: str, file: str, *, definitions_only: bool) -> ModuleType:
    from importlib.util import spec_from_file_location  # only a job, once for each file
    from os.path import isfile

    if not isfile(file):  # noqa: PTH113 - a job may not need pathlib
        raise DefinitionError(f"{file} is not there any more: the job cannot load the module {module!r}")
    folder, _, base = file.rpartition("/")
    if base == NOTEBOOK and folder not in sys.path and not has_notebook():
        sys.path.append(folder)  # so that processes that a job starts find the module by its name
    name = _name_in_a_job(file) if module == SCRIPT else module
    if name in sys.modules:  # another file of the same name
        name = f"{_SCRIPT_IN_A_JOB}.{len(_loaded_files)}.{name}"
    spec = spec_from_file_location(name, file)
    if spec is None:
        raise DefinitionError(f"{file} is no Python file: the job cannot load the module {module!r}")
    return _execute(spec, name, definitions_only=definitions_only)


def _name_in_a_job(file: str) -> str:
    """The name of a script's module: its own, so that processes that a job starts find it as well."""
    name = file.rpartition("/")[2].rpartition(".")[0]
    if name.isidentifier() and name not in sys.modules:
        found = _file_by_name(name)
        if found is not None and _same(found, file):
            return name
    return _SCRIPT_IN_A_JOB


def _execute(spec: Any, name: str, *, definitions_only: bool) -> ModuleType:
    from importlib.util import module_from_spec  # only a job, once for each file

    module = module_from_spec(spec)
    sys.modules[name] = module
    public = sys.modules["experimaestro"].__dict__
    before = public.get("experiment")
    if definitions_only:
        public["experiment"] = experiment
    try:
        spec.loader.exec_module(module)
    except EndOfDefinitions:
        _ended_early.add(name)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        if definitions_only:
            del public["experiment"]
            if before is not None:
                public["experiment"] = before
    return module
