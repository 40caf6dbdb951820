"""What a person needs to know of jobs that failed, as text: the user's line first.

Rules: nothing here decides or changes anything; the only thing read from disk is the end of a log.
A log that cannot be read is said to be so, and never hides the failure itself.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from experimaestro.events.state import Job
from experimaestro.events.states import SKIPPED, FailureReason
from experimaestro.monitor.printable import printable, printable_lines
from experimaestro.monitor.words import ENDS, job_name, jobs, task_name
from experimaestro.workspace import files
from experimaestro.workspace.layout import JobPaths

IN_FULL = 10
"""Failed jobs of which a report tells everything; the others are counted"""

RETRY = "To retry, run the same code again: done jobs are kept, failed ones are run again."

_LOG_LINES = 8
_LOG_BYTES = 16384
_MESSAGE_LINES = 6


def describe(job: Job, paths: JobPaths) -> str:
    """Everything about one failed job: what failed, where in the user's code, why, and its files.

    Args:
        job: A job that failed.
        paths: Its files; the end of its error log is read.

    Returns:
        Lines, without a newline at the end.
    """
    return "\n".join([*_about(job, paths), f"  {RETRY}"])


def headline(job: Job) -> str:
    """The first line about a failed job: task, tags and what became of it."""
    return f"{job_name(job)} {ENDS[job.reason or FailureReason.FAILED]}"


def details(job: Job, paths: JobPaths) -> list[str]:
    """The lines that follow the headline: the user's line, the error, the end of the log, the files."""
    lines = []
    outcome = job.outcome
    message = printable_lines(outcome.message, 1000) if outcome is not None else []
    if outcome is not None and outcome.frame:
        lines.append(printable(outcome.frame))
    lines += message[:_MESSAGE_LINES] or ["nothing is known about its end"]
    if len(message) > _MESSAGE_LINES:
        lines.append("…")
    lines += _log(paths, message)
    lines.append(f"folder: {printable(paths.folder)}")
    return lines


def report(failed: Iterable[Job], paths: Callable[[str], JobPaths]) -> str:
    """What went wrong in a run: the text of its error.

    Args:
        failed: All its jobs that are in error, those that did not run because of another too.
        paths: The files of a job, by its key.

    Returns:
        Lines, without a newline at the end: `IN_FULL` jobs are described, the others counted by
        task.
    """
    all_jobs = {job.key: job for job in failed}
    roots = [job for job in all_jobs.values() if job.reason not in SKIPPED]
    held = [job for job in all_jobs.values() if job.reason in {FailureReason.STOPPED, FailureReason.PAUSED}]
    skipped = len(all_jobs) - len(roots) - len(held)
    because = Counter(_roots(all_jobs))
    title = f"{jobs(len(roots))} failed" if roots or not (skipped or held) else ""
    if skipped:
        title += f"{', ' if title else ''}{jobs(skipped)} did not run because of {_it(len(roots))}"
    lines = [title] if title else []
    for why, count in Counter(job.outcome.message for job in held if job.outcome is not None).items():
        lines.append(f"{jobs(count)} {why}")
    for job in roots[:IN_FULL]:
        lines += ["", *_about(job, paths(job.key))]
        if because[job.key]:
            lines.append(f"  {jobs(because[job.key])} did not run because of it")
    if more := roots[IN_FULL:]:
        by_task = Counter(task_name(job.task) for job in more)
        lines += ["", f"and {len(more):,} more: " + ", ".join(f"{n:,} {task}" for task, n in by_task.items())]
    return "\n".join([*lines, "", RETRY])


def _about(job: Job, paths: JobPaths) -> list[str]:
    return [headline(job), *(f"  {line}" for line in details(job, paths))]


def _it(count: int) -> str:
    return "it" if count == 1 else "them" if count else "jobs that failed before"


def _log(paths: JobPaths, message: Sequence[str]) -> list[str]:
    """The last lines of the error log, without the beginning of the message, which was shown."""
    try:
        text = files.tail(paths.err, _LOG_BYTES, 1000)
    except OSError as error:
        return [f"its log cannot be read: {printable(paths.err)}: {error.strerror or error}"]
    lines = printable_lines(text, 1000)
    for shown in range(len(message), 0, -1):  # what to do may follow in the message
        if lines[-shown:] == list(message[:shown]):
            lines = lines[:-shown]
            break
    if not lines:
        return []
    return [f"end of {printable(paths.err)}:", *(f"  {line}".rstrip() for line in lines[-_LOG_LINES:])]


def _roots(failed: Mapping[str, Job]) -> Iterable[str]:
    """For each job that did not run, the job whose failure is the reason."""
    known: dict[str, str] = {}
    for job in failed.values():
        if job.reason is not FailureReason.DEPENDENCY:
            continue
        chain = []
        key = job.key
        while key not in known:
            chain.append(key)
            above = failed.get(key)
            if above is None or above.because is None:
                known[key] = key
            else:
                key = above.because
        for key_below in chain:
            known[key_below] = known[key]
        yield known[job.key]
