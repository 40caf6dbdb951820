"""Paths to data that belongs to a configuration: copied when it is saved.

A module of its own, since only those who use it need `pathlib`.
"""

from pathlib import Path
from typing import Annotated

from experimaestro.core.arguments import DataMark, Kind, KindMark

DataPath = Annotated[Path, KindMark(Kind.META), DataMark()]
"""A path to data: it does not count, and what it leads to is copied when the configuration is saved."""
OptionalDataPath = Annotated[Path | None, KindMark(Kind.META), DataMark()]
"""A `DataPath`, or None."""
