"""What an order's way takes does not grow with what was traded before it: counted in the steps of SQLite's machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from app.execution.states import OrderState
from app.venues.types import Answer, OrderStatus, Outcome
from tests.execution.journaling import Journaling, row

BEFORE = 3000
COPIES = """
    WITH RECURSIVE copy(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM copy WHERE number < :count)
    INSERT INTO {table} ({columns}) SELECT {values} FROM {table}, copy WHERE {table}.id = :id
"""


@contextmanager
def counted(desk: Journaling) -> Iterator[list[int]]:
    """Every step of the connection that writes, one item each."""
    steps: list[int] = []
    with desk.db.writer.connect() as connection:
        raw = connection.connection.driver_connection
    raw.set_progress_handler(lambda: steps.append(1), 1)
    try:
        yield steps
    finally:
        raw.set_progress_handler(None, 1)


def way(desk: Journaling, key: str) -> int:
    """Of one order, from the wish to its fill."""
    with counted(desk) as steps:
        order_id = desk.sent(key, Answer(Outcome.DONE, key))
        desk.push(row(OrderStatus.FILLED, key, 65))
    assert desk.story(order_id)[-1] == "filled"
    return len(steps)


def multiply(desk: Journaling, order_id: str, state: OrderState) -> None:
    """Many more like this order, in another state."""
    made = {"id": "substr({0}.id, 1, 18) || printf('%08d', number)", "venue_order_id": "'before-' || number"}
    with desk.db.write() as session:
        columns = [column.name for column in session.execute(text("PRAGMA table_info(orders)"))]
        made["state"] = f"'{state}'"
        values = ", ".join(made.get(name, name).format("orders") for name in columns)
        statement = COPIES.format(table="orders", columns=", ".join(columns), values=values)
        session.execute(text(statement), {"count": BEFORE, "id": order_id})


@pytest.mark.parametrize("state", [OrderState.FILLED, OrderState.REJECTED, OrderState.OPEN, OrderState.NEW])
def test_an_order_costs_the_same_after_thousands_of_others_in_its_account(desk, state):
    way(desk, "first")
    usual = way(desk, "second")
    multiply(desk, desk.sent("third"), state)
    assert way(desk, "fourth") < usual * 1.2
