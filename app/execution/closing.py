"""Closing what was opened by hand: an exit sized by the desk's own fills, less the exits that may still fill.

What runs hold is theirs to close, and what somebody traded elsewhere is not touched. The account's row is locked while
the quantity is counted and journaled, so two closes at once are one: the second finds nothing left. What is proven to
be gone at the venue is not asked for.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock, day_in_india
from app.core.db import Database, after_commit
from app.core.errors import Denied, NotFound
from app.core.link import Link
from app.core.money import ZERO, plain
from app.execution.desk import Gate, Wish, known_orders, submit
from app.execution.models import Order
from app.execution.states import FINAL, LIVE, OrderState
from app.execution.tickets import VENUE_KIND, obstacle
from app.instruments.models import Instrument
from app.instruments.service import InstrumentService
from app.venues.types import Side, Symbol

EXIT = "exit"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a position is held."""

    account_id: str
    exchange: str
    symbol: str
    product: str


@dataclass(frozen=True, slots=True)
class Traded:
    """What the orders of no run came to. `held` is signed; `leaving` is what exits may still fill, `gone` what the
    venue holds no more of it, `against` what working orders of the other side may still fill: none is negative."""

    held: Decimal = ZERO
    leaving: Decimal = ZERO
    working_entries: int = 0
    gone: Decimal = ZERO
    against: Decimal = ZERO

    @property
    def closable(self) -> Decimal:
        """What an exit may ask for and not a unit more."""
        return max(ZERO, abs(self.held) - self.gone - self.leaving)

    @property
    def side(self) -> Side:
        """Of the order that closes it."""
        return Side.SELL if self.held > 0 else Side.BUY


Gone = Callable[[Session, Place], Decimal]  # signed: what the venue is proven to hold no more, beside the runs' part


def add_up(orders: Iterable[Order], gone: Decimal = ZERO) -> Traded:
    """Orders of one place. An exit in doubt counts as one that may fill whole; an order that is LOST does not."""
    held, leaving, entries = ZERO, ZERO, 0
    working = dict.fromkeys(Side, ZERO)
    for order in orders:
        held += Side(order.side).sign * order.filled_quantity
        if order.state in FINAL:
            continue
        rest = max(ZERO, order.quantity - order.filled_quantity)
        if order.purpose == EXIT:
            leaving += rest
        else:
            working[Side(order.side)] += rest
            entries += 1
    against = working[Side.SELL if held > 0 else Side.BUY] if held else ZERO
    return Traded(held, leaving, entries, abs(gone) if gone * held > 0 else ZERO, against)


class ClosingService:
    """Every method takes the owner first: somebody else's account is not found."""

    def __init__(
        self, db: Database, clock: Clock, link: Link, trail: Trail, instruments: InstrumentService, gate: Gate,
        gone: Gone,
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail
        self._instruments = instruments
        self._gate = gate
        self._gone = gone

    def traded(self, owner_id: str, place: Place) -> Traded:
        """What was traded by hand in one place; nothing in somebody else's."""
        with self._db.read() as session:
            orders = [order for order in _orders(session, place) if order.owner_id == owner_id]
            return add_up(orders, self._gone(session, place) if orders else ZERO)

    def leaving(self, owner_id: str) -> dict[Place, Decimal]:
        """By place what exits of no run may still fill. One query over what is unfinished."""
        exits = select(Order).where(
            Order.owner_id == owner_id,
            Order.account_run_id.is_(None),
            Order.purpose == EXIT,
            Order.state.in_(LIVE),
        )
        found: dict[Place, list[Order]] = defaultdict(list)
        with self._db.read() as session:
            for order in session.scalars(exits):
                found[Place(order.account_id, order.exchange, order.symbol, order.product)].append(order)
        return {place: add_up(orders).leaving for place, orders in found.items()}

    def close(self, owner_id: str, place: Place, key: str) -> list[str]:
        """Journal a market exit of all that may be closed; the ids of its orders. The same key gives the same ones.
        Raises Denied when there is nothing to close."""
        instrument = self._instruments.find(VENUE_KIND, place.exchange, place.symbol)
        if instrument is None:
            raise NotFound("There is no such position.")
        freeze = self._instruments.freeze_quantity(instrument, day_in_india(self._clock.now()))
        try:
            return self._close(owner_id, place, key, instrument, freeze)
        except IntegrityError:  # the same click twice in the same instant: the other one closed it
            return self._close(owner_id, place, key, instrument, freeze)

    def _close(
        self, owner_id: str, place: Place, key: str, instrument: Instrument, freeze: Decimal | None
    ) -> list[str]:
        with self._db.write(durable=True) as session:
            account = _locked(session, owner_id, place.account_id)
            known = known_orders(session, [(owner_id, key)])
            if known:
                return known[owner_id, key]
            now = add_up(_orders(session, place), self._gone(session, place))
            if now.closable <= 0:
                raise Denied(_nothing(now, place))
            trouble = obstacle(account)
            if trouble:
                raise Denied(f"{trouble} Nothing was sent.")
            wish = exit_wish(owner_id, place, key, (now.closable, now.side), instrument, freeze, "closed by hand")
            ids = submit(session, wish, self._clock.now(), self._gate)
            about = {"symbol": place.symbol, "side": now.side.value, "quantity": str(now.closable)}
            self._trail.record(session, actors.current(), "position.closed", ("account", account.id), about)
            after_commit(session, lambda: self._link.send("runs", {}))
            return ids


def exit_wish(
    owner_id: str, place: Place, key: str, what: tuple[Decimal, Side], instrument: Instrument, freeze: Decimal | None,
    why: str,
) -> Wish:  # fmt: skip
    """At market; `what` is how much, and the side of the exit."""
    quantity, side = what
    whole = quantity % instrument.lot_size == 0
    return Wish(
        key=key,
        owner_id=owner_id,
        account_id=place.account_id,
        purpose=EXIT,
        symbol=Symbol(place.exchange, place.symbol),
        side=side,
        quantity=quantity,
        product=place.product,
        lot=instrument.lot_size if whole else Decimal(1),  # a part fill of odd size must still get out
        freeze=freeze,
        reason=why,
    )


def _nothing(now: Traded, place: Place) -> str:
    if now.leaving:
        return f"{place.symbol} is being closed already: nothing more was sent."
    if now.gone:
        return (
            f"{place.symbol} was closed outside the desk: the broker holds {plain(now.gone)} of it no more. "
            "Nothing was sent; accept the broker's book on the positions page."
        )
    return f"Nothing of {place.symbol} that was opened by hand is held: what runs hold, their own exit closes."


def _locked(session: Session, owner_id: str, account_id: str) -> Account:
    account = session.scalar(
        select(Account).where(Account.id == account_id, Account.owner_id == owner_id).with_for_update()
    )
    if account is None:
        raise NotFound("There is no such account.")
    return account


def _orders(session: Session, place: Place) -> Sequence[Order]:
    return session.scalars(
        select(Order).where(
            Order.account_id == place.account_id,
            Order.account_run_id.is_(None),
            Order.exchange == place.exchange,
            Order.symbol == place.symbol,
            Order.product == place.product,
        )
    ).all()


def new_by_hand(session: Session) -> Sequence[Order]:
    """For the engine: orders of no run that nobody has sent yet, oldest first."""
    return session.scalars(
        select(Order).where(Order.state == OrderState.NEW, Order.account_run_id.is_(None)).order_by(Order.id)
    ).all()
