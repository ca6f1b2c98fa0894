"""What an order gets from a book."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.paper.matching import Ladder, at_quote, over_levels, triggered, wakes
from app.paper.orders import Order, Status, Ticket

NOW = datetime(2026, 11, 20, 4, 30, tzinfo=UTC)
TICK = Decimal("0.05")


def order(action="BUY", quantity=100, pricetype="MARKET", price="0", trigger="0", status=Status.OPEN) -> Order:
    ticket = Ticket("SBIN", "NSE", action, quantity, pricetype, price=Decimal(price), trigger_price=Decimal(trigger))
    return Order("1", ticket, None, NOW, NOW, Decimal(price), status)


def ladder(ltp="100", bids=(), asks=()) -> Ladder:
    return Ladder(Decimal(ltp), *(tuple((Decimal(p), q) for p, q in side) for side in (bids, asks)))


BOOK = ladder("100", bids=[("99.95", 50), ("99.90", 200)], asks=[("100.05", 50), ("100.10", 200)])

ticks = st.integers(1, 4000).map(lambda n: n * TICK)
levels = st.dictionaries(ticks, st.integers(1, 500), max_size=5)


@st.composite
def ladders(draw) -> Ladder:
    bids, asks = draw(levels), draw(levels)
    return Ladder(draw(ticks), tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items())))


@st.composite
def orders(draw) -> Order:
    kind = draw(st.sampled_from(["MARKET", "LIMIT"]))
    price = draw(ticks) if kind == "LIMIT" else Decimal(0)
    return order(draw(st.sampled_from(["BUY", "SELL"])), draw(st.integers(1, 2000)), kind, str(price))


@given(orders(), ladders(), st.none() | st.integers(0, 300))
def test_fills_stay_within_the_order_the_limit_and_the_book(wanted, book, cap):
    matches = over_levels(wanted, book, cap)
    side = book.asks if wanted.ticket.side > 0 else book.bids
    filled = sum(quantity for _, quantity in matches)
    assert filled <= wanted.pending
    assert cap is None or filled <= cap
    assert all(quantity <= dict(side)[price] for price, quantity in matches)
    if wanted.ticket.pricetype == "LIMIT":
        assert all((wanted.ticket.price - price) * wanted.ticket.side >= 0 for price, _ in matches)
    if filled:
        average = sum(price * quantity for price, quantity in matches) / filled
        assert min(p for p, _ in side) <= average <= max(p for p, _ in side)


@given(orders(), ladders())
def test_the_simulator_fills_all_or_nothing(wanted, book):
    assert sum(quantity for _, quantity in at_quote(wanted, book)) in (0, wanted.pending)


def test_a_market_order_walks_the_levels():
    assert over_levels(order(quantity=100), BOOK) == [(Decimal("100.05"), 50), (Decimal("100.10"), 50)]


def test_a_market_order_larger_than_the_book_fills_in_part():
    assert sum(quantity for _, quantity in over_levels(order(quantity=1000), BOOK)) == 250


def test_a_limit_order_stops_at_its_price():
    assert over_levels(order(pricetype="LIMIT", price="100.05"), BOOK) == [(Decimal("100.05"), 50)]


def test_a_limit_order_below_the_market_rests():
    assert over_levels(order(pricetype="LIMIT", price="99"), BOOK) == []


def test_the_simulator_sells_at_the_bid():
    assert at_quote(order("SELL"), BOOK) == [(Decimal("99.95"), 100)]


def test_the_simulator_fills_a_good_limit_at_the_last_price():
    assert at_quote(order(pricetype="LIMIT", price="101"), BOOK) == [(Decimal(100), 100)]


def test_an_index_without_a_book_fills_at_the_last_price():
    assert at_quote(order(), ladder("100")) == [(Decimal(100), 100)]


def test_stops_wake_from_their_side():
    buy = order("BUY", pricetype="SL-M", trigger="100", status=Status.TRIGGER_PENDING)
    sell = order("SELL", pricetype="SL-M", trigger="100", status=Status.TRIGGER_PENDING)
    assert wakes(buy, ladder("100.05"))
    assert not wakes(buy, ladder("99.95"))
    assert wakes(sell, ladder("99.95"))
    assert not wakes(sell, ladder("100.05"))


def test_a_price_of_zero_wakes_nothing():
    assert not triggered(order("SELL", trigger="100").ticket, Decimal(0))
