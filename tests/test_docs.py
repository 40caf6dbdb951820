"""The documentation is true: its examples run, its reference is whole, its picture of the code too."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import examples
import experimaestro

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
SHOWN = {"text", "json", "yaml", "toml", "mermaid", ""}
"""Languages of blocks that are read, not run"""


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def has_examples(path: Path) -> bool:
    return any(block.language in examples.RUN and not block.reason for block in examples.blocks(path))


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in PAGES if has_examples(path)], ids=name)
def test_the_examples_of_a_page_do_what_it_says(path: Path, tmp_path: Path):
    command = [sys.executable, str(ROOT / "tests" / "support" / "examples.py"), str(path)]

    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)

    assert run.stdout + run.stderr == ""
    assert run.returncode == 0


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_each_block_of_a_page_is_run_or_read(path: Path):
    assert [
        f"{name(path)}:{block.line}: {block.language}"
        for block in examples.blocks(path)
        if block.language not in SHOWN.union(examples.RUN)
    ] == []


def test_an_example_that_is_not_run_has_its_reason(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("<!-- skip: next -->\n```sh\nmake demo\n```\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"page.md:1: expected <!-- skip: next \"reason\" -->"):
        examples.blocks(page)


def test_what_a_page_says_is_compared_and_an_error_that_it_does_not_show_ends_it(tmp_path: Path):
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(
        "```python\nprint(1)\n```\n\n```text\n2\n```\n\n```sh\nexit 3\n```\n\n```python\n1 / 0\n```\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(ROOT / "tests" / "support" / "examples.py"), str(page)]

    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert run.stderr.replace(str(page), "page.md") == (
        "page.md:2: expected\n2\n\nfound\n1\n\n\npage.md:10: expected\n\nfound\nexit code 3\n\n"
    )


def test_each_public_name_is_documented():
    page = read(DOCS / "api.md")
    documented = re.findall(r"^::: experimaestro\.(\w+)$|\{ #experimaestro\.(\w+) \}$", page, re.MULTILINE)
    names = sorted(one or other for one, other in documented)
    assert names == sorted({*experimaestro.__all__} - {"__version__"})


def test_each_page_is_in_the_navigation():
    listed = re.findall(r"^  - [^:#\n]+: (\S+\.md)$", read(ROOT / "mkdocs.yml"), re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in DOCS.glob("*.md"))


def test_the_picture_of_the_code_is_the_code():
    picture = read(DOCS / "architecture.md").partition("```\nexperimaestro/\n")[2].partition("\n```")[0]
    drawn = drawn_files(picture)
    package = ROOT / "experimaestro"
    assert [one for one in drawn if not (package / one).exists()] == []
    listing = subprocess.run(
        ["git", "ls-files", "experimaestro"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [Path(line).relative_to("experimaestro") for line in listing.stdout.splitlines()]
    parts = {path.parts[0] for path in paths}
    parts |= {"/".join(path.parts[:2]) for path in paths if path.parts[0] == "core"}
    hidden = {"__init__.py", "py.typed"}
    assert sorted(one for one in parts if Path(one).name not in hidden and one not in drawn) == []


def drawn_files(picture: str) -> set[str]:
    """The paths that a tree of files names: several in a line, folders above by their indentation."""
    drawn: set[str] = set()
    above: list[str] = []
    for line in picture.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        names = re.match(r"(?:[\w.]+(?:\.py|/) ?)+", line.strip())
        if names is not None and depth >= 0:
            found = [name.rstrip("/") for name in names[0].split()]
            above[depth:] = [found[0]]
            drawn |= {"/".join([*above[:depth], name]) for name in found}
    return drawn
