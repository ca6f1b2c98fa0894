"""When an exit of what was opened by hand goes, for how much, and when a person must look."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.core.money import ZERO
from app.execution.closing import Place, add_up
from app.execution.flattening import MOST_REFUSALS, Held, Try
from app.execution.models import Order
from app.venues.types import Side

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
PLACE = Place("a1", "NFO", "NIFTY24NOV2626050CE", "NRML")


def order(side: str, quantity: int, filled: int = 0, state: str = "filled", **more: object) -> Order:
    usual = {"purpose": "manual", "failure": "", "reason": "", "updated_at": NOW, "ended_at": None}
    return Order(side=side, quantity=Decimal(quantity), filled_quantity=Decimal(filled), state=state, **(usual | more))


def refused(seconds_ago: float = 0) -> Try:
    ended = NOW - timedelta(seconds=seconds_ago)
    return Try([order("SELL", 130, state="rejected", failure="refused", reason="no margin.", ended_at=ended)])


def held(*orders: Order, tries: tuple[Try, ...] = (), gone: int = 0) -> Held:
    return Held(PLACE, add_up(orders, Decimal(gone)), tries)


def test_what_a_working_order_of_the_other_side_may_still_close_is_not_asked_for_too():
    long = order("BUY", 195, 195)
    assert held(long, order("SELL", 65, state="open")).closable == 130
    assert held(long, order("BUY", 65, state="open")).closable == 195
    assert held(long, order("SELL", 195, state="unknown")).closable == ZERO
    short = held(order("SELL", 195, 195), order("BUY", 130, 65, state="partially_filled"))
    assert (short.closable, short.traded.side) == (65, Side.BUY)


def test_what_is_gone_or_leaving_is_not_asked_for_again():
    long = order("BUY", 195, 195)
    assert held(long, gone=65).closable == 130
    assert held(long, order("SELL", 195, state="sending", purpose="exit")).closable == ZERO
    assert not held(long, gone=195).is_left
    assert held(long, order("SELL", 195, 195, purpose="exit")).is_left is False


def test_a_refused_exit_is_tried_again_after_a_pause_and_at_last_a_person_is_asked():
    long = order("BUY", 130, 130)
    assert held(long).is_due(NOW)
    assert not held(long, tries=(refused(1),)).is_due(NOW)
    assert held(long, tries=(refused(3),)).is_due(NOW)
    assert not held(long, tries=(refused(9), refused(3))).is_due(NOW)
    assert "tried again" in held(long, tries=(refused(),)).trouble
    given_up = held(long, tries=(refused(999),) * MOST_REFUSALS)
    assert not given_up.is_due(NOW)
    assert given_up.is_due(NOW, again=True)
    assert "130 are held" in given_up.trouble


def test_what_fills_after_an_exit_is_due_at_once():
    done = Try([order("SELL", 130, 130, purpose="exit", ended_at=NOW)])
    late = held(order("BUY", 195, 195), *done.orders, tries=(done,))
    assert (late.closable, late.is_due(NOW), late.trouble) == (65, True, "")
