"""Carry positions forward once a day, so that reading them costs the orders of two days and not of all time.

The mark stays a whole day behind the present one: what a venue corrects of a day's trades is corrected within the next.
Positions that went flat are not carried, unless what is held by hand and by runs only offsets; what they realised is in
the orders.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.ids import new_id
from app.execution.models import Order
from app.portfolio.models import CarriedPosition, CarryMark
from app.portfolio.pnl import Position
from app.portfolio.trades import FilledOrder, Held, PositionKey, day_start, filled_orders, with_order

MARK = "positions"


def carry_forward(db: Database, now: datetime) -> bool:
    """Move the mark to the beginning of yesterday; False when it is there already. Cheap to ask often."""
    until = day_start(now) - timedelta(days=1)
    with db.read() as session:
        if (mark := read_mark(session)) is not None and mark >= until:
            return False
    with db.write(durable=True) as session:
        mark = read_mark(session)
        if mark is not None and mark >= until:
            return False
        positions, owners = carried(session)
        for order in filled_orders(session, Order.filled_at < until, *([Order.filled_at >= mark] if mark else [])):
            positions[order.key] = with_order(positions.get(order.key, Held()), order, until)
            owners[order.key] = order.owner_id
        _store(session, positions, owners, until)
    return True


def read_mark(session: Session) -> datetime | None:
    return session.scalar(select(CarryMark.until).where(CarryMark.id == MARK))


def carried(session: Session, owner_id: str | None = None) -> tuple[dict[PositionKey, Held], dict[PositionKey, str]]:
    """The positions at the mark, and whose they are."""
    statement = select(CarriedPosition)
    if owner_id is not None:
        statement = statement.where(CarriedPosition.owner_id == owner_id)
    positions, owners = {}, {}
    for row in session.scalars(statement):
        key = PositionKey(row.account_id, row.exchange, row.symbol, row.product)
        position = Position(row.quantity, row.cost, row.realised, row.fees, row.is_priced)
        positions[key] = Held(position, position, row.changed_at, row.by_hand)
        owners[key] = row.owner_id
    return positions, owners


def of_owner(orders: list[FilledOrder], opening: dict[PositionKey, Held], day: datetime) -> dict[PositionKey, Held]:
    """The carried positions with the orders since the mark, which come in time order."""
    positions = dict(opening)
    for order in orders:
        positions[order.key] = with_order(positions.get(order.key, Held()), order, day)
    return positions


def _store(
    session: Session, positions: dict[PositionKey, Held], owners: dict[PositionKey, str], until: datetime
) -> None:
    session.execute(delete(CarriedPosition))
    rows = [_row(key, one, owners[key]) for key, one in positions.items() if one.by_hand or not one.position.is_flat]
    if rows:
        session.execute(insert(CarriedPosition), rows)
    session.merge(CarryMark(id=MARK, until=until))


def _row(key: PositionKey, one: Held, owner_id: str) -> dict[str, object]:
    position = one.position
    return {
        "id": new_id(),
        "owner_id": owner_id,
        "account_id": key.account_id,
        "exchange": key.exchange,
        "symbol": key.symbol,
        "product": key.product,
        "quantity": position.quantity,
        "cost": position.cost,
        "realised": position.realised,
        "fees": position.fees,
        "is_priced": position.is_priced,
        "by_hand": one.by_hand,
        "changed_at": one.changed_at,
    }
