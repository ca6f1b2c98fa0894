"""What the page of a watchlist costs a browser: 200 symbols, each with new prices four times a second."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.broadcast.cells import PLAIN, price_cell
from app.broadcast.chain_book import ChainBook
from app.broadcast.market import close_cells
from app.core.stepping import Stepping
from app.venues.types import FeedMode, Quote, Symbol
from tests.bench.chain_page import GOAL, HERTZ, KEY, NOW, in_a_browser, served
from tests.chains import list_chain


def measure(rows: int, seconds: float) -> dict[str, float]:
    with served() as (services, app, address):
        list_chain(services.instruments, services.clock.now(), rows // 2)
        listing = ChainBook(services.instruments).listing(KEY, NOW)
        assert listing is not None
        symbols = [Symbol(row.exchange, row.symbol) for row in listing.options][:rows]
        owner = services.users.people.list()[0].id
        watchlist = services.watchlists.create(owner, "All of it")
        services.watchlists.paste(owner, watchlist, "\n".join(map(str, symbols)))
        feed = Feed(app.extensions["live"].hub, symbols)
        found = in_a_browser(address, feed, f"/watch/{watchlist}", "#watch", seconds)
    return {"rows": len(symbols), **found}


def tell(result: dict[str, Any]) -> str:
    return (
        f"a watchlist in Chromium, {result['rows']:.0f} symbols x {HERTZ} Hz: {result['browser']:.1f} % of one core "
        f"(the goal is {GOAL:.0f} %), {result['cells']:.0f} cells and {result['kilobytes']:.0f} KB a second"
    )


class Feed(Stepping):
    """The engine's part: every symbol moves, and what is told of it goes to the hub."""

    def __init__(self, hub: Any, symbols: list[Symbol]) -> None:
        super().__init__("bench-feed", 1 / HERTZ)
        self._hub, self._symbols, self._count = hub, symbols, 0

    def step(self) -> None:
        self._count += 1
        cells: dict[str, Any] = {}
        for number, symbol in enumerate(self._symbols):
            last = Decimal(10_000 + (self._count * 7 + number * 13) % 400) / 100
            quote = Quote(
                symbol, last, datetime.now(UTC), bid=last - Decimal("0.05"), ask=last + Decimal("0.05"),
                open=Decimal(100), high=Decimal(110), low=Decimal(90), previous_close=Decimal(101),
                volume=Decimal(65_000 + 65 * self._count), open_interest=Decimal(650_000 + 65 * self._count),
            )  # fmt: skip
            cells[f"ltp:{symbol}"] = price_cell(quote, PLAIN)
            cells |= close_cells(quote, PLAIN, FeedMode.BEST)
        self._hub.take("tick", {"owner": "*", "cells": cells})
