"""Judges a history: was anything lost, run twice, or said that nobody may see?

Laws, for each job:

1. It has succeeded at the end, and its result is what it wrote.
2. No two executions of it overlap, and no more of a token is used than there is.
3. After an execution that succeeded there is another only if the process of that one was killed, its
   folder was deleted, its disk refused while it ended (to be full does not suffice), or the file that said
   how it ended was damaged.
4. It ends without a word only if it was killed, or if its disk refused or was full.
5. A process whose folder is deleted before it said that it runs does nothing.

And for each scheduler: it ends with what it promises (0: done, 1: jobs failed, 3: refused with a message)
unless it was killed; no traceback of the package; an unreadable file that holds what is nowhere else is
still there, or beside its place, and was named if it kept anybody from going on.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from histories import History
from performing import Damage, Ended, Record

SLACK_S = 3.0
"""How long after an execution its process may still write how it ended"""

KEPT = re.compile(r"\d+\.(claim|start|end)|[^/]*/inbox/[^/]*\.json")
"""Files whose content is nowhere else, by their names"""


@dataclass
class Execution:
    """One execution of a job, as its line in the log says."""

    begin: float
    pid: int
    end: float = 0.0
    how: str = ""


class Wrong(NamedTuple):
    """What a job saw that may not be."""

    t: float
    what: str
    name: str


def executions(log: Path) -> tuple[dict[str, list[Execution]], list[Wrong]]:
    """The executions of each job, and what jobs saw that may not be."""
    found: dict[str, list[Execution]] = defaultdict(list)
    wrong = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        t, what, name, pid = line.split()
        if what == "begin":
            found[name].append(Execution(float(t), int(pid)))
        elif what in {"overlap", "exceeded", "misread"}:
            wrong.append(Wrong(float(t), what, name))
        else:
            one = next(one for one in reversed(found[name]) if one.pid == int(pid))
            one.end, one.how = float(t), what
    return found, wrong


def judge(history: History, log: Path, record: Record, workspace: Path) -> list[str]:
    """What broke a law, as texts; none if all is well."""
    done, wrong = executions(log)
    problems = list(record.problems)
    excused = _excused_names(record, workspace)
    problems += [
        f"{one.what} {one.name}"
        for one in wrong
        if not _is_excused(one, history, done, excused, record.forgotten)
    ]
    for job in history.plan.jobs:
        of_job = done.get(job.name, [])
        problems += _judge_job(job.name, of_job, record, is_excused=job.name in excused)
        if sum(one.how == "fail" for one in of_job) > job.failures:
            problems.append(f"{job.name} failed more often than it was to")
    for one in record.ended:
        problems += _judge_scheduler(one)
    for damage in record.damages:
        if not any(f"/jobs/{key}/" in str(damage.path) for key in record.deleted):  # we deleted it
            problems += _judge_damage(damage)
    return problems


def _judge_job(name: str, of_job: list[Execution], record: Record, *, is_excused: bool) -> list[str]:
    problems = []
    if not any(one.how == "ok" for one in of_job):
        problems.append(f"{name} never succeeded")
    for number, one in enumerate(of_job):
        if one.pid in record.too_late:
            problems.append(f"{name}: process {one.pid} began after its folder was deleted")
        was_hit = one.pid in record.hits or is_excused or _is_within(one, record.refused)
        if not one.how and not was_hit and not _is_within(one, record.full):
            problems.append(f"{name}: process {one.pid} ended without a word, and nobody killed it")
        if one.how == "ok" and number < len(of_job) - 1 and not was_hit:
            problems.append(f"{name} was run again after it had succeeded as process {one.pid}")
    return problems


def _is_within(one: Execution, windows: list[tuple[float, float]]) -> bool:
    """Whether an execution went on or ended at one of some times."""
    end = one.end + SLACK_S if one.end else float("inf")
    return any(one.begin <= closed and end >= opened for opened, closed in windows)


def _is_excused(
    one: Wrong,
    history: History,
    done: Mapping[str, Sequence[Execution]],
    excused: Collection[str],
    forgotten: Collection[int],
) -> bool:
    """Whether something follows from a fault that destroyed the memory of a job.

    Such a job may run again while its first process, of which nobody knows any more, still has a token.
    """
    if one.what == "overlap":
        return one.name in excused
    if one.what != "exceeded":
        return False
    running = known = 0
    for job in history.plan.jobs:
        if job.holds:
            pids = _running_at(one.t, done.get(job.name, ()))
            running += len(pids)
            known += min(len(pids.difference(forgotten)), 1 if job.name in excused else len(pids))
    return known < running and known <= history.plan.slots


def _running_at(t: float, of_job: Sequence[Execution]) -> set[int]:
    """The processes in which a job ran at a time; one that left no word, until the next began."""
    begun = [run for run in of_job if run.begin <= t]
    return {run.pid for run in begun if run.end >= t or (not run.end and run is begun[-1])}


def _excused_names(record: Record, workspace: Path) -> set[str]:
    """The jobs of which a fault destroyed the memory: their folder, or how they ended."""
    folders = {workspace / "jobs" / key for key in record.deleted}
    for damage in record.damages:
        if damage.path.name.endswith(".end") or damage.was_moved:
            folders.add(damage.path.parents[2])
    found = set()
    for folder in folders:
        result = folder / "result.txt"
        if result.exists():
            found.add(result.read_text(encoding="utf-8"))
    return found


def _judge_scheduler(one: Ended) -> list[str]:
    ours = one.said.partition("jobs failed:")[0]
    if one.was_hit:
        return []
    problems = []
    if one.code not in {0, 1, 3}:
        problems.append(f"a scheduler ended with {one.code}: {one.said[-3000:]}")
    if "Traceback" in ours:
        problems.append(f"a scheduler showed a traceback: {ours[-3000:]}")
    if one.code == 3 and not one.was_troubled:
        problems.append(f"a scheduler refused: {one.said[-1000:]}")
    return problems


def _judge_damage(damage: Damage) -> list[str]:
    """An unreadable file that holds what is nowhere else is kept, under its name or beside it."""
    path = damage.path
    if (
        not KEPT.search(f"{path.parent.parent.name}/{path.parent.name}/{path.name}")
        or not path.parent.exists()
    ):
        return []
    if not damage.content:
        return []
    kept = [
        other for other in path.parent.iterdir() if other.is_file() and other.read_bytes() == damage.content
    ]
    if kept:
        return []
    return [f"the content of {path} was deleted: {damage.content[:60]!r}"]
