"""This machine."""

from functools import cache
from pathlib import Path

from experimaestro.connectors.base import Connector
from experimaestro.settings import config_folder


class LocalConnector(Connector):
    """This machine, as users' `launchers.py` names it: `DirectLauncher(LocalConnector.instance())`."""

    def __init__(self, localpath: Path | None = None) -> None:
        super().__init__(config_folder() if localpath is None else localpath)

    @staticmethod
    @cache
    def instance() -> "LocalConnector":
        """The one that stands for this machine."""
        return LocalConnector()

    def __repr__(self) -> str:
        return "LocalConnector()"
