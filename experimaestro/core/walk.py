"""How every algorithm goes through configurations: children, and an order with children first.

Rules: one order everywhere (parameters by name, then position in lists and dictionaries); explicit
stacks, since the depth of a chain comes from the user; an object is met once, by identity; cycles
end. Only the nesting of plain containers recurses: nobody writes lists 500 deep.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from experimaestro.core.base import Configuration


def children(config: Configuration) -> list[Configuration]:
    """Configurations that the parameters of one hold, through lists, dictionaries and sets."""
    found: list[Configuration] = []
    values = config.__dict__
    for name in config.__xpm__.declaration.references:
        value = values.get(name)
        if value is not None:
            try:
                collect(value, found)
            except RecursionError:
                raise _endless(config, name) from None
    return found


def _endless(config: Configuration, name: str) -> Exception:
    from experimaestro.core.problems import Problem, failure  # only when something is wrong

    info = config.__xpm__
    text = "a list or dictionary that holds itself, or is nested a thousand times. Give one that ends"
    return failure(f"{info.declaration.name}.C(...)", info.made_at, [Problem(name, text)])


def collect(value: Any, found: list[Configuration]) -> None:
    """Adds the configurations of a value to a list."""
    if isinstance(value, Configuration):
        found.append(value)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            collect(item, found)
    elif isinstance(value, dict):
        for key, item in value.items():
            collect(key, found)
            collect(item, found)


def children_of_this_job(config: Configuration) -> list[Configuration]:
    """As `children`, but a submitted task is a leaf: what it uses belongs to its own job."""
    return [] if config.__xpm__.key is not None else children(config)


def postorder(
    roots: Iterable[Configuration],
    inner: Callable[[Configuration], Iterable[Configuration]] = children,
) -> list[Configuration]:
    """All that can be reached, each object once, children before parents (except on a cycle)."""
    seen: set[int] = set()
    order: list[Configuration] = []
    stack: list[tuple[Configuration | None, Iterator[Configuration]]] = [(None, iter(roots))]
    while stack:
        config, rest = stack[-1]
        for child in rest:
            if id(child) not in seen:
                seen.add(id(child))
                stack.append((child, iter(inner(child))))
                break
        else:
            stack.pop()
            if config is not None:
                order.append(config)
    return order


class Key(str):
    """A key of a dictionary in a route (a plain string is the name of a parameter)."""

    __slots__ = ()


Route = tuple[str | int, ...]
"""How a value is reached from a root: names of parameters, positions and keys"""


def routes(root: Configuration) -> dict[int, Route]:
    """The first route to each configuration of a job, by `id`; `()` for the root."""
    found: dict[int, Route] = {id(root): ()}
    stack = [root]
    while stack:
        config = stack.pop()
        if config.__xpm__.key is not None and config is not root:
            continue
        inner: list[Configuration] = []
        base = found[id(config)]
        for name in config.__xpm__.declaration.references:
            for route, child in steps(config.__dict__.get(name), (*base, name)):
                if id(child) not in found:
                    found[id(child)] = route
                    inner.append(child)
        stack.extend(reversed(inner))
    return found


def steps(value: Any, route: Route) -> Iterator[tuple[Route, Configuration]]:
    """The configurations that a value holds, with the route to each.

    Args:
        value: A value of a parameter.
        route: The route to it.
    """
    if isinstance(value, Configuration):
        yield route, value
    elif isinstance(value, (list, tuple, set)):
        for position, item in enumerate(value):
            yield from steps(item, (*route, position))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from steps(item, (*route, Key(key)))


def spell(route: Route) -> str:
    """A route as written in Python: `model.layers[2]`, `models['small']`."""
    text = ""
    for step in route:
        if isinstance(step, Key):
            text += f"[{str(step)!r}]"
        elif isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text
