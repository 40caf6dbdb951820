"""The services of a run, for its views: rows, what a link needs, start and stop.

Rules: a description is a user's code, so that it is called in the feed's thread or a pool's, never in
the scheduler's, and one that fails is a row that says so. What lets in is in an answer to the view that
asked, never in a row.
"""

import logging
from typing import Any

from experimaestro.exceptions import ExperimaestroError
from experimaestro.monitor.messages import Do, Message, Refused, refusal, reply
from experimaestro.monitor.printable import printable
from experimaestro.scheduler.services import Service, Services, WebService

_LAST = 40
"""Lines of an error that a row has after the first one: the last ones, as of a traceback"""

log = logging.getLogger("experimaestro.monitor")


class Serving:
    """The services of a run.

    Args:
        services: None for a run that has none.
    """

    def __init__(self, services: Services | None) -> None:
        self._services: Services | None = services

    def rows(self) -> list[dict[str, Any]]:
        """A row for each, as JSON values, in the order in which they were added."""
        return [_row(service) for service in tuple((self._services or {}).values())]

    def link(self, service_id: str) -> object:
        """What a browser needs to make the link to a page; None unless it runs.

        Raises:
            Refused: There is no such service.
        """
        return self._with_page(service_id).link()

    def log(self, service_id: str) -> str:
        """The end of what a service printed.

        Raises:
            Refused: There is no such service, or the disk does not tell.
        """
        try:
            return self._find(service_id).log_tail()
        except OSError as error:
            raise Refused(f"the log cannot be read: {error}") from None

    def perform(self, command: Do) -> Message:
        """Starts or stops a service; waits until it is stopped.

        Args:
            command: `start service` or `stop service`.
        """
        try:
            service = self._with_page(command.service)
            if command.do == "start service":
                service.start()
            else:
                service.stop()
        except (Refused, ExperimaestroError) as error:
            return refusal(command.id, str(error))
        return reply(command.id)

    def _find(self, service_id: str) -> Service:
        service = None if self._services is None else self._services.get(service_id)
        if service is None:
            raise Refused(f"this run has no service {service_id!r}")
        return service

    def _with_page(self, service_id: str) -> WebService:
        service = self._find(service_id)
        if not isinstance(service, WebService):
            raise Refused(f"the service {service_id!r} has no page, and cannot be started")
        return service


def _row(service: Service) -> dict[str, Any]:
    try:
        row = service.describe()
    except Exception as error:  # a user's description must not end the view of all the others
        log.warning("the service %r cannot be described", service.id, exc_info=True)
        row = {
            "id": service.id,
            "description": service.id,
            "state": service.state.name.lower(),
            "error": repr(error),
        }
    said, *more = (row["error"] or "").splitlines() or [""]
    return {
        "id": row["id"],
        "name": printable(row["description"] or row["id"]),
        "state": row["state"],
        "error": "\n".join(printable(line) for line in (said, *more[-_LAST:])),
        "port": row.get("port"),
        "can_start": row.get("can_start", False),
        "can_stop": row.get("can_stop", False),
    }
