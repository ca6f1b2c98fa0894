"""At which price a leg is entered, and when a limit follows the market: on a tick, on the right side, in time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.execution.terms import ChangeState
from app.strategies.chasing import Chase, Resting, Step, step
from app.strategies.entry_price import CannotPrice, EntryTerms, PriceFrom, Pricing, TriggerFrom, entry_terms
from app.strategies.exit_prices import NewTerms
from app.venues.types import Quote, Side, Symbol

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
TICK = Decimal("0.05")
QUOTE = Quote(Symbol("NFO", "X"), Decimal(100), NOW, Decimal("99.90"), Decimal("100.10"))


def price(**rule: object) -> PriceFrom:
    return PriceFrom.model_validate(rule)


@pytest.mark.parametrize(
    ("rule", "side", "expected"),
    [
        (price(of="ltp", offset=1), Side.BUY, "99"),
        (price(of="ltp", offset=1), Side.SELL, "101"),
        (price(of="bid"), Side.BUY, "99.9"),
        (price(of="ask", offset="-0.5"), Side.BUY, "100.6"),
        (price(of="ltp", offset="0.33", unit="percent"), Side.BUY, "99.7"),  # 99.67, rounded towards a fill
        (price(of="ltp", offset="0.33", unit="percent"), Side.SELL, "100.3"),
    ],
)
def test_a_limit_is_so_much_better_than_the_market(rule: PriceFrom, side: Side, expected: str) -> None:
    assert entry_terms(Pricing(price_from=rule), side, QUOTE, TICK) == EntryTerms(Decimal(expected))


def test_a_trigger_lies_beyond_the_last_price_and_its_limit_beyond_it() -> None:
    stop = Pricing(trigger_from=TriggerFrom(offset=Decimal(2)), price_from=price(of="trigger", offset=1))
    assert entry_terms(stop, Side.BUY, QUOTE, TICK) == EntryTerms(Decimal(103), Decimal(102))
    assert entry_terms(stop, Side.SELL, QUOTE, TICK) == EntryTerms(Decimal(97), Decimal(98))


def test_what_is_not_known_prices_nothing() -> None:
    for quote in (None, Quote(QUOTE.symbol, Decimal(100), NOW)):
        with pytest.raises(CannotPrice, match="the bid is not known freshly"):
            entry_terms(Pricing(price_from=price(of="bid")), Side.BUY, quote, TICK)
    assert entry_terms(Pricing(Decimal(5)), Side.BUY, None, TICK) == EntryTerms(Decimal(5))


@settings(max_examples=60)
@given(
    st.decimals(Decimal("0.05"), Decimal(50_000), places=2), st.decimals(-90, 90, places=2), st.sampled_from(list(Side))
)
def test_every_price_is_a_whole_number_of_ticks_above_zero(last: Decimal, offset: Decimal, side: Side) -> None:
    quote = Quote(QUOTE.symbol, last, NOW)
    found = entry_terms(Pricing(price_from=price(offset=offset, unit="percent")), side, quote, TICK).price
    assert found is not None
    assert found > 0
    assert found % TICK == 0


def change(state: ChangeState, second: float) -> NewTerms:
    return NewTerms(state, True, NOW + timedelta(seconds=second))


FOLLOW_TWICE = Chase(times=2, every=5, then="market")


@pytest.mark.parametrize(
    ("second", "newest", "expected"),
    [
        (4.9, None, Step.WAIT),
        (5, None, Step.FOLLOW),
        (6, change(ChangeState.SENDING, 5), Step.WAIT),
        (6, change(ChangeState.DONE, 5), Step.WAIT),
        (11, change(ChangeState.UNKNOWN, 5), Step.WAIT),
        (11, change(ChangeState.REFUSED, 5), Step.FOLLOW),
        (14.9, change(ChangeState.DONE, 11), Step.WAIT),
        (15, change(ChangeState.DONE, 11), Step.MARKET),
        (99, None, Step.MARKET),
        (99, change(ChangeState.REFUSED, 16), Step.WAIT),
    ],
)
def test_time_alone_says_what_is_due_and_two_changes_never_meet(second, newest, expected) -> None:
    assert step(FOLLOW_TWICE, Resting(NOW, newest), NOW + timedelta(seconds=second)) is expected


def test_what_is_left_to_rest_is_never_moved_again() -> None:
    left = FOLLOW_TWICE.model_copy(update={"then": "leave"})
    assert step(left, Resting(NOW), NOW + timedelta(seconds=15)) is Step.WAIT
    assert step(left, Resting(NOW), NOW + timedelta(seconds=14)) is Step.FOLLOW
