"""`experimaestro jobs`: what became of the jobs of a workspace, and what to do with them."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from experimaestro.cli.options import as_json, in_workspace, perform, say_dry, selecting, workspace_group

if TYPE_CHECKING:
    from experimaestro.inventory.jobs import JobRecord

_WORDS = {"done": "DONE", "failed": "FAIL", "not run": "UNSCHED"}


@click.group()
@workspace_group
def jobs() -> None:
    """List, read, kill and clean the jobs of a workspace.

    JOB is TYPE/IDENTIFIER as `jobs list` prints it; the start of the identifier is enough.
    """


@jobs.command("list")
@in_workspace
@selecting
@click.option("--tags", is_flag=True, help="Print the tags.")
@click.option("--fullpath", is_flag=True, help="Print the path of the folder.")
@click.option("-c", "--count", type=click.IntRange(1), metavar="N", help="At most N jobs.")
@as_json
def list_command(
    folder: str, chosen: dict[str, Any], tags: bool, fullpath: bool, count: int | None, as_json: bool
) -> None:
    """List jobs: their state, type and identifier."""
    from itertools import islice

    from experimaestro.inventory.jobs import list_jobs

    found = islice(list_jobs(folder, **chosen), count)
    if as_json:
        click.echo(json.dumps([_as_json(job) for job in found], indent=2, default=str))
        return
    for job in found:
        named = " ".join(f"{name}={value}" for name, value in job.tags.items()) if tags else ""
        where = job.paths.folder if fullpath else job.key
        click.echo(f"{_word(job):<11} {where}{f'  {named}' if named else ''}")


@jobs.command(short_help="Tell all about a job.")
@click.argument("job")
@in_workspace
@as_json
def show(folder: str, job: str, as_json: bool) -> None:
    """Tell all about JOB: state, parameters, what it failed of, its files."""
    from experimaestro.inventory import jobs as inventory

    record = inventory.look(folder, inventory.find(folder, job))
    parameters = inventory.parameters(record.paths)
    if as_json:
        click.echo(json.dumps({**_as_json(record), "parameters": parameters}, indent=2, default=str))
        return
    click.echo(f"{record.key}: {record.state}")
    outcome = record.seen.outcome
    if outcome is not None and not outcome.is_done:
        click.echo("\n".join(f"  {line}" for line in (outcome.frame, *outcome.message.splitlines()) if line))
    if record.seen.owner is not None and record.state in {"running", "unknown"}:
        click.echo(f"  runs as {record.seen.owner}")
    for name, value in parameters.items():
        click.echo(f"  {name} = {json.dumps(value, default=str)}")
    click.echo(f"folder: {record.paths.folder}")


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
    for part in parts(paths, paths.out if std else paths.err, follow=follow):
        sys.stdout.write(part)
        sys.stdout.flush()


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
    found = killing.endable(known, _named(folder, job, chosen))
    if perform:
        for one, killed in zip(found, killing.end(known, found), strict=True):
            click.echo(f"{killed.what:<11} {one.key}{f': {killed.why}' if killed.why else ''}")
    else:
        for one in found:
            where = one.seen.owner or ("another version" if one.state in killing.RUNNING else "waits")
            click.echo(f"{'would kill':<11} {one.key} ({where})")
    say_dry(perform, _count(len(found)))


@jobs.command(short_help="Run failed jobs again, here.")
@click.argument("job", nargs=-1)
@in_workspace
@selecting
@perform
def retry(folder: str, chosen: dict[str, Any], job: tuple[str, ...], perform: bool) -> None:
    """Run failed jobs again, here and one after another: the JOBs named, or all that are selected.

    An experiment that is run again does so by itself, several at once.
    """
    from experimaestro.inventory.retrying import retry as retry_job

    failed = [one for one in _named(folder, job, chosen) if one.state == "failed"]
    failures = 0
    for one in failed:
        what = retry_job(one.paths) if perform else "would retry"
        failures += what == "failed"
        click.echo(f"{what:<11} {one.key}")
    say_dry(perform, _count(len(failed)))
    if failures:
        raise click.exceptions.Exit(1)


@jobs.command(short_help="Remove the folders of jobs that do not run.")
@click.argument("job", nargs=-1)
@in_workspace
@selecting
@perform
def clean(folder: str, chosen: dict[str, Any], job: tuple[str, ...], perform: bool) -> None:
    """Remove the folders of jobs that do not run: the JOBs named, or all that are selected."""
    from experimaestro.inventory import removing

    ended = [one for one in _named(folder, job, chosen) if one.seen.kind in removing.REMOVABLE]
    remove_all(ended, perform)


@jobs.command(short_help="List jobs that run without an experiment.")
@in_workspace
@click.option("--kill", is_flag=True, help="End them.")
@click.option("--size", is_flag=True, help="Print the sizes of their folders.")
@perform
def stray(folder: str, kill: bool, size: bool, perform: bool) -> None:
    """List the jobs that run while no open experiment has them."""
    from experimaestro.inventory import killing, pruning, removing
    from experimaestro.inventory.jobs import look

    found = [look(folder, key) for key in pruning.stray(folder)]
    for one in found:
        shown = f"  {removing.shown(removing.size(one.paths.folder))}" if size else ""
        click.echo(f"{one.key}  {one.seen.owner or 'another version'}{shown}")
    if kill and perform:
        for one, killed in zip(found, killing.kill([one.paths for one in found]), strict=True):
            click.echo(f"{killed.what:<11} {one.key}{f': {killed.why}' if killed.why else ''}")
    if kill:
        say_dry(perform, _count(len(found)))


def _named(folder: str, names: tuple[str, ...], chosen: dict[str, Any]) -> "list[JobRecord]":
    """The jobs that are named, or those that are selected; naming nothing at all is a mistake."""
    from experimaestro.inventory import jobs as inventory

    if names:
        return [inventory.look(folder, inventory.find(folder, name)) for name in names]
    if chosen["experiment"] is None and chosen["only"] is None:
        raise click.UsageError("which jobs? Name some, or give --experiment or --filter")
    return list(inventory.list_jobs(folder, **chosen))


def remove_all(found: "list[JobRecord]", perform: bool) -> None:
    """Removes the folders of jobs, or says what would be removed, each with its size."""
    from experimaestro.inventory import removing

    total = 0
    for one in found:
        size = removing.size(one.paths.folder)
        total += size
        what = "would remove" if not perform else "removed" if removing.remove_job(one.paths) else "kept"
        click.echo(f"{what:<12} {removing.shown(size):>9}  {one.key}")
    say_dry(perform, f"{_count(len(found))}, {removing.shown(total)}")


def _count(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"


def _word(job: "JobRecord") -> str:
    return _WORDS.get(job.state, job.state.upper())


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
