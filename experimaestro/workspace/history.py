"""How many runs of an experiment are kept: chosen by a pure function, removed at the end of a normal run.

Rules: a run is removed only if its name and its status are understood, it has ended well or has failed, it
has no tag, and the user put nothing into its `results`; whatever else is in the folder of the experiment is
left alone. The run that ends is kept. Folders of jobs are never removed here.

Safe because: a folder first gets a hidden name, in one step, and is then emptied: whatever is killed, no
half of a run is left under its name, and the next clean-up finishes what is hidden. The caller has the
lock of the experiment, so that no other run of it is open.
"""

import os
import re
import shutil
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from experimaestro.workspace import contents, files, layout
from experimaestro.workspace.layout import RunPaths

_RUN_ID = re.compile(r"(\d{8}_\d{6})(?:\.(\d+))?")
"""The name of a run: when it began, and a number if that was taken"""

_FINAL: dict[str, Literal["done", "failed"]] = {"completed": "done", "done": "done", "failed": "failed"}
"""What files say of a run that has ended, in both forms; of all others nothing is decided"""


class Limits(NamedTuple):
    """How many runs are kept, besides those with tags."""

    max_done: int = 5
    """Runs that ended well"""
    max_failed: int = 1
    """Runs that failed after the last one that ended well"""


class EndedRun(NamedTuple):
    """A run whose end is known."""

    run_id: str
    status: Literal["done", "failed"]
    is_tagged: bool = False


def superfluous(runs: Sequence[EndedRun], last: str, limits: Limits) -> list[str]:
    """The runs that need not be kept, oldest first.

    Args:
        runs: Those whose end is known, in any order.
        last: Name of the run that has just ended; it is kept.
        limits: How many are kept.

    Example:
        >>> runs = [EndedRun("20261125_0900", "failed"), EndedRun("20261125_1000", "done")]
        >>> superfluous(runs, "20261125_1000", Limits())
        ['20261125_0900']
    """
    ordered = sorted(runs, key=lambda run: _order(run.run_id))
    done = [run for run in ordered if run.status == "done"]
    newest_done = _order(done[-1].run_id) if done else None
    failed = [
        run
        for run in ordered
        if run.status == "failed" and (newest_done is None or _order(run.run_id) > newest_done)
    ]
    kept = {last, *(run.run_id for run in ordered if run.is_tagged)}
    for group, most in ((done, limits.max_done), (failed, limits.max_failed)):
        untagged = [run.run_id for run in group if not run.is_tagged]
        kept.update(untagged[max(0, len(untagged) - most) :])
    return [run.run_id for run in ordered if run.run_id not in kept]


def clean_up(last: RunPaths, limits: Limits) -> list[str]:
    """Removes the runs of an experiment that need not be kept.

    Args:
        last: The run that has just ended; the caller has the lock of its experiment.
        limits: How many are kept.

    Returns:
        The names of the runs that were removed.

    Raises:
        OSError: The disk refuses; what is left is complete, or hidden.
    """
    folder = last.experiment_folder
    names = files.names(folder)
    for name in names:
        if layout.is_condemned(name):
            shutil.rmtree(f"{folder}/{name}")
    runs = [run for name in names if (run := _ended(f"{folder}/{name}", name)) is not None]
    chosen = superfluous(runs, os.path.basename(last.folder), limits)  # noqa: PTH119 - a string
    for run_id in chosen:
        hidden = layout.condemned(f"{folder}/{run_id}")
        os.rename(f"{folder}/{run_id}", hidden)  # noqa: PTH104 - strings
        shutil.rmtree(hidden)
    return chosen


def _order(run_id: str) -> tuple[str, int]:
    """The place of a run among those of its experiment: `.10` comes after `.9`."""
    began, _, number = run_id.partition(".")
    return began, int(number or 0)


def _ended(folder: str, name: str) -> EndedRun | None:
    """A run that has ended, as its files say; None if that is not clear."""
    if _RUN_ID.fullmatch(name) is None or os.path.islink(folder):  # noqa: PTH114 - a string
        return None
    paths = RunPaths.of(folder)
    environment, status = _object(paths.environment), _object(paths.status)
    run = environment.get("run")
    said = run.get("status") if isinstance(run, dict) else None
    final = _FINAL.get(contents.text(said if isinstance(said, str) else status.get("status")))
    tags = status.get("run_tags", [])
    if final is None or not isinstance(tags, list):
        return None
    return EndedRun(name, final, bool(tags) or bool(files.names(paths.results)))


def _object(path: str) -> dict[str, Any]:
    """The object in a JSON file; empty if there is none."""
    return contents.json_object(files.read(path))
