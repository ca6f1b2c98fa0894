"""A synthetic day as a tape: the paper market, asked in a process of its own. The same seed and start are the same day.

Of each leg's chain the strikes around the money at the start are priced, each second.
"""

import hashlib
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from app.core.errors import Denied
from app.core.money import ZERO
from app.instruments.expiries import NoExpiry, expiry_for
from app.instruments.models import Instrument
from app.replays.around import around
from app.replays.service import india
from app.replays.terms import MOST_TICKS, Terms
from app.strategies.legs import Leg
from app.venues.types import Quote, Symbol
from config import ROOT

EVERY = 1000  # milliseconds
BATCH = 5_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAPER = "app.paper.ticks"


class SyntheticTape:
    def __init__(self, terms: Terms, legs: Sequence[Leg]) -> None:
        self._terms = terms
        self._legs = legs
        self._start = india(terms.start) if terms.start else EPOCH
        self._listed: list[dict[str, Any]] = []

    def contracts(self) -> Sequence[Instrument]:
        names = sorted({leg.underlying for leg in self._legs} | {leg.symbol for leg in self._legs} - {""})
        self._listed = next(self._asked({"names": names}), [])
        return [_instrument(row) for row in self._listed]

    def batches(self, _names: Collection[str]) -> Iterator[tuple[int, list[Quote]]]:
        symbols = self._symbols()
        ticks = len(symbols) * self._terms.minutes * 60_000 // EVERY
        if not symbols:
            raise Denied("The paper market lists nothing of what the strategy trades: nothing can be played.")
        if ticks > MOST_TICKS:
            raise Denied(f"That is {ticks:,} ticks, and {MOST_TICKS:,} are played at most: say fewer minutes.")
        return self._quotes(symbols)

    def fingerprint(self) -> str:
        """Of the question: its answer never changes."""
        return hashlib.sha256(orjson.dumps(self._question(self._wanted(self._symbols())))).hexdigest()

    def _quotes(self, symbols: Sequence[Symbol]) -> Iterator[tuple[int, list[Quote]]]:
        whole = self._terms.minutes * 60_000
        began, batch = int(self._start.timestamp() * 1000), list[Quote]()
        for ms, place, *figures in self._asked(self._wanted(symbols)):
            last, bid, ask, volume, interest = map(_number, figures)
            at = EPOCH + timedelta(milliseconds=ms)
            batch.append(
                Quote(symbols[place], last or ZERO, at, bid or None, ask or None, volume=volume, open_interest=interest)
            )
            if len(batch) >= BATCH:
                yield 100 * (ms - began) // whole, batch
                batch = []
        yield 100, batch

    def _symbols(self) -> list[Symbol]:
        """Each leg's chain around the money, and where its underlying is priced; in one order."""
        found = {Symbol(row["exchange"], row["symbol"]) for row in self._listed if row["expiry"] is None}
        for leg in self._legs:
            found |= {Symbol(row.exchange, row.symbol) for row in self._of(leg)}
        return sorted(found)

    def _of(self, leg: Leg) -> Iterator[Instrument]:
        if leg.kind == "SYMBOL":
            yield from (_instrument(row) for row in self._listed if row["symbol"] == leg.symbol)
            return
        mine = [row for row in self._listed if (row["name"], row["exchange"]) == (leg.underlying, leg.exchange)]
        days = {date.fromisoformat(row["expiry"]) for row in mine if row["kind"] == leg.kind}
        try:
            expiry = expiry_for(leg.expiry, days, self._start.date()).isoformat()
        except NoExpiry as error:
            raise Denied(f"{leg.underlying} {leg.kind}: {error}.") from error
        spot = next((row["last"] for row in self._listed if row["name"] == leg.underlying and row["last"]), None)
        chain = [_instrument(row) for row in mine if row["expiry"] == expiry]
        yield from around(chain, _number(spot), leg.strike)

    def _wanted(self, symbols: Sequence[Symbol]) -> dict[str, Any]:
        pairs = [[one.exchange, one.name] for one in symbols]
        return {"symbols": pairs, "minutes": self._terms.minutes, "every_ms": EVERY}

    def _question(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return {"seed": self._terms.seed, "start": self._start.isoformat()} | wanted

    def _asked(self, wanted: dict[str, Any]) -> Iterator[Any]:
        """The lines of an answer. Raises Denied where there is none."""
        command = (sys.executable, "-m", PAPER)
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("the paper market was started without its pipes")
            try:
                process.stdin.write(orjson.dumps(self._question(wanted)))
                process.stdin.close()
                yield from map(orjson.loads, process.stdout)
            finally:
                process.kill()


def _instrument(row: dict[str, Any]) -> Instrument:
    freeze = Decimal(row["freeze_quantity"])
    return Instrument(
        venue_kind="openalgo", exchange=row["exchange"], symbol=row["symbol"], name=row["name"], kind=row["kind"],
        expiry=date.fromisoformat(row["expiry"]) if row["expiry"] else None,
        strike=Decimal(row["strike"]) if row["strike"] else None, lot_size=Decimal(row["lot_size"]),
        tick=Decimal(row["tick"]), freeze_quantity=freeze if freeze > 1 else None, source="the paper market",
        synced_at=EPOCH, active=True,
    )  # fmt: skip


@lru_cache(maxsize=65_536)
def _number(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
