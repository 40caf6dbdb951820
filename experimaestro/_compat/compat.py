"""What older Pythons lacked and older packages import from here."""

from functools import cached_property

__all__ = ["cached_property"]
