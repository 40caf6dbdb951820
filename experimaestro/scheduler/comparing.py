"""Whether the result in a folder is that of a task, and not of another one with the same identifier."""

from experimaestro.core import definition
from experimaestro.core.context import Submission
from experimaestro.core.definition import Definition, Difference
from experimaestro.workspace import files
from experimaestro.workspace.layout import JobPaths


def differences(paths: JobPaths, submission: Submission) -> list[Difference]:
    """How a task differs from the one whose result is in a folder.

    Returns:
        Empty if it does not, as far as known.

    Raises:
        OSError: The disk does not tell.
    """
    mine = submission.definition()
    data = files.read(paths.definition)
    if data is not None and data.startswith(definition.start_of_file(mine.digest)):
        return []
    if data is not None:
        other = definition.read(data)
    else:  # written by another version
        params = files.read(paths.params)
        other = None if params is None else definition.of_params(params)
    return [] if other is None else definition.differences(other, mine)


def differences_v1(old: JobPaths, submission: Submission) -> list[Difference]:
    """The same for a result of version 1.8, in which other tasks have other identifiers.

    Raises:
        OSError: The disk does not tell.
    """
    params = files.read(old.params)
    found = None if params is None else definition.of_params(params)
    if found is None:
        return [Difference("params.json", "unreadable", "needed to tell what the result is")]
    return definition.differences(_without_jobs(found), _without_jobs(submission.definition()))


def _without_jobs(of: Definition) -> Definition:
    """A definition without the parameters that are other jobs: those are compared when they are looked at."""
    nodes = {
        digest: {
            **node,
            "fields": {name: value for name, value in node["fields"].items() if not _has_job(value)},
        }
        for digest, node in of.nodes.items()
    }
    return Definition(of.digest, nodes)


def _has_job(value: object) -> bool:
    if isinstance(value, dict):
        return "job" in value or any(map(_has_job, value.values()))
    return isinstance(value, list) and any(map(_has_job, value))
