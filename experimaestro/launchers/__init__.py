"""How a job becomes a process: one module for each way, behind the protocol of `base`."""

from experimaestro.launchers.base import Launcher as Launcher
