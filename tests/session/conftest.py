"""Where the tests of this folder have their workspace, and where their jobs leave a line each."""

from pathlib import Path

import pytest


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(tmp_path / "log")
