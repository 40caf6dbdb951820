"""The services of a run: added once, told of, and written where other processes find them.

Law: each change of a service is told to every view (`listen`) and to the run's files, as rows that
are made in the thread of the change: the scheduler's thread never calls a user's code.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services.service import Owner, PathTranslator, Service, ServiceListener, log
from experimaestro.scheduler.services.web import stop_all
from experimaestro.workspace.layout import RunPaths

GROUP = "experimaestro.services"
"""The entry points with which packages add services"""

ServiceT = TypeVar("ServiceT", bound=Service)
Changed = Callable[[Service], None]
"""Told of a service that is new or has changed, in the thread of the change"""


class Services(Mapping[str, Service], ServiceListener):
    """The services of a run, by id.

    Args:
        write: Given the rows of all (see `Service.full_state_dict`) after each change.
    """

    def __init__(self, write: Callable[[Mapping[str, Any]], None] = lambda _: None) -> None:
        self._write = write
        self._services: dict[str, Service] = {}
        self._rows: dict[str, Any] = {}
        self._looks = 0
        self._seen: dict[str, int] = {}
        """The number of the look at a service that gave its row"""
        self._told: list[Changed] = []
        self._changing = threading.Lock()

    def __getitem__(self, service_id: str) -> Service:
        return self._services[service_id]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._services))

    def __len__(self) -> int:
        return len(self._services)

    def add(self, service: ServiceT, xp: Owner) -> ServiceT:
        """Adds a service; it is not started.

        Args:
            service: The service. One of the same id is stopped and replaced, with a warning. One of
                another run is stopped, and taken from there.
            xp: Its experiment.

        Returns:
            The service.

        Raises:
            ServiceError: It is no service, or has no id.
            WorkspaceError: Its id cannot name a folder.
        """
        if not isinstance(service, Service):
            raise ServiceError(f"add_service({service!r}): expected a Service")
        if not service.id:
            raise ServiceError(
                f'{type(service).__name__} has no id: give its class one, such as id = "board"'
            )
        for other in service.listeners():
            if isinstance(other, Services) and other is not self:
                other._let_go(service)  # noqa: SLF001 - of the same class
        service.set_experiment(xp)
        _row(service, warn=True)
        with self._changing:
            before = self._services.get(service.id)
            self._services[service.id] = service
        if before is not None and before is not service:
            log.warning("the service %r was added again: the first one is stopped and replaced", service.id)
            before.remove_listener(self)
            stop_all([before])
        if before is not service:
            service.add_listener(self)
        self.service_state_changed(service)
        return service

    def _let_go(self, service: Service) -> None:
        """Ends a service that is to be another run's; the files of this one tell of it as before."""
        stop_all([service])
        service.remove_listener(self)
        with self._changing:
            if self._services.get(service.id) is service:
                del self._services[service.id]

    def listen(self, changed: Changed) -> Callable[[], None]:
        """Tells of each service that is added or changes from now on.

        Args:
            changed: Called in the thread of the change; must not block.

        Returns:
            What ends it.
        """
        self._told.append(changed)
        return lambda: self._told.remove(changed) if changed in self._told else None

    def describe(self) -> list[dict[str, Any]]:
        """The rows of a view; see `Service.describe`."""
        return [service.describe() for service in tuple(self._services.values())]

    def service_state_changed(self, service: Service) -> None:
        """See `ServiceListener`."""
        with self._changing:
            self._looks += 1
            look = self._looks
        row = _row(service)
        with self._changing:
            if self._services.get(service.id) is not service:
                return
            if look > self._seen.get(service.id, 0):  # else another thread looked later
                self._seen[service.id] = look
                self._rows = {**self._rows, service.id: row}
                try:
                    self._write(self._rows)  # with the lock held: what is written last is what is
                except OSError as error:
                    log.warning("the state of the service %r could not be written: %s", service.id, error)
        for changed in tuple(self._told):
            try:  # each alone: the others are to be told
                changed(service)
            except Exception:  # noqa: BLE001, PERF203 - of a view
                log.exception("a view of the service %r failed", service.id)

    def stop(self, timeout: float = 2.0) -> None:
        """Stops all, at the same time.

        Args:
            timeout: How long that may take, in seconds, before they are killed.
        """
        stop_all(tuple(self._services.values()), timeout)

    def __repr__(self) -> str:
        return repr(dict(self._services))


def _row(service: Service, *, warn: bool = False) -> dict[str, Any]:
    """What is kept of a service; one that cannot be made again is kept without its arguments."""
    try:
        row = service.full_state_dict()
        json.dumps(row)  # a sub-class may have made it
    except Exception as error:  # noqa: BLE001 - of a user's class: its state is told all the same
        if warn:
            why = error if isinstance(error, ServiceError) else f"{service!r} raised {error!r}"
            log.warning("it cannot be started again after this process: %s", why)
        return service._row(None)  # noqa: SLF001 - our own
    return row


def services_of(run: str | Path, path_translator: PathTranslator | None = None) -> dict[str, Service]:
    """Makes the services of a run again, of any time: they can be started from here.

    Imports their classes. What cannot be made again is in the answer too, in
    `ServiceState.ERROR`, and says why. The files of the run are not changed, except logs.

    Args:
        run: Folder of the run, `<workspace>/experiments/<name>/<run id>`.
        path_translator: Where the paths are here; None: where they were.

    Returns:
        The services, by id; stopped.

    Raises:
        ServiceError: There is no such run.
    """
    folder = Path(run).resolve()
    try:
        status = json.loads((folder / "status.json").read_text(encoding="utf-8"))
        rows = dict(status["services"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServiceError(
            f"{folder} is not the folder of a run: expected <workspace>/experiments/<name>/<run id> "
            f"with a status.json ({type(error).__name__}: {error})"
        ) from None
    paths = RunPaths.of(str(folder))
    return {name: _again(name, row, paths, path_translator) for name, row in rows.items()}


def _again(name: str, row: Any, paths: RunPaths, translate: PathTranslator | None) -> Service:
    row = row if isinstance(row, Mapping) else {}
    try:
        service = Service.from_state_dict(row["class"], row["state_dict"], translate)
        service.id = service.id or name
    except Exception as error:  # noqa: BLE001 - a user's class: the others are to be seen
        service = Service()
        service.id = name
        service.set_error(f"{type(error).__name__}: {error}")
    service._belong(paths, row.get("experiment_id", ""), row.get("run_id", ""))  # noqa: SLF001 - our own
    return service


def installed() -> dict[str, type[Service]]:
    """The services that packages offer (entry points `experimaestro.services`), by name.

    One that cannot be imported is left out, with its traceback in the log.
    """
    found: dict[str, type[Service]] = {}
    for point in entry_points(group=GROUP):
        try:  # each alone: the others are to be found
            found[point.name] = point.load()
        except (Exception, SystemExit):  # noqa: BLE001, PERF203 - of a package
            log.exception("the service %s of %s cannot be imported", point.name, point.value)
    return found
