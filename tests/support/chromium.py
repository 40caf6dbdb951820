"""A real browser: the Chromium of this machine, driven from a thread of its own.

The thread, since Playwright leaves an event loop running in the one that uses it, which is then
no ordinary script any more.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from playwright.sync_api import Browser, BrowserContext, sync_playwright

T = TypeVar("T")


class Chromium:
    """A browser that runs; each `run` has a profile of its own."""

    def __init__(self, thread: ThreadPoolExecutor, browser: Browser) -> None:
        self._thread = thread
        self._browser = browser

    def run(self, work: Callable[[BrowserContext], T]) -> T:
        """Calls a function with a new profile, in the browser's thread.

        Args:
            work: Uses the profile; what it returns or raises comes back.
        """
        return self._thread.submit(self._in_profile, work).result()

    def _in_profile(self, work: Callable[[BrowserContext], T]) -> T:
        profile = self._browser.new_context()
        try:
            return work(profile)
        finally:
            profile.close()


@contextlib.contextmanager
def chromium() -> Iterator[Chromium]:
    """Starts the browser."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert program is not None, "these tests need Chromium: apt-get install chromium"
    with ThreadPoolExecutor(1, "browser") as thread:
        playwright: Any = thread.submit(lambda: sync_playwright().start()).result()
        try:
            arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
            launch = thread.submit(
                lambda: playwright.chromium.launch(executable_path=program, args=arguments)
            )
            yield Chromium(thread, launch.result())
        finally:
            thread.submit(playwright.stop).result()
