"""The language in which a job's needs are written.

    spec = one ("|" one)*            alternatives, the first ones wanted most
    one  = item ("&" item)*
    item = "duration=" time
         | ("cuda" | "mps" | "gpu") "(" ["mem=" size] ")" ["*" number]
         | "cpu(" ("mem=" size | "cores=" number) ("," ...)* ")"

Spaces may be anywhere; numbers are whole. Recursive descent: each rule is a method. An error shows the
text with a mark under the place.
"""

import re
from functools import reduce

from experimaestro.documents.phrases import Phrase
from experimaestro.exceptions import RequirementError
from experimaestro.launcherfinder.requirements import (
    Accelerator,
    HostSimpleRequirement,
    RequirementUnion,
)
from experimaestro.launcherfinder.units import BYTES, SECONDS

_TOKEN = re.compile(r"\s*(?:(?P<number>\d+)|(?P<word>[A-Za-z_]+)|(?P<sign>[|&*(),=])|(?P<other>\S)|$)")
_KINDS = ("cuda", "mps", "gpu")


def parse(text: str) -> RequirementUnion:
    """Reads what a job needs.

    Args:
        text: In the language above.

    Raises:
        RequirementError: The text is not of the language; the place is shown.

    Example:
        >>> print(parse("duration=2h & cuda(mem=4G)*2 | cpu(cores=4)"))
        duration=2h & cuda(mem=4G)*2 | cpu(cores=4)
    """
    return _Parser(text).spec()


class _Parser(Phrase):
    def __init__(self, text: str) -> None:
        super().__init__(text, _TOKEN, RequirementError)

    def _need(self, token: str) -> None:
        if not self._take(token):
            self._fail(f"'{token}'")

    # The rules.

    def spec(self) -> RequirementUnion:
        alternatives = [self._one()]
        while self._take("|"):
            alternatives.append(self._one())
        if self._kind != "end":
            self._fail("'&', '|' or the end")
        return RequirementUnion(*alternatives)

    def _one(self) -> HostSimpleRequirement:
        items = [self._item()]
        while self._take("&"):
            items.append(self._item())
        return reduce(HostSimpleRequirement.plus, items)

    def _item(self) -> HostSimpleRequirement:
        if self._take("duration"):
            self._need("=")
            units = "a unit of time (d, h or m, also days, hours, minutes)"
            return HostSimpleRequirement(duration=self._quantity(SECONDS, units))
        if self._symbol in _KINDS:
            return self._accelerators()
        if self._take("cpu"):
            return self._cpu()
        return self._fail("duration=..., cuda(...), mps(...), gpu(...) or cpu(...)")

    def _accelerators(self) -> HostSimpleRequirement:
        kind = next(kind for kind in _KINDS if kind == self._symbol)
        self._next()
        self._need("(")
        memory = 0
        if self._take("mem"):
            memory = self._memory()
        elif self._symbol != ")":
            self._fail("mem=... or ')'")
        self._need(")")
        count = 1
        if self._take("*"):
            if self._kind != "number" or int(self._symbol) < 1:
                self._fail("a number of accelerators from 1 up")
            count = int(self._symbol)
            self._next()
        return HostSimpleRequirement((Accelerator(kind, memory),) * count)  # type: ignore[arg-type] # one of _KINDS

    def _cpu(self) -> HostSimpleRequirement:
        self._need("(")
        memory, cores = 0, 1
        while True:
            if self._take("mem"):
                memory = self._memory()
            elif self._take("cores"):
                self._need("=")
                cores = self._number("a number of cores")
            else:
                self._fail("mem=... or cores=...")
            if not self._take(","):
                break
        self._need(")")
        return HostSimpleRequirement(memory=memory, cores=cores)

    def _memory(self) -> int:
        self._need("=")
        return self._quantity(BYTES, "a unit of memory (G, GiB, M or MiB)")

    def _quantity(self, units: dict[str, int], expected: str) -> int:
        number = self._number("a whole number")
        if self._symbol not in units:
            self._fail(expected)
        size = units[self._symbol]
        self._next()
        return number * size

    def _number(self, expected: str) -> int:
        if self._kind != "number":
            self._fail(expected)
        number = int(self._symbol)
        self._next()
        return number
