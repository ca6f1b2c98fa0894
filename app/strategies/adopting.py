"""What a person does about trades that were made outside the desk: take over an order or a position, or say that a leg
was closed there. Each is said in numbers first, done once, and audited; nothing here is ever sent.

An adopted position becomes a run of its own that is open with one filled leg, so that everything which exits a run
exits it too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock, day_in_india
from app.core.db import Database, after_commit
from app.core.errors import Denied, NotFound
from app.core.ids import new_id
from app.core.link import Link
from app.core.money import ZERO, plain
from app.core.owning import owned
from app.execution import external
from app.execution.external import Booked
from app.execution.models import Intent, Order, VenueOrder
from app.execution.states import LIVE, OrderState
from app.instruments.service import InstrumentService
from app.portfolio.differences import missing, share_out, surplus
from app.portfolio.models import PositionDifference, VenuePosition
from app.portfolio.trades import PositionKey
from app.strategies.gone import EXIT_PURPOSES, Looks, held_legs, loose
from app.strategies.models import AccountRun, LegRun, Run, Strategy
from app.venues.types import Side, Symbol

NAME = "Adopted positions"
FRESH = timedelta(minutes=5)
_DECIDED = "Somebody decided this in the same moment: nothing was done twice."


@dataclass(frozen=True, slots=True)
class LegGap:
    """Of what a leg holds, `lacking` is no longer at the broker, which shows `venue` (signed) of the desk's `desk`."""

    difference: PositionDifference
    held: Decimal
    lacking: Decimal

    @property
    def remains(self) -> Decimal:
        return self.held - self.lacking


@dataclass(frozen=True, slots=True)
class ToldLeg:
    leg: LegRun
    account_id: str
    run_id: str


class Adopting:
    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail, instruments: InstrumentService) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail
        self._instruments = instruments

    # -- looking

    def differences(self, owner_id: str, account_ids: Sequence[str] | None = None) -> Sequence[PositionDifference]:
        """What stands, newest first; those seen once only are not told."""
        query = select(PositionDifference).where(
            PositionDifference.owner_id == owner_id, PositionDifference.is_confirmed
        )
        if account_ids is not None:
            query = query.where(PositionDifference.account_id.in_(account_ids))
        with self._db.read() as session:
            return session.scalars(query.order_by(PositionDifference.first_seen_at.desc())).all()

    def difference(self, owner_id: str, difference_id: str) -> PositionDifference:
        with self._db.read() as session:
            return owned(session, PositionDifference, owner_id, difference_id, "difference")

    def foreign_order(self, owner_id: str, seq: int) -> VenueOrder:
        with self._db.read() as session:
            return _foreign(session, owner_id, VenueOrder.seq == seq)

    def leg_of(self, owner_id: str, leg_run_id: str) -> ToldLeg:
        """Raises NotFound for somebody else's leg."""
        with self._db.read() as session:
            leg, part = _leg(session, owner_id, leg_run_id)
            return ToldLeg(leg, part.account_id, part.run_id)

    def leg_gaps(self, owner_id: str, account_ids: Sequence[str], account_run_ids: Sequence[str]) -> dict[str, LegGap]:
        """By leg run of live and of these parts: where something of it is gone. One query where nothing is."""
        found: dict[str, LegGap] = {}
        for row in self.differences(owner_id, account_ids):
            key = PositionKey(row.account_id, row.exchange, row.symbol, row.product)
            with self._db.read() as session:
                legs = held_legs(session, key, _looks(row), account_run_ids)
            shares = share_out(missing(row.desk_quantity, row.venue_quantity), legs)
            found |= {leg.leg_id: LegGap(row, leg.held, shares[leg.leg_id]) for leg in legs if leg.leg_id in shares}
        return found

    def leg_gap(self, owner_id: str, leg_run_id: str) -> LegGap | None:
        """None when the broker's book agrees with the desk there. Raises NotFound for somebody else's leg."""
        with self._db.read() as session:
            leg, part = _leg(session, owner_id, leg_run_id)
            return _gap(session, leg, part)

    # -- deciding

    def adopt_order(self, owner_id: str, account_id: str, venue_order_id: str) -> str:
        """An order that somebody made elsewhere becomes the desk's; its id. Raises Denied when it can't, or is."""
        which = (VenueOrder.account_id == account_id) & (VenueOrder.venue_order_id == venue_order_id)
        why = f"Adopted by {actors.current().name}; who made it is not known."
        try:
            with self._db.write(durable=True) as session:
                row = _foreign(session, owner_id, which)
                _check_no_run_is_against(session, row)
                order_id = external.adopt(session, owner_id, row, why, self._clock.now())
                about = {"account_id": account_id, "venue_order_id": venue_order_id, "symbol": row.symbol}
                self._done(session, "order.adopted", ("order", order_id), about, order_id)
                return order_id
        except IntegrityError as error:
            raise Denied(_DECIDED) from error

    def adopt_position(self, owner_id: str, difference_id: str, quantity: Decimal) -> str:
        """What the venue holds beyond the desk's own becomes an open run; its id. `quantity` is what the person was
        shown, unsigned."""
        now = self._clock.now()
        try:
            with self._db.write(durable=True) as session:
                row = owned(session, PositionDifference, owner_id, difference_id, "difference", is_changed=True)
                extra = surplus(row.desk_quantity, row.venue_quantity)
                self._check(row, abs(extra), quantity, now)
                run_id, order_id = self._open_run(session, row, extra, now)
                _settle(session, row, extra)
                about = {"account_id": row.account_id, "symbol": row.symbol, "quantity": plain(extra)}
                self._done(session, "position.adopted", ("run", run_id), about, order_id)
                return run_id
        except IntegrityError as error:
            raise Denied(_DECIDED) from error

    def accept(self, owner_id: str, leg_run_id: str, quantity: Decimal) -> str:
        """The leg's `quantity` was closed outside the desk: booked as its exit, not sent. The id of what was booked."""
        now = self._clock.now()
        try:
            with self._db.write(durable=True) as session:
                leg, part = _leg(session, owner_id, leg_run_id)
                gap = _gap(session, leg, part, is_decided_on=True)
                if gap is None:
                    raise Denied("The broker's book agrees with the desk here: there is nothing to accept.")
                self._check(gap.difference, gap.lacking, quantity, now)
                order_id = self._book_exit(session, leg, part, gap, now)
                _settle(session, gap.difference, -Side(leg.side).sign * gap.lacking)
                part.trouble = ""
                about = {"account_id": part.account_id, "symbol": leg.symbol, "quantity": plain(gap.lacking)}
                self._done(session, "position.accepted", ("leg", leg_run_id), about, order_id)
                return order_id
        except IntegrityError as error:
            raise Denied(_DECIDED) from error

    def accept_position(self, owner_id: str, difference_id: str, quantity: Decimal) -> str:
        """As `accept`, for what the desk filled outside of live runs: by hand, or in runs that have ended."""
        now = self._clock.now()
        try:
            with self._db.write(durable=True) as session:
                row = owned(session, PositionDifference, owner_id, difference_id, "difference", is_changed=True)
                loose = _loose(session, row)
                self._check(row, abs(loose), quantity, now)
                booked = Booked(
                    f"accepted:{row.id}", owner_id, row.account_id, Symbol(row.exchange, row.symbol), row.product,
                    Side.SELL if loose > 0 else Side.BUY, abs(loose), row.foreign_price, external.PURPOSE,
                    _closed_why(row), venue_order_id=_whole_foreign_order(session, row, abs(loose)),
                )  # fmt: skip
                order_id = external.book(session, booked, now)
                _settle(session, row, -loose)
                about = {"account_id": row.account_id, "symbol": row.symbol, "quantity": plain(loose)}
                self._done(session, "position.accepted", ("order", order_id), about, order_id)
                return order_id
        except IntegrityError as error:
            raise Denied(_DECIDED) from error

    def loose(self, owner_id: str, difference_id: str) -> Decimal:
        """What of the desk's own outside of live runs is gone at the broker, signed as it was held; zero for none."""
        with self._db.read() as session:
            return _loose(session, owned(session, PositionDifference, owner_id, difference_id, "difference"))

    def _check(self, row: PositionDifference, now_offered: Decimal, shown: Decimal, now: datetime) -> None:
        if not row.is_confirmed or now_offered == 0:
            raise Denied("The difference is not proven any more: look again, nothing was changed.")
        if now_offered != shown:
            raise Denied(f"It is {plain(now_offered)} now, not {plain(shown)}: look again, nothing was changed.")
        if now - row.last_seen_at > FRESH:
            raise Denied("The broker's book was not read for some minutes: refresh the account first.")

    def _book_exit(self, session: Session, leg: LegRun, part: AccountRun, gap: LegGap, now: datetime) -> str:
        row = gap.difference
        last = session.scalar(
            select(func.max(Intent.attempt)).where(Intent.leg_run_id == leg.id, Intent.purpose.in_(EXIT_PURPOSES))
        )
        booked = Booked(
            key=f"accepted:{row.id}:{leg.id}",
            owner_id=part.owner_id,
            account_id=part.account_id,
            symbol=Symbol(leg.exchange, leg.symbol),
            product=leg.product,
            side=Side(leg.side).opposite,
            quantity=gap.lacking,
            price=row.foreign_price,
            purpose="exit",
            reason=_closed_why(row),
            account_run_id=part.id,
            leg_run_id=leg.id,
            attempt=(last or 0) + 1,
            venue_order_id=_whole_foreign_order(session, row, gap.lacking),
        )
        return external.book(session, booked, now)

    def _open_run(self, session: Session, row: PositionDifference, extra: Decimal, now: datetime) -> tuple[str, str]:
        account = session.get_one(Account, row.account_id)
        side = Side.BUY if extra > 0 else Side.SELL
        strategy_id = _strategy_of(session, row.owner_id, account.venue_kind, now)
        run = Run(
            id=new_id(), owner_id=row.owner_id, strategy_id=strategy_id, key=f"adopted:{row.id}", version=1, legs=[],
            name=f"Adopted: {row.symbol}", on_failure="hold", venue_kind=account.venue_kind, state="open",
            accounts=[{"account_id": account.id, "multiplier": "1"}], requested_at=now, started_at=now,
        )  # fmt: skip
        session.add(run)
        session.flush()
        part = AccountRun(
            id=new_id(), run_id=run.id, owner_id=row.owner_id, account_id=account.id, multiplier=Decimal(1),
            on_failure="hold", state="open", started_at=now,
        )  # fmt: skip
        session.add(part)
        session.flush()
        leg = self._leg_run(part, row, side, abs(extra), account.venue_kind, now)
        session.add(leg)
        session.flush()
        booked = Booked(
            f"external-position:{row.id}", row.owner_id, account.id, Symbol(row.exchange, row.symbol), row.product,
            side, abs(extra), _venue_average(session, row), external.PURPOSE, _adopted_why(row), part.id, leg.id,
        )  # fmt: skip
        return run.id, external.book(session, booked, now)

    def _leg_run(
        self, part: AccountRun, row: PositionDifference, side: Side, quantity: Decimal, kind: str, now: datetime
    ) -> LegRun:
        known = self._instruments.find(kind, row.exchange, row.symbol)
        lot = known.lot_size if known else Decimal(1)
        return LegRun(
            id=new_id(), account_run_id=part.id, number=1, exchange=row.exchange, symbol=row.symbol, side=side.value,
            lots=int(quantity // lot), lot_size=lot, tick=known.tick if known else Decimal("0.05"),
            freeze_quantity=self._instruments.freeze_quantity(known, day_in_india(now)) if known else None,
            quantity=quantity, product=row.product, price_type="MARKET", price=None,
        )  # fmt: skip

    def _done(
        self, session: Session, action: str, subject: tuple[str, str], about: dict[str, Any], order_id: str
    ) -> None:
        self._trail.record(session, actors.current(), action, subject, about)
        after_commit(session, lambda: self._link.send("decided", {"order_id": order_id}))


def _foreign(session: Session, owner_id: str, which: Any) -> VenueOrder:
    query = select(VenueOrder).join(Account, Account.id == VenueOrder.account_id)
    found = session.scalar(query.where(which, Account.owner_id == owner_id))
    if found is None:
        raise NotFound("There is no such order at the venue.")
    return found


def _check_no_run_is_against(session: Session, row: VenueOrder) -> None:
    """As the desk's own it would hide that a leg is gone there, and the leg's exit would sell it again."""
    legs = held_legs(session, PositionKey(row.account_id, row.exchange, row.symbol, row.product), _looks(row))
    if any(leg.held > 0 and leg.is_bought != (row.side == Side.BUY) for leg in legs):
        raise Denied(
            f"A live run holds the other side of {row.symbol} in this account: where this order closed it, accept the "
            "broker's book on the run's page. Nothing was changed."
        )


def _leg(session: Session, owner_id: str, leg_run_id: str) -> tuple[LegRun, AccountRun]:
    leg = session.get(LegRun, leg_run_id)
    part = session.get(AccountRun, leg.account_run_id) if leg else None
    if leg is None or part is None or part.owner_id != owner_id:
        raise NotFound("There is no such leg.")
    return leg, part


def _gap(session: Session, leg: LegRun, part: AccountRun, is_decided_on: bool = False) -> LegGap | None:
    query = select(PositionDifference).where(
        PositionDifference.account_id == part.account_id,
        PositionDifference.exchange == leg.exchange,
        PositionDifference.symbol == leg.symbol,
        PositionDifference.product == leg.product,
        PositionDifference.is_confirmed,
    )
    row = session.scalar(query.with_for_update() if is_decided_on else query)
    if row is None:
        return None
    lacking = missing(row.desk_quantity, row.venue_quantity)
    if lacking * Side(leg.side).sign <= 0:
        return None
    held, is_leaving = _held(session, leg.id)
    if is_leaving:
        raise Denied("An exit of this leg is on its way: wait until its end is known.")
    gone = min(held, abs(lacking))
    return LegGap(row, held, gone) if gone > 0 else None


def _held(session: Session, leg_run_id: str) -> tuple[Decimal, bool]:
    """What it holds, and whether an exit of it is at the venue or may be."""
    held, is_leaving = ZERO, False
    for order in session.scalars(select(Order).where(Order.leg_run_id == leg_run_id)):
        is_exit = order.purpose in EXIT_PURPOSES
        held += -order.filled_quantity if is_exit else order.filled_quantity
        is_leaving = is_leaving or (is_exit and order.state in LIVE and order.state != OrderState.NEW)
    return held, is_leaving


def _settle(session: Session, row: PositionDifference, by: Decimal) -> None:
    """The desk's own position moved by so much: what is left of the difference stands on."""
    row.desk_quantity += by
    if row.desk_quantity == row.venue_quantity:
        session.delete(row)
    session.flush()


def _whole_foreign_order(session: Session, row: PositionDifference, quantity: Decimal) -> str | None:
    """The foreign order that was this closing and nothing else: it becomes the exit's own."""
    found = session.scalar(
        select(VenueOrder).where(
            VenueOrder.account_id == row.account_id, VenueOrder.venue_order_id == row.foreign_order_id
        )
    )
    return found.venue_order_id if found is not None and found.quantity == quantity else None


def _strategy_of(session: Session, owner_id: str, venue_kind: str, now: datetime) -> str:
    """The one that adopted runs belong to: archived, so that nobody runs it."""
    known = session.scalar(
        select(Strategy.id).where(
            Strategy.owner_id == owner_id, Strategy.name == NAME, Strategy.archived_at.is_not(None)
        )
    )
    if known:
        return str(known)
    made = Strategy(
        id=new_id(), owner_id=owner_id, name=NAME, legs=[], on_failure="hold", venue_kind=venue_kind, created_at=now,
        updated_at=now, archived_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made.id


def _venue_average(session: Session, row: PositionDifference) -> Decimal | None:
    return session.scalar(
        select(VenuePosition.average_price).where(
            VenuePosition.account_id == row.account_id,
            VenuePosition.exchange == row.exchange,
            VenuePosition.symbol == row.symbol,
            VenuePosition.product == row.product,
        )
    )


def _looks(row: PositionDifference | VenueOrder) -> Looks:
    return Looks(row.first_seen_at, row.last_seen_at)


def _loose(session: Session, row: PositionDifference) -> Decimal:
    key = PositionKey(row.account_id, row.exchange, row.symbol, row.product)
    return loose(session, key, _looks(row), row.desk_quantity, row.venue_quantity)


def _closed_why(row: PositionDifference) -> str:
    return f"Closed outside the desk, accepted by {actors.current().name}. {row.reason}"


def _adopted_why(row: PositionDifference) -> str:
    return f"Adopted from the broker's book by {actors.current().name}, at its average price. {row.reason}"
