"""A service as an ipywidget: its state, its link, the end of its log, Start and Stop.

Rules: one widget for each service; what lets in is sent to the browser when it asks, and never a value
of the widget, which a notebook saves. Values change in the main thread.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from weakref import WeakKeyDictionary

import traitlets
from anywidget import AnyWidget

from experimaestro.exceptions import ServiceError
from experimaestro.notebook import kernel
from experimaestro.scheduler.services import Service, ServiceListener, WebService

STATIC = Path(__file__).parents[1] / "monitor" / "static"
"""Where the built front-end is"""

_widgets: "WeakKeyDictionary[Service, ServiceWidget]" = WeakKeyDictionary()


class ServiceWidget(AnyWidget):
    """The display of a service. Its values can be observed and linked, as of any ipywidget.

    Attributes:
        state: `stopped`, `starting`, `running`, `stopping` or `error`.
        error: What went wrong, and what to do; "" if nothing did.
        link: The address of its page as the browser that shows it built it; "" before.
    """

    _esm = STATIC / "service.js"
    _css = STATIC / "widget.css"

    state = traitlets.Unicode("stopped", read_only=True).tag(sync=True)
    error = traitlets.Unicode("", read_only=True).tag(sync=True)
    link = traitlets.Unicode("", read_only=True).tag(sync=True)
    row = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self._listener = _Changes(self)
        service.add_listener(self._listener)
        kernel.listen(self, self._take)
        self._show()

    def close(self) -> None:
        """Ends the views. The service goes on, and has another widget when it is asked for one."""
        _widgets.pop(self._service, None)
        self._service.remove_listener(self._listener)
        kernel.forget(self.comm)
        super().close()

    def _show(self) -> None:
        row = self._service.describe()
        shown = {name: row[name] for name in _SHOWN}
        with self.hold_sync():
            self.set_trait("row", shown)
            self.set_trait("state", row["state"])
            self.set_trait("error", row["error"] or "")
            if row["port"] is None:
                self.set_trait("link", "")

    def changed(self) -> None:
        """The service has changed; called in any thread."""
        kernel.in_main_thread(self._show)

    def _take(self, content: object) -> None:
        """What a view sent, in any thread; what makes no sense is left alone."""
        if not isinstance(content, dict):
            return
        said, service = content.get("t"), self._service
        if said == "log":
            self.send({"t": "log", "text": self._log()})
        elif isinstance(service, WebService):  # with what has no page nothing else can be done
            try:
                self._perform(service, said, content)
            except ServiceError as error:  # its last life goes on, or the template of links is wrong
                text = str(error)
                kernel.in_main_thread(lambda: self.set_trait("error", text))

    def _perform(self, service: WebService, said: object, content: Mapping[str, object]) -> None:
        link = content.get("link")
        if said == "start" and self.row["can_start"]:
            service.start()
        elif said == "stop" and self.row["can_stop"]:
            threading.Thread(target=service.stop, name="experimaestro-stop", daemon=True).start()
        elif said == "place":
            place = service.link()
            self.send({"t": "place", "port": None if place is None else place["port"], "place": place})
        elif said == "link" and isinstance(link, str):
            kernel.in_main_thread(lambda: self.set_trait("link", link))

    def _log(self) -> str:
        try:
            return self._service.log_tail()
        except OSError as error:
            return f"The log cannot be read: {error}"


_SHOWN = ("id", "description", "state", "error", "port", "can_start", "can_stop")


class _Changes(ServiceListener):
    def __init__(self, widget: ServiceWidget) -> None:
        self._widget = widget

    def service_state_changed(self, service: Service) -> None:  # noqa: ARG002 - the widget knows it
        self._widget.changed()


def widget_of(service: Service) -> ServiceWidget:
    """The widget of a service, made if there is none."""
    widget = _widgets.get(service)
    if widget is None:
        widget = _widgets[service] = ServiceWidget(service)
    return widget
