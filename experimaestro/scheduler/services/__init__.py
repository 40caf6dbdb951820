"""Services of an experiment: pages such as TensorBoard that live as long as it does.

Laws: nothing starts by itself; everything of ours listens on 127.0.0.1; nothing is left behind
when the process that started it is gone; no address that is kept anywhere has a token.

What a view needs, and nothing else:

- `xp.services`: a mapping from id to `Service`; `xp.services.listen(changed)` calls
  ``changed(service)`` when one is added or changes, in the thread of the change, and returns what
  ends it; `xp.services.describe()` gives the rows of all.
- `service.describe()`: a row of JSON values that may be kept: `id`, `description`, `state`
  (``stopped starting running stopping error``), `error`, `port`, `path`, `can_start`, `can_stop`,
  `log`, `subservices`.
- `service.link()`: what `resolve` of `monitor/frontend/src/service_link.js` turns into a link; it has
  the token, so it is sent when asked for and never kept (no trait, no snapshot).
- `service.start()` returns at once; `service.stop()` waits up to 3 s: call it in a thread.

| module | what it is for |
| --- | --- |
| `states` | the states and what can follow each |
| `service`, `web`, `process` | a service; one with a page, from a thread; one from a command |
| `command`, `tensorboard` | those that are ready made |
| `collection` | the services of a run, of this process or of the past |
| `links`, `gate` | where a page is, and who may see it |
| `ports`, `keeper`, `runs_by_tags`, `tensorboard_server`, `tile` | what they are made of |
"""

from experimaestro.scheduler.services.collection import Services, installed, services_of
from experimaestro.scheduler.services.command import CommandService
from experimaestro.scheduler.services.gate import TokenGate
from experimaestro.scheduler.services.process import ProcessWebService
from experimaestro.scheduler.services.service import Service, ServiceListener
from experimaestro.scheduler.services.states import ServiceState
from experimaestro.scheduler.services.tensorboard import TensorBoardService
from experimaestro.scheduler.services.web import WebService

__all__ = [
    "CommandService",
    "ProcessWebService",
    "Service",
    "ServiceListener",
    "ServiceState",
    "Services",
    "TensorBoardService",
    "TokenGate",
    "WebService",
    "installed",
    "services_of",
]
