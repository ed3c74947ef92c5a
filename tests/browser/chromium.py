"""The machine's own Chromium, cut off from the internet."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ALONE = (
    "--no-sandbox",  # containers run as root, which Chromium refuses to do sandboxed
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
OURS = ("http://127.0.0.1", "http://localhost", "file:", "data:", "blob:", "about:")


class Window:
    """A page, and what it wished for beyond this machine."""

    def __init__(self, context: BrowserContext) -> None:
        self.foreign: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self._note(request.url))
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, url: str) -> None:
        if not url.startswith(OURS):
            self.foreign.append(url)


@contextmanager
def window(*, width: int = 1200, height: int = 1200) -> Iterator[Window]:
    """Open an empty page in a new browser.

    A missing Chromium fails the test: to skip would hide that nobody looked.
    """
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail(
            "no Chromium on this machine; on Debian and Ubuntu: apt-get install -y "
            "--no-install-recommends chromium fonts-dejavu-core",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ALONE))
        try:
            context = browser.new_context(viewport={"width": width, "height": height})
            yield Window(context)
        finally:
            browser.close()
