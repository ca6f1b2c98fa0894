"""Limits of a day: what is watched decides once and never on an old price; what is asked before says why not."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.core.validation import parse
from app.risk.day_monitor import DayMonitor, DayStake, DayTrigger
from app.risk.day_rules import DayRule, DayRules, Limited, bounds_of
from app.risk.day_use import OneMore, SoFar, World, used, why_not
from app.risk.states import Extent, Kind
from app.venues.types import Quote, Symbol

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
CALL, PUT, SHARE = Symbol("NFO", "NIFTY26050CE"), Symbol("NFO", "NIFTY26050PE"), Symbol("NSE", "SBIN")
ALPHA = Extent(Kind.ACCOUNT, "alpha")
NAMES = {CALL: "NIFTY", PUT: "NIFTY", SHARE: "SBIN"}


def rules(**written) -> DayRules:
    return parse(DayRules, written)


def level(value, action="block", unit="amount"):
    return {"value": str(value), "unit": unit, "action": action}


class Watching:
    """One account that bought a hundred at a hundred, watched; prices are what `see` said last."""

    def __init__(self, written: DayRules, equity=None, **more) -> None:
        self.prices: dict[Symbol, Quote] = {}
        self.told: list[DayTrigger] = []
        self.peaks: list[Decimal] = []
        bounds = tuple(bounds_of(written, ALPHA.slot, TODAY, equity))
        usual = DayStake(ALPHA, "u1", "alpha", TODAY, Decimal(-10_000), {CALL: Decimal(100)}, bounds)
        self.stake = replace(usual, **more)
        self.monitor = DayMonitor(self.prices.get, self.told.append, lambda _stake, peak: self.peaks.append(peak))
        self.put()

    def put(self, *over: str) -> None:
        self.monitor.put([self.stake], frozenset(over), NOW)

    def see(self, *prices: object) -> None:
        for price in prices:
            self.prices[CALL] = Quote(CALL, Decimal(str(price)), NOW)
            self.monitor.on_quote(self.prices[CALL])

    def grow_old(self) -> None:
        self.prices.clear()
        self.monitor.sweep(NOW)

    @property
    def rules(self) -> list[str]:
        return [trigger.bound.rule.value for trigger in self.told]


@pytest.mark.parametrize("fault", [
    {"max_loss": {"value": "0"}}, {"max_loss": {"value": "5", "unit": "points"}}, {"open_orders": 0}, {"what": 1},
    {"drawdown": {"value": "1", "action": "panic"}}, {"open_orders": True}, {"entries": 2.5}, {"price_band": "101"},
    {"order_value": "-1"}, {"exposure": {"value": "1", "action": "block"}},
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_its_field(fault) -> None:
    with pytest.raises(Invalid) as refused:
        rules(**fault)
    assert next(iter(refused.value.fields)).partition(".")[0] in fault


def test_percent_are_of_the_equity_of_the_day_and_wait_until_it_is_known() -> None:
    written = rules(max_loss=level(2, unit="percent"), max_profit=level(500))
    assert [bound.rule for bound in bounds_of(written, "a", TODAY, None)] == [DayRule.PROFIT]
    assert [bound.distance for bound in bounds_of(written, "a", TODAY, Decimal(50_000))] == [1000, 500]


def test_a_loss_a_profit_and_a_fall_from_the_peak_are_each_touched_once() -> None:
    watched = Watching(rules(max_loss=level(2000), max_profit=level(3000), drawdown=level(1500)))
    watched.see(100, 110, 101, 95, 94.9, 95, 80, 79, 131, 135, 70)
    assert watched.rules == ["drawdown", "max_loss", "max_profit"]
    drawdown, loss, profit = watched.told
    assert (drawdown.value, drawdown.threshold, drawdown.peak) == (-500, -500, 1000)
    assert (loss.value, loss.threshold, profit.value, profit.threshold) == (-2000, -2000, 3100, 3000)
    assert watched.peaks == sorted(watched.peaks)


def test_on_an_old_price_nothing_is_decided_and_a_good_one_decides() -> None:
    watched = Watching(rules(max_loss=level(2000)))
    watched.see(100)
    watched.grow_old()
    assert watched.monitor.standings()[0].blind_since == NOW
    watched.monitor.on_quote(Quote(CALL, Decimal(10), NOW))  # which nobody would trust
    assert watched.told == []
    watched.see(79)
    assert watched.rules == ["max_loss"]


def test_what_was_touched_before_a_restart_is_not_touched_again_and_a_changed_limit_is_another() -> None:
    watched = Watching(rules(max_loss=level(2000)))
    watched.see(79)
    (key,) = [trigger.bound.key for trigger in watched.told]
    again = Watching(rules(max_loss=level(2000)))
    again.put(key)
    again.see(79, 60)
    assert again.told == []
    wider = Watching(rules(max_loss=level(3000)))
    wider.put(key)
    wider.see(79, 69)
    assert [trigger.value for trigger in wider.told] == [-3100]


def test_a_peak_outlives_a_restart_and_a_carried_position_begins_where_it_is_seen() -> None:
    watched = Watching(rules(drawdown=level(1000)), peak=Decimal(5000))
    watched.see(141)
    assert watched.rules == []
    watched.see(139)
    assert watched.rules == ["drawdown"]
    carried = Watching(rules(drawdown=level(1000)), carries=True)
    carried.see(70)
    assert carried.rules == []
    carried.see(59)
    assert carried.rules == ["drawdown"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(50, 150), min_size=1, max_size=30), st.integers(1, 4000), st.integers(1, 4000))
def test_whatever_prices_do_a_limit_is_touched_exactly_when_the_whole_day_says_so(prices, loss, fall) -> None:
    watched = Watching(rules(max_loss=level(loss), drawdown=level(fall)))
    watched.see(*prices)
    profits = [100 * (price - 100) for price in prices]
    peaks = [max(0, *profits[: n + 1]) for n in range(len(profits))]
    assert ("max_loss" in watched.rules) == any(profit <= -loss for profit in profits)
    falls = any(profit <= peak - fall for profit, peak in zip(profits, peaks, strict=True))
    assert ("drawdown" in watched.rules) == falls
    assert len(watched.rules) == len(set(watched.rules))


# -- before an order


def limited(**written) -> Limited:
    return Limited(ALPHA, "u1", "alpha", rules(**written), ("alpha",), equity=Decimal(100_000))


def world(**prices) -> World:
    known = {CALL: Decimal(100), PUT: Decimal(50), SHARE: Decimal(800)}
    return World((known | dict.fromkeys(prices.get("without", ()))).get, NAMES)


def more(quantity=65, symbol=CALL, **how) -> OneMore:
    return OneMore("alpha", symbol, Decimal(quantity), **how)


@pytest.mark.parametrize(("written", "asked", "says"), [
    ({"order_quantity": "64"}, more(), "alpha: max order quantity is 64 and this order of NIFTY26050CE has 65."),
    ({"order_value": "6000"}, more(), "max order value is 6000 and this order of NIFTY26050CE comes to 6500"),
    ({"order_value": "6000"}, more(price=Decimal(90)), ""),
    ({"price_band": "5"}, more(price=Decimal("105.05")), "band is 5 % and 105.05 for NIFTY26050CE is 5.05 % from 100"),
    ({"price_band": "5"}, more(price=Decimal(105)), ""),
    ({"open_orders": 3}, more(orders=2), "open orders may be 3 and would be 4"),
    ({"orders_per_minute": 5}, more(), "orders per minute may be 5 and would be 6"),
    ({"entries": 1}, more(), "entries of the day may be 1 and would be 2"),
    ({"symbol_exposure": {"value": "19000"}}, more(), "per symbol (NIFTY26050CE) may be 19000 and would be 19500"),
    ({"underlying_exposure": {"value": "16000"}}, more(-65, PUT), "underlying (NIFTY) may be 16000 and would be 16250"),
    ({"exposure": {"value": "20", "unit": "percent"}}, more(10, SHARE), "exposure may be 20000 and would be 21000"),
    ({"exposure": {"value": "21", "unit": "percent"}}, more(10, SHARE), ""),
    ({"exposure": {"value": "1"}}, more(-65), ""),
])  # fmt: skip
def test_an_order_that_does_not_fit_is_refused_with_limit_threshold_value_and_account(written, asked, says) -> None:
    """A hundred and thirty calls are worth 13,000 with those that work."""
    so_far = SoFar(held={("alpha", CALL): Decimal(65)})
    so_far.buys["alpha", CALL] = Decimal(65)
    so_far.counts["open_orders"]["alpha"] = 2
    so_far.counts["orders_per_minute"]["alpha"] = 5
    so_far.counts["entries"]["alpha"] = 1
    found = why_not(limited(**written), asked, so_far, world())
    assert (says in found) if says else found is None, found


@pytest.mark.parametrize("written", [
    {"order_value": "1"}, {"exposure": {"value": "1"}}, {"symbol_exposure": {"value": "1"}}, {"price_band": "1"},
])  # fmt: skip
def test_without_a_fresh_price_an_entry_is_refused_and_what_lessens_passes(written) -> None:
    so_far = SoFar(held={("alpha", CALL): Decimal(65)})
    blind = world(without=[CALL])
    price = Decimal(90) if "price_band" in written else None
    refused = why_not(limited(**written), more(price=price), so_far, blind)
    assert refused and "there is no fresh price of NIFTY26050CE" in refused
    assert why_not(limited(**written), more(-65, is_by_hand=True, price=price), so_far, blind) is None
    so_far.sells["alpha", CALL] = Decimal(1)  # with what works it would be more than is held
    assert why_not(limited(**written), more(-65, is_by_hand=True, price=price), so_far, blind) is not None


def test_what_is_let_through_takes_its_room_and_gives_it_back() -> None:
    so_far, one = SoFar(), limited(symbol_exposure={"value": "10000"}, entries=1)
    so_far.add(more())
    assert why_not(one, more(), so_far, world()) is not None
    assert used(one, so_far, world()) == {"entries": 1, "symbol_exposure": 6500}
    so_far.add(more(), times=-1)
    assert why_not(one, more(), so_far, world()) is None


def test_the_use_of_an_exposure_is_its_largest_and_unknown_with_an_old_price() -> None:
    so_far = SoFar(held={("alpha", CALL): Decimal(65), ("alpha", PUT): Decimal(-130), ("beta", SHARE): Decimal(9)})
    one = limited(symbol_exposure={"value": "1"}, underlying_exposure={"value": "1"}, exposure={"value": "1"})
    assert used(one, so_far, world()) == {"symbol_exposure": 6500, "underlying_exposure": 13_000, "exposure": 13_000}
    assert used(one, so_far, world(without=[PUT]))["exposure"] is None
