"""What a person who writes sees of a class: completion, Shift-Tab, `?`, `help` and `dir`."""

import inspect
import pydoc
from pathlib import Path
from typing import Any as TypingAny

import IPython
import jedi  # type: ignore[import-untyped] # it ships none
import pytest
from IPython.core.completer import IPCompleter, provisionalcompleter
from IPython.core.oinspect import Inspector

from experimaestro import Config, Constant, Meta, Param, PathGenerator, Task, field


class Model(Config):
    """Something to use."""

    size: Param[int] = field(default=5)


class Base(Task):
    """Has what all share."""

    seed: Param[int] = field(default=0, ignore_default=True)
    """Of the random numbers"""

    def execute(self) -> None:
        """Does nothing."""


class Train(Base):
    """Trains a model.

    Slowly.

    :param epochs: Passes over
        the data
    """

    lr: Param[float]
    """Learning rate"""
    epochs: Param[int] = field(default=10)
    model: Param[Model] = field(default_factory=lambda: Model.C(size=7))
    data: Param[Model | None] = None
    """The data.

    All of it."""
    log: Meta[Path] = field(default_factory=PathGenerator("log.txt"))
    version: Constant[int] = 2

    def execute(self) -> None:
        """Trains."""

    def _own(self) -> None: ...


class Starts(Config):
    """Has an `__init__`."""

    x: Param[int]

    def __init__(self, start: int = 3) -> None:
        super().__init__()
        self.start = start


SIGNATURE = (
    "(*, seed: int = 0, lr: float, epochs: int = 10, model: Model = Model.C(size=7), "
    "data: Optional[Model] = None)"
)
DOCUMENTATION = """\
Trains a model.

Slowly.

Parameters:
    seed (int, default 0): Of the random numbers
    lr (float): Learning rate
    epochs (int, default 10): Passes over the data
    model (Model, default Model.C(size=7))
    data (Optional[Model], default None): The data.

        All of it.
    log (Path, generated)
    version (int, always 2)"""


def test_the_signature_has_what_can_be_given_in_the_order_of_the_classes():
    assert str(inspect.signature(Train.C)) == SIGNATURE
    assert {one.kind for one in inspect.signature(Train.C).parameters.values()} == {
        inspect.Parameter.KEYWORD_ONLY
    }


def test_the_class_itself_is_made_as_python_says():
    assert str(inspect.signature(Train)) == "()"
    assert str(inspect.signature(Starts)) == "(start: int = 3) -> None"
    assert inspect.getdoc(Train) == ("Trains a model.\n\nSlowly.\n\n:param epochs: Passes over\n    the data")


def test_the_docstring_of_what_makes_configurations_lists_the_parameters():
    assert inspect.getdoc(Train.C) == DOCUMENTATION
    assert inspect.getdoc(Train.C(lr=1)) == DOCUMENTATION
    assert Train.C.__doc__ == DOCUMENTATION
    assert inspect.getdoc(Model.C) == "Something to use.\n\nParameters:\n    size (int, default 5)"


def words(text: str) -> str:
    """A text without its layout, which differs between versions of Python."""
    return (
        " ".join(text.replace(" |", " ").split()).replace("( *", "(*").replace(", )", ")").replace(" )", ")")
    )


def plain_help(of: TypingAny) -> str:
    return words(pydoc.render_doc(of, renderer=pydoc.plaintext))  # type: ignore[attr-defined] # it is there


def test_help_begins_with_the_signature_and_the_parameters():
    title = "class Train.XPMConfig(experimaestro.core.objects.config._Behaviour, Train)"
    assert f"{title} Train.XPMConfig{SIGNATURE} {words(DOCUMENTATION)}" in plain_help(Train.C)


def test_help_of_the_class_shows_how_it_was_declared():
    text = plain_help(Train)
    assert " epochs = field(default=10) " in text
    assert text.endswith(f" C = <class 'tests.core.test_help.Train.XPMConfig'> {words(DOCUMENTATION)}")
    assert repr(field(default=False, ignore_default=True, overrides=True)) == (
        "field(default=False, ignore_default=True, overrides=True)"
    )


@pytest.mark.parametrize("of", [Train.C, Train.C(lr=1)])
def test_the_question_mark_of_a_notebook(of: TypingAny):
    colors: dict[str, TypingAny] = {"theme_name": "nocolor"} if IPython.version_info[0] > 8 else {}
    found: TypingAny = Inspector(**colors).info(of, "x")
    assert found["docstring"] == DOCUMENTATION
    if inspect.isclass(of):
        assert "".join(found["init_definition"].split()).replace(",)", ")") == f"x{SIGNATURE}".replace(
            " ", ""
        )
        assert not found["init_docstring"]


COMPLETIONS = [
    ("Train.C(", ["data=", "epochs=", "lr=", "model=", "seed="]),
    ("Train.C(l", ["lr="]),
    ("Train.C(lr=1, ", ["data=", "epochs=", "model=", "seed="]),
    ("Train.C(lr=1, model=Model.C(s", ["size="]),
]


@pytest.mark.parametrize("use_jedi", [True, False])
@pytest.mark.parametrize(("text", "names"), COMPLETIONS)
def test_a_notebook_completes_the_parameters(text: str, names: list[str], *, use_jedi: bool):
    completer = IPCompleter(namespace={"Train": Train, "Model": Model}, use_jedi=use_jedi)
    with provisionalcompleter():
        found = [one.text for one in completer.completions(text, len(text))]
    assert sorted(name for name in found if name.endswith("=") and name[0] != "%") == names


@pytest.mark.parametrize(("text", "names"), COMPLETIONS)
def test_jedi_completes_the_parameters_with_their_types(text: str, names: list[str]):
    interpreter = jedi.Interpreter(text, [{"Train": Train, "Model": Model}])
    found = {one.name: one.description for one in interpreter.complete()}
    assert [name for name in found if name.endswith("=")] == names
    assert found.get("lr=") in {None, "param lr: float"}
    assert found.get("epochs=") in {None, "param epochs: int=10"}


def test_jedi_shows_the_documentation_of_a_call():
    (signature,) = jedi.Interpreter("Train.C(", [{"Train": Train}]).get_signatures()
    assert signature.docstring().partition("\n\n")[2] == DOCUMENTATION


def test_dir_lists_the_parameters_and_the_methods_and_nothing_of_ours():
    shown = [name for name in dir(Train.C(lr=1)) if not name.startswith("__")]
    assert {"lr", "epochs", "data", "log", "version", "seed", "execute", "submit", "_own"} <= set(shown)
    assert [name for name in shown if name.startswith("_")] == ["_own"]
    assert "C" in dir(Train)


def test_what_makes_configurations_is_not_set():
    cls: TypingAny = Train
    with pytest.raises(AttributeError) as raised:
        cls.C = 3
    assert str(raised.value) == "Train.C is made of the parameters of the class, and is not set"
