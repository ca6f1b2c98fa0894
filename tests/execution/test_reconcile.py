from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.execution.reconcile import Adopt, Ambiguous, Candidate, Doubtful, Lost, Verdict, Wait, appeared, judge
from app.venues.types import OrderStatus
from tests.execution.reports import OPTION, report

SENT = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
WINDOW = timedelta(seconds=130)
SOON = SENT + timedelta(seconds=5)
LATE = SENT + WINDOW + timedelta(seconds=1)


def doubtful(order_id: str = "a", **more: object) -> Doubtful:
    order = Doubtful(
        order_id=order_id,
        intent_id="i1",
        exchange=OPTION.exchange,
        symbol=OPTION.name,
        side="BUY",
        quantity=Decimal(100),
        price_type="MARKET",
        product="NRML",
        price=None,
        trigger_price=None,
        sent_at=SENT,
        seen_mark=10,
        book_read_at=SENT - timedelta(seconds=1),
        lookups=1,
    )
    return replace(order, **more)  # type: ignore[arg-type]  # a test's shorthand


def candidate(name: str = "v1", seq: int = 11, **more: object) -> Candidate:
    return Candidate(report(OrderStatus.OPEN, venue_order_id=name, **more), seq)


def ask(orders: list[Doubtful], found: list[Candidate], now: datetime = SOON) -> list[Verdict]:
    return judge(orders, found, now, lookups=5, window=WINDOW)


def test_the_one_order_that_fits_is_adopted() -> None:
    found = candidate()
    assert ask([doubtful()], [found]) == [Adopt("a", found.report)]


def test_an_order_that_was_there_before_the_send_is_never_adopted() -> None:
    assert ask([doubtful()], [candidate(seq=10)]) == [Wait("a")]


def test_another_quantity_side_or_product_is_another_order() -> None:
    for other in ({"quantity": Decimal(99)}, {"side": "SELL"}, {"product": "MIS"}):
        assert ask([doubtful()], [candidate(**other)]) == [Wait("a")]


def test_the_price_counts_for_a_limit_order_and_not_for_a_market_order() -> None:
    assert isinstance(ask([doubtful()], [candidate(price=Decimal(7))])[0], Adopt)
    limit = doubtful(price_type="LIMIT", price=Decimal(7))
    assert isinstance(ask([limit], [candidate(price_type="LIMIT", price=Decimal(7))])[0], Adopt)
    assert ask([limit], [candidate(price_type="LIMIT", price=Decimal(8))]) == [Wait("a")]


def test_two_candidates_for_one_order_are_a_persons_choice() -> None:
    assert ask([doubtful()], [candidate("v1"), candidate("v2", 12)]) == [Ambiguous("a", ("v1", "v2"))]


def test_slices_of_one_intent_are_interchangeable() -> None:
    verdicts = ask([doubtful("a"), doubtful("b")], [candidate("v1"), candidate("v2", 12)])
    assert {v.report.venue_order_id for v in verdicts if isinstance(v, Adopt)} == {"v1", "v2"}


def test_orders_of_two_intents_are_not_interchangeable() -> None:
    verdicts = ask([doubtful("a"), doubtful("b", intent_id="i2")], [candidate()])
    assert all(isinstance(verdict, Ambiguous) for verdict in verdicts)


def test_while_an_equal_order_is_on_its_way_nothing_is_concluded() -> None:
    assert ask([doubtful("a"), doubtful("b", is_sending=True)], [candidate()]) == [Wait("a")]


def test_a_book_that_was_last_read_long_before_the_send_proves_nothing_alone() -> None:
    old = doubtful(book_read_at=SENT - timedelta(minutes=5))
    assert ask([old], [candidate()]) == [Ambiguous("a", ("v1",))]


def test_it_is_lost_only_after_enough_looks_and_enough_time() -> None:
    assert ask([doubtful(lookups=5)], [], SOON) == [Wait("a")]
    assert ask([doubtful(lookups=4)], [], LATE) == [Wait("a")]
    assert ask([doubtful(lookups=5)], [], LATE) == [Lost("a")]


@pytest.mark.parametrize(
    "shown",
    [
        {"price_type": "LIMIT", "price": Decimal("7.5")},  # the average fill in the price's place
        {"price_type": "MARKET"},
        {"price_type": "LIMIT", "price": Decimal(7), "at": SENT - timedelta(seconds=30)},  # by a clock that is late
    ],
)
def test_it_is_not_lost_while_the_book_shows_one_that_only_the_venues_own_words_tell_from_it(shown) -> None:
    order = doubtful(price_type="LIMIT", price=Decimal(7), lookups=5)
    assert ask([order], [candidate(**shown)], SOON) == [Wait("a")]
    assert ask([order], [candidate(**shown)], LATE) == [Ambiguous("a", ("v1",))]
    assert ask([order, doubtful("b", is_sending=True)], [candidate(**shown)], LATE) == [Wait("a")]
    assert ask([order], [candidate(**shown | {"quantity": Decimal(99)})], LATE) == [Lost("a")]
    assert ask([order], [candidate(seq=10, **shown)], LATE) == [Lost("a")]
    assert appeared([order], [candidate(**shown)], []) == [("a", ("v1",))]


def test_an_order_the_venue_stamped_before_the_send_is_not_it() -> None:
    assert ask([doubtful()], [candidate(at=SENT - timedelta(minutes=2))]) == [Wait("a")]


def test_what_appears_after_we_gave_up_is_shown_to_a_person_and_not_adopted() -> None:
    found = candidate()
    assert appeared([doubtful()], [found], []) == [("a", ("v1",))]
    assert appeared([doubtful()], [found], [Adopt("b", found.report)]) == []


orders = st.lists(
    st.builds(
        lambda n, intent, sending, looks: doubtful(f"o{n}", intent_id=f"i{intent}", is_sending=sending, lookups=looks),
        st.integers(0, 50), st.integers(0, 2), st.booleans(), st.integers(0, 8),
    ),
    max_size=6, unique_by=lambda order: order.order_id,
)  # fmt: skip
books = st.lists(
    st.builds(lambda n, seq: candidate(f"v{n}", seq), st.integers(0, 50), st.integers(5, 20)),
    max_size=6, unique_by=(lambda c: c.report.venue_order_id, lambda c: c.seq),
)  # fmt: skip


@given(orders, books, st.sampled_from([SOON, LATE]))
def test_no_venue_order_is_adopted_twice_and_the_order_of_the_book_does_not_matter(ours, book, now) -> None:
    verdicts = ask(ours, book, now)
    adopted = [v.report.venue_order_id for v in verdicts if isinstance(v, Adopt)]
    assert len(adopted) == len(set(adopted))
    assert sorted(map(repr, verdicts)) == sorted(map(repr, ask(list(reversed(ours)), list(reversed(book)), now)))
    assert [v.order_id for v in verdicts] == [order.order_id for order in ours if not order.is_sending]


def gone_pair(order_id: str = "a", **more: object) -> Doubtful:
    """A stop and a target that the broker shows no more."""
    usual = {"price": Decimal(95), "trigger_price": Decimal(100), "made": (Decimal(95), Decimal(140))}
    return doubtful(order_id, **{"price_type": "OCO", "doubted_at": SENT} | usual | more)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("price", [95, 140])
def test_the_order_that_came_of_a_pair_is_known_by_either_limit(price: int) -> None:
    found = candidate(price_type="LIMIT", price=Decimal(price))
    assert ask([gone_pair()], [found]) == [Adopt("a", found.report)]


def test_an_order_at_another_price_did_not_come_of_a_pair_and_a_person_is_asked_in_the_end() -> None:
    other = candidate(price_type="LIMIT", price=Decimal(96))
    assert ask([gone_pair()], [other]) == [Wait("a")]
    assert ask([gone_pair(lookups=5)], [other], LATE) == [Ambiguous("a", ("v1",))]


def test_two_orders_that_could_have_come_of_one_pair_are_for_a_person() -> None:
    found = [candidate(name, price_type="LIMIT", price=Decimal(95)) for name in ("v1", "v2")]
    assert ask([gone_pair()], found) == [Ambiguous("a", ("v1", "v2"))]


def test_a_pair_that_comes_to_light_again_is_itself() -> None:
    same = candidate("gtt:1", price_type="OCO", price=Decimal(95), trigger_price=Decimal(100))
    assert ask([gone_pair()], [same]) == [Adopt("a", same.report)]


def test_a_pair_that_rested_for_days_is_not_given_up_the_moment_it_is_gone() -> None:
    days_later = SENT + timedelta(days=3)
    pair = gone_pair(lookups=5, doubted_at=days_later)
    assert ask([pair], [], days_later + timedelta(seconds=5)) == [Wait("a")]
    assert ask([pair], [], days_later + WINDOW + timedelta(seconds=1)) == [Lost("a")]
