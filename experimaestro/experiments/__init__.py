"""Experiments described by a YAML file: a typed configuration, and a function that submits tasks.

    @configuration
    class Configuration(ConfigurationBase):
        lr: float = 1e-3

    def run(helper: ExperimentHelper, cfg: Configuration):
        Train.C(lr=cfg.lr).submit()

Nothing is loaded here but the names that users' code imports; a job that loads the code of an
experiment loads no command line and no scheduler.
"""

from typing import TYPE_CHECKING, Any

from experimaestro.documents.fields import MISSING
from experimaestro.experiments.configuration import ConfigurationBase, configuration
from experimaestro.experiments.grid import GridSearch, generate_grid
from experimaestro.experiments.helper import ExperimentCallable, ExperimentHelper
from experimaestro.experiments.mocking import mock_modules, noop_decorator
from experimaestro.workspace.git import DirtyGitAction

if TYPE_CHECKING:
    from experimaestro.experiments.cli import experiments_cli
    from experimaestro.experiments.running import run_experiment

__all__ = [
    "MISSING",
    "ConfigurationBase",
    "DirtyGitAction",
    "ExperimentCallable",
    "ExperimentHelper",
    "GridSearch",
    "configuration",
    "experiments_cli",
    "generate_grid",
    "mock_modules",
    "noop_decorator",
    "run_experiment",
]


def __getattr__(name: str) -> Any:
    """Loads what runs an experiment at its first use."""
    if name == "experiments_cli":
        from experimaestro.experiments.cli import experiments_cli  # it loads click

        return experiments_cli
    if name == "run_experiment":
        from experimaestro.experiments.running import run_experiment  # it loads the scheduler

        return run_experiment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
