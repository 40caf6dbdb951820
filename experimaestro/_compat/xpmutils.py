"""The old path of `experimaestro.DirectoryContext`."""

from experimaestro.core.objects import DirectoryContext

__all__ = ["DirectoryContext"]
