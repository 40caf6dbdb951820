"""Calls `prepare()` of what tasks use, once in each run for each identity.

Rule: called in threads of the pool, on the configuration that was submitted, as packages keep there what
they need and no parameter holds; two jobs that need the same wait for one call. What failed is tried
again for the next job, since a network that was away may be back.
"""

import threading
import traceback
from collections.abc import Iterable
from typing import Any


class Preparing:
    """What was prepared since the last run was opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._done: set[str] = set()

    def is_needed(self, configs: Iterable[Any]) -> bool:
        """Whether some of the configurations were not prepared yet."""
        return any(repr(config.__identifier__()) not in self._done for config in configs)

    def forget(self) -> None:
        """Has what was prepared looked at again: its files may be gone since."""
        self._done.clear()

    def prepare(self, configs: Iterable[Any]) -> str | None:
        """Prepares configurations, in order.

        Returns:
            What went wrong, for people; None if all is prepared.
        """
        for config in configs:
            identity = repr(config.__identifier__())
            with self._lock:
                own = self._locks.setdefault(identity, threading.Lock())
            with own:
                if identity in self._done:
                    continue
                try:
                    if not config.is_prepared():
                        config.prepare()
                except BaseException as error:  # noqa: BLE001 - the user's code, which may call sys.exit()
                    return _said(config, error)
                self._done.add(identity)
        return None


def _said(config: Any, error: BaseException) -> str:
    info = config.__xpm__
    frames = traceback.extract_tb(error.__traceback__)
    line = (
        f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}: {frames[-1].line}" if frames else ""
    )
    what = "".join(traceback.format_exception_only(type(error), error)).strip()
    return f"{info.declaration.name} (made at {info.made_at}) could not be prepared: {what}\n{line}"
