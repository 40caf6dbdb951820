"""All that classes of the notebook reach, and what tells versions of a class apart.

Rules: the digest of a class is that of the statements that it reaches, whatever the order in which cells
ran; a class with an `__xpmid__` stands in it by that name alone, since its user promised an identity. Each
class is looked at once, and again when a name that it reaches stands for something else.
"""

import builtins
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib import import_module
from threading import RLock
from typing import Any

from experimaestro.core.base import Declares
from experimaestro.core.cells.definitions import (
    Changed,
    Definition,
    Gone,
    Refused,
    Variable,
    definition,
    with_submodules,
)
from experimaestro.core.cells.finding import MAIN
from experimaestro.core.cells.names import Use
from experimaestro.core.cells.snapshots import same
from experimaestro.core.source import is_of_notebook
from experimaestro.core.versions import full_name, is_same
from experimaestro.exceptions import DefinitionError

_MISSING = object()
_OF_MODULES = {"__name__", "__doc__", "__file__", "__package__", "__loader__", "__spec__", "__builtins__"}
"""What each module has of its own"""


class Closure:
    """What one class reaches.

    Attributes:
        digest: 64 hexadecimal digits.
        definitions: By name.
    """

    def __init__(self, root: type, namespace: Mapping[str, Any]) -> None:
        self.definitions: dict[str, Definition] = {}
        self._root = root
        self._namespace = namespace
        self._name = root.__qualname__.partition(".")[0]
        self._problems: list[str] = []
        self._values: dict[str, Any] = {}
        """What each name stood for that was looked up"""
        self._seen: dict[str, str] = {}
        """Names that have the value of when something was defined, and what that was"""
        self._settled = set(_OF_MODULES)
        """Names that are Python's own, or were refused"""
        self._collect()
        if self._problems:
            raise DefinitionError("\n".join(dict.fromkeys(self._problems)))
        self.digest = self._digest()
        self._changing = [
            one for one in self.definitions.values() if one.changes or isinstance(one.value, type)
        ]

    def is_current(self) -> bool:
        """Whether nothing has changed in the notebook that it depends on."""
        get = self._namespace.get
        if any(get(name, _MISSING) is not value for name, value in self._values.items()):
            return False
        return all(one.is_current(self._namespace) for one in self._changing)

    def _collect(self) -> None:
        root = self._root
        pending: list[tuple[Use, str, Any]] = [(Use(self._name, "defined", self._name), "", _MISSING)]
        while pending:
            use, user, seen = pending.pop()
            known = self.definitions.get(use.name)
            if known is not None:
                self._check_seen(use, known.value, seen)
                if use.attributes:
                    self.definitions[use.name] = with_submodules(known, use)
                continue
            if use.name in self._settled:
                continue
            made = self._definition(use, user, seen)
            if made is None:
                if use.when != "annotated":  # else another use may need it
                    self._settled.add(use.name)
                continue
            self.definitions[use.name] = made
            if isinstance(made.value, type):
                self._check_bases(made.value)
            place = use.place if use.place != self._name else root.__qualname__
            pending += [
                (one, place, made.seen.get(one.name, _MISSING) if one.when == "defined" else _MISSING)
                for one in needs(made)
            ]

    def _check_seen(self, use: Use, value: Any, seen: Any) -> None:
        """Refuses a name that has one value where something was defined, and another one elsewhere."""
        defined = use.place if seen is not _MISSING else self._seen.get(use.name)
        if seen is _MISSING and use.name != self._name:
            seen = self._values[use.name] = self._namespace.get(use.name, _MISSING)
        if defined is not None and use.when != "annotated" and not same(value, seen):
            self._problems.append(
                f"`{use.name}` was changed since `{defined}` was defined: run the cell of `{defined}` again"
            )

    def _definition(self, use: Use, user: str, seen: Any) -> Definition | None:
        name = use.name
        value = self._namespace.get(name, _MISSING)
        if name == self._name and "." not in self._root.__qualname__:
            value = self._root
        elif seen is not _MISSING:
            value = seen
            self._seen[name] = use.place
        else:
            self._values[name] = value
        if value is _MISSING:
            value = _of_session(name)
        if value is _MISSING:
            is_pythons = hasattr(builtins, name) or (name.startswith("__") and name.endswith("__"))
            if not is_pythons and use.when != "annotated":
                self._problems.append(
                    f"`{use.place}` uses `{name}`, which is not defined: run its cell first"
                )
            return None
        try:
            made = definition(name, value, self._namespace)
        except Refused as refused:
            if use.when != "annotated":
                self._problems.append(_problem(refused, use, user))
            return None
        return made if made is None or not use.attributes else with_submodules(made, use)

    def _check_bases(self, cls: type) -> None:
        """Refuses a class whose base is an earlier version of what its name stands for."""
        for base in cls.__mro__[1:]:
            if is_of_notebook(base):
                found = current(base)
                if base.__qualname__ == cls.__qualname__:
                    self._problems.append(earlier(cls.__qualname__, cls.__qualname__))
                elif found is not base and not is_same(base, found):
                    self._problems.append(
                        f"`{base.__qualname__}` was redefined since `{cls.__qualname__}` was: "
                        f"run the cell of `{cls.__qualname__}` again"
                    )

    def _digest(self) -> str:
        found: dict[str, bytes] = {}
        pending = [self._name]
        while pending:
            name = pending.pop()
            one = self.definitions.get(name)
            if one is None or name in found:
                continue
            promised = None if name == self._name else promise(one.value)
            if promised is not None:
                found[name] = promised.encode()
                continue
            found[name] = one.digest
            pending += [use.name for use in needs(one)]
        parts = (part for name in sorted(found) for part in (name.encode(), found[name]))
        return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()


def _of_session(name: str) -> Any:
    """What IPython adds to the built-in names while a cell runs."""
    if name not in {"display", "get_ipython"} or "IPython" not in sys.modules:
        return _MISSING
    return getattr(import_module("IPython.display"), name, None)  # it is there: this is a notebook


def _problem(refused: Refused, use: Use, user: str) -> str:
    place = use.place
    if isinstance(refused, Changed):
        return str(refused)
    if isinstance(refused, Gone) and not user:
        return f"`{place}`: {refused.reason}"
    inside = place.rpartition(".")[2]
    through = (
        f", which `{user}` uses," if user and "." not in place and inside != user.partition(".")[0] else ""
    )
    text = f"`{place}`{through} {refused}"
    if isinstance(refused, Variable):
        what = "an argument" if through else "a parameter"
        text += f": make it {what}, or load it in `{inside if '.' in place or through else 'execute'}`"
    return text


def needs(of: Definition) -> Iterator[Use]:
    """What a definition uses, and the class of its objects, which registers itself."""
    yield from of.uses
    if of.value_class is not None and is_of_notebook(of.value_class):
        yield Use(of.value_class.__qualname__.partition(".")[0], "called", of.name)


def promise(cls: Any) -> str | None:
    """The identity that the user of a class promised with `__xpmid__`; None if he did not."""
    if not isinstance(cls, type) or not issubclass(cls, Declares):
        return None
    from experimaestro.core.objects.declaration import written_name  # it uses this package

    name = written_name(cls)
    return None if name == full_name(cls) else name


_lock = RLock()
_open: set[type] = set()
"""Classes that are being looked at: one that derives from its own earlier version is met again"""


def closure(cls: type) -> Closure:
    """What a class of the notebook reaches.

    Raises:
        DefinitionError: Something that no module can hold.
    """
    with _lock:
        known: Closure | None = cls.__dict__.get("_xpm_closure")
        if known is None or not known.is_current():
            if cls in _open:
                raise DefinitionError(earlier(cls.__qualname__, cls.__qualname__))
            _open.add(cls)
            try:
                known = Closure(cls, vars(sys.modules[MAIN]))
            finally:
                _open.remove(cls)
            type.__setattr__(cls, "_xpm_closure", known)
        return known


def current(cls: type) -> Any:
    """What the name of a class stands for now; None if for nothing."""
    found: Any = sys.modules[MAIN]
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found


def identity(cls: type) -> str:
    """What tells a class from others of its name: what the user promised, else the digest of its code.

    Raises:
        DefinitionError: See `closure`.
    """
    promised = promise(cls)
    return closure(cls).digest if promised is None else promised


def earlier(name: str, other: str) -> str:
    """What to say of something that uses its own earlier version, or that of what it needs."""
    return (
        f"`{name}` uses an earlier `{other}` while it is defined, which a job does not have: write the name "
        f'in quotes ("{other}") if it stands in an annotation, else give one of them another name'
    )
