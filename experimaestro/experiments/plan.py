"""Everything that is decided before an experiment is opened: what is run, with which values, and where.

Rule: nothing is written anywhere; whatever can be refused is refused here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from experimaestro.documents import problems
from experimaestro.documents.converting import Conversion
from experimaestro.documents.fields import Field, fields_of
from experimaestro.documents.nodes import Node
from experimaestro.documents.problems import Problem
from experimaestro.exceptions import DocumentError, WorkspaceError
from experimaestro.experiments import code, document
from experimaestro.experiments.configuration import ConfigurationBase
from experimaestro.experiments.document import Document
from experimaestro.experiments.grid import check
from experimaestro.experiments.helper import ExperimentHelper
from experimaestro.workspace import git
from experimaestro.workspace.layout import RunPaths


@dataclass(frozen=True)
class Plan:
    """An experiment that is ready to be opened."""

    document: Document
    helper: ExperimentHelper
    configuration: Any
    name: str
    """Of the experiment: its `id`, with the time if that is wanted"""
    folder: Path
    """Where the code is"""
    warnings: Sequence[str]
    """What a person should know before it runs"""


def make(
    path: Path,
    *,
    pre: Sequence[Path] = (),
    post: Sequence[Path] = (),
    overrides: Sequence[Node | str] = (),
    file: str | None = None,
    module: str | None = None,
) -> Plan:
    """Reads the document, loads the code, and makes the configuration.

    Args:
        path: The YAML file.
        pre: See `document.load`.
        post: Same.
        overrides: Same.
        file: See `code.load`.
        module: Same.

    Raises:
        DocumentError: What the document says is wrong; all that is, at once.
        ExperimentCodeError: The code cannot be used.
        DirtyGitError: The code has changes, and `dirty_git` is `error`.
    """
    described = document.load(path, pre=pre, post=post, overrides=overrides)
    loaded = code.load(described, file, module)
    configuration = fill(described, loaded.schema)
    header = _header(described, configuration)
    _check_grid(described, configuration, header["grid_search"])
    warnings = [*described.notes, *loaded.warnings, *git.check([str(loaded.folder)], header["dirty_git"])]
    name = str(header["id"])
    _check_name(described, name)
    if header["add_timestamp"]:
        name += f"-{datetime.now().astimezone():%Y%m%d-%H%M}"
    return Plan(described, loaded.helper, configuration, name, loaded.folder, warnings)


def fill(described: Document, schema: type) -> Any:
    """Makes a configuration of what a document says.

    Raises:
        DocumentError: Naming everything that is wrong in it.
    """
    root = described.root
    entries = dict(root.entries or {})
    fields = {field.name: field for field in fields_of(schema)}
    conversion = Conversion()
    has_id = _has_id(entries.get("id"), fields.get("id"))
    for field in fields_of(ConfigurationBase):
        node = entries.get(field.name)
        if field.name not in fields and node is not None:  # the class has none, the experiment has
            del entries[field.name]
            conversion.convert(node, field.type, field.name)
    made = conversion.convert(Node(entries, root.origin, keys=root.keys), schema)
    found = [*described.problems, *conversion.problems]
    if not has_id:
        text = "missing: the name of the experiment. Write `id: my-experiment`"
        found = [*(one for one in found if one.key != "id"), Problem(root.origin, "id", text)]
    if found:
        raise problems.failure(str(described.path), found)
    return made


def _has_id(node: Node | None, field: Field | None) -> bool:
    """Whether the experiment has a name: in the document, or as a default of the class."""
    if node is not None:
        return node.value is not None and node.value != ""
    return field is not None and field.default is not None and bool(field.default())


def _check_name(described: Document, name: str) -> None:
    """Refuses a name that no folder can have, where it was written."""
    try:
        RunPaths("", name, "run")
    except WorkspaceError as error:
        _, origin = document.value(described, "id", str)
        raise DocumentError(f"{origin or described.path}: id: {error}") from None


def _check_grid(described: Document, configuration: Any, grid: Any) -> None:
    """Refuses a grid that cannot be tried, where it was written."""
    node = (described.root.entries or {}).get("grid_search")
    if node is None or not isinstance(grid, Mapping):
        return
    entries = node.entries or {}
    found = [
        Problem(entries[field].origin, f"grid_search: {one.key}" if one.key else "", one.text)
        for field, error in check(configuration, grid)
        for one in problems.of_error(error)
    ]
    if found:
        raise problems.failure(str(described.path), found)


def _header(described: Document, configuration: Any) -> Mapping[str, Any]:
    """The values that the experiment itself needs, from the configuration or the document."""
    found: dict[str, Any] = {}
    for field in fields_of(ConfigurationBase):
        if hasattr(configuration, field.name):
            found[field.name] = getattr(configuration, field.name)
        else:
            said, origin = document.value(described, field.name, field.type)
            found[field.name] = said if origin is not None else field.default and field.default()
    return found
