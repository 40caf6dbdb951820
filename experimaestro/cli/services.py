"""`experimaestro experiments services`: pages of experiments, such as TensorBoard."""

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from experimaestro.cli.lazy import OrderedGroup
from experimaestro.cli.options import as_json, in_workspace, say_none

if TYPE_CHECKING:
    from experimaestro.scheduler.services import Service
    from experimaestro.workspace.reader import RunReader


@click.group(cls=OrderedGroup, short_help="List, start and stop the services of experiments.")
def services() -> None:
    """List, start and stop the services of the last runs: TensorBoard, dashboards."""


@services.command("list", short_help="List the services of the last runs.")
@click.argument("experiment", required=False)
@in_workspace
@as_json
def list_command(folder: str, experiment: str | None, as_json: bool) -> None:
    """List the services of the last run of EXPERIMENT, or of all experiments."""
    from experimaestro.monitor.printable import printable

    known = [(name, _status(run)) for name, run in _last_runs(folder, experiment)]
    rows = [
        {"experiment": name, **row, "state": _state(row, status.get("hostname"))}
        for name, status in known
        for row in _services(status).values()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        say_none("service")
    for row in rows:
        url = f"  {row['url']}" if row["state"] == "RUNNING" and row["url"] else ""
        what = printable(f"{row['service_id']}  {row['description']}")
        click.echo(f"{row['state']:<8} {row['experiment']}  {what}{url}")


@services.command(short_help="Start a service, and print its address.")
@click.argument("service")
@click.argument("experiment", required=False)
@in_workspace
def start(folder: str, service: str, experiment: str | None) -> None:
    """Start SERVICE as it was in the last run of EXPERIMENT; it runs until Ctrl-C.

    SERVICE is an id that `services list` prints, or ID/SUB for a part of one. Prints the address, which
    has what lets you in: do not keep it. Classes are looked for in the current folder too.
    """
    from experimaestro.exceptions import ServiceError
    from experimaestro.scheduler.services import WebService

    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - a string
    found = _find(folder, service, experiment)
    if not isinstance(found, WebService):
        raise ServiceError(found.error or f"the service {service!r} has no page")
    try:
        click.echo(found.get_url())
        found.wait()
    except KeyboardInterrupt:
        pass
    finally:
        found.stop()
    if found.error is not None:
        raise ServiceError(found.error)


@services.command(short_help="Stop a service of a run that is open.")
@click.argument("service")
@click.argument("experiment", required=False)
@in_workspace
def stop(folder: str, service: str, experiment: str | None) -> None:
    """Stop SERVICE in the open run of EXPERIMENT; the process of the run does it.

    SERVICE is an id that `services list` prints. One that `services start` runs ends with Ctrl-C there.
    """
    from experimaestro.exceptions import ServiceError
    from experimaestro.scheduler.remote import RemoteRun

    having = [(name, run) for name, run in _last_runs(folder, experiment) if service in _kept(run)]
    if len(having) != 1:
        _find(folder, service, experiment)  # says what is wrong
    name, run = having[0]
    reader = _reader(folder, name, run)
    if not reader.is_alive:
        raise ServiceError(f"no process has the run {reader.run.id} open: its services have ended with it")
    RemoteRun(reader).stop_service(service)
    click.echo(f"{service}: {reader.run.owner} was asked to stop it")


def _last_runs(folder: str, experiment: str | None) -> list[tuple[str, str]]:
    """Name of each experiment, and folder of its last run."""
    from experimaestro.inventory import runs

    names = runs.experiments(folder) if experiment is None else [experiment]
    return [(name, runs.named_run(folder, name).folder) for name in names if runs.run_ids(folder, name)]


def _kept(run: str) -> dict[str, dict[str, Any]]:
    """What the files of a run tell of its services; no class is imported."""
    return _services(_status(run))


def _services(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    kept = status.get("services")
    rows = kept.items() if isinstance(kept, dict) else ()
    empty = {"description": "", "state": "", "url": None}  # a file may hold anything
    return {one: {**empty, **row, "service_id": one} for one, row in rows if isinstance(row, dict)}


def _status(run: str) -> dict[str, Any]:
    from experimaestro.exceptions import FormatError
    from experimaestro.workspace import files
    from experimaestro.workspace.layout import RunPaths

    try:
        status = files.read_json(RunPaths.of(run).status)
    except FormatError as error:  # the others are told all the same
        click.echo(f"warning: {error}", err=True)
        return {}
    return status if isinstance(status, dict) else {}


def _state(row: dict[str, Any], host: str | None) -> str:
    """Its state; one that nobody could write down when its process was killed is seen at its port.

    Args:
        row: What is kept of it.
        host: The machine of its process: ports of another one cannot be seen.
    """
    from experimaestro.scheduler.services.links import Place
    from experimaestro.scheduler.services.ports import is_open
    from experimaestro.workspace.processes import host_name

    if row["state"] == "RUNNING" and row["url"] and host in {None, host_name()}:
        place = Place.of(row["url"])
        return "RUNNING" if not place.is_local or is_open(place.port) else "GONE"
    return str(row["state"])


def _refuse_if_it_runs(folder: str, experiment: str, run: str, service_id: str) -> None:
    """Two of one service would write into one folder."""
    from experimaestro.exceptions import ServiceError

    reader = _reader(folder, experiment, run)
    if reader.is_alive and _kept(run)[service_id]["state"] in {"STARTING", "RUNNING", "STOPPING"}:
        raise ServiceError(
            f"the service {service_id!r} runs in {reader.run.owner}. Open it there, or stop it first: "
            f"experimaestro experiments services stop {service_id} {experiment}"
        )


def _reader(folder: str, experiment: str, run: str) -> "RunReader":
    from experimaestro.workspace.reader import RunReader

    reader = RunReader(folder, experiment, run.rpartition("/")[2])
    reader.refresh()
    return reader


def _find(folder: str, name: str, experiment: str | None) -> "Service":
    """The service of this name, made again."""
    from experimaestro.exceptions import ServiceError
    from experimaestro.scheduler.services import services_of

    service_id, slash, inner = name.partition("/")
    runs = _last_runs(folder, experiment)
    having = [(one, run) for one, run in runs if service_id in _kept(run)]
    if len(having) > 1:
        names = ", ".join(one for one, _ in having)
        raise ServiceError(f"several experiments have a service {service_id!r}: {names}. Name one of them")
    if not having:
        known = sorted({known for _, run in runs for known in _kept(run)})
        raise ServiceError(f"no service {service_id!r}. There are: {', '.join(known) or 'none'}")
    _refuse_if_it_runs(folder, *having[0], service_id)
    found = services_of(having[0][1])[service_id]
    if not slash:
        return found
    if inner not in {found.id, *found.parts()}:
        parts = ", ".join(found.parts()) or "none"
        raise ServiceError(f"the service {service_id!r} has no part {inner!r}. There are: {parts}")
    return found.get_subservice(inner)
