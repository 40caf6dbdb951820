"""Who runs a job, decided by files alone.

An attempt is up to three names in a folder, each created once by put-if-absent:

- `<n>.claim`: the scheduler that will run the job; n is one more than the highest present.
- `<n>.start`: the job's process, by its first act: it runs. Or *void*: it never will.
- `<n>.end`: how it ended, by the job's process, or by whoever proved that process gone.

An attempt is *open* until it is void or has an end that can be read. What has been decided stays
decided: no name is ever removed, and none that can be read is written again.

Rule 1: a claim is made only when no attempt is open, none ended well and there is no `.done`.
Rule 2: a job's process that does not find the claim of who launched it, or does not win `start`, exits
without running.
Rule 3: `void` and a foreign `end` are written only with proof (`processes.fate`), by the scheduler
that made the claim when its launcher says that the process ended, or by order of the user.
Rule 4: only the winner of `end` writes `.done` or `.failed`. If it was killed before that, what
`end` says is completed by anybody, for it cannot change. `.done` wins over everything.
Rule 5: what cannot be read is never taken for absent, nor an owner that cannot be read for gone; it is
kept, beside its name where that is needed.
Rule 6: nothing here reads a clock or judges an age.
Rule 7: who removes the folder of a job removes what is known of its attempts, and the numbers begin
again. A scheduler or a process whose claim or start is no longer its own (`is_of`) says nothing more about
the job: another may run it.

Safe because: put-if-absent has one winner, so each attempt has one claim, one start *or* void, and
one end; a claim needs the one before closed, so at most one is open; a view of the disk that is
out of date only makes somebody lose. Every order of steps and kills of two schedulers and their
jobs is tried in `tests/workspace/test_attempts_model.py`, which also shows that leaving out any of
these rules breaks it (but rule 7: no folder is removed there).
"""

import contextlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from experimaestro.events.owners import STATUSES, Kind, Observation, Outcome, Owner
from experimaestro.workspace import contents, files, interchange, layout, processes
from experimaestro.workspace.layout import JobPaths

_NOBODY = Owner("", "", "", 0, "")
"""Stands for an owner that cannot be read"""

_DONE = Observation("done")
_FREE = Observation("free")

_KINDS: dict[processes.Fate, Kind] = {"alive": "running", "gone": "gone", "unknown": "unknown"}
"""What an open attempt is, by what is known of its owner"""

_ROUNDS = 4
"""How often `settle` looks again; more than any order of events needs"""


_MOST_CODE, _MOST_SIGNAL, _MOST_MEMORY = 2**31, 128, 2**60
"""No exit code and no signal of a system is larger"""


class _Last(NamedTuple):
    """The highest attempt and what is there of it."""

    n: int
    has_start: bool
    has_end: bool


class _Start(NamedTuple):
    """Content of a start file."""

    owner: Owner
    t: float
    is_void: bool


# ----------------------------------------------------------------------------------------------
# Looking


def observe(paths: JobPaths, fate: Callable[[Owner], processes.Fate] = processes.fate) -> Observation:
    """Looks at the folder of a job. Changes nothing.

    Args:
        paths: The job.
        fate: What is known of a process.

    Raises:
        OSError: The disk does not tell.
    """
    if files.exists(paths.done):
        return _DONE
    if not files.exists(paths.folder):
        return _FREE
    last = _last(paths)
    if last.has_end:
        return _observe_ended(paths, last.n, fate)
    if last.has_start:
        start = _read_start(paths, last.n)
        if start.is_void:
            return _observe_idle(paths, last.n, None, None, fate)
        return _observe_open(last.n, start.owner, start.t, fate)
    if last.n:
        return _observe_open(last.n, _read_claim(paths, last.n), None, fate)
    return _observe_idle(paths, 0, None, None, fate)


def settle(paths: JobPaths, fate: Callable[[Owner], processes.Fate] = processes.fate) -> Observation:
    """Looks at the folder of a job, and writes what a process left unwritten that is proven gone.

    Args:
        paths: The job.
        fate: What is known of a process. ``lambda owner: "gone"`` is the order of the user to give
            up whoever runs it, also one who cannot be read.

    Returns:
        What was found afterwards: `gone` only if the disk refuses what would settle it.

    Raises:
        OSError: The disk does not tell, or cannot be written.
    """
    seen = observe(paths, fate)
    for _ in range(_ROUNDS):
        if seen.kind != "gone":
            break
        if seen.started_t is None:
            void(paths, seen.attempt)
        else:
            _settle_started(paths, seen)
        seen = observe(paths, fate)  # whoever won
    if seen.outcome is None or not seen.attempt:
        return seen
    if seen.outcome.is_done or not files.exists(paths.failed):
        conclude(paths, seen.attempt, seen.outcome)  # its winner may have been killed before
    return seen


def started(paths: JobPaths, n: int) -> tuple[Owner, float] | None:
    """The process that started an attempt, and when (seconds since the epoch).

    Returns:
        None if the attempt has no start, is void, or its start cannot be read.

    Raises:
        OSError: The disk does not tell.
    """
    if not files.exists(paths.start(n)):
        return None
    begun = _read_start(paths, n)
    return None if begun.is_void or begun.owner == _NOBODY else (begun.owner, begun.t)


def ended(paths: JobPaths, n: int) -> Outcome | None:
    """How an attempt ended; None if it has not, is void, or its end cannot be read (yet).

    Raises:
        OSError: The disk does not tell.
    """
    return _read_end(paths, n)


def last_attempt(paths: JobPaths) -> tuple[float | None, Outcome | None]:
    """When the last attempt started, as its own process says, and how it ended; None where it does not.

    Raises:
        OSError: The disk does not tell.
    """
    last = _last(paths)
    begun = started(paths, last.n) if last.has_start else None
    outcome = _read_end(paths, last.n) if last.has_end else None
    return begun[1] or None if begun else None, outcome


# ----------------------------------------------------------------------------------------------
# Deciding


def claim(paths: JobPaths, owner: Owner) -> int | None:
    """Takes the job: the caller is the one that will run it.

    The caller then prepares the folder and launches a process, or calls `void`.

    Args:
        paths: The job; its folder is made if it is missing.
        owner: The scheduler.

    Returns:
        Number of the attempt; None if the job is done or somebody else's: observe again.

    Raises:
        OSError: The disk does not tell, or cannot be written.
    """
    if files.exists(paths.done):
        return None
    last = _last(paths)
    if last.n == 0:
        files.make_folder(paths.attempts)
    elif not _may_follow(paths, last):
        return None
    n = last.n + 1
    if not files.put_if_absent(paths.claim(n), _encode({"owner": owner._asdict()})):
        return None
    with contextlib.suppress(OSError):  # the claim is ours, and has to be known to be
        files.remove(paths.failed)
    return n


def is_of(path: str, owner: Owner) -> bool:
    """Whether a claim or start is still there, and is that of an owner; one that cannot be read may be.

    Raises:
        OSError: The disk does not tell.
    """
    data = files.read(path)
    if data is None:
        return False
    content = contents.json_object(data)
    return content.get("void") is not True and _owner(content) in {owner, _NOBODY}


def mark(owner: Owner) -> str:
    """A process in one word, by which a job's process knows the scheduler that launched it."""
    return f"{owner.host}:{owner.pid}:{owner.started}"


def start(paths: JobPaths, n: int, owner: Owner, t: float, claimer: str = "") -> bool:
    """Says that the job runs: the first act of its process.

    Args:
        paths: The job.
        n: The attempt that this process was launched for.
        owner: This process.
        t: Now, in seconds since the epoch.
        claimer: `mark` of who has to have the claim; "": whoever has it.

    Returns:
        Whether it may run. If not, it exits and touches nothing.

    Raises:
        OSError: The disk cannot be written.
    """
    data = files.read(paths.claim(n))
    if data is None:
        return False
    claimed = _owner(contents.json_object(data))
    if claimer and claimed != _NOBODY and mark(claimed) != claimer:
        return False
    return files.put_if_absent(paths.start(n), _encode({"owner": owner._asdict(), "t": t}))


def void(paths: JobPaths, n: int) -> bool:
    """Says that the job's process will never start.

    Returns:
        False if it has started, or if the attempt was void before.

    Raises:
        OSError: The disk cannot be written.
    """
    return files.put_if_absent(paths.start(n), _encode({"void": True}))


def end(paths: JobPaths, n: int, outcome: Outcome) -> bool:
    """Says how the job ended, for good; called by its process after all output is written.

    Returns:
        Whether the caller is the one that says it, and calls `conclude` next.

    Raises:
        OSError: The disk cannot be written.
    """
    return files.put_if_absent(paths.end(n), _encode(outcome._asdict()), fsync=True)


def lose(paths: JobPaths, n: int, outcome: Outcome) -> bool:
    """Says how the job ended, in the place of its process, which is proven gone.

    Returns:
        Whether the caller is the one that says it, and calls `conclude` next. If not, the process
        itself or another scheduler has said it, or the attempt never started or is void.

    Raises:
        OSError: The disk does not tell, or cannot be written.
    """
    data = files.read(paths.start(n))
    return data is not None and contents.json_object(data).get("void") is not True and end(paths, n, outcome)


def conclude(paths: JobPaths, n: int, outcome: Outcome) -> None:
    """Writes `.done` or `.failed`, and removes the other; only for the winner of `end`.

    Args:
        paths: The job.
        n: The attempt.
        outcome: What its `end` says.

    Raises:
        OSError: The disk cannot be written.
    """
    if outcome.is_done:
        files.create_marker(paths.done, fsync=True)
        files.remove(paths.failed)
        return
    if _last(paths).n > n:
        return  # slow, and overtaken: the failure of an attempt that nobody asks for any more
    files.replace(paths.failed, interchange.failed_content(outcome))
    if files.exists(paths.done):  # overtaken meanwhile
        files.remove(paths.failed)


# ----------------------------------------------------------------------------------------------


def _last(paths: JobPaths) -> _Last:
    highest = 0
    present: set[tuple[int, str]] = set()
    for name in files.names(paths.attempts):
        found = layout.attempt_part(name)
        if found is not None:
            present.add(found)
            highest = max(highest, found[0])
    return _Last(highest, (highest, layout.START) in present, (highest, layout.END) in present)


def _may_follow(paths: JobPaths, last: _Last) -> bool:
    """Whether another attempt may follow this one: it is closed and did not end well."""
    if last.has_end:
        outcome = _read_end(paths, last.n)
        return outcome is not None and not outcome.is_done
    return last.has_start and _read_start(paths, last.n).is_void


def _settle_started(paths: JobPaths, seen: Observation) -> None:
    """Ends an attempt whose process is gone."""
    outcome = Outcome("lost", f"{seen.owner or 'its process'} is gone and left no word")
    if lose(paths, seen.attempt, outcome):
        conclude(paths, seen.attempt, outcome)
        return
    data = files.read(paths.end(seen.attempt))
    if data is not None and _outcome(data) is None:
        # Killed while it wrote `end`, on a disk without links: as it is gone, no more will come
        if data:
            aside = layout.unreadable(paths.end(seen.attempt))
            files.put_if_absent(aside, data)
            said = f"{outcome.message}. How it ended cannot be read: it is kept in {aside}"
            outcome = outcome._replace(message=said)
        files.replace(paths.end(seen.attempt), _encode(outcome._asdict()), fsync=True)


def _observe_open(
    n: int, owner: Owner, t: float | None, fate: Callable[[Owner], processes.Fate]
) -> Observation:
    return Observation(_KINDS[fate(owner)], n, None if owner == _NOBODY else owner, started_t=t)


def _observe_ended(paths: JobPaths, n: int, fate: Callable[[Owner], processes.Fate]) -> Observation:
    outcome = _read_end(paths, n)
    if outcome is not None and outcome.is_done:
        return Observation("done", n, outcome=outcome)
    started = _read_start(paths, n)
    if outcome is None:
        return _observe_open(n, started.owner, started.t, fate)
    return _observe_idle(paths, n, started.owner, outcome, fate)


def _observe_idle(
    paths: JobPaths,
    n: int,
    last_owner: Owner | None,
    outcome: Outcome | None,
    fate: Callable[[Owner], processes.Fate],
) -> Observation:
    """What is found when no attempt of ours is open: does another version run the job?

    Args:
        paths: The job.
        n: Highest attempt.
        last_owner: The process of the last attempt, if it started.
        outcome: How that ended.
        fate: What is known of a process.
    """
    failed = interchange.read_failed(paths)
    if failed is not None and failed.is_done:
        return _DONE
    file = interchange.read_pid(paths)
    if file is not None and (
        last_owner is None or (file.host, file.pid) != (last_owner.host, last_owner.pid)
    ):
        known = interchange.fate(file)
        # Only what ended wrote `.failed`: a `.pid` of elsewhere beside it is left over
        if known == "alive" or (known == "unknown" and failed is None and outcome is None):
            return Observation(_KINDS[known], n, Owner(file.host, "", "", file.pid, ""), started_t=0.0)
    # The process that ended holds the lock until it exits; that is no new owner
    if interchange.is_locked(paths) and (last_owner is None or fate(last_owner) != "alive"):
        return Observation("running", n, started_t=0.0)
    if outcome is None:
        outcome, n = failed, n if failed is None else 0
    return Observation("free" if outcome is None else "failed", n, outcome=outcome)


# ----------------------------------------------------------------------------------------------
# Contents: JSON objects; fields that are not known are skipped, so that later versions may add some


def _encode(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()


def _read_object(path: str) -> dict[str, Any]:
    """Empty also if the file cannot be read, or is gone with its folder."""
    with contextlib.suppress(OSError):
        return contents.json_object(files.read(path))
    return {}


def _owner(content: dict[str, Any]) -> Owner:
    """The owner in a claim or start; `_NOBODY` if it is not all there."""
    fields = content.get("owner")
    if not isinstance(fields, dict) or not isinstance(fields.get("host"), str):
        return _NOBODY
    known = {name: contents.text(fields[name]) for name in Owner._fields if name in fields}
    owner = Owner(**{**_NOBODY._asdict(), **known, "pid": contents.pid(fields.get("pid"))})
    return owner if owner.host and owner.pid else _NOBODY


def _read_claim(paths: JobPaths, n: int) -> Owner:
    return _owner(_read_object(paths.claim(n)))


def _read_start(paths: JobPaths, n: int) -> _Start:
    content = _read_object(paths.start(n))
    return _Start(_owner(content), contents.seconds(content.get("t")), content.get("void") is True)


def _read_end(paths: JobPaths, n: int) -> Outcome | None:
    """How an attempt ended; None if `end` says nothing (yet): it is torn, or just out of reach."""
    return _outcome(files.read(paths.end(n)) or b"")


def _outcome(data: bytes) -> Outcome | None:
    content = contents.json_object(data)
    status = content.get("status")
    if not isinstance(status, str):
        return None
    known = next((one for one in STATUSES if one == status), None)
    return Outcome(
        known or "failed",  # a later version knows more ways to fail
        message=contents.text(content.get("message")),
        code=contents.whole(content.get("code"), -_MOST_CODE, _MOST_CODE),
        signal=contents.whole(content.get("signal"), 1, _MOST_SIGNAL),
        frame=contents.text(content.get("frame")),
        t=contents.seconds(content.get("t")),
        result=contents.text(content.get("result")),
        early=content.get("early") is True,
        peak_memory=contents.whole(content.get("peak_memory"), 1, _MOST_MEMORY),
    )
