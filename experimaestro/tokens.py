"""Tokens as users hold them: a limited number of something that tasks share.

Rule: the count is in a folder (`workspace.tokens`), shared by all workspaces and processes of a user.
"""

import os
from pathlib import Path
from typing import Any, TypeVar

from experimaestro.core.base import Configuration
from experimaestro.core.context import Need
from experimaestro.core.objects import Config
from experimaestro.core.problems import short
from experimaestro.exceptions import SubmissionError, WorkspaceError
from experimaestro.settings import config_folder, get_tokens
from experimaestro.workspace import tokens
from experimaestro.workspace.layout import token_folder

ConfigT = TypeVar("ConfigT", bound=Config)


class CounterToken:
    """So much of something (memory, licences, GPU) that tasks take while they run and then give back.

    All processes that use a token of the same name share it, also those of other experiments. A
    task takes all that it needs or nothing.

    Args:
        name: Name of the token.
        total: How much there is; whoever says it last is right. None: what `tokens.yaml` says.

    Raises:
        SubmissionError: `total` is no whole number from 1 up, or neither it nor `tokens.yaml` says how much.
        SettingsError: `tokens.yaml` says something wrong.
        WorkspaceError: `name` cannot name a folder, or the folder cannot be used.

    Example:
        >>> gpu = CounterToken("gpu", 4)  # doctest: +SKIP
        >>> gpu(1, Train.C(lr=1e-3)).submit()  # doctest: +SKIP
    """

    def __init__(self, name: str, total: int | None = None) -> None:
        if type(name) is not str:
            raise SubmissionError(f"token({short(name)}, ...): expected a str as its name")
        if total is None:
            total = _total_of_settings(name)
        if not _is_count(total):
            raise SubmissionError(f"token({name!r}, {short(total)}): expected a whole number from 1 up")
        self.name = name
        self.total = total
        self.folder = token_folder(shared_root(), name)
        try:
            tokens.define(self.folder, total)
        except OSError as error:
            raise WorkspaceError(f"the token {name!r} cannot be kept in {self.folder}: {error}") from None

    def dependency(self, count: int) -> Need:
        """What to give to `add_dependencies` of a task that takes `count`.

        Raises:
            SubmissionError: `count` is no whole number from 1 to the total.
        """
        if not _is_count(count) or count > self.total:
            raise SubmissionError(
                f"the token {self.name!r} has {self.total}: expected a whole number from 1 to that, "
                f"got {short(count)}"
            )
        return Need(self.folder, count, self.total)

    def __call__(self, count: int, config: ConfigT) -> ConfigT:
        """Makes a task take `count` while it runs; returns the task.

        Raises:
            TypeError: The second argument is no configuration.
        """
        given: Any = config
        if not isinstance(given, Configuration):
            raise TypeError(
                f"token({short(count)}, {short(config)}): expected a number and a task, token(1, task)"
            )
        return config.add_dependencies(self.dependency(count))

    def __repr__(self) -> str:
        return f"CounterToken({self.name!r}, {self.total})"


def shared_root() -> str:
    """The folder of what all workspaces of a user share: `$XPM_WORKDIR`, else one in the home."""
    given = os.environ.get("XPM_WORKDIR")
    return os.path.realpath(given) if given else str(Path.home() / ".local" / "share" / "experimaestro")


def _total_of_settings(name: str) -> int:
    """How much there is of a token, as the settings of the user say."""
    known = get_tokens()
    if name in known:
        return known[name]
    path = config_folder() / "tokens.yaml"
    raise SubmissionError(
        f"token({name!r}): how much is there in all? Say it, as in token({name!r}, 4), or in {path}:\n"
        f"  countertoken:\n    {name}: {{tokens: 4}}"
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
