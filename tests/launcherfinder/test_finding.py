"""Asking `launchers.py`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from experimaestro.exceptions import LauncherNotFoundError
from experimaestro.launcherfinder import cuda_gpu, find_launcher
from experimaestro.launchers.direct import DirectLauncher
from experimaestro.settings import set_config_folder


@pytest.fixture
def launchers(tmp_path: Path) -> Iterator[Path]:
    set_config_folder(tmp_path)
    yield tmp_path / "launchers.py"
    set_config_folder(None)


def test_without_launchers_py_the_job_is_run_here_and_that_is_said_once(
    launchers: Path, capsys: pytest.CaptureFixture[str]
):
    assert isinstance(find_launcher("cuda(mem=4G)"), DirectLauncher)
    assert isinstance(find_launcher("cuda(mem=4G)"), DirectLauncher)

    assert capsys.readouterr().err == (
        f"experimaestro: there is no {launchers}: what needs cuda(mem=4G) is run on this machine, "
        "whatever it has\n"
    )


def test_launchers_py_is_given_all_alternatives_and_the_tags(launchers: Path):
    launchers.write_text(
        "def find_launcher(requirements, tags=set()):\n    return str(requirements), sorted(tags)\n",
        encoding="utf-8",
    )

    found = find_launcher("duration=2h & cuda(mem=4G)", cuda_gpu(mem="1G"), tags={"slurm"})

    assert found == ("duration=2h & cuda(mem=4G) | cuda(mem=1G)", ["slurm"])


def test_a_launcher_that_is_not_found_is_an_error(launchers: Path):
    launchers.write_text("def find_launcher(requirements, tags=set()): ...\n", encoding="utf-8")

    with pytest.raises(LauncherNotFoundError) as caught:
        find_launcher("cuda(mem=4G)")

    assert str(caught.value) == f"{launchers}: find_launcher knows no launcher that has cuda(mem=4G)"


@pytest.mark.parametrize("taken", ["()", "(requirements)"])
def test_a_function_that_takes_other_arguments_is_an_error(launchers: Path, taken: str):
    launchers.write_text(f"def find_launcher{taken}: ...\n", encoding="utf-8")

    with pytest.raises(LauncherNotFoundError) as caught:
        find_launcher("cuda(mem=4G)")

    assert str(caught.value) == (
        f"{launchers}: find_launcher must take two arguments, (requirements, tags=set()), it takes {taken}"
    )


def test_a_folder_in_the_place_of_the_file_is_an_error(launchers: Path):
    launchers.mkdir()

    with pytest.raises(LauncherNotFoundError) as caught:
        find_launcher("cuda(mem=4G)")

    assert str(caught.value) == f"{launchers}: expected a Python file, found a folder"


def test_a_file_without_the_function_is_an_error(launchers: Path):
    launchers.touch()

    with pytest.raises(LauncherNotFoundError) as caught:
        find_launcher("cuda(mem=4G)")

    assert str(caught.value) == f"{launchers}: there is no function find_launcher(requirements, tags=set())"
