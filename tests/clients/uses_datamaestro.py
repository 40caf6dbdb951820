"""datamaestro: a data set is declared, downloaded from this machine, and read by a task.

Outside of an experiment it is downloaded at once; inside, before the first task that uses it.
"""

import functools
import http.server
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from datamaestro.context import Context, prepare_dataset
from datamaestro.data.csv import Matrix
from datamaestro.definitions import Dataset, dataset
from datamaestro.download.single import FileDownloader
from datamaestro.settings import Settings, UserSettings
from experimaestro.rpyc import client

from experimaestro import Param, Task, experiment
from experimaestro.exceptions import SettingsError


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on this machine, with a small file."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "numbers.csv").write_text("a,b\n1,2\n3,6\n", encoding="utf-8")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/numbers.csv"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module", autouse=True)
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The folder of the data sets; datamaestro has one in a process."""
    return Context(tmp_path_factory.mktemp("datamaestro"))


def numbers(url: str, name: str):
    """A data set with one file, as a repository declares it."""

    class Numbers(Dataset):
        TABLE = FileDownloader("numbers.csv", url)

        def config(self) -> Matrix:
            return Matrix.C(path=self.TABLE.path, names_row=0)

    Numbers.__module__ = f"datamaestro.config.{name}"
    Numbers.__qualname__ = "Numbers"
    return dataset(url="http://127.0.0.1")(Numbers).__dataset__


class Mean(Task):
    """The mean of a table."""

    data: Param[Matrix]

    def execute(self) -> None:
        names, values = self.data.data()
        print(json.dumps([names, values.mean()]))


def test_a_data_set_is_downloaded_at_once_outside_of_an_experiment(url: str):
    table = prepare_dataset(numbers(url, "at_once"))

    assert table.path.read_text(encoding="utf-8") == "a,b\n1,2\n3,6\n"
    names, values = table.instance().data()
    assert names == ["a", "b"]
    assert values.tolist() == [[1, 2], [3, 6]]


def test_a_data_set_is_downloaded_before_the_task_that_uses_it(url: str, tmp_path: Path):
    with experiment(tmp_path, "mean", display=False):
        table = prepare_dataset(numbers(url, "deferred"))
        assert not table.path.exists()
        task = Mean.C(data=table).submit()

    assert json.loads(task.stdout().read_text(encoding="utf-8")) == [["a", "b"], 3.0]


def test_settings_are_kept_in_a_file(tmp_path: Path):
    file = tmp_path / "new" / "settings.json"
    settings = Settings.load(file)
    assert settings.datafolders == {}
    settings.datafolders["corpora"] = str(tmp_path)
    settings.save()

    assert Settings.load(file).datafolders == {"corpora": str(tmp_path)}
    assert json.loads(file.read_text(encoding="utf-8"))["datafolders"] == {"corpora": str(tmp_path)}


def test_settings_that_are_wrong_name_the_file_and_the_key(tmp_path: Path):
    file = tmp_path / "user.json"
    file.write_text('{"agreements": {"a": 1}}', encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        UserSettings.load(file)
    assert str(caught.value) == (
        f'{file}: {{"agreements": {{"a": {{"value": ["Not a valid string."]}}}}}}. Mend it, or move it away'
    )


def test_another_python_has_its_data_sets(tmp_path: Path):
    with client(hostname=None, pythonpath=sys.executable) as other:
        modules = other.connection.modules
        assert modules.os.getpid() != os.getpid()
        assert str(modules.datamaestro.context.Context(tmp_path).datapath) == str(tmp_path / "data")
