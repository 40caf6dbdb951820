"""The plug-in `experimaestro` of MkDocs, which other plug-ins ask for the names of configuration classes."""

from typing import Any

try:
    from mkdocs.plugins import BasePlugin
except ImportError:  # asked for by name only, where MkDocs is not installed
    BasePlugin = object


class Documentation(BasePlugin):  # type: ignore[misc] # MkDocs may be missing
    """Names configuration classes for pages that other plug-ins write."""

    @staticmethod
    def getConfigLink(_page_url: str, config: Any) -> tuple[str, str | None]:  # noqa: N802 - of the old API
        """The name of a configuration class, and the address of its page, if it has one.

        Args:
            config: The class.

        Returns:
            `package.module.Class`, and None: no pages of classes are made with MkDocs.
        """
        return f"{config.__module__}.{config.__qualname__}", None
