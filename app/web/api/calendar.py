"""When markets trade, and how old the lists of what can be traded are."""

from datetime import date, timedelta
from typing import Annotated

from flask import Blueprint
from pydantic import Field, StringConstraints

from app.core.clock import day_in_india
from app.core.errors import Invalid
from app.instruments.models import Reading
from app.users.roles import Scope
from app.web.access import needs
from app.web.api.operation import Reply, operation
from app.web.api.shapes import Answer, Asked, Id, Instant
from app.web.api.waiting import ErrandShown, WaitAsked, answered
from app.web.chrome import desk
from app.web.current import services
from app.web.instrument_view import days_of
from app.web.masters import account_of, ask_sync, lines

bp = Blueprint("calendar", __name__, url_prefix="/api/v1")

TAG = "Instruments"
LONGEST = timedelta(days=370)
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]


class MarketPhase(Answer):
    state: Annotated[str, Field(examples=["open"], description="open, pre_open, closing_auction, closed or always.")]
    begins: Instant
    ends: Annotated[Instant | None, Field(description="Null: not known, or never.")]
    note: Annotated[str, Field(description="A holiday's or special session's name.", examples=[""])]


class MarketShown(Answer):
    exchange: Annotated[str, Field(examples=["NFO"])]
    label: Annotated[str, Field(examples=["NSE F&O"])]
    state: Annotated[str, Field(examples=["open"])]
    coming: Annotated[list[MarketPhase], Field(description="The present phase and those after it.")]


class Markets(Answer):
    at: Annotated[Instant | None, Field(description="The desk's clock.")]
    items: list[MarketShown]


class CalendarAsked(Asked):
    first: Annotated[date | None, Field(description="Today when left out.", examples=["2026-11-01"])] = None
    last: Annotated[date | None, Field(description="30 days after the first.", examples=["2026-11-30"])] = None
    underlying: Annotated[Word, Field(description="Expiries of this one only.", examples=["NIFTY"])] = ""


class HappeningShown(Answer):
    kind: Annotated[str, Field(examples=["trading_holiday"])]
    text: Annotated[str, Field(examples=["Prakash Gurpurb Sri Guru Nanak Dev"])]
    exchanges: Annotated[str, Field(examples=["BSE, NFO, NSE"])]


class DayShown(Answer):
    day: date
    happenings: list[HappeningShown]


class Calendar(Answer):
    items: list[DayShown]


class ReadingShown(Answer):
    id: Id
    at: Instant
    account: Annotated[str, Field(examples=["Demo 1"])]
    took_ms: Annotated[int, Field(examples=[840])]
    contracts: Annotated[int, Field(examples=[9120])]
    added: Annotated[int, Field(examples=[12])]
    changed: Annotated[int, Field(examples=[0])]
    gone: Annotated[int, Field(examples=[8])]
    trouble: Annotated[str, Field(description="Why it failed.", examples=[""])]


class MasterShown(Answer):
    venue_kind: Annotated[str, Field(examples=["openalgo"])]
    exchange: Annotated[str, Field(examples=["NFO"])]
    contracts: Annotated[int | None, Field(examples=[9120], description="Null: never read.")]
    read_at: Instant | None
    is_too_old: Annotated[bool, Field(description="Not read for more than a week, or never.")]
    last_reading: ReadingShown | None


class MasterList(Answer):
    items: list[MasterShown]


@bp.get("/markets")
@operation(TAG, "See which markets are open, and what comes", gives=Markets)
def markets() -> Markets:
    around = desk()
    return Markets(at=around.now, items=[MarketShown.model_validate(market) for market in around.markets])


@bp.get("/calendar")
@operation(TAG, "List holidays, special sessions and expiries", query=CalendarAsked, gives=Calendar)
def calendar(query: CalendarAsked) -> Calendar:
    now = services().clock.now()
    first = query.first or day_in_india(now)
    last = query.last or min(first, date.max - LONGEST) + timedelta(days=30)
    if not first <= last <= min(first, date.max - LONGEST) + LONGEST:
        raise Invalid.field("last", "Ask for a year at most, the first day first.")
    found = days_of(services().instruments, first, last, now, query.underlying.upper().replace("\x00", ""))
    return Calendar(items=[DayShown.model_validate(day) for day in found])


@bp.get("/masters")
@operation(TAG, "See how old each venue's list of instruments is", gives=MasterList)
def masters() -> MasterList:
    return MasterList(
        items=[
            MasterShown(
                venue_kind=line.venue_kind,
                exchange=line.exchange,
                contracts=line.master.contracts if line.master else None,
                read_at=line.master.synced_at if line.master else None,
                is_too_old=line.is_too_old,
                last_reading=_reading(line.last) if line.last else None,
            )
            for line in lines()
        ]
    )


@bp.post("/masters/sync")
@needs(Scope.MANAGE)
@operation(
    TAG, "Read the lists of instruments now", "An errand: its progress has a line per exchange.",
    query=WaitAsked, gives=ErrandShown, also={202: ErrandShown},
)  # fmt: skip
def sync(query: WaitAsked) -> Reply:
    return answered(ask_sync(), query.wait)


def _reading(found: Reading) -> ReadingShown:
    return ReadingShown.model_validate({**vars(found), "account": account_of(found)})
