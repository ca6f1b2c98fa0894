"""What may be asked of a working order, and what a book proves: the same whatever is asked, however often."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.execution.terms import Contract, Finding, SentChange, Terms, change_problems, judge, price_problems, shows
from app.venues.types import OrderStatus, PriceType
from tests.execution.reports import report

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
WINDOW = timedelta(seconds=120)
LOT, TICK = Decimal(65), Decimal("0.05")
CONTRACT = Contract(LOT, TICK, Decimal(1800))
prices = st.none() | st.integers(-10, 2000).map(lambda n: n * Decimal("0.025"))
quantities = st.integers(-2, 3000).map(Decimal) | st.integers(0, 40).map(lambda n: n * LOT)
terms = st.builds(Terms, quantities, st.sampled_from(PriceType), prices, prices)
statuses = st.sampled_from(OrderStatus)


def rows(wanted):
    """Rows of a book with these terms."""
    return st.builds(
        lambda t, status: replace(
            report(status), quantity=t.quantity, price_type=t.price_type, price=t.price, trigger_price=t.trigger_price
        ),
        wanted,
        statuses,
    )


@given(terms, terms, st.integers(0, 30).map(lambda n: n * LOT))
def test_terms_that_pass_are_what_an_exchange_takes_and_leave_room_for_what_is_filled(asked, now, filled):
    if change_problems(asked, now, filled, CONTRACT):
        return
    wanted = asked.clean
    assert wanted != now.clean
    assert all(price is None or price % TICK == 0 for price in (wanted.price, wanted.trigger_price))
    assert (wanted.price is not None) == (wanted.price_type in (PriceType.LIMIT, PriceType.SL))
    assert (wanted.trigger_price is not None) == (wanted.price_type in (PriceType.SL, PriceType.SL_M))
    if wanted.quantity != now.quantity:
        assert filled < wanted.quantity <= Decimal(1800)
        assert wanted.quantity % LOT == 0


@given(terms)
def test_prices_that_the_price_type_does_not_use_refuse_nothing(asked):
    assert price_problems(asked, TICK) == price_problems(asked.clean, TICK)


changes = st.builds(
    SentChange, terms, st.booleans(), st.integers(0, 300).map(lambda s: NOW - timedelta(seconds=s)), st.integers(0, 6)
)


@given(changes, rows(terms))
def test_a_change_counts_as_applied_only_when_the_book_shows_it_or_the_venue_said_so(change, row):
    found = judge(change, row, NOW, 3, WINDOW)
    assert found is judge(change, row, NOW, 3, WINDOW)
    if found is Finding.APPLIED:
        assert row.quantity == change.asked.quantity
        assert shows(row, change.asked) or (change.is_done and row.status.is_final)


@given(changes, rows(terms))
def test_a_change_is_given_up_only_after_enough_books_and_enough_time_or_when_the_order_has_ended(change, row):
    found = judge(change, row, NOW, 3, WINDOW)
    if found is Finding.NOT_APPLIED:
        assert change.lookups >= 3
        assert NOW - change.sent_at > WINDOW
    assert (found is Finding.TOO_LATE) <= row.status.is_final


@given(changes)
def test_a_row_with_the_new_terms_always_ends_it(change):
    wanted = change.asked.clean
    row = replace(
        report(OrderStatus.OPEN), quantity=wanted.quantity, price_type=wanted.price_type, price=wanted.price,
        trigger_price=wanted.trigger_price,
    )  # fmt: skip
    assert judge(change, row, NOW, 3, WINDOW) is Finding.APPLIED
