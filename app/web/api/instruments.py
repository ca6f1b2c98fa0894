"""What can be traded, as the venues listed it last."""

from datetime import date
from typing import Annotated, Literal

from flask import Blueprint
from pydantic import Field, StringConstraints

from app.core.errors import NotFound
from app.instruments.search import DERIVATIVES
from app.instruments.symbols import OPTIONS
from app.web.api.operation import operation
from app.web.api.shapes import Amount, Answer, Asked, Instant, Limit
from app.web.current import services
from app.web.instrument_view import contract_of

bp = Blueprint("instruments", __name__, url_prefix="/api/v1/instruments")

TAG = "Instruments"
Code = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
VenueKind = Annotated[Code, Field(examples=["openalgo"])]


class SearchAsked(Asked):
    q: Annotated[Code, StringConstraints(min_length=1), Field(description="nifty 26050 ce", examples=["nifty fut"])]
    exchange: Annotated[Code, Field(examples=["NFO"])] = ""
    venue_kind: VenueKind = "openalgo"
    limit: Limit = 50


class ExpiriesAsked(Asked):
    exchange: Annotated[Code, StringConstraints(min_length=1), Field(examples=["NFO"])]
    underlying: Annotated[Code, StringConstraints(min_length=1), Field(examples=["NIFTY"])]
    kind: Literal["options", "futures", "all"] = "all"
    venue_kind: VenueKind = "openalgo"


class GetAsked(Asked):
    venue_kind: VenueKind = "openalgo"


class InstrumentShown(Answer):
    venue_kind: VenueKind
    exchange: Annotated[str, Field(examples=["NFO"])]
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    name: Annotated[str, Field(examples=["NIFTY"])]
    kind: Annotated[str, Field(examples=["CE"])]
    expiry: Annotated[date | None, Field(examples=["2026-11-24"])]
    strike: Annotated[Amount | None, Field(examples=["26050"])]
    lot_size: Annotated[Amount, Field(examples=["75"])]
    tick: Annotated[Amount, Field(examples=["0.05"])]
    freeze_quantity: Annotated[Amount | None, Field(examples=["1800"], description="The most units in one order.")]
    active: Annotated[bool, Field(description="Whether the venue still lists it.")]
    source: Annotated[str, Field(examples=["openalgo"])]
    synced_at: Instant


class ValueShown(Answer):
    kind: Annotated[str, Field(examples=["freeze_quantity"])]
    value: Annotated[str, Field(examples=["1755"], description="As it counts today; empty when nothing is known.")]
    origin: Annotated[str, Field(examples=["venue"], description="override, venue, shipped or unknown.")]
    source: Annotated[str, Field(examples=["openalgo's list"])]
    reason: Annotated[str, Field(examples=[""], description="Of an override.")]


class SaidShown(Answer):
    kind: Annotated[str, Field(examples=["freeze_quantity"])]
    subject: Annotated[str, Field(examples=["NIFTY"])]
    value: Annotated[str, Field(examples=["1800"])]
    effective_from: date
    until: date | None
    is_override: bool
    source: Annotated[str, Field(examples=["Exchange freeze quantity circular"])]
    reason: Annotated[str, Field(examples=[""])]


class InstrumentDetail(InstrumentShown):
    values: Annotated[list[ValueShown], Field(description="What counts today, and where each comes from.")]
    history: Annotated[list[SaidShown], Field(description="Everything ever said of it, newest first.")]


class InstrumentList(Answer):
    items: list[InstrumentShown]


class Expiries(Answer):
    exchange: Annotated[str, Field(examples=["NFO"])]
    underlying: Annotated[str, Field(examples=["NIFTY"])]
    expiries: Annotated[list[date], Field(examples=[["2026-11-24", "2026-12-01"]])]


@bp.get("")
@operation(TAG, "Find instruments", query=SearchAsked, gives=InstrumentList)
def search(query: SearchAsked) -> InstrumentList:
    found = services().instruments.search(query.q, query.venue_kind, query.exchange.upper(), query.limit)
    return InstrumentList(items=[InstrumentShown.model_validate(row) for row in found])


@bp.get("/expiries")
@operation(TAG, "List the expiries of an underlying", query=ExpiriesAsked, gives=Expiries)
def expiries(query: ExpiriesAsked) -> Expiries:
    kinds = {"options": OPTIONS, "futures": ("FUT",), "all": DERIVATIVES}[query.kind]
    exchange, name = query.exchange.upper(), query.underlying.upper()
    days = services().instruments.expiries(query.venue_kind, exchange, name, tuple(kinds))
    return Expiries(exchange=exchange, underlying=name, expiries=days)


@bp.get("/<exchange>/<symbol>")
@operation(TAG, "Look at an instrument", query=GetAsked, gives=InstrumentDetail)
def get(exchange: str, symbol: str, query: GetAsked) -> InstrumentDetail:
    desk, place = services(), (query.venue_kind, exchange.upper(), symbol.upper())
    is_text = "\x00" not in exchange + symbol
    listed = desk.instruments.find_listed(*place) if is_text else None
    counting = desk.instruments.find(*place) if listed else None
    if listed is None or counting is None:
        raise NotFound("There is no such instrument on record.")
    view = contract_of(desk.instruments, listed, desk.clock.now())
    values = [
        ValueShown(
            kind=one.kind,
            value=one.text,
            origin=one.origin,
            source=one.source,
            reason=one.ruling.reason if one.ruling else "",
        )
        for one in view.values
    ]
    shown = InstrumentShown.model_validate(counting)
    said = [SaidShown.model_validate(one) for one in view.history]
    return InstrumentDetail(**dict(shown), values=values, history=said)
