"""Ticks made of candles: the same candle comes out of them again, and the worst price comes first."""

from decimal import Decimal

from app.feed.candles import Day, TickBars
from app.replays.candle_ticks import is_high_first, ticks_of
from app.strategies.legs import Leg
from app.venues.types import Candle
from tests.replays.tapes import CALL, OPENS, SELL_CALL, SELL_PUT

CANDLE = Candle(OPENS, Decimal(100), Decimal(110), Decimal(95), Decimal(105), Decimal(750))


def legs(*written):
    return [Leg.model_validate(one) for one in written]


def test_a_bar_made_of_the_ticks_is_the_candle_again():
    day, bars = Day(OPENS.date(), OPENS, OPENS.replace(hour=10), OPENS), TickBars()
    for high_first in (True, False):
        for tick in ticks_of(CALL, CANDLE, high_first, Decimal(750)):
            bars.take(tick, day)
        (bar,) = bars.bars("1m", day)
        assert (bar.open, bar.high, bar.low, bar.close) == (100, 110, 95, 105)


def test_the_price_is_never_older_than_five_seconds_and_stays_in_its_minute():
    found = ticks_of(CALL, CANDLE, True, Decimal(750))
    assert [int((tick.received_at - OPENS).total_seconds()) for tick in found] == list(range(0, 60, 5))
    assert [tick.last for tick in found[::3]] == [100, 110, 95, 105]
    assert [tick.last for tick in ticks_of(CALL, CANDLE, False, Decimal(750))[::3]] == [100, 95, 110, 105]


def test_what_is_sold_rises_first_and_what_is_bought_falls_first():
    bought = SELL_CALL | {"action": "BUY"}
    assert is_high_first(legs(SELL_CALL, SELL_PUT), "CE")
    assert not is_high_first(legs(bought, SELL_PUT), "CE")
    assert is_high_first(legs(bought, SELL_CALL), "CE"), "in doubt what is sold"
    assert not is_high_first(legs(bought, SELL_PUT), "INDEX"), "both gain when it rises: a fall hurts"
    assert is_high_first(legs(SELL_CALL, SELL_PUT), "INDEX")
