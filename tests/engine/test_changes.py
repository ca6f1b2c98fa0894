"""Changing a working order against a real broker: answers lost, fills on the way, cancels across, names changed."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import update

from app.accounts.models import Account
from app.core.errors import Denied, Invalid
from app.venues.types import PriceType
from tests.engine.handwork import HIGH, LOT, LOW, MODIFY, Hands
from tests.engine.proving import proving_desk
from tests.waiting import until

TEN = Decimal("0.10")


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hands]:
    patience = {"place_timeout_seconds": 4.0, "unknown_window_seconds": 5.0}
    with proving_desk(tmp_path_factory.mktemp("changes"), ("alpha", "beta"), **patience) as desk:
        yield Hands(desk)


@pytest.fixture(autouse=True)
def healed(hands: Hands) -> Iterator[None]:
    hands.desk.paper.heal()
    yield
    hands.desk.paper.heal()
    hands.desk.assert_books_agree()


def test_price_and_quantity_change_at_the_venue_and_in_the_journal(hands):
    order = hands.resting("alpha")
    change = hands.until_settled(hands.change(order, price=TEN, quantity=Decimal(3 * LOT)))
    row, now = hands.broker_row("alpha", order), hands.order(order.id)
    assert change.state == "done"
    assert (row["quantity"], row["price"]) == (3 * LOT, "0.10") or float(row["price"]) == 0.1
    assert (now.quantity, now.price, now.state) == (3 * LOT, TEN, "open")


def test_a_limit_order_becomes_one_at_market_and_fills(hands):
    order = hands.resting("alpha")
    change = hands.change(order, price_type=PriceType.MARKET)
    hands.until_order(order.id, "filled")  # the fill may be told before the answer to the change
    assert hands.until_settled(change).state == "done"
    assert hands.order(order.id).price_type == "MARKET"


@pytest.mark.parametrize("fault", [
    {"kind": "lost", "how": "reset"}, {"kind": "error", "status": 500, "placed": True}, {"kind": "lost", "seconds": 6},
])  # fmt: skip
def test_a_change_whose_answer_was_lost_is_found_in_the_book_and_never_sent_again(hands, fault):
    order = hands.resting("alpha")
    before = hands.calls("alpha", "modifyorder")
    hands.desk.paper.fault(broker="alpha", **MODIFY, next=1, **fault)
    change = hands.change(order, price=TEN, quantity=Decimal(3 * LOT))
    assert hands.until_settled(change).state == "done"
    now = hands.order(order.id)
    assert (now.quantity, now.price) == (3 * LOT, TEN)
    assert hands.calls("alpha", "modifyorder") == before + 1


def test_a_change_that_never_arrived_is_given_up_after_enough_books_and_the_order_is_as_before(hands):
    order = hands.resting("alpha")
    hands.desk.paper.fault("lost", broker="alpha", how="reset", placed=False, **MODIFY, next=1)
    change = hands.change(order, price=TEN)
    assert hands.until_change(change, "unknown", "refused").state == "unknown"
    with pytest.raises(Denied, match="answer to the last change was lost"):
        hands.change(order, price=Decimal("0.15"))
    ended = hands.until_change(change, "refused")
    assert "never arrived" in ended.reason
    assert hands.order(order.id).price == Decimal(LOW)
    again = hands.change(order, price=Decimal("0.15"))
    assert hands.until_change(again, "done")


def test_a_fill_that_is_faster_wins_and_the_change_says_that_it_was_too_late(hands):
    order = hands.resting("beta")
    hands.desk.paper.fault("latency", broker="beta", ms=2000, where="before", **MODIFY, next=1)
    change = hands.change(order, price=TEN)
    hands.until_change(change, "sending")
    row = hands.broker_row("beta", order)
    status, _ = hands.desk.paper["beta"].call(
        "modifyorder", strategy="elsewhere", orderid=row["orderid"], symbol=row["symbol"], exchange="NFO", action="BUY",
        product="NRML", pricetype="MARKET", price=0, quantity=2 * LOT, disclosed_quantity=0, trigger_price=0,
    )  # fmt: skip
    assert status == 200
    ended = hands.until_change(change, "refused")
    assert hands.until_order(order.id, "filled").filled_quantity == 2 * LOT
    until(lambda: hands.change_row(change).reason.startswith("Too late: it was filled"))
    assert ended.state == "refused"


def test_a_raised_order_that_fills_before_the_answer_comes_is_filled_for_its_new_total(hands):
    order = hands.resting("beta")
    hands.desk.paper.fault("latency", broker="beta", ms=500, where="after", **MODIFY, next=1)
    hands.desk.paper.fault("partial_fills", broker="beta", fraction=0.4)
    change = hands.change(order, price=Decimal(HIGH), quantity=Decimal(5 * LOT))
    assert hands.until_order(order.id, "filled").filled_quantity == 5 * LOT
    assert hands.until_settled(change).state == "done"
    assert hands.order(order.id).quantity == 5 * LOT


def test_a_cancel_while_a_change_is_on_its_way_ends_cancelled(hands):
    order = hands.resting("alpha")
    hands.desk.paper.fault("latency", broker="alpha", ms=2000, where="before", **MODIFY, next=1)
    change = hands.change(order, price=TEN)
    hands.until_change(change, "sending")
    hands.cancel(order)
    assert hands.until_order(order.id, "cancelled").filled_quantity == 0
    assert hands.until_change(change, "refused", "done")
    hands.until_settled(change)


def test_a_change_asked_for_while_a_cancel_is_on_its_way_is_refused_and_not_sent(hands):
    order = hands.resting("alpha")
    hands.desk.paper.fault("slow_cancel", broker="alpha", ms=1500)
    hands.cancel(order)
    with pytest.raises(Denied, match="being cancelled"):
        hands.change(order, price=TEN)
    hands.until_order(order.id, "cancelled")


def test_what_stopped_trading_after_a_change_was_asked_for_stops_it_before_it_is_sent(hands):
    """Whatever way the account was stopped: here past the act that withdraws what waits."""
    order = hands.resting("alpha")
    before = hands.calls("alpha", "modifyorder")
    account_id = hands.desk.accounts["alpha"]
    lane = hands.desk.engine.crew.get(account_id).lane
    lane.hold("the test")
    try:
        more = hands.change(order, quantity=Decimal(4 * LOT))
        with hands.desk.services.db.write() as session:
            session.execute(update(Account).where(Account.id == account_id).values(trading_state="REDUCING"))
        lane.release("the test")
        ended = hands.until_change(more, "withdrawn")
        assert "takes no new entries: reducing" in ended.reason
        less = hands.change(order, quantity=Decimal(LOT))
        assert hands.until_settled(less).state == "done"
    finally:
        lane.release("the test")
        with hands.desk.services.db.write() as session:
            session.execute(update(Account).where(Account.id == account_id).values(trading_state="ACTIVE"))
    assert hands.calls("alpha", "modifyorder") == before + 1
    assert hands.order(order.id).quantity == LOT


def test_the_same_click_twice_is_one_change(hands):
    order = hands.resting("alpha")
    before = hands.calls("alpha", "modifyorder")
    ids = {hands.change(order, key="click-of-a-form", price=TEN) for _ in range(3)}
    assert len(ids) == 1
    hands.until_settled(ids.pop())
    assert hands.calls("alpha", "modifyorder") == before + 1


def test_what_the_exchange_would_refuse_is_said_at_its_field_and_nothing_is_sent(hands):
    order = hands.resting("alpha")
    before = hands.calls("alpha", "modifyorder")
    for field, more in (
        ("price", {"price": Decimal("0.07")}),
        ("price", {"price": None}),
        ("price", {}),
        ("quantity", {"quantity": Decimal(70)}),
        ("quantity", {"quantity": Decimal(100 * LOT)}),
        ("trigger_price", {"price_type": PriceType.SL}),
    ):
        with pytest.raises(Invalid) as refused:
            hands.change(order, **more)
        assert field in refused.value.fields
    assert hands.calls("alpha", "modifyorder") == before
    assert not [change for change in hands.changes() if change.order_id == order.id]
