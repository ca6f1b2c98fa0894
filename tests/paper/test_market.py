from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.paper.calendar import IST
from app.paper.market import Market
from app.paper.pricing import Surface
from tests.paper.markets import FRIDAY_NOON, STEP, HandMarket

ONE_OF_EACH = [
    ("NIFTY", "NSE_INDEX"),
    ("SENSEX", "BSE_INDEX"),
    ("INDIAVIX", "NSE_INDEX"),
    ("SBIN", "NSE"),
    ("NIFTY24NOV26FUT", "NFO"),
    ("NIFTY24NOV2626050CE", "NFO"),
    ("BANKNIFTY29DEC2658500PE", "NFO"),
    ("SENSEX26NOV2685000CE", "BFO"),
]


def quotes(market):
    return [market.quote(market.contract(*one)) for one in ONE_OF_EACH]


@given(st.integers(0, 20_000), st.integers(0, 20_000))
@settings(max_examples=15, deadline=None)
def test_a_step_has_the_same_quote_whatever_was_asked_before(earlier, later):
    earlier, later = sorted((earlier, later))
    asked_twice, asked_once = HandMarket(), HandMarket()
    asked_twice.run(earlier * STEP)
    quotes(asked_twice)
    asked_twice.run((later - earlier) * STEP)
    asked_once.run(later * STEP)
    assert asked_twice.step() == asked_once.step() == later
    assert quotes(asked_twice) == quotes(asked_once)


def test_another_seed_is_another_market():
    assert quotes(HandMarket(seed=1)) != quotes(HandMarket(seed=2))


def test_prices_change_only_from_one_step_to_the_next():
    market = HandMarket()
    before = market.quote(market.nifty)
    market.run(0.2)
    assert market.step() == 0
    assert market.quote(market.nifty) == before
    market.run(0.1)
    assert market.step() == 1
    assert market.quote(market.nifty) != before


def test_speed_multiplies_time():
    market = HandMarket()
    market.speed = 60.0
    market.run(1)
    assert market.now() == datetime(2026, 11, 21, 10, 1, tzinfo=IST)
    assert market.step() == 240


def test_a_start_without_time_zone_is_refused():
    with pytest.raises(ValueError, match="aware"):
        Market(1, datetime(2026, 11, 21, 10, 0))  # noqa: DTZ001 - the refusal is the point


@pytest.mark.parametrize("one", ONE_OF_EACH, ids=lambda one: one[0])
def test_prices_are_multiples_of_the_tick_and_lie_in_the_days_range(one):
    market = HandMarket()
    contract = market.contract(*one)
    for _ in range(20):
        quote = market.quote(contract)
        for price in (quote.ltp, quote.open, quote.high, quote.low, quote.prev_close, quote.bid, quote.ask):
            ticks = price / float(contract.tick)
            assert ticks == pytest.approx(round(ticks), abs=1e-6)
        assert quote.low <= min(quote.ltp, quote.open)
        assert quote.high >= max(quote.ltp, quote.open)
        market.run(37)


@pytest.mark.parametrize("one", ONE_OF_EACH[3:], ids=lambda one: one[0])
def test_volume_only_grows_within_a_day(one):
    market = HandMarket()
    contract = market.contract(*one)
    seen = []
    for _ in range(50):
        seen.append(market.quote(contract).volume)
        market.run(11.25)
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]
    assert all(volume % contract.lot_size == 0 for volume in seen)


def test_only_derivatives_have_open_interest_and_an_index_has_no_turnover_and_no_book():
    market = HandMarket()
    index, share, future = (
        market.quote(market.contract(*one))
        for one in ONE_OF_EACH
        if one[0]
        in {
            "NIFTY",
            "SBIN",
            "NIFTY24NOV26FUT",
        }
    )
    assert (index.volume, index.oi, index.bid, index.ask) == (0, 0, 0.0, 0.0)
    assert share.oi == 0
    assert future.oi > 0
    assert market.depth(market.nifty).bids == ()


def test_a_day_looks_like_a_day():
    market = HandMarket(datetime(2026, 11, 20, 15, 29, tzinfo=IST), sessions="calendar")
    days = market.history(market.nifty, "D", date(2026, 1, 1), date(2026, 11, 20))
    ranges = [(day["high"] - day["low"]) / day["close"] for day in days]
    assert 0.006 < sum(ranges) / len(ranges) < 0.02
    assert max(ranges) < 0.05
    assert all(0.85 < day["close"] / 26010 < 1.15 for day in days)


@pytest.mark.parametrize("name", ["NIFTY", "BANKNIFTY", "SENSEX"])
def test_parity_holds_over_the_whole_chain(name):
    market = HandMarket()
    exchange = "BFO" if name == "SENSEX" else "NFO"
    spot = market.quote(market.universe.underlying(name)).ltp
    for expiry in market.universe.expiries(name, exchange, "options"):
        chain = market.universe.chain(name, expiry)
        years = market.tape(chain[0][1]).years(market.tape(chain[0][1]).place(market._tick()))
        forward = Surface().forward(spot, years)
        for strike, call, put in chain:
            gap = market.quote(call).ltp - market.quote(put).ltp - (forward - float(strike))
            assert abs(gap) <= 0.11  # a tick, and the rounding of the quoted spot


def test_the_future_is_the_forward_of_its_options():
    market = HandMarket()
    synthetic = 26050 + market.quote(market.call).ltp - market.quote(market.put).ltp
    assert market.quote(market.future).ltp == pytest.approx(synthetic, abs=0.1)


def test_a_shift_moves_derivatives_the_right_way_at_once():
    market = HandMarket()
    contracts = (market.nifty, market.future, market.call, market.put)
    before = [market.quote(c).ltp for c in contracts]
    market.shift("NIFTY", 1.0)
    after = [market.quote(c).ltp for c in contracts]
    assert after[0] == pytest.approx(before[0] * 1.01, abs=0.05)
    assert after[1] > before[1]
    assert after[2] > before[2]
    assert after[3] < before[3]


def test_a_shift_lasts_and_leaves_others_alone():
    moved, free = HandMarket(), HandMarket()
    moved.shift("NIFTY", -2.0)
    for market in (moved, free):
        market.run(3600)
    assert moved.quote(moved.nifty).ltp == pytest.approx(free.quote(free.nifty).ltp * 0.98, abs=0.05)
    banknifty = moved.contract("BANKNIFTY", "NSE_INDEX")
    assert moved.quote(banknifty) == free.quote(banknifty)


def test_a_pin_holds_until_it_is_released_and_the_price_walks_on_from_there():
    market = HandMarket()
    market.pin("NIFTY", 25500.0)
    for _ in range(5):
        assert market.quote(market.nifty).ltp == 25500.0
        market.run(61)
    held = market.quote(market.call).ltp
    market.pin("NIFTY", None)
    assert market.quote(market.nifty).ltp == 25500.0
    assert market.quote(market.call).ltp == held
    market.run(60)
    assert market.quote(market.nifty).ltp != 25500.0
    assert market.quote(market.nifty).ltp == pytest.approx(25500, abs=100)


def test_a_pin_enters_the_days_high_or_low():
    market = HandMarket()
    market.quote(market.put)
    market.pin("NIFTY", 24800.0)
    market.run(90)
    market.shift("NIFTY", 6.0)
    market.run(90)
    index, put = market.quote(market.nifty), market.quote(market.put)
    assert (index.low, index.high) == (24800.0, pytest.approx(24800 * 1.06))
    assert put.high > 1200
    assert put.low == pytest.approx(put.ltp, abs=2)


def test_releasing_what_is_not_pinned_changes_nothing():
    market, other = HandMarket(), HandMarket()
    market.pin("NIFTY", None)
    market.run(60)
    other.run(60)
    assert quotes(market) == quotes(other)


def test_a_higher_volatility_index_makes_every_option_dearer():
    market = HandMarket()
    before = [market.quote(c).ltp for c in (market.call, market.put)]
    market.pin("INDIAVIX", 30.0)
    after = [market.quote(c).ltp for c in (market.call, market.put)]
    assert all(late > early for early, late in zip(before, after, strict=True))


@pytest.mark.parametrize(("name", "price"), [("NOSUCH", 1.0), ("NIFTY", 0.0), ("NIFTY", -5.0)])
def test_a_senseless_pin_is_refused(name, price):
    with pytest.raises(ValueError, match=r"underlying|above"):
        HandMarket().pin(name, price)


def test_a_pin_after_hours_changes_the_last_price_of_every_exchange():
    market = HandMarket(datetime(2026, 11, 20, 18, 0, tzinfo=IST), sessions="calendar")
    before = market.quote(market.call).ltp
    market.pin("NIFTY", 27000.0)
    assert market.quote(market.nifty).ltp == 27000.0
    assert market.quote(market.call).ltp > before + 500
    assert market.quote(market.call).high >= market.quote(market.call).ltp


def test_a_closed_market_stands_still():
    market = HandMarket(datetime(2026, 11, 20, 15, 40, tzinfo=IST), sessions="calendar")
    friday = quotes(market)
    market.run(2 * 86400)
    assert quotes(market) == friday


def test_the_previous_close_is_the_last_price_of_the_session_before():
    market = HandMarket(datetime(2026, 11, 19, 20, 0, tzinfo=IST), sessions="calendar")
    contracts = [market.contract(*one) for one in ONE_OF_EACH]
    closed = [market.quote(c).ltp for c in contracts]
    market.run(14 * 3600)
    assert market.now().date() == date(2026, 11, 20)
    assert [market.quote(c).prev_close for c in contracts] == closed


def test_after_expiry_an_option_is_worth_what_it_settled_at():
    market = HandMarket(datetime(2026, 11, 24, 15, 39, tzinfo=IST))
    call = market.contract("NIFTY24NOV2625500CE")
    spot = market.quote(market.nifty).ltp
    market.run(120)
    settled = market.quote(call).ltp
    assert settled == pytest.approx(spot - 25500, abs=25)
    market.run(86400)
    assert market.quote(call).ltp == settled


def test_a_series_that_expires_on_a_closed_day_settles_too():
    market = HandMarket(datetime(2026, 11, 24, 16, 0, tzinfo=IST), sessions="calendar")
    spot = market.quote(market.future).ltp
    assert market.quote(market.contract("NIFTY24NOV2625500CE")).ltp == pytest.approx(spot - 25500, abs=0.2)


@pytest.mark.parametrize("one", ONE_OF_EACH[3:], ids=lambda one: one[0])
def test_a_book_has_five_falling_and_five_rising_levels_of_whole_lots(one):
    market = HandMarket()
    contract = market.contract(*one)
    quote, depth = market.quote(contract), market.depth(contract)
    bids, asks = [level.price for level in depth.bids], [level.price for level in depth.asks]
    assert (bids[0], asks[0]) == (quote.bid, quote.ask)
    assert quote.bid < quote.ltp < quote.ask
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert len(bids) == len(asks) == 5
    levels = depth.bids + depth.asks
    assert all(level.quantity > 0 and level.quantity % contract.lot_size == 0 for level in levels)
    assert depth.total_buy >= sum(level.quantity for level in depth.bids)


def test_a_slice_of_1755_units_fills_within_a_few_levels_at_the_money():
    market = HandMarket()
    for _ in range(50):
        levels = [level.quantity for level in market.depth(market.call).asks]
        assert levels[0] < 1755 <= sum(levels[:4])
        market.run(STEP)


def test_the_spread_widens_away_from_the_money():
    market = HandMarket()
    near, far = (market.quote(market.contract(f"NIFTY24NOV26{strike}CE")) for strike in (26000, 24200))
    assert far.ask - far.bid > near.ask - near.bid


def test_the_cheapest_option_still_has_a_bid_below_its_ask():
    market = HandMarket()
    quote = market.quote(market.contract("NIFTY24NOV2628000CE"))
    assert quote.ltp == quote.bid == 0.05
    assert quote.ask > quote.bid


@pytest.mark.parametrize("one", ONE_OF_EACH[3:], ids=lambda one: one[0])
def test_the_price_band_always_holds_the_market(one):
    market = HandMarket()
    contract = market.contract(*one)
    for percent in (0.0, 9.0, 9.0, -30.0):
        market.shift(contract.name, percent)
        low, high = market.band(contract)
        quote = market.quote(contract)
        assert low <= quote.ltp <= high
        assert float(contract.tick) <= low


def test_a_future_far_from_its_band_is_outside():
    market = HandMarket(FRIDAY_NOON, sessions="calendar")
    low, high = market.band(market.future)
    assert 23000 < low < 24500
    assert 27500 < high < 29000


def test_a_new_day_begins_at_midnight_when_the_market_is_always_open():
    market = HandMarket(datetime(2026, 11, 21, 23, 59, 59, tzinfo=IST))
    before = market.quote(market.nifty)
    market.run(1)
    after = market.quote(market.nifty)
    assert market.now() - timedelta(days=1) == datetime(2026, 11, 21, tzinfo=IST)
    assert after.open == after.ltp == after.high == after.low
    assert after.prev_close == pytest.approx(before.ltp, abs=10)


@pytest.mark.parametrize(
    ("sessions", "minute", "first"),
    [("always", 39, 24), ("always", 40, 1), ("calendar", 40, 24)],
    ids=["before the close", "after it, open all evening", "after it, closed as the exchange"],
)
def test_a_market_that_is_always_open_lists_nothing_that_expired_at_the_close(sessions, minute, first):
    market = Market(1, datetime(2026, 11, 24, 15, minute, tzinfo=IST), sessions=sessions)
    assert market.universe.expiries("NIFTY", "NFO", "options")[0].day == first


def test_a_series_that_expires_while_the_market_goes_on_leaves_the_lists_and_is_found():
    waited = [0.0]
    market = Market(1, datetime(2026, 11, 24, 15, 39, tzinfo=IST), monotonic=lambda: waited[0])
    waited[0] = 60.0
    assert market.universe.expiries("NIFTY", "NFO", "options")[0] == date(2026, 12, 1)
    assert market.universe.find("NIFTY24NOV26FUT", "NFO") is not None
