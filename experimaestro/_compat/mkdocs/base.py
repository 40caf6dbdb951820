"""The plug-in `experimaestro` of MkDocs, which other plug-ins ask for the names of configuration classes."""

from contextlib import suppress
from importlib import import_module
from typing import Any

_Base: Any = object  # asked for by name only, where MkDocs is not installed
with suppress(ImportError):
    import_module("mkdocs.config.config_options")  # plug-ins find it as an attribute of mkdocs.config
    _Base = import_module("mkdocs.plugins").BasePlugin


class Documentation(_Base):  # type: ignore[misc] # of MkDocs, which may be missing
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
