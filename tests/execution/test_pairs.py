"""What rests at a broker as one, in the journal: never urgent, known by its book, gone only by a later one."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from app.execution import pairs
from app.execution.lanes import Urgency
from app.execution.sender import urgency
from app.venues.types import OrderStatus
from tests.execution.journaling import HandClock
from tests.execution.reports import report

NOW = HandClock().now()


def order(**more: Any) -> Any:
    usual = {
        "id": "o1", "venue_order_id": "gtt:1", "price_type": "OCO", "purpose": "exit", "price": Decimal(95),
        "target_price": Decimal(140), "answered_at": NOW, "fired": "",
    }  # fmt: skip
    return SimpleNamespace(**usual | more)


def shown(name: str = "gtt:1", **more: Any) -> Any:
    return report(OrderStatus.TRIGGER_PENDING, venue_order_id=name, price_type="OCO", **more)


@pytest.mark.parametrize(("ours", "book", "is_gone"), [
    (order(), [], True),
    (order(), [shown()], False),
    (order(), [shown("gtt:2")], True),
    (order(), None, False),  # it was not read
    (order(answered_at=NOW + timedelta(seconds=2)), [], False),  # placed while it was read
    (order(answered_at=None), [], False),
    (order(venue_order_id=None), [], False),
    (order(price_type="LIMIT"), [], False),
])  # fmt: skip
def test_a_pair_is_gone_when_a_later_book_does_not_show_it(ours, book, is_gone):
    assert pairs.gone([ours], book, NOW + timedelta(seconds=1)) == (["o1"] if is_gone else [])


@pytest.mark.parametrize(("price", "fired"), [(140, "target"), (95, "stop"), (96, "stop")])
def test_the_limit_of_what_came_of_it_says_what_was_touched(price, fired):
    ours = order()
    session = SimpleNamespace(get_one=lambda _model, _id: ours, flush=lambda: None)
    pairs.found(session, "o1", report(OrderStatus.OPEN, price_type="LIMIT", price=Decimal(price)), NOW)
    assert (ours.fired, ours.price_type, ours.price) == (fired, "LIMIT", Decimal(price))


def test_a_pair_whose_answer_was_lost_counts_as_answered_by_its_book():
    ours = order(answered_at=None)
    session = SimpleNamespace(get_one=lambda _model, _id: ours, flush=lambda: None)
    pairs.found(session, "o1", shown(), NOW)
    assert (ours.answered_at, ours.price_type, ours.fired) == (NOW, "OCO", "")


@pytest.mark.parametrize(("more", "expected"), [
    ({}, Urgency.ENTRY), ({"price_type": "LIMIT"}, Urgency.EXIT), ({"price_type": "MARKET"}, Urgency.EXIT),
    ({"price_type": "MARKET", "purpose": "entry"}, Urgency.ENTRY),
])  # fmt: skip
def test_what_goes_to_rest_takes_nothing_of_what_is_kept_for_exits(more, expected):
    assert urgency(order(**more)) is expected
