"""How a job becomes a process: users give a `Launcher`, the scheduler asks `Processes`."""

from experimaestro.launchers.base import Launcher as Launcher
from experimaestro.launchers.direct import DirectLauncher as DirectLauncher
