from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.execution.states import FINAL, OrderState
from app.execution.terms import ChangeState
from app.strategies.exit_prices import ExitTerms, NewTerms, Turn, limit_terms, market_terms, on_side, turn_of
from app.strategies.exit_rule import AT_MARKET, ExitRule, exit_rule
from app.strategies.waves import AccountRunState, AccountRunView, LegView, OnFailure, OrderView, decide
from app.venues.types import PriceType, Quote, Side, Symbol

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
TICK = Decimal("0.05")
AFTER = timedelta(seconds=6)
PRICES = st.decimals(Decimal("0.05"), Decimal(100_000), places=2)
TICKS = st.sampled_from([Decimal("0.01"), Decimal("0.05"), Decimal("0.25"), Decimal(1)])
SIDES = st.sampled_from(list(Side))


def quote(last: str, bid: str | None = None, ask: str | None = None) -> Quote:
    return Quote(Symbol("NFO", "X"), Decimal(last), NOW, Decimal(bid) if bid else None, Decimal(ask) if ask else None)


def rule(offset: str = "0", unit: str = "ticks", **more: object) -> ExitRule:
    return ExitRule.model_validate({"price_type": "LIMIT", "offset": offset, "offset_unit": unit, **more})


def test_a_sale_asks_for_more_than_the_last_price_and_a_purchase_offers_less() -> None:
    assert limit_terms(rule("2"), Side.SELL, quote("100"), TICK) == ExitTerms(PriceType.LIMIT, Decimal("100.10"))
    assert limit_terms(rule("2"), Side.BUY, quote("100"), TICK) == ExitTerms(PriceType.LIMIT, Decimal("99.90"))
    assert limit_terms(rule("-1", "percent"), Side.SELL, quote("100"), TICK) == ExitTerms(
        PriceType.LIMIT, Decimal("99.00")
    )


def test_without_a_fresh_price_or_a_limit_it_goes_at_market() -> None:
    assert limit_terms(rule("2"), Side.SELL, None, TICK) is None
    assert limit_terms(AT_MARKET, Side.SELL, quote("100"), TICK) is None
    assert market_terms(Side.SELL, None, Decimal(3), TICK) == ExitTerms()
    assert market_terms(Side.SELL, quote("100"), None, TICK) == ExitTerms()


@given(SIDES, PRICES, TICKS, st.decimals(Decimal("0.1"), 20, places=1))
def test_a_protected_price_crosses_the_book_and_is_on_a_tick(
    side: Side, last: Decimal, tick: Decimal, percent: Decimal
) -> None:
    terms = market_terms(side, quote(str(last)), percent, tick)
    assert terms.price is not None
    assert terms.price > 0
    assert terms.price % tick == 0
    assert terms.price >= last if side is Side.BUY else terms.price <= max(last, tick)


@given(SIDES, st.decimals(-1000, 100_000, places=3), TICKS)
def test_a_price_is_moved_to_the_tick_that_fills_no_later(side: Side, price: Decimal, tick: Decimal) -> None:
    found = on_side(side, price, tick)
    assert found >= tick
    assert found % tick == 0
    if price >= tick:
        assert abs(found - price) < tick
        assert (found - price) * side.sign >= 0


def test_a_wrong_rule_is_refused() -> None:
    for wrong in (
        {"offset": "1.5"}, {"offset": "21", "offset_unit": "percent"}, {"convert_after": 0}, {"convert_after": True},
        {"tries": 0}, {"first_pause": "40", "longest_pause": "30"}, {"offset": "NaN"}, {"unknown": 1},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            ExitRule.model_validate({"price_type": "LIMIT"} | wrong)


def test_a_rule_says_itself_and_old_strategies_exit_at_market() -> None:
    assert exit_rule(None).words == "at market"
    assert rule("2").words == "at a limit of 2 ticks better than the last price, at market after 6 s"
    assert rule("-1", "percent").words == "at a limit of 1% worse than the last price, at market after 6 s"
    assert exit_rule(rule("2").model_dump(mode="json")) == rule("2")


def test_an_exit_that_rests_is_changed_once_it_is_time() -> None:
    assert turn_of(NOW, None, AFTER, NOW + AFTER - timedelta(seconds=1)) is Turn.WAIT
    assert turn_of(NOW, None, AFTER, NOW + AFTER) is Turn.CHANGE


def test_a_change_that_is_late_or_lost_or_refused_is_a_cancel() -> None:
    asked = NOW + AFTER
    for state in (ChangeState.ASKED, ChangeState.SENDING, ChangeState.UNKNOWN):
        change = NewTerms(state, True, asked)
        assert turn_of(NOW, change, AFTER, asked + timedelta(seconds=1)) is Turn.WAIT
        assert turn_of(NOW, change, AFTER, asked + AFTER) is Turn.CANCEL
    for state in (ChangeState.REFUSED, ChangeState.WITHDRAWN):
        assert turn_of(NOW, NewTerms(state, True, asked, asked), AFTER, asked) is Turn.CANCEL
        assert turn_of(NOW, NewTerms(state, False, asked, asked), AFTER, asked) is Turn.CHANGE


def test_an_exit_that_was_given_a_new_limit_gets_its_time_anew() -> None:
    done = NewTerms(ChangeState.DONE, False, NOW + AFTER, NOW + AFTER)
    assert turn_of(NOW, done, AFTER, NOW + AFTER + timedelta(seconds=5)) is Turn.WAIT
    assert turn_of(NOW, done, AFTER, NOW + 2 * AFTER) is Turn.CHANGE


def leaving(*exits: OrderView, rule: ExitRule = AT_MARKET) -> AccountRunView:
    entry = OrderView("e", False, OrderState.FILLED, Decimal(100), Decimal(100))
    leg = LegView("l", Side.BUY, Decimal(100), True, (entry, *exits), "Leg 1")
    return AccountRunView(AccountRunState.EXITING, OnFailure.UNWIND, True, (leg,), exits=rule)


def resting(state: OrderState = OrderState.OPEN, filled: int = 0, **more: object) -> OrderView:
    base = {"is_limit": True, "sent_at": NOW, "cancel_at": None} | more
    return OrderView("x", True, state, Decimal(100), Decimal(filled), **base)  # type: ignore[arg-type]  # a shorthand


def test_only_the_first_exit_may_rest() -> None:
    (first,) = decide(leaving(rule=rule("2")), NOW).leave
    assert first.may_rest
    ended = resting(OrderState.CANCELLED, 40, cancel_at=NOW, ended_at=NOW)
    (second,) = decide(leaving(ended, rule=rule("2")), NOW).leave
    assert (second.quantity, second.attempt, second.may_rest) == (Decimal(60), 2, False)


def test_the_rest_is_asked_for_only_when_the_cancel_is_proven() -> None:
    pending = resting(OrderState.CANCEL_PENDING, 40, cancel_at=NOW + AFTER)
    decision = decide(leaving(pending, rule=rule("2")), NOW + AFTER)
    assert (decision.leave, decision.convert) == ((), ())


@given(
    st.sampled_from(list(OrderState)),
    st.integers(0, 100),
    st.integers(0, 40),
    st.sampled_from([None, *ChangeState]),
    st.booleans(),
    st.booleans(),
)
def test_i5_whatever_a_conversion_does_no_more_is_asked_for_than_is_held(
    state: OrderState, filled: int, seconds: int, change: ChangeState | None, is_desks: bool, is_cancelled: bool
) -> None:
    now = NOW + timedelta(seconds=seconds)
    filled = 100 if state is OrderState.FILLED else filled
    newest = NewTerms(change, is_desks, NOW, NOW) if change else None
    order = resting(state, filled, new_terms=newest, cancel_at=NOW if is_cancelled else None, ended_at=NOW, failure="")
    decision = decide(leaving(order, rule=rule("2", convert_after=6)), now)
    asked = sum((again.quantity for again in decision.leave), Decimal(0))
    may_fill = Decimal(0) if state in FINAL else Decimal(100 - filled)
    assert asked + may_fill + filled <= 100
    assert not {*decision.convert} & {*decision.cancel}
    if seconds < 6:
        assert not decision.convert
