"""The feed as it is written into its sign of life, for pages and programs to read."""

from datetime import datetime
from typing import Any

from app.feed.events import ConnectionStatus, FeedReport
from app.feed.topup import TopUp

MOST_NAMED = 40  # stale symbols


def detail(report: FeedReport, topup: TopUp) -> dict[str, Any]:
    status = report.status
    return {
        "state": status.state.value,
        "last_at": _text(status.last_at),
        "account_id": status.account_id,
        "reason": status.reason,
        "source": status.source.value if status.source else None,
        "connections": [_connection(one) for one in report.connections],
        "wanted": report.wanted,
        "left_out": report.left_out,
        "stale": [str(symbol) for symbol in report.stale[:MOST_NAMED]],
        "stale_count": len(report.stale),
        "received": report.received,
        "dropped": dict(report.dropped),
        "requests": {"failed": topup.failures, "without_price": topup.unpriced},
    }


def _connection(one: ConnectionStatus) -> dict[str, Any]:
    return {
        "account_id": one.account_id,
        "number": one.number,
        "role": one.role,
        "state": one.state.value,
        "symbols": one.symbols,
        "last_at": _text(one.last_at),
        "words": one.words,
        "refused": one.refused,
        "garbage": one.garbage,
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
