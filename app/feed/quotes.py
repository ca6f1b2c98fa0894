"""Whether a price may be trusted, and when it is too old.

A price that makes no sense is dropped with its reason. A jump may still be true (a cheap option doubles within one
tick): it is believed at once when the same quote's bid and ask stand around it, otherwise when a few further ticks
say the same. What is outside the circuit limits where they are on record, many times the last price, or a small
fraction of it, is believed only when it has stood for a while: a venue that sends nonsense sends a book that fits it,
and an exchange may have moved its limits since. A symbol is never locked to an old level for long.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.venues.types import Quote


class Distrust(StrEnum):
    NOT_A_NUMBER = "not a number"
    ZERO = "zero"  # how venues say "never traded"
    NEGATIVE = "negative"
    LATE = "older than what is known"
    JUMP = "too far from the last price"
    ABSURD = "many times the last price, or a fraction of it"
    OUTSIDE_LIMITS = "outside the circuit limits"
    OUTSIDE_BOOK = "far outside bid and ask"
    FROZEN = "from a feed that stands still"


@dataclass(frozen=True, slots=True)
class TrustRules:
    """`jump` and `book` are fractions of the last trusted price and of the nearer side of the book; `absurd` is how
    many times the last price (or the previous close, where there is none).
    """

    jump: Decimal = Decimal("0.5")
    book: Decimal = Decimal("0.5")
    confirmations: int = 3
    absurd: Decimal = Decimal(20)
    patience: timedelta = timedelta(seconds=30)  # so long an absurd level must stand
    memory: timedelta = timedelta(minutes=15)  # an older price is no measure for a new one


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of one symbol: the newest trusted quote, and a level that asks to be believed."""

    quote: Quote | None = None
    suspect: Decimal | None = None
    seen: int = 0
    suspected_at: datetime | None = None


CLOCK_SET_BACK = timedelta(minutes=1)  # further back than that, it was our clock and not the price

MUST_STAND = (Distrust.ABSURD, Distrust.OUTSIDE_LIMITS)

DEFAULT_RULES = TrustRules()
NOTHING_KNOWN = Trust()


def judge(
    trust: Trust, quote: Quote, rules: TrustRules = DEFAULT_RULES, band: Decimal | None = None
) -> tuple[Trust, Distrust | None]:
    """What is known after a quote, and why the quote was dropped if it was. `band` is how far the exchange lets the
    price go from the previous close, as a fraction of it; None: not known.
    """
    reason = _nonsense(quote.last) or _late(trust.quote, quote)
    if reason:
        return trust, reason
    quote = _with_sane_book(quote)
    doubt = _doubt(trust.quote, quote, rules, band)
    if doubt is None:
        return Trust(merge(quote, trust.quote)), None
    again = trust.suspect is not None and _near(quote.last, trust.suspect, rules.jump)
    seen, since = trust.seen + 1 if again else 1, (trust.suspected_at if again else None) or quote.received_at
    stood = doubt not in MUST_STAND or abs(quote.received_at - since) >= rules.patience
    if seen >= rules.confirmations and stood:
        return Trust(merge(quote, trust.quote)), None
    return Trust(trust.quote, quote.last, seen, since), doubt


def merge(new: Quote, old: Quote | None) -> Quote:
    """A bare price tick keeps the day's figures that an earlier, fuller quote of the same day gave."""
    if old is None:
        return new
    if new.ladder is None and old.ladder is not None:
        new = replace(new, ladder=old.ladder)  # it says itself how old it is
    if new.previous_close is not None and new.volume is not None:
        return new
    if old.received_at.date() != new.received_at.date():  # no venue trades over midnight UTC within one session
        return new
    return replace(
        new,
        open=_first(new.open, old.open),
        high=_first(new.high, old.high),
        low=_first(new.low, old.low),
        previous_close=_first(new.previous_close, old.previous_close),
        volume=_first(new.volume, old.volume),
        open_interest=_first(new.open_interest, old.open_interest),
    )


def is_stale(age: timedelta | None, limit: timedelta) -> bool:
    """Too old for a new decision; no price at all is stale too."""
    return age is None or age > limit


def is_price(price: Decimal) -> bool:
    return price.is_finite() and price > 0


def _nonsense(price: Decimal) -> Distrust | None:
    if not price.is_finite():
        return Distrust.NOT_A_NUMBER
    if price == 0:
        return Distrust.ZERO
    return Distrust.NEGATIVE if price < 0 else None


def _late(known: Quote | None, quote: Quote) -> Distrust | None:
    if known is None:
        return None
    behind = known.received_at - quote.received_at  # by our own clock: venues' stamps jump about
    return Distrust.LATE if timedelta(0) < behind < CLOCK_SET_BACK else None


def _with_sane_book(quote: Quote) -> Quote:
    """Without bid and ask where they are no prices or cross: the last price stands on its own."""
    bid, ask = _price_or_none(quote.bid), _price_or_none(quote.ask)
    if bid is not None and ask is not None and bid > ask:
        bid = ask = None
    return quote if bid is quote.bid and ask is quote.ask else replace(quote, bid=bid, ask=ask)


def _price_or_none(price: Decimal | None) -> Decimal | None:
    return price if price is not None and is_price(price) else None


def _doubt(known: Quote | None, quote: Quote, rules: TrustRules, band: Decimal | None) -> Distrust | None:
    if known is not None and quote.last == known.last:
        return None
    if band is not None and _outside_limits(known, quote, band):
        return Distrust.OUTSIDE_LIMITS
    remembered = known is not None and quote.received_at - known.received_at <= rules.memory
    if _is_absurd(quote.last, known.last if known and remembered else quote.previous_close, rules.absurd):
        return Distrust.ABSURD
    place = _outside_book(quote, rules.book)
    if place is not None:
        return Distrust.OUTSIDE_BOOK if place else None
    if known is None or not remembered:
        return None
    return None if _near(quote.last, known.last, rules.jump) else Distrust.JUMP


def _outside_limits(known: Quote | None, quote: Quote, band: Decimal) -> bool:
    """By the previous close of the same day; without one nothing is known."""
    close = _price_or_none(quote.previous_close)
    if close is None and known is not None and known.received_at.date() == quote.received_at.date():
        close = _price_or_none(known.previous_close)
    return close is not None and abs(quote.last - close) > close * band


def _is_absurd(price: Decimal, reference: Decimal | None, factor: Decimal) -> bool:
    measure = _price_or_none(reference)
    return measure is not None and (price > measure * factor or price * factor < measure)


def _outside_book(quote: Quote, share: Decimal) -> bool | None:
    """Whether the price is far outside the book; None where there is no book to ask."""
    if quote.bid is None or quote.ask is None:
        return None
    return quote.last < quote.bid * (1 - share) or quote.last > quote.ask * (1 + share)


def _near(price: Decimal, reference: Decimal, share: Decimal) -> bool:
    return abs(price - reference) <= reference * share


def _first(new: Decimal | None, old: Decimal | None) -> Decimal | None:
    return old if new is None else new


def age_of(quote: Quote | None, now: datetime) -> timedelta | None:
    return None if quote is None else max(now - quote.received_at, timedelta(0))
