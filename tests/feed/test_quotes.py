"""Which prices are believed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.feed.quotes import NOTHING_KNOWN, Distrust, Trust, TrustRules, age_of, is_stale, judge
from app.venues.types import Ladder, Level
from tests.feed.hands import MORNING, quote


def known(last="100", **rest) -> Trust:
    return Trust(quote(last=last, **rest))


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("0", Distrust.ZERO),
        ("0.00", Distrust.ZERO),
        ("-5", Distrust.NEGATIVE),
        ("NaN", Distrust.NOT_A_NUMBER),
        ("sNaN", Distrust.NOT_A_NUMBER),
        ("Infinity", Distrust.NOT_A_NUMBER),
    ],
)
def test_a_price_that_is_none_is_dropped_and_changes_nothing(price, reason):
    before = known()
    assert judge(before, quote(last=price)) == (before, reason)


def test_the_first_price_of_a_symbol_is_believed():
    trust, reason = judge(NOTHING_KNOWN, quote(last="0.05"))
    assert reason is None
    assert trust.quote.last == Decimal("0.05")


def test_a_jump_is_doubted_until_others_confirm_it():
    trust, reasons = known("100"), []
    for _ in range(3):
        trust, reason = judge(trust, quote(last="300"))
        reasons.append(reason)
    assert reasons == [Distrust.JUMP, Distrust.JUMP, None]
    assert trust.quote.last == 300


def test_a_single_wild_price_between_good_ones_is_never_seen():
    trust, _ = judge(known("100"), quote(last="900"))
    assert trust.quote.last == 100
    trust, reason = judge(trust, quote(last="101"))
    assert reason is None
    assert trust.suspect is None


def test_wild_prices_that_disagree_do_not_confirm_each_other():
    trust = known("100")
    for last in ("900", "10", "1900", "20", "900"):
        trust, reason = judge(trust, quote(last=last))
        assert reason is Distrust.JUMP
    assert trust.quote.last == 100


def test_a_jump_that_the_book_stands_around_is_believed_at_once():
    trust, reason = judge(known("2"), quote(last="6", bid="5.9", ask="6.1"))
    assert reason is None
    assert trust.quote.last == 6


def test_a_price_far_from_the_book_is_doubted_even_as_the_first():
    assert judge(NOTHING_KNOWN, quote(last="120", bid="20", ask="21"))[1] is Distrust.OUTSIDE_BOOK


def test_a_crossed_or_empty_book_is_no_evidence_and_is_not_kept():
    trust, reason = judge(known("100"), quote(last="101", bid="103", ask="99"))
    assert reason is None
    assert (trust.quote.bid, trust.quote.ask) == (None, None)
    assert judge(known("100"), quote(last="101", bid="0", ask="0"))[0].quote.bid is None


def test_an_old_price_is_no_measure_for_a_new_one():
    after_lunch = MORNING + TrustRules().memory + timedelta(seconds=1)
    assert judge(known("100"), quote(last="300", at=after_lunch))[1] is None


def test_a_quote_received_earlier_than_the_known_one_is_late():
    assert judge(known("100"), quote(last="101", at=MORNING - timedelta(seconds=2)))[1] is Distrust.LATE


def test_a_clock_set_back_does_not_silence_the_feed():
    assert judge(known("100"), quote(last="101", at=MORNING - timedelta(hours=1)))[1] is None


def test_a_bare_tick_keeps_the_day_but_not_the_book():
    full = known("100", previous_close="95", high="104", volume="1200", bid="99", ask="101")
    merged = judge(full, quote(last="102"))[0].quote
    assert (merged.previous_close, merged.high, merged.volume) == (95, 104, 1200)
    assert (merged.bid, merged.ask) == (None, None)


def test_yesterdays_figures_do_not_reach_into_today():
    full = known("100", previous_close="95")
    assert judge(full, quote(last="102", at=MORNING + timedelta(days=1)))[0].quote.previous_close is None


def test_no_price_is_stale_and_age_counts_from_receiving():
    limit = timedelta(seconds=5)
    assert is_stale(None, limit)
    assert not is_stale(age_of(quote(), MORNING + limit), limit)
    assert is_stale(age_of(quote(), MORNING + limit * 2), limit)
    assert age_of(quote(), MORNING - limit) == timedelta(0)


@given(st.lists(st.decimals(allow_nan=True, allow_infinity=True, places=None), max_size=40))
def test_whatever_comes_only_finite_positive_prices_are_kept(prices):
    trust = NOTHING_KNOWN
    for price in prices:
        trust, _ = judge(trust, quote(last=price))
        assert trust.quote is None or (trust.quote.last.is_finite() and trust.quote.last > 0)


@given(st.decimals(min_value="0.05", max_value="100000", places=2), st.integers(3, 6))
def test_no_level_is_locked_out_for_long(level, count):
    trust = known("100")
    for number in range(count):
        trust, reason = judge(trust, quote(last=level, at=MORNING + number * TrustRules().patience / 2))
    assert reason is None
    assert trust.quote.last == level


def test_a_bare_tick_keeps_the_ladder_with_the_age_it_has():
    ladder = Ladder((Level(Decimal(99), Decimal(75)),), (Level(Decimal(101), Decimal(75)),), MORNING)
    deep = replace(quote(last="100"), ladder=ladder)
    trust, reason = judge(Trust(deep), quote(last="100.5", at=MORNING + timedelta(seconds=3)))
    assert reason is None
    assert trust.quote.last == Decimal("100.5")
    assert trust.quote.ladder is ladder


@pytest.mark.parametrize("more", [{}, {"bid": "9900", "ask": "10100"}])
def test_a_hundred_times_the_price_is_not_believed_for_a_while_whatever_book_stands_around_it(more):
    trust = known("100")
    for second in range(29):
        trust, reason = judge(trust, quote(last="10000", at=MORNING + timedelta(seconds=second), **more))
        assert reason is Distrust.ABSURD
    assert judge(trust, quote(last="10000", at=MORNING + timedelta(seconds=30), **more))[1] is None


def test_the_first_price_is_measured_by_the_previous_close():
    assert judge(NOTHING_KNOWN, quote(last="2600000", previous_close="26000"))[1] is Distrust.ABSURD
    assert judge(NOTHING_KNOWN, quote(last="26100", previous_close="26000"))[1] is None


def test_outside_the_circuit_limits_a_price_must_stand_for_a_while():
    trust, band, reasons = known("100", previous_close="100"), Decimal("0.2"), []
    assert judge(trust, quote(last="119"), TrustRules(), band)[1] is None
    for seconds in (0, 10, 20, 31):
        moment = MORNING + timedelta(seconds=seconds)
        trust, reason = judge(trust, quote(last="121", at=moment), TrustRules(), band)
        reasons.append(reason)
    assert reasons == [Distrust.OUTSIDE_LIMITS] * 3 + [None]


def test_without_a_close_of_the_same_day_no_limits_are_known():
    yesterday = quote(last="100", at=MORNING - timedelta(days=1), previous_close="100")
    assert judge(NOTHING_KNOWN, quote(last="121"), TrustRules(), Decimal("0.2"))[1] is None
    assert judge(Trust(yesterday), quote(last="121"), TrustRules(), Decimal("0.2"))[1] is None
    opened = quote(last="121", previous_close="100")
    assert judge(NOTHING_KNOWN, opened, TrustRules(), Decimal("0.2"))[1] is Distrust.OUTSIDE_LIMITS
