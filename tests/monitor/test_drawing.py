"""What a notebook shows of a configuration, of a task and of a job."""

import re
from collections.abc import Iterator
from enum import Enum
from html.parser import HTMLParser
from pathlib import Path

import pytest

from experimaestro import (
    Config,
    DependentMarker,
    FailedExperiment,
    JobState,
    Meta,
    Param,
    PathGenerator,
    RunMode,
    Task,
    experiment,
    field,
    setmeta,
    tag,
)
from experimaestro.core import context
from experimaestro.monitor.drawing import DEEPEST, ITEMS, MOST, MOST_TEXT
from polling import wait_until
from tasks import AfterFailure, Fail, Note

KEPT = {"div", "ul", "li", "details", "summary", "span", "strong", "code", "bdi"}
"""Tags that sanitisers leave as they are"""


class Speed(Enum):
    FAST = "fast"


class Layer(Config):
    width: Param[int]
    below: Param["Layer | None"] = None


class Model(Config):
    layers: Param[list[Layer]]
    dropout: Param[float] = field(default=0.1)


class Learn(Task):
    model: Param[Model]
    lr: Param[float]
    twin: Param[Model | None] = None
    steps: Param[list[int]] = field(default=[])
    names: Param[list[str]] = field(default=[])
    by: Param[dict[str, Layer]] = field(default={})
    speed: Param[Speed] = field(default=Speed.FAST)
    text: Param[str] = field(default="")
    path: Meta[Path] = field(default_factory=PathGenerator("weights"))
    log_every: Meta[int] = field(default=10)

    def execute(self) -> None: ...


class Make(Task):
    model: Param[Model]

    def task_outputs(self, dep: DependentMarker) -> Model:
        return dep(self.model)

    def execute(self) -> None: ...


class Words(HTMLParser):
    """What one reads where every style is removed, a line for each line; `+` and `-` before what folds."""

    def __init__(self, config: object) -> None:
        super().__init__()
        bundle = config._repr_mimebundle_()  # type: ignore[attr-defined] # what a notebook asks for
        self.lines: list[str] = []
        self.tags: set[str] = set()
        self.depth = 0
        self.mark = ""
        self.html = bundle["text/html"]
        self.text = bundle["text/plain"]
        self.feed(self.html)
        self.lines = [" ".join(line.split()) for line in self.lines]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "details":
            self.mark = "- " if ("open", None) in attrs else "+ "
        elif tag == "summary":
            if self.lines and not self.lines[-1]:
                self.lines.pop()
            self.lines.append(self.mark)
        elif tag in {"li", "div"}:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if self.lines:
            self.lines[-1] += data.replace("\n", " ").replace("\xa0", " ")

    def line(self, start: str) -> str:
        """The one line that begins so."""
        (found,) = [line for line in self.lines if line.startswith(start)]
        return found


def model(width: int = 3) -> Model:
    return Model.C(layers=[Layer.C(width=tag(width))])


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[None]:
    with experiment(tmp_path / "runs", "first", display=False):
        yield


def test_a_configuration_is_a_tree_with_what_is_special_about_each_parameter():
    words = Words(Learn.C(model=model(), lr=tag(0.5), text="a b").tag("round", 2))

    assert [line for line in words.lines if not line.startswith("identifier") and line] == [
        f"- Learn {Learn.__module__.lower()}.learn {words.line('identifier').split()[1][:8]}",
        "by {} default",
        "log_every 10 not in identifier default",
        "lr 0.5 tag",
        "- model Model",
        "dropout 0.1 default",
        "+ layers 1 item",
        "+ 0 Layer",
        "below None default",
        "width 3 tag",
        "names [] default",
        "path known once it is submitted path",
        "speed Speed.FAST default",
        "steps [] default",
        "text a b",
        "twin None default",
        "round 2 tag",
        "tags lr=0.5 round=2 width=3",
    ]
    assert words.tags <= KEPT


def test_the_text_is_the_same_tree_indented():
    config = Learn.C(model=model(), lr=tag(0.5), text="a b", steps=list(range(100)))
    identifier = repr(config.__identifier__())

    assert Words(config).text == (
        f"Learn {Learn.__module__.lower()}.learn  {identifier[:8]}\n"
        "  by         {} (default)\n"
        "  log_every  10 (not in identifier) (default)\n"
        "  lr         0.5 (tag)\n"
        "  model      Model\n"
        "    dropout  0.1 (default)\n"
        "    layers   1 item\n"
        "      0  Layer\n"
        "        below  None (default)\n"
        "        width  3 (tag)\n"
        "  names      [] (default)\n"
        "  path       known once it is submitted (path)\n"
        "  speed      Speed.FAST (default)\n"
        "  steps      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 90 more]\n"
        "  text       a b\n"
        "  twin       None (default)\n"
        "tags        lr=0.5 width=3\n"
        f"identifier  {identifier}"
    )


def test_the_text_is_at_most_a_screen_or_two():
    layers = [Layer.C(width=i, below=Layer.C(width=i)) for i in range(100)]

    lines = Words(Learn.C(model=Model.C(layers=layers), lr=0.1)).text.splitlines()

    assert MOST_TEXT < len(lines) < 2 * MOST_TEXT
    assert "        … 80 more" not in lines
    assert "      … 80 more" in lines


def test_a_line_without_room_is_cut_and_whole_in_its_title():
    name = "a very long name " * 10

    assert f'title="{name.strip()}' in Words(Learn.C(model=model(), lr=0.1, text=name.strip())).html


def test_the_identifier_is_that_of_the_configuration():
    config = model()

    assert Words(config).line("identifier") == f"identifier {config.__identifier__()!r}"


def test_what_is_missing_is_said():
    words = Words(Model.C())  # type: ignore[call-arg] # on purpose

    assert words.line("layers") == "layers missing"
    assert "identifier" not in " ".join(words.lines)


def test_what_is_not_counted_is_said():
    words = Words(Learn.C(model=setmeta(model(), True), lr=0.1))

    assert words.line("- model") == "- model Model not in identifier"


def test_what_is_met_again_is_named():
    shared = model()
    words = Words(Learn.C(model=shared, twin=shared, lr=0.1))

    assert words.line("twin") == "twin Model see model"


def test_a_cycle_ends():
    top = Layer.C(width=1)
    top.below = Layer.C(width=2, below=top)

    words = Words(top)

    assert [line for line in words.lines if "Layer" in line][1:] == [
        "- below Layer",
        "below Layer see at the top",
    ]


def test_of_a_long_list_some_are_shown_and_a_count():
    many = [f"a name that is long {i}" for i in range(10_000)]
    words = Words(Learn.C(model=model(), lr=0.1, steps=list(range(10_000)), names=many))

    assert words.line("steps") == "steps [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 9,990 more]"
    assert words.line("+ names") == "+ names 10,000 items"
    assert sum("a name that is long" in line for line in words.lines) == ITEMS
    assert words.line("…") == f"… {10_000 - ITEMS:,} more"


def test_a_large_configuration_gives_a_small_page():
    def chain(length: int) -> Layer:
        return Layer.C(width=length, below=chain(length - 1) if length else None)

    many = [chain(10) for _ in range(100)]
    words = Words(Learn.C(model=Model.C(layers=many), twin=model(), lr=0.1, by={"a": chain(30)}))

    assert MOST < len(words.lines) < MOST + 100
    assert words.line("+ layers") == "+ layers 100 items"
    assert words.line("twin") == "twin Model …"


def test_a_deep_configuration_gives_a_small_page():
    layer = Layer.C(width=0)
    for i in range(10_000):
        layer = Layer.C(width=i, below=layer)

    words = Words(layer)

    assert len(words.lines) < 3 * DEEPEST
    assert words.line("below") == "below Layer …"


def test_the_texts_of_users_are_text():
    words = Words(Learn.C(model=model(), lr=0.1, text="<script>alert(1)</script>\x1b[31m").tag("a<b", "<i>"))

    assert words.tags <= KEPT
    assert words.line("text") == "text <script>alert(1)</script>"
    assert words.line("a<b") == "a<b <i> tag"


def test_no_script_no_class_and_no_address_is_in_it():
    html = Words(Learn.C(model=model(), lr=0.1)).html

    assert not re.search(r"<script|class=|href|var\(|rgba", html)


@pytest.mark.usefixtures("opened")
def test_a_task_and_its_job_tell_where_they_stand(tmp_path: Path):
    go, log = tmp_path / "go", str(tmp_path / "log")
    first = Note.C(name=tag("one"), log=log, until=str(go)).submit()
    second = Note.C(name="two", log=log, needs=[first]).submit()
    wait_until(lambda: first.job.state is JobState.RUNNING)

    words = Words(first)
    running = r"- Note tasks\.note ▸ running \d\d:\d\d as of [\d-]+ [\d:]+ [0-9a-f]{8}"
    assert re.fullmatch(running, words.lines[1])
    assert words.line("folder") == f"folder {first.jobpath}"
    assert words.line("tags") == "tags name=one"
    below = Words(second)
    assert "○ waiting" in below.lines[1]
    assert re.match(r"\+ 0 Note ▸ running", below.line("+ 0 Note"))

    go.touch()
    second.wait()
    assert "✓ done" in Words(second).lines[1]
    assert "as of" not in Words(second).lines[1]
    assert Words(second.job).lines == Words(second).lines


def test_a_failed_job_says_why(tmp_path: Path):
    with pytest.raises(FailedExperiment), experiment(tmp_path / "runs", "first", display=False):
        task = Fail.C(how="raise").submit()
        after = AfterFailure.C(first=task, log="").submit()

    assert "✕ failed" in Words(task).lines[1]
    assert "ValueError: no learning rate in {'lr': 1}" in Words(task.job).lines[1]
    assert "⊘ skipped: Fail failed" in Words(after).lines[1]


@pytest.mark.usefixtures("opened")
def test_a_path_of_a_job_is_told_from_its_folder():
    task = Learn.C(model=model(), lr=0.1).submit()

    assert Words(task).line("path") == "path weights path"


@pytest.mark.usefixtures("opened")
def test_an_output_names_the_task_that_makes_it():
    task = Make.C(model=model())
    made = task.submit()
    task.wait()

    assert re.fullmatch(r"- Model \S+ output of Make ✓ done \d\d:\d\d [0-9a-f]{8}", Words(made).lines[1])


@pytest.mark.usefixtures("opened")
def test_a_list_of_what_was_submitted_has_a_line_for_each(tmp_path: Path):
    go, log = tmp_path / "go", str(tmp_path / "log")
    done = Note.C(name=tag("one"), log=log).submit()
    done.wait()
    waits = Note.C(name="two", log=log, until=str(go)).submit()
    wait_until(lambda: waits.job.state is JobState.RUNNING)
    make = Make.C(model=model())
    made = make.submit()
    make.wait()
    made_by = repr(make.__identifier__())[:8]

    assert repr([done, waits, done.job, made]) == (
        f"[<Note name=one {done.job.identifier[:8]} done>, <Note {waits.job.identifier[:8]} running>, "
        f"<Job Note name=one {done.job.identifier[:8]} done>, <Model of Make width=3 {made_by} done>]"
    )
    assert str(done).startswith("Note.C(")
    assert repr(Layer.C(width=1)) == str(Layer.C(width=1)) == "Layer.C(width=1)"
    waits.job.config = None
    assert repr(waits.job) == f"<Job Note {waits.job.identifier[:8]} running>"
    go.touch()


@pytest.mark.usefixtures("opened")
def test_many_tags_leave_the_line_short(tmp_path: Path):
    task = Note.C(name="one", log=str(tmp_path / "log"))
    for i in range(100):
        task.tag(f"tag{i}", i)

    assert len(repr(task.submit())) < 100


@pytest.mark.usefixtures("opened")
def test_a_job_whose_task_is_gone_still_has_its_place(tmp_path: Path):
    job = Note.C(name=tag("one"), log=str(tmp_path / "log")).submit().job
    job.config = None

    words = Words(job)

    assert words.lines[1].startswith("- Note tasks.note")
    assert words.line("tags") == "tags name=one"


def test_a_rehearsed_task_has_no_state(tmp_path: Path):
    with experiment(tmp_path / "runs", "first", run_mode=RunMode.DRY_RUN):
        task = Note.C(name="one", log="log").submit()

    assert re.fullmatch(r"- Note tasks\.note [0-9a-f]{8}", Words(task).lines[1])
    assert re.fullmatch(r"<Note [0-9a-f]{8}>", repr(task))


def test_without_an_experiment_the_text_is_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(context, "draw", None)

    assert model()._repr_mimebundle_() is None  # type: ignore[attr-defined] # what a notebook asks for
