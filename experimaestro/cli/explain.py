"""`experimaestro explain`."""

import json

import click

from experimaestro.cli.options import as_json, in_workspace


@click.command()
@click.argument("job")
@in_workspace
@click.option(
    "-n",
    "count",
    type=click.IntRange(1),
    metavar="N",
    default=3,
    show_default=True,
    help="How many jobs to compare with.",
)
@as_json
def explain(folder: str, job: str, count: int, as_json: bool) -> None:
    """Say in which parameters JOB differs from the most similar jobs of its type.

    Answers "why is it run again?". The folder of a job that was not run yet is written by
    `run-experiment --run-mode generate`.
    """
    from experimaestro.inventory.comparing import nearest, only_in
    from experimaestro.inventory.jobs import Short, find
    from experimaestro.workspace.layout import JobPaths

    key = find(folder, job)
    found = nearest(folder, key, count)
    if as_json:
        rows = [
            {
                "job": one.key,
                "state": one.state,
                "differences": [
                    {"parameter": each.key, "there": each.old, "here": each.new} for each in one.differences
                ],
            }
            for one in found
        ]
        click.echo(json.dumps({"job": key, "nearest": rows}, indent=2))
        return
    short = Short(folder)
    if not found:
        click.echo(f"{short(key)} is the only job of its type")
    for one in found:
        click.echo(f"{short(one.key)} ({one.state})")
        for each in one.differences:
            click.echo(f"  {each.key}: {each.old} there, {each.new} here")
        there, here = only_in(JobPaths.of(folder, one.key), JobPaths.of(folder, key))
        for name in there:
            click.echo(f"  {name}: only there")
        for name in here:
            click.echo(f"  {name}: only here")
        if not (one.differences or there or here):
            click.echo("  no parameter differs: another version of the class, or of its code")
