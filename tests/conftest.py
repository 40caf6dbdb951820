"""What every test gets: the guards (tests/support/guards.py), and nothing else by itself."""

import signal

from guards import guarded

__all__ = ["guarded"]

# A shell that starts the suite in the background makes it ignore Ctrl-C, and what the tests start too.
signal.signal(signal.SIGINT, signal.default_int_handler)
