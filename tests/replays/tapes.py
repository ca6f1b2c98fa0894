"""Tapes made for tests: a spot and two options whose prices are written down tick by tick."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.instruments.models import Instrument
from app.replays import contracts_file
from app.replays.models import Replay
from app.replays.tick_files import TickFolder
from app.strategies.legs import Draft
from app.strategies.versions import content_of
from app.venues.types import Quote, Symbol

OPENS = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)  # 09:15 in India, a Friday
EXPIRY = date(2026, 11, 24)
SPOT = Symbol("NSE_INDEX", "NIFTY")
CALL, PUT = Symbol("NFO", "NIFTY24NOV2624000CE"), Symbol("NFO", "NIFTY24NOV2624000PE")
LOT = Decimal(75)
OWNER = "owner-1"
SELL_CALL = {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 1}
SELL_PUT = SELL_CALL | {"kind": "PE"}


def contracts() -> list[Instrument]:
    found = [_row(SPOT, "INDEX")]
    for strike in range(23500, 24501, 50):
        found += [_row(Symbol("NFO", f"NIFTY24NOV26{strike}{kind}"), kind, strike) for kind in ("CE", "PE")]
    return found


def _row(symbol: Symbol, kind: str, strike: int | None = None) -> Instrument:
    return Instrument(
        venue_kind="openalgo", exchange=symbol.exchange, symbol=symbol.name, name="NIFTY", kind=kind,
        expiry=EXPIRY if strike else None, strike=Decimal(strike) if strike else None,
        lot_size=LOT if strike else Decimal(1), tick=Decimal("0.05"),
        freeze_quantity=Decimal(1800) if strike else None, source="a test", synced_at=OPENS, active=True,
    )  # fmt: skip


def quote(symbol: Symbol, price: Any, seconds: float, spread: str = "0.10") -> Quote:
    last, half = Decimal(str(price)), Decimal(spread) / 2
    book = {} if symbol == SPOT else {"bid": last - half, "ask": last + half, "volume": Decimal(1000)}
    return Quote(symbol, last, OPENS + timedelta(seconds=seconds), **book)


def ticks(prices: Iterable[tuple[Any, Any, Any]], every: float = 1.0) -> list[Quote]:
    """Of the spot, the call and the put, one of each every so many seconds."""
    return [
        quote(symbol, price, number * every)
        for number, row in enumerate(prices)
        for symbol, price in zip((SPOT, CALL, PUT), row, strict=True)
    ]


def record(folder: Path, quotes: Sequence[Quote], batch: int = 500) -> Path:
    written = TickFolder(folder)
    for start in range(0, len(quotes), batch):
        written.write(quotes[start : start + batch])
    contracts_file.write(folder, contracts())
    return folder


def replay_of(legs: Sequence[dict[str, Any]], terms: dict[str, Any] | None = None, **rules: Any) -> Replay:
    share = {"account_id": "account-1"}
    draft = Draft.model_validate({"name": "Short", "legs": list(legs), "accounts": [share]} | rules)
    return Replay(
        id="replay-1", owner_id=OWNER, strategy_id="strategy-1", version=3, name="Short", content=content_of(draft),
        accounts=[{"id": "account-1", "name": "Alpha", "currency": "INR"}],
        terms={"recording_id": "recording1"} | (terms or {}), tape="20 Nov 2026, made for a test", state="playing",
        asked_at=OPENS,
    )  # fmt: skip
