"""Trading states and kill switches as the API takes and gives them."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.risk.service import LONGEST_WHY, Told
from app.risk.states import Standing
from app.web.api.shapes import ID, Answer, Asked, Id, Instant

STATE_DETAIL = (
    "ACTIVE trades, REDUCING lets only out what shrinks a position, HALTED also changes no working order. Entries that "
    "wait are withdrawn. HALTED ends by a release only."
)
Why = Annotated[str, StringConstraints(max_length=LONGEST_WHY), Field(examples=["the news"])]
KindAsked = Annotated[
    Literal["user", "desk", "account", "strategy"],
    Field(description="user: one's own desk; desk: everybody's, for admins."),
]
IdOrNone = Annotated[
    str,
    StringConstraints(pattern=f"{ID}|^$"),
    Field(description="Of the account or the strategy; none else.", examples=[""]),
]


class StateAsked(Asked):
    state: Literal["ACTIVE", "REDUCING", "HALTED"]
    why: Why = ""


class DeskStateAsked(StateAsked):
    kind: Annotated[Literal["user", "desk"], Field(description="desk: everybody's, for admins.")] = "user"


class KillAsked(Asked):
    kind: KindAsked = "user"
    id: IdOrNone = ""
    flatten: Annotated[bool, Field(description="Also exit what runs hold and what was opened by hand.")]
    why: Why = ""


class ReleaseAsked(Asked):
    kind: KindAsked = "user"
    id: IdOrNone = ""
    password: Annotated[
        str, StringConstraints(max_length=4096), Field(description="Of the person whose token this is.", examples=["…"])
    ]
    confirm: Literal["RELEASE"]


class StandingShown(Answer):
    kind: Annotated[str, Field(examples=["account"])]
    id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    state: Annotated[str, Field(description="ACTIVE, REDUCING or HALTED", examples=["ACTIVE"])]
    by: Annotated[str, Field(examples=["Asha"])]
    why: Annotated[str, Field(examples=["the news"])]
    at: Instant | None


class KillAccountShown(Answer):
    account_id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    withdrawn: Annotated[int, Field(description="Orders that waited and are never sent.")]
    cancelling: Annotated[int, Field(description="Entry orders whose cancelling was asked for.")]
    exiting: Annotated[int, Field(description="Runs, and positions opened by hand, that leave.")]
    orders_left: int
    runs_left: Annotated[int, Field(description="Exits of runs and of positions by hand that are not done.")]
    trouble: Annotated[str, Field(examples=[""])]
    done_at: Instant | None


class KillShown(Answer):
    id: Id
    kind: Annotated[str, Field(examples=["user"])]
    extent_id: Id
    name: str
    by: Annotated[str, Field(examples=["Asha"])]
    reason: Annotated[str, Field(examples=["the news"])]
    flatten: bool
    at: Instant
    done_at: Instant | None
    released_at: Instant | None
    released_by: str | None
    accounts: list[KillAccountShown]


class RiskShown(Answer):
    """Of strategies those that do not trade; of kill switches those that hold, then the last ones."""

    desk: StandingShown
    mine: StandingShown
    accounts: list[StandingShown]
    strategies: list[StandingShown]
    kills: list[KillShown]


def standing_shown(standing: Standing) -> StandingShown:
    said = {name: getattr(standing, name) for name in ("name", "by", "why", "at")}
    return StandingShown(kind=standing.extent.kind, id=standing.extent.id, state=standing.state, **said)


def kill_shown(told: Told) -> KillShown:
    kill = {name: getattr(told.kill, name) for name in KillShown.model_fields if name != "accounts"}
    return KillShown(**kill, accounts=[_line(line, name) for line, name in told.accounts])


def _line(line: object, name: str) -> KillAccountShown:
    row = {field: getattr(line, field) for field in KillAccountShown.model_fields if field != "name"}
    return KillAccountShown(name=name, **row)
