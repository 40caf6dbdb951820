"""What every test gets: the guards (tests/support/guards.py), and nothing else by itself."""

import signal

from hypothesis import HealthCheck, settings

from guards import guarded

__all__ = ["guarded"]

# A shell that starts the suite in the background makes it ignore Ctrl-C, and what the tests start too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says what else the machine does.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
