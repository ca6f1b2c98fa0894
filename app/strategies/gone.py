"""How much of what legs hold is no longer at the venue, by the differences that stand.

One small query where there is none.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BindParameter, Table, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from app.core.money import ZERO
from app.core.prepared import execute
from app.execution.closing import Place
from app.execution.models import Order
from app.portfolio.differences import HeldLeg, missing, share_out
from app.portfolio.models import PositionDifference
from app.portfolio.trades import PositionKey
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.part_views import ENDED

EXIT_PURPOSES = ("exit", "stop", "target")
_ids: BindParameter[list[str]] = bindparam("ids", expanding=True)
_rows: Table = PositionDifference.__table__  # type: ignore[assignment]  # a declarative class has a Table
_STANDING = select(
    _rows.c.account_id, _rows.c.exchange, _rows.c.symbol, _rows.c["product"], _rows.c.desk_quantity,
    _rows.c.venue_quantity, _rows.c.first_seen_at, _rows.c.last_seen_at,
).where(_rows.c.account_id.in_(_ids), _rows.c.is_confirmed)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Looks:
    """The first and the last one that showed a difference."""

    first: datetime
    last: datetime


def gone(session: Session, account_ids: Sequence[str], account_run_ids: Sequence[str] = ()) -> dict[str, Decimal]:
    """By leg run: what of its quantity the venue holds no more. Legs of ended parts count only where they are named."""
    found: dict[str, Decimal] = {}
    for *where, desk, venue, first, last in execute(session, _STANDING, {"ids": list(account_ids)}).all():
        lacking = missing(desk, venue)
        if lacking:
            found |= share_out(lacking, held_legs(session, PositionKey(*where), Looks(first, last), account_run_ids))
    return found


def held_legs(session: Session, key: PositionKey, looks: Looks, account_run_ids: Sequence[str] = ()) -> list[HeldLeg]:
    """What the legs of live parts hold of one instrument in one account; of ended parts only where they are named."""
    here = and_(
        AccountRun.account_id == key.account_id,
        LegRun.exchange == key.exchange,
        LegRun.symbol == key.symbol,
        LegRun.product == key.product,
        or_(AccountRun.state.not_in(ENDED), AccountRun.id.in_(account_run_ids)),
    )
    legs = session.execute(
        select(LegRun.id, LegRun.side, LegRun.exit_reason, AccountRun.exit_reason, Run.exit_reason)
        .join(AccountRun, AccountRun.id == LegRun.account_run_id)
        .join(Run, Run.id == AccountRun.run_id)
        .where(here)
    ).all()
    held: dict[str, Decimal] = defaultdict(lambda: ZERO)
    came: dict[str, datetime] = {}
    fills = select(Order.leg_run_id, Order.purpose, Order.filled_quantity, Order.created_at).where(
        Order.leg_run_id.in_([leg[0] for leg in legs]), Order.filled_at.is_not(None)
    )
    for leg_id, purpose, filled, created_at in session.execute(fills):
        held[str(leg_id)] += -filled if purpose in EXIT_PURPOSES else filled
        came[str(leg_id)] = min(created_at, came.get(str(leg_id), created_at))
    return [
        HeldLeg(
            leg_id,
            side == "BUY",
            max(ZERO, held[leg_id]),
            wants_out=any(why is not None for why in asked),
            came_after=came.get(leg_id, looks.first) >= looks.first,
            is_unseen=came.get(leg_id, looks.first) > looks.last,
        )
        for leg_id, side, *asked in legs
    ]


def loose(session: Session, key: PositionKey, looks: Looks, desk: Decimal, venue: Decimal) -> Decimal:
    """What of the desk's own outside of live runs is gone, signed as it was held; zero for none."""
    lacking = missing(desk, venue)
    of_runs = sum(share_out(lacking, held_legs(session, key, looks)).values(), ZERO)
    found = min(abs(lacking) - of_runs, abs(desk))  # what goes beyond flat was never the desk's
    return found if lacking > 0 else -found


def gone_by_hand(session: Session, place: Place) -> Decimal:
    """What of one place is proven to be gone and no live run has to bear, signed as it was held. One query for none."""
    key = PositionKey(place.account_id, place.exchange, place.symbol, place.product)
    for *where, desk, venue, first, last in execute(session, _STANDING, {"ids": [place.account_id]}):
        if PositionKey(*where) == key:
            return loose(session, key, Looks(first, last), desk, venue)
    return ZERO
