# ruff: noqa: ISC004, E501
# (the texts of errors stand in tables as they are shown)
"""From a submitted task to JSON and to the objects of a job, and what is refused on the way."""

import json
import math
import sys
from collections.abc import Callable
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any as TypingAny

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from experimaestro import Any, Config, LightweightTask, Meta, Param, PathGenerator, Task, field
from experimaestro.core import context
from experimaestro.core.serialization import load_instances
from experimaestro.core.source import home, load
from experimaestro.exceptions import FormatError

pytestmark = pytest.mark.filterwarnings("ignore::experimaestro.exceptions.AmbiguityWarning")

ErrorOf = Callable[[Callable[[], TypingAny]], str]


class Color(Enum):
    """Of a thing."""

    RED = "red"


class Level(IntEnum):
    """A number that is a member."""

    LOW = 1


class Holder:
    """Has a class inside."""

    class Shape(Enum):
        """Of a thing."""

        ROUND = 1


class Part(Config):
    """Something to use."""

    size: Param[int] = field(default=1)
    made: Meta[Path] = field(default_factory=PathGenerator("part"))


class Before(LightweightTask):
    """Runs before."""

    part: Param[Part]
    order: Param[int]

    def execute(self) -> None:
        pass


class Earlier(Task):
    """Something to wait for."""

    part: Param[Part]
    out: Meta[Path] = field(default_factory=PathGenerator("out"))

    def execute(self) -> None:
        pass


class Job(Task):
    """Has a parameter of each kind."""

    __xpmid__ = "test.Some.Job"
    anything: Param[Any] = field(default=0)
    free: Meta[Any] = field(default=0)
    part: Param[Part | None]
    parts: Param[list[Part]] = field(default_factory=list)
    earlier: Param[Earlier | None]
    ratio: Param[float] = field(default=0.5)
    color: Param[Color | None]
    level: Param[Level | None]
    shape: Param[Holder.Shape | None]
    by_number: Param[dict[int, list[float]]] = field(default_factory=dict)
    by_name: Param[dict[str, int]] = field(default_factory=dict)
    words: Param[set[str]] = field(default_factory=set)
    pair: Meta[tuple[int, Path] | None]
    either: Meta[list[int | str | Path]] = field(default_factory=list)
    path: Param[Path | None]
    paths: Meta[list[Path]] = field(default_factory=list)
    out: Meta[Path] = field(default_factory=PathGenerator("out.txt"))

    def execute(self) -> None:
        pass


class Ring(Config):
    """Refers back to itself."""

    next: Param["Ring | None"] = field(default=None)
    name: Param[str] = field(default="")


class UsesRing(Task):
    """Has a cycle below."""

    ring: Param[Ring]

    def execute(self) -> None:
        pass


def submitted(task: TypingAny, *init_tasks: TypingAny) -> tuple[dict[str, TypingAny], str]:
    """What `params.json` holds for a task, through its text, and the folder of the job."""
    received: list[context.Submission] = []

    class Keeper:
        workspace = "/ws"

        def submit(self, submission: context.Submission) -> None:
            received.append(submission)

        def add_action(self, action: Config) -> None:
            raise AssertionError(action)

    context.current = Keeper()  # type: ignore[assignment] # all that submitting needs
    try:
        task.submit(init_tasks=init_tasks)
    finally:
        context.current = None
    params = {"workspace": "/ws", "version": 3, "objects": received[0].objects()}
    return json.loads(json.dumps(params)), f"/ws/jobs/{received[0].key}"


def job(**values: TypingAny) -> TypingAny:
    return Job.C(**values)


def loaded(task: TypingAny, *init_tasks: TypingAny) -> TypingAny:
    return load_instances(*submitted(task, *init_tasks))[0]


def earlier(part: TypingAny) -> TypingAny:
    task = Earlier.C(part=part)
    submitted(task)
    return task


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ratio", math.inf),
        ("ratio", 1.0),
        ("color", Color.RED),
        ("level", Level.LOW),
        ("shape", Holder.Shape.ROUND),
        ("by_number", {1: [0.5], -2: []}),
        ("by_name", {"type": 1, "python": 2}),
        ("words", {"a", "b"}),
        ("pair", (1, Path("/a"))),
        ("either", [1, "a", Path("/a")]),
        ("path", Path("/elsewhere/a")),
        ("paths", [Path("/ws/jobs/other/a"), Path("/ws")]),
        ("anything", {"type": "python", "value": 0}),
        ("anything", {"a": {"type": {"type": "path"}}}),
        ("anything", [{1: 2}, {"b": None}, {1, 2}, True, Color.RED, Level.LOW]),
        ("free", {"p": Path("/a"), (1, 2): "tuple"}),
    ],
)
def test_a_value_comes_back_as_it_was(name: str, value: TypingAny):
    found = getattr(loaded(job(**{name: value})), name)
    assert found == value
    assert type(found) is type(value)
    if name == "either":
        assert [type(item) for item in found] == [int, str, type(Path("/a"))]


def test_a_relative_path_is_the_same_file_in_a_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    task = job(path=Path("data/a.txt"), paths=[Path("b")])
    written, folder = submitted(task)
    assert task.path == Path("data/a.txt"), "the plan keeps what was given"
    monkeypatch.chdir("/")
    found, _ = load_instances(written, folder)
    assert (found.path, found.paths) == (tmp_path / "data/a.txt", [tmp_path / "b"])


class Either(Task):
    """Takes a pair, or a list of any length."""

    pair: Meta[tuple[int, int] | list[int] | None] = None
    nested: Meta[list[tuple[str] | list[str]]] = field(default_factory=list)

    def execute(self) -> None:
        pass


@pytest.mark.parametrize("pair", [(1, 2), [1, 2, 3], [], None])
def test_a_list_is_not_cut_to_the_length_of_a_tuple(pair: TypingAny):
    found = loaded(Either.C(pair=pair, nested=[("a",), ["a", "b"]]))
    assert (found.pair, found.nested) == (pair, [("a",), ["a", "b"]])


def test_nan_comes_back():
    assert math.isnan(loaded(job(ratio=math.nan)).ratio)


def test_an_ordinary_dictionary_is_an_ordinary_object():
    params, _ = submitted(job(anything={"a": {"b": 1}}, by_number={1: [0.5]}, by_name={"type": 3}))
    fields = params["objects"][-1]["fields"]
    assert fields["anything"] == {"a": {"b": 1}}
    assert fields["by_number"] == {"type": "dict", "items": [[1, [0.5]]]}
    assert fields["by_name"] == {"type": "dict", "items": [["type", 3]]}


def named_file() -> dict[str, str]:
    """The key `file`, if this module is not found by its name where the tests run."""
    file = home(Part).file
    return {} if file is None else {"file": file}


def test_the_form_is_the_documented_one():
    part = Part.C(size=3)
    task = job(part=part, path="/ws/data/x", color=Color.RED, words={"b", "a"})
    params, folder = submitted(task, Before.C(part=part, order=1))
    first, before, last = params["objects"]
    assert first == {
        "id": 0,
        "module": __name__,
        "type": "Part",
        "typename": f"{__name__}.Part",
        "identifier": repr(part.__identifier__()),
        **named_file(),
        "fields": {"made": {"type": "path", "value": "out/part/part", "base": "job"}, "size": 3},
    }
    assert before["fields"] == {"order": 1, "part": {"type": "python", "value": 0}}
    assert {name: last[name] for name in ("id", "task", "init-tasks", "identifier", "typename")} == {
        "id": 2,
        "task": 2,
        "init-tasks": [1],
        "identifier": folder.rpartition("/")[2],
        "typename": f"{__name__}.Job",
    }
    assert last["fields"]["path"] == {"type": "path", "value": "data/x", "base": "workspace"}
    assert last["fields"]["words"] == {"type": "set", "items": ["a", "b"]}
    assert last["fields"]["color"] == {
        "type": "enum",
        "module": __name__,
        "enum": "Color",
        "value": "RED",
        **named_file(),
    }


def test_an_object_of_a_job_knows_where_it_is():
    params, folder = submitted(job())
    task, _ = load_instances(params, folder)
    assert task.__taskdir__ == Path(folder)
    assert task.__xpmidentifier__ == folder.rpartition("/")[2]
    assert task.__xpmtypename__ == f"{__name__}.Job"
    assert (task.__xpm_stdout__, task.__xpm_stderr__) == (Path(folder) / "job.out", Path(folder) / "job.err")
    assert (task.jobpath, task.stdout()) == (Path(folder), Path(folder) / "job.out")
    assert task.out == Path(folder) / "out.txt"


def test_a_folder_that_was_moved_runs():
    params, _ = submitted(job(paths=["/ws/jobs/other/a"]))
    params["workspace"] = "/moved"
    task, _ = load_instances(params, "/moved/jobs/here/x")
    assert task.out == Path("/moved/jobs/here/x/out.txt")
    assert task.paths == [Path("/moved/jobs/other/a")]


def test_what_is_shared_stays_shared_and_init_tasks_come_back_in_order():
    part = Part.C()
    task, init_tasks = load_instances(
        *submitted(job(part=part, parts=[part]), Before.C(part=part, order=1), Before.C(part=part, order=2))
    )
    assert task.part is task.parts[0] is init_tasks[0].part
    assert [one.order for one in init_tasks] == [1, 2]


def test_a_task_that_was_waited_for_is_an_object_with_its_paths():
    first = earlier(Part.C(size=4))
    found = loaded(job(earlier=first)).earlier
    assert type(found) is Earlier
    assert (found.part.size, found.out) == (4, first.jobpath / "out")


def test_a_cycle_is_tied():
    one, other = Ring.C(name="a"), Ring.C(name="b")
    one.next, other.next = other, one
    found = loaded(UsesRing.C(ring=one)).ring
    assert (found.name, found.next.name) == ("a", "b")
    assert found.next.next is found


def test_parameters_added_since_get_their_default():
    params, folder = submitted(job())
    for name in ("ratio", "parts", "color", "out"):
        del params["objects"][-1]["fields"][name]
    task, _ = load_instances(params, folder)
    assert (task.ratio, task.parts, task.color) == (0.5, [], None)


def test_earlier_versions_are_read():
    params, folder = submitted(job(path="/a"))
    del params["version"]
    fields = params["objects"][-1]["fields"]
    fields["path"] = "/ws/plain/text"
    fields["paths"] = ["/b"]
    fields["anything"] = {"type": "path.serialized", "value": "/c", "is_folder": False}
    task, _ = load_instances(params, folder)
    assert (task.path, task.paths, task.anything) == (Path("/ws/plain/text"), [Path("/b")], Path("/c"))


def change(**changes: TypingAny) -> Callable[[dict[str, TypingAny]], None]:
    return lambda params: params["objects"][-1].update(changes)


def change_field(name: str, value: TypingAny) -> Callable[[dict[str, TypingAny]], None]:
    return lambda params: params["objects"][-1]["fields"].update({name: value})


@pytest.mark.parametrize(
    ("break_it", "text"),
    [
        (
            lambda params: params.update(version=9),
            "params.json was written by a newer experimaestro (params.json version 9): this one reads up to 3. "
            "Update the package",
        ),
        (
            lambda params: params.update(objects=[]),
            "params.json: 'objects' must be a list with the task last, got []",
        ),
        (
            lambda params: params["objects"].append(3),
            "params.json, object at position 1: expected an object, got 3",
        ),
        (lambda params: params["objects"][0].pop("type"), "params.json, object at position 0: no 'type'"),
        (change(type="change_field"), None),
        (change(type="Color"), "params.json, object 0: Color is no configuration class"),
        (change(fields=None), "params.json, object 0 (Job): no 'fields'"),
        (change_field("zzz", 1), "params.json, object 0, key 'zzz': Job has no such parameter (any more)"),
        (
            change_field("part", {"type": "python", "value": 7}),
            "params.json, object 0, key 'part': refers to object 7, which is not there",
        ),
        (
            change_field("color", {"type": "enum", "module": __name__, "enum": "Color", "value": "GREEN"}),
            f"params.json, object 0, key 'color': {{'type': 'enum', 'module': '{__name__}', 'enum': 'Color', "
            "'value': 'GREEN'} is not a value of type 'enum'",
        ),
        (
            change_field("path", {"type": "path"}),
            "params.json, object 0, key 'path': {'type': 'path'} is not a value of type 'path'",
        ),
        (change_field("path", {"type": "zip"}), "params.json, object 0, key 'path': unknown type 'zip'"),
        (
            change(**{"init-tasks": [4]}),
            "params.json, object 0, key 'init-tasks': refers to object 4, which is not there",
        ),
        (
            lambda params: params["objects"].insert(0, params["objects"][0]),
            "params.json, object 0: the number is used twice",
        ),
    ],
)
def test_what_cannot_be_read_is_named(break_it: TypingAny, text: str | None, error_of: ErrorOf):
    params, folder = submitted(job())
    break_it(params)
    found = error_of(lambda: load_instances(params, folder))
    if text is None:
        assert found.startswith("DefinitionError: change_field is not defined in")
    else:
        assert found.endswith(f"FormatError: {text}")


def test_a_value_that_was_required_and_not_written_is_named():
    params, folder = submitted(job(part=Part.C()), Before.C(part=Part.C(), order=1))
    before = next(one for one in params["objects"] if one["type"] == "Before")
    del before["fields"]["order"]
    with pytest.raises(
        FormatError, match=r"^params\.json, object \d: Before needs order, which was not written$"
    ):
        load_instances(params, folder)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.sampled_from([Color.RED, Holder.Shape.ROUND]),
)
KEYS = st.one_of(st.text(), st.sampled_from(["type", "value", "items"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
        st.dictionaries(st.integers(0, 5), inner, max_size=2),
        st.sets(st.integers(0, 9)),
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_any_value_comes_back_with_its_types(value: TypingAny):
    found = loaded(job(anything=value)).anything
    assert found == value
    assert repr(found) == repr(value) or isinstance(value, (set, list, dict))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 5), max_size=4),
    st.dictionaries(st.integers(-9, 9), st.lists(st.floats(allow_nan=False))),
)
def test_parts_and_tables_come_back(sizes: list[int], table: dict[int, list[float]]):
    found = loaded(job(parts=[Part.C(size=size) for size in sizes], by_number=table))
    assert [part.size for part in found.parts] == sizes
    assert found.by_number == table


def test_objects_are_those_of_the_module_that_is_loaded_once():
    assert type(loaded(job())) is sys.modules[__name__].__dict__["Job"]
    assert load(__name__, __file__) is sys.modules[__name__]
