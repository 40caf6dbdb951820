"""One JupyterLab and one browser for all tests of this folder."""

import os
from collections.abc import Iterator

import pytest

from chromium import Chromium, chromium
from lab import Lab, lab_server


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="session")
def lab(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    other = {  # of tests/tools/kernels.py
        "kernel_python": os.environ.get("XPM_KERNEL_PYTHON", ""),
        "subshells": os.environ.get("XPM_SUBSHELLS", ""),
    }
    with lab_server(tmp_path_factory.mktemp("lab"), **other) as server:
        yield Lab(server, browser)
