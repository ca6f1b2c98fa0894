"""The demo: three paper brokers, one user, ready accounts and strategies, and the main job without a browser."""

from datetime import timedelta

from app.instruments.models import Fact, FactKind
from app.wiring import Services

EXCHANGES = ("NSE_INDEX", "BSE_INDEX", "NSE", "BSE", "NFO", "BFO")


def always_open(services: Services) -> None:
    """The paper market never closes; the desk's calendar must know, or it would call its prices old."""
    today = services.clock.now().date() - timedelta(days=1)
    for exchange in EXCHANGES:
        services.instruments.record_fact(
            Fact(
                kind=FactKind.SESSION,
                exchange=exchange,
                subject="*",
                effective_from=today,
                value="always",
                source="the paper market",
            )
        )
