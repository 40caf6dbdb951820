"""Python of another machine, through ssh and RPyC: what `datamaestro --host` uses.

RPyC is needed on both machines and is no dependency of this package. Nothing listens on a port: the
other Python speaks on its standard input and output, which ssh carries.
"""

import shlex
from importlib import import_module
from types import TracebackType
from typing import Any

from experimaestro.exceptions import NotInstalledError

_SERVE = """
import os, sys
from rpyc.core.service import SlaveService
from rpyc.core.stream import PipeStream
answers = os.fdopen(os.dup(1), "wb", 0)
os.dup2(2, 1)
from rpyc.utils.factory import connect_stream
connect_stream(PipeStream(os.fdopen(os.dup(0), "rb", 0), answers), SlaveService).serve_all()
"""
"""What the other Python executes: what is printed there goes to the error stream"""


class client:  # noqa: N801 - the name of the compatible API
    """A connection to Python on another machine, for a `with` block.

    Args:
        hostname: The machine, as ssh knows it; None: a new process of this one.
        pythonpath: The Python there.

    Attributes:
        connection: The connection: `connection.modules.NAME` is a module there.

    Raises:
        NotInstalledError: RPyC is not installed here.
    """

    connection: Any

    def __init__(self, hostname: str | None = None, pythonpath: str = "python") -> None:
        try:
            self._rpyc: Any = import_module("rpyc")
        except ImportError:
            raise NotInstalledError(
                "a connection to another machine needs RPyC: pip install rpyc (here and there)"
            ) from None
        self._command = [pythonpath, "-c", _SERVE]
        if hostname is not None:
            self._command = ["ssh", hostname, shlex.join(self._command)]

    def __enter__(self) -> "client":  # noqa: PYI034 - not to be derived from
        self.connection = self._rpyc.utils.factory.connect_subproc(
            self._command, self._rpyc.core.service.ClassicService
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        self.connection.proc.wait()
