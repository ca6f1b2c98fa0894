"""What must hold of the pure decisions for every history anybody can think of."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.execution.reconcile import Adopt, Ambiguous, Lost, Wait, judge
from app.execution.states import FINAL, OrderState, Progress, advance
from app.venues.types import OrderStatus
from tests.execution.reports import report
from tests.execution.test_reconcile import SENT, WINDOW, candidate, doubtful

S = OrderState
LOOKUPS = 5
QUANTITIES = (Decimal(65), Decimal(130))

orders = st.lists(
    st.builds(
        lambda n, intent, quantity, sending, looks, mark, known, age: doubtful(
            f"o{n}", intent_id=f"i{intent}", quantity=quantity, is_sending=sending, lookups=looks, seen_mark=mark,
            book_read_at=None if known is None else SENT - timedelta(seconds=known),
            sent_at=SENT + timedelta(seconds=age),
        ),
        st.integers(0, 30), st.integers(0, 1), st.sampled_from(QUANTITIES), st.booleans(), st.integers(0, 7),
        st.integers(5, 15), st.none() | st.integers(0, 60), st.integers(0, 200),
    ),
    max_size=6, unique_by=lambda order: order.order_id,
)  # fmt: skip
books = st.lists(
    st.builds(
        lambda n, seq, quantity, at: candidate(
            f"v{n}", seq, quantity=quantity, at=None if at is None else SENT + timedelta(seconds=at)
        ),
        st.integers(0, 30), st.integers(1, 30), st.sampled_from(QUANTITIES), st.none() | st.integers(-100, 200),
    ),
    max_size=6, unique_by=(lambda c: c.report.venue_order_id, lambda c: c.seq),
)  # fmt: skip
nows = st.integers(0, 400).map(lambda seconds: SENT + timedelta(seconds=seconds))


@given(orders, books, nows, st.randoms())
def test_i4_judging_again_or_in_another_order_says_the_same(ours, book, now, random) -> None:
    first = judge(ours, book, now, LOOKUPS, WINDOW)
    assert judge(ours, book, now, LOOKUPS, WINDOW) == first
    shuffled = random.sample(ours, len(ours)), random.sample(book, len(book))
    again = judge(*shuffled, now, LOOKUPS, WINDOW)
    assert {v.order_id: v for v in again} == {v.order_id: v for v in first}


@given(orders, books, nows)
def test_what_is_adopted_is_alike_new_and_nobody_elses(ours, book, now) -> None:
    by_id, seqs = {o.order_id: o for o in ours}, {c.report.venue_order_id: c.seq for c in book}
    taken = [v for v in judge(ours, book, now, LOOKUPS, WINDOW) if isinstance(v, Adopt)]
    assert len({v.report.venue_order_id for v in taken}) == len(taken)
    for verdict in taken:
        order, found = by_id[verdict.order_id], verdict.report
        assert not order.is_sending
        assert found.quantity == order.quantity
        assert seqs[found.venue_order_id] > order.seen_mark
        assert found.at is None or found.at >= order.sent_at - timedelta(seconds=10)
        assert order.book_read_at is not None


@given(orders, books, nows)
def test_nothing_is_lost_without_enough_whole_books_enough_time_and_no_candidate(ours, book, now) -> None:
    by_id = {order.order_id: order for order in ours}
    for verdict in judge(ours, book, now, LOOKUPS, WINDOW):
        order = by_id[verdict.order_id]
        assert isinstance(verdict, Adopt | Lost | Ambiguous | Wait)
        if isinstance(verdict, Lost):
            assert order.lookups >= LOOKUPS
            assert now - order.sent_at > WINDOW


@given(orders, books, nows)
def test_no_verdict_while_an_equal_order_is_being_sent(ours, book, now) -> None:
    verdicts = {v.order_id: v for v in judge(ours, book, now, LOOKUPS, WINDOW)}
    for quantity in {order.quantity for order in ours if order.is_sending}:
        for order in ours:
            if order.quantity == quantity and not order.is_sending:
                assert isinstance(verdicts[order.order_id], Wait | Lost)


@given(orders, nows)
def test_i6_an_empty_book_adopts_nothing_and_asks_nobody(ours, now) -> None:
    assert all(isinstance(v, Wait | Lost) for v in judge(ours, [], now, LOOKUPS, WINDOW))


prices = st.integers(1, 100_000).map(lambda ticks: ticks * Decimal("0.05"))
histories = st.lists(st.tuples(st.integers(1, 40), prices), min_size=1, max_size=6)


def told(fills: list[tuple[int, Decimal]], total: int):
    """What a venue says after each of its fills: cumulative quantity, average to four places."""
    done, value = 0, Decimal(0)
    for quantity, price in fills:
        done += quantity
        value += quantity * price
        status = OrderStatus.FILLED if done == total else OrderStatus.PARTIALLY_FILLED
        yield replace(
            report(status), quantity=Decimal(total), filled_quantity=Decimal(done),
            average_price=(value / done).quantize(Decimal("0.0001")),
        )  # fmt: skip


@given(histories, st.data())
def test_i1_i2_i5_i8_fills_told_twice_in_any_order_come_to_what_the_venue_has(fills, data) -> None:
    total = sum(quantity for quantity, _ in fills)
    said = list(told(fills, total))
    heard = data.draw(st.permutations(said + data.draw(st.lists(st.sampled_from(said), max_size=6))))
    now, booked, value = Progress(S.OPEN, Decimal(total)), Decimal(0), Decimal(0)
    for each in heard:
        step = advance(now, each)
        assert step.new_fill >= 0
        assert not step.is_late
        assert not step.is_overfill
        booked += step.new_fill
        value += step.new_fill * (step.fill_price or 0)
        now = step.progress
    assert (now.state, now.filled, booked) == (S.FILLED, total, total)
    assert abs(now.average - said[-1].average_price) <= said[-1].average_price / 10_000
    assert abs(value - now.average * total) < Decimal("0.000001") * total
    lowest, highest = min(price for _, price in fills), max(price for _, price in fills)
    assert lowest - Decimal("0.0001") <= now.average <= highest + Decimal("0.0001")


@given(histories, st.sampled_from(sorted(FINAL - {S.FILLED})), st.integers(0, 5))
def test_i7_a_fill_after_the_end_is_booked_and_told(fills, state, known) -> None:
    total = sum(quantity for quantity, _ in fills)
    said = list(told(fills, total))
    before = said[min(known, len(said) - 1)]
    now = Progress(state, Decimal(total), before.filled_quantity, before.average_price)
    for each in said:
        step = advance(now, each)
        assert step.is_late == (each.filled_quantity > now.filled and now.state in FINAL)
        assert step.progress.filled == max(now.filled, each.filled_quantity)
        if state is not S.LOST:
            assert step.progress.state in (state, S.FILLED)
        now = step.progress
    assert now.filled == total


alike = st.lists(st.integers(0, 60), min_size=1, max_size=5, unique=True)


@given(alike, st.lists(st.integers(11, 60), max_size=5, unique=True), nows)
def test_slices_that_look_alike_share_what_was_found_one_each(numbers, seqs, now) -> None:
    """All of one wish, sent by a desk that knew the book: as many are adopted as there are orders to adopt."""
    ours = [doubtful(f"o{number:02}", lookups=0) for number in numbers]
    book = [candidate(f"v{seq}", seq) for seq in seqs]
    verdicts = judge(ours, book, now, LOOKUPS, WINDOW)
    adopted = [v.report.venue_order_id for v in verdicts if isinstance(v, Adopt)]
    assert len(set(adopted)) == len(adopted) == (len(seqs) if len(seqs) <= len(ours) else 0)
    assert all(isinstance(v, Adopt | Wait) for v in verdicts) == (len(seqs) <= len(ours))


@given(orders, books, nows)
def test_what_may_be_there_is_never_lost(ours, book, now) -> None:
    """Found or not clear: however many books were read and however long it took."""
    patient = [replace(order, lookups=0) for order in ours]
    soon = {v.order_id: v for v in judge(patient, book, now, LOOKUPS, WINDOW)}
    for verdict in judge([replace(order, lookups=99) for order in ours], book, now, LOOKUPS, WINDOW):
        if not isinstance(soon[verdict.order_id], Wait):
            assert verdict == soon[verdict.order_id]
