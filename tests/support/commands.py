"""Commands in processes of their own, as a person types them at a terminal of 120 columns."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

EXPERIMENT = '''\
from __future__ import annotations

from experimaestro import Param, Task, tag
from experimaestro.experiments import ConfigurationBase, ExperimentHelper, configuration


class Train(Task):
    """Trains."""

    lr: Param[float]

    def execute(self):
        print(f"lr is {self.lr}")
        if self.lr < 0:
            raise ValueError("lr must not be negative")


@configuration
class Configuration(ConfigurationBase):
    lr: float = 1e-3
    sizes: list[int] = [1]


def run(helper: ExperimentHelper, cfg: Configuration):
    for size in cfg.sizes:
        Train.C(lr=tag(cfg.lr * size)).submit()
'''
"""An experiment whose tasks fail if `lr` is negative"""

YAML = "id: first\nfile: experiment\n"
"""The file that describes it"""


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@contextlib.contextmanager
def start(folder: Path, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """Starts a command in a folder; its home is empty. It is ended if the block fails."""
    environment = {
        **os.environ,
        "HOME": str(folder / "home"),
        "COLUMNS": "120",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "experimaestro", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        text=True,
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def run(folder: Path, *words: str) -> Ended:
    """Runs a command in a folder."""
    with start(folder, *words) as process:
        out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def write(folder: Path, texts: "dict[str, str]") -> None:
    """Writes files, and the folders above them."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def project(folder: Path) -> Path:
    """Writes an experiment and its YAML file into a folder, and returns the folder."""
    write(folder, {"experiment.py": EXPERIMENT, "full.yaml": YAML})
    return folder


def names(folder: Path) -> list[str]:
    """All that is in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
