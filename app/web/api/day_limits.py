"""The limits of the day over the API: seen with what of them is used, replaced, and released with a reason."""

from typing import Annotated

from flask import Blueprint
from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from app.risk.day_rules import BASIS, DayRules
from app.risk.models import RiskEvent
from app.risk.service import LONGEST_WHY
from app.risk.states import Extent
from app.users.roles import Scope
from app.web.access import needs
from app.web.api.operation import operation
from app.web.api.shapes import Amount, Answer, Asked, Id, Instant
from app.web.current import owner_id, services
from app.web.day_limits_view import Line, Panel, day_view, extent_named, is_blocking, panel_of

bp = Blueprint("day_limits", __name__, url_prefix="/api/v1/risk/limits")

TAG = "Risk"
DETAIL = (
    "All of them anew; a limit that is left out is none. Percent are of the equity when the day began. `action`: "
    "block lets nothing new in, reduce also cancels entries that work, flatten also exits all that is held; it holds "
    "until the day in India ends or somebody releases it. Before an order the limits of exposure, count, value and "
    "price are asked; exits always pass."
)
LEVEL: JsonDict = {"value": "20000", "unit": "amount", "action": "flatten"}


class DayRulesAsked(DayRules):
    """What may be lost and done in a day."""

    model_config = ConfigDict(json_schema_extra={"example": {"max_loss": LEVEL, "open_orders": 20, "price_band": "5"}})


class WhyAsked(Asked):
    why: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_WHY), Field(examples=["one trade more"])]


class LineShown(Answer):
    """One limit. `used` and `share`, percent of it, are null while they are not known, and of limits of one order."""

    limit: Annotated[str, Field(examples=["max_loss"])]
    written: Annotated[str, Field(description="As it was set.", examples=["2 % of equity"])]
    most: Annotated[Amount | None, Field(description="In currency, or a count; null while it is not known.")]
    action: Annotated[str, Field(description="block, reduce, flatten; empty: it is refused", examples=["block"])]
    used: Amount | None
    share: Annotated[Amount | None, Field(examples=["62"])]


class BlockShown(Answer):
    """What a limit did. `released_at` null and `is_blocking`: it blocks now."""

    id: Id
    kind: Annotated[str, Field(description="user (the desk) or account", examples=["account"])]
    subject_id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    limit: Annotated[str, Field(examples=["max loss of the day"])]
    action: Annotated[str, Field(examples=["flatten"])]
    threshold: Amount | None
    value: Amount | None
    did: Annotated[str, Field(examples=["no new entries; exits decided: 2"])]
    at: Instant
    is_blocking: bool
    released_at: Instant | None
    released_by: str | None
    released_why: str | None


class LimitedShown(Answer):
    """An account, or one's desk, with its limits. `counted`: the accounts whose figures are added up."""

    kind: Annotated[str, Field(examples=["account"])]
    id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    counted: list[Id]
    equity: Annotated[Amount | None, Field(description="When the day began; null while it is not known.")]
    equity_at: Instant | None
    limits: list[LineShown]


class DayLimitsShown(Answer):
    """One's desk first, then every account that has limits; and what limits did, the latest first."""

    basis: Annotated[str, Field(description="What the profit of the day is.", examples=[BASIS])]
    limited: list[LimitedShown]
    events: list[BlockShown]


@bp.get("")
@operation(TAG, "Look at the limits of the day and their use", gives=DayLimitsShown)
def index() -> DayLimitsShown:
    view = day_view()
    limited = [_limited_shown(one) for one in view.panels]
    return DayLimitsShown(basis=BASIS, limited=limited, events=[_block_shown(event) for event in view.events])


@bp.put("/desk")
@needs(Scope.MANAGE)
@operation(TAG, "Replace the limits of one's desk", DETAIL, takes=DayRulesAsked, gives=LimitedShown)
def replace_desk(body: DayRulesAsked) -> LimitedShown:
    return _saved(extent_named(), body)


@bp.put("/accounts/<account_id>")
@needs(Scope.MANAGE)
@operation(TAG, "Replace the limits of an account", DETAIL, takes=DayRulesAsked, gives=LimitedShown)
def replace_account(account_id: str, body: DayRulesAsked) -> LimitedShown:
    return _saved(extent_named(account_id), body)


@bp.post("/blocks/<event_id>/release")
@needs(Scope.MANAGE)
@operation(TAG, "Release what a limit blocks", "It acts no more today.", takes=WhyAsked, gives=BlockShown)
def release(event_id: str, body: WhyAsked) -> BlockShown:
    return _block_shown(services().day_limits.release(owner_id(), event_id, body.why))


def _saved(extent: Extent, rules: DayRulesAsked) -> LimitedShown:
    services().day_limits.save(owner_id(), extent, DayRules.model_validate(rules.model_dump()))
    return _limited_shown(panel_of(extent))


def _limited_shown(panel: Panel) -> LimitedShown:
    one = panel.limited
    lines = [_line_shown(line) for line in panel.lines]
    return LimitedShown(
        kind=one.extent.kind, id=one.extent.id, name=one.name, counted=list(one.account_ids), equity=one.equity,
        equity_at=one.equity_at, limits=lines,
    )  # fmt: skip


def _line_shown(line: Line) -> LineShown:
    return LineShown(
        limit=line.name, written=line.written, most=line.most, action=line.action, used=line.used, share=line.share
    )


def _block_shown(event: RiskEvent) -> BlockShown:
    same = ("id", "subject_id", "name", "action", "threshold", "value", "did", "at")
    released = ("released_at", "released_by", "released_why")
    shown = {name: getattr(event, name) for name in (*same, *released)}
    return BlockShown(kind=event.reach, limit=event.rule, is_blocking=is_blocking(event), **shown)
