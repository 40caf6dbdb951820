"""One Jupyter server and one browser for all tests of this folder."""

import os
import sys
from collections.abc import Iterator

import pytest

from chromium import Chromium, chromium
from lab import Classic, Lab, Notebook7, lab_server


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="session")
def lab(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    other = {  # of tests/tools/kernels.py
        "python": os.environ.get("XPM_SERVER_PYTHON", sys.executable),
        "kernel_python": os.environ.get("XPM_KERNEL_PYTHON", ""),
        "subshells": os.environ.get("XPM_SUBSHELLS", ""),
    }
    with lab_server(tmp_path_factory.mktemp("lab"), **other) as server:
        yield Lab(server, browser)


@pytest.fixture(params=[Lab, Notebook7, Classic], ids=["JupyterLab", "Notebook 7", "nbclassic"])
def host(request: pytest.FixtureRequest, lab: Lab, browser: Chromium) -> Lab:
    """Each of the front-ends."""
    kind: type[Lab] = request.param
    return kind(lab.server, browser)
