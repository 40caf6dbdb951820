"""The texts of the cells that ran, and the statement in them that defines something.

Rules: Python's `linecache` is where a notebook keeps them (that is how tracebacks show their lines), with
magics already turned into calls; each text is parsed once. A cell that is run again with the same text
may have the same name, so the order of `linecache` does not say which ran last: the input history does.
"""

import ast
import linecache
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Defines = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Cell(NamedTuple):
    """What was run in one go."""

    file: str
    """The name under which Python knows it"""
    text: str
    tree: ast.Module


_parsed: dict[str, Cell] = {}


def cell(file: str) -> Cell | None:
    """A cell (or a file, of a class that `%run` defined); None if its text is not known."""
    text = "".join(linecache.getlines(file))
    known = _parsed.get(file)
    if known is not None and known.text == text:
        return known
    if not text:
        return None
    try:
        made = _parsed[file] = Cell(file, text, ast.parse(text))
    except SyntaxError:  # a file that was edited, or the text of something else than Python
        return None
    return made


def is_cell(file: str) -> bool:
    """Whether a name is that of a text without a file."""
    entry: Any = linecache.cache.get(file)
    return entry is not None and len(entry) > 1 and entry[1] is None


def cells(namespace: Mapping[str, Any]) -> list[Cell]:
    """The cells that ran, the last one first.

    Args:
        namespace: The variables of the notebook; `In` among them is what was run, in order.
    """
    history = namespace.get("In")
    ran = {}
    if isinstance(history, list):
        ran = {text.strip(): number for number, text in enumerate(history) if isinstance(text, str)}
    found = [one for one in map(cell, filter(is_cell, list(linecache.cache))) if one is not None]
    order = sorted(enumerate(found), key=lambda one: (ran.get(one[1].text.strip(), -1), one[0]))
    return [one for _, one in reversed(order)]


def is_result_of_call(name: str, namespace: Mapping[str, Any]) -> bool:
    """Whether a cell says `name = something(...)`."""
    return any(
        isinstance(one, ast.Assign)
        and isinstance(one.value, ast.Call)
        and any(isinstance(target, ast.Name) and target.id == name for target in one.targets)
        for cell in cells(namespace)
        for one in statements(cell.tree.body)
    )


def magic_around(name: str, namespace: Mapping[str, Any]) -> str | None:
    """The `%%magic` of the last cell that defined a name below one; None if none did.

    Args:
        name: Of a function or a class.
        namespace: The variables of the notebook.
    """
    for one in cells(namespace):
        for node in ast.walk(one.tree):
            match node:
                case ast.Call(
                    ast.Attribute(attr="run_cell_magic"),
                    [ast.Constant(str() as magic), _, ast.Constant(str() as text)],
                ):
                    if f"class {name}" in text or f"def {name}" in text:
                        return magic
    return None


def statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The statements at the top level of a cell, those in `if`, `try`, `with` and loops included."""
    for one in body:
        yield one
        if not isinstance(one, _DEFINES):
            for part in ("body", "handlers", "orelse", "finalbody", "cases"):
                yield from statements(getattr(one, part, ()))


def definitions(of: Cell, name: str) -> Iterator[Defines]:
    """The `def` and `class` statements for a name."""
    return (one for one in statements(of.tree.body) if isinstance(one, _DEFINES) and one.name == name)


def definition_at(of: Cell, name: str, line: int) -> Defines | None:
    """The `def` or `class` statement for a name that spans a line."""
    return next((one for one in definitions(of, name) if first_line(one) <= line <= last_line(one)), None)


def lambda_at(of: Cell, name: str, line: int) -> ast.Assign | None:
    """The statement `name = lambda ...` that spans a line."""
    return next(
        (
            one
            for one in statements(of.tree.body)
            if isinstance(one, ast.Assign)
            and isinstance(one.value, ast.Lambda)
            and one.lineno <= line <= last_line(one)
            and [target.id for target in one.targets if isinstance(target, ast.Name)] == [name]
        ),
        None,
    )


def first_line(node: ast.stmt) -> int:
    """The line where a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def last_line(node: ast.stmt) -> int:
    """The line where a statement ends."""
    return node.end_lineno or node.lineno


def source(of: Cell, node: ast.stmt) -> str:
    """The text of a statement as the user wrote it, with its comments."""
    own = ast.get_source_segment(of.text, node) if node.col_offset == 0 else None
    if own is None:  # it stands in an `if`: no text that can be moved
        return ast.unparse(node)
    lines = of.text.split("\n")
    after = lines[last_line(node) - 1].encode()[node.end_col_offset :].decode()
    comment = after.rstrip() if after.lstrip().startswith("#") else ""  # else a `;` and another statement
    return "\n".join([*lines[first_line(node) - 1 : node.lineno - 1], own + comment])
