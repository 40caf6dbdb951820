"""Files that equal configurations share: made by one job, read by the others."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from experimaestro.exceptions import NotInJobError
from experimaestro.taskglobals import Env
from experimaestro.workspace.layout import shared_folder

R = TypeVar("R")


def cache(name: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """A method of an object in a job that keeps a file which equal configurations share.

    The method gets the path of the file as its first argument, and runs while this process has the
    file's lock: it reads the file if it is there, and makes it otherwise.

    Args:
        name: Name of the file, in `<workspace>/config/<class>/<identifier>/`.

    Example:
        >>> class Corpus(Config):  # doctest: +SKIP
        ...     @cache("sizes.npy")
        ...     def sizes(self, path):
        ...         if not path.is_file():
        ...             np.save(path, self.compute_sizes())
        ...         return np.load(path)
    """

    def decorate(method: Callable[..., R]) -> Callable[..., R]:
        @wraps(method)
        def locked(self: Any, *args: Any, **given: Any) -> R:
            path = _folder(self, method.__name__) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock"):
                return method(self, path, *args, **given)

        return locked

    return decorate


def _folder(config: Any, method: str) -> Path:
    workspace = Env.instance().wspath
    if workspace is None:
        raise NotInJobError(
            f"{type(config).__qualname__}.{method}: the file that it keeps is in a workspace. "
            "Call it in a job, or set experimaestro.taskglobals.Env.wspath"
        )
    identity = getattr(config, "__xpmidentifier__", None) or repr(config.xpmconfig.__identifier__())
    return Path(
        shared_folder(str(workspace), f"{type(config).__module__}.{type(config).__qualname__}", identity)
    )
