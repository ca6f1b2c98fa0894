"""Whether the legs of a strategy fit what is listed, as far as that can be said while it is written down."""

from collections.abc import Sequence
from datetime import datetime

from app.instruments.contracts import CannotResolve, Listed
from app.instruments.service import InstrumentService
from app.strategies.legs import Leg
from app.strategies.resolving import off_lot


def misfits(
    instruments: InstrumentService, venue_kind: str, legs: Sequence[Leg], now: datetime
) -> dict[str, list[str]]:
    """By field, units that are no whole lots of the contracts a leg may mean. What is not listed yet cannot be judged
    before the run."""
    found = {}
    for number, leg in enumerate(legs):
        if leg.units is None:
            continue
        listed = _listed(instruments, venue_kind, leg, now)
        if listed and all(leg.units % row.lot_size for row in listed):
            found[f"legs.{number}.units"] = [off_lot(leg.units, listed[0]) + "."]
    return found


def _listed(instruments: InstrumentService, venue_kind: str, leg: Leg, now: datetime) -> list[Listed]:
    try:
        if leg.kind == "SYMBOL":
            return [instruments.resolve(venue_kind, leg.rule(0), None, now)]
        return [row for row in instruments.chain(venue_kind, leg.rule(0), now) if row.kind == leg.kind]
    except CannotResolve:
        return []
