"""Candles of a contract, and of the legs of a run or a strategy together, as the chart page draws them."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BeforeValidator, Field, StringConstraints

from app.core.errors import Denied
from app.core.validation import no_boolean
from app.venues.types import Candle
from app.web.api.operation import operation
from app.web.api.shapes import Amount, Answer, Asked, Instant
from app.web.chart_subject import Subject, of_contract, of_run, of_strategy
from app.web.chart_view import ChartView, read_chart
from app.web.current import owner_id, services

bp = Blueprint("candles", __name__, url_prefix="/api/v1/candles")

TAG = "Candles"
LOOK_EVERY = 0.1  # seconds
LONGEST = 10
Interval = Literal["1m", "3m", "5m", "10m", "15m", "30m", "1h", "1D"]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
DETAIL = "Read from a venue once for all who look, and kept fresh while somebody does. `wait` for the first reading."


class CandleIntervalAsked(Asked):
    interval: Annotated[Interval, Field(examples=["5m"])] = "5m"
    wait: Annotated[
        int,
        Field(ge=0, le=LONGEST, description="Seconds to wait for the first reading."),
        BeforeValidator(no_boolean),
    ] = 0


class CandlesAsked(CandleIntervalAsked):
    exchange: Annotated[Code, Field(examples=["NFO"])]
    symbol: Annotated[Code, Field(examples=["NIFTY24NOV2626050CE"])]


class CandleShown(Answer):
    start: Annotated[Instant, Field(description="Daily candles are dated midnight UTC of their trading day.")]
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Annotated[Amount, Field(description="In units.", examples=["4550"])]
    is_closed: Annotated[bool, Field(description="False for the bar that still runs.")]


class PointShown(Answer):
    start: Instant
    value: Annotated[Amount, Field(description="Sum of the legs' closes times their weights.")]
    is_closed: bool


class WeightedLeg(Answer):
    exchange: Annotated[str, Field(examples=["NFO"])]
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    weight: Annotated[Amount, Field(description="Signed units per unit of the sum.", examples=["-1"])]


class Standing(Answer):
    """`state` is reading, none (nothing traded), ok, old (an open market moved without it) or trouble."""

    interval: Interval
    state: Annotated[str, Field(examples=["ok"])]
    trouble: Annotated[str, Field(description="Why the newest reading failed.", examples=[""])]
    read_at: Annotated[Instant | None, Field(description="When the venue gave the oldest part of it.")]


class CandleList(Standing):
    exchange: Annotated[str, Field(examples=["NFO"])]
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    items: list[CandleShown]


class PointList(Standing):
    legs: list[WeightedLeg]
    missing: Annotated[int, Field(description="Bars left out because a leg had none.", examples=[0])]
    items: list[PointShown]


@bp.get("")
@operation(TAG, "List the candles of a contract", DETAIL, query=CandlesAsked, gives=CandleList)
def index(query: CandlesAsked) -> CandleList:
    view = _read(lambda: of_contract(query.exchange, query.symbol, query.interval), query.wait)
    of = view.subject.symbol
    items = [CandleShown.model_validate(_told(view, one)) for one in view.candles]
    return CandleList.model_validate(_standing(view) | {"exchange": of.exchange, "symbol": of.name, "items": items})


@bp.get("/runs/<run_id>")
@operation(
    TAG,
    "List what the legs of a run are worth together",
    DETAIL,
    query=CandleIntervalAsked,
    gives=PointList,
)
def run(run_id: str, query: CandleIntervalAsked) -> PointList:
    return _points(_read(lambda: of_run(owner_id(), run_id, query.interval), query.wait))


@bp.get("/strategies/<strategy_id>")
@operation(
    TAG,
    "List what the contracts of a strategy are worth together",
    "Those that its legs mean now. " + DETAIL,
    query=CandleIntervalAsked,
    gives=PointList,
)
def strategy(strategy_id: str, query: CandleIntervalAsked) -> PointList:
    """Contracts that can't be found now are a trouble like any other."""
    try:
        return _points(_read(lambda: of_strategy(owner_id(), strategy_id, query.interval), query.wait))
    except Denied as problem:
        standing = {"interval": query.interval, "state": "trouble", "trouble": problem.message, "read_at": None}
        return PointList.model_validate(standing | {"legs": [], "missing": 0, "items": []})


def _read(subject_of: Callable[[], Subject], seconds: int) -> ChartView:
    clock, subject = services().clock, subject_of()
    until = clock.monotonic() + seconds
    view = read_chart(owner_id(), subject)
    while view.state == "reading" and clock.monotonic() < until:
        time.sleep(LOOK_EVERY)
        view = read_chart(owner_id(), subject)
    return view


def _points(view: ChartView) -> PointList:
    legs = [
        WeightedLeg(exchange=symbol.exchange, symbol=symbol.name, weight=weight)
        for symbol, weight in view.subject.basket.legs
    ]
    items = [
        PointShown(start=one.start, value=one.close, is_closed=_is_closed(view, one.start)) for one in view.candles
    ]
    return PointList.model_validate(_standing(view) | {"legs": legs, "missing": view.missing, "items": items})


def _standing(view: ChartView) -> dict[str, object]:
    return {"interval": view.interval, "state": view.state, "trouble": view.trouble, "read_at": view.read_at}


def _told(view: ChartView, one: Candle) -> dict[str, object]:
    prices = {"open": one.open, "high": one.high, "low": one.low, "close": one.close}
    return {"start": one.start, **prices, "volume": one.volume, "is_closed": _is_closed(view, one.start)}


def _is_closed(view: ChartView, start: datetime) -> bool:
    return not (view.is_running and start == view.candles[-1].start)
