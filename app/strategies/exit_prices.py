"""At which price an exit goes, and what becomes of one that rests. Pure.

Invariants: a price is a whole number of ticks and above zero; rounding is towards a fill; without a fresh price an exit
goes at market rather than not at all. A resting exit is given new terms by one change at a time; where a change is
refused, lost or late it is cancelled instead, and what it leaves is asked for anew only when it has ended.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Protocol

from app.core.money import ZERO
from app.execution.terms import ChangeState
from app.strategies.exit_rule import ExitRule
from app.venues.types import PriceType, Quote, Side, Symbol

PATIENCE = timedelta(seconds=3)  # for a change to be answered; an order in doubt about its terms can be cancelled
UNFINISHED = (ChangeState.ASKED, ChangeState.SENDING, ChangeState.UNKNOWN)


class Means(Protocol):
    """What the engine knows that decides how an exit goes."""

    def quote(self, symbol: Symbol) -> Quote | None:
        """The newest price, where it is young enough to decide by."""
        ...

    def protection(self, account_id: str) -> Decimal | None:
        """In percent how far from the market an order at market may fill, for an account that takes no plain ones."""
        ...

    def can_change(self, account_id: str) -> bool:
        """Whether the account's venue changes working orders."""
        ...

    def freeze(self, account_id: str, symbol: Symbol) -> Decimal | None:
        """The most units that one order may carry today; None where that is not known."""
        ...


class AnyMarket:
    """Knows no price and no venue: everything goes at market, and what rests is cancelled."""

    def quote(self, symbol: Symbol) -> Quote | None:
        return None

    def protection(self, account_id: str) -> Decimal | None:
        return None

    def can_change(self, account_id: str) -> bool:
        return False

    def freeze(self, account_id: str, symbol: Symbol) -> Decimal | None:
        return None


@dataclass(frozen=True, slots=True)
class ExitTerms:
    price_type: PriceType = PriceType.MARKET
    price: Decimal | None = None


def limit_terms(rule: ExitRule, side: Side, quote: Quote | None, tick: Decimal) -> ExitTerms | None:
    """Of an exit's first order; None when it goes at market."""
    if not rule.is_limit or quote is None or quote.last <= ZERO:
        return None
    step = rule.offset * tick if rule.offset_unit == "ticks" else quote.last * rule.offset / 100
    return ExitTerms(PriceType.LIMIT, on_side(side, quote.last - side.sign * step, tick))


def market_terms(side: Side, quote: Quote | None, protection: Decimal | None, tick: Decimal) -> ExitTerms:
    """At market, or at a limit that crosses the book by `protection` percent."""
    if protection is None or quote is None:
        return ExitTerms()
    touch = (quote.ask if side is Side.BUY else quote.bid) or quote.last
    if touch <= ZERO:
        return ExitTerms()
    return ExitTerms(PriceType.LIMIT, on_side(side, touch * (1 + side.sign * protection / 100), tick))


def on_side(side: Side, price: Decimal, tick: Decimal) -> Decimal:
    """The nearest price on a tick that fills no later: up for a purchase, down for a sale, never below one tick."""
    if tick <= ZERO:
        return price
    ticks = (price / tick).to_integral_value(ROUND_CEILING if side is Side.BUY else ROUND_FLOOR)
    return max(ticks, Decimal(1)) * tick


class Turn(StrEnum):
    """What to do with an exit that rests."""

    WAIT = "wait"
    CHANGE = "change"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class NewTerms:
    """The newest change that was asked for of an order."""

    state: ChangeState
    is_desks: bool  # False: a person asked for it
    asked_at: datetime
    ended_at: datetime | None = None


def turn_of(sent_at: datetime, newest: NewTerms | None, after: timedelta, now: datetime) -> Turn:
    """For an exit that works at the venue at a limit."""
    since = sent_at
    if newest is not None and newest.state is ChangeState.DONE and newest.ended_at is not None:
        since = max(sent_at, newest.ended_at)
    if now - since < after:
        return Turn.WAIT
    if newest is None:
        return Turn.CHANGE
    if newest.state in UNFINISHED:
        return Turn.CANCEL if now - newest.asked_at >= max(after, PATIENCE) else Turn.WAIT
    if newest.is_desks and newest.state is not ChangeState.DONE:
        return Turn.CANCEL
    return Turn.CHANGE
