"""xpm-torch: a model is trained on random numbers as a task, loaded by another one, exported.

The model is a line, so that two epochs are enough to see the loss fall.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from xpm_torch import Random
from xpm_torch.configuration import FabricConfiguration
from xpm_torch.experiments import TensorboardService
from xpm_torch.huggingface import TorchHFHub
from xpm_torch.learner import Learner
from xpm_torch.metrics import ScalarMetric
from xpm_torch.module import Module
from xpm_torch.optim import SGD, ParameterOptimizer, RegexParameterFilter
from xpm_torch.trainers import Trainer

from experimaestro import Param, Task, experiment, load_xp_info, tag


class Line(Module):
    """A linear model."""

    inputs: Param[int]

    def __initialize__(self) -> None:
        self.layer = torch.nn.Linear(self.inputs, 1)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.layer(batch).squeeze(-1)


class Sum(Trainer):
    """Teaches a model to sum its inputs."""

    def initialize(self, random: Any, context: Any) -> None:
        super().initialize(random, context)
        self.model.initialize()

    def iter_batches(self) -> Iterator[torch.Tensor]:
        while True:
            yield torch.tensor(self.random.normal(size=(32, self.model.inputs)), dtype=torch.float32)

    def process_batch(self, batch: torch.Tensor) -> None:
        loss = ((self.model(batch) - batch.sum(-1)) ** 2).mean()
        self.context.add_metric(ScalarMetric("loss", float(loss), len(batch)))
        self.context.backward(self.context.state.optimizer.scale(loss))

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Evaluate(Task):
    """Says how far from the sum a model is."""

    model: Param[Line]

    def execute(self) -> None:
        batch = torch.ones(1, self.model.inputs)
        print(json.dumps(abs(float(self.model(batch)) - self.model.inputs)))


def learner(lr: float) -> Any:
    return Learner.C(
        random=Random.C(seed=1),
        trainer=Sum.C(),
        model=Line.C(inputs=3),
        max_epochs=2,
        steps_per_epoch=50,
        optimizers=[  # two: Fabric gives a single one back without a list, which the learner expects
            ParameterOptimizer.C(
                optimizer=SGD.C(lr=tag(lr)), filter=RegexParameterFilter.C(includes=["bias"])
            ),
            ParameterOptimizer.C(optimizer=SGD.C(lr=lr)),
        ],
        listeners=[],
        fabric_config=FabricConfiguration.C(accelerator="cpu", devices="1"),
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run in which a model was trained and evaluated."""
    folder = tmp_path_factory.mktemp("runs")
    with experiment(folder, "sum", display=False) as xp:
        board = xp.add_service(TensorboardService(xp.resultspath / "runs"))
        task = learner(0.1)
        output = task.submit()
        board.add(task, task.logpath)
        evaluate = Evaluate.C(model=task.model).submit(init_tasks=[output.learned_model])
    return {"xp": xp, "board": board, "task": task, "evaluate": evaluate}


def test_a_model_is_trained_and_what_was_learned_is_used_by_another_task(trained: dict[str, Any]):
    assert json.loads(trained["evaluate"].stdout().read_text(encoding="utf-8")) < 0.01
    checkpoints = trained["task"].checkpointspath.iterdir()
    assert sorted(path.name for path in checkpoints) == ["epoch-00000002", "last"]


def test_the_curves_of_a_task_are_shown_under_its_tags(trained: dict[str, Any]):
    (run,) = [path for path in trained["board"].path.iterdir() if path.is_dir()]
    assert run.name == "lr=0.1"
    assert any(path.name.startswith("events.out.tfevents") for path in run.rglob("*"))


def test_the_export_of_a_model_is_an_action_of_the_run(trained: dict[str, Any], tmp_path: Path):
    (action,) = load_xp_info(trained["xp"].workdir).actions.values()
    folder = tmp_path / "exported"
    action.instance().export_to_folder(folder)

    model = TorchHFHub.from_pretrained(str(folder))
    assert float(model(torch.ones(1, 3))) == pytest.approx(3, abs=0.01)
