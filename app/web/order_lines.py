"""Orders as the pages show them: with their account's name, the age of their state and how long each step took."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast

from flask import g
from sqlalchemy import select

from app.accounts.models import Account
from app.core.money import ZERO
from app.execution.external import can_adopt
from app.execution.models import Order, VenueOrder
from app.execution.refusals import RefusedCancel, refused_cancels
from app.execution.states import AT_VENUE, FINAL, IN_DOUBT, OrderState, can_cancel
from app.execution.timing import milliseconds
from app.venues.types import PriceType
from app.web.current import services
from app.web.words import EXITS, order_word

NOTHING_SENT = ("denied", "withdrawn", "unavailable")


@dataclass(frozen=True, slots=True)
class OrderLine:
    order: Order
    account: str
    mode: str
    currency: str
    age: float  # seconds since its state was last learned
    refused: RefusedCancel | None = None  # it works still, though its cancel was asked for

    @property
    def word(self) -> str | None:
        return order_word(self.order)

    @property
    def venue_id(self) -> str:
        """The venue's id of it, or why there is none."""
        return self.order.venue_order_id or ("not known" if self.order.state in IN_DOUBT else "none")

    @property
    def can_cancel(self) -> bool:
        return can_cancel(self.order.state) and self.order.cancel_asked_at is None

    @property
    def can_change(self) -> bool:
        """Whether the venue may be asked to work it on other terms."""
        order = self.order
        is_there = order.venue_order_id is not None and order.state in AT_VENUE and order.price_type != PriceType.OCO
        return is_there and order.state != OrderState.CANCEL_PENDING and order.cancel_asked_at is None

    @property
    def cancel_is_asked(self) -> bool:
        return self.order.cancel_asked_at is not None and self.order.state not in FINAL

    @property
    def is_exit(self) -> bool:
        return self.order.purpose in EXITS

    @property
    def piece(self) -> str:
        """ "2 of 3" when the wish was split."""
        return f"{self.order.slice} of {self.order.slices}" if self.order.slices > 1 else ""

    @property
    def steps(self) -> list[tuple[str, int]]:
        """What happened after its creation, each with the milliseconds from there."""
        order = self.order
        answer = ("answered", order.answered_at) if order.unknown_at is None else ("no answer", order.unknown_at)
        known = (("claimed", order.claimed_at), ("sent", order.sent_at), answer, ("filled", order.filled_at))
        return [(name, milliseconds(order.created_at, at)) for name, at in known if at is not None]


@dataclass(frozen=True, slots=True)
class Wish:
    """An intent with those of its orders that are shown."""

    intent_id: str
    lines: Sequence[OrderLine]

    @property
    def first(self) -> OrderLine:
        return self.lines[0]

    @property
    def quantity(self) -> Decimal:
        return sum((line.order.quantity for line in self.lines), ZERO)

    @property
    def filled(self) -> Decimal:
        return sum((line.order.filled_quantity for line in self.lines), ZERO)


@dataclass(frozen=True, slots=True)
class ForeignLine:
    """An order that somebody made elsewhere."""

    order: VenueOrder
    account: str
    age: float

    @property
    def can_adopt(self) -> bool:
        return can_adopt(self.order)


def keep_accounts(accounts: Iterable[Account]) -> None:
    """All of the owner's, the removed ones too, read already by who needed more of them."""
    g.owned_accounts = {account.id: account for account in accounts}


def owned_accounts(owner_id: str) -> dict[str, Account]:
    """By id, the removed ones too: their orders stay in the journal. Read once per request."""
    if "owned_accounts" not in g:
        with services().db.read() as session:
            rows = session.scalars(select(Account).where(Account.owner_id == owner_id).order_by(Account.name))
            g.owned_accounts = {row.id: row for row in rows}
    return cast("dict[str, Account]", g.owned_accounts)


def order_lines(orders: Iterable[Order], accounts: dict[str, Account]) -> list[OrderLine]:
    now, shown = services().clock.now(), list(orders)
    refused = refused_cancels(services().db, shown)
    return [order_line(order, accounts, now, refused.get(order.id)) for order in shown]


def order_line(
    order: Order, accounts: dict[str, Account], now: datetime, refused: RefusedCancel | None = None
) -> OrderLine:
    account = accounts[order.account_id]
    return OrderLine(order, account.name, account.mode, account.currency, seconds(order.updated_at, now), refused)


def wishes(lines: Sequence[OrderLine]) -> list[Wish]:
    """The lines by intent, in the order in which each intent first appears; slices ascending."""
    found: dict[str, list[OrderLine]] = {}
    for line in lines:
        found.setdefault(line.order.intent_id, []).append(line)
    return [Wish(key, sorted(group, key=lambda line: line.order.slice)) for key, group in found.items()]


def foreign_lines(orders: Iterable[VenueOrder], accounts: dict[str, Account]) -> list[ForeignLine]:
    now = services().clock.now()
    return [ForeignLine(order, accounts[order.account_id].name, seconds(order.last_seen_at, now)) for order in orders]


def seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
