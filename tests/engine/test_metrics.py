"""The engine's numbers: counted once per order whatever is heard of it, with few labels, in a file anybody can read."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.engine.metrics import Metrics
from app.execution.events import Alarm, OrderChanged
from app.execution.states import OrderState
from app.venues.types import OrderStatus
from tests.execution.conftest import desk  # noqa: F401 - fixtures of the room below
from tests.execution.journaling import REFUSED, UNKNOWN, row


@pytest.fixture
def metrics(desk, tmp_path):  # noqa: F811 - the fixture
    made = Metrics(desk.db, desk.clock, [], lambda: True, tmp_path / "metrics" / "engine.prom")
    desk.bus.subscribe(OrderChanged, made.order_changed)
    desk.bus.subscribe(Alarm, made.alarm)
    return made


@pytest.fixture
def told(metrics, tmp_path):
    """`told(name, **labels)` is the value after a step; 0 for a series that does not exist."""

    def look(name: str, **labels: str) -> float:
        metrics.step()
        text = (tmp_path / "metrics" / "engine.prom").read_text()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    return look


def test_each_step_of_an_order_is_counted_once_however_often_it_is_heard(desk, metrics, told):  # noqa: F811 - as above
    order_id = desk.sent()
    count = "mirrordesk_order_step_seconds_count"
    assert told(count, step="answer", purpose="entry", venue_kind="openalgo") == 1
    assert told(count, step="fill") == 0
    desk.push(row(OrderStatus.FILLED, filled=65))
    assert told(count, step="fill") == 1
    metrics.order_changed(OrderChanged(order_id, "u1", desk.account_id, None, OrderState.FILLED, 65))
    assert [told(count, step=name) for name in ("turn", "lane", "answer", "fill")] == [1, 1, 1, 1]
    assert told("mirrordesk_orders_total", outcome="filled") == 1
    assert told("mirrordesk_account_answer_seconds_count", account_id=desk.account_id) == 1


def test_a_refused_order_is_counted_by_its_end(desk, told):  # noqa: F811 - as above
    desk.sent("k1", REFUSED)
    assert told("mirrordesk_orders_total", outcome="refused", purpose="entry") == 1


def test_an_order_in_doubt_is_counted_when_it_is_and_when_it_is_decided(desk, told):  # noqa: F811 - as above
    desk.sent("k1", UNKNOWN)
    assert told("mirrordesk_orders_unknown_total") == 1
    assert told("mirrordesk_order_step_seconds_count", step="answer") == 0
    assert told("mirrordesk_alarms_total", subject="order") == 1
    desk.clock.pass_by(1)
    desk.read(row(OrderStatus.OPEN))
    assert told("mirrordesk_orders_reconciled_total", verdict="found") == 1
    assert told("mirrordesk_orders_unknown_total") == 1
