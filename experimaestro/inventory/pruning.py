"""Which runs, and which jobs, nobody needs any more.

Rules: nothing is removed here; `removing` does. A run with tags is kept unless that is said otherwise, and
so are an open run and those that were detached. Folders of jobs are kept when a run is removed.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from experimaestro.inventory import jobs, runs
from experimaestro.inventory.runs import RunRecord
from experimaestro.workspace import attempts
from experimaestro.workspace.history import EndedRun, Limits, superfluous
from experimaestro.workspace.layout import JobPaths, RunPaths
from experimaestro.workspace.locks import is_locked


def beyond(history: Sequence[RunRecord], limits: Limits) -> list[RunRecord]:
    """The runs that the history need not keep; the last one and those with tags are kept.

    Args:
        history: The runs of an experiment, oldest first.
        limits: How many are kept.
    """
    ended = [
        EndedRun(one.run_id, status, bool(one.tags))
        for one in history
        for status in ("done", "failed")
        if one.status == status
    ]
    names = set(superfluous(ended, history[-1].run_id, limits)) if history else set()
    return [one for one in history if one.run_id in names]


def chosen(
    history: Sequence[RunRecord],
    *,
    before: datetime | None = None,
    after: datetime | None = None,
    statuses: Collection[str] = (),
    keep: int = 0,
    with_tags: bool = False,
) -> list[RunRecord]:
    """The runs that a person names by their age and status.

    Args:
        history: The runs of an experiment, oldest first.
        before: Only those that were started before.
        after: Only those that were started after.
        statuses: Only those of one of these statuses; empty: of any.
        keep: The newest so many are kept.
        with_tags: Whether runs with tags are taken too.
    """
    candidates = history[: len(history) - keep] if keep else history
    return [
        one
        for one in candidates
        if one.status != "running"
        and (with_tags or not one.tags)
        and (not statuses or one.status in statuses)
        and (before is None or (one.started is not None and one.started < before))
        and (after is None or (one.started is not None and one.started > after))
    ]


def orphans(workspace: str) -> Iterator[str]:
    """The jobs that no run lists, in the order of their names.

    Args:
        workspace: Its folder.
    """
    known = jobs.keys_of_runs(workspace)
    return (key for key in jobs.all_keys(workspace) if key not in known)


def stray(workspace: str) -> Iterator[str]:
    """The jobs that run, or may run, while no open run lists them.

    Args:
        workspace: Its folder.
    """
    watched: set[str] = set()
    for experiment in runs.experiments(workspace):
        for run_id in runs.run_ids(workspace, experiment)[-1:]:
            paths = RunPaths(workspace, experiment, run_id)
            if is_locked(paths):
                watched.update(one.key for one in runs.submitted(paths))
    for key in jobs.all_keys(workspace):
        if key not in watched and attempts.observe(JobPaths.of(workspace, key)).kind in {
            "running",
            "unknown",
        }:
            yield key
