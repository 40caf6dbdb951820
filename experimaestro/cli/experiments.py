"""`experimaestro experiments`: the experiments of a workspace and their runs."""

import json
import time
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from experimaestro.cli.lazy import OrderedGroup
from experimaestro.cli.options import as_json, in_workspace, perform, say_dry, say_none, workspace_group
from experimaestro.cli.services import services

if TYPE_CHECKING:
    from experimaestro.inventory.runs import RunRecord

_PERIOD_S = 0.2


@click.group(cls=OrderedGroup)
@workspace_group
def experiments() -> None:
    """List, watch, tag and prune the experiments of a workspace and their runs.

    RUN is the name of a run as `history` prints it, or `latest`, or `oldest`.
    """


@experiments.command("list", short_help="List the experiments.")
@in_workspace
@as_json
def list_command(folder: str, as_json: bool) -> None:
    """List the experiments: name, machine, and how many jobs of the last run are done."""
    from experimaestro.inventory import runs

    rows = []
    for name in runs.experiments(folder):
        history = runs.history(folder, name)
        if history:
            counts = _counts(folder, name, history[-1].run_id)
            rows.append({**_as_json(history[-1]), "jobs": counts, "runs": len(history)})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        say_none("experiment")
    for row in rows:
        total = sum(row["jobs"].values())
        host = f" [{row['host']}]" if row["status"] == "running" else ""
        click.echo(f"{row['experiment']}{host} ({row['jobs'].get('done', 0)}/{total} jobs)")


@experiments.command()
@click.argument("experiment")
@click.argument("run", default="latest")
@in_workspace
@as_json
def show(folder: str, experiment: str, run: str, as_json: bool) -> None:
    """Tell about a run of EXPERIMENT: the last one, or RUN."""
    from experimaestro.inventory import runs
    from experimaestro.inventory.jobs import Short, list_jobs
    from experimaestro.monitor.words import tags_text

    paths = runs.named_run(folder, experiment, run)
    record = next(one for one in runs.history(folder, experiment) if one.folder == paths.folder)
    found = list(list_jobs(folder, experiment=experiment, run=record.run_id))
    if as_json:
        rows = [{"job": one.key, "state": one.state, "tags": dict(one.tags)} for one in found]
        click.echo(json.dumps({**_as_json(record), "jobs": rows}, indent=2, default=str))
        return
    click.echo(f"{experiment} {record.run_id}: {record.status}")
    click.echo(
        f"  started {_shown(record.started)}, ended {_shown(record.ended)}, on {record.host or 'unknown'}"
    )
    if record.tags:
        click.echo(f"  tags: {', '.join(record.tags)}")
    counts = Counter(one.state for one in found)
    click.echo(f"  jobs: {', '.join(f'{count} {state}' for state, count in counts.items()) or 'none'}")
    short = Short(folder)
    for one in found:
        tags = tags_text(one.tags)
        click.echo(f"  {one.state:<11} {short(one.key)}{f'  {tags}' if tags else ''}")
    click.echo(f"folder: {record.folder}")


@experiments.command()
@click.argument("experiment")
@in_workspace
@as_json
def history(folder: str, experiment: str, as_json: bool) -> None:
    """List the runs of EXPERIMENT, oldest first."""
    from experimaestro.inventory import runs

    found = runs.history(folder, experiment)
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=2))
        return
    if not found:
        say_none("run")
    for one in found:
        tags = f"  {', '.join(one.tags)}" if one.tags else ""
        click.echo(f"{one.run_id:<18} {one.status:<11} {_shown(one.started)}  {one.host}{tags}")


@experiments.command(short_help="Show the last run while it runs.")
@click.argument("experiment")
@in_workspace
def watch(folder: str, experiment: str) -> None:
    """Show the last run of EXPERIMENT while it runs, whichever process has it."""
    from experimaestro.inventory import runs
    from experimaestro.inventory.following import Followed
    from experimaestro.monitor.terminal import TerminalView
    from experimaestro.workspace.layout import JobPaths
    from experimaestro.workspace.locks import is_locked

    paths = runs.named_run(folder, experiment)
    followed = Followed(folder, paths)
    view = TerminalView(followed.ask, followed.run, experiment, lambda key: JobPaths.of(folder, key), 1)
    view.start()
    try:
        while not followed.is_over and is_locked(paths):
            time.sleep(_PERIOD_S)
    finally:
        view.stop()


@experiments.command()
@click.argument("experiment")
@in_workspace
@click.option("--before", type=click.DateTime(), metavar="DATE", help="Runs that were started before.")
@click.option("--after", type=click.DateTime(), metavar="DATE", help="Runs that were started after.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(["done", "failed", "interrupted", "detached"]),
    help="Runs of this status. May be repeated.",
)  # fmt: skip
@click.option("--keep", type=click.IntRange(0), metavar="N", help="Keep the newest so many.")
@click.option("--with-tags", is_flag=True, help="Also runs that have tags.")
@perform
def prune(
    folder: str,
    experiment: str,
    before: datetime | None,
    after: datetime | None,
    statuses: tuple[str, ...],
    keep: int | None,
    with_tags: bool,
    perform: bool,
) -> None:
    """Remove runs of EXPERIMENT; the folders of jobs are kept.

    Without options: those that the history of settings.yaml need not keep.
    """
    from experimaestro.inventory import pruning, removing, runs
    from experimaestro.settings import history_of
    from experimaestro.workspace.history import Limits

    known = runs.history(folder, experiment)
    if before or after or statuses or keep is not None or with_tags:
        found = pruning.chosen(
            known,
            before=before and before.astimezone(),
            after=after and after.astimezone(),
            statuses=statuses,
            keep=keep or 0,
            with_tags=with_tags,
        )
    else:
        kept = history_of(folder)
        found = pruning.beyond(known, Limits(kept.max_done, kept.max_failed))
    total = 0
    for one in found:
        size = removing.size(one.folder)
        total += size
        if perform:
            removing.remove_folder(one.folder)
        what = "removed" if perform else "would remove"
        click.echo(f"{what}  {one.run_id:<18} {one.status:<11} {removing.shown(size)}")
    say_dry(perform or not found, f"{len(found)} of {len(known)} runs, {removing.shown(total)}")


@experiments.command()
@click.argument("experiment")
@click.argument("run")
@click.argument("name", metavar="TAG")
@in_workspace
@click.option("--force", is_flag=True, help="Take the tag from another run that has it.")
def tag(folder: str, experiment: str, run: str, name: str, force: bool) -> None:
    """Give a TAG to a RUN of EXPERIMENT: it is found by it, and kept."""
    from experimaestro.inventory import runs

    runs.add_tag(folder, experiment, run, name, take=force)


@experiments.command()
@click.argument("experiment")
@click.argument("name", metavar="TAG")
@in_workspace
def untag(folder: str, experiment: str, name: str) -> None:
    """Take a TAG from the run of EXPERIMENT that has it."""
    from experimaestro.inventory import runs

    runs.remove_tag(folder, experiment, name)


@experiments.command()
@click.argument("experiment")
@in_workspace
@as_json
def tags(folder: str, experiment: str, as_json: bool) -> None:
    """List the tags of the runs of EXPERIMENT."""
    from experimaestro.inventory import runs

    found = {name: one.run_id for one in runs.history(folder, experiment) for name in one.tags}
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        say_none("tag")
    for name, run_id in found.items():
        click.echo(f"{name}  {run_id}")


experiments.add_command(services)


def _counts(folder: str, experiment: str, run_id: str) -> dict[str, int]:
    from experimaestro.inventory.jobs import list_jobs

    return dict(Counter(job.state for job in list_jobs(folder, experiment=experiment, run=run_id)))


def _as_json(record: "RunRecord") -> dict[str, Any]:
    return {
        **record._asdict(),
        "started": record.started and record.started.isoformat(),
        "ended": record.ended and record.ended.isoformat(),
        "tags": list(record.tags),
    }


def _shown(time: datetime | None) -> str:
    return "unknown" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"
