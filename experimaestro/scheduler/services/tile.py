"""The tile of JupyterLab's launcher that opens TensorBoard over the workspaces of a folder.

jupyter-server-proxy finds `tensorboard` by an entry point, in the environment of the Jupyter
*server*: experimaestro and TensorBoard must be installed there. The server starts TensorBoard at
the first click, on a socket that only its user can open, and asks for its own login.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_PROGRAM = "experimaestro.scheduler.services.tensorboard_server"


def tensorboard() -> dict[str, Any]:
    """What jupyter-server-proxy asks for: the command, and how the tile looks."""
    return {
        "command": [sys.executable, "-m", _PROGRAM, "--under", ".", "--unix-socket", "{unix_socket}"],
        "unix_socket": True,
        "timeout": 60,
        "new_browser_tab": True,
        "launcher_entry": {
            "title": "TensorBoard of experiments",
            "icon_path": str(Path(__file__).with_name("tensorboard.svg")),
            "enabled": find_spec("tensorboard") is not None,
        },
    }
