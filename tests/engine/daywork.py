"""Limits of the day at a whole desk: set, watched, released."""

from decimal import Decimal

from sqlalchemy import select

from app.risk.day_monitor import DayMonitor, DayStanding
from app.risk.day_rules import DayRules
from app.risk.models import RiskEvent
from app.risk.states import Extent, Kind
from tests.engine.desks import TestDesk
from tests.waiting import until


def mine(desk: TestDesk) -> Extent:
    return Extent(Kind.USER, desk.owner_id)


def of_account(account_id: str) -> Extent:
    return Extent(Kind.ACCOUNT, account_id)


def limit(desk: TestDesk, extent: Extent, **written) -> None:
    desk.services.day_limits.save(desk.owner_id, extent, DayRules.model_validate(written))
    desk.engine.loops["limits"].nudge()


def day_events_of(desk: TestDesk) -> list[RiskEvent]:
    with desk.services.db.read() as session:
        return list(session.scalars(select(RiskEvent).where(RiskEvent.key.is_not(None)).order_by(RiskEvent.id)))


def day_monitor_of(desk: TestDesk) -> DayMonitor:
    listeners = [getattr(each, "__self__", None) for each in desk.engine.market.hub._listeners]
    return next(each for each in listeners if isinstance(each, DayMonitor))


def day_of(desk: TestDesk, extent: Extent) -> DayStanding | None:
    return next(
        (one for one in day_monitor_of(desk).standings() if one.stake.extent == extent and one.profit is not None), None
    )


def allow(desk: TestDesk, extent: Extent, further: int, action: str) -> None:
    """A max loss so far under what the day has made until now, whatever tests before it lost."""
    limit(desk, extent, max_loss={"value": "1000000000"})
    made = until(lambda: day_of(desk, extent), 20).profit
    loss = max(Decimal(1), further - made).quantize(Decimal(1))
    limit(desk, extent, max_loss={"value": str(loss), "action": action})
    until(lambda: (found := day_of(desk, extent)) and found.stake.bounds[0].distance == loss, 20)


def release_days(desk: TestDesk) -> None:
    """No limits, and nothing blocked."""
    for extent in (mine(desk), *map(of_account, desk.accounts.values())):
        limit(desk, extent)
    for event in day_events_of(desk):
        if event.released_at is None:
            desk.services.day_limits.release(desk.owner_id, event.id, "the next test")
