"""Where jobs run: the machine that a launcher starts processes on. Here: this one (`local`)."""

from experimaestro.connectors.base import Connector as Connector
from experimaestro.connectors.process import Process as Process
