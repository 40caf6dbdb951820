"""The public names: loaded at first use, documented, seen by editors, and never shadowed.

Looked at in a fresh interpreter, as this one has loaded everything.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import experimaestro

PUBLIC = sorted(set(experimaestro.__all__) - {"__version__"})


def in_fresh_python(code: str) -> Any:
    """What `code` prints, as JSON."""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_importing_the_package_loads_no_module_of_it():
    code = (
        "import sys, json, experimaestro; print(json.dumps([m for m in sys.modules if 'experimaestro' in m]))"
    )
    assert [name for name in in_fresh_python(code) if name.startswith("experimaestro")] == ["experimaestro"]


def test_all_names_are_listed_for_completion():
    assert dir(experimaestro) == experimaestro.__all__ == sorted(experimaestro.__all__)


def test_an_unknown_name_is_an_ordinary_error():
    with pytest.raises(AttributeError) as caught:
        experimaestro.Tsak  # noqa: B018 - reading it is the test
    assert str(caught.value) == "module 'experimaestro' has no attribute 'Tsak'"


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(experimaestro.__file__).read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {
        alias.asname: node.module
        for node in imports
        for alias in node.names
        if alias.asname == alias.name  # `as` its own name: what makes it public for a type checker
    }
    assert seen == {name: f"experimaestro.{home}" for name, home in experimaestro._HOME.items()}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_documented(name: str):
    assert (getattr(experimaestro, name).__doc__ or "").strip()


KINDS = """
import importlib, json, pkgutil, sys
import experimaestro

def kinds():
    return {name: type(getattr(experimaestro, name)).__name__ for name in experimaestro.__all__}

def import_all():
    failed = {}
    for module in pkgutil.walk_packages(experimaestro.__path__, "experimaestro."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""


@pytest.mark.parametrize("first", ["names", "modules"])
def test_no_module_shadows_a_public_name(first: str):
    steps = ["result = kinds()", "import_all()"]
    steps = steps if first == "names" else [*reversed(steps)]
    kinds = in_fresh_python("\n".join([KINDS, *steps, "print(json.dumps([result, kinds()]))"]))
    assert kinds[0] == kinds[1]
    assert {name for name, kind in kinds[1].items() if kind == "module"} == set()
