"""The old path of `experimaestro.cache` and `experimaestro.tags`."""

from experimaestro.core.tags import tags
from experimaestro.workspace.cached import cache

__all__ = ["cache", "tags"]
