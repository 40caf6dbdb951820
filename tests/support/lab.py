"""A notebook in a real JupyterLab, Notebook 7 or nbclassic, and a real browser: cells are run, views read."""

import contextlib
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import BrowserContext, Locator, Page

from chromium import Chromium
from notebook_server import EXTENSIONS, TOKEN, NotebookServer, notebook_server
from notebooks import write

T = TypeVar("T")

_numbers = itertools.count(1)
"""Of notebooks: several hosts show those of one server"""

SETTINGS = {
    # no questions, and every cell in the page whether it is in sight or not
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": True},
}

NOTEBOOK = """
    const all = [...window.jupyterapp.shell.widgets("main")];
    const panel = all.find((one) => one.content && one.sessionContext);
"""


@contextlib.contextmanager
def lab_server(
    folder: Path,
    base_url: str = "/",
    python: str = sys.executable,
    kernel_python: str = "",
    subshells: str = "",
) -> Iterator[NotebookServer]:
    """Starts a Jupyter server with JupyterLab; in the environment of the tests also Notebook 7 and nbclassic.

    Args:
        folder: See `notebook_server`.
        base_url: Its base URL; one that begins with `/user/` is that of a hub.
        python: The interpreter of its environment.
        kernel_python: The interpreter of its kernels, if that is another one.
        subshells: JupyterLab's setting `commsOverSubshells`; empty: its default.
    """
    environment = {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    if kernel_python:
        environment["JUPYTER_PATH"] = str(folder / "kernel")  # before that of the server's environment
        kernel = folder / "kernel" / "kernels" / "python3"
        kernel.mkdir(parents=True)
        command = [kernel_python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (kernel / "kernel.json").write_text(
            json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}), encoding="utf-8"
        )
    config = folder / "config"
    config.mkdir(parents=True)
    (config / "jupyter_server_config.json").write_text(
        json.dumps({app: {"expose_app_in_browser": True} for app in ("LabApp", "JupyterNotebookApp")}),
        encoding="utf-8",
    )
    settings: dict[str, Any] = dict(SETTINGS)
    if subshells:
        settings["@jupyterlab/apputils-extension/kernels-settings"] = {"commsOverSubshells": subshells}
    for name, values in settings.items():
        path = folder / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    if base_url.startswith("/user/"):
        environment["JUPYTERHUB_SERVICE_PREFIX"] = base_url
    here = python == sys.executable  # another environment may lack some
    extensions = EXTENSIONS if here else ("jupyter_server_proxy", "jupyterlab")
    with notebook_server(folder, base_url, environment, extensions, python) as server:
        yield server


class Notebook:
    """A notebook that is open in a tab of the browser, its kernel ready."""

    prompt = ".jp-InputPrompt"
    """What shows whether a cell runs"""
    outputs = ".jp-OutputArea"
    """What shows the outputs of a cell"""

    def __init__(self, host: "Lab", tab: Page, name: str) -> None:
        self._host = host
        self.name = name
        self.tab = tab
        self.path = host.server.folder / name

    @property
    def view(self) -> Locator:
        """The view of an experiment; the first, if there are more."""
        return self.tab.locator(".xpm").first

    def row(self, **hooks: str) -> Locator:
        """The first row of a job with these values of hooks: `state="killed"`."""
        wanted = "".join(f'[data-{name.replace("_", "-")}="{value}"]' for name, value in hooks.items())
        return self.view.locator(f".xpm-rows > [data-job-id]{wanted}:not([hidden])").first

    def run(self, index: int) -> None:
        """Asks for a cell to be run; does not wait."""
        self.tab.evaluate(
            f"""(index) => {{ {NOTEBOOK}
                panel.content.activeCellIndex = index;
                window.jupyterapp.commands.execute("notebook:run-cell");
            }}""",
            index,
        )

    def wait(self, *indices: int, timeout_s: float = 30.0) -> None:
        """Waits until cells have ended."""
        for index in indices:
            prompt = self._cell(index).locator(self.prompt).first
            prompt.filter(has_text=re.compile(r"\[\d+\]")).wait_for(timeout=1000 * timeout_s)

    def is_running(self, index: int) -> bool:
        """Whether a cell runs."""
        return "[*]" in self._cell(index).locator(self.prompt).first.inner_text()

    def output(self, index: int) -> str:
        """The text below a cell."""
        return self._cell(index).locator(self.outputs).first.inner_text()

    def command(self, name: str) -> None:
        """Runs a command of JupyterLab and waits for its end."""
        self.tab.evaluate("(name) => window.jupyterapp.commands.execute(name)", name)

    def saved(self) -> Any:
        """Saves the notebook and returns what is in its file."""
        self.command("docmanager:save")
        return json.loads(self.path.read_text(encoding="utf-8"))

    def wait_for_cell(self, index: int) -> None:
        """Waits until a cell runs in the kernel, which is busy then."""
        self._cell(index).locator(self.prompt, has_text="[*]").wait_for()
        self.wait_for_status("busy")

    def wait_for_status(self, status: str) -> None:
        """Waits until the front-end shows the kernel as `busy` or `idle`."""
        self.tab.wait_for_function(
            f"(wanted) => {{ {NOTEBOOK} return panel.sessionContext.session.kernel.status === wanted; }}",
            arg=status,
        )

    def wait_until_saved(self, text: str) -> None:
        """Waits until what the first cell would save as HTML has a text."""
        self.tab.wait_for_function(
            f"""(text) => {{ {NOTEBOOK}
                const shown = panel.content.widgets[0].model.sharedModel.getOutputs();
                const html = String(shown[1]?.data?.["text/html"]);
                return new DOMParser().parseFromString(html, "text/html").body.textContent.includes(text);
            }}""",
            arg=text,
            timeout=30_000,
        )

    def interrupt(self) -> None:
        """Interrupts the kernel."""
        self.tab.evaluate(f"() => {{ {NOTEBOOK} return panel.sessionContext.session.kernel.interrupt(); }}")

    def restart(self) -> None:
        """Restarts the kernel."""
        self.tab.evaluate(f"() => {{ {NOTEBOOK} return panel.sessionContext.session.kernel.restart(); }}")

    def reopened(self) -> "Notebook":
        """Ends the kernel, closes the notebook, and opens it again, in a new tab."""
        self.shut_down()
        profile = self.tab.context
        self.tab.close()
        again = self._host.open(profile, self.name)
        self.tab = again.tab
        return again

    def shut_down(self) -> None:
        """Ends the kernel."""
        self.tab.evaluate(f"() => {{ {NOTEBOOK} return panel.sessionContext.shutdown(); }}")

    def _cell(self, index: int) -> Locator:
        return self.tab.locator(".jp-Notebook .jp-CodeCell").nth(index)


class Lab:
    """A Jupyter server and a browser, in which notebooks are opened in JupyterLab."""

    pages = "lab/tree/"
    """Where the pages of notebooks are"""

    def __init__(self, server: NotebookServer, browser: Chromium) -> None:
        self.server = server
        self._browser = browser

    def with_notebook(self, cells: Sequence[str], work: Callable[[Notebook], T]) -> T:
        """Opens a notebook of these cells, and calls a function with it, in the browser's thread."""
        name = f"notebook{next(_numbers)}.ipynb"
        write(self.server.folder / name, cells)

        def in_profile(profile: BrowserContext) -> T:
            notebook = self.open(profile, name)
            try:
                return work(notebook)
            finally:
                notebook.shut_down()

        return self._browser.run(in_profile)

    def open(self, profile: BrowserContext, name: str, timeout_s: float = 60.0) -> Notebook:
        """Opens a notebook in a new tab, and waits until its kernel is ready."""
        tab = self._loaded(profile, name)
        ready = f"""() => {{ if (!window.jupyterapp) return false; {NOTEBOOK}
            const kernel = panel?.sessionContext.session?.kernel;
            const connected = kernel?.connectionStatus === "connected" && kernel.status === "idle";
            return panel?.context.isReady && connected;
        }}"""
        tab.wait_for_function(ready, timeout=1000 * timeout_s)
        return Notebook(self, tab, name)

    def _loaded(self, profile: BrowserContext, name: str) -> Page:
        tab = profile.new_page()
        tab.set_default_timeout(20_000)
        tab.set_viewport_size({"width": 1200, "height": 1000})
        address = f"{self.server.url}{self.pages}{name}?token={TOKEN}&reset"
        tab.goto(address, wait_until="domcontentloaded")
        return tab


class Notebook7(Lab):
    """The same, in Notebook 7."""

    pages = "notebooks/"


class Classic(Lab):
    """The same, in nbclassic."""

    pages = "nbclassic/notebooks/"

    def open(self, profile: BrowserContext, name: str, timeout_s: float = 60.0) -> Notebook:
        """Opens a notebook in a new tab, and waits until its kernel and the widgets are ready."""
        tab = self._loaded(profile, name)
        ready = """() => { const notebook = window.Jupyter?.notebook;
            return notebook?._fully_loaded && notebook.kernel?.is_connected()
                && notebook.kernel.comm_manager.targets["jupyter.widget"];
        }"""
        tab.wait_for_function(ready, timeout=1000 * timeout_s)
        # Nothing tells when its widgets can be shown: a cell that was run at once showed nothing in 7 of 48
        # tries, and in none of 36 after this pause
        tab.wait_for_timeout(2000)
        return ClassicNotebook(self, tab, name)


class ClassicNotebook(Notebook):
    """A notebook that is open in nbclassic."""

    prompt = ".input_prompt"
    outputs = ".output"

    def run(self, index: int) -> None:
        """Asks for a cell to be run; does not wait."""
        self.tab.evaluate("(index) => { Jupyter.notebook.execute_cells([index]); }", index)

    def saved(self) -> Any:
        """Saves the notebook and returns what is in its file."""
        self.tab.evaluate("() => Jupyter.notebook.save_notebook()")
        return json.loads(self.path.read_text(encoding="utf-8"))

    def wait_for_cell(self, index: int) -> None:
        """Waits until a cell runs in the kernel."""
        self._cell(index).locator(self.prompt, has_text="[*]").wait_for()

    def wait_for_status(self, status: str) -> None:
        """Waits until the front-end shows the kernel as `busy` or `idle`."""
        self.tab.locator(f"#kernel_indicator_icon.kernel_{status}_icon").wait_for()

    def wait_until_saved(self, text: str) -> None:
        """Waits until what the first cell would save as HTML has a text."""
        self.tab.wait_for_function(
            """(text) => {
                const shown = Jupyter.notebook.get_cell(0).output_area.outputs;
                const html = String(shown[1]?.data?.["text/html"]);
                return new DOMParser().parseFromString(html, "text/html").body.textContent.includes(text);
            }""",
            arg=text,
            timeout=30_000,
        )

    def interrupt(self) -> None:
        """Interrupts the kernel."""
        self.tab.evaluate("() => Jupyter.notebook.kernel.interrupt()")

    def shut_down(self) -> None:
        """Ends the kernel."""
        self.tab.evaluate("() => new Promise((done) => Jupyter.notebook.session.delete(done, done))")

    def _cell(self, index: int) -> Locator:
        return self.tab.locator(".code_cell").nth(index)
