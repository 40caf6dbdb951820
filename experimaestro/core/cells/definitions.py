"""What a name of the notebook becomes in the module: an import, a value, or the statement of a cell.

Rules: the object that the name stands for decides, not the order in which cells ran: an import statement
counts if it gives this object, a `def` if this function was made by it. What has no place in a module is
refused with what to do.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, NamedTuple

from experimaestro.core.cells import literals, snapshots, texts
from experimaestro.core.cells.finding import MAIN, class_statement, function_statement, methods
from experimaestro.core.cells.names import Use, uses

_OF_IPYTHON = ("open", "exit", "quit")
"""Functions that IPython replaces by its own"""
_OF_OUTPUTS = re.compile(r"_{1,3}|_i{1,3}|_i?\d+|_[iod]h|In|Out")
"""Variables in which IPython keeps what was typed and shown"""


class Definition(NamedTuple):
    """One name in the module."""

    name: str
    value: Any
    """What it stood for when this was made"""
    text: str
    """The statement; empty if imports are all"""
    imports: tuple[str, ...]
    """Statements that come first"""
    uses: tuple[Use, ...]
    digest: bytes
    """Of the syntax tree, without comments, layout and texts that document"""
    is_code: bool = False
    """Whether the statement is a `def`, a `class` or a `lambda`"""
    postponed: bool = False
    """Whether it ran below `from __future__ import annotations`"""
    changes: bool = False
    """Whether the value may change while it stays the same object"""
    value_class: Any = None
    """The class of its objects, if another one of the notebook is"""
    methods: tuple[Any, ...] = ()
    """Of a class, as they were when this was made"""
    seen: Mapping[str, Any] = MappingProxyType({})
    """What names stood for when it ran, where that counts"""

    def is_current(self, namespace: Mapping[str, Any]) -> bool:
        """Whether the object is as it was; that the name still stands for it is asked elsewhere."""
        if isinstance(self.value, type):
            return (
                value_class(self.value) is self.value_class and methods(self.value, namespace) == self.methods
            )
        if self.changes:
            written = _written(self.name, self.value, namespace)
            return written is not None and written.text == self.text
        return True


class Refused(Exception):  # noqa: N818 - never leaves this package
    """A name has no place in a module; its text says why."""


class Changed(Refused):
    """It was changed after it was defined; its text says all."""


class Variable(Refused):
    """It stands for an object that no text makes again."""


class Gone(Refused):
    """It was defined by a cell whose text is not known.

    Args:
        name: What was defined.
        reason: Why, and what to do.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"needs `{name}`, and {reason}")
        self.reason = reason


def definition(name: str, value: Any, namespace: Mapping[str, Any]) -> Definition | None:
    """What a name becomes.

    Args:
        name: A variable of the notebook.
        value: What it stands for.
        namespace: All variables.

    Returns:
        None if Python itself has it.

    Raises:
        Refused: It has no place in a module.
    """
    if name in _OF_IPYTHON and _is_of_ipython(value):
        return None
    _check_name(name, value)
    if name == "display" and _is_of_ipython(value):
        return _import(name, value, "IPython.display", name)
    if isinstance(value, ModuleType):
        return _module(name, value)
    made = None
    if not isinstance(value, (type, FunctionType)):
        made = _value(name, value, namespace, simple=True)
    made = made or _imported(name, value, namespace) or _code(name, value, namespace)
    if made is None and texts.is_result_of_call(name, namespace):
        made = _value(name, value, namespace, write=literals.Writer.call)
    if made is None and (home := literals.home_of(value)) is not None and "." not in home[1]:
        made = _import(name, value, *home)
    made = made or _value(name, value, namespace)
    if made is not None:
        return made
    is_global = isinstance(value, (type, FunctionType)) and "<locals>" not in value.__qualname__
    if is_global and _is_main(value) and value.__name__ == name:
        magic = texts.magic_around(name, namespace)
        raise Gone(
            name,
            "the text of its cell is not known any more: run the cell again"
            if magic is None
            else f"`%%{magic}` hides the text of its cell: take it out, and run the cell again",
        )
    raise Variable(f"uses the notebook variable `{name}` ({type(value).__name__})")


def _check_name(name: str, value: Any) -> None:
    """Refuses what only a notebook has.

    Raises:
        Refused: Only a notebook has it.
    """
    if name == "get_ipython":
        raise Refused(
            "uses `get_ipython`, which only a notebook has (a %magic or a !command does that): write plain "
            "Python, such as subprocess.run(...)"
        )
    if _OF_OUTPUTS.fullmatch(name) and not callable(value):
        raise Refused(f"uses `{name}`, which changes with each cell: give the value that you want a name")


def _is_of_ipython(value: Any) -> bool:
    module = getattr(value, "__globals__", {}).get("__name__") or type(value).__module__
    return str(module).partition(".")[0] in {"IPython", "ipykernel"}


def value_class(cls: Any) -> Any:
    """The class that was registered for the objects of a class; None if none was."""
    return cls.__dict__.get("_xpm_value")


def _made(name: str, value: Any, text: str, **given: Any) -> Definition:
    imports = given.pop("imports", ())
    tree = ast.parse("\n".join([*imports, text]))
    digest = sha256("".join(_canonical(tree)).encode()).digest()
    return Definition(name, value, text, imports, given.pop("uses", ()), digest, **given)


def _canonical(node: Any) -> Iterator[str]:
    """What counts of a syntax tree, as text: the same in every version of Python that reads the text so.

    Left out: where things stand, and strings that are statements (docstrings, texts under parameters).
    """
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for field, value in ast.iter_fields(node):
            if value is not None and value != [] and field not in {"ctx", "kind", "type_comment"}:
                yield f" {field}="
                yield from _canonical(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            if not _is_text(item):
                yield from _canonical(item)
                yield ","
        yield "]"
    else:
        yield f"{type(node).__name__}:{node!r}"


def _is_text(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _module(name: str, value: ModuleType) -> Definition:
    full = value.__name__
    if sys.modules.get(full) is not value or full == MAIN:
        raise Variable(f"uses the notebook variable `{name}` (module)")
    return _made(name, value, "", imports=(f"import {full}" if full == name else f"import {full} as {name}",))


def with_submodules(of: Definition, use: Use) -> Definition:
    """The import of a module, with those of its submodules that are read of it: `xml.dom.minidom`."""
    if not isinstance(of.value, ModuleType):
        return of
    imports = list(of.imports)
    found: Any = of.value
    for attribute in use.attributes:
        name = f"{found.__name__}.{attribute}"
        found = getattr(found, attribute, None)
        if not isinstance(found, ModuleType) or found.__name__ != name or sys.modules.get(name) is not found:
            break
        imports.append(f"import {name}")
    unique = (imports[0], *sorted(set(imports[1:])))
    return of if unique == of.imports else _made(of.name, of.value, "", imports=unique)


def _import(name: str, value: Any, module: str, of: str) -> Definition:
    as_name = "" if of == name else f" as {name}"
    return _made(name, value, "", imports=(f"from {module} import {of}{as_name}",))


def _imported(name: str, value: Any, namespace: Mapping[str, Any]) -> Definition | None:
    """By an import statement of the notebook, the shortest path if there are several."""
    found: set[tuple[str, str]] = set()
    for cell in texts.cells(namespace):
        for node in ast.walk(cell.tree):
            if not isinstance(node, ast.ImportFrom) or node.level or node.module in {None, MAIN}:
                continue
            for alias in node.names:
                of = name if alias.name == "*" else alias.name
                if (alias.asname or of) == name and node.module is not None:
                    module = sys.modules.get(node.module)
                    names = {} if module is None else vars(module)
                    is_lazy = alias.name != "*" and of not in names  # made when it is asked for
                    if (getattr(module, of, None) if is_lazy else names.get(of)) is value:
                        found.add((node.module, of))
    if not found:
        return None
    module_name, of = min(found, key=lambda one: (one[0].count("."), one))
    return _import(name, value, module_name, of)


def _value(
    name: str,
    value: Any,
    namespace: Mapping[str, Any],
    *,
    simple: bool = False,
    write: Callable[[literals.Writer, Any], str] = literals.Writer.text,
) -> Definition | None:
    """An assignment.

    Args:
        name: The name.
        value: Its value.
        namespace: All variables of the notebook.
        simple: Whether it may not need anything else.
        write: Gives the text of the value.
    """
    written = _written(name, value, namespace, write)
    if written is None or (simple and (written.modules or written.names)):
        return None
    return _made(
        name,
        value,
        written.text,
        imports=tuple(f"import {one}" for one in sorted(written.modules)),
        uses=tuple(Use(one, "defined", name) for one in written.names),
        changes=isinstance(value, (list, dict, set, tuple)),
    )


class _Written(NamedTuple):
    """An assignment as text, and what it needs."""

    text: str
    modules: set[str]
    names: dict[str, None]


def _written(
    name: str,
    value: Any,
    namespace: Mapping[str, Any],
    write: Callable[[literals.Writer, Any], str] = literals.Writer.text,
) -> _Written | None:
    names: dict[str, None] = {}

    def name_of(cls: Any) -> str:
        first = cls.__qualname__.partition(".")[0]
        if first == name or _at(namespace, cls.__qualname__) is not cls:
            raise literals.NotPlain
        names[first] = None
        return str(cls.__qualname__)

    writer = literals.Writer(name_of)
    try:
        return _Written(f"{name} = {write(writer, value)}", writer.modules, names)
    except literals.NotPlain:
        return None


def _at(namespace: Mapping[str, Any], qualname: str) -> Any:
    first, *others = qualname.split(".")
    found = namespace.get(first)
    for name in others:
        found = getattr(found, name, None)
    return found


def _code(name: str, value: Any, namespace: Mapping[str, Any]) -> Definition | None:
    """The `class`, `def` or `lambda` of a cell."""
    other = getattr(value, "__name__", name)
    if other not in {name, "<lambda>"} and namespace.get(other) is value and _is_main(value):
        return _made(name, value, f"{name} = {other}", uses=(Use(other, "defined", name),))
    if isinstance(value, type):
        found = class_statement(name, value, namespace) if value.__module__ == MAIN else None
    else:
        found = function_statement(name, value)
    if found is None:
        return None
    registry: Any = getattr(value, "registry", None)  # of `singledispatch`
    registers = isinstance(registry, MappingProxyType)
    if registers and any(map(_is_main, list(registry.values())[1:])):
        raise Changed(
            f"functions were registered with `{name}` after it was defined, which a job does not know: put "
            "it in a file with them, and import it"
        )
    cell, node, postponed, function = found
    if isinstance(value, type):
        _check_methods(value, node, namespace)
        seen = vars(value).get("_xpm_defined_with", snapshots.in_attributes(value, node))
    else:
        seen = {} if function is None else snapshots.in_defaults(function, node)
    return _made(
        name,
        value,
        texts.source(cell, node),
        uses=tuple(uses(node, name, postponed=postponed)),
        is_code=True,
        changes=registers,
        postponed=postponed,
        value_class=value_class(value) if isinstance(value, type) else None,
        methods=methods(value, namespace) if isinstance(value, type) else (),
        seen=seen,
    )


def _check_methods(cls: type, node: ast.stmt, namespace: Mapping[str, Any]) -> None:
    """Refuses a class that got other methods after its statement had run.

    Raises:
        Changed: It did.
    """
    body = vars(cls).get("_xpm_body")
    if body is None or getattr(node, "decorator_list", []):  # decorators may set what they like
        return
    for name, value in methods(cls, namespace):
        if body.get(name) is not value:
            of = cls.__qualname__
            raise Changed(
                f"`{of}.{name}` was set after `{of}` was defined, which a job does not know: write it in the "
                "class"
            )


def _is_main(value: Any) -> bool:
    return getattr(value, "__module__", None) == MAIN
