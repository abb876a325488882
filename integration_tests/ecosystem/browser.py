"""A real Chromium for the tests of the page.

Without one, the tests that need it are skipped; `.ci/run` installs it where it may.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from integration_tests.ecosystem import counterparts

# A third of what all other tests need, hence in an environment of its own.
counterparts.use("chromium")

from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from playwright.sync_api import (  # noqa: E402
    Browser,
    Dialog,
    Page,
    Route,
    expect,
    sync_playwright,
)

__all__ = ["Axe", "Browser", "Page", "Route", "Watched", "chromium", "expect"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    # Its sandbox needs rights that root in a container lacks; it sees nothing but our own pages.
    "--no-sandbox",
    # Nothing is asked of anyone but the page.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
)


# Waiting ends as soon as what is expected is there; this bounds it on a busy machine.
_PATIENCE_MILLISECONDS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine (on Debian: apt-get install chromium)")
    expect.set_options(timeout=_PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page, and everything in it that should not happen."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.troubles: list[str] = []
        self._origin = origin
        page.on("request", lambda request: self._is_own(request.url))
        page.on("console", lambda message: self.troubles.append(message.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("dialog", self._is_rude)

    def _is_own(self, url: str) -> None:
        if not url.startswith(f"{self._origin}/"):
            self.troubles.append(f"loads {url}")

    def _is_rude(self, dialog: Dialog) -> None:
        self.troubles.append(dialog.message)
        dialog.dismiss()

    def go(self, path: str) -> None:
        self.page.goto(f"{self._origin}/{path}")
