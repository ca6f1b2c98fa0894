"""Closing all that was opened by hand in some accounts, as the kill switch wants it; in the caller's unit of work.

Each position leaves by exits under one name, again and again until nothing is left: what fills after the first one is
closed too. Never more is asked for than is held, less what other exits, and working orders of that side, may still
fill. An account's row is locked while this is counted, so that a person who closes at the same moment closes the rest.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.clock import day_in_india
from app.core.errors import Denied
from app.core.money import ZERO, plain
from app.execution.closing import Gone, Place, Traded, add_up, exit_wish
from app.execution.desk import Gate, Wish, plan, submit
from app.execution.models import Intent, Order
from app.execution.states import FINAL, LIVE
from app.execution.tickets import VENUE_KIND, obstacle
from app.instruments.service import InstrumentService

MOST_REFUSALS = 6  # of one position, then a person must look
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=1)
BY_KILL_SWITCH = "kill switch"
DELIVERED = "CNC"  # shares held from an earlier day are no position


@dataclass(frozen=True, slots=True)
class Try:
    """One exit, in as many orders as it was cut into."""

    orders: Sequence[Order]

    @property
    def is_refused(self) -> bool:
        return any(order.failure == "refused" for order in self.orders)

    @property
    def reason(self) -> str:
        return next((order.reason for order in self.orders if order.failure and order.reason), "")

    @property
    def ended_at(self) -> datetime:
        return max(order.ended_at or order.updated_at for order in self.orders)


@dataclass(frozen=True, slots=True)
class Held:
    """One position of no run, and the exits sent for it under the name, oldest first."""

    place: Place
    traded: Traded
    tries: Sequence[Try] = ()
    fault: str = ""  # why the desk can write no exit
    wish: Wish | None = None  # the next exit

    @property
    def closable(self) -> Decimal:
        return max(ZERO, self.traded.closable - self.traded.against)

    @property
    def is_left(self) -> bool:
        return abs(self.traded.held) > self.traded.gone or self.traded.leaving > 0

    @property
    def is_given_up(self) -> bool:
        return sum(each.is_refused for each in self.tries) >= MOST_REFUSALS

    def is_due(self, now: datetime, again: bool = False) -> bool:
        """Whether an exit goes now; `again`: a person asked once more."""
        if self.closable <= 0 or self.fault:
            return False
        if not self.tries or (again and not self.traded.leaving):
            return True
        return not self.traded.leaving and not self.is_given_up and now >= self._next_at

    @property
    def _next_at(self) -> datetime:
        last = self.tries[-1]
        failed = sum(any(order.failure for order in each.orders) for each in self.tries)
        return last.ended_at + (min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failed - 1, 5)) if failed else timedelta())

    @property
    def trouble(self) -> str:
        """What a person must know; empty while all goes well."""
        name = self.place.symbol
        if self.fault or not self.tries or not self.tries[-1].reason:
            return f"{name}: {self.fault}" if self.fault else ""
        said = self.tries[-1].reason.rstrip(".")
        if self.is_given_up:
            left = plain(abs(self.traded.held) - self.traded.gone)
            return (
                f"{name}: its exit was refused {MOST_REFUSALS} times ({said}), {left} are held. Press again to try it."
            )
        return f"{name}: its exit failed ({said}) and is tried again."


class Flattener:
    def __init__(self, instruments: InstrumentService, gate: Gate, gone: Gone) -> None:
        self._instruments = instruments
        self._gate = gate
        self._gone = gone

    def held(self, session: Session, accounts: Sequence[Account], name: str, now: datetime) -> list[Held]:
        """What is left of all that was opened by hand. `name` is that of the exits."""
        owned = {account.id: account for account in accounts}
        tries = _tries(session, list(owned), name)
        found = [
            self._look(session, owned[place.account_id], place, orders, name, tries.get(place, ()), now)
            for place, orders in _by_place(session, list(owned)).items()
        ]
        return [each for each in found if each.is_left]

    def exit(
        self, session: Session, accounts: Sequence[Account], name: str, now: datetime, again: bool = False
    ) -> Counter[str]:
        """Write an exit for each position that is due; what was left of positions in each account before."""
        _lock(session, accounts)
        held = self.held(session, accounts, name, now)
        for each in held:
            if each.wish is not None and each.is_due(now, again):
                submit(session, each.wish, now, self._gate)
        return Counter(each.place.account_id for each in held)

    def _look(
        self, session: Session, account: Account, place: Place, orders: Sequence[Order], name: str,
        tries: Sequence[Try], now: datetime,
    ) -> Held:  # fmt: skip
        traded = add_up(orders)
        if not traded.held and not traded.leaving:
            return Held(place, traded)
        instrument = self._instruments.find(VENUE_KIND, place.exchange, place.symbol)
        today = day_in_india(now)
        if _is_delivered(place, orders, today) or (instrument and instrument.expiry and instrument.expiry < today):
            return Held(place, Traded())
        held = Held(place, add_up(orders, self._gone(session, place)), tries)
        if instrument is None:
            return replace(held, fault="it is in no list of contracts any more. Close it at the broker.")
        freeze = self._instruments.freeze_quantity(instrument, today)
        key = f"{name}:{place.account_id}:{place.exchange}:{place.symbol}:{place.product}:{len(tries) + 1}"
        what = (held.closable, held.traded.side)
        wish = exit_wish(account.owner_id, place, key, what, instrument, freeze, BY_KILL_SWITCH)
        return replace(held, wish=wish, fault=obstacle(account) or self._denial(session, wish))

    def _denial(self, session: Session, wish: Wish) -> str:
        try:
            if wish.quantity > 0:
                plan(session, wish, self._gate)
        except Denied as denied:
            return denied.message
        return ""


def _is_delivered(place: Place, orders: Iterable[Order], today: date) -> bool:
    """Shares of an earlier day were delivered: an investment, no position."""
    return place.product == DELIVERED and not any(
        order.state not in FINAL or (order.filled_at and day_in_india(order.filled_at) == today) for order in orders
    )


def _lock(session: Session, accounts: Sequence[Account]) -> None:
    ids = [account.id for account in accounts]
    session.execute(select(Account.id).where(Account.id.in_(ids)).order_by(Account.id).with_for_update()).all()


def _by_place(session: Session, account_ids: Sequence[str]) -> dict[Place, list[Order]]:
    asked = select(Order).where(
        Order.account_id.in_(account_ids),
        Order.account_run_id.is_(None),
        or_(Order.filled_at.is_not(None), Order.state.in_(LIVE)),
    )
    return _grouped(session.scalars(asked.execution_options(populate_existing=True)), _place)


def _tries(session: Session, account_ids: Sequence[str], name: str) -> dict[Place, list[Try]]:
    asked = (
        select(Order)
        .join(Intent, Intent.id == Order.intent_id)
        .where(Order.account_id.in_(account_ids), Intent.key.startswith(f"{name}:", autoescape=True))
        .order_by(Order.id)
    )
    by_place = _grouped(session.scalars(asked.execution_options(populate_existing=True)), _place)
    return {
        place: [Try(slices) for slices in _grouped(orders, lambda order: order.intent_id).values()]
        for place, orders in by_place.items()
    }


def _place(order: Order) -> Place:
    return Place(order.account_id, order.exchange, order.symbol, order.product)


K = TypeVar("K")


def _grouped(orders: Iterable[Order], key: Callable[[Order], K]) -> dict[K, list[Order]]:
    found: dict[K, list[Order]] = defaultdict(list)
    for order in orders:
        found[key(order)].append(order)
    return found
