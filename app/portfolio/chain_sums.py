"""What an option chain says as a whole: put-call ratios, max pain, the strike at the money. Pure, exact.

A contract whose open interest is not known counts as none of it only while something is known; when nothing is, there
is no figure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.core.money import ZERO

STAYS = Decimal("0.6")  # of a step: the money must have gone so far towards the next strike before that is at the money


@dataclass(frozen=True, slots=True)
class Interest:
    """Open interest of a strike, in units."""

    call: Decimal | None
    put: Decimal | None


def total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """None when not one is known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if known else None


def ratio(puts: Decimal | None, calls: Decimal | None) -> Decimal | None:
    """Puts by calls; None where there are no calls to divide by."""
    return puts / calls if puts is not None and calls else None


def max_pain(interests: Mapping[Decimal, Interest]) -> Decimal | None:
    """The listed strike at which all options together would pay the least at expiry; of two, the lower."""
    if not any(one.call or one.put for one in interests.values()):
        return None
    paid = payouts(interests)
    return min(sorted(paid), key=lambda strike: paid[strike])


def payouts(interests: Mapping[Decimal, Interest]) -> dict[Decimal, Decimal]:
    """What all options together would pay if the underlying settled at each strike, in one walk up and one down."""
    ladder = sorted(interests)
    paid = dict.fromkeys(ladder, ZERO)
    for strikes, side in ((ladder, "call"), (ladder[::-1], "put")):
        units, value, before = ZERO, ZERO, strikes[0] if strikes else ZERO
        for strike in strikes:
            value += units * abs(strike - before)
            paid[strike] += value
            units, before = units + (getattr(interests[strike], side) or ZERO), strike
    return paid


def at_money(money: Decimal, ladder: Sequence[Decimal], before: Decimal | None = None) -> Decimal | None:
    """The strike nearest to `money`; the one `before` stays until its neighbour is clearly nearer, so that a price
    between two strikes does not make the mark jump to and fro. `ladder` ascending.
    """
    if not ladder:
        return None
    nearest = min(ladder, key=lambda strike: abs(strike - money))
    if before is None or before not in ladder or nearest == before:
        return nearest
    neighbours = abs(ladder.index(nearest) - ladder.index(before)) == 1
    return before if neighbours and abs(money - before) < STAYS * abs(nearest - before) else nearest


def window(ladder: Sequence[Decimal], centre: Decimal | None, span: int) -> Sequence[Decimal]:
    """`span` strikes on each side of `centre`; fewer where the ladder ends."""
    place = ladder.index(centre) if centre in ladder else len(ladder) // 2
    return ladder[max(0, place - span) : place + span + 1]


def straddle(call: Decimal | None, put: Decimal | None) -> Decimal | None:
    return call + put if call is not None and put is not None else None
