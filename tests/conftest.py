"""What every test gets: the guards (tests/support/guards.py), and nothing else by itself."""

from guards import guarded

__all__ = ["guarded"]
