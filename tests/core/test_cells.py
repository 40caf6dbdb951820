# ruff: noqa: E501
# (the texts of errors stand as they are shown)
"""What a job gets of a notebook: the source of its classes and of all that they reach."""

import linecache
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module, reload
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from textwrap import dedent
from threading import Thread
from typing import Any

import pytest

from experimaestro.core.cells import closure, module
from experimaestro.core.definition import define
from notebooks import Notebook, opened

ErrorOf = Callable[[Callable[[], Any]], str]
Loaded = Callable[..., Any]

IMPORTS = "from experimaestro import Config, Param, Task, field, save"
TRAIN = """
class Train(Task):
    lr: Param[float]
    def execute(self):
        print(self.lr)
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    with opened(tmp_path) as one:
        one.run(IMPORTS)
        yield one


def module_of(notebook: Notebook, *names: str) -> str:
    """The module with classes, without what stands above the first import and below the last class."""
    text = module([notebook[name] for name in names]).text
    return text.partition("\n\n")[2].partition("\n\n__xpm_codes__")[0]


@pytest.fixture
def loaded(notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """Loads the module with classes, as a job does."""

    def load(*names: str) -> Any:
        file = tmp_path / "__notebook__.py"
        file.write_text(module([notebook[name] for name in names]).text, encoding="utf-8")
        spec = spec_from_file_location("__notebook__", file)
        assert spec is not None
        assert spec.loader is not None
        made = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "__notebook__", made)
        spec.loader.exec_module(made)
        return made

    return load


def digest(notebook: Notebook, name: str = "Train") -> str:
    return closure(notebook[name]).digest


def test_the_module_has_what_the_class_reaches_in_an_order_that_runs(notebook: Notebook):
    notebook.run("import collections as c\nimport xml.dom.minidom")
    notebook.run("SIZE = 3\nNAMES = ['a', 'b']\nUNUSED = 4")
    notebook.run(
        """
class Data(Config):
    '''Examples.'''
    rows: Param[int] = field(default=SIZE)  # as many as we have
    '''How many'''
"""
    )
    notebook.run(
        """
class Train(Task):
    data: Param[Data]

    def execute(self):
        # trains
        print(total(self.data.rows), NAMES, c.Counter(), xml.dom.minidom.Node)
"""
    )
    notebook.run("def total(n):\n    return n + total(n - 1) if n else 0")
    assert module_of(notebook, "Train") == dedent(
        """\
        from experimaestro import Config
        from experimaestro import Param
        from experimaestro import Task
        from experimaestro import field
        import collections as c
        import xml
        import xml.dom
        import xml.dom.minidom

        NAMES = ['a', 'b']
        SIZE = 3


        class Data(Config):
            '''Examples.'''
            rows: Param[int] = field(default=SIZE)  # as many as we have
            '''How many'''


        def total(n):
            return n + total(n - 1) if n else 0


        class Train(Task):
            data: Param[Data]

            def execute(self):
                # trains
                print(total(self.data.rows), NAMES, c.Counter(), xml.dom.minidom.Node)
        """
    )


def test_names_are_found_wherever_they_stand(notebook: Notebook, loaded: Loaded):
    notebook.run("a = b = d = e = f = g = h = i = j = k = 1\nfrom math import *")
    notebook.run(
        """
def mark(x):
    def same(cls):
        return cls
    return same

@mark(a)
class Train(Task):
    n: Param[int] = field(default=b)
    def execute(self, x=d, y: "e" = 0):
        inner = lambda: f
        def deeper():
            return [g + one for one in range(h)]
        return f"{i:{j}}", inner, deeper, {sqrt(k): k}
"""
    )
    found = closure(notebook["Train"]).definitions
    assert set(found) - {"Task", "Param", "field", "Train"} == set("abdfghijk") | {"mark", "sqrt"}
    assert loaded("Train").Train.__name__ == "Train"


def test_types_that_a_call_makes_are_made_again(notebook: Notebook, loaded: Loaded):
    notebook.run("import collections, enum, typing\nfrom collections import namedtuple")
    notebook.run("Pair = namedtuple('Pair', 'a b', defaults=[2])\nId = typing.NewType('Id', int)")
    notebook.run("Point = typing.NamedTuple('Point', [('x', int), ('y', list[str])])")
    notebook.run("Color = enum.Enum('Color', 'RED BLUE')\nLevel = enum.IntEnum('Level', {'LOW': 3})")
    notebook.run(
        """
class Train(Task):
    color: Param[Color] = field(default=Color.BLUE)
    def execute(self):
        return Pair(1), Id(3), Point(1, ['a']), list(Color), Level.LOW
"""
    )
    made = loaded("Train").Train.execute(None)
    assert repr(made) == repr(notebook["Train"].execute(None))
    assert type(made[2]).__annotations__ == notebook["Point"].__annotations__


def test_the_last_output_is_to_be_given_a_name(notebook: Notebook, error_of: ErrorOf):
    notebook.run("3")
    notebook.run("class Train(Task):\n    def execute(self): return _, Out")
    assert error_of(lambda: closure(notebook["Train"])) == (
        "DefinitionError: `Train.execute` uses `Out`, which changes with each cell: give the value that you want a name\n"
        "`Train.execute` uses `_`, which changes with each cell: give the value that you want a name"
    )
    notebook.run("from gettext import gettext as _\nclass Train(Task):\n    def execute(self): return _('a')")
    assert "from gettext import gettext as _" in module_of(notebook, "Train")


def test_a_method_that_was_replaced_afterwards_is_refused(notebook: Notebook, error_of: ErrorOf):
    notebook.run("import functools\ndef other(self): ...\ndef traced(f):\n    return lambda self: f(self)")
    notebook.run(
        """
class Train(Task):
    again = other
    @traced
    def execute(self): ...
    @functools.lru_cache
    def cached(self): ...
    @property
    def read(self): ...
    @classmethod
    def made(cls): ...
"""
    )
    before = digest(notebook)
    notebook.run("Train.more = other")
    assert error_of(lambda: closure(notebook["Train"])) == (
        "DefinitionError: `Train.more` was set after `Train` was defined, which a job does not know: write it in the class"
    )
    notebook.run("del Train.more")
    assert digest(notebook) == before
    notebook.run("class Use(Task):\n    train: Param[Train]\n    def execute(self): ...")
    notebook.run(TRAIN)
    digest(notebook, "Use")
    notebook.run("Train.execute = other")
    assert "`Train.execute` was set after" in error_of(lambda: closure(notebook["Use"]))


def test_functions_that_were_registered_afterwards_are_refused(notebook: Notebook, error_of: ErrorOf):
    notebook.run("from functools import singledispatch\n@singledispatch\ndef show(x): ...")
    notebook.run("class Train(Task):\n    def execute(self): return show(1)")
    assert "@singledispatch" in module_of(notebook, "Train")
    digest(notebook)
    notebook.run("@show.register\ndef _(x: int): ...")
    assert error_of(lambda: closure(notebook["Train"])) == (
        "DefinitionError: functions were registered with `show` after it was defined, which a job does not know: put it in a file with them, and import it"
    )


def test_a_class_of_a_module_that_was_loaded_again_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error_of: ErrorOf
):
    (tmp_path / "reloaded.py").write_text(
        "from experimaestro import *\nclass Data(Config): ...\nclass Hold(Config):\n    d: Param[Data]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = import_module("reloaded")
    old = module.Hold
    reload(module)
    assert (
        "`Data` is not the class that this parameter was defined with: reloaded was loaded again. Import all classes of reloaded again, or restart Python"
        in error_of(lambda: old.C(d=module.Data.C()))
    )


def test_a_name_that_is_local_is_not_shipped(notebook: Notebook):
    notebook["df"] = object()
    notebook.run(
        """
class Train(Task):
    def execute(self, df=None):
        for df in ():
            print(df)
        return [df for df in ()]
"""
    )
    assert "df" not in closure(notebook["Train"]).definitions


def test_magics_commands_and_other_statements_are_left_out(notebook: Notebook, loaded: Loaded):
    notebook.run(
        "async def nothing(): ...\nawait nothing()\n%xmode Minimal\nprint('side effect')\n!true\n"
        f"{TRAIN}\nwith open('/dev/null') as thing: pass"
    )
    module = module_of(notebook, "Train")
    assert "print('side effect')" not in module
    assert "get_ipython" not in module
    assert "nothing" not in module
    assert loaded("Train").Train.__doc__ is None


def test_postponed_annotations_stay_postponed(notebook: Notebook, loaded: Loaded):
    notebook.run("from __future__ import annotations")
    notebook.run("class Data(Config):\n    n: Param[int]")
    notebook.run("class Train(Task):\n    data: Param[list[Data]]\n    def execute(self, x: Unknown): ...")
    assert "from __future__ import annotations" in module_of(notebook, "Train")
    arguments = loaded("Train").Train.__getxpmtype__().arguments
    assert arguments["data"].type.name == "list[Data]" or arguments["data"].type.references


def test_annotations_in_quotes_are_found_and_texts_of_literals_are_not(notebook: Notebook):
    notebook.run("import typing\nsmall = 1\nlarge = 2")
    notebook.run(
        """
class Node(Config):
    size: Param[typing.Literal["small", "large"]]
    next: Param["typing.Optional[Leaf]"] = None
class Leaf(Config): pass
"""
    )
    found = set(closure(notebook["Node"]).definitions)
    assert "Leaf" in found
    assert not {"small", "large"} & found


@pytest.mark.parametrize(
    "text",
    [
        "12",
        "-1.5",
        "float('inf')",
        "'text'",
        "b'bytes'",
        "(1,)",
        "[1, [2, {'a': None}], {3, 1}]",
        "frozenset({2, 1})",
        "range(3)",
        "pathlib.Path('/data')",
        "re.compile('a+', re.I)",
        "logging.getLogger('mine')",
        "int",
        "list[int]",
        "typing.Optional[int]",
        "int | None",
        "collections.abc.Callable[[int], str]",
        "typing.Literal['a', 1]",
        "typing.TypeVar('value', bound=Model)",
        "Color.RED",
        "Model",
        "http.HTTPStatus.OK",
        "experimaestro.param_group('training')",
    ],
)
def test_plain_values_are_written_as_text(notebook: Notebook, text: str, loaded: Loaded):
    notebook.run("import collections.abc, experimaestro, enum, http, logging, pathlib, re, typing")
    notebook.run("class Color(enum.Enum):\n    RED = 1\nclass Model(Config): pass")
    notebook.run(f"value = {text}")
    notebook.run("class Train(Task):\n    def execute(self):\n        return value")
    found, expected = loaded("Train").value, notebook["value"]
    if hasattr(expected, "__bound__"):
        found, expected = found.__bound__, expected.__bound__
    assert found == expected or repr(found) == repr(expected).replace("__main__", "__notebook__")


def test_bare_names_of_typing_are_imported(notebook: Notebook, loaded: Loaded):
    names = ["Any", "Callable", "ClassVar", "DefaultDict", "Dict", "Iterable", "List", "Literal"]
    names += ["Optional", "Set", "Tuple", "Type", "Union"]
    notebook.run(f"from typing import {', '.join(names)}\nimport typing as t\nMany = List")
    notebook.run(
        f"""
class Train(Task):
    lists: Param[List[int]]
    maps: Param[t.Dict[str, int]]
    def execute(self):
        return [Many, {", ".join(names)}]
"""
    )
    assert "from typing import List\n" in module_of(notebook, "Train")
    assert loaded("Train").Train.execute(None) == notebook["Train"].execute(None)


def test_functions_are_shipped_with_their_decorators(notebook: Notebook, loaded: Loaded):
    notebook.run("import functools\nimport contextlib")
    notebook.run(
        """
def traced(function):
    def call(*args):
        return ("traced", function(*args))
    return call

class Twice:
    def __init__(self, function):
        self.function = function
    def __call__(self, *args):
        return self.function(self.function(*args))

@functools.lru_cache(maxsize=None)
def cached(x):
    return x + 1

@traced
def plain(x):
    return x + 1

@Twice
def twice(x):
    return x + 1

@contextlib.contextmanager
def block():
    yield 5

async def later():
    return 7

half = lambda x: x / 2
again = cached
if True:
    def nested(x):
        return x * 10
"""
    )
    notebook.run(
        """
class Train(Task):
    def execute(self):
        with block() as value:
            return cached(1), plain(1), twice(1), half(1), again(1), nested(1), value, later
"""
    )
    made = loaded("Train").Train().execute()
    assert made[:-1] == (2, ("traced", 2), 3, 0.5, 2, 10, 5)


def test_other_classes_of_the_notebook_are_shipped(notebook: Notebook, loaded: Loaded):
    notebook.run("import dataclasses\nimport enum\nimport typing")
    notebook.run(
        """
@dataclasses.dataclass
class Options:
    depth: int = 3

class Color(enum.Enum):
    RED = 1

class Pair(typing.NamedTuple):
    left: int

class Base(Task):
    def name(self):
        return Options(), Color.RED, Pair(1)

class Train(Base):
    color: Param[Color]
    def execute(self):
        return self.name()
"""
    )
    module = loaded("Train")
    assert repr(module.Train().execute()) == "(Options(depth=3), <Color.RED: 1>, Pair(left=1))"


def test_the_class_of_the_objects_comes_with_its_configuration(notebook: Notebook, loaded: Loaded):
    notebook.run("class Model(Config):\n    size: Param[int]")
    before = digest(notebook, "Model")
    notebook.run(
        "@Model.value_class()\nclass BigModel(Model):\n    def double(self):\n        return 2 * self.size"
    )
    assert digest(notebook, "Model") != before
    module = loaded("Model")
    assert module.Model.XPMValue is module.BigModel


def test_a_notebook_variable_is_refused_with_what_to_do(notebook: Notebook, error_of: ErrorOf, recorder: Any):
    class DataFrame:
        pass

    notebook["df"] = DataFrame()
    notebook.run("class Train(Task):\n    def execute(self):\n        print(df)")
    assert error_of(lambda: notebook["Train"].C().submit()) == (
        "DefinitionError: `Train.execute` uses the notebook variable `df` (DataFrame): make it a parameter, or load it in `execute`"
    )
    notebook.run(
        "def helper():\n    return df\nclass Train(Task):\n    def execute(self):\n        return helper()"
    )
    assert error_of(lambda: notebook["Train"].C().submit()) == (
        "DefinitionError: `helper`, which `Train.execute` uses, uses the notebook variable `df` (DataFrame): "
        "make it an argument, or load it in `helper`"
    )
    assert recorder.received == []


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            "class Train(Task):\n    def execute(self):\n        !ls",
            "`Train.execute` uses `get_ipython`, which only a notebook has (a %magic or a !command does that): write plain Python, such as subprocess.run(...)",
        ),
        (
            "class Train(Task):\n    def execute(self): return missing",
            "`Train.execute` uses `missing`, which is not defined: run its cell first",
        ),
        (
            "def make(n):\n    return lambda x: x + n\nadd3 = make(3)\nclass Train(Task):\n    def execute(self): add3(1)",
            "`Train.execute` uses the notebook variable `add3` (function): make it a parameter, or load it in `execute`",
        ),
    ],
)
def test_what_no_module_can_hold_is_refused(notebook: Notebook, error_of: ErrorOf, cell: str, message: str):
    notebook.run(cell)
    assert error_of(lambda: closure(notebook["Train"])) == f"DefinitionError: {message}"


def test_all_that_is_wrong_is_in_one_error(notebook: Notebook, error_of: ErrorOf):
    notebook["one"] = notebook["two"] = object()
    notebook.run("class Train(Task):\n    def execute(self): return one, two")
    assert error_of(lambda: closure(notebook["Train"])).count("uses the notebook variable") == 2


def test_functions_of_the_notebook_itself_are_what_a_job_has_of_them(notebook: Notebook):
    notebook.run("class Train(Task):\n    def execute(self):\n        display(open)\n        exit()")
    assert "from IPython.display import display" in module_of(notebook, "Train")
    assert not {"open", "exit"} & set(closure(notebook["Train"]).definitions)


def test_a_cell_whose_text_is_gone_is_to_be_run_again(notebook: Notebook, error_of: ErrorOf):
    notebook.run(TRAIN)
    notebook.run("def helper(): ...")
    notebook.run("class Other(Task):\n    def execute(self): helper()")
    other = linecache.cache.pop(notebook["helper"].__code__.co_filename)
    assert error_of(lambda: closure(notebook["Other"])) == (
        "DefinitionError: `Other.execute` needs `helper`, and the text of its cell is not known any more: run the cell again"
    )
    linecache.clearcache()
    assert error_of(lambda: closure(notebook["Train"])) == (
        "DefinitionError: `Train`: the text of its cell is not known any more: run the cell again"
    )
    assert other


def test_a_magic_that_hides_the_text_of_its_cell_is_to_be_taken_out(notebook: Notebook, error_of: ErrorOf):
    notebook.run("import enum")
    notebook.run(f"%%time\n{TRAIN}")
    assert error_of(lambda: notebook["Train"].C(lr=1.0).__identifier__()) == (
        "DefinitionError: `Train`: `%%time` hides the text of its cell: take it out, and run the cell again"
    )
    notebook.run("%%time\ndef helper(): ...\nclass Mode(enum.Enum):\n    A = 1")
    notebook.run("class Other(Task):\n    def execute(self): helper(), Mode")
    assert error_of(lambda: closure(notebook["Other"])) == (
        "DefinitionError: `Other.execute` needs `Mode`, and `%%time` hides the text of its cell: take it out, and run the cell again\n"
        "`Other.execute` needs `helper`, and `%%time` hides the text of its cell: take it out, and run the cell again"
    )
    notebook.run(f"%%capture\n{TRAIN}")  # does not
    assert "class Train(Task):" in module_of(notebook, "Train")


def test_a_class_that_uses_its_own_earlier_version_is_refused(notebook: Notebook, error_of: ErrorOf):
    cell = "import typing\nclass Node(Config):\n    next: Param[typing.Optional[Node]] = None"
    notebook.run("class Node(Config): pass")
    notebook.run(cell)
    assert error_of(lambda: module([notebook["Node"]])) == (
        "DefinitionError: `Node` uses an earlier `Node` while it is defined, which a job does not have: write the name "
        'in quotes ("Node") if it stands in an annotation, else give one of them another name'
    )


def test_definitions_that_call_each_other_come_after_what_they_need_to_run(
    notebook: Notebook, loaded: Loaded
):
    notebook.run(
        """
def register(cls):
    cls.first = first
    return cls

def first(x):
    return Late, second

def second(x):
    return first

@register
class Late(Config):
    pass

class Train(Task):
    def execute(self):
        return first(1)
"""
    )
    assert loaded("Train").Train().execute()[0].__name__ == "Late"


# Identity


def test_layout_comments_and_docstrings_do_not_count(notebook: Notebook):
    notebook.run(TRAIN)
    before = digest(notebook)
    notebook.run(
        """
# another comment
class Train( Task ):
    '''Trains.'''

    lr : Param[ float ]
    '''Learning rate'''

    def execute(self):
        '''Does it.'''
        print( self.lr )   # shows
"""
    )
    assert digest(notebook) == before


def test_an_edit_counts_and_undoing_it_finds_the_first_again(notebook: Notebook):
    notebook.run(TRAIN)
    task = notebook["Train"].C(lr=1.0)
    before = repr(task.__identifier__())
    notebook.run(TRAIN.replace("self.lr", "2 * self.lr"))
    edited = notebook["Train"].C(lr=1.0)
    assert repr(edited.__identifier__()) != before
    notebook.run(TRAIN)
    again = notebook["Train"].C(lr=1.0)
    assert repr(again.__identifier__()) == before


def test_what_a_class_reaches_counts_and_the_rest_of_the_notebook_does_not(notebook: Notebook):
    notebook.run("SIZE = 3\nHIDDEN = [1]\ndef helper():\n    return SIZE, HIDDEN")
    notebook.run("class Train(Task):\n    def execute(self):\n        return helper()")
    before = digest(notebook)
    notebook.run("other = 4\ndef unused(): ...")
    assert digest(notebook) == before
    notebook.run("SIZE = 4")
    assert digest(notebook) != before
    notebook.run("SIZE = 3")
    assert digest(notebook) == before
    notebook.run("HIDDEN.append(2)")
    assert digest(notebook) != before
    notebook.run("HIDDEN.pop()\ndef helper():\n    return HIDDEN, SIZE")
    assert digest(notebook) != before


def test_what_was_computed_when_something_was_defined_is_the_same_in_the_job(
    notebook: Notebook, loaded: Loaded
):
    notebook.run("import dataclasses\nLR, DEPTH, NAME, SIZES = 0.1, 3, 'a', (1, 2)")
    notebook.run(
        """
@dataclasses.dataclass
class Options:
    depth: int = DEPTH
def scaled(a, b=DEPTH, *, name=NAME):
    return a * b, name
class Train(Task):
    lr: Param[float] = field(default=LR)
    twice = LR * 2
    sizes = [one for one in SIZES]
    def execute(self, lr=LR):
        return lr, self.twice, self.sizes, scaled(2), Options().depth
"""
    )
    before = digest(notebook)
    notebook.run("for LR in (1.0, 2.0): ...\nDEPTH, NAME, SIZES = 6, 'b', None")
    assert digest(notebook) == before
    found = loaded("Train").Train
    assert (
        found.execute(found)
        == (0.1, 0.2, [1, 2], (6, "a"), 3)
        == notebook["Train"].execute(notebook["Train"])
    )
    assert found.C().lr == 0.1


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        ("class Train(Task):\n    lr = LR\n    def execute(self): return LR", "Train"),
        ("def f(x=LR):\n    return x\nclass Train(Task):\n    def execute(self): return f(), LR", "f"),
        ("class Train(Task):\n    def execute(self, x=LR): return g()\ndef g():\n    return LR", "Train"),
    ],
)
def test_a_variable_that_is_used_as_it_was_and_as_it_is_is_refused_when_it_was_changed(
    notebook: Notebook, error_of: ErrorOf, cell: str, place: str
):
    notebook.run(f"LR = 0.1\n{cell}")
    before = digest(notebook)
    notebook.run("LR = 0.5")
    assert error_of(lambda: closure(notebook["Train"])) == (
        f"DefinitionError: `LR` was changed since `{place}` was defined: run the cell of `{place}` again"
    )
    notebook.run("LR = 0.1")
    assert digest(notebook) == before
    notebook.run(f"LR = 0.5\n{cell}")
    assert digest(notebook) != before


def test_the_order_in_which_cells_ran_does_not_count(notebook: Notebook, tmp_path: Path):
    cells = ["SIZE = 3", "def one():\n    return SIZE, two", "def two():\n    return one"]
    train = "class Train(Task):\n    def execute(self):\n        return one()"
    for cell in [*cells, train]:
        notebook.run(cell)
    before = digest(notebook)
    with opened(tmp_path) as other:
        other.run("import experimaestro\nfrom experimaestro import *")
        for cell in [train, *reversed(cells)]:
            other.run(cell)
        assert digest(other) == before


def test_the_code_is_a_constant_of_identifier_and_definition(notebook: Notebook):
    notebook.run(TRAIN)
    task = notebook["Train"].C(lr=1.0)
    record = define(task.seal())
    assert record.nodes[record.digest]["fields"] == {"lr": 1.0, "__code__": digest(notebook)}
    assert record.nodes[record.digest]["type"] == "__main__.Train"


def test_whoever_promises_an_identity_may_edit_the_code(notebook: Notebook):
    promised = TRAIN.replace("lr:", "__xpmid__ = 'my.train'\n    lr:")
    notebook.run(promised)
    before = repr(notebook["Train"].C(lr=1.0).__identifier__())
    notebook.run("class Use(Task):\n    train: Param[Train]\n    def execute(self): ...")
    use = digest(notebook, "Use")
    notebook.run(promised.replace("self.lr", "2 * self.lr"))
    assert repr(notebook["Train"].C(lr=1.0).__identifier__()) == before
    assert digest(notebook, "Use") == use


def test_a_sealed_configuration_keeps_the_code_that_it_was_sealed_with(notebook: Notebook):
    notebook.run("SIZE = 3\nclass Model(Config):\n    def size(self):\n        return SIZE")
    model = notebook["Model"].C().seal()
    before = repr(model.__identifier__())
    notebook.run("SIZE = 4")
    assert repr(model.__identifier__()) == before
    assert repr(notebook["Model"].C().__identifier__()) != before


def test_what_was_sealed_does_not_run_with_code_that_was_changed_since(
    notebook: Notebook, error_of: ErrorOf, recorder: Any, tmp_path: Path
):
    notebook.run("SIZES = [3]\ndef helper():\n    return SIZES")
    notebook.run("class Model(Config):\n    def size(self):\n        return helper()")
    notebook.run("class Train(Task):\n    model: Param[Config]\n    def execute(self): ...")
    notebook.run("model = Model.C()\nmodel.instance()")
    notebook.run("SIZES.append(4)")
    said = "SubmissionError: `Model`, or what it uses, was changed since this object was sealed (submitted, or made an instance); make it again"
    assert error_of(lambda: notebook.run("Train.C(model=model).submit()")) == said
    notebook["folder"] = tmp_path / "saved"
    assert error_of(lambda: notebook.run("save(model, folder)")) == said
    assert recorder.received == []
    notebook.run("SIZES.pop()\nTrain.C(model=model).submit()")
    notebook.run("SIZES.append(4)\nTrain.C(model=Model.C()).submit()")
    assert len(recorder.received) == 2


# A cell that is run again


DATA = "class Data(Config):\n    n: Param[int]\n    def rows(self):\n        return self.n"


def test_the_same_cell_run_again_is_the_same_type(notebook: Notebook, recorder: Any):
    notebook.run(DATA)
    old = notebook["Data"].C(n=1)
    notebook.run("class Train(Task):\n    data: Param[Data]\n    def execute(self): ...")
    notebook.run(DATA)
    notebook["Train"].C(data=old).submit()
    notebook["Train"].C(data=notebook["Data"].C(n=1)).copy()
    assert len(recorder.received) == 1


def test_an_object_of_an_edited_class_is_to_be_made_again(
    notebook: Notebook, error_of: ErrorOf, recorder: Any
):
    notebook.run(DATA)
    old = notebook["Data"].C(n=1)
    train = "class Train(Task):\n    data: Param[Data]\n    def execute(self): ..."
    notebook.run(train)
    early = notebook["Train"].C(data=old)
    notebook.run(DATA.replace("self.n", "self.n + 1"))
    notebook.run(train)
    assert "`Data` was redefined since this object was made; make it again" in error_of(
        lambda: notebook["Train"].C(data=old)
    )
    assert error_of(early.submit) == (
        "SubmissionError: `Data` was redefined since this object was made; make it again"
    )
    notebook["Train"].C(data=notebook["Data"].C(n=1)).submit()
    assert len(recorder.received) == 1


def test_a_class_that_was_defined_before_an_edit_is_to_be_run_again(notebook: Notebook, error_of: ErrorOf):
    notebook.run(DATA)
    notebook.run("class Train(Task):\n    data: Param[Data]\n    def execute(self): ...")
    notebook.run("class More(Data): pass")
    notebook.run(DATA.replace("self.n", "self.n + 1"))
    assert (
        "`Data` was redefined since the class of this parameter was defined. Run its cell again"
        in error_of(lambda: notebook["Train"].C(data=notebook["Data"].C(n=1)))
    )
    assert error_of(lambda: closure(notebook["More"])) == (
        "DefinitionError: `Data` was redefined since `More` was: run the cell of `More` again"
    )


PAIR = """
from typing import Generic, Optional, TypeVar
X = TypeVar("X")
class Pair(Config, Generic[X]):
    l: Param[X]
    r: Param[X]
"""
USES = """
class Scored(Config):
    p: Param[Pair[Data]]
class Hold(Config):
    d: Param[Data]
"""


def test_whatever_compares_classes_takes_those_of_one_code_for_the_same(
    notebook: Notebook, error_of: ErrorOf
):
    notebook.run(f"{DATA}\n{PAIR}\n{USES}")
    notebook.run("old, alike = Data.C(n=1), Data.C(n=1)")
    notebook.run(DATA)
    notebook.run("new = Data.C(n=1)")
    assert notebook.run("old == new and alike.seal() == Data.C(n=1).seal() and old != Data.C(n=2)")
    assert notebook.run("Hold.C() @ new").d is notebook["new"]
    for pair in ("old, r=new", "new, r=old", "new, r=new", "old, r=old"):
        notebook.run(f"Scored.C(p=Pair.C(l={pair}))")
    notebook.run("class More(Hold):\n    d: Param[Data] = field(overrides=True)\nMore.C(d=old)")
    notebook.run(PAIR)
    notebook.run("Scored.C(p=Pair.C(l=new, r=old))")
    assert "got a Pair whose X is str" in error_of(lambda: notebook.run("Scored.C(p=Pair.C(l='a', r='b'))"))
    notebook.run(DATA.replace("self.n", "self.n + 1"))
    notebook.run("new = Data.C(n=1)")
    assert notebook.run("old != new")
    for cell in ("Hold.C() @ new", "Scored.C(p=Pair.C(l=new, r=new))"):
        said = error_of(partial(notebook.run, cell))
        assert (
            "`Data` was redefined since the class of this parameter was defined. Run its cell again" in said
        )


MODE = "from enum import Enum\nclass Mode(Enum):\n    FAST = 1\n    SLOW = 2"
MODES = """
from typing import Annotated, Dict, List, Literal
from experimaestro import Choices
class Train(Task):
    mode: Param[Mode] = field(default=Mode.SLOW, ignore_default=True)
    modes: Param[List[Mode]] = field(default_factory=lambda: [Mode.SLOW], ignore_default=True)
    keys: Param[Dict[Mode, int]] = field(default_factory=lambda: {Mode.SLOW: 1}, ignore_default=True)
    literal: Param[Literal[Mode.SLOW, 1]] = field(default=1)
    choice: Annotated[Param[Mode], Choices([Mode.SLOW])] = field(default=Mode.SLOW)
    def execute(self): ...
"""
SLOW = "Train.C(mode=Mode.SLOW, modes=[Mode.SLOW], keys={Mode.SLOW: 1}, literal=Mode.SLOW, choice=Mode.SLOW)"


def test_the_members_of_an_enumeration_that_is_run_again_are_the_same(notebook: Notebook, recorder: Any):
    notebook.run(f"{MODE}\n{MODES}")
    old = notebook.run(SLOW)
    before = repr(old.__identifier__())
    notebook.run(MODE)
    new = notebook.run(SLOW)
    assert new.mode is new.literal is new.choice is notebook["Mode"].SLOW  # what the cells compare it with
    assert new == old
    assert repr(new.__identifier__()) == before
    assert repr(notebook["Train"].C(mode=notebook["Mode"].FAST).__identifier__()) != before
    new.submit()
    notebook.run(MODES)
    again = notebook["Train"].C(mode=old.mode, choice=old.choice)
    assert again.mode is again.choice is notebook["Mode"].SLOW
    assert len(recorder.received) == 1


@pytest.mark.parametrize("name", ["mode", "literal", "choice"])
def test_the_members_of_an_enumeration_that_was_edited_are_refused(
    notebook: Notebook, error_of: ErrorOf, name: str
):
    notebook.run(f"{MODE}\n{MODES}")
    old = notebook.run("Train.C().mode")
    notebook.run(MODE.replace("1", "3"))
    said = error_of(lambda: notebook["Train"].C(**{name: notebook["Mode"].SLOW}))
    assert "`Mode` was redefined since the class of this parameter was defined. Run its cell again" in said
    notebook.run(MODES)
    said = error_of(lambda: notebook["Train"].C(**{name: old}))
    assert "`Mode` was redefined since this object was made; make it again" in said


def test_a_name_that_was_given_to_something_else_is_said(
    notebook: Notebook, error_of: ErrorOf, recorder: Any
):
    notebook.run(TRAIN)
    task = notebook["Train"].C(lr=1.0)
    notebook.run("Train = Train.C(lr=1.0)")
    assert error_of(task.submit) == (
        "SubmissionError: `Train` stands for a Train.XPMConfig now, and no more for the class: give one of them another name"
    )
    notebook.run("del Train")
    assert error_of(task.submit) == "SubmissionError: `Train` is not defined any more: run its cell again"
    assert recorder.received == []


def test_the_cell_that_ran_last_counts_for_a_class_without_methods(notebook: Notebook):
    notebook.name_cells_as_kernels_do()
    first, second = "class Options:\n    depth = 1", "class Options:\n    depth = 2"
    notebook.run("class Train(Task):\n    def execute(self): return Options.depth")
    found = []
    for cell in (first, second, first):
        notebook.run(cell)
        found.append(module_of(notebook, "Train").count("depth = 1"))
    assert found == [1, 0, 1]


def test_a_class_that_derives_from_its_own_earlier_version_is_refused(notebook: Notebook, error_of: ErrorOf):
    notebook.run("class Model(Config): pass")
    notebook.run("class Model(Model): pass")
    assert error_of(lambda: closure(notebook["Model"])).startswith(
        "DefinitionError: `Model` uses an earlier `Model` while it is defined, which a job does not have"
    )


def test_two_threads_may_look_at_a_class_at_once(notebook: Notebook):
    notebook.run(TRAIN)
    cls = notebook["Train"]
    found: list[str] = []
    threads = [Thread(target=lambda: found.append(closure(cls).digest)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [closure(cls).digest] * 4


def test_a_member_of_an_enumeration_in_any_value_brings_its_class(notebook: Notebook, recorder: Any):
    notebook.run("import enum, typing\nclass Color(enum.Enum):\n    RED = 1")
    notebook.run("class Train(Task):\n    colors: Param[typing.Any]\n    def execute(self): ...")
    notebook["Train"].C(colors={"all": [notebook["Color"].RED]}).submit()
    assert "class Color(enum.Enum):" in recorder.received[0].shipped.source


def test_a_variable_that_an_annotation_names_as_well_is_refused(notebook: Notebook, error_of: ErrorOf):
    notebook["df"] = object()
    notebook.run("class Train(Task):\n    data: 'df'\n    def execute(self): return df")
    assert error_of(lambda: closure(notebook["Train"])) == (
        "DefinitionError: `Train.execute` uses the notebook variable `df` (object): make it a parameter, or load it in `execute`"
    )
    notebook.run("class Train(Task):\n    data: 'df'\n    def execute(self): ...")
    assert "df" not in closure(notebook["Train"]).definitions


def test_a_value_that_a_class_takes_over_under_its_own_name_is_found(notebook: Notebook, loaded: Loaded):
    notebook.run("lr = 3\nbase = object()")
    notebook.run(
        "class Train(Task):\n    lr = lr\n    base = 4\n    double = base * 2\n    def execute(self): ..."
    )
    assert loaded("Train").Train.lr == 3


# What it costs


def test_a_class_is_looked_at_once_for_all_its_configurations(notebook: Notebook, recorder: Any):
    notebook.run(TRAIN)
    first = closure(notebook["Train"])
    for lr in range(3):
        notebook["Train"].C(lr=lr).submit()
    assert closure(notebook["Train"]) is first
    sources = {id(one.shipped.source) for one in recorder.received}
    assert len(sources) == 1


def test_classes_of_modules_ship_nothing(notebook: Notebook, recorder: Any):
    notebook.run("from tasks import Note")
    notebook["Note"].C(name="a", log="b").submit()
    assert recorder.received[0].shipped is None
