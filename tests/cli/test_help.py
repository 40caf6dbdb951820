"""What a newcomer reads: `--help` of each command and the same on the site, and how fast it comes."""

import html
import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from experimaestro import __version__
from experimaestro.cli.root import root


def commands(
    command: click.Command, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands, with the words that lead to them."""
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from commands(inner, (*words, name))


ALL = dict(commands(root))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_command_and_option_says_what_it_does(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "100")
    shown = CliRunner().invoke(root, [*words, "--help"], prog_name="experimaestro")

    assert shown.exit_code == 0
    assert ALL[words].help
    assert "\\b" not in shown.output
    assert [
        line for line in shown.output.splitlines() if line.endswith("...") and line.startswith("  ")
    ] == []
    options = [one for one in ALL[words].params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


def test_the_page_of_the_command_line_has_each_command_with_its_options():
    docs = Path(__file__).parents[2] / "docs"
    spec = importlib.util.spec_from_file_location("hooks_of_the_site", docs / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)

    page = hooks.on_page_markdown((docs / "command-line.md").read_text(encoding="utf-8"))

    parts = dict(part.split("\n", 1) for part in page.split("\n### ")[1:])
    assert list(parts) == [f"`{' '.join(('experimaestro', *words))}`" for words in ALL]
    for text, command in zip(parts.values(), ALL.values(), strict=True):
        assert (command.help or "").splitlines()[0] in text
        shown = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
        assert [one.name for one in shown if one.opts[0] not in html.unescape(text)] == []
    assert "\b" not in page
    assert "Of earlier versions" not in page


def test_a_command_that_is_not_there_is_a_usage_error():
    ended = CliRunner().invoke(root, ["job"], prog_name="experimaestro")

    assert ended.exit_code == 2
    assert ended.output.splitlines()[-1] == "Error: No such command 'job'. Did you mean 'jobs'?"
    assert CliRunner().invoke(root, []).exit_code == 2
    assert CliRunner().invoke(root, ["version"]).output == f"{__version__}\n"
    assert CliRunner().invoke(root, ["--version"]).output == f"{__version__}\n"


def test_run_modes_are_completed():
    option = next(one for one in ALL["run-experiment",].params if one.name == "run_mode")
    found = option.shell_complete(click.Context(ALL["run-experiment",]), "d")
    assert [one.value for one in found] == ["dry-run"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_is_printed_for_a_shell(shell: str):
    assert "_EXPERIMAESTRO_COMPLETE" in CliRunner().invoke(root, ["completion", shell]).output


def seconds(*words: str) -> float:
    """The least of several times, in seconds."""
    times = []
    for _ in range(7):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        times.append(time.perf_counter() - begin)
    return min(times)


def test_help_answers_in_less_than_three_times_the_import_of_click():
    assert seconds("-m", "experimaestro", "--help") < 3 * seconds("-c", "import click")
