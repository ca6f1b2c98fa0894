from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.execution.states import (
    FINAL,
    LIVE,
    TRANSITIONS,
    Impossible,
    OrderState,
    Progress,
    advance,
    check,
)
from app.venues.types import OrderStatus
from tests.execution.reports import report

S = OrderState
WORKING = (S.SENDING, S.OPEN, S.TRIGGER_PENDING, S.PARTIALLY_FILLED, S.CANCEL_PENDING, S.UNKNOWN)


def start(state: OrderState = S.OPEN, filled: int = 0, average: str | None = None) -> Progress:
    return Progress(state, Decimal(100), Decimal(filled), None if average is None else Decimal(average))


@pytest.mark.parametrize("before", list(S))
@pytest.mark.parametrize("after", list(S))
def test_every_pair_is_either_in_the_table_or_impossible(before: OrderState, after: OrderState) -> None:
    if after is before or after in TRANSITIONS[before]:
        assert check(before, after) is after
    else:
        with pytest.raises(Impossible):
            check(before, after)


def test_every_state_has_a_row_and_is_either_live_or_final() -> None:
    assert set(TRANSITIONS) == set(S)
    assert set(S) == FINAL | LIVE
    assert not FINAL & LIVE


def test_nothing_but_a_fill_or_late_evidence_leaves_a_final_state() -> None:
    for state in FINAL - {S.LOST}:
        assert TRANSITIONS[state] <= {S.FILLED}


def test_only_a_claim_leads_to_sending() -> None:
    assert [before for before, after in TRANSITIONS.items() if S.SENDING in after] == [S.NEW]


def test_a_partial_fill_is_counted_by_what_filled() -> None:
    step = advance(start(), report(OrderStatus.OPEN, 40, "10"))
    assert step.progress == Progress(S.PARTIALLY_FILLED, Decimal(100), Decimal(40), Decimal(10))
    assert step.new_fill == 40


def test_the_price_of_the_new_part_comes_out_of_the_averages() -> None:
    step = advance(start(S.PARTIALLY_FILLED, 50, "10"), report(OrderStatus.FILLED, 100, "11"))
    assert step.progress.state is S.FILLED
    assert step.fill_price == Decimal(12)


def test_complete_without_a_quantity_asks_the_trade_book_instead_of_believing() -> None:
    step = advance(start(), report(OrderStatus.FILLED))
    assert step.progress.state is S.OPEN
    assert step.needs_trades


def test_a_cancel_that_crossed_the_last_fill_ends_filled_and_is_late() -> None:
    step = advance(start(S.CANCELLED, 60, "10"), report(OrderStatus.FILLED, 100, "10"))
    assert step.progress.state is S.FILLED
    assert step.is_late


def test_an_overfill_is_booked_and_told() -> None:
    step = advance(start(), report(OrderStatus.FILLED, 130, "10"))
    assert step.progress.filled == 130
    assert step.is_overfill


def test_a_working_report_from_before_the_cancel_does_not_undo_it() -> None:
    assert advance(start(S.CANCEL_PENDING), report(OrderStatus.OPEN)).progress.state is S.CANCEL_PENDING


def test_a_cancelled_order_keeps_what_it_filled() -> None:
    step = advance(start(S.PARTIALLY_FILLED, 40, "10"), report(OrderStatus.CANCELLED, 40, "10"))
    assert step.progress == Progress(S.CANCELLED, Decimal(100), Decimal(40), Decimal(10))


def test_a_lost_order_that_turns_up_filled_is_booked_and_told() -> None:
    step = advance(start(S.LOST), report(OrderStatus.FILLED, 100, "10"))
    assert step.progress.state is S.FILLED
    assert step.is_late


statuses = st.sampled_from(list(OrderStatus))
news = st.builds(lambda status, filled: report(status, filled, "10"), statuses, st.none() | st.integers(0, 100))


@given(st.sampled_from(WORKING), st.lists(news, max_size=12))
def test_fills_only_grow_and_no_report_is_impossible(state: OrderState, reports: list) -> None:
    now = start(state, filled=1 if state is S.PARTIALLY_FILLED else 0)
    for item in reports:
        step = advance(now, item)
        assert step.progress.filled >= now.filled
        assert step.new_fill == step.progress.filled - now.filled
        if now.state in FINAL:
            assert step.progress.state in (now.state, S.FILLED)
        now = step.progress


@given(st.lists(news, min_size=1, max_size=8), st.randoms())
def test_the_filled_quantity_does_not_depend_on_the_order_of_the_reports(reports: list, random) -> None:
    def total(items: list) -> Decimal:
        now = start()
        for item in items:
            now = advance(now, item).progress
        return now.filled

    shuffled = list(reports)
    random.shuffle(shuffled)
    assert total(reports) == total(shuffled)


@given(st.lists(news, min_size=1, max_size=8))
def test_a_report_heard_twice_teaches_nothing(reports: list) -> None:
    now = start()
    for item in reports:
        now = advance(now, item).progress
        again = advance(now, item)
        assert again.progress.filled == now.filled
        assert again.new_fill == 0
