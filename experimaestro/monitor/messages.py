"""What views and the feed say to each other: one struct for each message of a view.

Rule: everything that a view sends passes through `read`, which trusts nothing; whatever is not one
of these messages is refused with a text that says what was expected. What the feed sends is made of
plain dictionaries, lists and scalars, ready for JSON; `t` names the kind in both directions:

    view -> feed   hello(v, view, epoch?, seq?)   bye(view)   selected(epoch, rows: [[first, last]])
                   do(id, do, jobs | (epoch, rows) | states | task | service)
                   ask(id, ask, job | service, stream?, offset?)
    feed -> view   reset(to, epoch, seq, part, parts, cols, rows, run, log, services)
                   delta(to?, epoch, seq, set: [[row, column, value]], add: [row], run?, log?, services?)
                   reply(id, ok, data | error)

A row has the number of its place: 0 for the first job that was submitted. `epoch` names a numbering,
`seq` counts its deltas. A message with `to` is for one view, any other is for all.
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct

VERSION = 1
"""Of these messages; a view of another version is told to be loaded again"""

Message = dict[str, Any]
"""What the feed sends"""

Command = Literal["kill", "retry", "stop", "kill all", "continue", "start service", "stop service"]
"""What a view may do"""

Question = Literal["details", "parameters", "error", "log", "graph", "link", "service log"]
"""What a view may ask"""


class Hello(Struct, tag_field="t", tag="hello"):
    """A view is there, and has everything up to `seq`; repeated as a sign of life."""

    v: int
    view: str
    """Its name, made by chance"""
    epoch: str = ""
    seq: int = -1


class Bye(Struct, tag_field="t", tag="bye"):
    """A view was closed."""

    view: str


class Do(Struct, tag_field="t", tag="do"):
    """A command. The same `id` again is the same command: it is answered, not done again."""

    id: str
    do: Command
    jobs: list[str] | None = None
    """Keys of the jobs"""
    rows: list[tuple[int, int]] | None = None
    """In place of `jobs`, where they are many: see `Selected.rows`"""
    epoch: str = ""
    """Of `rows`"""
    states: list[str] | None = None
    """In place of `jobs`: all jobs that are in one of these states"""
    task: str = ""
    """Of `continue`: the task that was paused"""
    service: str = ""
    """Of the commands of services: its id"""


class Ask(Struct, tag_field="t", tag="ask"):
    """A question about a job, about all (`graph`), or about a service (`link`, `service log`)."""

    id: str
    ask: Question
    job: str = ""
    service: str = ""
    """Of `link` and `service log`: the id of the service"""
    stream: Literal["stdout", "stderr"] = "stdout"
    """Of `log`"""
    offset: int | None = None
    """Of `log`: where to go on, in bytes; None: the end of the file"""
    before: int | None = None
    """Of `log`: give what stands before this byte"""


class Selected(Struct, tag_field="t", tag="selected"):
    """Which rows are marked. By their numbers: the keys of 100,000 jobs would be 10 MB."""

    epoch: str
    rows: list[tuple[int, int]]
    """Ranges, ascending: the first and the last row of each"""


Incoming = Hello | Bye | Do | Ask | Selected
"""What a view may send"""


class Refused(Exception):  # noqa: N818 - a message that is refused, not an error of ours
    """A message is none of a view's; the text says why, for the view."""


def read(content: object) -> Incoming:
    """Makes a message of what a view sent.

    Args:
        content: Whatever came, already decoded from JSON.

    Raises:
        Refused: It is not a message.

    Example:
        >>> read({"t": "bye", "view": "a"})
        Bye(view='a')
    """
    try:
        message: Incoming = msgspec.convert(content, Incoming)
    except msgspec.ValidationError as error:
        raise Refused(f"not a message: {error}") from None
    return message


def reply(id: str, data: object = None) -> Message:  # noqa: A002 - the word of the messages
    """Says that a command was taken or a question is answered."""
    return {"t": "reply", "id": id, "ok": True, "data": data}


def refusal(id: str, error: str) -> Message:  # noqa: A002 - the word of the messages
    """Says why not."""
    return {"t": "reply", "id": id, "ok": False, "error": error}
