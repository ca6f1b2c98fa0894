"""What a person decided in the web's process reaches everybody who listens in the engine."""

from app.engine.orders import order_decided
from app.execution import journal
from app.execution.events import OrderChanged, TradesWanted
from tests.execution.conftest import any_desk  # noqa: F401 - fixtures of the room below
from tests.execution.journaling import UNKNOWN


def test_a_decided_order_is_announced_as_it_stands(any_desk):  # noqa: F811 - the fixture
    order_id = any_desk.sent("k1", UNKNOWN)
    with any_desk.db.write() as session:
        journal.lose(session, order_id, "never arrived", "person", any_desk.clock.now())
    any_desk.heard.clear()
    order_decided(any_desk.db, any_desk.bus, order_id)
    changed, wanted = any_desk.heard
    assert isinstance(changed, OrderChanged)
    assert (changed.order_id, changed.state) == (order_id, "lost")
    assert wanted == TradesWanted(any_desk.account_id)


def test_a_hint_about_an_order_that_is_not_there_is_ignored(any_desk):  # noqa: F811 - the fixture
    order_decided(any_desk.db, any_desk.bus, "no such order")
    assert any_desk.heard == []
