"""Safeguards of the repository: what no tool checks, and what would rot unseen."""

import ast
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

LINKED_HOSTS = {
    "127.0.0.1",
    "docs.python.org",
    "example.org",
    "github.com",
    "localhost",
    "mybinder.org",
    "peps.python.org",
    "www.apache.org",
    "www.w3.org",  # the name space of SVG
}
"""Hosts that a file may name; add one here when a page has a reason to link to it."""


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def files_of_the_repository() -> list[Path]:
    """The text files that git knows, or would add."""
    run = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / line for line in run.stdout.splitlines()]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


def findings(pattern: str) -> list[str]:
    """`file:line: match` for each match of the pattern in the repository."""
    return [
        f"{name(path)}:{number}: {match[0]}"
        for path in files_of_the_repository()
        for number, line in enumerate(read(path).splitlines(), 1)
        for match in re.finditer(pattern, line)
    ]


def code_blocks(page: Path) -> list[str]:
    return [
        textwrap.dedent(match[2])
        for match in re.finditer(r"^( *)```python\n(.*?)^\1```", read(page), re.MULTILINE | re.DOTALL)
    ]


def test_no_file_names_a_folder_of_one_machine():
    assert findings(r"(?<![\w./-])/(?:home|root|Users|work|opt)/[\w.-]+") == []


def test_links_lead_to_known_hosts_only():
    hosts = "|".join(map(re.escape, sorted(LINKED_HOSTS)))
    assert findings(rf"\bhttps?://(?!(?:{hosts})\b)[\w-]+(?:\.[\w-]+)+[^\s)>\"'`]*") == []


def test_binder_opens_the_first_notebook_of_the_repository_that_the_package_names():
    (repository,) = re.findall(
        r'^Documentation = "https://github.com/(.+)"$', read(ROOT / "pyproject.toml"), re.MULTILINE
    )
    (notebook,) = re.findall(
        rf"https://mybinder\.org/v2/gh/{repository}/HEAD\?urlpath=lab/tree/([\w./]+)",
        read(ROOT / "README.md"),
    )
    assert (ROOT / notebook).is_file()


def test_the_license_is_the_one_that_is_declared():
    assert 'license = "Apache-2.0"' in read(ROOT / "pyproject.toml")
    assert "Apache License\n                           Version 2.0, January 2004" in read(ROOT / "LICENSE")


@pytest.mark.parametrize("page", [page for page in PAGES if "make" in read(page)], ids=name)
def test_a_make_target_that_a_page_names_exists(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^|^\$ )make ([a-z-]+)", read(page), re.MULTILINE)) <= targets


def test_help_lists_each_target_that_is_not_internal():
    run = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = set(re.findall(r"^make ([a-z-]+)", run.stdout, re.MULTILINE))
    expected = "help demo test check frontend test-frontend test-browser test-kernels pytest docs fuzz bench"
    expected += " faults faults-network test-pythons test-lowest test-interchange test-clients clean"
    assert listed == set(expected.split())


@pytest.mark.parametrize("page", [page for page in PAGES if code_blocks(page)], ids=name)
def test_python_in_a_page_compiles(page: Path):
    for block in code_blocks(page):
        if ">>>" not in block:
            compile(block, name(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_each_ignored_rule_has_its_reason():
    ruff = read(ROOT / "pyproject.toml").partition("[tool.ruff.lint]\n")[2]
    ignored = re.findall(r'^  "([A-Z]+\d*)",(.*)$', ruff, re.MULTILINE)
    assert len(ignored) > 20
    assert [rule for rule, reason in ignored if not re.match(r" +# \S", reason)] == []


def test_each_dependency_has_its_reason():
    project = read(ROOT / "pyproject.toml").partition("dependencies = [\n")[2].partition("[project.urls]")[0]
    dependencies = re.findall(r'^  "([\w-]+)[^"]*",(.*)$', project, re.MULTILINE)
    assert len(dependencies) > 10
    assert [package for package, reason in dependencies if not re.match(r" +# \S", reason)] == []


def test_each_silenced_line_has_its_reason():
    silenced = r"# (?:noqa|type: ignore)(?!: [A-Z]+\d+(?:, [A-Z]+\d+)* - \S|\[[\w-]+(?:, ?[\w-]+)*\] +# \S).*"
    assert [found for found in findings(silenced) if re.match(r"[\w/]+\.py:", found)] == []
