"""What a night and a square-off do to money and positions."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from app.paper.books import LIVE, Books, Setting
from app.paper.calendar import IST
from app.paper.faults import FaultSet
from app.paper.market import Market
from app.paper.orders import Status, Ticket
from app.paper.prices import Prices
from app.paper.settlement import new_day, square_off

START = datetime(2026, 11, 24, 10, 0, tzinfo=IST)
CASH = Decimal(10_000_000)
OPTION = "NIFTY24NOV2626050CE"


@pytest.fixture
def books():
    market = Market(7, START, monotonic=lambda: 0.0)
    setting = Setting(LIVE, CASH, True, frozenset())
    return Books(setting, Prices(market), FaultSet(1), lambda _order, _first: None)


def buy(books, symbol="SBIN", exchange="NSE", product="CNC", quantity=10, **more):
    return books.place(Ticket(symbol, exchange, "BUY", quantity, product=product, **more)).order


def tomorrow() -> date:
    return (START + timedelta(days=1)).date()


def test_delivery_becomes_holdings_at_its_cost(books):
    cost = buy(books).value
    new_day(books, tomorrow())
    held = books.ledger.holdings["SBIN", "NSE"]
    assert (held.quantity, held.cost) == (10, cost)
    assert books.ledger.available == CASH - cost


def test_selling_holdings_brings_their_price(books):
    cost = buy(books).value
    new_day(books, tomorrow())
    sold = books.place(Ticket("SBIN", "NSE", "SELL", 10, product="CNC")).order
    new_day(books, tomorrow() + timedelta(days=1))
    assert books.ledger.holdings == {}
    assert books.ledger.available == CASH - cost + sold.value


def test_an_option_settles_at_its_intrinsic_value(books):
    order = buy(books, OPTION, "NFO", "NRML", 65)
    spot = books.prices.spot(order.contract)
    new_day(books, tomorrow())
    worth = max(spot - order.contract.strike, Decimal(0)) * 65
    assert books.ledger.positions == {}
    assert books.ledger.cash == CASH - order.value + worth


def test_an_open_future_is_carried_with_its_margin(books):
    order = buy(books, "NIFTY29DEC26FUT", "NFO", "NRML", 65)
    new_day(books, tomorrow())
    position = books.ledger.positions["NIFTY29DEC26FUT", "NFO", "NRML"]
    assert (position.quantity, position.average) == (65, order.average)
    assert books.ledger.utilised > 0
    assert books.orders == {}


def test_square_off_closes_intraday_and_nothing_else(books):
    buy(books, product="MIS")
    buy(books)
    resting = buy(books, product="MIS", pricetype="LIMIT", price=books.prices.band(books.prices.find("SBIN", "NSE"))[0])
    square_off(books, "NSE")
    quantities = {key[2]: position.quantity for key, position in books.ledger.positions.items()}
    assert quantities == {"MIS": 0, "CNC": 10}
    assert resting.status is Status.CANCELLED
