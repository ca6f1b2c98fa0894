"""Limits in figures worked out by hand, and stops that never loosen."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.core.money import ZERO
from app.risk.limits import Base, Bounds, LegRules, Limits, bounds, leg_bounds, leg_mark, limits
from app.risk.monitor import Mark, Monitor, Reach, Stake
from app.risk.rules import LegGain, LegLevel, Rule
from app.risk.trailing import Terms, Trailed, merge, ratchet
from app.venues.types import Quote, Symbol

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
NIFTY = Symbol("NSE_INDEX", "NIFTY")

# A straddle sold: 65 × 210.00 and 65 × 190.00 taken in, so 26,000 of net premium, 65 units.
STRADDLE = Base(D(26_000), D(65))


def rules(**values: object) -> Limits:
    return Limits.model_validate(values)


@pytest.mark.parametrize(("level", "loss"), [
    ({"value": "5000"}, -5000), ({"value": "25", "unit": "percent"}, -6500), ({"value": "40", "unit": "points"}, -2600),
])  # fmt: skip
def test_a_stop_in_currency_by_hand(level, loss):
    assert bounds(rules(stop=level), STRADDLE, True) == Bounds(stop=D(loss))


def test_an_amount_counts_as_often_as_the_account_does_and_percent_do_by_themselves():
    twice = Base(D(52_000), D(130), D(2))
    assert bounds(rules(of="account", target={"value": "3000"}), twice, True).target == 6000
    assert bounds(rules(of="account", target={"value": "10", "unit": "percent"}), twice, True).target == 5200


def test_what_is_relative_waits_for_the_whole_entry_and_an_amount_does_not():
    both = rules(stop={"value": "5000"}, target={"value": "50", "unit": "percent"})
    assert bounds(both, STRADDLE, False) == Bounds(stop=D(-5000))


def test_peer_4_2_04_a_trailing_stop_begins_from_the_whole_entry_not_from_the_rows_filled_so_far():
    trail = rules(trail={"stop": {"value": "10", "unit": "percent"}})
    assert bounds(trail, Base(D(45_500), D(65)), False).trail is None
    assert bounds(trail, Base(D(130_000), D(65)), True).trail == Terms(D(-13_000))


@pytest.mark.parametrize(("stop", "target", "quantity", "found"), [
    (("20", "percent"), None, 65, (-2600, None)), (("30", "points"), ("50", "points"), -65, (-1950, 3250)),
    (("250", "price"), ("120", "price"), -65, (-3250, 5200)), (("150", "price"), None, 65, (-3250, None)),
    (("900", "amount"), None, 65, (-900, None)),
])  # fmt: skip
def test_a_legs_levels_by_hand(stop, target, quantity, found):
    """Entered at 200 on average."""
    levels = [LegLevel(value=D(level[0]), unit=level[1]) if level else None for level in (stop, target)]
    around = leg_bounds(LegRules(*levels), D(200), D(quantity))
    assert (around.stop, around.target) == found


def test_a_lock_keeps_more_with_every_step():
    terms = Terms(None, lock=(D(5000), D(2000), D(1000), D(500)))
    seen = [ratchet(Trailed(), D(profit), terms).stop for profit in (4999, 5000, 5999, 6000, 8500)]
    assert seen == [None, 2000, 2000, 2500, 3500]


def test_a_stop_may_follow_half_of_the_way():
    assert ratchet(Trailed(), D(3000), Terms(D(-1000), D("0.5"))).stop == 500


profits = st.lists(st.integers(-50_000, 50_000).map(D), min_size=1, max_size=30)
some_terms = st.builds(
    Terms,
    st.one_of(st.none(), st.integers(-20_000, -1).map(D)),
    st.sampled_from([D("0.25"), D("0.5"), D(1)]),
    st.one_of(st.none(), st.just((D(5000), D(2000), D(1000), D(500)))),
    st.one_of(st.none(), st.integers(1, 20_000).map(D)),
)


@given(profits, st.lists(some_terms, min_size=1, max_size=3))
def test_i12_a_trailing_stop_is_monotone_whatever_the_prices_and_even_when_its_terms_change(seen, terms):
    trailed = Trailed()
    for number, profit in enumerate(seen):
        after = ratchet(trailed, profit, terms[number * len(terms) // len(seen)])
        assert after.peak >= trailed.peak
        assert trailed.stop is None or (after.stop is not None and after.stop >= trailed.stop)
        trailed = after


@given(profits, profits, some_terms)
def test_two_memories_of_one_stop_are_as_tight_as_the_tighter(one, other, terms):
    def after(seen):
        trailed = Trailed()
        for profit in seen:
            trailed = ratchet(trailed, profit, terms)
        return trailed

    both = merge(after(one), after(other))
    assert both == ratchet(both, D(-60_000), terms) or both.stop is None
    assert both.peak == max(after(one).peak, after(other).peak)


@pytest.mark.parametrize(("is_credit", "stop", "target", "found"), [
    (True, ("40", "points"), ("50", "percent"), (-2600, 13_000)),  # sold at 400: stopped at 440, taken at 200
    (False, ("40", "points"), ("50", "percent"), (-2600, 13_000)),  # bought at 400: stopped at 360, taken at 600
    (True, ("460", "level"), ("150", "level"), (-3900, 16_250)), (False, ("350", "level"), None, (-3250, None)),
])  # fmt: skip
def test_the_combined_premium_by_hand(is_credit, stop, target, found):
    """400 points at entry, 65 units."""
    names = {"premium_stop": stop, "premium_target": target}
    asked = {name: {"value": level[0], "unit": level[1]} for name, level in names.items() if level}
    around = bounds(rules(**asked), replace(STRADDLE, is_credit=is_credit), True)
    reached = (around.stop_after(Trailed()), around.first_target)
    assert tuple(each and each[0] for each in reached) == found
    premium = around.premium
    assert premium.at(D(0)) == 400
    assert premium.at(reached[0][0]) == premium.stop
    assert bounds(rules(**asked), STRADDLE, False).premium is None


def test_the_tightest_of_all_stops_counts_and_has_its_name():
    both = rules(stop={"value": "5000"}, premium_stop={"value": "40"}, even={"value": "1000"})
    around = bounds(both, replace(STRADDLE, is_credit=True), True)
    assert around.stop_after(Trailed()) == (-2600, Rule.PREMIUM_STOP)
    seen = ratchet(Trailed(), D(999), around.trail)
    assert seen.stop is None
    assert around.stop_after(ratchet(seen, D(1000), around.trail)) == (0, Rule.EVEN)
    assert replace(around, at_cost=True).stop_after(Trailed()) == (0, Rule.COST)


@pytest.mark.parametrize(("trail", "even", "found"), [
    (("20", "points"), None, Terms(D(-1300))), (("10", "percent"), None, Terms(D(-1300))),
    (None, ("500", "amount"), Terms(None, even=D(500))),
    (("5", "points"), ("15", "points"), Terms(D(-325), even=D(975))),
])  # fmt: skip
def test_a_legs_own_stop_that_follows_by_hand(trail, even, found):
    """Sold 65 at 200 on average; half an entry has none yet."""
    gains = [LegGain(value=D(gain[0]), unit=gain[1]) if gain else None for gain in (trail, even)]
    assert leg_bounds(LegRules(None, None, *gains), D(200), D(-65)).trail == found
    assert leg_bounds(LegRules(None, None, *gains), D(200), D(-65), is_whole=False).trail is None


@pytest.mark.parametrize(("level", "is_up", "found"), [
    (("100", "underlying_points"), True, 25_100), (("2", "underlying_percent"), False, 24_500),
    (("24800", "underlying_price"), False, 24_800), (("100", "points"), True, None),
])  # fmt: skip
def test_a_level_of_the_underlying_by_hand(level, is_up, found):
    assert leg_mark(LegLevel(value=D(level[0]), unit=level[1]), D(25_000), is_up) == found


@given(profits, some_terms)
def test_whatever_the_profits_a_run_is_left_at_most_once_and_never_below_the_stop_it_had(seen, terms):
    around = Bounds(D(-30_000), D(40_000), terms)
    told, price = [], {}
    monitor = Monitor(price.get, told.append, lambda stake, trailed: None)
    stake = Stake(Reach.RUN, "r", "r", "u", "a run", ZERO, {NIFTY: D(1)}, around)
    monitor.put(None, [stake], NOW)
    stop = None
    for profit in seen:
        price[NIFTY] = Quote(NIFTY, profit, NOW)
        monitor.on_quote(price[NIFTY])
        (standing,) = monitor.standings()
        assert stop is None or standing.stop >= stop
        stop = standing.stop
        if not told:
            assert stop < profit < 40_000
        monitor.put(None, [stake], NOW)  # its rows were read again
    assert len(told) <= 1


def test_what_could_not_be_left_is_tried_with_the_next_sweep_though_no_price_comes():
    told, held = [], Symbol("NFO", "A")
    quote = Quote(held, D(90), NOW)
    for way in ({"bounds": Bounds(D(-5))}, {"bounds": Bounds(), "marks": (Mark(Rule.UNDERLYING, held, D(95), False),)}):
        told.clear()
        stake = Stake(Reach.RUN, "r", "r", "u", "a run", D(-100), {held: D(1)}, **way)
        monitor = Monitor({held: quote}.get, told.append, lambda stake, trailed: None)
        monitor.put(None, [stake], NOW)
        monitor.sweep(NOW)
        assert len(told) == 1
        monitor.again(stake)
        monitor.sweep(NOW)
        assert len(told) == 2


def test_a_price_of_the_underlying_leaves_on_its_tick_and_an_old_one_decides_nothing():
    told, fresh = [], {}
    mark = Mark(Rule.UNDERLYING, NIFTY, D(25_100), True)
    held = Symbol("NFO", "A")
    stake = Stake(Reach.RUN, "r", "r", "u", "a run", ZERO, {held: D(1)}, Bounds(), marks=(mark,))
    monitor = Monitor(fresh.get, told.append, lambda stake, trailed: None)
    monitor.put(None, [stake], NOW)
    monitor.on_quote(Quote(NIFTY, D(25_200), NOW))  # the hub does not vouch for it
    assert told == []
    assert monitor.standings()[0].blind_since == NOW
    for price in (25_099, 25_100, 25_101):
        fresh[NIFTY] = Quote(NIFTY, D(price), NOW)
        monitor.on_quote(fresh[NIFTY])
    assert [(each.rule, each.threshold, each.value) for each in told] == [(Rule.UNDERLYING, 25_100, 25_100)]


@pytest.mark.parametrize("wrong", [
    {"premium_stop": {"value": "5", "unit": "amount"}}, {"underlying": {}}, {"underlying": {"above": 5, "below": 5}},
    {"supertrend": {"when": "up"}}, {"supertrend": {"when": "breakout", "on": "leg"}}, {"delta": {"beyond": "0"}},
    {"supertrend": {"when": "breakout", "period": 101}}, {"supertrend": {"when": "breakout", "timeframe": "2m"}},
    {"delta": {"beyond": "0.4", "on": "leg"}}, {"delta": {"beyond": "0.4", "on": "leg", "leg": 21}},
    {"stop": {"value": "0"}}, {"stop": {"value": "-1"}}, {"stop": {"value": "NaN"}}, {"stop": {"value": True}},
    {"stop": {"value": "1", "unit": "lots"}}, {"lock": {"at": "100", "keep": "100"}}, {"lock": {"at": "100"}},
    {"lock": {"at": "100", "keep": "1", "step": "5"}}, {"lock": {"at": "9", "keep": "1", "step": "1", "gain": "2"}},
    {"trail": {"stop": {"value": "1"}, "factor": "1.1"}}, {"until": "25:00"}, {"until": "15:10:30"}, {"more": 1},
])  # fmt: skip
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        rules(**wrong)


def test_what_is_saved_is_read_back():
    kept = rules(stop={"value": "10.5"}, lock={"at": "9", "keep": "0"}, until="15:10", of="account")
    assert limits(kept.model_dump(mode="json")) == kept
    looked_at = {"supertrend": {"when": "breakdown", "on": "leg", "leg": 2}, "delta": {"beyond": "0.35"}}
    more = rules(even={"value": "900"}, underlying={"below": "24800"}, others_to_cost=True, **looked_at)
    assert limits(more.model_dump(mode="json")) == more
    assert len(more.words) == 5
    assert more.legs_named == {2}
    assert limits(None).is_empty
