"""Trading states and the kill switch over the API. Stopping takes a request, releasing the person's password."""

from flask import Blueprint

from app.accounts.states import TradingState
from app.users.roles import Scope
from app.web.access import needs
from app.web.api.operation import operation
from app.web.api.risk_shapes import (
    STATE_DETAIL,
    DeskStateAsked,
    KillAsked,
    KillShown,
    ReleaseAsked,
    RiskShown,
    StandingShown,
    kill_shown,
    standing_shown,
)
from app.web.current import identity, services, visitor
from app.web.stopping import asker, extent_of, overview
from app.web.tiers import tier

bp = Blueprint("risk", __name__, url_prefix="/api/v1/risk")

TAG = "Risk"
KILL_DETAIL = (
    "New entries are refused at once, those that wait are withdrawn, working ones are cancelled, and with `flatten` "
    "all runs are exited at market. Exits go on whatever the state. Asking again joins the first and can only add "
    "flattening."
)
RELEASE_DETAIL = "Entries may begin again; nothing that was stopped comes back by itself."


@bp.get("")
@operation(TAG, "Look at the trading states and the kill switches", gives=RiskShown)
def index() -> RiskShown:
    view = overview()
    return RiskShown(
        desk=standing_shown(view.desk),
        mine=standing_shown(view.mine),
        accounts=[standing_shown(one) for one in view.accounts],
        strategies=[standing_shown(one) for one in view.strategies],
        kills=[kill_shown(told) for told in view.kills],
    )


@bp.put("/state")
@tier("exit")
@operation(TAG, "Pause, halt or let one's desk trade", STATE_DETAIL, takes=DeskStateAsked, gives=StandingShown)
def set_state(body: DeskStateAsked) -> StandingShown:
    extent = extent_of(body.kind)
    return standing_shown(services().risk.set_state(asker(), extent, TradingState(body.state), body.why))


@bp.post("/kill")
@tier("exit")
@operation(TAG, "Press the kill switch", KILL_DETAIL, takes=KillAsked, gives=KillShown, status=202)
def kill(body: KillAsked) -> KillShown:
    kill_id = services().risk.press(asker(), extent_of(body.kind, body.id), body.flatten, body.why)
    return kill_shown(services().risk.kill(asker(), kill_id))


@bp.post("/release")
@needs(Scope.MANAGE)
@tier("auth")
@operation(TAG, "Release what is halted", RELEASE_DETAIL, takes=ReleaseAsked, gives=StandingShown)
def release(body: ReleaseAsked) -> StandingShown:
    extent = extent_of(body.kind, body.id)
    services().risk.standing(asker(), extent)
    services().users.door.confirm(identity().user, body.password, visitor().ip)
    return standing_shown(services().risk.release(asker(), extent))
