"""What the site shows in place of a state diagram of Mermaid: a table of its transitions.

A forge draws the diagram where it shows the page. A site would have to load Mermaid (2.6 MB of JavaScript)
from elsewhere, and nothing of ours does that. MkDocs calls `on_page_markdown` for each page.
"""

import re
from typing import Any

_DIAGRAM = re.compile(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TRANSITION = re.compile(r" *(\S+) --> (\S+): (.+)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replaces the state diagrams of a page."""
    return _DIAGRAM.sub(lambda diagram: _table(diagram[1]), markdown)


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
