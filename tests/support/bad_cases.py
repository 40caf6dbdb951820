"""What users get wrong in YAML, options, code and settings: the cases of `test_bad_input`."""

CODE = """\
from enum import Enum
from pathlib import Path
from typing import Literal

from experimaestro.experiments import ConfigurationBase, configuration


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@configuration
class Optim:
    lr: float
    steps: int = 10


@configuration
class Configuration(ConfigurationBase):
    optim: Optim = Optim(lr=0.1)
    sizes: list[int] = [1]
    names: dict[str, Optim] = {}
    size: Size = Size.SMALL
    kind: Literal["a", "b"] = "a"
    maybe: int | None = None
    either: int | Optim = 1
    pair: tuple[int, float] = (1, 2.0)
    flag: bool = False
    data: Path = Path("data")


def run(helper, cfg: Configuration): ...
"""

Case = tuple[dict[str, str], list[str]]
"""Files beside `code.py`, and words after `run-experiment`"""


def yaml(text: str, *words: str) -> Case:
    """A `full.yaml` that ends with a text."""
    return {"full.yaml": f"id: a\nfile: code\n{text}"}, ["full.yaml", *words]


def option(*words: str) -> Case:
    """A right `full.yaml`, and options."""
    return {"full.yaml": "id: a\nfile: code\n"}, ["full.yaml", *words]


def code(text: str, *words: str) -> Case:
    """A right `full.yaml`, and another `code.py`."""
    return {"full.yaml": "id: a\nfile: code\n", "code.py": text}, ["full.yaml", *words]


def alone(text: str, *words: str) -> Case:
    """A `full.yaml` without `id`, and another `code.py`."""
    return {"full.yaml": "file: code\n", "code.py": text}, ["full.yaml", *words]


def settings(text: str, *words: str) -> Case:
    """A right experiment, and settings."""
    return {"full.yaml": "id: a\nfile: code\n", "conf/settings.yaml": text}, [
        "--xpm-config-dir", "conf", "full.yaml", *words,
    ]  # fmt: skip


CASES: dict[str, Case] = {
    # YAML: the text
    "empty": ({"full.yaml": ""}, ["full.yaml"]),
    "a list": ({"full.yaml": "- a\n"}, ["full.yaml"]),
    "a word": ({"full.yaml": "hello\n"}, ["full.yaml"]),
    "not closed": yaml("sizes: [1, 2\n"),
    "a tab": yaml("optim:\n\tlr: 1\n"),
    "bad indentation": yaml("optim:\n  lr: 1\n   steps: 2\n"),
    "twice": yaml("flag: true\nflag: false\n"),
    "no space": yaml("flag:true\n"),
    "an unknown tag": yaml("data: !path x\n"),
    "an unknown alias": yaml("optim: *base\n"),
    "two documents": yaml("---\nid: b\n"),
    "not text": ({"full.yaml": "id: \x01\n"}, ["full.yaml"]),
    # YAML: the values
    "a word for a float": yaml("optim:\n  lr: fast\n"),
    "a float for an int": yaml("optim: {lr: 1, steps: 1.5}\n"),
    "a list for a float": yaml("optim: {lr: [1]}\n"),
    "a number for a mapping": yaml("optim: 3\n"),
    "null for a mapping": yaml("optim:\n"),
    "an unknown key": yaml("optmi: {lr: 1}\n"),
    "an unknown key inside": yaml("optim: {lrr: 1}\n"),
    "an unknown key far from all": yaml("zzz: 1\n"),
    "a number for a list": yaml("sizes: 3\n"),
    "a word in a list": yaml("sizes: [1, two, 3]\n"),
    "a mapping for a list": yaml("sizes: {a: 1}\n"),
    "a missing key of a new entry": yaml("names: {one: {steps: 3}}\n"),
    "a list for a dictionary": yaml("names: [a]\n"),
    "an unknown member": yaml("size: smal\n"),
    "an unknown choice": yaml("kind: c\n"),
    "a word for an optional int": yaml("maybe: many\n"),
    "neither of two": yaml("either: [1]\n"),
    "the inside of one of two": yaml("either: {lr: fast}\n"),
    "too few": yaml("pair: [1]\n"),
    "the second of a pair": yaml("pair: [1, x]\n"),
    "a word for a bool": yaml("flag: maybe\n"),
    "a number for a bool": yaml("flag: 2\n"),
    "a list for a path": yaml("data: [a]\n"),
    "null for a text": yaml("title:\n"),
    "many at once": yaml("optim: {lrr: 1, steps: x}\nsizes: a\nflg: true\nsize: 3\n"),
    # YAML: what every experiment has
    "no id": ({"full.yaml": "file: code\n"}, ["full.yaml"]),
    "an empty id": ({"full.yaml": "id: ''\nfile: code\n"}, ["full.yaml"]),
    "null for an id": ({"full.yaml": "id:\nfile: code\n"}, ["full.yaml"]),
    "a mistake beside an id of the class": alone(
        "from experimaestro.experiments import ConfigurationBase, configuration\n"
        "@configuration\nclass Configuration(ConfigurationBase):\n    id: str = 'mine'\n    n: int = 1\n"
        "def run(helper, cfg: Configuration): ...\n",
        "-c", "n=x",
    ),
    "an id that names no folder": ({"full.yaml": "id: a/b\nfile: code\n"}, ["full.yaml"]),
    "an id that is a list": ({"full.yaml": "id: [a]\nfile: code\n"}, ["full.yaml"]),
    "no code": ({"full.yaml": "id: a\n"}, ["full.yaml"]),
    "no such code": ({"full.yaml": "id: a\nfile: cod\n"}, ["full.yaml"]),
    "code in no folder": ({"full.yaml": "id: a\nfile: src/code\n"}, ["full.yaml"]),
    "code that is a number": ({"full.yaml": "id: a\nfile: {a: 1}\n"}, ["full.yaml"]),
    "file and module": yaml("module: code\n"),
    "no such module": ({"full.yaml": "id: a\nmodule: my.code\n"}, ["full.yaml"]),
    "a file as module": ({"full.yaml": "id: a\nmodule: code.py\n"}, ["full.yaml"]),
    "a module with a dash": ({"full.yaml": "id: a\nmodule: my-code\n"}, ["full.yaml"]),
    "a file with a dash": ({"full.yaml": "id: a\nfile: my-code\n", "my-code.py": ""}, ["full.yaml"]),
    "no such folder": yaml("pythonpath: [src]\n"),
    "a path that is no list": yaml("pythonpath: src\n"),
    "no such import": yaml("imports: [base.yaml]\n"),
    "imports that are no list": yaml("imports: base.yaml\n"),
    "parent and imports": yaml("parent: base\nimports: [base.yaml]\n"),
    "imports in a circle": (
        {"full.yaml": "imports: [b.yaml]\n", "b.yaml": "imports: [full.yaml]\n"}, ["full.yaml"],
    ),
    "a mistake in an import": (
        {"full.yaml": "imports: [b.yaml]\nid: a\nfile: code\n", "b.yaml": "\n\nflag: maybe\n"}, ["full.yaml"],
    ),
    "what is to run first is not there": yaml("pre_experiment: ./first.py\n"),
    "a module that is to run first is not there": yaml("pre_experiment: first\n"),
    "an unknown action": yaml("dirty_git: never\n"),
    "a time stamp that is no bool": yaml("add_timestamp: later\n"),
    "a grid that is a list": yaml("grid_search: [a]\n"),
    # Options
    "no such file": ({"full.yaml": "id: a\n"}, ["fll.yaml"]),
    "a folder": ({"full.yaml": "id: a\n", "sub/a.txt": ""}, ["sub"]),
    "no file at all": ({}, ["full.yaml"]),
    "no words": ({}, []),
    "an unknown option": option("--colour"),
    "an unknown mode": option("--run-mode", "norml"),
    "no equals sign": option("-c", "flag"),
    "no key": option("-c", "=3"),
    "a wrong value": option("-c", "optim.lr=fast"),
    "a list that is not closed": option("-c", "sizes=[1,"),
    "an unknown key of an option": option("-c", "optim.lrr=3"),
    "a key of a mapping on the level above": option("-c", "lr=3"),
    "a short key with another letter": yaml("optim: {lt: 1}\n"),
    "a key in capitals": yaml("SIZES: [1]\n"),
    "options that are no options, and a wrong value": option("-c", "flag", "-c", "=3", "-c", "optim.lr=x"),
    "files and options that are not there": option("--pre-yaml", "pre", "--post-yaml", "post", "-c", "x"),
    "imports and folders that are not there": yaml("imports: [b.yaml, c.yaml]\n"),
    "options that are no options, shown": option("--show", "-c", "flag", "-c", "size"),
    "a key below a number": option("-c", "sizes.a=3"),
    "imports in an option": option("-c", "imports=[a.yaml]"),
    "a folder in place of a file": (option()[0], ["."]),
    "a file without a name": (option()[0], [""]),
    "code without a name": option("--file", ""),
    "a folder in place of code": yaml("", "--file", "."),
    "a workspace without a name": option("--workdir", ""),
    "an element of a list": option("-c", "sizes[0]=3"),
    "a grid with wrong values": yaml(
        "grid_search:\n  optim.lr: [fast, 1, slow]\n  sizse: [[1]]\n  flag: true\n  optim.steps: [1, 2]\n"
    ),
    "null for an int": option("-c", "optim.steps=null"),
    "no such file before": option("--pre-yaml", "pre.yaml"),
    "no such file after": option("--post-yaml", "post.yaml"),
    "no such code given": option("--file", "other"),
    "no such module given": option("--module-name", "other"),
    "both given": option("--file", "code", "--module-name", "code"),
    "one word for a variable": option("--env", "A"),
    "no such settings": option("--xpm-config-dir", "none"),
    "json without show": option("--json"),
    "a format of events that are not printed": option("--events-format", "json"),
    "no workspace": option(),
    "an unknown workspace": option("--workspace", "main"),
    "a workspace that is a file": option("--workdir", "code.py"),
    "arguments that nobody takes": option("--workdir", "runs", "more", "words"),
    # Code
    "no function": code("import os\n"),
    "another function": code("def rnu(helper, cfg): ...\n"),
    "a function of one": code("def run(helper): ...\n"),
    "a function of three": code("def run(a, b, c): ...\n"),
    "a coroutine": code("async def run(helper, cfg): ...\n"),
    "a generator": code("def run(helper, cfg):\n    yield\n"),
    "keywords": code("def run(a, *, b): ...\n"),
    "no function but a number": code("run = 3\n"),
    "code that is not Python": code("def run(helper, cfg)\n    pass\n"),
    "a module that the code lacks": code("import nothing_of_this_name\ndef run(helper, cfg): ...\n"),
    "no annotation": code("def run(helper, cfg): ...\n"),
    "an unknown annotation": code(
        "from __future__ import annotations\ndef run(helper, cfg: Configuration): ...\n"
    ),
    "no configuration": code("class Configuration:\n    a: int\ndef run(helper, cfg: Configuration): ...\n"),
    "a base without the decorator": code(
        "from experimaestro.experiments import ConfigurationBase\n"
        "class Configuration(ConfigurationBase):\n    a: int = 1\ndef run(helper, cfg: Configuration): ...\n"
    ),
    "a field of an unknown type": code(
        "from experimaestro.experiments import ConfigurationBase, configuration\n"
        "@configuration\nclass Configuration(ConfigurationBase):\n    a: bytes = b''\n"
        "def run(helper, cfg: Configuration): ...\n",
        "-c", "a=x",
    ),
    "a field with an annotation that is not there": code(
        "from __future__ import annotations\n"
        "from experimaestro.experiments import ConfigurationBase, configuration\n"
        "@configuration\nclass Configuration(ConfigurationBase):\n    a: Nothing = 1\n"
        "def run(helper, cfg: Configuration): ...\n"
    ),
    "a validator of the user's": code(
        "import attrs\nfrom experimaestro.experiments import ConfigurationBase, configuration\n"
        "@configuration\nclass Configuration(ConfigurationBase):\n"
        "    n: int = attrs.field(default=1, validator=attrs.validators.gt(0))\n"
        "def run(helper, cfg: Configuration): ...\n",
        "-c", "n=0",
    ),
    # Settings
    "settings that are not YAML": settings("workspaces: [\n"),
    "workspaces that are no list": settings("workspaces: {a: b}\n"),
    "workspaces that are a number": settings("workspaces: 3\n"),
    "a workspace without a folder": settings("workspaces:\n- id: main\n"),
    "no such workspace": settings("workspaces: [{id: main, path: runs}]\n", "--workspace", "mian"),
    "a workspace of another machine": settings(
        "workspaces: [{id: far, ssh: {host: x}}]\n", "--workspace", "far"
    ),
    "a history that is no number": settings("history: {max_done: few}\n"),
    "variables that are a list": settings("env: [A]\n"),
}  # fmt: skip
