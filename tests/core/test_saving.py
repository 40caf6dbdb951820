# ruff: noqa: ISC004, E501
# (the texts of errors stand in tables as they are shown)
"""Configurations in folders: saved with their data, loaded as they were, by whoever has the classes."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any as TypingAny, Generic, TypeVar

import pytest

from experimaestro import (
    Any,
    Config,
    Constant,
    DataPath,
    InstanceConfig,
    LightweightTask,
    Meta,
    OptionalDataPath,
    Param,
    PathGenerator,
    PathSerializationLWTask,
    SerializationContext,
    SerializationLWTask,
    Task,
    deprecate,
    deserialize,
    field,
    from_state_dict,
    from_task_dir,
    load,
    load_xp_info,
    save,
    sealed_set,
    serialize,
    setmeta,
    state_dict,
)
from experimaestro.core import context
from experimaestro.core.context import SerializedPath
from experimaestro.core.objects import ConfigInformation
from experimaestro.core.objects.config import ConfigInformation as SameInformation
from experimaestro.core.serialization import saving
from experimaestro.exceptions import ConfigurationError, FormatError, NotSubmittedError

ErrorOf = Callable[[Callable[[], TypingAny]], str]
T = TypeVar("T")


class Part(Config):
    """Something to use."""

    size: Param[int] = field(default=1)


class Unit(InstanceConfig):
    """Counts by its identity."""

    size: Param[int]


class Two(Config):
    """Uses two."""

    one: Param[Unit]
    other: Param[Unit]


class Ring(Config):
    """May refer back to itself."""

    name: Param[str]
    next: Param["Ring | None"] = field(default=None)


class Above(Config):
    """Above a ring."""

    ring: Param[Ring]


class Holder(Config):
    """Holds whatever."""

    value: Param[Any] = field(default=0)
    parts: Param[set[Part]] = field(default_factory=set)
    free: Meta[Any] = field(default=0)
    hidden: Meta[Part | None] = None


class Text(Config):
    """Has data."""

    file: DataPath
    more: OptionalDataPath = None

    def read(self) -> str:
        return self.file.read_text()


class Corpus(Config):
    """Texts, one and several."""

    text: Param[Text]
    texts: Param[list[Text]] = field(default_factory=list)
    named: Param[dict[str, Text]] = field(default_factory=dict)


class Learn(Task):
    """Makes a part."""

    text: Param[Text]
    out: Meta[Path] = field(default_factory=PathGenerator("out"))

    def execute(self) -> None:
        pass

    def task_outputs(self, dep: TypingAny) -> TypingAny:
        return dep(Part.C(size=7))


class Grow(SerializationLWTask):
    """Changes what it is given."""

    by: Param[int]

    def execute(self) -> None:
        part: TypingAny = self.value
        part.size += self.by


class ReadSize(PathSerializationLWTask):
    """Gives a part its size from a file."""

    def execute(self) -> None:
        part: TypingAny = self.value
        part.size = int(self.path.read_text())


class Uses(Task):
    """Uses a part."""

    part: Param[Part]

    def execute(self) -> None:
        pass


class Pair(Config, Generic[T]):
    """Two of a kind."""

    first: Param[T]
    second: Param[T]


class NeedsPair(Config):
    """Wants parts."""

    pair: Param[Pair[Part]]


class Heavy(Config):
    """Has a value class."""

    size: Param[int]


@Heavy.value_class()
class HeavyValue(Heavy):
    """What is made of it."""

    def twice(self) -> int:
        return 2 * self.size


class New(Config):
    """The new form."""

    width: Param[int]
    added: Param[list[Part]] = field(default_factory=lambda: [Part.C(size=9)], ignore_default=True)

    @deprecate
    def length(self, value: int) -> None:
        self.width = value


@deprecate(New, replace=True)
class Old(Config):
    """The old form."""

    half: Param[int]

    def __convert__(self) -> TypingAny:
        return New.C(width=2 * self.half)


@deprecate
class Older(New):
    """An old name."""


class Versioned(Config):
    """Has a constant."""

    version: Constant[int] = 2


def submitted(task: TypingAny, **options: TypingAny) -> TypingAny:
    """What a task gives out when it is submitted."""

    class Keeper:
        workspace = "/ws"

        def submit(self, submission: context.Submission) -> None:
            pass

    context.current = Keeper()  # type: ignore[assignment] # all that submitting needs
    try:
        return task.submit(**options)
    finally:
        context.current = None


def again(value: TypingAny, folder: Path, **options: TypingAny) -> TypingAny:
    """A value, saved and loaded."""
    save(value, folder / "saved")
    return load(folder / "saved", **options)


def change(folder: Path, call: Callable[[TypingAny], TypingAny]) -> None:
    """Changes what is written in a folder."""
    file = folder / "experimaestro.json"
    content = json.loads(file.read_text())
    call(content)
    file.write_text(json.dumps(content))


# ----------------------------------------------------------------------------------------------
# Configurations


@pytest.mark.parametrize(
    "value",
    [
        Part.C(size=3),
        [Part.C(), {"a": (Part.C(size=2), None, 1.5, "text", Path("a/b"), True)}],
        {"type": Part.C(), 3: {Part.C(size=1).seal()}},
        [],
        Holder.C(value={"type": 1}, free=(1, [2], {"a": (3,)}), parts=sealed_set(Part.C(), Part.C(size=2))),
        Holder.C(value=[{1: 2}, {1, 2}], hidden=Part.C(size=4)),
        Pair.C(first=Part.C(), second=Part.C(size=2)),
        NeedsPair.C(pair=Pair.C(first=Part.C(), second=Part.C(size=2))),
        Older.C(width=3),
        Versioned.C(),
    ],
    ids=repr,
)
def test_a_value_comes_back_equal_sealed_and_with_its_identifier(value: TypingAny, tmp_path: Path):
    found = again(value, tmp_path)
    assert found == value
    assert repr(found) == repr(value) or "{" in repr(value)
    if isinstance(value, Config):
        assert found.__xpm__.sealed
        assert found.__xpm__.loaded
        assert found.__identifier__() == value.__identifier__()
        assert not value.__xpm__.sealed  # saving changes nothing


def test_what_is_shared_stays_shared_across_the_whole_value(tmp_path: Path):
    part = Part.C()
    first, second, alone = again([Holder.C(value=part), Holder.C(value=[part]), part], tmp_path)
    assert first.value is second.value[0] is alone
    first, second, alone = again(
        [Holder.C(value=part), Holder.C(value=[part]), part], tmp_path, as_instance=True
    )
    assert first.value is second.value[0] is alone
    assert type(alone) is Part


def test_a_ring_keeps_its_identifiers_and_gives_what_is_above_it_the_same(tmp_path: Path):
    one, other = Ring.C(name="one"), Ring.C(name="other")
    one.next, other.next = other, one
    above = Above.C(ring=one)
    loaded, found_above = again([other, above], tmp_path)
    assert loaded.next.next is loaded is found_above.ring.next
    assert repr(loaded.__identifier__()) == repr(other.__identifier__())
    assert repr(loaded.next.__identifier__()) == repr(one.__identifier__())
    assert repr(Above.C(ring=loaded.next).__identifier__()) == repr(above.__identifier__())


def test_instances_are_told_apart_after_loading(tmp_path: Path):
    unit = Unit.C(size=1)
    same, different = Two.C(one=unit, other=unit), Two.C(one=unit, other=Unit.C(size=1))
    found_same, found_different = again([same, different], tmp_path)
    for loaded, config in ((found_same, same), (found_different, different)):
        assert loaded.__identifier__() == config.__identifier__()
        again_made = Two.C(one=loaded.one, other=loaded.other)
        assert again_made.__identifier__() == config.__identifier__()


@pytest.mark.parametrize("flag", [True, False, None])
def test_a_mark_comes_back(flag: bool | None, tmp_path: Path):
    config = Holder.C(value=setmeta(Part.C(size=2), flag), hidden=setmeta(Part.C(size=3), flag))
    found = again(config, tmp_path)
    assert (found.value.__xpm__.meta, found.hidden.__xpm__.meta) == (flag, flag)
    assert Holder.C(value=found.value, hidden=found.hidden).__identifier__() == config.__identifier__()


def test_what_a_task_made_keeps_its_mark_and_its_maker(tmp_path: Path):
    (tmp_path / "a").write_text("a")
    made = submitted(Learn.C(text=Text.C(file=tmp_path / "a")))
    found = again(made, tmp_path)
    assert found.__identifier__() == made.__identifier__()
    task = found.__xpm__.task
    assert (task.text.file, task.out) == (tmp_path / "a", made.__xpm__.task.out)  # its data are not copied
    assert task.__xpm__.key == made.__xpm__.task.__xpm__.key
    with pytest.raises(NotSubmittedError, match="has no folder that is known here"):
        _ = task.jobpath
    assert os.listdir(tmp_path / "saved") == ["experimaestro.json"]


def test_a_task_that_uses_what_was_loaded_has_the_same_identifier_and_waits_for_nobody(tmp_path: Path):
    (tmp_path / "a").write_text("a")
    made = submitted(Learn.C(text=Text.C(file=tmp_path / "a")))
    before = submitted(Uses.C(part=made))
    received: list[context.Submission] = []

    class Keeper:
        workspace = "/elsewhere"
        submit = staticmethod(received.append)

    context.current = Keeper()  # type: ignore[assignment] # all that submitting needs
    try:
        after = Uses.C(part=again(made, tmp_path)).submit()
    finally:
        context.current = None
    assert after.__identifier__() == before.__identifier__()
    assert received[0].dependencies == ()


def test_init_tasks_of_a_task_come_back(tmp_path: Path):
    part = Part.C()
    task = submitted(Uses.C(part=part), init_tasks=[Grow.C(value=part, by=2)])
    found = again(task, tmp_path)
    assert found.__identifier__() == task.__identifier__()
    (grow,) = found.__xpm__.init_tasks
    assert (grow.by, grow.value) == (2, found.part)
    assert grow.value is found.part


def test_as_objects_the_classes_of_tasks_that_made_something_are_not_needed(tmp_path: Path):
    (tmp_path / "a").write_text("a")
    made = submitted(Learn.C(text=Text.C(file=tmp_path / "a")))
    save(made, tmp_path / "saved")

    def forget(content: TypingAny) -> None:
        for one in content["objects"]:
            if one["type"] in {"Learn", "Text"}:
                one["module"] = "gone"

    change(tmp_path / "saved", forget)
    assert load(tmp_path / "saved", as_instance=True).size == 7
    with pytest.raises(FormatError, match=r"object 0: No module named 'gone'$"):
        load(tmp_path / "saved")
    partly = load(tmp_path / "saved", partial_loading=True)
    assert partly.__identifier__() == made.__identifier__()

    save(partly, tmp_path / "copy")  # what was not loaded is not lost
    content = json.loads((tmp_path / "copy/experimaestro.json").read_text())
    assert content["objects"][0] == {
        "module": "gone",
        "type": "Learn",
        "typename": f"{__name__}.Learn",
        "identifier": repr(made.__xpm__.task.__identifier__()),
        "id": 0,
        "stub": True,
    }
    for partial in (True, False):
        found = load(tmp_path / "copy", partial_loading=partial)
        assert found.__identifier__() == made.__identifier__()


def test_a_value_class_makes_the_object(tmp_path: Path):
    assert again(Heavy.C(size=4), tmp_path, as_instance=True).twice() == 8


def test_an_object_is_saved_as_the_configuration_that_it_was_made_of(tmp_path: Path, error_of: ErrorOf):
    config = Part.C(size=4)
    assert again({"part": config.instance()}, tmp_path) == {"part": config}
    assert error_of(lambda: save(config.instance(keep=False), tmp_path)) == (
        "ConfigurationError: save(...): Part object without a configuration. Give Part.C(...)"
    )


def test_a_default_that_was_added_since_is_there(tmp_path: Path):
    save(New.C(width=1), tmp_path)
    change(tmp_path, lambda content: content["objects"][-1]["fields"].pop("added"))
    found = load(tmp_path)
    assert [part.size for part in found.added] == [9]
    assert found.added[0].__xpm__.sealed
    assert found.__identifier__() == New.C(width=1).__identifier__()


def test_values_of_deprecated_parameters_are_given_to_those_that_replaced_them(tmp_path: Path):
    save(New.C(width=1), tmp_path)

    def rename(content: TypingAny) -> None:
        fields = content["objects"][-1]["fields"]
        fields["length"] = fields.pop("width") + 1

    change(tmp_path, rename)
    change(tmp_path, lambda content: content["objects"][-1]["fields"].update(width=0))
    assert load(tmp_path).width == 2


def test_a_configuration_of_a_replaced_class_becomes_one_of_the_new_class(tmp_path: Path):
    save([New.C(width=1), 5], tmp_path)

    def to_old(content: TypingAny) -> None:
        content["objects"][-1].update(type="Old", fields={"half": 4})

    change(tmp_path, to_old)
    found = load(tmp_path)[0]
    assert type(found) is New.C
    assert found.width == 8
    assert found.__identifier__() == New.C(width=1).__identifier__()  # the one that was written


def test_a_missing_parameter_is_told_before_anything_is_written(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="text"):
        save(Corpus.C(), tmp_path / "new")  # type: ignore[call-arg] # wrong on purpose
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"x", "b'x' cannot be saved: a bytes is not written as JSON. Use numbers, strings, lists, dictionaries "
         "or configurations"),
        ([[object]], "<class 'object'> cannot be saved: a type is not written as JSON. Use numbers, strings, "
         "lists, dictionaries or configurations"),
    ],
)  # fmt: skip
def test_what_no_json_holds_is_refused(value: TypingAny, text: str, tmp_path: Path, error_of: ErrorOf):
    assert error_of(lambda: save(value, tmp_path)) == f"ConfigurationError: save(...): {text}"


WRONG: TypingAny = 3
"""What no function here can use"""


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda here: serialize(3, here), "serialize(3, ...): expected a configuration, Cls.C(...). save(...) takes lists "
         "and dictionaries of them"),
        (lambda _: serialize(Part.C(), WRONG), "serialize(..., 3): expected a folder, as a str or Path"),
        (lambda here: serialize(Part.C(), here, init_tasks=WRONG), "serialize(..., init_tasks=3): expected a list of tasks"),
        (lambda here: serialize(Part.C(), here, init_tasks=[3]), "serialize(...): init_tasks[0]: got 3. Give Cls.C(...)"),
        (lambda here: serialize(Part.C(), here, init_tasks=[Part.C()]), "serialize(...): init_tasks[0]: Part is no task. "
         "Derive its class from LightweightTask"),
        (lambda here: serialize(Part.C(), here, init_tasks=[Uses.C(part=Part.C())]), "serialize(...): init_tasks[0]: Uses is a task. "
         "Derive its class from LightweightTask"),
        (lambda _: save(Part.C(), WRONG), "save(..., 3): expected a folder, as a str or Path"),
        (lambda _: save(Part.C(), "a\0b"), "save(..., 'a\\x00b'): expected a folder, as a str or Path"),
        (lambda _: load(WRONG), "load(3): expected a folder, as a str or Path"),
        (lambda _: deserialize(WRONG), "deserialize(3): expected a folder, as a str or Path"),
        (lambda _: state_dict(WRONG, Part.C()), "state_dict(3, ...): expected a context, as in "
         "state_dict(SerializationContext(), obj)"),
        (lambda _: from_state_dict({}, WRONG), "from_state_dict(..., path=3): expected a folder, as a str or Path"),
        (lambda _: Part.C().__xpm__.serialize(WRONG), "serialize(3): expected a folder, as a str or Path"),
        (lambda _: ConfigInformation.deserialize(WRONG), "deserialize(3): expected a folder, as a str or Path"),
        (lambda _: from_task_dir(WRONG), "from_task_dir(3): expected a folder, as a str or Path"),
        (lambda _: load_xp_info(WRONG), "load_xp_info(3): expected a folder, as a str or Path"),
        (lambda _: setmeta(Part.C(), WRONG), "setmeta(Part, 3): expected True, False or None"),
    ],
)  # fmt: skip
def test_what_a_function_cannot_use_is_refused_in_its_name(
    call: TypingAny, text: str, tmp_path: Path, error_of: ErrorOf
):
    assert error_of(lambda: call(tmp_path / "saved")) == f"ConfigurationError: {text}"
    assert not (tmp_path / "saved").exists()


def test_a_list_that_contains_itself_is_refused(tmp_path: Path, error_of: ErrorOf):
    value: list[TypingAny] = []
    value.append(value)
    assert error_of(lambda: save(value, tmp_path)) == (
        "ConfigurationError: save(...): the value is nested more than 50 deep, or contains itself"
    )


# ----------------------------------------------------------------------------------------------
# Data


@pytest.fixture
def texts(tmp_path: Path) -> Callable[[str], TypingAny]:
    """Makes a text of a name, with itself in its file."""

    def text(name: str) -> TypingAny:
        file = tmp_path / "sources" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)
        return Text.C(file=file)

    return text


def test_data_are_copied_under_the_names_of_the_parameters(tmp_path: Path, texts: TypingAny):
    corpus = Corpus.C(
        text=texts("a"), texts=[texts("b"), texts("c")], named={"x": texts("d"), "x/y": texts("e")}
    )
    found = again(corpus, tmp_path)
    saved = tmp_path / "saved"
    files = {str(file.relative_to(saved)): file.read_text() for file in saved.rglob("*") if file.is_file()}
    del files["experimaestro.json"]
    assert files == {
        "text/file": "a",
        "texts/0/file": "b",
        "texts/1/file": "c",
        "named/x/file": "d",
        "named/x_y/file": "e",
    }
    assert found.text.file == saved / "text/file"
    assert found.instance().named["x"].read() == "d"
    assert found.__identifier__() == corpus.__identifier__()


def test_saved_data_do_not_change_with_their_source(tmp_path: Path, texts: TypingAny):
    text = texts("a")
    found = again(text, tmp_path)
    with text.file.open("r+", encoding="utf-8") as file:
        file.write("changed in place")
    assert found.file.read_text() == "a"


def test_a_folder_is_copied_with_what_its_links_lead_to(tmp_path: Path):
    folder = tmp_path / "data"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner/a").write_text("a")
    (folder / "link").symlink_to("inner/a")
    found = again(Text.C(file=folder), tmp_path)
    assert (found.file / "link").read_text() == "a"
    assert not (found.file / "link").is_symlink()


def test_texts_of_one_name_in_a_list_do_not_meet(tmp_path: Path, texts: TypingAny):
    found = again([texts("a"), texts("b")], tmp_path, as_instance=True)
    assert [text.read() for text in found] == ["a", "b"]


def test_keys_that_would_name_one_folder_are_told_apart(tmp_path: Path, texts: TypingAny):
    corpus = {"a/b": texts("1"), "a_b": texts("2"), "..": texts("3"), "_..": texts("4"), "": texts("5")}
    found = again(corpus, tmp_path, as_instance=True)
    assert {key: text.read() for key, text in found.items()} == {
        "a/b": "1", "a_b": "2", "..": "3", "_..": "4", "": "5",
    }  # fmt: skip
    assert sorted(one.name for one in tmp_path.iterdir()) == ["saved", "sources"]


def test_a_file_and_a_folder_of_one_name_are_told_apart(tmp_path: Path, texts: TypingAny):
    folder = tmp_path / "folder"
    folder.mkdir()
    found = again({"a": {"file": texts("1")}, "a/file": Text.C(file=folder)}, tmp_path)
    assert found["a"]["file"].file.read_text() == "1"
    assert found["a/file"].file.is_dir()


def test_data_that_are_not_there_are_named_and_the_folder_is_left_as_it_was(
    tmp_path: Path, error_of: ErrorOf
):
    save(Part.C(size=3), tmp_path / "saved")
    assert error_of(lambda: save(Text.C(file=tmp_path / "none"), tmp_path / "saved")) == (
        f"ConfigurationError: Text: its data cannot be saved: {tmp_path}/none does not exist. If a task makes "
        "it, wait for the task first"
    )
    assert load(tmp_path / "saved").size == 3
    assert os.listdir(tmp_path / "saved") == ["experimaestro.json"]


def test_a_second_save_replaces_the_first_and_leaves_other_files(tmp_path: Path, texts: TypingAny):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "old").write_text("")
    saved = tmp_path / "saved"
    save(Text.C(file=folder), saved)
    (saved / "README.md").write_text("kept")
    (folder / "old").rename(folder / "new")
    save(Text.C(file=folder), saved)
    assert os.listdir(load(saved).file) == ["new"]
    save(texts("a"), saved)
    assert load(saved).file.read_text() == "a"
    assert (saved / "README.md").read_text() == "kept"


def test_what_was_loaded_from_a_folder_is_saved_there_again(tmp_path: Path, texts: TypingAny):
    found = again(texts("a"), tmp_path)
    assert again([found], tmp_path, as_instance=True)[0].read() == "a"


def test_saving_that_is_killed_leaves_the_old_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each move of a file in turn is the last thing that is done."""
    folder = tmp_path / "data"
    folder.mkdir()

    def text(number: int) -> TypingAny:
        (folder / "a").write_text(str(number))
        return Text.C(file=folder, more=folder / "a")

    real = Path.replace
    for last in range(20):
        saved = tmp_path / f"saved{last}"
        save(text(1), saved)
        done: list[Path] = []

        def replace(path: Path, target: Path, done: list[Path] = done, last: int = last) -> Path:
            if len(done) == last:
                raise KeyboardInterrupt
            done.append(path)
            return real(path, target)

        monkeypatch.setattr(Path, "replace", replace)
        try:
            save(text(2), saved)
        except KeyboardInterrupt:
            with pytest.raises(FileNotFoundError):
                load(saved)
        else:
            assert load(saved).more.read_text() == "2"
            assert last == 5
            return
        finally:
            monkeypatch.undo()
        save(text(3), saved)  # it is mended by the next
        assert load(saved).more.read_text() == (load(saved).file / "a").read_text() == "3"


def test_of_many_who_save_at_once_one_is_found_whole(tmp_path: Path):
    files = []
    for number in range(8):
        file = tmp_path / str(number)
        file.write_text(str(number))
        files.append(Corpus.C(text=Text.C(file=file), texts=[Text.C(file=file)]))
    threads = [threading.Thread(target=save, args=(one, tmp_path / "saved")) for one in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = load(tmp_path / "saved")
    assert found.text.file.read_text() == found.texts[0].file.read_text()


class Weights(Config):
    """Gives its data the place that another tool expects."""

    path: DataPath

    def __xpm_serialize__(self, place: SerializationContext) -> dict[str, SerializedPath]:
        name = [*place.var_path, "model.bin"] if Path(self.path).is_file() else place.var_path
        return {"path": place.serialize(name, self.path, self)}


def test_a_class_gives_its_data_another_name(tmp_path: Path):
    (tmp_path / "w").write_text("weights")
    found = again(Weights.C(path=tmp_path / "w"), tmp_path)
    assert found.path == tmp_path / "saved/model.bin"
    assert found.path.read_text() == "weights"


def test_a_class_puts_the_content_of_a_folder_into_the_folder_of_all(tmp_path: Path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w/modules.json").write_text("[]")
    found = again(Weights.C(path=tmp_path / "w"), tmp_path)
    assert found.path == tmp_path / "saved"
    assert (tmp_path / "saved/modules.json").read_text() == "[]"


# ----------------------------------------------------------------------------------------------
# The other ways


def test_a_configuration_with_init_tasks_comes_back_with_them(tmp_path: Path):
    (tmp_path / "size").write_text("40")
    part = Part.C(size=3)
    before = [ReadSize.C(value=part, path=tmp_path / "size"), Grow.C(value=part, by=2)]
    serialize(part, tmp_path / "saved", init_tasks=before)
    config, init_tasks = deserialize(tmp_path / "saved")
    assert config == part
    assert init_tasks == [ReadSize.C(value=part, path=tmp_path / "saved/init_tasks/0/path"), before[1]]
    assert init_tasks[0].value is init_tasks[1].value is config
    assert deserialize(tmp_path / "saved", as_instance=True).size == 42


def test_the_form_is_the_documented_one(tmp_path: Path):
    part = Part.C(size=3)
    serialize(part, tmp_path, init_tasks=[Grow.C(value=part, by=2)])
    content = json.loads((tmp_path / "experimaestro.json").read_text())
    assert content["version"] == 3
    assert content["data"] == [{"type": "python", "value": 0}, [{"type": "python", "value": 1}]]
    assert content["objects"][1]["fields"] == {"by": 2, "value": {"type": "python", "value": 0}}


def test_the_older_form_is_written_and_read(tmp_path: Path):
    (tmp_path / "a").write_text("a")
    text = Text.C(file=tmp_path / "a")
    text.__xpm__.serialize(tmp_path / "saved")
    assert isinstance(json.loads((tmp_path / "saved/experimaestro.json").read_text()), list)
    for folder in (tmp_path / "saved", str(tmp_path / "saved")):
        assert ConfigInformation.deserialize(folder).file == tmp_path / "saved/file"
    assert ConfigInformation.deserialize(tmp_path / "saved", as_instance=True).read() == "a"
    assert load(tmp_path / "saved").file == tmp_path / "saved/file"
    assert SameInformation is ConfigInformation


def test_names_become_files_by_a_function(tmp_path: Path):
    (tmp_path / "a").write_text("a")
    save(Text.C(file=tmp_path / "a"), tmp_path / "saved")
    (tmp_path / "saved/experimaestro.json").rename(tmp_path / "saved/other.json")
    asked: list[TypingAny] = []

    def place(name: TypingAny) -> Path:
        asked.append(name)
        return tmp_path / "saved" / (name.path if isinstance(name, SerializedPath) else name)

    found = ConfigInformation.deserialize(
        place, as_instance=True, partial_loading=True, definition_filename="other.json"
    )
    assert found.read() == "a"
    assert asked == ["other.json", SerializedPath(Path("file"), is_folder=False)]


def test_a_state_is_a_dictionary_that_json_holds_and_no_file(tmp_path: Path, error_of: ErrorOf):
    (tmp_path / "a").write_text("a")
    state = json.loads(json.dumps(state_dict(SerializationContext(), {"text": Text.C(file=tmp_path / "a")})))
    assert os.listdir(tmp_path) == ["a"]
    assert state["objects"][0]["fields"]["file"] == {
        "type": "path.serialized",
        "value": "text/file",
        "is_folder": False,
    }
    assert from_state_dict(state, path=tmp_path)["text"].file == tmp_path / "text/file"
    found = from_state_dict(state, path=lambda _: tmp_path / "a", as_instance=True)
    assert found["text"].read() == "a"
    assert error_of(lambda: from_state_dict(state)) == (
        "FormatError: state, object 0, key 'file': 'text/file' is data beside the configuration, and no folder "
        "was given: path=..."
    )


# ----------------------------------------------------------------------------------------------
# Classes of scripts


SCRIPT = """
import sys
from pathlib import Path
from experimaestro import Config, Param, experiment, load, save
print("loaded", __name__)

class Inner(Config):
    x: Param[int]

class Outer(Config):
    inner: Param[Inner]
    more: Param[list[Inner]]

folder = sys.argv[1] if len(sys.argv) > 1 else None
if folder and not Path(folder).exists():
    inner = Inner.C(x=1)
    save(Outer.C(inner=inner, more=[inner, Inner.C(x=2)]), folder)
    found = load(folder)
    assert type(found) is Outer.C and found.inner is found.more[0], found
    print("saved")
experiment("nowhere", "none").start()
print("never printed: this is the experiment")
"""


def python(*arguments: str, folder: Path) -> str:
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_classes_of_a_script_are_those_that_it_has_and_it_is_not_run_again(tmp_path: Path):
    (tmp_path / "study.py").write_text(
        SCRIPT.replace('experiment("nowhere"', 'sys.exit() or experiment("nowhere"')
    )
    assert python("study.py", "saved", folder=tmp_path) == "loaded __main__\nsaved\n"


def test_another_process_loads_a_script_once_up_to_its_experiment(tmp_path: Path):
    (tmp_path / "study.py").write_text(
        SCRIPT.replace('experiment("nowhere"', 'sys.exit() or experiment("nowhere"')
    )
    python("study.py", "saved", folder=tmp_path)
    (tmp_path / "study.py").write_text(SCRIPT)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = (
        "from experimaestro import load; found = load('../saved'); "
        "print(type(found.inner) is type(found.more[1]), found.more[1].x, found.inner is found.more[0])"
    )
    lines = python("-c", code, folder=elsewhere).splitlines()
    assert len(lines) == 2
    assert lines[1] == "True 2 True"
    assert not (elsewhere / "nowhere").exists()


def test_a_class_of_a_file_that_moved_is_found_by_the_name_of_its_module(tmp_path: Path):
    save(Part.C(size=2), tmp_path)
    change(
        tmp_path,
        lambda content: content["objects"][0].update(module="json", type="JSONDecoder", file="/gone.py"),
    )
    with pytest.raises(FormatError, match=r"object 0: JSONDecoder is no configuration class$"):
        load(tmp_path)


# ----------------------------------------------------------------------------------------------
# What cannot be read


@pytest.mark.parametrize(
    ("break_it", "text"),
    [
        (lambda one: one.pop("objects"), ": 'objects' must be a list with the root last, got None"),
        (lambda one: one.pop("data"), ": no 'data'"),
        (lambda one: one.update(version=9), " was written by a newer experimaestro (experimaestro.json version 9): "
         "this one reads up to 3. Update the package"),
        (lambda one: one.update(data={"type": "python"}), ", key 'data': refers to object None, which is not there"),
        (lambda one: one.update(data={"type": "python", "value": [1]}),
         ", key 'data': refers to object [1], which is not there"),
        (lambda one: one.update(data={"type": "python", "value": 12}),
         ", key 'data': refers to object 12, which is not there"),
        (lambda one: one.update(data={"type": []}), ", key 'data': unknown type []"),
        (lambda one: one["objects"][0].pop("module"), ", object at position 0: no 'module'"),
        (lambda one: one["objects"][0].update(module="none.such"), ", object 0: No module named 'none'"),
        (lambda one: one["objects"][0].update(module=3), ", object 0, key 'module': expected a text, got 3"),
        (lambda one: one["objects"][0].update(id={}), ", object at position 0, key 'id': expected a number, got {}"),
        (lambda one: one["objects"][0].update(meta=1), ", object 0, key 'meta': expected true or false, got 1"),
        (lambda one: one["objects"][0].update(task=7), ", object 0, key 'task': refers to object 7, which is not "
         "there"),
        (lambda one: one["objects"][0].update(task=1), ", object 0, key 'task': object 1 is no task"),
        (lambda one: one["objects"][0].update({"init-tasks": [7]}),
         ", object 0, key 'init-tasks': refers to object 7, which is not there"),
        (lambda one: one["objects"][0].update(identifier="xy"), ", object 0, key 'identifier': expected 64 "
         "hexadecimal digits, got 'xy'"),
        (lambda one: one["objects"][0]["fields"].update(size="x"), ", object 0, key 'size': expected an int, got "
         "'x'"),
        (lambda one: one["objects"][0]["fields"].update(other=1), ", object 0, key 'other': Part has no such "
         "parameter (any more)"),
        (lambda one: one["objects"][1]["fields"].update(parts={"type": "set", "items": [[], {}]}),
         ", object 1, key 'parts': {'type': 'set', 'items': [[], {}]} is not a value of type 'set'"),
        (lambda one: one["objects"][1]["fields"].update(value={"type": "dict", "items": [[1]]}),
         ", object 1, key 'value': {'type': 'dict', 'items': [[1]]} is not a value of type 'dict'"),
        (lambda one: one["objects"][1]["fields"].update(hidden={"type": "path.serialized", "value": "../a"}),
         ", object 1, key 'hidden': the path '../a' leads out of the folder"),
        (lambda one: one["objects"][1]["fields"].update(hidden={"type": "path.serialized", "value": "/etc/passwd"}),
         ", object 1, key 'hidden': the path '/etc/passwd' leads out of the folder"),
        (lambda one: one["objects"][1]["fields"].update(hidden={"type": "path", "value": "a", "base": "job"}),
         ", object 1, key 'hidden': {'type': 'path', 'value': 'a', 'base': 'job'} is not a value of type 'path'"),
        (lambda one: one["objects"][1]["fields"].update(
            value={"type": "enum", "module": "json", "enum": "JSONDecoder", "value": "A"}),
         ", object 1, key 'value': {'type': 'enum', 'module': 'json', 'enum': 'JSONDecoder', 'value': 'A'} is not "
         "a value of type 'enum'"),
        (lambda one: one["objects"][1]["fields"].update(
            value={"type": "enum", "module": "json", "enum": "None", "value": "A"}),
         ", object 1, key 'value': None is not defined in json as a job loads it: the class was renamed or moved "
         "(leave one of that name there, with `@deprecate`), or is only defined under `if __name__ == '__main__':` "
         "(define it above)"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_file_object_and_key(
    break_it: TypingAny, text: str, tmp_path: Path, error_of: ErrorOf
):
    save([Part.C(size=2), Holder.C()], tmp_path)
    change(tmp_path, break_it)
    found = error_of(lambda: load(tmp_path))
    assert found in {
        f"{kind}: {tmp_path}/experimaestro.json{text}" for kind in ("FormatError", "NewerFormatError")
    }


DEEP = 900 if sys.version_info < (3, 12) else 990
"""Lists in lists that can be parsed, and not walked through"""


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", ": expected JSON: Expecting value: line 1 column 1 (char 0)"),
        ("3", ": expected an object with 'objects' and 'data', got 3"),
        ("[]", ", key 'data': refers to object None, which is not there"),
        ("[" * 100_000, ": it is nested too deeply"),
        ('{"objects": [], "data": ' + "[" * DEEP + "]" * DEEP + "}", ", key 'data': it is nested too deeply"),
    ],
    ids=range(5),
)
def test_a_file_that_is_something_else_is_named(content: str, text: str, tmp_path: Path, error_of: ErrorOf):
    (tmp_path / "experimaestro.json").write_text(content)
    assert error_of(lambda: load(tmp_path)) == f"FormatError: {tmp_path}/experimaestro.json{text}"


def test_a_folder_in_which_nothing_was_saved_is_named(tmp_path: Path, error_of: ErrorOf):
    assert error_of(lambda: load(tmp_path)) == (
        f"NotSavedError: {tmp_path} has no experimaestro.json: nothing was saved there, or saving was interrupted"
    )
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")


def test_a_list_is_no_configuration_with_init_tasks(tmp_path: Path, error_of: ErrorOf):
    save([Part.C(), Part.C()], tmp_path)
    assert error_of(lambda: deserialize(tmp_path)).startswith(
        "FormatError: experimaestro.json, key 'data': expected one configuration, got [Part.C(), Part.C()]. Use load(...)"
    )


def test_the_hidden_folder_does_not_stay(tmp_path: Path):
    save(Part.C(), tmp_path)
    assert os.listdir(tmp_path) == [saving.DEFINITION]


def test_a_loaded_lightweight_task_may_be_an_init_task(tmp_path: Path):
    grow: TypingAny = again(Grow.C(value=Part.C(), by=1), tmp_path)
    assert issubclass(type(grow), LightweightTask)
    part: TypingAny = grow.value
    task = submitted(Uses.C(part=part), init_tasks=[grow])
    other = Part.C()
    assert (
        task.__identifier__()
        == submitted(Uses.C(part=other), init_tasks=[Grow.C(value=other, by=1)]).__identifier__()
    )
