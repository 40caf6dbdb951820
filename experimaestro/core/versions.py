"""Which classes of a notebook are one, and which are earlier versions.

Rules: a cell that is run again makes a new class, and what is loaded may bring a third: they are one if
their names and their codes are the same. The code is what the user promised, else the digest of all that
the class reaches; in a job, and for what was loaded, it is what the file of the class says.
"""

import sys
from enum import Enum
from typing import Any

from experimaestro.core.problems import Mismatch
from experimaestro.core.source import SCRIPT, codes_of, found_in, has_notebook, is_of_notebook, module_name
from experimaestro.exceptions import DefinitionError


def code(cls: type) -> str | None:
    """What tells a class of a notebook from others of its name; None for other classes.

    Raises:
        DefinitionError: It reaches what no module can hold.
    """
    if is_of_notebook(cls):
        from experimaestro.core.cells import identity  # only in a notebook

        return identity(cls)
    return codes_of(sys.modules.get(cls.__module__)).get(cls.__qualname__)


def full_name(cls: type) -> str:
    """The module and the name of a class; a job, too, says `__main__` of the module of a notebook."""
    return f"{SCRIPT if was_of_notebook(cls) else module_name(cls)}.{cls.__qualname__}"


def has_code(cls: type, wanted: str) -> bool:
    """Whether a class is the one that has a code."""
    try:
        return code(cls) == wanted
    except DefinitionError:  # it can be in no job, so it is not what was asked for
        return False


def is_same(one: type, other: Any) -> bool:
    """Whether two classes are one: a cell that was run again makes another class of the same code."""
    if one is other:
        return True
    if not isinstance(other, type) or one.__qualname__ != other.__qualname__:
        return False
    try:
        known = code(one)
    except DefinitionError:  # it can be in no job, so it is not what was asked for
        return False
    return known is not None and has_code(other, known)


def is_subclass(one: type, other: type) -> bool:
    """Whether a class derives from another, or from one that is the same."""
    return other in one.__mro__ or any(is_same(base, other) for base in one.__mro__)


def is_same_member(one: Any, other: Any) -> bool:
    """Whether two values are one member of an enumeration, in versions of its class that are the same."""
    return (
        isinstance(one, Enum)
        and isinstance(other, Enum)
        and one.name == other.name
        and is_same(type(one), type(other))
    )


def defined(qualname: str) -> type | None:
    """The class of the notebook that has a name now; None if none has, or there is no notebook."""
    if not has_notebook():
        return None
    found = found_in(sys.modules[SCRIPT], qualname)
    return found if found is not None and is_of_notebook(found) and found.__qualname__ == qualname else None


def version(cls: type, of: type) -> type | None:
    """The class with the name of another, of a class and those above; None if not of a notebook."""
    if not (is_of_notebook(of) or was_of_notebook(of)):
        return None
    found = (one for one in cls.__mro__ if one.__qualname__ == of.__qualname__)
    return next((one for one in found if is_of_notebook(one) or was_of_notebook(one)), None)


def was_of_notebook(cls: type) -> bool:
    """Whether a class was loaded from the file with the classes of a notebook."""
    return cls.__qualname__ in codes_of(sys.modules.get(cls.__module__))


def loaded_again(cls: type, asked: type) -> Mismatch | None:
    """What to say where a class is given of a module that was loaded again; None if it was not."""
    name = asked.__qualname__
    if not any(one.__qualname__ == name and one.__module__ == asked.__module__ for one in cls.__mro__):
        return None
    module = asked.__module__
    return Mismatch(
        f"`{name}` is not the class that this parameter was defined with: {module} was loaded again",
        hint=f"Import all classes of {module} again, or restart Python",
    )


def redefined(given: type, asked: type) -> Mismatch:
    """What to say where another version of a class is given than was asked for."""
    name = asked.__qualname__
    if was_of_notebook(given) or was_of_notebook(asked):
        return Mismatch(f"`{name}` was redefined since this was written; make it again")
    if given is defined(name):
        return Mismatch(
            f"`{name}` was redefined since the class of this parameter was defined", hint="Run its cell again"
        )
    return Mismatch(f"`{name}` was redefined since this object was made; make it again")
