"""What is done, and by whom: `engine` decides, `loop` does."""

from pathlib import Path

from experimaestro.scheduler.modes import RunMode as RunMode

# Old paths: experimaestro.scheduler.experiment and others
__path__.append(str(Path(__path__[0]).parent / "_compat" / "scheduler"))
