# ruff: noqa: E501
# (the texts of errors stand as they are shown)
"""From a configuration to what whoever runs it is given."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experimaestro import (
    Config,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    Task,
    field,
    stop_tags,
    tag,
    tags,
)
from experimaestro.core.context import Options, Submission
from experimaestro.core.objects import DirectoryContext
from experimaestro.exceptions import ConfigurationError, SubmissionError

ErrorOf = Callable[[Callable[[], Any]], str]


class Layer(Config):
    """Has a path of its own."""

    size: Param[int]
    weights: Meta[Path] = field(default_factory=PathGenerator("weights.bin"))


class Model(Config):
    """Has layers."""

    layers: Param[list[Layer]] = field(default_factory=list)
    named: Param[dict[str, Layer]] = field(default_factory=dict)


class Seed(LightweightTask):
    """Something to do before."""

    value: Param[int]
    state: Meta[Path] = field(default_factory=PathGenerator("state"))

    def execute(self) -> None:
        pass


class Data(Task):
    """Something to wait for."""

    name: Param[str]

    def execute(self) -> None:
        pass


class Source(Config):
    """Hides a task."""

    data: Param[Data]


class Train(Task):
    """Uses all of them."""

    __xpmid__ = "Test.Train"
    lr: Param[float]
    model: Param[Model | None]
    sources: Param[list[Source]] = field(default_factory=list)
    data: Param[dict[str, Data]] = field(default_factory=dict)
    log: Meta[Path] = field(default_factory=PathGenerator("log.txt"))
    by_size: Meta[Path] = field(
        default_factory=PathGenerator(lambda context, config: context.path / f"lr-{config.lr}")
    )

    def execute(self) -> None:
        pass


class Evaluate(Task):
    """Waits for another."""

    train: Param[Train]

    def execute(self) -> None:
        pass


class Checked(Config):
    """Knows a rule of its own."""

    low: Param[int]
    high: Param[int]

    def __validate__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")


class UsesChecked(Task):
    """Is only submitted if the rule holds."""

    checked: Param[Checked]

    def execute(self) -> None:
        pass


class Chained(Task):
    """One after the other."""

    previous: Param["Chained | None"]
    number: Param[int] = field(default=0)

    def execute(self) -> None:
        pass


class Crowded(Task):
    """Has methods of its own under names that are not reserved."""

    def _log(self) -> None:
        raise NotImplementedError

    def _submit(self) -> None:
        raise NotImplementedError

    def execute(self) -> None:
        pass


class Link(Config):
    """One in a long chain."""

    next: Param["Link | None"]


class LongChain(Task):
    """Uses a long chain."""

    link: Param[Link]

    def execute(self) -> None:
        pass


def train(**values: Any) -> Train:
    return Train.C(**{"lr": 0.5, "model": None, **values})


def plain_object(cls: Any) -> Any:
    return cls()


def submit(task: Task) -> Task:
    return task.submit()


def data(name: str) -> Data:
    return Data.C(name=name).submit()


def test_the_job_is_named_by_its_type_and_identifier(recorder: Any):
    task = train().submit()
    (received,) = recorder.received
    assert received.key == f"test.train/{task.__identifier__()!r}"
    assert received.task is task
    assert task.jobpath == Path("/ws/jobs") / received.key
    assert (task.stdout().name, task.stderr().name) == ("train.out", "train.err")


def test_paths_lie_in_the_folder_of_the_job(recorder: Any):
    model = Model.C(
        layers=[Layer.C(size=1), Layer.C(size=2)], named={"a/b": Layer.C(size=3), "..": Layer.C(size=4)}
    )
    task = train(model=model)
    task.submit(init_tasks=[Seed.C(value=1)])
    job = task.jobpath
    seed: Any = recorder.received[0].init_tasks[0]
    assert (task.log, task.by_size) == (job / "log.txt", job / "lr-0.5")
    assert model.layers[1].weights == job / "out/model/layers/1/weights.bin"
    assert model.named["a/b"].weights == job / "out/model/named/a_b/weights.bin"
    assert model.named[".."].weights == job / "out/model/named/_../weights.bin"
    assert seed.state == job / "out/init_tasks/0/state"


def test_a_path_of_another_job_is_not_taken_over(recorder: Any, error_of: ErrorOf):
    model = Model.C(layers=[Layer.C(size=1)])
    one, other = train(lr=1, model=model), train(lr=2, model=model)
    one.submit()
    assert error_of(lambda: submit(other)) == (
        "ConfigurationError: Train.C(...): 1 problem (test_submission.py:LINE)\n"
        f"  model.layers[0].weights   its path is already in /ws/jobs/{recorder.received[0].key}. "
        "Use a copy in one of the two: config.copy()"
    )
    assert error_of(lambda: train(model=model)) == (
        "ConfigurationError: Train.C(...): 1 problem (test_submission.py:LINE)\n"
        f"  model   Model (made at test_submission.py:LINE) has paths in /ws/jobs/{recorder.received[0].key}. "
        "Give a copy: config.copy()"
    )
    again = train(lr=2, model=model.copy()).submit()
    assert again.model is not None
    assert again.model.layers[0].weights.is_relative_to(again.jobpath)


class Keeps(Config):
    layer: Param[Layer] = field(ignore_generated=True)
    result: Meta[Path] = field(default_factory=PathGenerator("result.txt"))


def test_a_path_of_another_folder_is_kept_where_the_parameter_says_so(tmp_path: Path):
    layer = Layer.C(size=1)
    layer.instance(DirectoryContext(tmp_path / "one"))
    made = Keeps.C(layer=layer).instance(DirectoryContext(tmp_path / "other"))
    assert (made.layer.weights, made.result) == (
        tmp_path / "one/weights.bin",
        tmp_path / "other/result.txt",
    )


def test_a_task_that_was_not_taken_can_be_corrected(recorder: Any, monkeypatch: pytest.MonkeyPatch):
    def refuse(_submission: Submission) -> None:
        raise ValueError("no")

    task = train(model=Model.C(layers=[Layer.C(size=1)]))
    with monkeypatch.context() as refusing:
        refusing.setattr(recorder, "submit", refuse)
        with pytest.raises(ValueError, match="no"):
            task.submit()
    assert task.model is not None
    weights: Any = task.model.layers[0].weights
    assert weights is None
    task.model.layers.append(Layer.C(size=2))
    task.lr = 5
    task.submit()
    assert [layer.weights.is_relative_to(task.jobpath) for layer in task.model.layers] == [True, True]


def test_everything_submitted_below_is_waited_for_once_and_in_order(recorder: Any):
    a, b, c = data("a"), data("b"), data("c")
    task = train(data={"x": b, "y": c}, sources=[Source.C(data=c), Source.C(data=a)]).submit()
    Evaluate.C(train=task).submit()
    *_, trained, evaluated = recorder.received
    keys = {name: one.key for name, one in zip("abc", recorder.received, strict=False)}
    assert list(trained.dependencies) == [keys["b"], keys["c"], keys["a"]]
    assert list(evaluated.dependencies) == [trained.key]
    del a, b


class WaitsFirst(LightweightTask):
    """Needs a task, before the task."""

    data: Param[Data]

    def execute(self) -> None:
        pass


def test_what_an_init_task_needs_is_waited_for(recorder: Any):
    first = data("a")
    train().submit(init_tasks=[WaitsFirst.C(data=first)])
    assert recorder.received[1].dependencies == (recorder.received[0].key,)


def test_init_tasks_are_part_of_the_identity(recorder: Any):
    plain, one, two = train(), train(), train()
    plain.submit()
    one.submit(init_tasks=[Seed.C(value=1)])
    two.submit(init_tasks=[Seed.C(value=2)])
    keys = {submission.key for submission in recorder.received}
    assert len(keys) == 3
    assert one.__identifier__() != two.__identifier__() != plain.__identifier__()


def test_tags_of_all_that_is_used_come_along(recorder: Any):
    task = train(
        lr=tag(0.1), model=Model.C(layers=[Layer.C(size=tag(3))]), data={"a": Data.C(name=tag("x")).submit()}
    )
    task.tag("note", "first")
    expected = {"lr": 0.1, "name": "x", "note": "first", "size": 3}
    assert tags(task) == expected
    task.submit(init_tasks=[Seed.C(value=tag(7))])
    assert dict(recorder.received[-1].tags) == {**expected, "value": 7}
    assert task.tags() == {**expected, "value": 7}
    Evaluate.C(train=task).submit()
    assert dict(recorder.received[-1].tags) == {**expected, "value": 7}


def test_what_is_handed_over_does_not_change(recorder: Any, error_of: ErrorOf):
    task = train(lr=tag(0.1), data={"a": data("x")}).submit()
    received = recorder.received[-1]
    before = received.objects()
    change: Any = received.tags
    with pytest.raises(TypeError):
        change["lr"] = 3
    assert error_of(lambda: task.data.clear()).startswith("ReadOnlyError: ")  # noqa: PLW0108 - reads `data` inside
    assert error_of(lambda: task.tag("a", 1)) == (
        "ReadOnlyError: Train.tag('a', ...): the task was submitted with its tags"
    )
    assert received.objects() == before


def test_all_that_is_missing_is_told_with_its_place(recorder: Any, error_of: ErrorOf):
    layer: Any = Layer.C
    task: Any = Train.C
    wrong = task(model=Model.C(layers=[Layer.C(size=1), layer()], named={"a": layer()}))
    assert error_of(lambda: submit(wrong)) == (
        "ConfigurationError: Train.submit(): 3 problems (test_submission.py:LINE)\n"
        "  lr                      missing: expected a float. Example: lr=1e-3\n"
        "  model.layers[1].size    missing: expected an int (made at test_submission.py:LINE). Example: size=3\n"
        "  model.named['a'].size   missing: expected an int (made at test_submission.py:LINE). Example: size=3"
    )
    assert not recorder.received
    wrong.lr = 1
    wrong.model = None
    wrong.submit()
    assert len(recorder.received) == 1


def test_a_configuration_can_be_checked_by_itself(error_of: ErrorOf):
    layer: Any = Layer.C
    wrong = Model.C(layers=[layer()])
    assert error_of(wrong.__xpm__.validate) == (
        "ConfigurationError: Model.C(...): 1 problem (test_submission.py:LINE)\n"
        "  layers[0].size   missing: expected an int (made at test_submission.py:LINE). Example: size=3"
    )
    wrong.layers[0].size = 1
    wrong.__xpm__.validate()
    assert wrong.__xpm__.identifier == wrong.__identifier__()


def test_a_list_that_was_changed_is_looked_at_again(recorder: Any, error_of: ErrorOf):
    task = train(model=Model.C(layers=[Layer.C(size=1)]))
    changed: Any = task.model
    changed.layers.append("nonsense")
    assert error_of(lambda: submit(task)) == (
        "ConfigurationError: Train.submit(): 1 problem (test_submission.py:LINE)\n"
        "  model.layers[1]   expected a configuration of Layer, got 'nonsense'. Example: "
        "layers=[Layer.C(...)] (made at test_submission.py:LINE)"
    )
    assert not recorder.received


def test_a_rule_of_the_class_stops_a_submission(recorder: Any):
    with pytest.raises(ValueError, match=r"^low \(3\) is above high \(2\)$"):
        UsesChecked.C(checked=Checked.C(low=3, high=2)).submit()
    UsesChecked.C(checked=Checked.C(low=1, high=2)).submit()
    assert len(recorder.received) == 1


def test_without_an_experiment_the_lines_to_write_are_shown(error_of: ErrorOf):
    assert error_of(lambda: submit(train())) == (
        "SubmissionError: Train.submit(): no experiment is open (test_submission.py:LINE). Open one first:\n"
        '  with experiment("runs", "first"):\n'
        "      Train.C(...).submit()"
    )


def test_the_options_of_the_documentation_can_be_left_to_their_defaults(recorder: Any):
    Data.C(name="a").submit(
        workspace=None, launcher=None, run_mode=None, init_tasks=[], max_retries=None, transient=None
    )
    assert recorder.received[0].options == Options()


def test_a_task_may_have_private_methods_of_any_name(recorder: Any):
    task = Crowded.C().submit()
    assert (task.stdout().name, task.stderr().name) == ("crowded.out", "crowded.err")
    assert len(recorder.received) == 1


def test_a_task_is_submitted_once(recorder: Any, error_of: ErrorOf):
    task = train().submit()
    assert error_of(lambda: submit(task)) == (
        f"SubmissionError: Train.submit(): this task was already submitted as {recorder.received[0].key} "
        "(test_submission.py:LINE). To run it with other parameters, submit a copy: task.copy()"
    )
    task.copy().submit()
    assert len({submission.key for submission in recorder.received}) == 1


class Refuses:
    """Has ended when it is first asked."""

    workspace = "/ws"

    def __init__(self) -> None:
        self.received: list[Submission] = []

    def submit(self, submission: Submission) -> None:
        self.received.append(submission)
        if len(self.received) == 1:
            raise SubmissionError("the experiment has ended")


def test_a_refused_task_may_be_submitted_again(monkeypatch: pytest.MonkeyPatch, error_of: ErrorOf):
    from experimaestro.core import context

    ended = Refuses()
    monkeypatch.setattr(context, "current", ended)
    task = train()
    assert (
        error_of(lambda: task.submit(init_tasks=[Seed.C(value=1)]))
        == "SubmissionError: the experiment has ended"
    )
    assert error_of(lambda: task.jobpath).startswith(
        "NotSubmittedError: Train (made at test_submission.py:LINE)"
    )
    plain = Data.C(name="a")
    ended.received.clear()
    with pytest.raises(SubmissionError):
        plain.submit(init_tasks=[Seed.C(value=1)])
    plain.submit()
    assert ended.received[1].key == f"{__name__}.data/{plain.__identifier__()!r}"
    assert plain.__identifier__() == Data.C(name="a").__identifier__()


def test_only_tasks_are_submitted(error_of: ErrorOf):
    model: Any = Model.C()
    assert error_of(lambda: model.submit()) == (  # noqa: PLW0108 - looked up inside the call
        "NotATaskError: Model is not a task: only a class derived from Task, with a method `execute`, can be submitted"
    )
    assert error_of(plain_object(Data).submit) == (
        "NotSubmittedError: Data object: only configurations are submitted. Write Data.C(...).submit()"
    )


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (3, "got 3. Give Cls.C(...)"),
        (plain_object(Seed), "got an instance of Seed where a configuration is expected. Use Seed.C(...)"),
        (Data.C(name="a"), "Data is a task. Derive its class from LightweightTask"),
        (Model.C(), "Model is no task. Derive its class from LightweightTask"),
    ],
)
def test_init_tasks_are_lightweight(wrong: Any, text: str, recorder: Any, error_of: ErrorOf):
    assert error_of(lambda: train().submit(init_tasks=[wrong])) == (
        f"ConfigurationError: Train.submit(): 1 problem (test_submission.py:LINE)\n  init_tasks[0]   {text}"
    )
    assert not recorder.received


def test_before_submission_there_is_no_folder(error_of: ErrorOf):
    assert error_of(lambda: data_without_job().jobpath) == (
        "NotSubmittedError: Data (made at test_submission.py:LINE) has no folder: it was not submitted"
    )
    assert (
        error_of(plain_object(Data).stdout)
        == "NotSubmittedError: an object has a folder in a running job only"
    )
    with pytest.raises(AssertionError):
        data_without_job().stderr()


def data_without_job() -> Data:
    return Data.C(name="a")


def test_tags_that_differ_are_told_and_the_outermost_is_kept(recorder: Any):
    task = train(lr=tag(1.5), model=Model.C(layers=[Layer.C(size=3)]).tag("lr", 2))
    with pytest.warns(
        UserWarning, match=r"^Train\.submit\(\): tag 'lr' has several values among what it uses: 1\.5 is kept"
    ):
        task.submit()
    assert dict(recorder.received[0].tags) == {"lr": 1.5}


def test_a_chain_of_1_000_tasks_costs_the_same_at_both_ends(recorder: Any):
    previous = None
    spent = []
    for number in range(1_000):
        begin = time.perf_counter()
        previous = Chained.C(previous=previous, number=number).submit()
        spent.append(time.perf_counter() - begin)
    assert sorted(spent)[500] < 1e-3
    assert len(recorder.received[-1].dependencies) == 1


def test_a_task_that_uses_a_chain_of_10_000_is_submitted(recorder: Any):
    link = Link.C(next=None)
    for _ in range(10_000):
        link = Link.C(next=link)
    LongChain.C(link=link).submit()
    assert len(recorder.received[0].objects()) == 10_002


def test_an_instance_places_its_paths_where_it_is_told(tmp_path: Path):
    found = Layer.C(size=1).instance(DirectoryContext(tmp_path))
    assert found.weights == tmp_path / "weights.bin"
    with pytest.raises(
        AssertionError, match=r"^Empty experimaestro context does not define a path: Layer\.weights"
    ):
        Layer.C(size=1).instance()


def test_a_copy_of_a_placed_configuration_has_no_path_yet(tmp_path: Path):
    config = Layer.C(size=1)
    config.instance(DirectoryContext(tmp_path))
    assert config.copy().weights is None
    with pytest.raises(ConfigurationError, match="its path is already in"):
        config.instance(DirectoryContext(tmp_path / "other"))


def test_what_sums_up_variants_stops_their_tags(recorder: Any):
    def variants() -> list[Layer]:
        return [Layer.C(size=tag(size)) for size in (1, 2)]

    told = (
        r"^Train\.submit\(\): tag 'size' has several values among what it uses: 2 is kept\. "
        r"Give what sums up variants as stop_tags\(\.\.\.\)$"
    )
    with pytest.warns(UserWarning, match=told):
        Train.C(lr=1.0, model=Model.C(layers=variants())).submit()
    Train.C(lr=tag(2.0), model=Model.C(layers=stop_tags(variants()))).submit()
    Train.C(lr=tag(3.0), model=stop_tags(Model.C(layers=variants()))).submit()

    assert [dict(done.tags) for done in recorder.received] == [{"size": 2}, {"lr": 2.0}, {"lr": 3.0}]


class Idle(Task):
    x: Param[int] = field(default=1)


def test_a_task_without_execute_is_refused(recorder: Any, error_of: ErrorOf):
    assert error_of(Idle.C().submit) == (
        "SubmissionError: Idle.submit(): Idle has no method `execute` to be run as a job"
    )
    assert recorder.received == []
