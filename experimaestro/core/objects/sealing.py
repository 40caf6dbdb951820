"""From parameters that can change to a job that cannot: checks, final values, generated paths.

Rules: everything that is wrong in the whole tree is in one error; nothing is changed before all is
known to be right; no disk, no thread; paths are joined as strings and made `Path` one by one.
Order: `validate`, identify, `seal`.
"""

from collections.abc import Iterable, Sequence
from types import CodeType
from typing import Any

from experimaestro.core.arguments import Argument, PathGenerator
from experimaestro.core.base import Configuration, place
from experimaestro.core.frozen import frozen, thawed
from experimaestro.core.identifier import digest
from experimaestro.core.problems import Mismatch, Problem, failure, short
from experimaestro.core.walk import Route, children_of_this_job, collect, postorder, routes, spell
from experimaestro.exceptions import ConfigurationError

_Wrong = tuple[Configuration, Argument, Mismatch | None]
"""A parameter with what is wrong with its value; None if it has none"""


class DirectoryContext:
    """Where generated paths go when no job gives them a folder.

    Args:
        path: The folder; it is not created.
    """

    def __init__(self, path: Any) -> None:
        from pathlib import Path  # most configurations have no paths

        try:
            self.path = Path(path)
        except TypeError:
            text = f"DirectoryContext({short(path)}): expected the path of a folder"
            raise ConfigurationError(text) from None


def own(roots: Iterable[Configuration]) -> list[Configuration]:
    """What belongs to a job: children before parents, submitted tasks as leaves."""
    return postorder(roots, children_of_this_job)


def validate(config: Configuration) -> None:
    """Checks a configuration and all that it uses; see `Information.validate`."""
    info = config.__xpm__
    check([config], f"{info.declaration.name}.C(...)", (info.code, info.instruction))


def check(
    roots: Sequence[Configuration], what: str, where: tuple[CodeType | None, int]
) -> list[Configuration]:
    """Raises one error for all that is missing or wrong in the configurations of a job.

    Containers are looked at again: a list may have been changed since it was given. The users'
    `__validate__` is called once all is right, children first; what it sets is checked as well.

    Args:
        roots: The task, then its init tasks.
        what: What the user called, for the error.
        where: The user's code and the instruction in it, for the error.

    Returns:
        What belongs to the job, children before parents, the init tasks before the task.
    """
    called: set[int] = set()
    while True:
        order = own([*roots[1:], roots[0]])
        wrong: list[_Wrong] = []
        hooked = []
        for config in order:
            info = config.__xpm__
            if info.key is not None:
                continue
            _find_missing(config, wrong)
            _recheck(config, wrong)
            if info.declaration.validate_hook is not None and id(config) not in called:
                hooked.append(config)
        if wrong:
            raise failure(what, place(*where), _lines(wrong, roots))
        if not hooked:
            return order
        for config in hooked:
            called.add(id(config))
            info = config.__xpm__
            hook = info.declaration.validate_hook
            if hook is not None and not (info.sealed and info.validated):
                hook(config)
                info.validated = True


def recheck(config: Configuration) -> None:
    """Raises one error for what is wrong in lists and dictionaries that were changed once given."""
    wrong: list[_Wrong] = []
    for one in own([config]):
        _recheck(one, wrong)
    if wrong:
        info = config.__xpm__
        raise failure(f"{info.declaration.name}.C(...)", info.made_at, _lines(wrong, [config]))


def _find_missing(config: Configuration, wrong: list[_Wrong]) -> None:
    for argument in config.__xpm__.declaration.required:
        if argument.name not in config.__dict__:
            wrong.append((config, argument, None))  # noqa: PERF401 - almost always none


def _recheck(config: Configuration, wrong: list[_Wrong]) -> None:
    if config.__xpm__.sealed:
        return
    values = config.__dict__
    for argument in config.__xpm__.declaration.containers:
        value = values.get(argument.name)
        if value is not None:
            try:
                values[argument.name] = argument.accept(value)
            except Mismatch as mismatch:
                wrong.append((config, argument, mismatch))


def _routes(roots: Sequence[Configuration]) -> dict[int, Route]:
    """How each configuration is reached from the task, or from the init tasks after it."""
    found: dict[int, Route] = {}
    for position, root in enumerate(roots):
        start: Route = () if position == 0 else ("init_tasks", position - 1)
        for key, route in routes(root).items():
            found.setdefault(key, (*start, *route))
    return found


def _lines(wrong: Sequence[_Wrong], roots: Sequence[Configuration]) -> list[Problem]:
    found = _routes(roots)
    lines = []
    position = {key: number for number, key in enumerate(found)}  # the outermost first
    for config, argument, mismatch in sorted(wrong, key=lambda one: position.get(id(one[0]), -1)):
        route = found.get(id(config), ())
        made = f" (made at {config.__xpm__.made_at})" if route else ""
        name = spell((*route, argument.name))
        if mismatch is None:
            expected, example = argument.type.text, f"{argument.name}={argument.type.example}"
            lines.append(Problem(name, f"missing: expected {expected}{made}. Example: {example}"))
        else:
            lines.append(Problem(name + mismatch.where, argument.problem_text(mismatch) + made))
    return lines


def seal(
    order: Sequence[Configuration],
    roots: Sequence[Configuration],
    memo: dict[int, bytes],
    folder: str | None,
    workspace: str | None,
) -> list[Configuration]:
    """Makes configurations final.

    Args:
        order: What belongs to the job, children first.
        roots: The task, then its init tasks.
        memo: Their digests, as far as they are the same wherever they are used.
        folder: Where generated paths go; None if there is no such place.
        workspace: Where the folders are that tasks share.

    Returns:
        Those that were not sealed before.

    Raises:
        AssertionError: A path is to be generated and there is no folder.
        ConfigurationError: A part has paths in the folder of another job.
    """
    placed = [
        one
        for one in order
        if one.__xpm__.declaration.generated and one.__xpm__.key is None and not one.__xpm__.loaded
    ]
    if placed:
        _place(placed, order, roots, folder, workspace)
    changed = [config for config in order if not config.__xpm__.sealed]
    for config in changed:
        info = config.__xpm__
        values = config.__dict__
        for argument in info.declaration.containers:
            value = values.get(argument.name)
            if value is not None:
                values[argument.name] = frozen(value)
        if info.declaration.coded is not None:
            info.sealed_code = info.declaration.code
        info.sealed = True
        info.digest = memo.get(id(config))
    return changed


def unseal(configs: Iterable[Configuration]) -> None:
    """Undoes `seal`, where what it was done for did not come about."""
    for config in configs:
        info = config.__xpm__
        info.sealed = info.places_paths = False
        info.sealed_code = info.digest = info.folder = None
        for argument in info.declaration.containers:
            config.__dict__[argument.name] = thawed(config.__dict__.get(argument.name))
        for argument in info.declaration.generated:
            config.__dict__[argument.name] = None


def _place(
    placed: Sequence[Configuration],
    order: Sequence[Configuration],
    roots: Sequence[Configuration],
    folder: str | None,
    workspace: str | None,
) -> None:
    if folder is None:
        first = placed[0].__xpm__
        if all(config.__xpm__.sealed for config in placed):
            return
        raise AssertionError(
            "Empty experimaestro context does not define a path: "
            f"{first.declaration.name}.{first.declaration.generated[0].name} is generated. "
            "Submit the task, or give a folder: instance(DirectoryContext(path))"
        )
    found = _routes(roots)
    kept = _kept_elsewhere(order)
    elsewhere = [
        Problem(
            spell((*found[id(config)], config.__xpm__.declaration.generated[0].name)),
            f"its path is already in {config.__xpm__.folder}. Use a copy in one of the two: config.copy()",
        )
        for config in placed
        if config.__xpm__.sealed and config.__xpm__.folder != folder and id(config) not in kept
    ]
    if elsewhere:
        root = roots[0].__xpm__
        raise failure(f"{root.declaration.name}.C(...)", root.made_at, elsewhere)
    paths: list[tuple[Configuration, dict[str, Any]]] = []
    for config in placed:
        info = config.__xpm__
        if info.sealed:
            continue
        route = found[id(config)]
        base = f"{folder}/out/{'/'.join(folder_name(step) for step in route)}" if route else folder
        made = {
            one.name: _generated(one, config, base, workspace or folder) for one in info.declaration.generated
        }
        paths.append((config, made))
    for config, made in paths:  # now that the users' functions have given all
        config.__dict__.update(made)
        config.__xpm__.folder = folder
    for config in order:  # children first: a parent of a placed one places paths as well
        info = config.__xpm__
        if info.loaded:
            continue  # its paths are those of the job that it was written by
        info.places_paths = bool(info.declaration.generated) or any(
            child.__xpm__.places_paths and child.__xpm__.key is None for child in children_of_this_job(config)
        )
        if info.places_paths:
            info.folder = folder


def _kept_elsewhere(order: Sequence[Configuration]) -> set[int]:
    """What is used with its paths in another folder (`field(ignore_generated=True)`), by `id`."""
    roots: list[Configuration] = []
    for config in order:
        for argument in config.__xpm__.declaration.arguments.values():
            if argument.ignore_generated:
                collect(config.__dict__.get(argument.name), roots)
    return {id(one) for one in own(roots)}


def folder_name(step: str | int) -> str:
    """A step of a route as the name of a folder: a key cannot lead out of the job."""
    name = str(step).replace("/", "_")
    return f"_{name}" if name in {"", ".", ".."} else name


def _generated(argument: Argument, config: Configuration, base: str, workspace: str) -> Any:
    generator = argument.generator
    if not isinstance(generator, PathGenerator):
        raise NotImplementedError(f"{argument.name}: only paths are generated")
    if generator.partial is not None:
        base = generator.partial.folder(config, workspace)
    path = generator.path
    if callable(path):
        path = path(DirectoryContext(base), config)
    from pathlib import Path  # most configurations have no paths

    try:
        return Path(base) / path
    except TypeError:
        info = config.__xpm__
        text = f"its function gave {short(path)}: expected a path, as a str or Path"
        raise failure(
            f"{info.declaration.name}.C(...)", info.made_at, [Problem(argument.name, text)]
        ) from None


def _context(given: Any) -> Any:
    return given if hasattr(given, "path") else DirectoryContext(given)


def seal_alone(config: Configuration, context: Any = None) -> None:
    """Seals a configuration outside of a job; paths go below the context, if there are any."""
    recheck(config)
    order = own([config])
    memo: dict[int, bytes] = {}
    try:
        digest(config, memo)
    except (KeyError, NotImplementedError):  # said again by whoever asks for the identifier
        memo.clear()
    folder = None if context is None else str(_context(context).path)
    seal(order, [config], memo, folder, folder)
