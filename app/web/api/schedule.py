"""Schedules over the API: what a strategy will do by itself, what it did, its switch, and who is ready for the day."""

from datetime import date
from typing import Annotated, Any

from flask import Blueprint
from pydantic import BeforeValidator, Field

from app.core.errors import NotFound
from app.core.validation import no_boolean
from app.strategies.schedule import Slot
from app.web.api import waiting
from app.web.api.operation import Reply, operation
from app.web.api.shapes import Answer, Asked, Id, Instant
from app.web.api.waiting import ErrandShown, WaitAsked
from app.web.current import owner_id, services
from app.web.schedule_view import ScheduleView, read_schedule
from app.web.tiers import tier

bp = Blueprint("schedule", __name__, url_prefix="/api/v1")

TAG = "Schedules"
CHECK = "check_ready"
ARM_DETAIL = (
    "From now on it enters by itself. `version` is the strategy's as it was looked at: a change made meanwhile refuses "
    "it, and every later change disarms it. Arming what is armed changes nothing."
)
READY_DETAIL = (
    "Login, age of the funds, prices, contracts, age of the lists and whether the size fits, of every account of all "
    "that is armed. The desk does it by itself each trading morning."
)


class ArmAsked(Asked):
    version: Annotated[
        int, Field(ge=1, le=1_000_000_000, description="Of the strategy.", examples=[1]),
        BeforeValidator(no_boolean),
    ]  # fmt: skip


class EntryToCome(Answer):
    """An entry time of a day; `skip` says why it will not be entered, "" when it will."""

    day: Annotated[date, Field(description="In the schedule's zone.", examples=["2026-11-23"])]
    slot: Annotated[str, Field(examples=["09:20"])]
    at: Instant
    skip: Annotated[str, Field(examples=[""])]
    leaves_at: Annotated[Instant | None, Field(examples=[None])]


class EntryDone(Answer):
    """An entry that was due: started, failed (the run never began), missed, or skipped as planned."""

    id: Id
    day: Annotated[date, Field(examples=["2026-11-20"])]
    slot: Annotated[str, Field(examples=["09:20"])]
    due_at: Instant
    decided_at: Instant
    outcome: Annotated[str, Field(examples=["started"])]
    reason: Annotated[str, Field(examples=[""])]
    run_id: Annotated[str | None, Field(examples=[None])]


class ScheduleWhole(Answer):
    """`lots` are of all legs that are counted in lots, in all accounts, and `units` of all others: what one entry
    trades."""

    strategy_id: Id
    version: Annotated[int, Field(examples=[1])]
    armed_at: Annotated[Instant | None, Field(examples=[None])]
    armed_by: Annotated[str | None, Field(examples=[None])]
    words: Annotated[list[str], Field(examples=[["Enters at 09:20 India time, Monday to Friday"]])]
    accounts: Annotated[int, Field(examples=[2])]
    legs: Annotated[int, Field(examples=[4])]
    lots: Annotated[int, Field(examples=[8])]
    units: Annotated[int, Field(examples=[0])]
    next: EntryToCome | None
    coming: list[EntryToCome]
    history: list[EntryDone]


class ReadyShown(Answer):
    """The newest look; `findings` has the prices, and by strategy and account what was seen."""

    id: Id
    at: Instant
    ready: Annotated[int, Field(examples=[3])]
    wanting: Annotated[int, Field(examples=[0])]
    findings: dict[str, Any]


@bp.get("/strategies/<strategy_id>/schedule")
@operation(TAG, "Look at a strategy's schedule", gives=ScheduleWhole)
def get(strategy_id: str) -> ScheduleWhole:
    return _whole(read_schedule(owner_id(), strategy_id))


@bp.post("/strategies/<strategy_id>/arm")
@operation(TAG, "Arm a strategy's schedule", ARM_DETAIL, takes=ArmAsked, gives=ScheduleWhole)
def arm(strategy_id: str, body: ArmAsked) -> ScheduleWhole:
    services().schedules.arm(owner_id(), strategy_id, body.version)
    return _whole(read_schedule(owner_id(), strategy_id))


@bp.post("/strategies/<strategy_id>/disarm")
@operation(TAG, "Disarm a strategy's schedule", "Runs under way go on and leave as they would.", gives=ScheduleWhole)
def disarm(strategy_id: str) -> ScheduleWhole:
    services().schedules.disarm(owner_id(), strategy_id)
    return _whole(read_schedule(owner_id(), strategy_id))


@bp.get("/readiness")
@operation(TAG, "Look at who was ready last", gives=ReadyShown, can_miss=True)
def readiness() -> ReadyShown:
    found = services().schedules.newest_check(owner_id())
    if found is None:
        raise NotFound("Nobody has looked yet.")
    return ReadyShown.model_validate(found)


@bp.post("/readiness")
@tier("heavy")
@operation(TAG, "Look who is ready now", READY_DETAIL, query=WaitAsked, gives=ErrandShown, also={202: ErrandShown})
def check(query: WaitAsked) -> Reply:
    return waiting.answered(waiting.ask(owner_id(), CHECK, {}), query.wait)


def _whole(view: ScheduleView) -> ScheduleWhole:
    strategy, plan = view.strategy, view.plan
    return ScheduleWhole(
        strategy_id=strategy.id,
        version=strategy.version,
        armed_at=strategy.armed_at,
        armed_by=strategy.armed_by,
        words=plan.rules.words,
        accounts=len(view.shares),
        legs=len(strategy.legs),
        lots=view.lots,
        units=view.units,
        next=_to_come(plan.next) if plan.next else None,
        coming=[_to_come(slot) for slot in plan.coming],
        history=[EntryDone.model_validate(entry) for entry in view.history],
    )


def _to_come(slot: Slot) -> EntryToCome:
    leaves_at = slot.leaves.at if slot.leaves else None
    return EntryToCome(day=slot.day, slot=slot.name, at=slot.at, skip=slot.skip, leaves_at=leaves_at)
