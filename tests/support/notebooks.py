"""Notebooks without Jupyter: their files, and in this process the shell that runs the cells of a kernel."""

import atexit
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config as Settings


class Notebook:
    """Cells that run one after the other in one namespace."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell

    def run(self, cell: str) -> Any:
        """Runs a cell; returns its last value, or raises what it raised."""
        result = self.shell.run_cell(cell, store_history=True)  # type: ignore[no-untyped-call] # IPython's
        result.raise_error()
        return result.result

    def name_cells_as_kernels_do(self) -> None:
        """Gives cells of one text one name, that of a file which is not there."""

        class Compiler(CachingCompiler):
            def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:  # noqa: ARG002 - IPython's
                return f"/tmp/ipykernel_1/{sha256(raw_code.encode()).hexdigest()}.py"

        self.shell.compile = Compiler()  # type: ignore[no-untyped-call] # IPython's

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.shell.user_ns[name] = value


@contextmanager
def opened(folder: Path) -> Iterator[Notebook]:
    """A new notebook; the settings of the person who runs the tests are not read."""
    main, hook = sys.modules["__main__"], sys.excepthook
    settings = Settings()
    settings.HistoryManager.enabled = False
    folder = folder / "ipython"
    shell = InteractiveShell(config=settings, ipython_dir=str(folder))  # type: ignore[no-untyped-call] # same
    shell.xmode = "Minimal"
    shell.loop_runner = shell.loop_runner_map["sync"][0]  # no event loop that stays open
    try:
        yield Notebook(shell)
    finally:
        shell.reset(new_session=False)  # type: ignore[no-untyped-call] # same
        atexit.unregister(shell.atexit_operations)
        sys.modules["__main__"] = main
        sys.excepthook = hook
        for name in ("ps1", "ps2", "ps3"):  # which tell that a session is interactive
            vars(sys).pop(name, None)


def write(path: Path, cells: Sequence[str]) -> None:
    """Writes a notebook."""
    empty: dict[str, Any] = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [{**empty, "id": f"c{i}", "source": cell} for i, cell in enumerate(cells)],
    }
    path.write_text(json.dumps(notebook), encoding="utf-8")
