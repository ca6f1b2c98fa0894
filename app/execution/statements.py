"""The statements of the hot path, built once: building one costs a hundred times what running it does."""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Table, and_, bindparam, exists, func, not_, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Update

from app.core.bulk import write_many
from app.core.db import Moment
from app.execution.models import EngineLease, Fill, Intent, Order, OrderEvent, VenueOrder
from app.execution.states import OrderState

ENTRY_LIKE = ("entry", "manual", "quote", "adjust")

_orders: Table = Order.__table__  # type: ignore[assignment]  # a declarative class has a Table
_other = _orders.alias("other")
_leases: Table = EngineLease.__table__  # type: ignore[assignment]  # as above
_venue_orders: Table = VenueOrder.__table__  # type: ignore[assignment]  # as above
_now = bindparam("now", type_=Moment)
_ids: BindParameter[list[str]] = bindparam("ids", expanding=True)

ORDERS = _orders
INTENTS: Table = Intent.__table__  # type: ignore[assignment]  # as above
EVENTS: Table = OrderEvent.__table__  # type: ignore[assignment]  # as above
FILLS: Table = Fill.__table__  # type: ignore[assignment]  # as above

_ROW = (
    _orders.c.id, _orders.c.owner_id, _orders.c.account_id, _orders.c.account_run_id, _orders.c.state,
    _orders.c.quantity, _orders.c.filled_quantity, _orders.c.average_price, _orders.c.venue_order_id,
    _orders.c.cancel_at,
)  # fmt: skip
LOAD_MANY = select(*_ROW).where(_orders.c.id.in_(_ids)).order_by(_orders.c.id).with_for_update()
LOAD_MANY_BY_VENUE_ID = (
    select(*_ROW)
    .where(
        _orders.c.account_id.in_(bindparam("accounts", expanding=True)),
        _orders.c.venue_order_id.in_(bindparam("names", expanding=True)),
    )
    .order_by(_orders.c.id)
    .with_for_update()
)
KNOWN_ORDERS = (
    select(Intent.owner_id, Intent.key, _orders.c.id)
    .join(Intent.__table__, Intent.id == _orders.c.intent_id)
    .where(
        Intent.owner_id.in_(bindparam("owners", expanding=True)),
        Intent.key.in_(bindparam("keys", expanding=True)),
    )
    .order_by(_orders.c.id)
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
        _other.c.state.in_([OrderState.UNKNOWN.value, OrderState.SENDING.value]),  # few: all others are not looked at
        or_(
            and_(_other.c.state == OrderState.UNKNOWN.value, or_(_orders.c.purpose.in_(ENTRY_LIKE), _exact)),
            and_(_other.c.state == OrderState.SENDING.value, _exact, _other.c.intent_id != _orders.c.intent_id),
        ),
    )
    .correlate(_orders)
)
# Of two such that are claimed in one statement only the older may go.
_has_older_twin = (
    exists()
    .where(
        _same,
        _exact,
        _other.c.id.in_(_ids),
        _other.c.id < _orders.c.id,
        _other.c.state == OrderState.NEW.value,
        _other.c.intent_id != _orders.c.intent_id,
    )
    .correlate(_orders)
)
_holds_lease = exists().where(_leases.c.holder == bindparam("engine_id"), _leases.c.epoch == bindparam("epoch"))

# Not by the index of states: of the new ones there may be a thousand, and these are found by their ids.
_is_new = _orders.c.state.concat("") == OrderState.NEW.value

# All of these that may go, at once; what comes back are the ids of those that are ours now.
CLAIM = (
    update(_orders)
    .where(
        _orders.c.id.in_(_ids),
        _is_new,
        _holds_lease,
        not_(_has_double),
        not_(_has_older_twin),
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
    .returning(_orders.c.id)
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
def _update_of(table: Table, columns: tuple[str, ...]) -> Update:
    changes = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
    return update(table).where(table.c.id == bindparam("row_id")).values(**changes)


def change(session: Session, table: Table, changes: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Each change is a row's id and the values of what changes in it, of nothing else: somebody may change the rest at
    the same time. One statement for those that change the same columns."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row_id, values in changes:
        row = {f"new_{name}": value for name, value in values.items()} | {"row_id": row_id}
        alike[tuple(sorted(values))].append(row)
    for columns, rows in alike.items():
        write_many(session, _update_of(table, columns), rows)
