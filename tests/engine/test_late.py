"""What arrives after the end: fills of orders that were thought lost, on the way in and on the way out."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from app.engine.orders import order_decided
from app.execution.events import Alarm
from app.execution.models import Order
from app.portfolio.models import PositionDifference
from tests.engine.desks import TestDesk
from tests.engine.proving import orders_of, proving_desk, until_part, until_settled
from tests.waiting import until

LONG = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 2}]
FOR_EVER = {"unknown_window_seconds": 600.0}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("late"), ("alpha",), **FOR_EVER) as made:
        yield made


@pytest.fixture
def alarms(desk: TestDesk) -> list[Alarm]:
    heard: list[Alarm] = []
    desk.services.bus.subscribe(Alarm, heard.append)
    return heard


def hide(desk: TestDesk) -> None:
    """The next order arrives and is answered by nothing, and no book shows it."""
    desk.paper.fault("order_silent")
    desk.paper.fault("empty_book", endpoint="orderbook")
    desk.paper.fault("empty_book", endpoint="tradebook")
    desk.paper.fault("lost", how="reset", endpoint="placeorder", next=1)


def given_up(desk: TestDesk, run_id: str, purpose: str) -> Order:
    """A person says of the order in doubt that it never arrived, and is wrong."""

    def in_doubt() -> list[Order]:
        return [o for o in orders_of(desk, run_id) if o.purpose == purpose and o.state == "unknown"]

    until(in_doubt)
    (order,) = in_doubt()
    desk.services.orders.give_up(desk.owner_id, order.id)
    desk.engine.loops["runs"].nudge()
    return order


def turned_up(desk: TestDesk, order: Order) -> None:
    """The books show it again, and a person says which it is."""
    desk.paper.heal()

    def candidates() -> list[str]:
        desk.engine.crew.get(desk.accounts["alpha"]).attendant.look_now()
        return desk.services.orders.get(desk.owner_id, order.id).order.candidates or []

    (name,) = until(candidates)
    desk.services.orders.adopt(desk.owner_id, order.id, name)
    order_decided(desk.services.db, desk.services.bus, order.id)  # the nudge of the web, which is not there


def held(desk: TestDesk) -> dict[str, int]:
    return {p["symbol"]: p["quantity"] for p in desk.paper.books("alpha")["positions"] if p["quantity"]}


def test_an_entry_that_turns_up_after_its_part_was_exited_is_exited_too(desk) -> None:
    hide(desk)
    run_id = desk.run(desk.strategy(LONG, "late entry"), "late entry")
    order = given_up(desk, run_id, "entry")
    until_part(desk, run_id, "alpha", "failed", "closed")
    assert sum(held(desk).values()) == 130
    turned_up(desk, order)
    until(lambda: held(desk) == {}, 20)
    until_settled(desk, run_id)
    assert desk.parts(run_id)["alpha"].state == "closed"


def test_an_exit_that_turns_up_after_it_was_sent_again_is_told_in_numbers(desk, alarms) -> None:
    run_id = desk.run(desk.strategy(LONG, "late exit"), "late exit")
    assert desk.until_state(run_id, "open", "failed") == "open"
    hide(desk)
    desk.exit(run_id)
    order = given_up(desk, run_id, "exit")
    until(lambda: sum(held(desk).values()) == -130, 20)
    until(lambda: any(o.venue_order_id for o in orders_of(desk, run_id) if o.purpose == "exit"))  # it has its answer
    turned_up(desk, order)
    until_part(desk, run_id, "alpha", "closed")
    until(lambda: "130 were bought and 260 sold" in desk.parts(run_id)["alpha"].trouble)
    until(lambda: any("130 short" in alarm.message for alarm in alarms))
    exits = [o for o in orders_of(desk, run_id) if o.purpose == "exit"]
    assert [o.filled_quantity for o in exits] == [130, 130]
    close_by_hand(desk, exits[0])


def close_by_hand(desk: TestDesk, order: Order) -> None:
    """At the broker; and a person accepts its book for what is in no live run."""
    desk.paper.tell(
        "foreign-order", broker="alpha", action="BUY", quantity=130, pricetype="MARKET", symbol=order.symbol,
        exchange=order.exchange, product=order.product,
    )  # fmt: skip
    adopting = desk.services.adopting
    found = until(lambda: by_hand(desk), 20)
    assert adopting.loose(desk.owner_id, found.id) == -130
    adopting.accept_position(desk.owner_id, found.id, Decimal(130))
    assert list(adopting.differences(desk.owner_id)) == []


def by_hand(desk: TestDesk) -> PositionDifference | None:
    """What the hand closed; until two looks have shown it, what differed while the exit was missing may be told yet."""
    (found,) = desk.services.adopting.differences(desk.owner_id) or (None,)
    return found if found and (found.desk_quantity, found.venue_quantity) == (-130, 0) else None
