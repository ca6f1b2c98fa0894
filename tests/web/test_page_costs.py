"""What the first paint of each page asks the database, on a desk with a lot on it: a dozen statements at most."""

import sys
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert

from app.core.ids import new_id
from app.execution.models import Fill, Intent, Order
from tests.web.trading import NIFTY, Desk

MOST = 12
ACCOUNTS, SYMBOLS, ORDERS = 50, 4, 10_000


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


@pytest.fixture
def cost(admin, services, reads, still, capsys):
    """`cost(path)` paints a page once to warm up and then counts; the time is told, for a person to look at."""

    def count(path: str) -> int:
        with still():
            admin.get(path)
            started = time.perf_counter()
            with reads() as seen:
                page = admin.client.get(path)
            took = time.perf_counter() - started
        assert page.status_code == 200
        with capsys.disabled():
            sys.stdout.write(
                f"\n{path[:24]}: {len(seen)} statements, {took * 1000:.0f} ms, {len(page.data) // 1024} KB"
            )
        assert len(seen) <= MOST, "\n".join(seen)
        return len(seen)

    return count


def fill_book(desk: Desk, count: int, accounts: list) -> None:
    """Filled market orders, a second apart, spread over the accounts and a few symbols, each of its own intent."""
    intents, orders, fills = [], [], []
    for number in range(count):
        account, at = accounts[number % len(accounts)], desk.now - timedelta(seconds=number)
        symbol = f"NIFTY24DEC26{24000 + 50 * (number // len(accounts) % SYMBOLS)}CE"
        like_both = {
            "owner_id": desk.owner_id, "account_id": account.id, "purpose": "entry", "side": "BUY", "created_at": at,
            "quantity": Decimal(65), "price_type": "MARKET", "product": "NRML", **NIFTY, "symbol": symbol,
        }  # fmt: skip
        intent, order = new_id(), new_id()
        intents.append({"id": intent, "key": intent, **like_both})
        orders.append(
            {
                "id": order,
                "intent_id": intent,
                "state": "filled",
                "filled_quantity": Decimal(65),
                "updated_at": at,
                "average_price": Decimal(100),
                "venue_order_id": order,
                "filled_at": at,
                **like_both,
            }  # fmt: skip
        )
        fills.append(
            {
                "id": new_id(),
                "order_id": order,
                "key": "1",
                "quantity": Decimal(65),
                "price": Decimal(100),
                "at": at,
                "source": "trades",
            }  # fmt: skip
        )
    with desk.db.write() as session:
        for table, rows in ((Intent, intents), (Order, orders), (Fill, fills)):
            session.execute(insert(table), rows)


def test_peer_4_3_05_the_desk_of_fifty_accounts(desk, cost):
    accounts = [desk.account(f"Account {number:02}") for number in range(ACCOUNTS)]
    run = desk.run(*accounts[:10])
    fill_book(desk, ACCOUNTS * SYMBOLS, accounts)
    for path in ("/", "/accounts", "/strategies", "/runs", f"/runs/{run.id}", "/positions"):
        cost(path)


def test_a_journal_of_ten_thousand_orders(desk, cost):
    accounts = [desk.account(f"Account {number}") for number in range(3)]
    fill_book(desk, ORDERS, accounts)
    desk.order(accounts[0], state="open")
    orders = ("/orders", "/orders?status=filled", "/orders?symbol=NIFTY", "/orders/cancel?all=y")
    for path in (*orders, "/positions", "/", "/trade", "/risk"):
        cost(path)


def test_peer_4_3_06_more_accounts_cost_no_more_statements(desk, cost):
    paths = ("/", "/accounts", "/positions", "/orders", "/strategies")
    first = [desk.account(f"Account {number}") for number in range(2)]
    desk.run(*first)
    before = [cost(path) for path in paths]
    more = [desk.account(f"More {number}") for number in range(8)]
    desk.run(*more, strategy_id=desk.strategy(*more, name="Another"))
    assert [cost(path) for path in paths] == before
