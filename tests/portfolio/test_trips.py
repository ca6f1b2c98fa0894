"""Round trips from fills: what opens one, what ends one, and what each day realised of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from app.portfolio.pnl import Trade, fold
from app.portfolio.trades import FilledOrder, PositionKey
from app.portfolio.trips import hand_trips, run_trip

START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
CALL = PositionKey("a1", "NFO", "NIFTY24NOV2626050CE", "NRML")


def filled(
    number: int, quantity: int, price: object, leg: str | None = None, at: datetime | None = None
) -> FilledOrder:
    trade = Trade(Decimal(quantity), None if price is None else Decimal(str(price)))
    return FilledOrder(
        f"o{number}", "u1", CALL, "p1" if leg else None, leg, trade, at or START + timedelta(minutes=number)
    )


def ten(_order: FilledOrder) -> Decimal:
    return Decimal(10)


def test_a_trade_by_hand_lasts_from_flat_to_flat():
    bought, sold, again = filled(1, 75, 100), filled(2, -75, 110), filled(3, 75, 90)
    first, second = hand_trips([bought, sold, again], ten)
    assert (first.id, first.closed_at, first.realised, first.charges) == ("o1", sold.filled_at, 750, 20)
    assert (second.id, second.closed_at, second.realised) == ("o3", None, 0)


def test_an_order_that_turns_a_position_around_ends_one_trip_and_begins_the_next():
    first, second = hand_trips([filled(1, 75, 100), filled(2, -150, 110), filled(3, 75, 100)], ten)
    assert (first.realised, first.orders) == (750, 2)
    assert (second.id, second.realised, second.orders) == ("o2-2", 750, 1)


def test_each_day_has_what_it_realised():
    overnight = START + timedelta(days=3)
    (trip,) = hand_trips([filled(1, 150, 100), filled(2, -75, 120), filled(3, -75, 90, at=overnight)], ten)
    assert {str(on): day.realised for (on, _, _), day in trip.days.items()} == {"2026-11-20": 1500, "2026-11-23": -750}
    assert trip.realised == 750


def test_two_legs_in_one_contract_do_not_close_each_other():
    orders = [filled(1, 75, 100, "long"), filled(2, -75, 130, "short"), filled(3, -75, 110, "long")]
    trip = run_trip("p1", orders, ten, None)
    assert (trip.realised, trip.closed_at) == (750, None)


def test_a_part_is_over_when_its_run_says_so():
    ended = START + timedelta(hours=1)
    assert run_trip("p1", [filled(1, 75, 100, "leg")], ten, ended).closed_at == ended
    assert run_trip("p1", [], ten, ended) is None


def test_a_missing_price_makes_the_result_unknown_and_not_zero():
    (trip,) = hand_trips([filled(1, 75, None), filled(2, -75, 110)], ten)
    assert (trip.realised, trip.charges) == (None, None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9).filter(bool), st.integers(1, 500)), min_size=1, max_size=25))
def test_trips_realise_together_what_the_position_realised(trades):
    orders = [filled(number, quantity, price) for number, (quantity, price) in enumerate(trades)]
    trips = hand_trips(orders, ten)
    whole = fold(order.trade for order in orders)
    assert abs(sum(trip.realised for trip in trips) - whole.realised) < Decimal("1e-9")
    assert sum(trip.orders for trip in trips) == len(orders)
    assert all(trip.closed_at for trip in trips[:-1])
