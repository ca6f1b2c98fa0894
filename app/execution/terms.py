"""What can be changed about a working order, and what a venue's book proves about a change. Pure.

Invariants: an order's quantity never goes below what is filled; terms count as the venue's only when the venue named
them or its book shows them; a book that does not show an order proves nothing. Judging twice gives the same verdict.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.core.money import on_tick, plain
from app.venues.types import OrderReport, PriceType

PRICED = (PriceType.LIMIT, PriceType.SL)
TRIGGERED = (PriceType.SL, PriceType.SL_M)
HIGHEST = Decimal(100_000_000)  # no price or quantity of any exchange is above it


LESSEN = "lessen"  # what a change is for, to the gate, when less of a working entry is left by it


class ChangeState(StrEnum):
    ASKED = "asked"
    SENDING = "sending"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Terms:
    """The quantity is the total, what is filled included. Prices in the account's currency."""

    quantity: Decimal
    price_type: PriceType
    price: Decimal | None = None
    trigger_price: Decimal | None = None

    @property
    def clean(self) -> "Terms":
        """Without the prices that the price type does not use."""
        return Terms(
            self.quantity,
            self.price_type,
            self.price if self.price_type in PRICED else None,
            self.trigger_price if self.price_type in TRIGGERED else None,
        )

    def __str__(self) -> str:
        text = f"{plain(self.quantity)} {self.price_type.value}"
        if self.price_type in PRICED and self.price is not None:
            text += f" at {plain(self.price)}"
        if self.price_type in TRIGGERED and self.trigger_price is not None:
            text += f", trigger {plain(self.trigger_price)}"
        return text


@dataclass(frozen=True, slots=True)
class Contract:
    """What an exchange asks of an order in one instrument, in units and in its currency."""

    lot: Decimal
    tick: Decimal
    freeze: Decimal | None = None


def price_problems(terms: Terms, tick: Decimal) -> dict[str, str]:
    """By field, why an exchange would not take these prices."""
    needed = {"price": terms.price_type in PRICED, "trigger_price": terms.price_type in TRIGGERED}
    given = {"price": terms.price, "trigger_price": terms.trigger_price}
    found = {name: _price_problem(terms.price_type, name, given[name], tick) for name in needed if needed[name]}
    return {name: problem for name, problem in found.items() if problem}


def _price_problem(price_type: PriceType, name: str, value: Decimal | None, tick: Decimal) -> str:
    if value is None or not 0 < value < HIGHEST:
        return f"{price_type.value} needs a {name.replace('_', ' ')} above zero."
    if not on_tick(value, tick):
        return f"{plain(value)} is not a multiple of the tick {plain(tick)}."
    return ""


def change_problems(asked: Terms, now: Terms, filled: Decimal, contract: Contract) -> dict[str, str]:
    """By field, why a working order cannot be given these terms; empty when it can be asked for."""
    problems = price_problems(asked, contract.tick)
    if asked.quantity != now.quantity:
        problems |= _quantity_problem(asked.quantity, filled, contract)
    if not problems and asked.clean == now.clean:
        problems["price"] = "Nothing would change."
    return problems


def _quantity_problem(quantity: Decimal, filled: Decimal, contract: Contract) -> dict[str, str]:
    fault = next(_quantity_faults(quantity, filled, contract), None)
    return {"quantity": fault} if fault else {}


def _quantity_faults(quantity: Decimal, filled: Decimal, contract: Contract) -> Iterator[str]:
    if not 0 < quantity < HIGHEST:
        yield "Type a quantity above zero."
    elif quantity % contract.lot:
        yield f"{plain(quantity)} is not a multiple of the lot size {plain(contract.lot)}."
    elif quantity <= filled:
        yield f"{plain(filled)} are filled already: the quantity must be above that. To end it there, cancel the rest."
    elif contract.freeze is not None and quantity > contract.freeze:
        yield f"One order may carry {plain(contract.freeze)} at most: place another one for the rest."


class Finding(StrEnum):
    """What a book says about a change that was sent."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    TOO_LATE = "too late"  # the order ended with the terms of before
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class SentChange:
    """A change whose outcome a book is asked about; `is_done` when the venue said that it took it."""

    asked: Terms
    is_done: bool
    sent_at: datetime
    lookups: int  # books read after the send that did not show it, this one included


def judge(change: SentChange, report: OrderReport, now: datetime, lookups: int, window: timedelta) -> Finding:
    """What the row of a book, read after the send, proves. Both `lookups` and `window` must pass before a change that
    is not shown counts as never applied: until then the venue may still be working on it."""
    if shows(report, change.asked) or (change.is_done and report.status.is_final and _same_size(report, change.asked)):
        return Finding.APPLIED
    if report.status.is_final:
        return Finding.TOO_LATE
    if change.lookups >= lookups and now - change.sent_at > window:
        return Finding.NOT_APPLIED
    return Finding.WAIT


def shows(report: OrderReport, terms: Terms) -> bool:
    """Whether the venue's row has these terms. A trigger that has done its work is not shown by every venue."""
    wanted = terms.clean
    if not _same_size(report, wanted) or report.price_type is not wanted.price_type:
        return False
    is_priced = wanted.price is None or report.price == wanted.price
    return is_priced and (wanted.trigger_price is None or report.trigger_price in (None, wanted.trigger_price))


def _same_size(report: OrderReport, terms: Terms) -> bool:
    return report.quantity == terms.quantity
