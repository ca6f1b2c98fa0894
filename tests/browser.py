"""A real Chromium for tests of pages, driven by Playwright: the system's own, none is downloaded.

`page` fails its test when the page threw an error or broke its content security policy.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.servers import missing

# The shell is the same engine without the browser's own windows, which would take more processor than the pages.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",  # its own look-ups would be refused by the dozen
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def _program() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None and MACOS.exists():
        return str(MACOS)
    return found or str(missing("chromium"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser per test module, not per run: asyncio.run fails in this thread while Playwright runs."""
    program = _program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=FLAGS,
            chromium_sandbox=os.geteuid() != 0,  # Chromium's sandbox refuses root
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a fresh profile, 1280 x 800."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(30_000)
    page = context.new_page()
    faults = watch(page)
    yield page
    context.close()
    assert not faults, faults


def watch(page: Page) -> list[str]:
    """Collect what goes wrong inside `page`; the list fills as it happens."""
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", note)
    return faults
