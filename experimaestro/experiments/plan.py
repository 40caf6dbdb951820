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
from experimaestro.documents.fields import fields_of
from experimaestro.documents.nodes import Node
from experimaestro.documents.problems import Problem
from experimaestro.exceptions import DocumentError, WorkspaceError
from experimaestro.experiments import code, document
from experimaestro.experiments.configuration import ConfigurationBase
from experimaestro.experiments.document import Document
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
    overrides: Sequence[Node] = (),
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
    warnings = git.check([str(loaded.folder)], header["dirty_git"])
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
    own = {field.name for field in fields_of(schema)}
    conversion = Conversion()
    for field in fields_of(ConfigurationBase):
        node = entries.get(field.name)
        if field.name not in own and node is not None:  # the class has none, the experiment has
            del entries[field.name]
            conversion.convert(node, field.type, field.name)
    made = conversion.convert(Node(entries, root.origin, keys=root.keys), schema)
    if not _has_id(root, made):
        text = "missing: the name of the experiment. Write `id: my-experiment`"
        already = any(problem.key == "id" for problem in conversion.problems)
        if not already or root.entries is None or "id" not in root.entries:
            conversion.problems = [one for one in conversion.problems if one.key != "id"]
            conversion.problems.append(Problem(root.origin, "id", text))
    if conversion.problems:
        raise problems.failure(str(described.path), conversion.problems)
    return made


def _check_name(described: Document, name: str) -> None:
    """Refuses a name that no folder can have, where it was written."""
    try:
        RunPaths("", name, "run")
    except WorkspaceError as error:
        _, origin = document.value(described, "id", str)
        raise DocumentError(f"{origin or described.path}: id: {error}") from None


def _has_id(root: Node, made: Any) -> bool:
    node = (root.entries or {}).get("id")
    if node is not None:
        return bool(node.value or node.value == 0)
    return bool(getattr(made, "id", None))


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
