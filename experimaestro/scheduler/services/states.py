"""The states of a service, and every change that can happen.

`NEXT` is the whole truth: a service looks each change up here and refuses what is not there.
The states are no part of a job's: a service has no result, and starting it again loses nothing.
"""

import enum
from collections.abc import Mapping


class ServiceState(enum.Enum):
    """Where a service stands."""

    STOPPED = 0
    """Not started, or ended because somebody asked for it"""
    STARTING = 1
    """Started; does not answer yet"""
    RUNNING = 2
    """Answers"""
    STOPPING = 3
    """Asked to stop; has not ended yet"""
    ERROR = 4
    """Did not become ready, or ended by itself: `Service.error` says why"""


_S = ServiceState

NEXT: Mapping[ServiceState, frozenset[ServiceState]] = {
    _S.STOPPED: frozenset({_S.STARTING, _S.RUNNING, _S.ERROR}),  # RUNNING: one that needs no time to start
    _S.STARTING: frozenset({_S.RUNNING, _S.STOPPING, _S.STOPPED, _S.ERROR}),
    _S.RUNNING: frozenset({_S.STOPPING, _S.STOPPED, _S.ERROR}),
    _S.STOPPING: frozenset({_S.STOPPED, _S.ERROR}),
    _S.ERROR: frozenset({_S.STARTING, _S.RUNNING, _S.STOPPED}),
}
"""The states that can follow each state. What is not here cannot happen."""
