"""The desk's numbers for Prometheus, of web and engine together.

They tell of everybody's accounts, so only a token with the scope `metrics`, which an admin makes, opens them. The
engine's part is a file of its own; what the database knows is asked at each look, so that it is true while the engine
is not there.
"""

import time
from collections.abc import Iterable

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from app.execution.models import Order
from app.execution.states import LIVE, OrderState
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import services

bp = Blueprint("metrics", __name__)

BEATING = ("engine", "feed")
OLD = 30.0  # seconds; what an engine wrote longer ago tells nothing about now


@bp.get("/metrics")
@needs(Scope.METRICS)
def show() -> Response:
    registry = CollectorRegistry()
    registry.register(_Rows())
    return Response(generate_latest(registry) + _of_engine(), content_type=CONTENT_TYPE_LATEST)


class _Rows(Collector):
    """What the rows say this moment."""

    def collect(self) -> Iterable[Metric]:
        with services().db.read() as session:
            live = [state.value for state in LIVE]
            counts = (
                select(Order.state, func.count().label("number")).where(Order.state.in_(live)).group_by(Order.state)
            )
            found: dict[str, int] = {row.state: row.number for row in session.execute(counts)}
        orders = GaugeMetricFamily("mirrordesk_orders_live", "Orders that have not ended.", labels=["state"])
        for state in live:
            orders.add_metric([state], found.get(state, 0))
        yield orders
        unknown = found.get(OrderState.UNKNOWN.value, 0)
        yield GaugeMetricFamily("mirrordesk_orders_unknown_now", "Orders whose answer is lost.", unknown)
        yield self._beats()

    def _beats(self) -> Metric:
        now = services().clock.now()
        ages = GaugeMetricFamily("mirrordesk_beat_age_seconds", "Seconds since a sign of life.", labels=["name"])
        beats = services().pulse.read()
        for name, beat in ((name, beats[name]) for name in BEATING if name in beats):
            ages.add_metric([name], max(0.0, (now - beat.at).total_seconds()))
        return ages


def _of_engine() -> bytes:
    """Nothing while no engine of this instance runs."""
    file = services().settings.metrics_file
    try:
        return file.read_bytes() if time.time() - file.stat().st_mtime < OLD else b""
    except FileNotFoundError:
        return b""
