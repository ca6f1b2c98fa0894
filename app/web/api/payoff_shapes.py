"""Payoffs as the API gives them."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from app.core.validation import no_boolean
from app.strategies.legs import MOST_LEGS
from app.strategies.payoff import Extreme
from app.strategies.payoff_world import Greeks
from app.web.api.shapes import Amount, Answer, Asked, Instant, OfContract
from app.web.api.strategy_shapes import LEG_EXAMPLE, LegAsked
from app.web.payoff_accounts import AccountLine
from app.web.payoff_suppose import MOST_SPOT, MOST_VOLATILITY
from app.web.payoff_view import Group, LegLine, PayoffView

LONGEST = 10
Moved = Annotated[Decimal, Field(max_digits=8, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)]
Figure = Annotated[Amount | None, Field(description="Null where it is not known.", examples=["-7.08"])]
Money = Annotated[Amount | None, Field(description="Null where it is not known.", examples=["16250"])]


class PayoffAsked(Asked):
    """What is supposed: nothing, if left out."""

    day: Annotated[
        date | None, Field(description="At the end of that day's session; now if left out.", examples=["2026-11-24"])
    ] = None
    spot: Annotated[Moved, Field(ge=-MOST_SPOT, le=MOST_SPOT, description="Per cent that the underlying moved.")] = (
        Decimal(0)
    )
    volatility: Annotated[
        Moved, Field(ge=-MOST_VOLATILITY, le=MOST_VOLATILITY, description="Points that all volatilities moved.")
    ] = Decimal(0)
    wait: Annotated[
        int,
        Field(ge=0, le=LONGEST, description="Seconds to wait for prices that nobody looked at before."),
        BeforeValidator(no_boolean),
    ] = 2


class PayoffOfLegs(PayoffAsked):
    """Legs as a strategy has them; nothing is saved and nothing is sent."""

    model_config = ConfigDict(json_schema_extra={"example": {"legs": [LEG_EXAMPLE, LEG_EXAMPLE | {"kind": "PE"}]}})

    legs: Annotated[list[LegAsked], Field(min_length=1, max_length=MOST_LEGS)]


class ExtremeShown(Answer):
    """`amount` null: unlimited."""

    amount: Annotated[Amount | None, Field(examples=["16250"])]
    at: Annotated[Amount | None, Field(description="The price of the underlying.", examples=["26000"])]


class GreeksShown(Answer):
    """In currency: by a point of the underlying, by a point again, a calendar day, a point of volatility."""

    delta: Figure
    gamma: Figure
    theta: Figure
    vega: Figure


class PayoffLegShown(OfContract):
    number: Annotated[int, Field(examples=[1])]
    exchange: Annotated[str, Field(examples=["NFO"])]
    units: Annotated[Amount, Field(description="Sold is negative.", examples=["-65"])]
    lots: Annotated[Amount, Field(examples=["1"])]
    entry: Money
    price: Money
    priced_at: Instant | None
    implied_volatility: Annotated[Amount | None, Field(description="Percent a year.", examples=["11.82"])]
    volatility_is_assumed: Annotated[
        bool, Field(description="The price means none: it is the one at the money.", examples=[False])
    ]
    profit: Annotated[Amount | None, Field(description="As supposed.", examples=["-120.5"])]
    greeks: GreeksShown
    greeks_per_lot: GreeksShown


class PointShown(Answer):
    price: Annotated[Amount, Field(examples=["26000"])]
    today: Annotated[Amount | None, Field(description="As supposed.", examples=["0"])]
    expiry: Annotated[Amount, Field(examples=["16250"])]


class CurveShown(Answer):
    """The profit of all units over the price of one underlying, before charges, at the first expiry and as supposed."""

    expires_at: Instant | None
    at: Instant
    spot: Annotated[Amount, Field(description="As supposed.", examples=["26012.5"])]
    at_the_money_volatility: Annotated[Amount | None, Field(description="Percent a year.", examples=["12.07"])]
    max_profit: ExtremeShown
    max_loss: ExtremeShown
    breakevens: Annotated[list[Amount], Field(examples=[["25750", "26250"]])]
    is_exact: Annotated[bool, Field(description="No option outlives the first expiry.", examples=[True])]
    chance_of_profit: Annotated[
        Amount | None,
        Field(description="0 to 1: lognormal around the forward, at the volatility at the money.", examples=["0.62"]),
    ]
    premium: Annotated[Amount, Field(description="What options brought in less what they cost.", examples=["16250"])]
    profit: Money
    greeks: GreeksShown
    legs: list[PayoffLegShown]
    points: Annotated[list[PointShown], Field(description="Round prices, every kink, every break-even.")]


class OfUnderlying(Answer):
    """`curve` null: `trouble` says why."""

    underlying: Annotated[str, Field(examples=["NIFTY"])]
    priced_at: Annotated[Instant | None, Field(description="Of the oldest price in it.")]
    trouble: Annotated[str, Field(examples=[""])]
    notes: Annotated[list[str], Field(description="What was assumed because it is not known.", examples=[[]])]
    curve: CurveShown | None


class AccountCost(Answer):
    """Estimates."""

    account: Annotated[str, Field(examples=["Alpha"])]
    margin: Annotated[Amount | None, Field(description="As the preview estimated it.", examples=["245000.5"])]
    charges_in: Money
    charges_out: Money


class PayoffShown(Answer):
    """`trouble`: why there is nothing at all: legs that mean no listed contract, a run that holds nothing."""

    trouble: Annotated[str, Field(examples=[""])]
    currency: Annotated[str, Field(examples=["INR"])]
    booked: Annotated[
        Amount, Field(description="Realised already; in the figures where there is one underlying.", examples=["0"])
    ]
    underlyings: list[OfUnderlying]
    accounts: list[AccountCost]


def payoff_shown(view: PayoffView) -> PayoffShown:
    return PayoffShown(
        trouble=view.subject.trouble,
        currency=view.subject.currency,
        booked=view.subject.booked,
        underlyings=[_underlying(group) for group in view.groups],
        accounts=[_account(line) for line in view.accounts],
    )


def _underlying(group: Group) -> OfUnderlying:
    curve = _curve(group)
    return OfUnderlying(
        underlying=group.name, priced_at=group.at, trouble=group.trouble, notes=list(group.notes), curve=curve
    )


def _curve(group: Group) -> CurveShown | None:
    found = group.payoff
    if found is None:
        return None
    return CurveShown(
        expires_at=found.expires,
        at=found.at,
        spot=found.spot,
        at_the_money_volatility=group.volatility,
        max_profit=_extreme(found.max_profit),
        max_loss=_extreme(found.max_loss),
        breakevens=[_short(price) for price in found.breakevens],
        is_exact=found.is_exact,
        chance_of_profit=found.chance,
        premium=_short(found.premium),
        profit=found.now,
        greeks=_greeks(found.greeks),
        legs=[_leg(line) for line in group.lines],
        points=[PointShown(price=_short(p.price), today=p.today, expiry=_short(p.expiry)) for p in found.points],
    )


def _leg(line: LegLine) -> PayoffLegShown:
    position = line.position
    return PayoffLegShown(
        symbol=position.contract.symbol,
        number=position.number,
        exchange=position.contract.exchange,
        units=position.units,
        lots=position.lots,
        entry=None if line.entry is None else _short(line.entry),
        price=line.price.value if line.price else None,
        priced_at=line.at,
        implied_volatility=line.volatility,
        volatility_is_assumed=line.figures.is_assumed,
        profit=line.figures.now,
        greeks=_greeks(line.figures.greeks),
        greeks_per_lot=_greeks(line.per_lot),
    )


def _account(line: AccountLine) -> AccountCost:
    return AccountCost(
        account=line.share.name, margin=line.share.margin, charges_in=line.going_in, charges_out=line.coming_out
    )


def _extreme(one: Extreme) -> ExtremeShown:
    at = None if one.at is None else _short(one.at)
    return ExtremeShown(amount=None if one.amount is None else _short(one.amount), at=at)


def _greeks(greeks: Greeks) -> GreeksShown:
    values = {name: getattr(greeks, name) for name in ("delta", "gamma", "theta", "vega")}
    return GreeksShown(**{name: None if value is None else _short(value) for name, value in values.items()})


def _short(value: Decimal) -> Decimal:
    """What need not end, as far as anybody needs it."""
    return value.quantize(Decimal("1e-6"))
