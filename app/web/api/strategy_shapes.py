"""Strategies as the API takes and gives them: what is saved is what the strategies room calls a draft."""

from datetime import time
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from app.core.validation import no_boolean
from app.risk.limits import limits
from app.strategies.exit_rule import exit_rule
from app.strategies.legs import MOST_LEGS, AccountShare, Draft, Leg, Price
from app.strategies.models import Strategy, StrategyAccount
from app.strategies.schedule import schedule
from app.strategies.sizing import sizing
from app.web.api.shapes import EXAMPLE_ID, Amount, Answer, Id, Instant

LEG_EXAMPLE: dict[str, Any] = {
    "action": "SELL",
    "kind": "CE",
    "exchange": "NFO",
    "underlying": "NIFTY",
    "expiry": "current_week",
    "strike": "OTM2",
    "lots": 2,
    "product": "NRML",
    "price_type": "MARKET",
}
SHARE_EXAMPLE: dict[str, Any] = {"account_id": EXAMPLE_ID, "multiplier": "1.5", "grade": "A", "max_lots": 20}


class LegAsked(Leg):
    """One line of a strategy. `kind` CE, PE, FUT need an underlying and an expiry; SYMBOL needs a symbol."""

    model_config = ConfigDict(json_schema_extra={"example": LEG_EXAMPLE})

    price: Annotated[Price, BeforeValidator(no_boolean)] | None = None
    trigger_price: Annotated[Price, BeforeValidator(no_boolean)] | None = None


class ShareAsked(AccountShare):
    """An account that takes part. A grade and caps that are not given are the account's own; of two caps the lower
    counts."""

    model_config = ConfigDict(json_schema_extra={"example": SHARE_EXAMPLE})

    multiplier: Annotated[
        Decimal,
        Field(gt=0, le=1000, max_digits=10, decimal_places=4, allow_inf_nan=False),
        BeforeValidator(no_boolean),
    ] = Decimal(1)


class StrategyAsked(Draft):
    """A strategy as it is saved. Saving it again replaces it whole; runs under way keep what they started with."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Short strangle",
                "legs": [LEG_EXAMPLE, LEG_EXAMPLE | {"kind": "PE"}],
                "accounts": [SHARE_EXAMPLE],
                "on_failure": "unwind",
                "exits": {"price_type": "LIMIT", "offset": "2", "offset_unit": "ticks", "convert_after": 6},
                "limits": {
                    "of": "run",
                    "stop": {"value": "5000"},
                    "trail": {"stop": {"value": "10", "unit": "percent"}},
                },
                "schedule": {"days": ["mon", "tue"], "entries": ["09:20"], "exit_at": "15:15", "square_off": 5},
                "sizing": {"method": "margin"},
            }
        }
    )

    legs: Annotated[list[LegAsked], Field(min_length=1, max_length=MOST_LEGS)]  # type: ignore[assignment]  # a leg, checked more closely
    accounts: Annotated[list[ShareAsked], Field(max_length=500)] = Field(default_factory=list)  # type: ignore[assignment]  # a share, checked more closely


class StrategyReplaced(StrategyAsked):
    """The whole strategy anew; with the `version` it was made from, a change of somebody else's is not overwritten."""

    version: Annotated[int | None, Field(ge=1, le=1_000_000_000), BeforeValidator(no_boolean)] = None


class LevelShown(Answer):
    """Where it is left by itself: so far from its entry, or at a price; of a leg also by its underlying."""

    value: Annotated[Amount, Field(examples=["20"])]
    unit: Annotated[
        str,
        Field(
            description="points, percent, price or amount; underlying_points, underlying_percent, underlying_price",
            examples=["percent"],
        ),
    ]


class GainShown(LevelShown):
    """So far from the leg's entry."""

    unit: Annotated[str, Field(description="points, percent or amount", examples=["points"])]


class PickShown(Answer):
    """How the strike is chosen by the market when the run starts, instead of `strike`."""

    by: Annotated[str, Field(description="premium, premium_range or delta", examples=["premium_range"])]
    value: Annotated[Amount | None, Field(examples=[None])]
    low: Annotated[Amount | None, Field(examples=["80"])]
    high: Annotated[Amount | None, Field(examples=["120"])]
    choose: Annotated[str, Field(description="Of a range: middle, or first from the money", examples=["middle"])]


class PriceFromShown(Answer):
    """A limit price reckoned when it is sent: so much better than the market, or so far beyond its trigger."""

    of: Annotated[str, Field(description="ltp, bid, ask or trigger", examples=["bid"])]
    offset: Annotated[Amount, Field(examples=["0.5"])]
    unit: Annotated[str, Field(description="points or percent", examples=["points"])]


class TriggerFromShown(Answer):
    """A trigger so far beyond the last price."""

    offset: Annotated[Amount, Field(examples=["2"])]
    unit: Annotated[str, Field(description="points or percent", examples=["percent"])]


class ChaseShown(Answer):
    """A limit that follows the market so often, then goes at market or is left to rest."""

    times: Annotated[int, Field(examples=[3])]
    every: Annotated[int, Field(description="Seconds.", examples=[5])]
    then: Annotated[str, Field(description="market or leave", examples=["market"])]


class WaitShown(Answer):
    """Entered once its own contract has moved so far from its price at the start of the run."""

    value: Annotated[Amount, Field(examples=["2"])]
    unit: Annotated[str, Field(description="points or percent", examples=["percent"])]
    way: Annotated[str, Field(description="up or down", examples=["up"])]


class BreakoutShown(Answer):
    """Entered once a price left the range it had between two times of the schedule's zone, not after `last`."""

    start: Annotated[time, Field(examples=["09:15:00"])]
    end: Annotated[time, Field(examples=["09:30:00"])]
    of: Annotated[str, Field(description="underlying or contract", examples=["underlying"])]
    side: Annotated[str, Field(description="above or below", examples=["above"])]
    strike: Annotated[str, Field(description="Chosen at the start, or at the breakout", examples=["start"])]
    last: Annotated[time | None, Field(examples=["11:00:00"])]


class AgainShown(Answer):
    """Entered again after its own stop or target, so often at most."""

    after: Annotated[str, Field(description="stop, target or either", examples=["stop"])]
    how: Annotated[str, Field(description="at_once or at_cost", examples=["at_once"])]
    times: Annotated[int, Field(examples=[2])]
    strike: Annotated[str, Field(description="same or new", examples=["same"])]


class LegShown(Answer):
    number: Annotated[int, Field(examples=[1])]
    words: Annotated[str, Field(examples=["SELL 2 lots NIFTY current week OTM2 CE"])]
    action: Annotated[str, Field(examples=["SELL"])]
    kind: Annotated[str, Field(examples=["CE"])]
    exchange: Annotated[str, Field(examples=["NFO"])]
    underlying: Annotated[str, Field(examples=["NIFTY"])]
    expiry: Annotated[str, Field(examples=["current_week"])]
    strike: Annotated[str, Field(examples=["OTM2"])]
    pick: Annotated[PickShown | None, Field(examples=[None])]
    symbol: Annotated[str, Field(examples=[""])]
    lots: Annotated[int | None, Field(description="Null where it is counted in units.", examples=[2])]
    units: Annotated[int | None, Field(examples=[None])]
    product: Annotated[str, Field(examples=["NRML"])]
    price_type: Annotated[str, Field(examples=["MARKET"])]
    price: Annotated[Amount | None, Field(examples=[None])]
    price_from: Annotated[PriceFromShown | None, Field(examples=[None])]
    trigger_price: Annotated[Amount | None, Field(examples=[None])]
    trigger_from: Annotated[TriggerFromShown | None, Field(examples=[None])]
    chase: Annotated[ChaseShown | None, Field(examples=[None])]
    price_words: Annotated[str, Field(examples=["MARKET"])]
    stop: Annotated[LevelShown | None, Field(examples=[None])]
    target: Annotated[LevelShown | None, Field(examples=[None])]
    trail: Annotated[GainShown | None, Field(description="Its stop follows so far behind the best.", examples=[None])]
    even: Annotated[GainShown | None, Field(description="A gain at which its stop moves to cost.", examples=[None])]
    at_broker: Annotated[
        bool, Field(description="Its stop and target rest at the broker, if it takes them.", examples=[False])
    ]
    wait: Annotated[WaitShown | None, Field(examples=[None])]
    breakout: Annotated[BreakoutShown | None, Field(examples=[None])]
    again: Annotated[AgainShown | None, Field(examples=[None])]
    late_words: Annotated[list[str], Field(description="When it is entered, where that is not at once.", examples=[[]])]


class ShareShown(Answer):
    account_id: Id
    multiplier: Annotated[Amount, Field(examples=["1"])]
    grade: Annotated[str, Field(description="Empty: the account's own.", examples=[""])]
    max_lots: Annotated[int | None, Field(examples=[None])]
    max_value: Annotated[Amount | None, Field(examples=[None])]


class SizingShown(Answer):
    """How the lots of each account are found. `budget` is an amount per account or a percentage, as `unit` says."""

    words: Annotated[str, Field(examples=["The grade's share of the free margin"])]
    method: Annotated[str, Field(description="lots, margin, premium, equity, risk or volatility", examples=["margin"])]
    budget: Annotated[Amount | None, Field(examples=[None])]
    unit: Annotated[str, Field(description="amount or percent", examples=["amount"])]
    stop_points: Annotated[Amount | None, Field(examples=[None])]
    days: Annotated[int, Field(description="Daily closes that are looked at.", examples=[20])]
    daily: Annotated[Amount | None, Field(description="Percent a day instead.", examples=[None])]


class ExitRuleShown(Answer):
    """How positions go out. A limit is `offset` better than the last price; what has not filled `convert_after` seconds
    later goes at market. A refused exit is tried so many times, pausing so many seconds, doubling."""

    words: Annotated[str, Field(examples=["at a limit of 2 ticks better than the last price, at market after 6 s"])]
    price_type: Annotated[str, Field(examples=["LIMIT"])]
    offset: Annotated[Amount, Field(examples=["2"])]
    offset_unit: Annotated[str, Field(description="ticks or percent", examples=["ticks"])]
    convert_after: Annotated[int, Field(examples=[6])]
    tries: Annotated[int, Field(examples=[6])]
    first_pause: Annotated[Amount, Field(examples=["0.5"])]
    longest_pause: Annotated[Amount, Field(examples=["30"])]


class TrailShown(Answer):
    """A stop that begins so far below the entry and follows the best profit by `factor` of every step."""

    stop: LevelShown
    factor: Annotated[Amount, Field(examples=["1"])]


class LockShown(Answer):
    """Once the profit was `at`, `keep` of it is kept; for every further `step`, `gain` more."""

    at: Annotated[Amount, Field(examples=["5000"])]
    keep: Annotated[Amount, Field(examples=["2000"])]
    step: Annotated[Amount | None, Field(examples=["1000"])]
    gain: Annotated[Amount | None, Field(examples=["500"])]
    unit: Annotated[str, Field(description="amount, percent or points", examples=["amount"])]


class PremiumShown(LevelShown):
    """Of the combined premium: so far from the entry's, or a level of its own."""

    unit: Annotated[str, Field(description="points, percent or level", examples=["points"])]


class UnderlyingShown(Answer):
    """Left as soon as the first leg's underlying is there."""

    above: Annotated[Amount | None, Field(examples=["25200"])]
    below: Annotated[Amount | None, Field(examples=["24800"])]


class SupertrendShown(Answer):
    """Left when a closed candle turns it: up is a breakout, down a breakdown."""

    on: Annotated[str, Field(description="underlying, premium or leg", examples=["underlying"])]
    leg: Annotated[int | None, Field(examples=[None])]
    when: Annotated[str, Field(description="breakout or breakdown", examples=["breakout"])]
    timeframe: Annotated[str, Field(examples=["5m"])]
    period: Annotated[int, Field(examples=[10])]
    multiplier: Annotated[Amount, Field(examples=["3"])]


class DeltaShown(Answer):
    """Left when a delta is so much or more on either side."""

    on: Annotated[str, Field(description="run (net, per unit of the smallest leg) or leg", examples=["run"])]
    leg: Annotated[int | None, Field(examples=[None])]
    beyond: Annotated[Amount, Field(examples=["0.4"])]


class LimitsShown(Answer):
    """When a run, or each account's part of it, is left by itself."""

    words: Annotated[list[str], Field(examples=[["Stop at a loss of 5000"]])]
    of: Annotated[str, Field(description="run or account", examples=["run"])]
    stop: Annotated[LevelShown | None, Field(examples=[{"value": "5000", "unit": "amount"}])]
    target: Annotated[LevelShown | None, Field(examples=[None])]
    trail: Annotated[TrailShown | None, Field(examples=[None])]
    lock: Annotated[LockShown | None, Field(examples=[None])]
    even: Annotated[LevelShown | None, Field(description="A profit at which the stop moves to cost.", examples=[None])]
    premium_stop: Annotated[PremiumShown | None, Field(examples=[{"value": "40", "unit": "points"}])]
    premium_target: Annotated[PremiumShown | None, Field(examples=[None])]
    underlying: Annotated[UnderlyingShown | None, Field(examples=[None])]
    supertrend: Annotated[SupertrendShown | None, Field(examples=[None])]
    delta: Annotated[DeltaShown | None, Field(examples=[None])]
    others_to_cost: Annotated[bool, Field(description="Once a leg was stopped the others are left at their cost.")]
    until: Annotated[time | None, Field(description="A time of day in India.", examples=[None])]


class ScheduleShown(Answer):
    """When it enters and leaves by itself. `square_off` is minutes before the close, `grace` seconds."""

    words: Annotated[list[str], Field(examples=[["Enters at 09:20 India time, Monday to Friday"]])]
    zone: Annotated[str, Field(description="Of days and times.", examples=["Asia/Kolkata"])]
    days: Annotated[list[str], Field(examples=[["mon", "tue", "wed", "thu", "fri"]])]
    entries: Annotated[list[time], Field(examples=[["09:20:00"]])]
    exit_at: Annotated[time | None, Field(examples=["15:15:00"])]
    square_off: Annotated[int | None, Field(examples=[None])]
    expiry: Annotated[str, Field(description="any, only, never or before", examples=["any"])]
    expiry_days: Annotated[int, Field(description="Trading days, of `before`.", examples=[1])]
    special: Annotated[str, Field(description="skip or trade special sessions", examples=["skip"])]
    last_entry: Annotated[time | None, Field(examples=[None])]
    most_entries: Annotated[int | None, Field(description="A day.", examples=[1])]
    while_live: Annotated[str, Field(description="skip or enter while a run is live", examples=["skip"])]
    grace: Annotated[int, Field(examples=[60])]


class StrategyShown(Answer):
    id: Id
    name: Annotated[str, Field(examples=["Short strangle"])]
    legs: list[LegShown]
    accounts: list[ShareShown]
    on_failure: Annotated[str, Field(description="unwind or hold", examples=["unwind"])]
    exits: ExitRuleShown
    limits: LimitsShown
    schedule: ScheduleShown
    armed_at: Annotated[Instant | None, Field(description="Since when its schedule enters by itself.", examples=[None])]
    sizing: SizingShown
    venue_kind: Annotated[str, Field(examples=["openalgo"])]
    version: Annotated[int, Field(examples=[1])]
    created_at: Instant
    updated_at: Instant


class StrategyList(Answer):
    items: list[StrategyShown]


def leg_shown(number: int, row: dict[str, Any]) -> LegShown:
    leg = Leg.model_validate(row)
    said = {"words": leg.words, "price_words": leg.price_words, "late_words": leg.late_words}
    return LegShown(number=number, **said, **leg.model_dump())


def strategy_shown(row: Strategy, shares: list[StrategyAccount]) -> StrategyShown:
    return StrategyShown(
        id=row.id,
        name=row.name,
        legs=[leg_shown(number, leg) for number, leg in enumerate(row.legs, 1)],
        accounts=[ShareShown.model_validate(share) for share in shares],
        on_failure=row.on_failure,
        exits=ExitRuleShown.model_validate(exit_rule(row.exits)),
        limits=LimitsShown.model_validate(limits(row.limits)),
        schedule=ScheduleShown.model_validate(schedule(row.schedule)),
        armed_at=row.armed_at,
        sizing=SizingShown.model_validate(sizing(row.sizing)),
        venue_kind=row.venue_kind,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
