"""A configuration, a task or a job as a notebook shows it: a tree that folds, and the same as text.

Rules: the page needs nothing, as that of `html`, and is never brought up to date: what may still change
has its date. The size of both is bounded, whatever the configuration: each object is drawn once and
named where it is met again, and of what is long or deep there is a part and a count. (Only its identifier
and its tags need all of it.)
"""

import time
from collections.abc import Collection, Iterable, Sequence
from html import escape
from itertools import islice
from pathlib import PurePath
from typing import Any, NamedTuple

from msgspec.structs import replace

from experimaestro.core.arguments import Argument
from experimaestro.core.base import Configuration, Information
from experimaestro.core.identifier import counts, identify
from experimaestro.core.objects.printing import on_one_line, value_text
from experimaestro.core.tags import tags
from experimaestro.core.walk import Key, Route, collect, spell
from experimaestro.events import state as known
from experimaestro.exceptions import NotSubmittedError
from experimaestro.monitor import words
from experimaestro.monitor.html import date, user_text
from experimaestro.monitor.printable import printable
from experimaestro.monitor.rows import text
from experimaestro.scheduler.job import Job

MOST = 400
"""Lines from which on nothing more is unfolded"""

MOST_TEXT = 40
"""The same, of the text, where nothing folds"""

ITEMS = 20
"""Of a list or dictionary"""

DEEPEST = 12
"""Configurations and containers in others"""

_FEW = 5
"""Items that need no folding"""

_ROOM = 60
"""Characters of a list that stands on one line"""

_LABEL = 24
"""Characters of a name for which the values below each other make room, in the text"""

_WIDE = 60
"""Characters from which on a line has a title, as it may have no room"""

_PAGE = "max-width: 860px; font-size: 13px; line-height: 1.6"
_LIST = "list-style: none; margin: 0; padding: 0 0 0 18px"
_LEAF = "display: flex; align-items: baseline; margin: 0; padding: 0 0 0 16px"
_NODE = "margin: 0; padding: 0"
_KEY = "display: inline-block; flex-shrink: 0; min-width: 100px; max-width: 50%; opacity: 0.76"
_BELOW = "border-top: 1px solid #8c8c8c; margin: 4px 0 0 0; padding: 4px 0 0 16px"
_MUTED = '<span style="opacity: 0.76">{}</span>'
_CUT = '<code style="overflow: hidden; text-overflow: ellipsis; white-space: nowrap">{}</code>'
_CHIP = (
    '<span style="border: 1px solid #8c8c8c; border-radius: 2px; padding: 0 4px; font-size: 11px; '
    'line-height: 1.3; flex-shrink: 0; white-space: nowrap">{}</span>'
)

_STYLES = {
    "plain": ("{}", "{}"),
    "title": ('<strong style="font-size: 14px">{}</strong>', "{}"),
    "name": ("<strong>{}</strong>", "{}"),
    "code": (_CUT, "{}"),
    "muted": (_MUTED, "{}"),
    "id": (f"&nbsp; {_MUTED}", " {}"),
    "chip": (_CHIP, "({})"),
    "default": (_MUTED, "({})"),
    "mark": ('&nbsp; <span style="color: {colour}">{}</span>', " {}"),
}
"""How a part of a line is written, by its style: in the page, and as text"""


def drawn(value: Configuration | Job) -> dict[str, str]:
    """Draws a configuration, a task or a job: what it is, where it stands, its parameters, its folder.

    Args:
        value: Made by `Cls.C(...)`; or the job of a task.

    Returns:
        The tree as `text/html` and as `text/plain`.
    """
    config: Any = value.config if isinstance(value, Job) else value
    job = value if isinstance(value, Job) else _job(value)
    standing = _standing(job)
    if config is not None:
        declaration = config.__xpm__.declaration
        name, kind, its_tags = declaration.name, str(declaration.identifier), dict(tags(config))
    else:
        kind, name, its_tags = job.type, words.task_name(job.type), {}  # type: ignore[union-attr] # no config: a job
        if standing is not None:
            name, its_tags = words.task_name(standing[0].task), dict(standing[0].tags)
    identity = _identity(config) if job is None else job.identifier
    title = [_Piece(name, "title"), _Piece(kind, "muted"), *_state(standing)]
    if config is not None:
        title += _origin(config.__xpm__)
    if identity:
        title.append(_Piece(identity[:8], "id"))
    below = {
        "tags": words.tags_text(its_tags),
        "identifier": identity,
        "folder": "" if job is None else str(job.path),
    }
    lines = [_Line(label, [_Piece(text, "code")]) for label, text in below.items() if text]
    page, short = ([] if config is None else _Tree(most).parameters(config) for most in (MOST, MOST_TEXT))
    return {
        "text/html": _page(_Line("", title, page, is_open=True), lines),
        "text/plain": "\n".join((_pieces(title), *_texts(short, 1), *_texts(lines, 0))),
    }


def line(value: Configuration | Job) -> str:
    """Tells a job, a task that was submitted, or an output of one on one line.

    Args:
        value: As `drawn` takes it.

    Returns:
        What it is, its tags, the start of its identifier and where it stands; "" of any other configuration.
    """
    task: Any
    if isinstance(value, Job):
        kind, task, job = "Job ", value.config, value
    else:
        kind, task = "", value
        if value.__xpm__.producer is not None and _job(value) is None:
            kind, task = f"{value.__xpm__.declaration.name} of ", value.__xpm__.producer
        found = _job(task)
        if found is None:
            return ""
        job = found
    standing = _standing(job)
    short = job.identifier[:8]
    if standing is None:
        name = words.task_name(job.type) if task is None else task.__xpm__.declaration.name
        return f"<{kind}{name} {short}>"
    row, _ = standing
    its_tags = f" {printable(words.tags_text(row.tags), _WIDE)}" if row.tags else ""
    return f"<{kind}{words.task_name(row.task)}{its_tags} {short} {words.look(row.state, row.reason).word}>"


class _Piece(NamedTuple):
    """A part of a line."""

    text: str
    style: str = "plain"
    """See `_STYLES`"""
    colour: str = ""
    """Of the mark of a state"""


class _Line(NamedTuple):
    """A line of the tree."""

    label: str
    pieces: Sequence[_Piece]
    below: "Sequence[_Line]" = ()
    is_open: bool = False


class _Part(NamedTuple):
    """A value in a configuration or container, and what is said beside it."""

    label: str
    value: object
    route: Route
    chip: str = ""
    is_default: bool = False


class _Tree:
    """Draws what configurations hold, each once.

    Args:
        most: Lines from which on nothing more is unfolded.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._met: dict[int, Route] = {}

    def parameters(self, config: Configuration, route: Route = (), depth: int = 0) -> list[_Line]:
        """What a configuration holds."""
        self._met[id(config)] = route
        info = config.__xpm__
        own = dict(info.own_tags or {})
        parts = []
        for argument in info.declaration.arguments.values():
            chip = _chip(info, argument)
            if chip == "tag":
                own.pop(argument.name)
            parts.append(
                _Part(
                    argument.name,
                    _value(info, argument),
                    (*route, argument.name),
                    chip,
                    argument.name in info.values and info.provenance_of(argument.name).how == "default",
                )
            )
        parts += [_Part(name, _Text(str(value)), route, "tag") for name, value in own.items()]
        return self._parts(parts, 0, depth)

    def _parts(self, parts: Sequence[_Part], more: int, depth: int) -> list[_Line]:
        self._left -= len(parts)  # all lines of one list come before those further down
        lines = [self._part(part, depth) for part in parts]
        if more:
            lines.append(_Line("", [_Piece(f"… {more:,} more", "muted")]))
        return lines

    def _part(self, part: _Part, depth: int) -> _Line:
        value = part.value
        if isinstance(value, Configuration):
            return self._configuration(value, part, depth)
        if isinstance(value, (list, tuple, set, frozenset, dict)):
            found: list[Configuration] = []
            collect(value, found)
            line = None if found else on_one_line(value, _ROOM)
            if line is None:
                return self._container(value, part, depth)
            return _leaf(part, _Piece(line, "code"))
        if isinstance(value, _Text):
            return _leaf(part, _Piece(value.text, "muted" if value.is_ours else "code"))
        return _leaf(part, _Piece(_text(value), "code"))

    def _configuration(self, config: Configuration, part: _Part, depth: int) -> _Line:
        info = config.__xpm__
        title = [_Piece(info.declaration.name, "name"), *_beside(part)]
        met = self._met.get(id(config))
        if met is not None:
            where = _Piece(spell(met), "code") if met else _Piece("at the top")
            return _Line(part.label, [*title, _Piece("see", "muted"), where])
        job = _job(config)
        if job is not None:
            title += _state(_standing(job))
        title += _origin(info)
        if not info.declaration.arguments:
            return _Line(part.label, title)
        if self._left <= 0 or depth >= DEEPEST:
            return _Line(part.label, [*title, _ELSE])
        below = self.parameters(config, part.route, depth + 1)
        return _Line(part.label, title, below, is_open=depth == 0 and job is None)

    def _container(self, value: Collection[object], part: _Part, depth: int) -> _Line:
        count = "1 item" if len(value) == 1 else f"{len(value):,} items"
        title = [_Piece(count, "muted"), *_beside(part)]
        if self._left <= 0 or depth >= DEEPEST:
            return _Line(part.label, [*title, _ELSE])
        if isinstance(value, dict):
            items = islice(value.items(), ITEMS)
            parts = [_Part(_text(key), item, (*part.route, Key(key))) for key, item in items]
        else:
            parts = [_Part(str(i), item, (*part.route, i)) for i, item in enumerate(islice(value, ITEMS))]
        below = self._parts(parts, max(0, len(value) - ITEMS), depth + 1)
        return _Line(part.label, title, below, is_open=depth == 0 and len(value) <= _FEW)


class _Text:
    """A text that stands in the place of a value."""

    def __init__(self, text: str, *, is_ours: bool = False) -> None:
        self.text = text
        self.is_ours = is_ours


_ELSE = _Piece("…", "muted")
"""In the place of what is not drawn any more"""


# What is known.


def _job(config: Configuration) -> Job | None:
    """The job of a task that was submitted."""
    info = config.__xpm__
    if info.submitter is None or info.key is None:
        return None
    found: Job = info.submitter.job(info.key)
    return found


def _standing(job: Job | None) -> tuple[known.Job, str] | None:
    """What is known of a job, and in words what it does or failed of; None if no scheduler has it."""
    if job is None:
        return None
    try:
        return job.ask(lambda state, row: (replace(row), text(state, row)))
    except NotSubmittedError:  # of a rehearsal
        return None


def _origin(info: Information) -> list[_Piece]:
    """The task of which a configuration is an output, and where that stands."""
    if info.producer is None:
        return []
    name = info.producer.__xpm__.declaration.name
    return [_Piece("output of", "muted"), _Piece(name), *_state(_standing(_job(info.producer)))]


def _identity(config: Configuration) -> str:
    """The identifier; "" while a parameter is missing."""
    try:
        return repr(identify(config))
    except KeyError:
        return ""


def _value(info: Information, argument: Argument) -> object:
    value = info.owner.__dict__.get(argument.name)
    if value is None and argument.generator is not None:
        return _Text("known once it is submitted", is_ours=True)
    if argument.name not in info.owner.__dict__:
        return _Text("missing", is_ours=True)
    if argument.generator is not None and info.folder and str(value).startswith(f"{info.folder}/"):
        return _Text(str(value)[len(info.folder) + 1 :])
    return value


def _chip(info: Information, argument: Argument) -> str:
    """The word beside a parameter that is not like the others."""
    value = info.owner.__dict__.get(argument.name)
    if argument.generator is not None or argument.is_data:
        return "path"
    if info.own_tags is not None and info.own_tags.get(argument.name, _Text) == value:
        return "tag"
    return "" if counts(argument, value) else "not in identifier"


def _text(value: object) -> str:
    if isinstance(value, PurePath):
        return str(value)
    return value if isinstance(value, str) and value else value_text(value)


# How it is written.


def _state(standing: tuple[known.Job, str] | None) -> list[_Piece]:
    """Mark, word and duration of a job, and why it failed."""
    if standing is None:
        return []
    row, what = standing
    look = words.look(row.state, row.reason)
    shown = [look.word]
    finished = row.state.finished()
    now = time.time()
    if row.started is not None:
        shown.append(words.clock(((row.ended if finished else None) or now) - row.started))
    pieces = [_Piece(look.mark, "mark", look.colour), _Piece(" ".join(shown))]
    if row.started is not None and not finished:
        pieces.append(_Piece(f"as of {date(now)}", "muted"))
    if what and what != look.word:
        pieces[-1] = pieces[-1]._replace(text=f"{pieces[-1].text}:")
        pieces.append(_Piece(what))
    return pieces


def _leaf(part: _Part, value: _Piece) -> _Line:
    return _Line(part.label, [value, *_beside(part)])


def _beside(part: _Part) -> list[_Piece]:
    chip = [_Piece(part.chip, "chip")] if part.chip else []
    return [*chip, _Piece("default", "default")] if part.is_default else chip


def _page(top: _Line, below: Sequence[_Line]) -> str:
    foot = "\n".join(_leaf_html("div", "display: flex; align-items: baseline", line) for line in below)
    foot = f'\n<div style="{_BELOW}">\n{foot}\n</div>' if below else ""
    return f'<div data-xpm-object style="{_PAGE}">\n{_folding(top)}{foot}\n</div>'


def _folding(line: _Line) -> str:
    opened = " open" if line.is_open else ""
    inside = "\n".join(map(_item, line.below))
    inside = f'\n<ul style="{_LIST}">\n{inside}\n</ul>' if inside else ""
    return f"<details{opened}><summary>{_html(line)}</summary>{inside}\n</details>"


def _item(line: _Line) -> str:
    if line.below:
        return f'<li style="{_NODE}">{_folding(line)}</li>'
    return _leaf_html("li", _LEAF, line)


def _leaf_html(element: str, style: str, line: _Line) -> str:
    """A line that does not fold: a value without room ends with an ellipsis, and is whole in the title."""
    whole = _pieces(line.pieces)
    title = f' title="{escape(whole)}"' if len(whole) > _WIDE else ""
    return f'<{element} style="{style}"{title}>{_html(line, "&nbsp;")}</{element}>'


def _html(line: _Line, space: str = " ") -> str:
    label = f'<span style="{_KEY}">{user_text(line.label)}</span>' if line.label else ""
    pieces = (_STYLES[one.style][0].format(user_text(one.text), colour=one.colour) for one in line.pieces)
    return space.join(filter(None, (label, *pieces)))


def _texts(lines: Sequence[_Line], depth: int) -> Iterable[str]:
    """Lines as text, the values below each other."""
    width = min(_LABEL, max((len(printable(line.label)) for line in lines), default=0))
    for line in lines:
        label = f"{printable(line.label):{width}}  " if line.label else ""
        yield f"{'  ' * depth}{label}{_pieces(line.pieces)}"
        yield from _texts(line.below, depth + 1)


def _pieces(pieces: Iterable[_Piece]) -> str:
    return " ".join(_STYLES[one.style][1].format(printable(one.text, 400)) for one in pieces)
