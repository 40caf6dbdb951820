"""Which code a job ran, so that a view can say that it was changed since.

Recorded are the files of the project (nothing that is installed) which the classes of the job are defined in,
and those that they import, also where that is written in a function. It is no part of the identifier: the
user decides what a change means.

Rules: nothing is imported to find out; a file is read once for each of its versions, however many jobs run
it. A change of comments, layout and docstrings is none, as far as both were looked at with the same Python;
else every change of the text is one.
"""

import ast
import gc
import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from types import CodeType
from typing import Any, NamedTuple

from experimaestro.workspace import files
from experimaestro.workspace.git import is_of_project
from experimaestro.workspace.layout import JobPaths

_PYTHON = f"{sys.implementation.cache_tag}-{'.'.join(map(str, sys.version_info[:3]))}"
"""What the meaning of a file was looked at with"""


class _Source(NamedTuple):
    """A file with code."""

    stamp: tuple[int, int]
    """When it was changed, and its size"""
    text: str
    """Digest of its bytes"""
    meaning: str
    """Digest of what it compiles to; "" if it does not"""
    imports: tuple[str, ...]
    """What may be modules that it imports; relative names begin with dots"""


_sources: dict[str, _Source] = {}
_parsing = threading.Lock()

JUDGED_S = 1.0
"""How long what was found out of some code holds, in seconds: files may change"""

JUDGED = 1000
"""So much code is remembered"""

_judged: dict[bytes, tuple[float, bool]] = {}
"""What was recorded with jobs: when it was compared, and whether it had changed"""

_records: dict[frozenset[str], tuple[Mapping[str, _Source], bytes]] = {}
"""What was recorded last for the classes of some modules: it holds until one of the files changes"""


def record(paths: JobPaths, classes: Iterable[type]) -> None:
    """Notes which code a job is about to run.

    Args:
        paths: The job.
        classes: The classes of its task and of what that uses.

    Raises:
        OSError: The disk cannot be written.
    """
    modules = frozenset(cls.__module__ for cls in classes)
    known = _records.get(modules)
    if known is None or any(_source(file) is not source for file, source in known[0].items()):
        sources = _reachable(modules)
        known = sources, _encoded(sources)
        _records[modules] = known
    files.replace(paths.code, known[1])


def renew(paths: JobPaths) -> None:
    """Notes that a job is about to run its code again, as that is now: the same files, where they are there.

    Raises:
        OSError: The disk does not tell, or cannot be written.
    """
    try:
        known = list(json.loads(files.read(paths.code) or b"{}")["files"])
    except (ValueError, KeyError, TypeError):  # of another version
        return
    sources = {file: source for file in known if (source := _source(file)) is not None}
    files.replace(paths.code, _encoded(sources))


def changed(paths: JobPaths) -> list[str]:
    """The files whose code has changed since a job ran it, or that are gone; sorted.

    Returns:
        Empty if nothing has, or if it is not known what the job ran.

    Raises:
        OSError: The disk does not tell.
    """
    try:
        recorded = json.loads(files.read(paths.code) or b"{}")
        known: dict[str, Any] = recorded["files"]
        same_python = recorded["python"] == _PYTHON
        return sorted(
            file for file, then in known.items() if _has_changed(file, then, same_python=same_python)
        )
    except (ValueError, KeyError, TypeError, AttributeError):  # of another version
        return []


def has_changed(paths: JobPaths) -> bool:
    """As `changed`, in short: of the many jobs that ran the same code, only the first is compared.

    Raises:
        OSError: The disk does not tell.
    """
    recorded = files.read(paths.code) or b""
    known = _judged.get(recorded)
    if known is None or time.monotonic() - known[0] > JUDGED_S:
        if len(_judged) >= JUDGED:
            _judged.clear()
        known = _judged[recorded] = (time.monotonic(), bool(changed(paths)))
    return known[1]


def _encoded(sources: Mapping[str, _Source]) -> bytes:
    found = {file: {"text": one.text, "meaning": one.meaning} for file, one in sources.items()}
    return json.dumps({"python": _PYTHON, "files": found}).encode()


def _has_changed(file: str, then: dict[str, str], *, same_python: bool) -> bool:
    now = _source(file)
    if now is None:
        return True
    if now.text == then["text"]:
        return False
    return not (same_python and now.meaning and now.meaning == then["meaning"])


def _reachable(modules: Iterable[str]) -> dict[str, _Source]:
    """The files of some modules and of all that they import, in the project."""
    found: dict[str, _Source] = {}
    pending = list(modules)
    met = set(pending)
    while pending:
        name = pending.pop()
        file = _file_of(name)
        source = None if file is None or file in found else _source(file)
        if file is None or source is None:
            continue
        found[file] = source
        for imported in source.imports:
            absolute = _absolute(imported, name, is_package=file.endswith("/__init__.py"))
            for one in _with_parents(absolute):
                if one not in met:
                    met.add(one)
                    pending.append(one)
    return found


def _source(file: str) -> _Source | None:
    """A file as it is now; None if it is gone."""
    try:
        status = os.stat(file)  # noqa: PTH116 - a string
    except (FileNotFoundError, NotADirectoryError):
        return None
    stamp = (status.st_mtime_ns, status.st_size)
    known = _sources.get(file)
    if known is None or known.stamp != stamp:
        data = files.read(file)
        if data is None:
            return None
        known = _sources[file] = _Source(stamp, hashlib.sha256(data).hexdigest(), *_look_at(data))
    return known


def _parse(data: bytes) -> ast.Module:
    """The syntax tree of a file, also while other threads make some.

    Python 3.11 counts for all threads together how deep it is in a tree, and raises a SystemError where
    another thread comes in between, as the collection of garbage lets it.
    """
    with _parsing:
        is_on = gc.isenabled()
        gc.disable()
        try:
            return ast.parse(data)
        except SystemError:  # the other one was in the middle of its own
            return ast.parse(data)
        finally:
            if is_on:
                gc.enable()


def _look_at(data: bytes) -> tuple[str, tuple[str, ...]]:
    """What a file means, as a digest, and what it imports."""
    try:
        tree = _parse(data)
        imports = tuple(dict.fromkeys(_imports(tree)))
        code = compile(tree, "", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError):
        return "", ()
    digest = hashlib.sha256()
    for part in _parts(code):
        digest.update(part.encode("utf-8", "surrogatepass"))
    return digest.hexdigest(), imports


def _parts(code: CodeType) -> Iterator[str]:
    """Everything of compiled code that says what it does, and not where it stands."""
    yield f"{code.co_name} {code.co_argcount} {code.co_posonlyargcount} {code.co_kwonlyargcount}"
    yield f"{code.co_flags} {code.co_code.hex()}"
    for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars):
        yield repr(names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)
        else:
            yield _text(constant)


def _text(constant: object) -> str:
    """A constant; the elements of a set are in another order in each process."""
    if isinstance(constant, frozenset):
        return repr(sorted(map(_text, constant)))
    return repr([_text(one) for one in constant]) if isinstance(constant, tuple) else repr(constant)


def _imports(tree: ast.Module) -> Iterator[str]:
    """What may be modules that a file imports: in `from a import b`, both `a` and `a.b`.

    Removes docstrings from the tree, and in which lines classes begin (they remember that from Python
    3.13 on).
    """
    for statement in _statements(tree.body):
        if isinstance(statement, ast.ClassDef):
            statement.lineno = 1
            for decorator in statement.decorator_list:
                decorator.lineno = 1
        elif isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            base = "." * statement.level + (statement.module or "")
            if statement.module:
                yield base
            dot = "." if statement.module else ""
            yield from (f"{base}{dot}{alias.name}" for alias in statement.names)


def _statements(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """All statements of a file but lone texts, which are removed; what stands within one comes after it."""
    rest = [one for one in body if not _is_lone_text(one)]
    if len(rest) < len(body):
        body[:] = rest or [ast.copy_location(ast.Pass(), body[0])]
    for statement in body:
        yield statement
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(statement, field, None)
            if isinstance(inner, list):
                yield from _statements(inner)
        for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _statements(part.body)


def _is_lone_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _absolute(name: str, importer: str, *, is_package: bool) -> str:
    """The name of a module, as its importer writes it, from the root; "" if there is none.

    Example:
        >>> _absolute("..data", "study.models.linear", is_package=False)
        'study.data'
    """
    rest = name.lstrip(".")
    level = len(name) - len(rest)
    if level == 0:
        return name
    parts = importer.split(".")
    up = level - 1 if is_package else level
    if up > len(parts):
        return ""
    return ".".join([*parts[: len(parts) - up], *filter(None, [rest])])


def _with_parents(name: str) -> Iterator[str]:
    """A module and the packages that are imported before it."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _file_of(name: str) -> str | None:
    """The file of a module of the project; None if it is none."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
    elif name.partition(".")[0] in sys.stdlib_module_names:
        return None
    else:
        spec = _spec(name)
        file = None if spec is None or not spec.has_location else spec.origin
    if file is None or not file.endswith(".py"):
        return None
    path = os.path.abspath(file)  # noqa: PTH100 - links are kept
    return path if is_of_project(path) else None


def _spec(name: str) -> ModuleSpec | None:
    """Where a module is that was not imported (yet)."""
    parent = name.rpartition(".")[0]
    if not parent:
        return PathFinder.find_spec(name)
    module = sys.modules.get(parent)
    if module is not None:
        path = getattr(module, "__path__", None)
    else:
        spec = _spec(parent)
        path = None if spec is None else spec.submodule_search_locations
    return None if path is None else PathFinder.find_spec(name, list(path))
