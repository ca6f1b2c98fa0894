"""What becomes of an order on a tape, by the rule that pages and journals name."""

from decimal import Decimal

import pytest

from app.replays.fills import Working, look
from app.venues.types import PriceType, Quote, Side
from tests.replays.tapes import CALL, OPENS, quote

MARKET, LIMIT, SL, SL_M = PriceType.MARKET, PriceType.LIMIT, PriceType.SL, PriceType.SL_M
BUY, SELL = Side.BUY, Side.SELL


def order(side: Side, kind: PriceType = MARKET, price: str = "", trigger: str = "", is_new: bool = True) -> Working:
    priced = [Decimal(text) if text else None for text in (price, trigger)]
    return Working("T1", CALL, side, Decimal(75), kind, "NRML", *priced, is_new)


@pytest.mark.parametrize(("side", "price"), [(BUY, "100.05"), (SELL, "99.95")])
def test_an_order_at_market_fills_at_the_other_side_of_the_book(side, price):
    assert look(order(side), quote(CALL, 100, 0)).filled_at == Decimal(price)


@pytest.mark.parametrize(("side", "price"), [(BUY, "100.55"), (SELL, "99.45")])
def test_slippage_is_against_it(side, price):
    assert look(order(side), quote(CALL, 100, 0), Decimal("0.5")).filled_at == Decimal(price)


def test_without_a_book_it_is_the_last_price_and_never_below_zero():
    bare = Quote(CALL, Decimal("0.05"), OPENS)
    assert look(order(BUY), bare).filled_at == Decimal("0.05")
    assert look(order(SELL), bare, Decimal(1)).filled_at == 0


@pytest.mark.parametrize(
    ("side", "price", "is_new", "filled"),
    [
        (BUY, "100", True, None), (BUY, "101", True, "100.05"), (BUY, "101", False, "101"),
        (SELL, "100", True, None), (SELL, "99", True, "99.95"), (SELL, "99", False, "99"),
    ],
)  # fmt: skip
def test_a_limit_order_fills_at_its_limit_once_it_is_crossed_and_at_the_market_when_it_was_from_the_start(
    side, price, is_new, filled
):
    found = look(order(side, LIMIT, price, is_new=is_new), quote(CALL, 100, 0))
    assert found.filled_at == (Decimal(filled) if filled else None)
    assert not found.order.is_new


def test_a_stop_order_waits_for_its_trigger_and_fills_from_the_next_tick_on():
    waiting = look(order(BUY, SL_M, trigger="105"), quote(CALL, 104, 0))
    assert (waiting.filled_at, waiting.order.price_type) == (None, SL_M)
    reached = look(waiting.order, quote(CALL, 105, 1))
    assert (reached.filled_at, reached.order.price_type) == (None, MARKET)
    assert look(reached.order, quote(CALL, 106, 2)).filled_at == Decimal("106.05")
    limited = look(order(SELL, SL, price="94", trigger="95"), quote(CALL, 95, 0))
    assert (limited.filled_at, limited.order.price_type) == (None, LIMIT)
    assert look(limited.order, quote(CALL, 93, 1)).filled_at is None
    assert look(limited.order, quote(CALL, 95, 1)).filled_at == Decimal("94.95")
