"""The option chain over the API: the same figures as on its page, worked out by the engine for all who ask."""

import time
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import BeforeValidator, Field, StringConstraints

from app.broadcast.chain_keys import SUM, WIDEST, ChainKey
from app.core.errors import NotFound
from app.core.money import number
from app.core.validation import no_boolean
from app.web.api.operation import operation
from app.web.api.shapes import Amount, Answer, Asked, Instant, OfContract
from app.web.chain_choice import chosen, families, want
from app.web.chain_look import Look
from app.web.chain_view import ChainPage, Side, read_chain
from app.web.current import services
from app.web.stream import live

bp = Blueprint("chain", __name__, url_prefix="/api/v1/chain")

TAG = "Option chain"
LOOK_EVERY = 0.1  # seconds
LONGEST = 10
FRESH = 15_000  # milliseconds; older figures are of somebody's earlier look
Code = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
Figure = Annotated[Amount | None, Field(description="Null where it is not known.", examples=["12.34"])]
Units = Annotated[Amount | None, Field(description="In units; null where it is not known.", examples=["8460790"])]
NAMES = {
    "last_price": "ltp", "change": "change", "change_percent": "percent", "bid": "bid", "ask": "ask",
    "volume": "volume", "open_interest": "oi", "open_interest_change": "oic", "implied_volatility": "iv",
    "delta": "delta", "gamma": "gamma", "theta": "theta", "vega": "vega",
}  # fmt: skip
SUM_NAMES = {
    "spot": "spot", "future": "future", "forward": "forward", "at_the_money": "atm", "implied_volatility": "iv",
    "straddle": "straddle", "put_call_ratio": "pcr", "put_call_ratio_by_volume": "pcr_volume",
    "max_pain": "max_pain", "call_open_interest": "call_oi", "put_open_interest": "put_oi",
}  # fmt: skip


class ChainAsked(Asked):
    underlying: Annotated[
        Code, Field(description="With or without its exchange.", examples=["NIFTY", "BFO:SENSEX"])
    ] = "NIFTY"
    expiry: Annotated[date | None, Field(description="The nearest one if left out.", examples=["2026-11-24"])] = None
    strikes: Annotated[
        int, Field(ge=1, le=WIDEST, description="How many on each side of the money."), BeforeValidator(no_boolean)
    ] = 10
    wait: Annotated[
        int,
        Field(ge=0, le=LONGEST, description="Seconds to wait for figures that nobody looked at before."),
        BeforeValidator(no_boolean),
    ] = 5


class OptionShown(OfContract):
    """One option. `priced_at` is the age of its price; greeks are Black-76 on the forward."""

    exchange: Annotated[str, Field(examples=["NFO"])]
    lot_size: Annotated[Amount, Field(examples=["65"])]
    last_price: Figure
    change: Figure
    change_percent: Figure
    bid: Figure
    ask: Figure
    volume: Units
    open_interest: Units
    open_interest_change: Annotated[
        Amount | None, Field(description="Against the close of the trading day before.", examples=["-289055"])
    ]
    implied_volatility: Annotated[Amount | None, Field(description="Percent a year.", examples=["11.82"])]
    delta: Figure
    gamma: Figure
    theta: Annotated[Amount | None, Field(description="By a calendar day.", examples=["-16.45"])]
    vega: Annotated[Amount | None, Field(description="By a percentage point of volatility.", examples=["9.92"])]
    priced_at: Instant | None


class StrikeShown(Answer):
    strike: Annotated[Amount, Field(examples=["26050"])]
    call: OptionShown | None
    put: OptionShown | None


class ChainShown(Answer):
    exchange: Annotated[str, Field(examples=["NFO"])]
    underlying: Annotated[str, Field(examples=["NIFTY"])]
    expiry: Annotated[date, Field(examples=["2026-11-24"])]
    expiries: Annotated[list[date], Field(examples=[["2026-11-24", "2026-12-01"]])]
    expires_at: Instant | None
    spot: Figure
    future: Figure
    forward: Figure
    forward_from: Annotated[
        Literal["parity", "future", "spot"] | None,
        Field(description="parity: from calls and puts near the money.", examples=["parity"]),
    ]
    at_the_money: Figure
    implied_volatility: Annotated[Amount | None, Field(description="At the money, percent.", examples=["12.27"])]
    straddle: Figure
    put_call_ratio: Figure
    put_call_ratio_by_volume: Figure
    max_pain: Figure
    call_open_interest: Units
    put_open_interest: Units
    priced_at: Instant | None
    strikes: list[StrikeShown]


@bp.get("")
@operation(
    TAG,
    "Look at an option chain",
    "The engine works a chain out while somebody looks at it, and for 15 seconds after you asked. Null is not known.",
    query=ChainAsked,
    gives=ChainShown,
)
def get(query: ChainAsked) -> ChainShown:
    now = services().clock.now()
    known = families(now)
    place = _place(query.underlying.upper(), known)
    days = known[place]
    if query.expiry is not None and query.expiry not in days:
        raise NotFound(f"{place} has no options of {query.expiry} listed.")
    found = chosen({"underlying": place, "expiry": (query.expiry or days[0]).isoformat()}, known)
    if found is None:
        raise NotFound("No options are on record.")
    look = Look(found.key, query.strikes, "all")
    want(look)
    _wait_for(look.key, query.wait)
    return _shown(read_chain(look), days)


def _place(asked: str, known: dict[str, list[date]]) -> str:
    place = asked if asked in known else next((one for one in known if one.endswith(f":{asked}")), "")
    if not place:
        raise NotFound(f"No options of {asked} are listed.")
    return place


def _wait_for(key: ChainKey, seconds: int) -> None:
    """Until a figure of the chain came that is not old, or so many seconds are over."""
    clock = services().clock
    until = clock.monotonic() + seconds
    while not _is_fresh(key) and clock.monotonic() < until:
        time.sleep(LOOK_EVERY)


def _is_fresh(key: ChainKey) -> bool:
    shelf = key.shelf(SUM)
    heard = live().hub.of_symbols([shelf]).get(f"atm:{shelf}")
    if heard is None or heard.raw["v"] is None or heard.raw["at"] is None:
        return False
    return services().clock.now().timestamp() * 1000 - int(heard.raw["at"]) < FRESH


def _shown(page: ChainPage, days: list[date]) -> ChainShown:
    key = page.look.key
    shelf = key.shelf(SUM)
    heard = live().hub.of_symbols(page.look.shelves)

    def raw(subject: str) -> Any:
        figure = heard.get(subject)
        return figure.raw["v"] if figure is not None else None

    def side(one: Side | None) -> OptionShown | None:
        if one is None:
            return None
        values = {name: number(raw(f"{one.spelled}:{key.shelf(field)}")) for name, field in NAMES.items()}
        priced = heard.get(f"{one.spelled}:{key.shelf('ltp')}")
        place = {"symbol": one.listed.symbol, "exchange": one.listed.exchange, "lot_size": one.listed.lot_size}
        return OptionShown.model_validate(place | values | {"priced_at": _moment(priced.raw["at"] if priced else None)})

    return ChainShown.model_validate(
        {name: number(raw(f"{field}:{shelf}")) for name, field in SUM_NAMES.items()}
        | {
            "exchange": key.exchange,
            "underlying": key.name,
            "expiry": key.expiry,
            "expiries": days,
            "expires_at": page.expires,
            "forward_from": raw(f"source:{shelf}"),
            "priced_at": page.priced_at,
            "strikes": [StrikeShown(strike=row.strike, call=side(row.call), put=side(row.put)) for row in page.rows],
        }
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
