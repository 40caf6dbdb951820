"""The YAML files of an experiment as one document.

Order, later ones win: `--pre-yaml`, what a file imports, the file, `--post-yaml`, `-c`; then values that name
others (`${optim.lr}`) get theirs. Paths in a
document are relative to the file that has them, which the origin of each value tells; `pythonpath`
is the one list that accumulates.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from experimaestro.documents import interpolation, merging, nodes, problems, reading
from experimaestro.documents.converting import Conversion
from experimaestro.documents.describing import found
from experimaestro.documents.nodes import Node, Origin
from experimaestro.documents.problems import Problem
from experimaestro.exceptions import DocumentError


class Document(NamedTuple):
    """What describes an experiment."""

    path: Path
    """The main file"""
    root: Node
    """All files and options, merged"""
    pythonpath: Sequence[Path]
    """Folders where modules are looked for, in order; empty: the default rule"""
    notes: Sequence[str] = ()
    """What a person should know of it"""
    problems: Sequence[Problem] = ()
    """What is wrong in the options, to be told with all else that is wrong"""


def load(
    path: Path,
    *,
    pre: Sequence[Path] = (),
    post: Sequence[Path] = (),
    overrides: Sequence[Node | str] = (),
) -> Document:
    """Reads and merges the files of an experiment.

    Args:
        path: The main file; `.yaml` (or `.yml`) may be left out.
        pre: Files that come before it.
        post: Files that come after it.
        overrides: Documents that come last, or texts `key=value`.

    Raises:
        DocumentError: Files are missing or wrong; all that are, at once.
    """
    folders: list[Path] = []
    wrong: list[Problem] = []
    of_options: list[Problem] = []
    parts = [_or_empty(partial(_of_file, one, folders), wrong) for one in (*pre, path, *post)]
    parts += [_or_empty(partial(_of_option, one, folders), of_options) for one in overrides]
    if wrong:
        raise problems.failure(str(path), [*wrong, *of_options])
    root, notes = interpolation.resolve(merging.merge_all(parts))
    return Document(_existing(path), root, tuple(dict.fromkeys(folders)), notes, of_options)


def value(document: Document, key: str, of: Any) -> tuple[Any, Origin | None]:
    """A top-level value, which is needed before the class of the configuration is known.

    Returns:
        The value and its place; `(None, None)` if there is none.

    Raises:
        DocumentError: It is not of that type.
    """
    node = (document.root.entries or {}).get(key)
    if node is None or node.value is None:
        return None, None
    conversion = Conversion()
    made = conversion.convert(node, of, key)
    if conversion.problems:
        raise problems.failure(str(document.path), conversion.problems)
    return made, node.origin


def beside(origin: Origin, path: str) -> Path:
    """A path that a document has: relative to its file, or to the working directory in an option."""
    folder = Path(origin.source).parent if origin.line else Path.cwd()
    return (folder / Path(path).expanduser()).absolute()


def _or_empty(read: Callable[[], Node], wrong: list[Problem]) -> Node:
    """What is read, or nothing and the problems."""
    try:
        return read()
    except DocumentError as error:
        wrong += problems.of_error(error)
        return nodes.empty(Origin(""))


def _of_file(path: Path, folders: list[Path]) -> Node:
    return _with_imports(_existing(path), folders, ())


def _of_option(given: Node | str, folders: list[Path]) -> Node:
    part = merging.override(given) if isinstance(given, str) else given
    for key in ("imports", "parent"):
        if key in (part.entries or {}):
            text = "files are imported by files only: give it with --pre-yaml"
            origin = part.value[key].origin
            raise problems.failure(origin.source, [Problem(origin, key, text)])
    _note_pythonpath(part, folders)
    return part


def _existing(path: Path) -> Path:
    if not path.exists() or path.is_dir():  # it may be a pipe: <(make-yaml)
        for ending in (".yaml", ".yml"):
            candidate = path.parent / (path.name + ending)
            if path.name and candidate.is_file():
                return candidate.absolute()
        beside_it = sorted(one.name for one in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        hint = (
            f". {problems.did_you_mean(path.name, beside_it, 'In its folder there are')}" if beside_it else ""
        )
        what = "is a folder, expected a YAML file" if path.is_dir() else "there is no such file"
        raise DocumentError(f"{nodes.shown(str(path))}: {what}{hint}")
    return path.absolute()


def _with_imports(path: Path, folders: list[Path], importers: tuple[Path, ...]) -> Node:
    """A file, after those that it imports."""
    root = reading.read_file(path)
    if root.entries is None:
        raise DocumentError(f"{root.origin}: expected keys and values, got {found(root)}")
    real = path.resolve()
    if real in importers:
        chain = " -> ".join(nodes.shown(str(one)) for one in (*importers, real))
        raise DocumentError(f"{nodes.shown(str(path))}: imports itself: {chain}")
    imported = [_with_imports(one, folders, (*importers, real)) for one in _imports(root, path)]
    _note_pythonpath(root, folders)
    return merging.merge_all([*imported, root])


def _imports(root: Node, path: Path) -> list[Path]:
    entries = root.entries or {}
    conversion = Conversion()
    files: list[tuple[str, Origin, str]] = []
    if "imports" in entries and "parent" in entries:
        text = "'parent' and 'imports' cannot both be specified: write imports: [...]"
        conversion.problems.append(Problem(entries["parent"].origin, "parent", text))
    elif "parent" in entries:
        name = conversion.convert(entries["parent"], str, "parent")
        files.append((name, entries["parent"].origin, "parent"))
    elif "imports" in entries:
        names = conversion.convert(entries["imports"], list[str], "imports") or []
        origins = [item.origin for item in entries["imports"].items or ()]
        files += [
            (name, origin, f"imports[{n}]")
            for n, (name, origin) in enumerate(zip(names, origins, strict=False))
        ]
    if conversion.problems:
        raise problems.failure(str(path), conversion.problems)
    targets = []
    for name, origin, key in files:
        target = beside(origin, name)
        with_ending = target.parent / f"{target.name}.yaml"
        if not target.is_file() and with_ending.is_file():
            target = with_ending
        if not target.is_file():
            text = f"there is no file {nodes.shown(str(target))}"
            conversion.problems.append(Problem(origin, key, text))
        targets.append(target)
    if conversion.problems:
        raise problems.failure(str(path), conversion.problems)
    return targets


def _note_pythonpath(root: Node, folders: list[Path]) -> None:
    node = (root.entries or {}).get("pythonpath")
    if node is None or node.value is None:
        return
    conversion = Conversion()
    paths = conversion.convert(node, list[str], "pythonpath")
    if conversion.problems:
        raise problems.failure(node.origin.source, conversion.problems)
    for path, item in zip(paths, node.items or (), strict=True):
        folder = beside(item.origin, path)
        if not folder.is_dir():
            text = f"there is no folder {nodes.shown(str(folder))}"
            conversion.problems.append(Problem(item.origin, "pythonpath", text))
        folders.append(folder.resolve())
    if conversion.problems:
        raise problems.failure(node.origin.source, conversion.problems)
