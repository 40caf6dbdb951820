"""What tasks give to others: outputs, init tasks, hooks, actions; and copies of them."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experimaestro import (
    Action,
    Config,
    DependentMarker,
    Interaction,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    Prepare,
    SubmitHook,
    Task,
    TransientMode,
    copyconfig,
    field,
    param_group,
    partial,
    sealed_set,
    setmeta,
    tag,
    tags,
    tagspath,
)
from experimaestro.core.context import Need
from experimaestro.exceptions import ConfigurationError, SubmissionError

ErrorOf = Callable[[Callable[[], Any]], str]


class Model(Config):
    size: Param[int] = field(default=1)


class Load(LightweightTask):
    model: Param[Model]

    def execute(self) -> None:
        pass


class Learn(Task):
    model: Param[Model]
    epochs: Param[int] = field(default=1)

    def task_outputs(self, dep: DependentMarker) -> Model:
        return dep(Model.C(size=self.model.size))

    def execute(self) -> None:
        pass


class LearnInPlace(Task):
    model: Param[Model]

    def task_outputs(self, dep: DependentMarker) -> Model:
        return dep(dep(self.model))

    def execute(self) -> None:
        pass


class Export(Action):
    """Copies a model."""

    model: Param[Model]

    def execute(self, interaction: Interaction) -> None:
        pass


class LearnAndExport(Task):
    model: Param[Model]

    def __submit__(self, dep: DependentMarker, add_action: Callable[[Action], None]) -> tuple[Model, int]:
        made = dep(Model.C(size=self.model.size))
        add_action(Export.C(model=made))
        return made, 3

    def execute(self) -> None:
        pass


class Evaluate(Task):
    model: Param[Model]
    out: Meta[Path] = field(default_factory=PathGenerator("out.json"))

    def execute(self) -> None:
        pass


def test_an_output_makes_the_tasks_that_use_it_wait_for_the_one_that_made_it(recorder: Any):
    learn = Learn.C(model=Model.C(size=tag(3)))
    model: Any = learn.submit()
    assert model.__xpm__.task is learn
    evaluate = Evaluate.C(model=model).submit()
    assert recorder.received[1].dependencies == (learn.__xpm__.key,)
    assert dict(recorder.received[1].tags) == {"size": 3}
    assert tagspath(evaluate) == "size=3"
    assert evaluate.__identifier__() != Evaluate.C(model=Model.C(size=3)).__identifier__()


def test_a_parameter_may_be_the_output(recorder: Any):
    learn = LearnInPlace.C(model=Model.C(size=3))
    plain = repr(learn.model.__identifier__())
    model: Any = learn.submit()
    assert model is learn.model
    assert repr(model.__identifier__()) != plain
    Evaluate.C(model=model).submit()
    objects = json.loads(json.dumps(recorder.received[1].objects()))
    assert [one["type"] for one in objects] == ["LearnInPlace", "Model", "Evaluate"]
    assert objects[1]["task"] == objects[0]["id"]
    assert recorder.received[1].dependencies == (learn.__xpm__.key,)


def test_a_task_may_say_itself_what_its_submission_gives(recorder: Any):
    made: Any = LearnAndExport.C(model=Model.C(size=2)).submit()
    assert made[1] == 3
    assert [type(one).__name__ for one in recorder.actions] == ["Export.XPMConfig"]
    assert recorder.actions[0].model is made[0]
    assert recorder.actions[0].instance().describe() == "Copies a model."


def test_what_is_no_output_is_refused(recorder: Any, error_of: ErrorOf):  # noqa: ARG001 - it is open
    learn = Learn.C(model=Model.C())
    model: Any = learn.submit()

    class Wrong(LearnInPlace):
        __xpmid__ = "test.wrong"

    def submit(value: Any) -> str:
        task: Any = LearnInPlace.C(model=Model.C(size=9))
        task.__dict__["task_outputs"] = lambda dep: dep(value)
        return error_of(task.submit)

    assert submit(model) == (
        "MarkError: LearnInPlace: dep(Model): Configuration has already been marked as an output of Learn. "
        "Mark a copy: dep(config.copy())"
    )
    assert submit(learn) == (
        "MarkError: LearnInPlace: dep(Learn): a task is no output of another. Return it as it is"
    )
    assert submit(3) == "MarkError: LearnInPlace: dep(3): only configurations are marked, dep(Cls.C(...))"


def test_a_copy_uses_the_outputs_of_tasks_and_is_none_itself(recorder: Any):
    model: Any = Learn.C(model=Model.C(size=3)).submit()
    evaluate = Evaluate.C(model=model)
    copy = evaluate.copy()
    assert copy.model is model
    assert copy.__identifier__() == evaluate.__identifier__()
    assert model.copy().__xpm__.task is None
    assert copyconfig(model, size=4).__xpm__.task is None
    again = model.copy().copy_dependencies(model)
    assert again.__identifier__() == model.__identifier__()
    Evaluate.C(model=again).submit()
    assert len(recorder.received[-1].dependencies) == 1


class Listed(Config):
    models: Param[list[Model]] = field(default_factory=lambda: [Model.C(size=7)])
    scale: Param[float] = field(default=1.0)


def test_copyconfig_changes_some_parameters_and_shares_the_rest(error_of: ErrorOf):
    first = Listed.C(models=[Model.C(size=1)], scale=2)
    first.seal()
    second = copyconfig(first, scale=3)
    assert (second.scale, second.models[0]) == (3.0, first.models[0])
    second.models.append(Model.C(size=5))
    assert len(first.models) == 1
    assert first.copy().models == first.models
    assert error_of(lambda: copyconfig(first, scal=3)) == (
        "ConfigurationError: copyconfig(Listed, ...): 1 problem (test_outputs.py:LINE)\n"
        "  scal   unknown parameter. Did you mean 'scale'?"
    )


def test_all_that_is_wrong_in_a_copy_is_told_at_the_line_of_the_user(error_of: ErrorOf):
    first = Listed.C()
    assert error_of(lambda: copyconfig(first, scal=3, scale="fast", models=1)) == (
        "ConfigurationError: copyconfig(Listed, ...): 3 problems (test_outputs.py:LINE)\n"
        "  scal     unknown parameter. Did you mean 'scale'?\n"
        "  scale    expected a float, got 'fast'. Example: scale=1e-3\n"
        "  models   expected a List[Model], got 1. Example: models=[Model.C(...)]"
    )
    line = inspect.currentframe().f_lineno + 2  # type: ignore[union-attr] # there is one
    with pytest.raises(ConfigurationError) as raised:
        copyconfig(first, scal=3)
    assert f"test_outputs.py:{line})" in str(raised.value)


class Held(Config):
    model: Param[Model]


class TwoHeld(Config):
    first: Param[Model]
    second: Param[Model]


def test_a_composition_that_is_wrong_is_told_with_its_line(error_of: ErrorOf):
    held, model = Held.C(model=Model.C()).seal(), Model.C()
    wrong: Any = "x" * 100
    two = TwoHeld.C()  # type: ignore[call-arg] # what composition gives it
    assert error_of(lambda: held @ model).startswith(
        "ReadOnlyError: Held.model cannot be set (test_outputs.py:LINE): the configuration is sealed"
    )
    assert error_of(lambda: model @ model) == (
        "ConfigurationError: No parameter in Model accepts type Model (test_outputs.py:LINE)"
    )
    assert error_of(lambda: two @ model) == (
        "ConfigurationError: Ambiguous composition: parameters [first, second] of TwoHeld accept type Model "
        "(test_outputs.py:LINE). Name one: TwoHeld.C(first=...)"
    )
    assert error_of(lambda: held @ wrong) == (
        f"ConfigurationError: Held.C(...) @ 'xxx{'x' * 46}...{'x' * 6}': expected a configuration on the "
        "right, Cls.C(...) (test_outputs.py:LINE)"
    )


def test_an_error_shows_the_first_problems_of_thousands(error_of: ErrorOf):
    bare: Any = Held.C
    lines = error_of(lambda: Many.C(held=[bare() for _ in range(1001)]).instance()).splitlines()
    assert lines[0] == "ConfigurationError: Many.instance(): 1,001 problems (test_outputs.py:LINE)"
    assert [line.partition(":")[0] for line in lines[20:]] == [
        "  held[19].model   missing",
        "  ... and 981 more",
    ]


class Many(Config):
    held: Param[list[Held]]


def test_what_takes_configurations_refuses_everything_else(error_of: ErrorOf):
    wrong: Any = 3
    model = Model.C(size=3)
    for call, text in (
        (lambda: copyconfig(wrong), "copyconfig(3)"),
        (lambda: setmeta(wrong, True), "setmeta(3, True)"),
        (lambda: tags(wrong), "tags(3)"),
        (lambda: tagspath(wrong), "tags(3)"),
        (lambda: sealed_set(model, wrong), "sealed_set(3)"),
        (lambda: model.copy_dependencies(wrong), "Model.copy_dependencies(3)"),
    ):
        assert error_of(call) == f"TypeError: {text}: expected a configuration, Cls.C(...)"
    assert not model.__xpm__.sealed


def test_generated_paths_are_made_anew_for_a_copy(recorder: Any):
    task = Evaluate.C(model=Model.C()).submit()
    copy: Any = copyconfig(task, model=Model.C(size=2))
    assert copy.out is None
    copy.submit()
    assert copy.out == copy.jobpath / "out.json" != task.out
    assert len(recorder.received) == 2


def test_what_takes_over_a_task_takes_over_its_tokens():
    need = Need("/tokens/gpu.counter", 1, 2)
    held = Model.C().add_dependencies(need)
    assert Model.C().copy_dependencies(held).__xpm__.needs == (need,)


class Needs(SubmitHook):
    def __init__(self, version: int) -> None:
        self.version = version

    def spec(self) -> int:
        return self.version

    def process(self, job: Any, _launcher: Any) -> None:
        job.environ["VERSION"] = str(self.version)


@Needs(3)
class WithHook(Config):
    pass


@Needs(4)
class Below(WithHook):
    pass


class Hooked(Task):
    parts: Param[list[Config]]

    def execute(self) -> None:
        pass


def test_the_hooks_of_all_that_a_task_uses_act_once_each(recorder: Any):
    Hooked.C(parts=[WithHook.C(), WithHook.C(), Below.C()]).submit()
    assert recorder.received[0].hooks == (Needs(3), Needs(4))
    task = Hooked.C(parts=[WithHook.C()]).submit()
    Hooked.C(parts=[task]).submit()
    assert recorder.received[2].hooks == ()


class Corpus(Prepare):
    url: Param[str]


class UsesCorpus(Task):
    corpora: Param[list[Corpus]]

    def execute(self) -> None:
        pass


def test_what_a_task_needs_prepared_is_handed_over_with_it(recorder: Any):
    corpora = [Corpus.C(url="a"), Corpus.C(url="b")]
    UsesCorpus.C(corpora=corpora).submit()
    assert list(recorder.received[0].prepares) == corpora


class Index(Prepare):
    corpus: Param[Corpus]

    def is_prepared(self) -> bool:
        return False


class Placed(Prepare):
    file: Meta[Path] = field(default_factory=PathGenerator("file"))

    def is_prepared(self) -> bool:
        return False


class UsesIndex(Task):
    index: Param[Index]

    def execute(self) -> None:
        pass


def test_what_is_prepared_by_a_job_is_waited_for_and_is_what_it_was(recorder: Any):
    before = UsesIndex.C(index=Index.C(corpus=Corpus.C(url="a"))).__identifier__()
    index = Index.C(corpus=Corpus.C(url="a"))
    assert index.submit() is index
    task = UsesIndex.C(index=index).submit()
    job, waits = recorder.received
    assert job.key.startswith("experimaestro.prepare/")
    assert (job.options.transient, list(job.prepares)) == (TransientMode.TRANSIENT, [index.corpus])
    assert waits.dependencies == (job.key,)
    assert list(waits.prepares) == [index.corpus, index]
    assert task.__identifier__() == before
    index.submit(transient=TransientMode.NONE)
    assert recorder.received[2].key == job.key
    assert (recorder.received[2].options.transient, recorder.received[2].dependencies) == (0, ())


def test_what_no_job_can_prepare_is_told(recorder: Any, error_of: ErrorOf):
    assert error_of(lambda: Corpus.C(url="a").submit()) == (
        "NotATaskError: Corpus.submit(): a job can only prepare what tells whether it is prepared. Add a "
        "method `is_prepared`, or leave `.submit()` out: it is then prepared where the experiment runs"
    )
    assert error_of(lambda: Placed.C().submit()) == (
        "SubmissionError: Placed.submit(): Placed.file is in the folder of each job that uses it, where no "
        "other job can prepare it. Leave `.submit()` out"
    )
    assert error_of(lambda: Index.C().submit()) == (  # type: ignore[call-arg] # what is missing
        "ConfigurationError: Index.submit(): 1 problem (test_outputs.py:LINE)\n"
        "  config.corpus   missing: expected a configuration of Corpus (made at test_outputs.py:LINE). "
        "Example: corpus=Corpus.C(...)"
    )
    assert error_of(lambda: Index.C(corpus=Corpus.C(url="a")).submit(transient="no")) == (  # type: ignore[arg-type] # wrong
        "SubmissionError: Index.submit(transient='no'): expected a TransientMode"
    )
    assert recorder.received == []


def test_without_a_job_that_prepares_it_nothing_is_waited_for(recorder: Any):
    index = Index.C(corpus=Corpus.C(url="a"))
    with pytest.raises(SubmissionError):
        index.submit(transient=7)
    UsesIndex.C(index=index).submit()
    assert recorder.received[0].dependencies == ()


def test_an_object_prepares_itself_only(error_of: ErrorOf):
    made = Index.C(corpus=Corpus.C(url="a")).instance()
    assert error_of(made.submit) == (
        "NotSubmittedError: Index object: only configurations are submitted. Write Index.C(...).submit()"
    )


TRAINING = param_group("training")


class Long(Task):
    checkpoints = partial(exclude_groups=[TRAINING])
    only = partial(exclude_all=True, include_groups=[TRAINING])
    named = partial(exclude_no_group=True)

    size: Param[int]
    epochs: Param[int] = field(groups=[TRAINING])
    folder: Meta[Path] = field(default_factory=PathGenerator("last.pt", partial=checkpoints))

    def execute(self) -> None:
        pass


def test_tasks_that_agree_on_what_counts_share_a_folder(recorder: Any):
    short, long = Long.C(size=1, epochs=1).submit(), Long.C(size=1, epochs=9).submit()
    assert short.folder == long.folder
    assert short.folder.parts[:3] == ("/", "ws", "partials")
    assert short.folder.parts[4] == "checkpoints"
    assert Long.C(size=2, epochs=1).submit().folder != short.folder
    identities = [Long.only.identifier(one.__xpm__.owner) for one in (short, long)]
    assert identities[0] != identities[1]
    assert Long.only.identifier(short.__xpm__.owner) == Long.named.identifier(short.__xpm__.owner)
    assert len(recorder.received) == 3


def test_a_tag_of_an_init_task_and_of_a_dependency_go_up(recorder: Any):
    task = Evaluate.C(model=Model.C(size=tag(2)))
    task.submit(init_tasks=[Load.C(model=Model.C()).tag("start", "a/b")])
    assert dict(tags(task)) == {"size": 2, "start": "a/b"}
    assert tagspath(task) == "size=2_start=a-b"
    assert len(recorder.received) == 1


@pytest.mark.parametrize("name", ["size", "models"])
def test_the_place_where_a_value_was_set_is_known(name: str):
    config: Any = Listed.C(scale=1.0)
    assert config.__xpm__.provenance_of("models").how == "default"
    assert config.__xpm__.provenance_of("scale").how == "explicit"
    assert config.copy().__xpm__.provenance_of("scale").how == "explicit"
    assert Listed.C().__xpm__.provenance_of("scale").how == "default"
    config.scale = 3
    assert config.__xpm__.provenance_of("scale").where.startswith("test_outputs.py:")
    if name == "size":
        with pytest.raises(KeyError):
            config.__xpm__.provenance_of(name)


def test_a_value_class_is_a_class(error_of: ErrorOf):
    wrong: Any = 3
    assert error_of(lambda: Model.value_class()(wrong)) == (
        "TypeError: 3 cannot be the value class of Model: expected a class that derives from it"
    )
