"""`experimaestro jobs`: what became of the jobs of a workspace, and what to do with them."""

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from experimaestro.cli.lazy import OrderedGroup
from experimaestro.cli.options import (
    as_json,
    in_workspace,
    perform,
    say_dry,
    say_none,
    selecting,
    workspace_group,
)

if TYPE_CHECKING:
    from experimaestro.inventory.jobs import JobRecord, Short
    from experimaestro.inventory.killing import Killed


@click.group(cls=OrderedGroup)
@workspace_group
def jobs() -> None:
    """List, read, kill, retry and clean the jobs of a workspace.

    JOB is TYPE/IDENTIFIER as `jobs list` prints it; the start of the identifier is enough.
    """


@jobs.command("list")
@in_workspace
@selecting
@click.option("--tags/--no-tags", default=True, help="Print the tags, or not.  [default: tags]")
@click.option("--fullpath", is_flag=True, help="Print the path of the folder.")
@click.option("-c", "--count", type=click.IntRange(1), metavar="N", help="At most N jobs.")
@as_json
def list_command(
    folder: str, chosen: dict[str, Any], tags: bool, fullpath: bool, count: int | None, as_json: bool
) -> None:
    """List jobs: their state, type and identifier, and tags.

    The identifier is cut where that is enough to name the job; --json has all of it. A job that ran other
    code than there is now is marked: `jobs show` tells which files were changed.
    """
    from itertools import islice

    from experimaestro.inventory.filters import WORDS
    from experimaestro.inventory.jobs import list_jobs
    from experimaestro.inventory.telling import changed_code
    from experimaestro.monitor.words import tags_text

    found = islice(list_jobs(folder, **chosen), count)
    if as_json:
        rows = [{**_as_json(job), "changed_code": changed_code(job)} for job in found]
        click.echo(json.dumps(rows, indent=2, default=str))
        return
    short = _short(folder)
    job: JobRecord | None = None
    for job in found:
        parts = [f"{WORDS[job.state]:<11}", job.paths.folder if fullpath else short(job.key)]
        parts += [f" {tags_text(job.tags)}"] if tags and job.tags else []
        parts += [" (ran other code)"] if changed_code(job) else []
        click.echo(" ".join(parts))
    if job is None:
        say_none("job")


@jobs.command(short_help="Tell all about a job.")
@click.argument("job")
@in_workspace
@as_json
def show(folder: str, job: str, as_json: bool) -> None:
    """Tell all about JOB: state, times, what it failed of, parameters, results, its folder."""
    from experimaestro.cli.telling import lines
    from experimaestro.inventory import jobs as inventory, telling

    record = inventory.record(folder, inventory.find(folder, job))
    story = telling.tell(folder, record)
    if as_json:
        click.echo(json.dumps({**_as_json(record), **telling.as_json(story)}, indent=2, default=str))
    else:
        click.echo("\n".join(lines(record, story)))


@jobs.command()
@click.argument("job")
@in_workspace
def path(folder: str, job: str) -> None:
    """Print the folder of JOB."""
    from experimaestro.inventory.jobs import find
    from experimaestro.workspace.layout import job_folder

    click.echo(job_folder(folder, find(folder, job)))


@jobs.command(short_help="Print what a job wrote.")
@click.argument("job")
@in_workspace
@click.option("--std", is_flag=True, help="Standard output in place of standard error.")
@click.option("-f", "--follow", is_flag=True, help="Go on while the job runs.")
def log(folder: str, job: str, std: bool, follow: bool) -> None:
    """Print what JOB wrote to standard error."""
    from experimaestro.inventory.jobs import find
    from experimaestro.inventory.logs import parts
    from experimaestro.workspace.layout import JobPaths

    paths = JobPaths.of(folder, find(folder, job))
    part = ""
    for part in parts(paths, paths.out if std else paths.err, follow=follow):
        sys.stdout.write(part)
        sys.stdout.flush()
    if not part:
        say_none("line on standard output" if std else "line on standard error; --std prints standard output")


@jobs.command(short_help="End jobs that run.")
@click.argument("job", nargs=-1)
@in_workspace
@selecting
@perform
def kill(folder: str, chosen: dict[str, Any], job: tuple[str, ...], perform: bool) -> None:
    """End jobs that run, and have those not started that wait: the JOBs named, or all that are selected.

    A job of another machine, or one that waits, is ended by the process that has it, which is asked.
    """
    from experimaestro.inventory import killing, owning

    known = owning.open_runs(folder)
    named = _named(folder, job, chosen)
    found = killing.endable(known, named)
    if job:
        _say_left(folder, named, found, "does not run")
    if perform:
        _say_killed(folder, found, killing.end(known, found))
    else:
        short = _short(folder)
        for one in found:
            where = one.seen.owner or ("another version" if one.state in killing.RUNNING else "waits")
            click.echo(f"{'would kill':<11} {short(one.key)} ({where})")
    say_dry(perform or not found, _count(len(found)))


@jobs.command(short_help="Run failed jobs again.")
@click.argument("job", nargs=-1)
@in_workspace
@selecting
@perform
def retry(folder: str, chosen: dict[str, Any], job: tuple[str, ...], perform: bool) -> None:
    """Run failed jobs again: the JOBs named, or all that are selected.

    A job of an experiment that is still open is run by its process, which is asked. Others are run here, one
    after another; running their experiment again does several at once.
    """
    from experimaestro.inventory import owning, retrying

    known = owning.open_runs(folder)
    named = _named(folder, job, chosen)
    failed = retrying.retriable(known, named)
    if job:
        _say_left(folder, named, failed, "has not failed")
    short = _short(folder)
    is_wrong = False
    if perform:
        for one in retrying.retry_all(known, failed):
            is_wrong |= one.what not in {"done", "asked", "not failed"}
            click.echo(f"{one.what:<11} {short(one.job.key)}{f': {one.why}' if one.why else ''}")
    else:
        for each in failed:
            click.echo(f"{'would retry':<11} {short(each.key)}")
    say_dry(perform or not failed, _count(len(failed)))
    if is_wrong:
        raise click.exceptions.Exit(1)


@jobs.command(short_help="Remove the folders of jobs that do not run.")
@click.argument("job", nargs=-1)
@in_workspace
@selecting
@perform
def clean(folder: str, chosen: dict[str, Any], job: tuple[str, ...], perform: bool) -> None:
    """Remove the folders of jobs that do not run: the JOBs named, or all that are selected."""
    from experimaestro.inventory import removing
    from experimaestro.workspace import files

    named = _named(folder, job, chosen)
    ended = [one for one in named if one.seen.kind in removing.REMOVABLE and files.exists(one.paths.folder)]
    if job:
        _say_left(folder, named, ended, "is not removed")
    remove_all(folder, ended, perform)


@jobs.command(short_help="List jobs that run without an experiment.")
@in_workspace
@click.option("--kill", is_flag=True, help="End them.")
@click.option("--size", is_flag=True, help="Print the sizes of their folders.")
@perform
@as_json
def stray(folder: str, kill: bool, size: bool, perform: bool, as_json: bool) -> None:
    """List the jobs that run while no open experiment has them."""
    from experimaestro.inventory import killing, pruning, removing
    from experimaestro.inventory.jobs import look

    if kill and as_json:
        raise click.UsageError("--json lists: leave out --kill")
    if perform and not kill:
        raise click.UsageError("--perform does what --kill says: add --kill")
    short = _short(folder)
    found = [look(folder, key) for key in pruning.stray(folder)]
    if as_json:
        rows = [{**_as_json(one), "size": removing.size(one.paths.folder)} for one in found]
        click.echo(json.dumps(rows, indent=2, default=str))
    else:
        for one in found:
            shown = f"  {removing.shown(removing.size(one.paths.folder))}" if size else ""
            click.echo(f"{short(one.key)}  {one.seen.owner or 'another version'}{shown}")
        if not found and not kill:
            say_none("job that runs without an experiment")
    if kill and perform:
        _say_killed(folder, found, killing.kill([one.paths for one in found]))
    if kill:
        say_dry(perform or not found, _count(len(found)))


@jobs.command("give-up", short_help="Say that a lost machine runs its jobs no more.")
@in_workspace
@click.option(
    "--machine", "machines", multiple=True, metavar="NAME", help="Of this machine; may be repeated."
)
@perform
@as_json
def give_up_command(folder: str, machines: tuple[str, ...], perform: bool, as_json: bool) -> None:
    """List the machines that cannot be asked whether their jobs still run, and say that they do not.

    Jobs of another machine are waited for, also when it is lost. With --perform, those of the machines named
    (without --machine, of each that you confirm) count as lost: they are run again with their experiment.
    """
    from experimaestro.inventory import giving_up
    from experimaestro.monitor.words import duration

    found = [one for one in giving_up.silent(folder) if not machines or one.machine in machines]
    missing = [name for name in machines if name not in {one.machine for one in found}]
    if missing:
        raise click.UsageError(f"no job is waited for that runs on {', '.join(missing)}")
    if as_json:
        if perform:
            raise click.UsageError("--json lists: leave out --perform")
        rows = [
            {"machine": one.machine, "last_sign": one.sign, "jobs": [job.key for job in one.jobs]}
            for one in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    given = 0
    for one in found:
        sign = "never" if one.sign is None else f"{duration(time.time() - one.sign)} ago"
        click.echo(f"{one.machine}: {_count(len(one.jobs))}, last sign of life {sign}")
        if perform and (machines or click.confirm("  Does it run none of them any more?")):
            given += len(giving_up.give_up(one))
    total = sum(len(one.jobs) for one in found)
    say_dry(perform or not found, f"{_count(given)} given up" if perform else _count(total))


def _named(folder: str, names: tuple[str, ...], chosen: dict[str, Any]) -> "list[JobRecord]":
    """The jobs that are named, or those that are selected; naming nothing at all is a mistake."""
    from experimaestro.inventory import jobs as inventory

    if names:
        return [inventory.look(folder, inventory.find(folder, name)) for name in names]
    if chosen["experiment"] is None and chosen["only"] is None:
        raise click.UsageError("which jobs? Name some, or give --experiment or --filter")
    return list(inventory.list_jobs(folder, **chosen))


def _short(folder: str) -> "Short":
    from experimaestro.inventory.jobs import Short

    return Short(folder)


def _say_left(folder: str, named: "list[JobRecord]", found: "list[JobRecord]", why: str) -> None:
    """Says of jobs that a person named why nothing is done with them."""
    short = _short(folder)
    for one in named:
        if one not in found:
            click.echo(f"{short(one.key)} {why}: it is {one.state}", err=True)


def _say_killed(folder: str, found: "list[JobRecord]", killed: "list[Killed]") -> None:
    short = _short(folder)
    for one, was in zip(found, killed, strict=True):
        click.echo(f"{was.what:<11} {short(one.key)}{f': {was.why}' if was.why else ''}")


def remove_all(folder: str, found: "list[JobRecord]", perform: bool) -> None:
    """Removes the folders of jobs, or says what would be removed, each with its size."""
    from experimaestro.inventory import removing

    short = _short(folder)
    total = 0
    for one in found:
        size = removing.size(one.paths.folder)
        total += size
        what = "would remove" if not perform else "removed" if removing.remove_job(one.paths) else "kept"
        click.echo(f"{what:<12} {removing.shown(size):>9}  {short(one.key)}")
    say_dry(perform or not found, f"{_count(len(found))}, {removing.shown(total)}")


def _count(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"


def _as_json(job: "JobRecord") -> dict[str, Any]:
    outcome = job.seen.outcome
    return {
        "job": job.key,
        "task": job.task,
        "state": job.state,
        "tags": dict(job.tags),
        "experiments": list(job.experiments),
        "folder": job.paths.folder,
        "process": str(job.seen.owner) if job.seen.owner is not None else None,
        "error": outcome.message if outcome is not None and not outcome.is_done else None,
    }
