"""What was listed when a day was recorded: strikes and lots of that day, whatever a venue lists later."""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from app.core.money import plain
from app.instruments.models import Instrument

NAME = "contracts.json"
EXACT = ("strike", "lot_size", "tick", "freeze_quantity")
KEPT = ("venue_kind", "exchange", "symbol", "name", "kind", "expiry", *EXACT)


def write(folder: Path, rows: Iterable[Instrument]) -> None:
    """Whole or not at all; what was listed there before is replaced."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f"{NAME}.part"
    with draft.open("wb") as file:
        file.write(orjson.dumps([_written(row) for row in rows]))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / NAME)


def read(folder: Path) -> Sequence[Instrument]:
    """New rows, in nobody's session; none where nothing was written."""
    path = folder / NAME
    return [_row(values) for values in orjson.loads(path.read_bytes())] if path.is_file() else []


def _written(row: Instrument) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in KEPT}
    exact = {name: plain(values[name]) for name in EXACT if values[name] is not None}
    return values | exact | {"expiry": row.expiry.isoformat() if row.expiry else None}


def _row(values: dict[str, Any]) -> Instrument:
    exact = {name: Decimal(values[name]) for name in EXACT if values[name] is not None}
    expiry = date.fromisoformat(values["expiry"]) if values["expiry"] else None
    more = {"source": "the recording", "synced_at": datetime(2000, 1, 1, tzinfo=UTC), "active": True}
    return Instrument(**(values | exact | {"expiry": expiry} | more))
