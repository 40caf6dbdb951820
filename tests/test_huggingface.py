"""Configurations on the Hugging Face hub: the real client, in a process of its own, against a hub of ours."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from experimaestro import Config, DataPath, Param
from experimaestro.exceptions import ConfigurationError
from experimaestro.huggingface import ExperimaestroHFHub

COMMIT = "c" * 40


class Model(Config):
    """Has weights."""

    size: Param[int]
    weights: DataPath

    def read(self) -> str:
        return self.weights.read_text()


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as its client needs for small files."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def answer(self, content: Any, **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(200)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        path = unquote(self.path)
        if path == "/api/repos/create":
            self.answer({"url": f"{self.endpoint}/me/model", "name": "me/model", "id": "me/model"})
        elif path == "/api/models/me/model/preupload/main":
            asked = json.loads(data)["files"]
            self.answer(
                {
                    "files": [
                        {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked
                    ]
                }
            )
        elif path == "/api/models/me/model/commit/main":
            for line in map(json.loads, data.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.answer(
                {
                    "commitUrl": f"{self.endpoint}/me/model/commit/{COMMIT}",
                    "commitOid": COMMIT,
                    "success": True,
                }
            )
        else:
            self.send_error(404, path)

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        start, _, name = path.partition("/me/model/resolve/")
        name = name.partition("/")[2]
        if start == "" and name in self.files:
            content = self.files[name]
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            self.answer(content, ETag=etag, X_Repo_Commit=COMMIT)
        elif (
            path.startswith(("/api/models/me/model/revision/", "/api/models/me/model")) and "tree" not in path
        ):
            siblings = [{"rfilename": name} for name in self.files]
            self.answer({"id": "me/model", "sha": COMMIT, "siblings": siblings, "private": False})
        elif "/tree/" in path:
            self.answer(
                [
                    {"type": "file", "path": name, "size": len(data), "oid": "0"}
                    for name, data in self.files.items()
                ]
            )
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_HEAD = do_GET  # noqa: N815 - same

    @property
    def endpoint(self) -> str:
        assert isinstance(self.server, ThreadingHTTPServer)
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub() -> Iterator[tuple[str, dict[str, bytes]]]:
    """The address of a hub, and the files of its one repository."""
    files: dict[str, bytes] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OurHub", (Hub,), {"files": files}))
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", files
    server.shutdown()
    thread.join()
    server.server_close()


def python(code: str, endpoint: str, folder: Path) -> str:
    """What Python prints that asks the hub at an address."""
    surroundings = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / "home"),
        "HF_TOKEN": "hf_of_nobody",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
    }
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


MODELS = """
from experimaestro import Config, DataPath, Param

class Model(Config):
    size: Param[int]
    weights: DataPath

    def read(self):
        files = self.weights
        return files.read_text() if files.is_file() else sorted(one.name for one in files.iterdir())
"""

PUSH = """
from models import Model
from experimaestro.huggingface import ExperimaestroHFHub
print(ExperimaestroHFHub(Model.C(size=3, weights="data")).push_to_hub("me/model"))
"""

PULL = """
from experimaestro.huggingface import ExperimaestroHFHub
model = ExperimaestroHFHub.from_pretrained("me/model", as_instance=True)
print(model.size, model.read())
"""


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_model_goes_to_the_hub_with_its_data_and_comes_back(
    *, is_folder: bool, hub: tuple[str, dict[str, bytes]], tmp_path: Path
):
    endpoint, files = hub
    (tmp_path / "models.py").write_text(MODELS)
    data = tmp_path / "data"
    if is_folder:
        data.mkdir()
        (data / "a.bin").write_text("weights")
        (data / "b.bin").write_text("more")
    else:
        data.write_text("weights")
    assert python(PUSH, endpoint, tmp_path) == f"{endpoint}/me/model/commit/{COMMIT}\n"
    names = {"weights/a.bin", "weights/b.bin"} if is_folder else {"weights"}
    assert files.keys() == {"experimaestro.json", *names}
    expected = "3 ['a.bin', 'b.bin']\n" if is_folder else "3 weights\n"
    assert python(PULL, endpoint, tmp_path) == expected


def test_a_folder_needs_no_hub_and_its_package_is_not_loaded(tmp_path: Path):
    (tmp_path / "w").write_text("weights")
    config = Model.C(size=3, weights=tmp_path / "w")
    assert ExperimaestroHFHub(config.instance()).save_pretrained(tmp_path / "saved") is None
    found = ExperimaestroHFHub.from_pretrained(tmp_path / "saved")
    assert (found.size, found.weights) == (3, tmp_path / "saved/weights")
    assert ExperimaestroHFHub.from_pretrained(tmp_path / "saved", as_instance=True).read() == "weights"
    assert "huggingface_hub" not in sys.modules


def test_a_library_adds_files_and_loads_in_its_way(tmp_path: Path):
    class OurHub(ExperimaestroHFHub):
        def _save_pretrained(self, save_directory: Path) -> None:
            super()._save_pretrained(save_directory)
            (save_directory / "README.md").write_text("Ours")

        @classmethod
        def _from_pretrained(cls, *, model_id: str, **options: Any) -> Any:
            return super()._from_pretrained(model_id=model_id, **options).size

    (tmp_path / "w").write_text("weights")
    OurHub(Model.C(size=3, weights=tmp_path / "w")).save_pretrained(tmp_path / "saved")
    assert sorted(os.listdir(tmp_path / "saved")) == ["README.md", "experimaestro.json", "weights"]
    assert OurHub.from_pretrained(tmp_path / "saved", resume_download=None) == 3


def test_without_the_package_the_hub_says_what_to_install(tmp_path: Path):
    code = """
import sys
sys.modules["huggingface_hub"] = None
from experimaestro.huggingface import ExperimaestroHFHub
try:
    ExperimaestroHFHub.from_pretrained("me/model")
except ImportError as error:
    print(type(error).__name__, error)
"""
    assert python(code, "http://127.0.0.1:9", tmp_path) == (
        "NotInstalledError the Hugging Face hub needs a package that is not installed: "
        "pip install huggingface_hub\n"
    )


def test_what_is_no_configuration_is_refused(tmp_path: Path):
    with pytest.raises(
        ConfigurationError, match=r"^ExperimaestroHFHub\(int object\): expected a configuration"
    ):
        ExperimaestroHFHub(3).save_pretrained(tmp_path)
