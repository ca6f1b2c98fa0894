"""What the page of an option chain costs a browser: every price and volatility of 200 strikes new, four times a second.

Server and Chromium share this machine; told is the processor time of the page's own thread, as Chromium counts it.
"""

import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog
from flask import Flask
from playwright.sync_api import CDPSession, Page, sync_playwright

import config
from app import wiring
from app.broadcast.chain_book import ChainBook
from app.broadcast.chain_cells import chain_cells, news
from app.broadcast.chain_figures import Asked, Listing, figures
from app.broadcast.chain_keys import ChainKey
from app.core.stepping import Stepping
from app.tables import declared
from app.users.door import Visitor
from app.venues.types import Quote, Symbol
from app.web import create_app
from app.wiring import Services
from tests.browser import FLAGS, _program
from tests.chains import DAY, MIDDLE, list_chain
from tests.web import serving

PASSWORD = "seven lanterns by the canal"
HERTZ = 4
GOAL = 25.0  # percent of one core
KEY = ChainKey("NFO", "NIFTY", DAY)
NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)


def measure(rows: int, seconds: float) -> dict[str, float]:
    with served() as (services, app, address):
        list_chain(services.instruments, services.clock.now(), rows // 2)
        feed = Feed(app.extensions["live"].hub, ChainBook(services.instruments).listing(KEY, NOW))
        found = in_a_browser(address, feed, f"/chain?span={rows // 2}", "#chain", seconds)
    return {"rows": rows, **found}


@contextlib.contextmanager
def served() -> Iterator[tuple[Services, Flask, str]]:
    """A new desk with one person, its web and where it answers."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="mirrordesk-chain-") as folder:
        settings = replace(config.load(), instance=Path(folder), database_url=f"sqlite:///{folder}/d.db")
        services = wiring.build(replace(settings, rate_limits=False))
        declared().create_all(services.db.writer)
        services.users.door.found("Asha", PASSWORD, Visitor("127.0.0.1", "bench"))
        app = create_app(services)
        with contextlib.closing(services), serving.served(app) as port:
            yield services, app, f"http://127.0.0.1:{port}"


def tell(result: dict[str, Any]) -> str:
    if "browser" not in result:
        return ""
    return (
        f"\nthe page in Chromium, {result['rows']:.0f} strikes x {HERTZ} Hz: {result['browser']:.1f} % of one core "
        f"(the goal is {GOAL:.0f} %), {result['cells']:.0f} cells and {result['kilobytes']:.0f} KB a second"
    )


class Feed(Stepping):
    """The engine's part: the whole chain moves, and what is news goes to the hub."""

    def __init__(self, hub: Any, listing: Listing | None) -> None:
        super().__init__("bench-feed", 1 / HERTZ)
        assert listing is not None
        self._hub, self._listing = hub, listing
        self._before, self._count = None, 0

    def step(self) -> None:
        self._count += 1
        now, spot = datetime.now(UTC), Decimal(MIDDLE) + Decimal(self._count % 40) / 4
        quotes = {self._listing.spot: Quote(self._listing.spot, spot, now)}
        for row in self._listing.options:
            away = (spot - row.strike) if row.kind == "CE" else (row.strike - spot)
            last = max(away, Decimal(0)) + Decimal(5) + Decimal((self._count * 7 + int(row.strike)) % 60) / 20
            one = Symbol(row.exchange, row.symbol)
            interest = Decimal(650_000 + 65 * (self._count if int(row.strike) % 500 == 0 else 0))
            quotes[one] = Quote(one, last, now, previous_close=Decimal(100), volume=Decimal(65_000 + 65 * self._count),
                                open_interest=interest)  # fmt: skip
        found = figures(self._listing, quotes.get, Asked(NOW, 0.065, {}))
        cells = chain_cells(KEY, news(self._before, found, self._listing.sides))
        self._before = found
        self._hub.take("tick", {"owner": "*", "cells": cells})


def in_a_browser(
    address: str, feed: Stepping, path: str, table: str, seconds: float, ready: str = "tbody tr"
) -> dict[str, float]:
    """The page's own processor time in percent of a core while `feed` moves it, and what moves below `table`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_program(), args=[*FLAGS, "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=address)
        page.goto("/sign-in")
        page.get_by_label("Name").fill("Asha")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        feed.start()
        page.goto(path)
        page.wait_for_selector(f"{table} {ready}")
        page.wait_for_timeout(3000)
        found = _share(page, table, seconds)
        feed.stop()
        browser.close()
    return found


def _share(page: Page, table: str, seconds: float) -> dict[str, float]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.evaluate(
        """(table) => {
      window.changedCells = 0;
      new MutationObserver((all) => window.changedCells += all.filter((one) => one.type === "childList").length)
        .observe(document.querySelector(table), { childList: true, subtree: true });
    }""",
        table,
    )
    got = {"bytes": 0}
    session.send("Network.enable")
    session.on("Network.dataReceived", lambda event: got.update(bytes=got["bytes"] + event["dataLength"]))
    began, before = time.perf_counter(), _task_seconds(session)
    page.wait_for_timeout(seconds * 1000)
    spent, taken = _task_seconds(session) - before, time.perf_counter() - began
    cells = page.evaluate("window.changedCells")
    return {"browser": spent / taken * 100, "cells": cells / taken, "kilobytes": got["bytes"] / taken / 1024}


def _task_seconds(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "TaskDuration")
