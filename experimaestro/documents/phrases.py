"""One-line languages of ours, read token by token.

Rule: a mistake is shown in the text itself, with what was expected there.
"""

import re
from typing import NoReturn

from experimaestro.exceptions import ExperimaestroError


class Phrase:
    """A text that is read from left to right; base of the parser of a language.

    Args:
        text: What a person wrote.
        token: The tokens: a group for each kind. It must match everywhere, also at the end, without a group.
        error: What is raised.
    """

    def __init__(self, text: str, token: "re.Pattern[str]", error: type[ExperimaestroError]) -> None:
        self._text = text
        self._token = token
        self._error = error
        self._at = 0
        self._next()

    def _next(self) -> None:
        """Goes on to the next token: its kind, its text and where it begins."""
        match = self._token.match(self._text, self._at)
        assert match is not None, self._at
        self._kind = match.lastgroup or "end"
        self._symbol = match[self._kind] if self._kind != "end" else ""
        self._begin = match.start(self._kind) if self._kind != "end" else len(self._text)
        self._at = match.end()

    def _take(self, symbol: str) -> bool:
        """Whether the next token is this one, which is then passed; a text in quotes is none."""
        if self._symbol == symbol and self._kind not in {"text", "end"}:
            self._next()
            return True
        return False

    def _fail(self, expected: str) -> NoReturn:
        found = repr(self._symbol) if self._symbol else "the end"
        self._refuse(self._begin, f"expected {expected}, got {found}")

    def _refuse(self, begin: int, what: str) -> NoReturn:
        """Says what is wrong with the token that begins there, and shows where it is."""
        raise self._error(f"{what}\n  {self._text}\n  {' ' * begin}^") from None
