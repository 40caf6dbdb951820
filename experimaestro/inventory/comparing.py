"""In which parameters jobs differ: why is this one not the one that was run before?"""

from typing import NamedTuple

from experimaestro.core import definition
from experimaestro.core.definition import Definition, Difference
from experimaestro.exceptions import FormatError
from experimaestro.inventory import jobs
from experimaestro.inventory.parameters import parameters
from experimaestro.workspace import files
from experimaestro.workspace.layout import JobPaths


class Nearest(NamedTuple):
    """A job that is like another one."""

    key: str
    state: str
    differences: list[Difference]


def differences(one: JobPaths, other: JobPaths) -> list[Difference]:
    """The parameters that two jobs have with different values.

    Raises:
        FormatError: What one of them is cannot be read.
    """
    whole = _recorded(one), _recorded(other)
    if whole[0] is not None and whole[1] is not None:
        return definition.differences(whole[0], whole[1])
    return definition.differences(_of_params(one), _of_params(other))


def nearest(workspace: str, key: str, count: int = 3) -> list[Nearest]:
    """The jobs of the same type that differ least from a job, those with fewest differences first.

    Args:
        workspace: Its folder.
        key: The job.
        count: How many.

    Raises:
        FormatError: What the job is cannot be read.
    """
    mine = JobPaths.of(workspace, key)
    task = key.partition("/")[0]
    found: list[Nearest] = []
    _of_params(mine)
    for other in jobs.keys_of_type(workspace, task):
        if other == key:
            continue
        paths = JobPaths.of(workspace, other)
        try:
            changed = differences(paths, mine)
        except FormatError:  # not a job, or one that never began
            continue
        found.append(Nearest(other, "", changed))
    found.sort(key=lambda one: len(one.differences))
    return [one._replace(state=jobs.look(workspace, one.key).state) for one in found[:count]]


def _recorded(paths: JobPaths) -> Definition | None:
    data = files.read(paths.definition)
    return None if data is None else definition.read(data)


def _of_params(paths: JobPaths) -> Definition:
    data = files.read(paths.params)
    found = None if data is None else definition.of_params(data)
    if found is None:
        why = "there is no such file" if data is None else "damaged, or of another form"
        raise FormatError(f"{paths.params}: {why}: what the job is cannot be told")
    return found


def only_in(one: JobPaths, other: JobPaths) -> tuple[list[str], list[str]]:
    """The names of the parameters that only one of two jobs has."""
    names = parameters(one), parameters(other)
    return [name for name in names[0] if name not in names[1]], [
        name for name in names[1] if name not in names[0]
    ]
