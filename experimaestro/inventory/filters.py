"""The language in which jobs are chosen: `lr = 0.1 and @state in ["done", "failed"]`.

    filter = all ("or" all)*           all  = one ("and" one)*
    one    = "not" one | "(" filter ")" | name test
    test   = ("=" | "!=") value | "~" regular expression | ["not"] "in" "[" value ("," value)* "]"
    name   = a tag, or @state, or @name (the type of the task)

Values compare as text, and as numbers if both are: `lr = 1e-3` finds 0.001. A job without the tag
fits no test, but `!=` and `not in`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from experimaestro.documents.phrases import Phrase
from experimaestro.exceptions import FilterError

Filter = Callable[[Mapping[str, Any]], bool]
"""Says whether a job with these tags is chosen; `@state` and `@name` are among them"""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>!=|=|~|\(|\)|\[|\]|,)"""
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
        super().__init__(text, _TOKEN, FilterError)

    def whole(self) -> Filter:
        chosen = self._any()
        if self._kind != "end":
            self._fail("'and', 'or' or the end")
        return chosen

    def _any(self) -> Filter:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return lambda tags: any(part(tags) for part in parts)

    def _all(self) -> Filter:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return lambda tags: all(part(tags) for part in parts)

    def _one(self) -> Filter:
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
        name = self._value("a name")
        return self._test(name)

    def _test(self, name: str) -> Filter:
        if self._take("="):
            value = self._value("a value")
            return lambda tags: name in tags and _are_equal(tags[name], value)
        if self._take("!="):
            value = self._value("a value")
            return lambda tags: name not in tags or not _are_equal(tags[name], value)
        if self._take("~"):
            pattern = self._pattern()
            return lambda tags: name in tags and pattern.search(str(tags[name])) is not None
        is_negated = self._take("not")
        if not self._take("in"):
            self._fail("=, !=, ~, in or not in")
        values = self._list()
        return lambda tags: (
            any(name in tags and _are_equal(tags[name], value) for value in values) is not is_negated
        )

    def _list(self) -> list[str]:
        if not self._take("["):
            self._fail("'['")
        values = [self._value("a value")]
        while self._take(","):
            values.append(self._value("a value"))
        if not self._take("]"):
            self._fail("',' or ']'")
        return values

    def _pattern(self) -> "re.Pattern[str]":
        begin = self._begin
        text = self._value("a regular expression")
        try:
            return re.compile(text)
        except re.error as error:
            raise FilterError(
                f"{self._text}\n{' ' * begin}^ {text!r} is no regular expression: {error}"
            ) from None

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
