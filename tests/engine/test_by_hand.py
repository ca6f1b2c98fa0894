"""Orders by hand at real brokers: placed once, split, left out where they must be, closed, cancelled."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from sqlalchemy import select, update

from app.core.errors import Denied
from app.core.ids import new_id
from app.engine.hands import TOO_LATE
from app.execution.cancelling import Which
from app.execution.events import Alarm
from app.execution.models import Intent, Order
from app.execution.states import FINAL, IN_DOUBT
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from tests.engine.handwork import LOT, LOW, Hands
from tests.engine.proving import orders_of, proving_desk, until_part
from tests.waiting import until

ALL = Which(everything=True)
NO_CANCEL = "Order cannot be cancelled at this time"
LIMIT = {"price_type": "LIMIT", "price": Decimal(LOW)}


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hands]:
    with proving_desk(tmp_path_factory.mktemp("by-hand"), ("alpha", "beta"), place_timeout_seconds=5.0) as desk:
        yield Hands(desk)


@pytest.fixture(autouse=True)
def flat(hands: Hands) -> Iterator[None]:
    """Each test leaves nothing working and nothing held, in books that agree."""
    hands.desk.paper.heal()
    yield
    hands.desk.paper.heal()
    until(lambda: not states(hands) & IN_DOUBT, 20)  # what nobody has heard of yet cannot be cancelled
    with suppress(Denied):  # nothing is working any more
        hands.by_hand.cancels.cancel(hands.desk.owner_id, ALL, new_id())
        hands.desk.engine.loops["runs"].nudge()
    until(lambda: states(hands) <= FINAL, 20)
    for broker in hands.desk.accounts:
        if held(hands, broker):
            for order_id in hands.close(broker):
                hands.until_order(order_id, "filled")
    hands.desk.assert_books_agree()


def states(hands: Hands) -> set[str]:
    return {order.state for order in hands.desk.orders()}


def held(hands: Hands, broker: str) -> int:
    positions = hands.desk.paper.books(broker)["positions"]
    return sum(p["quantity"] for p in positions if p["symbol"] == hands.desk.option)


def test_one_ticket_fills_in_every_account_split_at_the_freeze_quantity(hands):
    orders = hands.place(lots=28)
    assert [int(order.quantity) for order in orders] == [1755, 65, 1755, 65]
    for order in orders:
        hands.until_order(order.id, "filled")
    assert [held(hands, broker) for broker in hands.desk.accounts] == [28 * LOT, 28 * LOT]


def test_many_clicks_at_once_place_one_ticket_once(hands):
    tickets, owner = hands.by_hand.tickets, hands.desk.owner_id
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: tickets.write(owner, hands.draft("alpha", **LIMIT), "one-form"), range(8)))
        (ticket_id,) = ids
        placed = list(pool.map(lambda _: tickets.place(owner, ticket_id), range(8)))
    assert placed.count(True) == 1
    (order,) = tickets.orders(owner, ticket_id)
    hands.until_order(order.id, "open")


def test_an_account_that_cannot_take_part_is_left_out_and_the_others_go(hands):
    desk = hands.desk
    beta = desk.accounts["beta"]
    desk.services.accounts.set_enabled(desk.owner_id, beta, False)
    try:
        (order,) = hands.place(**LIMIT)
        assert order.account_id == desk.accounts["alpha"]
        with pytest.raises(Denied, match="No account can take"):
            hands.place("beta", **LIMIT)
    finally:
        desk.services.accounts.set_enabled(desk.owner_id, beta, True)
        until(lambda: desk.engine.crew.get(beta) is not None, 10)
    hands.until_order(order.id, "open")


def test_an_entry_that_nobody_could_send_for_a_minute_is_withdrawn(hands):
    desk = hands.desk
    member = desk.engine.crew.get(desk.accounts["alpha"])
    member.lane.hold("the test")
    try:
        (order,) = hands.place("alpha", **LIMIT)
        with desk.services.db.write() as session:
            long_ago = order.created_at - TOO_LATE - timedelta(seconds=1)
            session.execute(update(Order).where(Order.id == order.id).values(created_at=long_ago))
        assert "within a minute" in hands.until_order(order.id, "cancelled").reason
    finally:
        member.lane.release("the test")


def test_closing_asks_for_what_is_held_and_for_nothing_that_is_leaving(hands):
    hands.filled("alpha", lots=2)
    hands.filled("alpha", lots=1)
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(hands.close, "alpha") for _ in range(4)]
    done = [r.result() for r in results if r.exception() is None]
    assert [type(r.exception()) for r in results if r.exception()] == [Denied] * 3
    ((order_id,),) = done
    assert hands.until_order(order_id, "filled").filled_quantity == 3 * LOT
    until(lambda: held(hands, "alpha") == 0, 10)


def test_a_refused_exit_by_hand_is_told_once_with_the_venues_words_and_can_be_asked_again(hands):
    heard: list[Alarm] = []
    hands.desk.services.bus.subscribe(Alarm, heard.append)
    hands.filled("alpha")
    hands.desk.paper.fault("reject", broker="alpha", reason="Margin shortfall", action="SELL", next=1)
    (order_id,) = hands.close("alpha")
    hands.until_order(order_id, "rejected")
    until(lambda: [alarm for alarm in heard if alarm.subject == f"order:{order_id}"], 10)
    (told,) = [alarm for alarm in heard if alarm.subject == f"order:{order_id}"]
    assert "Margin shortfall" in told.message
    (again,) = hands.close("alpha")
    hands.until_order(again, "filled")
    until(lambda: held(hands, "alpha") == 0, 10)


def test_the_same_close_twice_is_one_exit(hands):
    hands.filled("alpha")
    assert hands.close("alpha", "one-form") == hands.close("alpha", "one-form")
    with hands.desk.services.db.read() as session:
        (intent,) = session.scalars(select(Intent).where(Intent.key == "one-form"))
    assert (intent.purpose, intent.side, intent.quantity) == ("exit", "SELL", 2 * LOT)
    until(lambda: held(hands, "alpha") == 0, 10)


def test_an_exit_whose_answer_was_lost_is_not_closed_again(hands):
    hands.filled("alpha")
    hands.desk.paper.fault("lost", broker="alpha", how="reset", endpoint="placeorder", next=1)
    (order_id,) = hands.close("alpha")
    with pytest.raises(Denied, match=r"being closed already|Nothing of"):
        hands.close("alpha")
    hands.until_order(order_id, "filled")
    until(lambda: held(hands, "alpha") == 0, 10)


def test_a_run_in_the_same_contract_is_not_closed_by_hand(hands):
    leg = {"action": "BUY", "kind": "SYMBOL", "symbol": hands.desk.option, "lots": 2}
    run = hands.desk.run(hands.desk.strategy([leg], name="One leg"), key=new_id())
    hands.desk.until_state(run, "open")
    with pytest.raises(Denied, match="Nothing of"):
        hands.close("alpha")
    hands.desk.exit(run)
    hands.desk.until_state(run, "closed")


def test_many_orders_are_cancelled_in_one_step_and_each_tells_what_became_of_it(hands):
    for broker in ("alpha", "beta"):
        for _ in range(3):
            hands.resting(broker)
    owner, batch_id = hands.desk.owner_id, new_id()
    only = Which(account_id=hands.desk.accounts["alpha"])
    assert hands.by_hand.cancels.cancel(owner, only, batch_id) == 3
    assert hands.by_hand.cancels.cancel(owner, ALL, batch_id) == 0
    until(lambda: hands.by_hand.cancels.batch(owner, batch_id).is_over, 20)
    assert hands.by_hand.cancels.batch(owner, batch_id).counts == {"cancelled": 3}
    assert len(hands.by_hand.cancels.working(owner, ALL)) == 3


def test_a_cancel_that_the_broker_refuses_is_asked_ever_more_rarely_and_told_once_with_its_words(hands):
    heard: list[Alarm] = []
    hands.desk.services.bus.subscribe(Alarm, heard.append)
    order = hands.resting("alpha")
    refuse_cancels(hands)
    hands.cancel(order)
    until(lambda: (told := hands.refused(order)) and told.count == 4, 40)
    asked = hands.asked_to_cancel(order)
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(asked)]
    assert [wait >= least for wait, least in zip(waits, (2, 4, 8), strict=True)] == [True] * 3, waits
    (told,) = [alarm for alarm in heard if alarm.subject == f"order:{order.id}"]
    assert all(words in told.message for words in (NO_CANCEL, str(order.venue_order_id), "cancel it at the broker"))
    assert told.account_id == hands.desk.accounts["alpha"]
    assert hands.refused(order).words == NO_CANCEL
    hands.cancel_at_broker("alpha", order)
    hands.until_order(order.id, "cancelled")
    assert hands.refused(order) is None


def test_a_refused_cancel_that_the_kill_switch_waits_for_is_asked_again_soon(hands):
    order, risk = hands.resting("alpha"), hands.desk.services.risk
    asker, extent = Asker(hands.desk.owner_id), Extent(Kind.ACCOUNT, hands.desk.accounts["alpha"])
    refuse_cancels(hands, next=4)
    risk.press(asker, extent, flatten=False, why="the test")
    try:
        hands.until_order(order.id, "cancelled", timeout=20)  # 30 s where nothing waits for it
    finally:
        risk.release(asker, extent)


def test_a_refused_cancel_that_an_exit_waits_for_is_asked_again_soon(hands):
    leg = {"action": "BUY", "kind": "SYMBOL", "symbol": hands.desk.option, "lots": 2}
    resting = leg | {"price_type": "LIMIT", "price": LOW}
    run_id = hands.desk.run(hands.desk.strategy([resting], name="It rests"), key=new_id())
    until(lambda: [order.state for order in orders_of(hands.desk, run_id)] == ["open"] * 2, 20)
    refuse_cancels(hands, next=4)
    hands.desk.exit(run_id)
    until_part(hands.desk, run_id, "alpha", "failed", timeout=20)


def refuse_cancels(hands: Hands, **more: int) -> None:
    fault = {"status": 400, "message": NO_CANCEL, "endpoint": "cancelorder"}
    hands.desk.paper.fault("error", broker="alpha", **fault, **more)


def test_nudges_that_are_all_lost_cost_a_poll_and_no_order(hands):
    tickets, owner = hands.by_hand.tickets, hands.desk.owner_id
    ticket_id = tickets.write(owner, hands.draft("alpha", **LIMIT), new_id())
    tickets.place(owner, ticket_id)
    (order,) = tickets.orders(owner, ticket_id)
    hands.until_order(order.id, "open")
