"""Results that are not in the folder where they are looked for first.

Looked for in this order, only for a job that has nothing in its folder: in the attached workspaces under
its identifier, then in this workspace and the attached ones under the identifier that it had in version
1.8. What is found becomes the folder of the job, if it is the result of the same definition.
"""

import logging
import os
from collections.abc import Sequence

from experimaestro.core import definition
from experimaestro.core.context import Submission
from experimaestro.core.identifier_v1 import key_v1
from experimaestro.scheduler import comparing
from experimaestro.workspace import attached, legacy
from experimaestro.workspace.attached import Attached
from experimaestro.workspace.layout import JobPaths

log = logging.getLogger("experimaestro.scheduler")

_told: set[str] = set()
"""Workspaces of which it was said that results of version 1.8 are used"""


def bring(paths: JobPaths, submission: Submission, folders: Sequence[Attached]) -> bool:
    """Brings the result of a job here, if there is one elsewhere.

    Args:
        paths: The job.
        submission: What it is.
        folders: The attached workspaces.

    Returns:
        Whether the folder of the job is to be looked at again.

    Raises:
        OSError: The disk does not tell, or refuses; the job has no folder.
    """
    if os.path.lexists(paths.folder):  # begun here, by whomever
        return False
    here = paths.folder.removesuffix(f"/jobs/{submission.key}")
    others = [one for one in folders if one.folder != here]
    return _bring_attached(paths, submission, others) or _adopt(
        paths, submission, [here, *(one.folder for one in others)]
    )


def _bring_attached(paths: JobPaths, submission: Submission, folders: Sequence[Attached]) -> bool:
    for folder, mode in folders:
        there = JobPaths.of(folder, submission.key)
        if not attached.is_done(there):
            continue
        if _is_other(there, comparing.differences(there, submission)):
            continue
        log.info("%s: the result of %s is used (%s)", submission.key, folder, mode)
        attached.bring(paths, there, mode)
        return True
    return False


def _adopt(paths: JobPaths, submission: Submission, workspaces: Sequence[str]) -> bool:
    candidates = [workspace for workspace in workspaces if legacy.has_v1(workspace)]
    key = key_v1(submission.task.__xpm__.owner) if candidates else None
    for workspace in candidates:
        old = None if key is None else legacy.find(workspace, key)
        if old is None or _is_other(old, comparing.differences_v1(old, submission)):
            continue
        if workspace not in _told:
            _told.add(workspace)
            log.warning(
                "results of version 1.8 in %s are found under their old identifiers and used, such as %s "
                "for %s. They stay as they are; new folders link to them",
                workspace,
                key,
                submission.key,
            )
        legacy.adopt(paths, old, definition.write(submission.definition()))
        return True
    return False


def _is_other(there: JobPaths, found: Sequence[definition.Difference]) -> bool:
    """Whether a result is of another definition; it is then left where it is, and the task is run."""
    if found:
        first = found[0]
        log.info("%s is not used: %s is %s there, %s here", there.folder, first.key, first.old, first.new)
    return bool(found)
