"""Where a venue's book says otherwise than the desk's fills, and what that means for exits. Pure.

Quantities are signed units of one account, symbol and product: bought is positive, sold negative. Invariants: nothing
is concluded from one look alone unless foreign trades explain it to the unit, nor is what was proven given up for one;
what an order in doubt could explain is not called a difference; exits together never ask for more than the venue still
shows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.core.money import ZERO, plain

LOOKS_NEEDED = 2


@dataclass(frozen=True, slots=True)
class Look:
    """One comparison, of books that were read after the desk's last fill."""

    desk: Decimal
    venue: Decimal
    foreign: Decimal = ZERO  # what orders that are not the desk's have filled today
    doubtful_buys: Decimal = ZERO  # what orders whose fate is not known may have filled
    doubtful_sells: Decimal = ZERO

    @property
    def gap(self) -> Decimal:
        """What the venue holds more (or, negative, less) than the desk filled."""
        return self.venue - self.desk

    @property
    def is_explained_by_foreign_trades(self) -> bool:
        return self.foreign != 0 and self.foreign == self.gap

    def may_be_our_own(self, moved: Decimal) -> bool:
        """Orders in doubt could account for so much."""
        return -self.doubtful_sells <= moved <= self.doubtful_buys


@dataclass(frozen=True, slots=True)
class Difference:
    desk: Decimal
    venue: Decimal
    looks: int  # in a row that showed the same gap
    is_confirmed: bool

    @property
    def gap(self) -> Decimal:
        return self.venue - self.desk


def judge(before: Difference | None, look: Look) -> Difference | None:
    """The difference after this look, None when the books agree or may agree yet. A proven one is only moved by what
    orders in doubt can't account for."""
    proven = before if before and before.is_confirmed else None
    moved = look.gap - (proven.gap if proven else ZERO)
    if moved and look.may_be_our_own(moved):
        return proven
    if look.gap == 0:
        return None
    fresh = Difference(look.desk, look.venue, 1, look.is_explained_by_foreign_trades)
    if before is None or before.gap != look.gap or (proven is None and before.desk != look.desk):
        return fresh  # also where the desk traded meanwhile: two fills unheard of, one after the other, may look alike
    looks = before.looks + 1
    return replace(fresh, looks=looks, is_confirmed=before.is_confirmed or fresh.is_confirmed or looks >= LOOKS_NEEDED)


def is_given_up_too_soon(proven: Difference | None, now: Difference | None, gap_before: Decimal | None) -> bool:
    """Whether what is proven stands on for one more look. A fill that the desk has yet to hear of can make two books
    agree that don't, so two looks in a row must show the new gap (`gap_before`: what the last one showed, where it was
    not believed); only that more is gone is believed at once, where foreign trades prove it."""
    if proven is None or not proven.is_confirmed:
        return False
    gap = now.gap if now else ZERO
    has_grown = now is not None and now.is_confirmed and abs(gap) > abs(proven.gap) and gap * proven.gap > 0
    return gap not in (proven.gap, gap_before) and not has_grown


def seen_twice(now: Difference) -> Difference:
    return replace(now, looks=max(now.looks, LOOKS_NEEDED), is_confirmed=True)


def missing(desk: Decimal, venue: Decimal) -> Decimal:
    """How much of what the desk filled is no longer held there, signed as the desk's position: 65 of 65 bought, -65 of
    65 sold. Zero when the venue holds as much or more. It is more than the desk's position where the venue's is the
    other way round: legs of several runs may hold more than they come to together."""
    if desk > 0:
        return max(ZERO, desk - venue)
    return min(ZERO, desk - venue) if desk < 0 else ZERO


def surplus(desk: Decimal, venue: Decimal) -> Decimal:
    """What the venue holds beyond the desk's position and on its side: what a person may take over."""
    if desk == 0 or (desk > 0) == (venue - desk > 0):
        return venue - desk
    return ZERO


@dataclass(frozen=True, slots=True)
class HeldLeg:
    """What a leg of a run holds, from its fills; `held` is never negative."""

    leg_id: str
    is_bought: bool
    held: Decimal
    wants_out: bool
    came_after: bool = False  # entered when the books differed already: what was gone before it came is not its own
    is_unseen: bool = False  # entered after the last look, which can say nothing of it


def share_out(lacking: Decimal, legs: Iterable[HeldLeg]) -> dict[str, Decimal]:
    """How much of each leg's quantity is gone. Those that were there first are charged first, or the exit of an older
    leg would close what a newer one has opened; of these, legs that want out last: the others do not need it now."""
    left = abs(lacking)
    found: dict[str, Decimal] = {}
    for leg in sorted(legs, key=lambda leg: (leg.came_after, leg.wants_out, leg.leg_id)):
        if leg.is_bought != (lacking > 0) or leg.is_unseen or left <= 0:
            continue
        gone = min(leg.held, left)
        if gone > 0:
            found[leg.leg_id] = gone
            left -= gone
    return found


@dataclass(frozen=True, slots=True)
class ForeignTrade:
    """What an order that is not the desk's has filled today, as a person reads it."""

    venue_order_id: str
    side: str
    filled: Decimal  # signed
    price: Decimal | None
    at: str  # time of day in India


def likely_reason(look: Look, trades: Sequence[ForeignTrade], product: str) -> str:
    """A sentence for a person; what is a guess is called one."""
    if trades and look.is_explained_by_foreign_trades:
        told = ", ".join(_told(trade) for trade in trades)
        return f"Traded outside the desk: {told}."
    if trades:
        told = ", ".join(_told(trade) for trade in trades)
        return f"Traded outside the desk: {told}; that alone does not explain it."
    if look.venue == 0 and product == "MIS":
        return "No foreign trade is in today's order book: the broker may have squared it off."
    if look.venue == 0:
        return "No foreign trade is in today's order book: it may have expired, been settled or been closed elsewhere."
    return "No foreign trade is in today's order book: it may be of another day, or made elsewhere."


def _told(trade: ForeignTrade) -> str:
    return f"{trade.side} {plain(abs(trade.filled))} at ≈{trade.at} (order {trade.venue_order_id})"
