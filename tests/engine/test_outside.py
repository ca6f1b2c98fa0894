"""Trades that somebody makes at the broker, past the desk: seen, told, never doubled, taken over only by a person."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import pytest

from app.core.errors import Denied
from app.engine.orders import order_decided
from app.execution.events import Alarm
from app.execution.models import Order
from tests.engine.desks import TestDesk
from tests.engine.proving import orders_of, proving_desk, told, until_part, until_settled
from tests.waiting import until

numbers = count(1)
LONG = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 2}]
HEDGED = [
    {"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM4", "lots": 1},
    {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 1},
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("outside"), ("alpha",)) as made:
        yield made


@pytest.fixture
def alarms(desk: TestDesk) -> list[Alarm]:
    heard: list[Alarm] = []
    desk.services.bus.subscribe(Alarm, heard.append)
    return heard


@pytest.fixture(autouse=True)
def flat(desk: TestDesk) -> Iterator[None]:
    yield
    desk.paper.heal()
    until(lambda: looked(desk) and differences(desk) == [], 20)
    assert held(desk) == {}


def asked(desk: TestDesk, legs: list[dict]) -> str:
    number = next(numbers)
    return desk.run(desk.strategy(legs, f"outside {number}"), f"outside {number}")


def opened(desk: TestDesk, legs: list[dict]) -> str:
    run_id = asked(desk, legs)
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    return run_id


def by_hand(desk: TestDesk, order: Order, side: str, quantity: int, **more: object) -> dict:
    """Somebody trades at the broker's own screen."""
    wanted = {"pricetype": "MARKET", "symbol": order.symbol, "exchange": order.exchange, "product": order.product}
    wanted |= {"action": side, "quantity": quantity} | more
    return desk.paper.tell("foreign-order", broker="alpha", **wanted)["placed"][0]["order"]


def differences(desk: TestDesk) -> list:
    return list(desk.services.adopting.differences(desk.owner_id))


def looked(desk: TestDesk) -> bool:
    desk.engine.crew.get(desk.accounts["alpha"]).attendant.sweep_now()
    return True


def entry_of(desk: TestDesk, run_id: str) -> Order:
    return next(order for order in orders_of(desk, run_id) if order.purpose == "entry")


def leg_of(desk: TestDesk, run_id: str, side: str) -> str:
    legs = desk.services.strategies.leg_runs(desk.owner_id, run_id)
    return next(leg.id for leg in legs if leg.side == side)


def held(desk: TestDesk) -> dict[str, int]:
    return {p["symbol"]: p["quantity"] for p in desk.paper.books("alpha")["positions"] if p["quantity"]}


def sent(desk: TestDesk, run_id: str) -> list[Order]:
    theirs = {row["orderid"] for row in desk.paper.books("alpha")["orders"] if not row["foreign"]}
    return [order for order in orders_of(desk, run_id) if order.purpose == "exit" and order.venue_order_id in theirs]


def accept(desk: TestDesk, run_id: str, side: str, quantity: int) -> None:
    """As a person does on the run's page; then the nudge of the web, which is not there."""
    order_id = desk.services.adopting.accept(desk.owner_id, leg_of(desk, run_id, side), Decimal(quantity))
    order_decided(desk.services.db, desk.services.bus, order_id)


def left(desk: TestDesk, run_id: str) -> None:
    desk.exit(run_id)
    until_settled(desk, run_id)


def test_a_position_closed_by_hand_is_noticed_told_and_not_sold_again(desk, alarms) -> None:
    run_id = opened(desk, LONG)
    entry = entry_of(desk, run_id)
    price = Decimal(by_hand(desk, entry, "SELL", 130)["average_price"])
    until(lambda: differences(desk))
    (found,) = differences(desk)
    assert (found.desk_quantity, found.venue_quantity) == (130, 0)
    assert "SELL 130 at ≈" in found.reason
    until(lambda: any("at the broker 0 of the desk's 130" in alarm.message for alarm in alarms))
    desk.exit(run_id)
    until(lambda: "accept the broker's book" in desk.parts(run_id)["alpha"].trouble)
    assert sent(desk, run_id) == []
    accept(desk, run_id, "BUY", 130)
    until_settled(desk, run_id)
    (booked,) = [order for order in orders_of(desk, run_id) if order.purpose == "exit" and order.filled_quantity]
    until(lambda: looked(desk) and desk.services.orders.get(desk.owner_id, booked.id).order.average_price == price)
    assert booked.reason.startswith("Closed outside the desk")
    assert desk.parts(run_id)["alpha"].trouble == ""
    desk.assert_books_agree()


def test_what_was_told_of_a_difference_goes_with_it_and_the_exit_goes_on(desk) -> None:
    run_id = opened(desk, LONG)
    entry = entry_of(desk, run_id)
    by_hand(desk, entry, "SELL", 130)
    until(lambda: differences(desk))
    desk.exit(run_id)
    until(lambda: "accept the broker's book" in desk.parts(run_id)["alpha"].trouble)
    by_hand(desk, entry, "BUY", 130)
    until(lambda: looked(desk) and differences(desk) == [], 20)
    until_settled(desk, run_id)
    assert [order.filled_quantity for order in sent(desk, run_id)] == [130]
    assert desk.parts(run_id)["alpha"].trouble == ""


def test_positions_that_could_not_be_read_are_read_again_soon(desk) -> None:
    desk.read_all()
    reader = desk.engine.crew.get(desk.accounts["alpha"]).attendant
    before = reader.positions_read_at
    desk.paper.fault("error", status=500, endpoint="positionbook", broker="alpha", next=1)
    reader.sweep_now()
    until(lambda: reader.positions_read_at > before, 15)


def test_a_run_of_which_everything_is_gone_does_not_sell_what_a_later_run_has_opened(desk) -> None:
    older = opened(desk, LONG)
    by_hand(desk, entry_of(desk, older), "SELL", 130)
    until(lambda: differences(desk))
    newer = opened(desk, LONG)
    desk.exit(older)
    until(lambda: "accept the broker's book" in desk.parts(older)["alpha"].trouble)
    for _ in range(3):
        looked(desk)
        assert sent(desk, older) == []
    assert list(held(desk).values()) == [130]
    left(desk, newer)
    assert [order.filled_quantity for order in sent(desk, newer)] == [130]
    assert sent(desk, older) == []
    accept(desk, older, "BUY", 130)
    until_settled(desk, older)


def test_a_position_reduced_by_hand_is_exited_for_what_remains(desk) -> None:
    run_id = opened(desk, LONG)
    by_hand(desk, entry_of(desk, run_id), "SELL", 65)
    until(lambda: differences(desk))
    desk.exit(run_id)
    until(lambda: held(desk) == {})
    until(lambda: [order.filled_quantity for order in sent(desk, run_id)] == [65])
    assert desk.parts(run_id)["alpha"].state == "exiting"
    accept(desk, run_id, "BUY", 65)
    until_settled(desk, run_id)


def test_a_short_covered_by_hand_does_not_keep_its_hedge_from_leaving(desk) -> None:
    run_id = opened(desk, HEDGED)
    short = next(order for order in orders_of(desk, run_id) if order.side == "SELL")
    by_hand(desk, short, "BUY", 65)
    until(lambda: differences(desk))
    desk.exit(run_id)
    until(lambda: held(desk) == {})
    until(lambda: {order.side for order in sent(desk, run_id)} == {"SELL"})  # the venue is done before the journal
    accept(desk, run_id, "SELL", 65)
    until_settled(desk, run_id)


def test_an_open_run_whose_position_was_accepted_as_closed_ends(desk) -> None:
    run_id = opened(desk, LONG)
    by_hand(desk, entry_of(desk, run_id), "SELL", 130)
    until(lambda: differences(desk))
    leg_id = leg_of(desk, run_id, "BUY")
    with pytest.raises(Denied, match="look again"):
        desk.services.adopting.accept(desk.owner_id, leg_id, Decimal(65))
    accept(desk, run_id, "BUY", 130)
    with pytest.raises(Denied):
        desk.services.adopting.accept(desk.owner_id, leg_id, Decimal(130))
    assert until_part(desk, run_id, "alpha", "closed") == "closed", told(desk, run_id, "alpha")


def test_one_of_two_runs_can_still_leave_when_the_other_ones_part_was_closed_by_hand(desk) -> None:
    first, second = opened(desk, LONG), opened(desk, LONG)
    by_hand(desk, entry_of(desk, first), "SELL", 130)
    until(lambda: differences(desk))
    left(desk, second)
    assert held(desk) == {}
    desk.exit(first)
    until(lambda: "accept the broker's book" in desk.parts(first)["alpha"].trouble)
    assert sent(desk, first) == []
    accept(desk, first, "BUY", 130)
    until_settled(desk, first)


def test_an_external_position_is_adopted_once_as_a_run_that_exits_like_any(desk) -> None:
    run_id = opened(desk, LONG)
    entry = entry_of(desk, run_id)
    left(desk, run_id)
    by_hand(desk, entry, "BUY", 195)
    until(lambda: differences(desk))
    (found,) = differences(desk)
    assert (found.desk_quantity, found.venue_quantity) == (0, 195)
    adopted = desk.services.adopting.adopt_position(desk.owner_id, found.id, Decimal(195))
    with pytest.raises(Exception, match="no such difference"):
        desk.services.adopting.adopt_position(desk.owner_id, found.id, Decimal(195))
    (booked,) = orders_of(desk, adopted)
    assert (booked.purpose, booked.filled_quantity, booked.venue_order_id) == ("manual", 195, None)
    assert booked.average_price is not None
    assert desk.run_row(adopted).state == "open"
    left(desk, adopted)
    assert held(desk) == {}
    assert [order.filled_quantity for order in sent(desk, adopted)] == [195]


def test_a_working_external_order_is_adopted_once_and_then_the_desks(desk) -> None:
    run_id = opened(desk, LONG)
    entry = entry_of(desk, run_id)
    left(desk, run_id)
    placed = by_hand(desk, entry, "BUY", 65, pricetype="LIMIT", price=0.05)
    account_id, name = desk.accounts["alpha"], placed["orderid"]
    until(lambda: name in {row.venue_order_id for row in desk.services.orders.foreign([account_id])})
    order_id = desk.services.adopting.adopt_order(desk.owner_id, account_id, name)
    with pytest.raises(Denied, match="already"):
        desk.services.adopting.adopt_order(desk.owner_id, account_id, name)
    told = desk.services.orders.get(desk.owner_id, order_id)
    assert (told.order.state, told.order.purpose, told.order.venue_order_id) == ("open", "manual", name)
    desk.services.orders.cancel(desk.owner_id, order_id)
    until(lambda: desk.services.orders.get(desk.owner_id, order_id).order.state == "cancelled")
    assert name not in {row.venue_order_id for row in desk.services.orders.foreign([account_id])}
