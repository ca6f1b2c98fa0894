"""A leg that left by what rested at the broker: who decided its exit, and by which of the two levels."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core.money import ZERO, plain
from app.execution.events import Alarm
from app.risk.monitor import Reach
from app.risk.rules import Rule
from app.strategies import leaving
from app.strategies.views import Loaded


def left(session: Session, loaded: Loaded, leg_id: str, fired: str, now: datetime) -> list[object]:
    """The broker made an order of a leg's stop or target: that decides its exit, unless something did before."""
    leg, part = loaded.legs[leg_id], loaded.part
    order = next(o for o in loaded.orders.values() if o.leg_run_id == leg_id and o.fired == fired)
    touched = order.trigger_price if fired == "stop" else order.target_trigger
    rule = Rule.STOP if fired == "stop" else Rule.TARGET
    reason = f"{rule}: it rested at the broker, and {leg.symbol} reached {plain(touched or ZERO)}"
    event: dict[str, Any] = {
        "owner_id": part.owner_id, "run_id": part.run_id, "reach": Reach.LEG.value, "subject_id": leg.id,
        "name": f"Leg {leg.number} {leg.symbol}", "rule": rule.value, "threshold": touched, "value": None,
        "prices": [], "at": now,
    }  # fmt: skip
    if not leaving.left_by(session, leg.id, rule, reason, "broker", event):
        return []
    return [Alarm(part.owner_id, part.account_id, f"run:{part.run_id}", f"Leg {leg.number} is left by its {reason}.")]
