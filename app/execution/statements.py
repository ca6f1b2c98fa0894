"""The statements of the hot path, built once: building one costs a hundred times what running it does."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, and_, bindparam, exists, func, insert, not_, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import Executable
from sqlalchemy.sql.dml import Update

from app.core.db import Moment
from app.execution.models import EngineLease, Fill, Intent, Order, OrderEvent, VenueOrder
from app.execution.states import OrderState

ENTRY_LIKE = ("entry", "manual", "quote", "adjust")

_orders: Table = Order.__table__  # type: ignore[assignment]  # a declarative class has a Table
_other = _orders.alias("other")
_leases: Table = EngineLease.__table__  # type: ignore[assignment]  # as above
_venue_orders: Table = VenueOrder.__table__  # type: ignore[assignment]  # as above
_now = bindparam("now", type_=Moment)

INSERT_INTENT = insert(Intent.__table__)  # type: ignore[arg-type]  # as above
INSERT_ORDERS = insert(_orders)
INSERT_EVENT = insert(OrderEvent.__table__)  # type: ignore[arg-type]  # as above
INSERT_FILL = insert(Fill.__table__)  # type: ignore[arg-type]  # as above

_ROW = (
    _orders.c.id, _orders.c.owner_id, _orders.c.account_id, _orders.c.account_run_id, _orders.c.state,
    _orders.c.quantity, _orders.c.filled_quantity, _orders.c.average_price, _orders.c.venue_order_id,
    _orders.c.cancel_at,
)  # fmt: skip
LOAD = select(*_ROW).where(_orders.c.id == bindparam("order_id")).with_for_update()
LOAD_BY_VENUE_ID = (
    select(*_ROW)
    .where(_orders.c.account_id == bindparam("account_id"), _orders.c.venue_order_id == bindparam("venue_order_id"))
    .with_for_update()
)
KNOWN_ORDERS = (
    select(_orders.c.id)
    .join(Intent.__table__, Intent.id == _orders.c.intent_id)
    .where(Intent.owner_id == bindparam("owner_id"), Intent.key == bindparam("key"))
)

_same = and_(
    _other.c.account_id == _orders.c.account_id,
    _other.c.exchange == _orders.c.exchange,
    _other.c.symbol == _orders.c.symbol,
    _other.c.side == _orders.c.side,
    _other.c.product == _orders.c.product,
)
_exact = and_(_other.c.quantity == _orders.c.quantity, _other.c.price_type == _orders.c.price_type)

# An order in doubt that the book could not tell from this one. Entries wait for any doubt about the same symbol and
# side; an exit waits only for its exact double, since a different quantity is evidence enough.
_has_double = (
    exists()
    .where(
        _same,
        or_(
            and_(_other.c.state == OrderState.UNKNOWN.value, or_(_orders.c.purpose.in_(ENTRY_LIKE), _exact)),
            and_(_other.c.state == OrderState.SENDING.value, _exact, _other.c.intent_id != _orders.c.intent_id),
        ),
    )
    .correlate(_orders)
)
_holds_lease = exists().where(_leases.c.holder == bindparam("engine_id"), _leases.c.epoch == bindparam("epoch"))

CLAIM = (
    update(_orders)
    .where(
        _orders.c.id == bindparam("order_id"),
        _orders.c.state == OrderState.NEW.value,
        _holds_lease,
        not_(_has_double),
    )
    .values(
        state=OrderState.SENDING.value,
        claimed_by=bindparam("engine_id"),
        claimed_at=_now,
        sent_at=_now,
        updated_at=_now,
        book_read_at=bindparam("book_read_at", type_=Moment),
        seen_mark=select(func.coalesce(func.max(_venue_orders.c.seq), 0)).scalar_subquery(),
    )
)
WITHDRAW = (
    update(_orders)
    .where(_orders.c.id == bindparam("order_id"), _orders.c.state == OrderState.NEW.value)
    .values(
        state=OrderState.CANCELLED.value,
        failure="withdrawn",
        reason=bindparam("why"),
        ended_at=_now,
        updated_at=_now,
    )
)


@lru_cache(maxsize=128)
def _update_of(columns: tuple[str, ...]) -> Update:
    changes = {name: bindparam(f"new_{name}", type_=_orders.c[name].type) for name in columns}
    return update(_orders).where(_orders.c.id == bindparam("order_id")).values(**changes)


def run(session: Session, statement: Executable, values: Any) -> Any:
    """On the session's own connection and in its transaction, past the ORM."""
    return session.connection().execute(statement, values)


def change(session: Session, order_id: str, now: datetime, values: dict[str, Any]) -> None:
    """Set these columns of an order."""
    values = {"updated_at": now} | values
    statement = _update_of(tuple(sorted(values)))
    run(session, statement, {f"new_{name}": value for name, value in values.items()} | {"order_id": order_id})
