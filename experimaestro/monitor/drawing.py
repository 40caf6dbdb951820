"""A configuration, a task or a job as a notebook shows it: a tree that folds.

Rules: the page needs nothing, as that of `html`, and is never brought up to date: what may still change
has its date. The size of the page is bounded, whatever the configuration: each object is drawn once and
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
from experimaestro.monitor.html import date, mark, user_text
from experimaestro.monitor.rows import text
from experimaestro.scheduler.job import Job

MOST = 400
"""Lines from which on nothing more is unfolded"""

ITEMS = 20
"""Of a list or dictionary"""

DEEPEST = 12
"""Configurations and containers in others"""

_FEW = 5
"""Items that need no folding"""

_ROOM = 60
"""Characters of a list that stands on one line"""

_PAGE = "max-width: 860px; font-size: 13px; line-height: 1.6"
_LIST = "list-style: none; margin: 0; padding: 0 0 0 18px"
_LEAF = "margin: 0; padding: 0 0 0 16px"
_NODE = "margin: 0; padding: 0"
_KEY = "display: inline-block; min-width: 100px; opacity: 0.76"
_BELOW = "border-top: 1px solid #8c8c8c; margin: 4px 0 0 0; padding: 4px 0 0 16px; word-break: break-all"
_CHIP = "border: 1px solid #8c8c8c; border-radius: 2px; padding: 0 4px; font-size: 11px"


def drawn(value: Configuration | Job) -> str:
    """Draws a configuration, a task or a job: what it is, where it stands, its parameters, its folder.

    Args:
        value: Made by `Cls.C(...)`; or the job of a task.
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
    lines = {
        "tags": words.tags_text(its_tags),
        "identifier": _identity(config) if job is None else job.identifier,
        "folder": "" if job is None else str(job.path),
    }
    title = f'<strong style="font-size: 14px">{user_text(name)}</strong> {_muted(kind)}{_state(standing)}'
    if config is not None:
        title += _origin(config.__xpm__)
    if lines["identifier"]:
        title += f" &nbsp; {_muted(lines['identifier'][:8])}"
    tree = "" if config is None else _Tree().parameters(config)
    below = "".join(f"<div>{_key(key)} {_code(text)}</div>" for key, text in lines.items() if text)
    page = _folding(title, tree, is_open=True) + (f'\n<div style="{_BELOW}">{below}</div>' if below else "")
    return f'<div data-xpm-object style="{_PAGE}">\n{page}\n</div>'


class _Part(NamedTuple):
    """A value in a configuration or container, and what is said beside it."""

    label: str
    value: object
    route: Route
    chip: str = ""
    is_default: bool = False


class _Tree:
    """Draws what configurations hold, each once."""

    def __init__(self) -> None:
        self._left = MOST
        self._met: dict[int, Route] = {}

    def parameters(self, config: Configuration, route: Route = (), depth: int = 0) -> str:
        """What a configuration holds, as a list."""
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

    def _parts(self, parts: Sequence[_Part], more: int, depth: int) -> str:
        self._left -= len(parts)  # all lines of one list come before those further down
        items = [self._part(part, depth) for part in parts]
        if more:
            items.append(_item(_muted(f"… {more:,} more"), _LEAF))
        return _list(items)

    def _part(self, part: _Part, depth: int) -> str:
        value = part.value
        if isinstance(value, Configuration):
            return self._configuration(value, part, depth)
        if isinstance(value, (list, tuple, set, frozenset, dict)):
            found: list[Configuration] = []
            collect(value, found)
            line = None if found else on_one_line(value, _ROOM)
            if line is None:
                return self._container(value, part, depth)
            return _leaf(part.label, _code(line), part)
        if isinstance(value, _Text):
            return _leaf(part.label, _muted(value.text) if value.is_ours else _code(value.text), part)
        return _leaf(part.label, _code(_text(value)), part)

    def _configuration(self, config: Configuration, part: _Part, depth: int) -> str:
        info = config.__xpm__
        title = f"{_key(part.label)} <strong>{user_text(info.declaration.name)}</strong>{_beside(part)}"
        met = self._met.get(id(config))
        if met is not None:
            where = f"<code>{escape(spell(met))}</code>" if met else "at the top"
            return _item(f"{title} {_muted('see')} {where}", _LEAF)
        job = _job(config)
        if job is not None:
            title += _state(_standing(job))
        title += _origin(info)
        if not info.declaration.arguments:
            return _item(title, _LEAF)
        if self._left <= 0 or depth >= DEEPEST:
            return _item(f"{title} {_ELSE}", _LEAF)
        kids = self.parameters(config, part.route, depth + 1)
        return _item(_folding(title, kids, is_open=depth == 0 and job is None), _NODE)

    def _container(self, value: Collection[object], part: _Part, depth: int) -> str:
        title = f"{_key(part.label)} {_muted(f'{len(value):,} items')}{_beside(part)}"
        if self._left <= 0 or depth >= DEEPEST:
            return _item(f"{title} {_ELSE}", _LEAF)
        if isinstance(value, dict):
            items = islice(value.items(), ITEMS)
            parts = [_Part(_text(key), item, (*part.route, Key(key))) for key, item in items]
        else:
            parts = [_Part(str(i), item, (*part.route, i)) for i, item in enumerate(islice(value, ITEMS))]
        kids = self._parts(parts, max(0, len(value) - ITEMS), depth + 1)
        return _item(_folding(title, kids, is_open=depth == 0 and len(value) <= _FEW), _NODE)


class _Text:
    """A text that stands in the place of a value."""

    def __init__(self, text: str, *, is_ours: bool = False) -> None:
        self.text = text
        self.is_ours = is_ours


_ELSE = '<span style="opacity: 0.76">…</span>'
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


def _origin(info: Information) -> str:
    """The task of which a configuration is an output, and where that stands."""
    if info.producer is None:
        return ""
    name = user_text(info.producer.__xpm__.declaration.name)
    return f" {_muted('output of')} {name}{_state(_standing(_job(info.producer)))}"


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


def _state(standing: tuple[known.Job, str] | None) -> str:
    """Mark, word and duration of a job, and why it failed."""
    if standing is None:
        return ""
    row, what = standing
    look = words.look(row.state, row.reason)
    shown = f" &nbsp; {mark(look)} {look.word}"
    finished = row.state.finished()
    if row.started is not None:
        now = time.time()
        shown += f" {words.clock(((row.ended if finished else None) or now) - row.started)}"
        shown += "" if finished else f" {_muted(f'as of {date(now)}')}"
    return shown + (f": {user_text(what)}" if what and what != look.word else "")


def _folding(title: str, inside: str, *, is_open: bool) -> str:
    opened = " open" if is_open else ""
    return f"<details{opened}><summary>{title}</summary>\n{inside}\n</details>"


def _list(items: Iterable[str]) -> str:
    text = "\n".join(items)
    return f'<ul style="{_LIST}">\n{text}\n</ul>' if text else ""


def _item(inside: str, style: str) -> str:
    return f'<li style="{style}">{inside}</li>'


def _leaf(label: str, value: str, part: _Part | None = None) -> str:
    return _item(f"{_key(label)} {value}{_beside(part) if part is not None else ''}", _LEAF)


def _key(label: str) -> str:
    return f'<span style="{_KEY}">{user_text(label)}</span>'


def _code(text: str) -> str:
    return f"<code>{user_text(text)}</code>"


def _beside(part: _Part) -> str:
    chip = f' <span style="{_CHIP}">{part.chip}</span>' if part.chip else ""
    return chip + (f" {_muted('default')}" if part.is_default else "")


def _muted(text: str) -> str:
    return f'<span style="opacity: 0.76">{user_text(text)}</span>'
