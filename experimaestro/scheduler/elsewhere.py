"""Results that are not in the folder where they are looked for first.

Looked for in this order, only for a job that has nothing in its folder: in the attached workspaces under
its identifier, then in this workspace and the attached ones under the identifier that it had in version
1.8. What is found becomes the folder of the job, if it is the result of the same definition.
"""

import logging
import os
from collections.abc import Sequence
from typing import NamedTuple

from experimaestro.core import definition
from experimaestro.core.context import Submission
from experimaestro.core.identifier_v1 import key_v1
from experimaestro.scheduler import comparing
from experimaestro.workspace import attached, legacy
from experimaestro.workspace.attached import Attached, Mode
from experimaestro.workspace.layout import JobPaths

log = logging.getLogger("experimaestro.scheduler")

_told: set[str] = set()
"""Workspaces of which it was said that results of version 1.8 are used"""


class Found(NamedTuple):
    """A result that is elsewhere."""

    paths: JobPaths
    mode: Mode | None
    """How it is brought; None: it is one of version 1.8, which stays where it is"""

    @property
    def how(self) -> str:
        """In words: `linked from /data/old/jobs/...`."""
        words = {"use": "linked from", "backup": "copied from", "move": "moved from"}
        return f"{words[self.mode] if self.mode else 'one of version 1.8, in'} {self.paths.folder}"


def find(paths: JobPaths, submission: Submission, folders: Sequence[Attached]) -> Found | None:
    """Looks for the result of a job elsewhere. Changes nothing.

    Args:
        paths: The job.
        submission: What it is.
        folders: The attached workspaces.

    Raises:
        OSError: The disk does not tell.
    """
    if os.path.lexists(paths.folder):  # begun here, by whomever
        return None
    here = paths.folder.removesuffix(f"/jobs/{submission.key}")
    others = [one for one in folders if one.folder != here]
    for folder, mode in others:
        there = JobPaths.of(folder, submission.key)
        if attached.is_done(there) and not _is_other(there, comparing.differences(there, submission)):
            return Found(there, mode)
    candidates = [folder for folder in (here, *(one.folder for one in others)) if legacy.has_v1(folder)]
    key = key_v1(submission.task.__xpm__.owner) if candidates else None
    for workspace in candidates:
        old = None if key is None else legacy.find(workspace, key)
        if old is not None and not _is_other(old, comparing.differences_v1(old, submission)):
            return Found(old, None)
    return None


def bring(paths: JobPaths, submission: Submission, folders: Sequence[Attached]) -> bool:
    """Brings the result of a job here, if there is one elsewhere; see `find`.

    Returns:
        Whether the folder of the job is to be looked at again.

    Raises:
        OSError: The disk does not tell, or refuses; the job has no folder.
    """
    if os.path.islink(paths.folder) and not os.path.exists(paths.folder):  # noqa: PTH110, PTH114 - strings
        log.warning("%s led to %s, which is gone: it is removed", paths.folder, os.readlink(paths.folder))  # noqa: PTH115 - same
        os.unlink(paths.folder)  # noqa: PTH108 - same
    found = find(paths, submission, folders)
    if found is None:
        return False
    if found.mode is not None:
        log.info("%s: its result is %s", submission.key, found.how)
        attached.bring(paths, found.paths, found.mode)
        return True
    workspace, _, key = found.paths.folder.rpartition("/jobs/")
    if workspace not in _told:
        _told.add(workspace)
        log.warning(
            "results of version 1.8 in %s are found under their old identifiers and used, such as %s "
            "for %s. They stay as they are; new folders link to them",
            workspace,
            key,
            submission.key,
        )
    legacy.adopt(paths, found.paths, definition.write(submission.definition()))
    return True


def _is_other(there: JobPaths, found: Sequence[definition.Difference]) -> bool:
    """Whether a result is of another definition; it is then left where it is, and the task is run."""
    if found:
        first = found[0]
        log.info("%s is not used: %s is %s there, %s here", there.folder, first.key, first.old, first.new)
    return bool(found)
