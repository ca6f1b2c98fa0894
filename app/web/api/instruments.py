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
@operation(TAG, "Look at an instrument", query=GetAsked, gives=InstrumentShown)
def get(exchange: str, symbol: str, query: GetAsked) -> InstrumentShown:
    found = None
    if "\x00" not in exchange + symbol:
        found = services().instruments.find(query.venue_kind, exchange.upper(), symbol.upper())
    if found is None:
        raise NotFound("There is no such instrument on record.")
    return InstrumentShown.model_validate(found)
