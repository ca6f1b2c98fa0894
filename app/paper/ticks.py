"""`python -m app.paper.ticks`: a synthetic day as JSON lines, without brokers and without waiting.

What is wanted comes as one JSON object on standard input: `seed` and `start` (an aware ISO time) of the market, and
either `names` of underlyings, answered by one line of their contracts with the price of those that have no expiry; or
`symbols` as [exchange, symbol] pairs, with `minutes` and `every_ms`, answered by lines of
[epoch ms, place in symbols, last, bid, ask, volume, open interest]. The same question always has the same answer.
"""

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from app.paper.contracts import Contract
from app.paper.market import Market

Question = dict[str, Any]


class _Clock:
    """Seconds since the start of the market."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def main() -> int:
    question = orjson.loads(sys.stdin.buffer.read())
    clock = _Clock()
    market = Market(question["seed"], datetime.fromisoformat(question["start"]), monotonic=clock)
    lines = _ticks(market, clock, question) if "symbols" in question else iter([_contracts(market, question)])
    for line in lines:
        sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    return 0


def _contracts(market: Market, question: Question) -> list[dict[str, Any]]:
    names = set(question["names"])
    return [_shown(market, one) for one in market.universe.all() if one.name in names]


def _shown(market: Market, one: Contract) -> dict[str, Any]:
    return {
        "exchange": one.exchange, "symbol": one.symbol, "name": one.name, "kind": one.kind,
        "expiry": one.expiry.isoformat() if one.expiry else None, "strike": str(one.strike) if one.strike else None,
        "lot_size": str(one.lot_size), "tick": str(one.tick), "freeze_quantity": str(one.freeze_quantity),
        "last": market.quote(one).ltp if one.expiry is None else None,
    }  # fmt: skip


def _ticks(market: Market, clock: _Clock, question: Question) -> Iterator[list[Any]]:
    """Of each contract whenever its price or its book changed, and once a second."""
    found = [market.universe.find(symbol, exchange) for exchange, symbol in question["symbols"]]
    contracts = [(number, one) for number, one in enumerate(found) if one is not None]
    began, told = int(market.start.timestamp() * 1000), dict[int, tuple[int, Sequence[Any]]]()
    for ms in range(0, question["minutes"] * 60_000, question["every_ms"]):
        clock.seconds = ms / 1000
        for number, one in contracts:
            quote = market.quote(one)
            line = (quote.ltp, quote.bid, quote.ask, quote.volume, quote.oi)
            known = told.get(number)
            if known is None or known[1] != line or ms - known[0] >= 1000:
                told[number] = ms, line
                yield [began + ms, number, *line]


if __name__ == "__main__":
    sys.exit(main())
