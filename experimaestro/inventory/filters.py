"""The language in which jobs are chosen: `lr = 0.1 and @state in ["done", "failed"]`.

    filter = all ("or" all)*           all  = one ("and" one)*
    one    = "not" one | "(" filter ")" | name test
    test   = ("=" | "==" | "!=") value | "~" regular expression | ["not"] "in" "[" value ("," value)* "]"
    name   = a tag, or @state, or @name (the type of the task)

Values compare as text, and as numbers if both are: `lr = 1e-3` finds 0.001. A job without the tag
fits no test, but `!=` and `not in`. What cannot be meant is refused: a state that no job can have, and a
tag that none has.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from experimaestro.documents.phrases import Phrase
from experimaestro.documents.problems import did_you_mean
from experimaestro.exceptions import FilterError

WORDS: Mapping[str, str] = {
    "done": "DONE",
    "failed": "FAIL",
    "not run": "UNSCHED",
    "running": "RUNNING",
    "interrupted": "INTERRUPTED",
    "unknown": "UNKNOWN",
}
"""The states of jobs, with the word for each in a list"""

_STATE_OF: Mapping[str, str] = {
    **{word.casefold(): state for state, word in WORDS.items()},
    **{state: state for state in WORDS},
    "error": "failed",
    "unscheduled": "not run",
}
"""What a person may write for a state: also the names of `JobState`"""

_OWN = ("@state", "@name")
"""What a filter may ask beside tags"""

Tags = Mapping[str, Any]
"""The tags of a job; `@state` and `@name` are among them"""

_Test = Callable[[Tags], bool]


class Filter:
    """Says whether a job is chosen, by its tags.

    Attributes:
        tags: The tags that it asks for.
    """

    def __init__(self, test: _Test, tags: Iterable[str]) -> None:
        self._test = test
        self.tags = frozenset(tags)

    def __call__(self, tags: Tags) -> bool:
        """Whether a job with these tags is chosen."""
        return self._test(tags)

    def check(self, known: Iterable[str]) -> None:
        """Refuses a filter that asks for a tag that no job has.

        Args:
            known: The tags of the jobs that are looked at.

        Raises:
            FilterError: Naming the nearest tag, or all.
        """
        names = sorted(set(known))
        for name in sorted(self.tags.difference(names)):
            hint = did_you_mean(name, names, "The tags are") if names else "None has any"
            raise FilterError(f"no job has the tag {name!r}. {hint}")


_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>!=|==?|~|\(|\)|\[|\]|,)"""
    r"""|(?P<word>[^\s"'=!~()\[\],]+)|(?P<other>\S)|$)"""
)


def parse(text: str) -> Filter:
    """Reads a filter.

    Args:
        text: In the language above.

    Raises:
        FilterError: The text is not of the language; the place is shown.

    Example:
        >>> parse('lr = 1e-3 and not @state = "failed"')({"lr": 0.001, "@state": "done"})
        True
    """
    return _Parser(text).whole()


class _Parser(Phrase):
    def __init__(self, text: str) -> None:
        self._tags: set[str] = set()
        super().__init__(text, _TOKEN, FilterError)

    def whole(self) -> Filter:
        chosen = self._any()
        if self._kind != "end":
            self._fail("'and', 'or' or the end")
        return Filter(chosen, self._tags)

    def _any(self) -> _Test:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return lambda tags: any(part(tags) for part in parts)

    def _all(self) -> _Test:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return lambda tags: all(part(tags) for part in parts)

    def _one(self) -> _Test:
        if self._take("not"):
            negated = self._one()
            return lambda tags: not negated(tags)
        if self._take("("):
            inner = self._any()
            if not self._take(")"):
                self._fail("')'")
            return inner
        if self._kind not in {"word", "text"}:
            self._fail("the name of a tag, @state, @name, 'not' or '('")
        return self._test(self._name())

    def _name(self) -> str:
        begin, is_text = self._begin, self._kind == "text"
        name = self._value("a name")
        if is_text or not name.startswith("@"):
            self._tags.add(name)
        elif name not in _OWN:
            self._refuse(begin, f"{name} is not known. {did_you_mean(name, _OWN)}")
        return name

    def _test(self, name: str) -> _Test:
        if self._take("=") or self._take("=="):
            value = self._compared(name)
            return lambda tags: name in tags and _are_equal(tags[name], value)
        if self._take("!="):
            value = self._compared(name)
            return lambda tags: name not in tags or not _are_equal(tags[name], value)
        if self._take("~"):
            pattern = self._pattern()
            return lambda tags: name in tags and pattern.search(str(tags[name])) is not None
        is_negated = self._take("not")
        if not self._take("in"):
            self._fail("=, !=, ~, in or not in")
        values = self._list(name)
        return lambda tags: (
            any(name in tags and _are_equal(tags[name], value) for value in values) is not is_negated
        )

    def _list(self, name: str) -> list[str]:
        if not self._take("["):
            self._fail("'['")
        values = [self._compared(name)]
        while self._take(","):
            values.append(self._compared(name))
        if not self._take("]"):
            self._fail("',' or ']'")
        return values

    def _compared(self, name: str) -> str:
        """What a tag is compared with; of a state, the name that we have for it."""
        begin = self._begin
        value = self._value("a value")
        if name != "@state":
            return value
        state = _STATE_OF.get(value.casefold().replace("-", " ").replace("_", " "))
        if state is None:
            self._refuse(begin, f"no job has the state {value!r}. {did_you_mean(value, WORDS)}")
        return state

    def _pattern(self) -> "re.Pattern[str]":
        begin = self._begin
        text = self._value("a regular expression")
        try:
            return re.compile(text)
        except re.error as error:
            self._refuse(begin, f"{text!r} is no regular expression: {error}")

    def _value(self, expected: str) -> str:
        if self._kind not in {"word", "text"}:
            self._fail(expected)
        symbol = self._symbol
        if self._kind == "text":
            symbol = re.sub(r"\\(.)", r"\1", symbol[1:-1])
        self._next()
        return symbol


def _are_equal(one: Any, text: str) -> bool:
    if str(one) == text or (isinstance(one, bool) and str(one).lower() == text.lower()):
        return True
    try:
        return not isinstance(one, bool) and float(one) == float(text)
    except (TypeError, ValueError):
        return False
