"""The feed's numbers for Prometheus, looked at when they are asked for."""

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.feed.events import FeedReport


class FeedNumbers(Collector):
    def __init__(self, report: Callable[[], FeedReport]) -> None:
        self._report = report

    def collect(self) -> Iterable[Metric]:
        report = self._report()
        yield CounterMetricFamily("mirrordesk_prices_received", "Prices that came, of any source.", report.received)
        dropped = CounterMetricFamily("mirrordesk_prices_dropped", "Prices that were not believed.", labels=["reason"])
        for reason, count in report.dropped.items():
            dropped.add_metric([reason], count)
        yield dropped
        yield GaugeMetricFamily("mirrordesk_feed_symbols", "Symbols that are wanted.", report.wanted)
        stale = "Wanted symbols of open markets without a price that may be used."
        yield GaugeMetricFamily("mirrordesk_feed_symbols_stale", stale, len(report.stale))
        left = "Wanted symbols that no connection carries: they are priced by request."
        yield GaugeMetricFamily("mirrordesk_feed_symbols_left_out", left, report.left_out)
        connections = GaugeMetricFamily("mirrordesk_feed_connections", "Market connections.", labels=["state"])
        for state in {one.state for one in report.connections}:
            connections.add_metric([state.value], sum(one.state is state for one in report.connections))
        yield connections
