"""Runs the examples of a page of the documentation, in order, in the current folder.

    python tests/support/examples.py PAGE      # in an empty folder

The law, which is what a reader would do:

- A block with a title (```python title="study.py"`) is saved under that name and not run.
- ```python` and ```pycon` blocks run one after another in one module, `page.py`. Its file has the
  definitions of all `python` blocks so far (imports, classes, functions, literals), each at its
  line in the page, so that jobs find the classes and errors name lines.
- ```sh` blocks run in bash, with this interpreter first on PATH.
- A ```text` block right after one of these is what it prints, then its error if it raises one; what
  it writes to standard error, if that is all, or a warning. `...` stands for anything in a line, and
  alone on a line for any lines; numbers of lines (`page.py:12`) are not compared.
- `<!-- skip: next "reason" -->` before a block leaves it out.

Sybil finds the blocks and the comments. Its own evaluators are not used: they run what they find in the
process of the tests and in a namespace without a module, from which no job could load a class.
"""

import ast
import asyncio
import contextlib
import doctest
import io
import linecache
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from sybil import Document
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

MODULE = "page"
RUN = ("python", "pycon", "sh")
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_CONSTANTS = {"TypeVar", "param_group"}
"""Calls that make constants which classes use"""


class Block(NamedTuple):
    """A block of code of a page."""

    language: str
    title: str
    source: str
    line: int
    """Of its first line of code, from 1"""
    start: int
    end: int
    reason: str
    """Why it is not run; empty if it is"""


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order.

    Raises:
        ValueError: A comment `skip` is malformed, has no reason, or stands before no block.
    """
    document = Document(page.read_text(encoding="utf-8"), str(page))
    info = re.compile(r"(?P<language>\w+)(?P<rest>[^\n]*)$\n", re.MULTILINE)
    regions: list[Any] = [
        *DirectiveInHTMLCommentLexer("skip")(document),
        *RawFencedCodeBlockLexer(info)(document),
    ]
    found, reason = [], ""
    for region in sorted(regions, key=lambda region: int(region.start)):
        line = document.text.count("\n", 0, region.start) + 1
        if "language" not in region.lexemes:
            given = re.fullmatch(r'next "(.+)"', region.lexemes["arguments"].strip())
            if given is None or reason:
                raise ValueError(f'{page}:{line}: expected <!-- skip: next "reason" -->, then a block')
            reason = given[1]
            continue
        title = re.search(r'title="([^"]+)"', region.lexemes["rest"])
        language, source = region.lexemes["language"], str(region.lexemes["source"])
        found.append(
            Block(
                language,
                title[1] if title else "",
                source,
                line + 1,
                int(region.start),
                int(region.end),
                reason,
            )
        )
        reason = ""
    if reason:
        raise ValueError(f"{page}: nothing stands after the last comment `skip`")
    return found


class Page:
    """The module that the blocks of a page are run in."""

    def __init__(self) -> None:
        self.module = ModuleType(MODULE)
        self.file = Path(f"{MODULE}.py").absolute()
        self.module.__file__ = str(self.file)
        self.lines: list[str] = []
        self.loop = asyncio.new_event_loop()
        self.raised = False
        """Whether the last block ended with an error"""

    def run(self, block: Block) -> str:
        """Runs a block; returns what a reader sees of it."""
        self.raised = False
        if block.language == "sh":
            return self._run_shell(block.source)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                self._run_python(block)
            except Exception as error:  # noqa: BLE001 - an example may show one
                self.raised = True
                self._save(self.lines[: _lines_before(error, str(self.file))])
                print(f"{type(error).__name__}: {error}")
        shown, aside = out.getvalue(), err.getvalue()
        return shown + aside if "Warning: " in aside else shown or aside

    def _run_python(self, block: Block) -> None:
        tree = ast.parse(block.source)
        ast.increment_lineno(tree, block.line - 1)
        text = block.source.splitlines()
        lines = [*self.lines, *[""] * (block.line - 1 + len(text) - len(self.lines))]
        for node in filter(_defines, tree.body):
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
            for number in range(first, (node.end_lineno or first) + 1):
                lines[number - 1] = text[number - block.line]
        self._save(lines)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        running = eval(compile(tree, str(self.file), "exec", flags), self.module.__dict__)
        if running is not None:
            self.loop.run_until_complete(running)

    def _run_shell(self, source: str) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        run = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", source],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path},
            check=False,
        )
        self.raised = run.returncode != 0
        if self.raised:
            return f"{run.stdout}{run.stderr}exit code {run.returncode}\n"
        return run.stdout or run.stderr

    def interact(self, block: Block) -> Iterator[tuple[int, str, str]]:
        """Types the prompts of a block; gives the line, what is expected, and what came."""
        for example in doctest.DocTestParser().get_examples(block.source):
            line = block.line + example.lineno
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                try:
                    exec(compile(example.source, str(self.file), "single"), self.module.__dict__)
                except Exception as error:  # noqa: BLE001 - same
                    print(f"{type(error).__name__}: {error}")
            yield line, example.exc_msg or example.want, out.getvalue()

    def _save(self, lines: list[str]) -> None:
        self.lines = lines
        self.file.write_text("\n".join([*lines, ""]), encoding="utf-8")
        linecache.checkcache(str(self.file))
        sys.modules[MODULE] = self.module


def _lines_before(error: Exception, file: str) -> int | None:
    """How many lines of the page had run when one raised an error; None if the block did not compile."""
    frames = traceback.extract_tb(error.__traceback__)
    return next(((frame.lineno or 1) - 1 for frame in frames if frame.filename == file), None)


def _defines(node: ast.stmt) -> bool:
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return isinstance(node, _DEFINITIONS)
    value = node.value
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in _CONSTANTS
    try:
        ast.literal_eval(value or ast.Constant(None))
    except ValueError:
        return False
    return True


def agrees(expected: str, found: str) -> bool:
    """Whether a block printed what the page says; numbers of lines and spaces at line ends are free."""

    def plain(text: str) -> list[str]:
        text = re.sub(r'(\.py)(:|", line )\d+', r"\1\2N", text)
        return [line.rstrip() for line in text.strip().splitlines()]

    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in plain(expected)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in plain(found))) is not None


def problems(path: Path) -> Iterator[str]:
    """Runs a page; gives what is not as it says."""
    text = path.read_text(encoding="utf-8")
    page = Page()
    found = blocks(path)
    following = [*found[1:], None]
    for block, after in zip(found, following, strict=True):
        shown = after is not None and after.language == "text" and not text[block.end : after.start].strip()
        expected = after.source if after is not None and shown else ""
        if block.reason:
            continue
        if block.title and block.language != "text":
            Path(block.title).write_text(block.source, encoding="utf-8")
        elif block.language == "pycon":
            for line, want, got in page.interact(block):
                if not agrees(want, got):
                    yield f"{path}:{line}: expected\n{want}\nfound\n{got}"
        elif block.language in RUN:
            got = page.run(block)
            if (shown or page.raised or "Warning: " in got) and not agrees(expected, got):
                yield f"{path}:{block.line}: expected\n{expected}\nfound\n{got}"
                if page.raised:
                    break  # what follows needs it
    page.loop.close()


if __name__ == "__main__":
    sys.path[0] = os.environ["HOME"] = str(Path.cwd())  # settings and tokens of a person are not touched
    os.environ.pop("XPM_WORKDIR", None)
    try:
        told = list(problems(Path(sys.argv[1]).absolute()))
    except ValueError:
        sys.exit(traceback.format_exc())
    sys.exit("\n\n".join(told) or 0)
