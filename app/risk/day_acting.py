"""What a limit of the day does when it is touched, and how its block ends; in the caller's unit of work.

One touch is one event, known by its limit and its day: whoever comes second, after a restart too, finds it there and
does nothing. New entries are blocked at once (the state of what it stops becomes REDUCING until the day in India ends,
or a person releases it); what is cancelled and exited goes the way of the kill switch, where every exit is decided
once.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.states import TradingState
from app.audit.trail import Trail
from app.core import actors
from app.core.ids import new_id
from app.core.money import plain
from app.portfolio.trades import day_end
from app.risk import killing
from app.risk.day_monitor import DayTrigger
from app.risk.gate import look_anew, standing_of, take_turn
from app.risk.killing import BY_LIMIT, Means
from app.risk.models import KillSwitch, RiskEvent, TradingStand
from app.risk.monitor import Seen
from app.risk.reach import Reach, reach
from app.risk.service import mark_still
from app.risk.states import refusal

NEXT_DAY = "the next trading day"
CENTS = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Acted:
    """`parts` are the account runs to be stepped: their exit is decided."""

    event: RiskEvent
    parts: tuple[str, ...] = ()


def act(session: Session, means: Means, trail: Trail, trigger: DayTrigger, now: datetime) -> Acted | None:
    """None when it was done before."""
    take_turn(session, changes=True)
    stake, bound = trigger.stake, trigger.bound
    if session.scalar(select(RiskEvent.id).where(RiskEvent.key == bound.key)) is not None:
        return None
    event = _event(trigger)
    stand = TradingStand(
        slot=f"{BY_LIMIT}{event.id}", kind=stake.extent.kind, extent_id=stake.extent.id, owner_id=stake.owner_id,
        name=stake.name, state=TradingState.REDUCING, state_by=bound.rule.words, state_why=said(trigger),
        state_at=now, until=day_end(now),
    )  # fmt: skip
    session.add_all([event, stand])
    session.flush()
    look_anew(session)
    mark_still(session, now)
    found = reach(session, means.runs, stake.extent)
    event.did = _stop(session, found, means, stand, trigger, now)
    session.flush()
    about = {"key": bound.key, "action": bound.action, "value": plain(trigger.value), "did": event.did}
    trail.record(session, actors.current(), "limit.touched", (stake.extent.kind.value, stake.extent.id), about)
    leaving = bound.action == "flatten"
    return Acted(event, tuple(part.id for part in found.parts) if leaving else ())


def _stop(session: Session, found: Reach, means: Means, stand: TradingStand, trigger: DayTrigger, now: datetime) -> str:
    """In words."""
    action, standing = trigger.bound.action, standing_of(stand)
    if action == "flatten":
        kill = killing.new(trigger.stake.extent, standing, trigger.stake.owner_id, True, now)
        kill.slot = stand.slot
        session.add(kill)
        session.flush()
        return _in_words(killing.strike(found, means, kill, True, now))
    withdrawn = killing.hold(found, means.runs, refusal(standing) or "", now)
    cancelling: Counter[str] = found.ask_cancels(now) if action == "reduce" else Counter()
    return _in_words({"withdrawn": withdrawn.total(), "cancelling": cancelling.total()})


def _in_words(counts: dict[str, int]) -> str:
    words = {"withdrawn": "entries withdrawn", "cancelling": "entries being cancelled", "exiting": "exits decided"}
    done = [f"{words[name]}: {count}" for name, count in counts.items() if count]
    return "; ".join(["no new entries", *done])


def said(trigger: DayTrigger) -> str:
    """ "profit of the day -20,120.50 reached -20,000", and of which peak a drawdown fell."""
    value, threshold = plain(trigger.value.quantize(CENTS)), plain(trigger.threshold.quantize(CENTS))
    peak = f", {plain(trigger.bound.distance)} under its peak {plain(trigger.peak.quantize(CENTS))}"
    return f"profit of the day {value} reached {threshold}{peak if trigger.bound.rule.value == 'drawdown' else ''}"


def _event(trigger: DayTrigger) -> RiskEvent:
    stake, bound = trigger.stake, trigger.bound
    return RiskEvent(
        id=new_id(), owner_id=stake.owner_id, run_id="", reach=stake.extent.kind.value, subject_id=stake.extent.id,
        name=stake.name, rule=bound.rule.words, threshold=trigger.threshold, value=trigger.value,
        prices=[_price(seen, trigger.at) for seen in trigger.prices], decided=True, at=trigger.at, key=bound.key,
        day=stake.day, action=bound.action, did="",
    )  # fmt: skip


def _price(seen: Seen, at: datetime) -> dict[str, Any]:
    age = max(0, int((at - seen.at).total_seconds() * 1000))
    return {"exchange": seen.symbol.exchange, "symbol": seen.symbol.name, "price": plain(seen.price), "age_ms": age}


# -- how a block ends


def end(session: Session, trail: Trail, event: RiskEvent, by: str, why: str, now: datetime) -> None:
    """New entries may begin again; nothing that was stopped comes back, and exits that were decided go on."""
    slot = f"{BY_LIMIT}{event.id}"
    event.released_at, event.released_by, event.released_why = now, by, why
    stand = session.get(TradingStand, slot)
    if stand is not None:
        session.delete(stand)
    kill = session.scalar(select(KillSwitch).where(KillSwitch.slot == slot))
    if kill is not None:
        kill.slot, kill.released_at, kill.released_by = None, now, by
    session.flush()
    look_anew(session)
    mark_still(session, now)
    about = {"key": event.key, "by": by, "why": why}
    trail.record(session, actors.current(), "limit.released", (event.reach, event.subject_id), about)


def over(session: Session, now: datetime) -> list[str]:
    """The events whose block ends with the day."""
    stands = session.scalars(select(TradingStand.slot).where(TradingStand.until <= now))
    return [slot.removeprefix(BY_LIMIT) for slot in stands]


def lift(session: Session, trail: Trail, now: datetime) -> set[str]:
    """End the blocks of days that are over; the owners."""
    take_turn(session, changes=True)
    owners = set()
    for event_id in over(session, now):
        event = session.get_one(RiskEvent, event_id)
        end(session, trail, event, NEXT_DAY, "the day ended", now)
        owners.add(event.owner_id)
    return owners
