"""What the site shows that the text of a page has not; MkDocs calls `on_page_markdown` for each page.

- In place of a state diagram of Mermaid, a table of its transitions. A forge draws the diagram where it shows
  the page. A site would have to load Mermaid (2.6 MB of JavaScript) from elsewhere, and nothing of ours does.
- In place of `<!-- commands -->`, all commands with their options, from the commands themselves.
"""

import html
import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

_DIAGRAM = re.compile(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMANDS = "<!-- commands -->"
_TRANSITION = re.compile(r" *(\S+) --> (\S+): (.+)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replaces the state diagrams of a page, and fills in the commands."""
    text = _DIAGRAM.sub(lambda diagram: _table(diagram[1]), markdown)
    return text.replace(_COMMANDS, "\n".join(_reference())) if _COMMANDS in text else text


def _table(transitions: str) -> str:
    rows = ["| From | To | When |", "| --- | --- | --- |"]
    for line in transitions.splitlines():
        found = _TRANSITION.fullmatch(line)
        if found is None:
            raise ValueError(f"docs/hooks.py: {line!r} is no transition, `BEFORE --> AFTER: when`")
        before, after, when = found.groups()
        start = "(a new task)" if before == "[*]" else f"`{before}`"
        rows.append(f"| {start} | `{after}` | {when} |")
    return "\n".join(rows)


def _reference() -> Iterator[str]:
    """The commands as they describe themselves: a heading for each, its text, arguments and options."""
    from experimaestro.cli.root import root

    for words, command in _commands(root, ("experimaestro",)):
        context = click.Context(command, info_name=" ".join(words))
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"### `{' '.join(words)}`\n"
        yield f"```text\n{' '.join(words)} {usage}\n```\n"
        yield f"{_prose(command.help or '')}\n"
        rows = [record for one in command.params if (record := one.get_help_record(context)) is not None]
        if rows:
            yield "| Option | |\n| --- | --- |"
            yield from (f"| <code>{_cell(name)}</code> | {_cell(text)} |" for name, text in rows)
            yield ""


def _commands(
    command: click.Command, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """A command and those below it, each with the words that lead to it."""
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from _commands(inner, (*words, name))


def _prose(text: str) -> str:
    """The text of a command; what click leaves as it is (after a backspace) is a block of code."""
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(
        f"```text\n{part.removeprefix(chr(8)).strip()}\n```" if part.startswith("\b") else part
        for part in parts
    )


def _cell(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).replace("|", "&#124;")
