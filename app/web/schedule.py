"""The schedule of a strategy: what it will do, what it did, and its switch. Arming asks once, with numbers."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core import errands
from app.core.db import after_commit
from app.core.errors import Invalid
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.current import owner_id, services
from app.web.schedule_view import OUTCOMES, read_readiness, read_schedule

bp = Blueprint("schedule", __name__, url_prefix="/strategies")

CHECK = "check_ready"
LONGEST_VERSION = 10  # digits


def partials(strategy_id: str) -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    return {"view": read_schedule(owner_id(), strategy_id), "outcomes": OUTCOMES}


@bp.get("/<strategy_id>/schedule")
def show(strategy_id: str) -> ResponseReturnValue:
    return render_template("strategies/schedule.html", **partials(strategy_id))


@bp.get("/<strategy_id>/schedule/live")
def live(strategy_id: str) -> ResponseReturnValue:
    return render_template("strategies/_scheduled.html", **partials(strategy_id))


@bp.get("/<strategy_id>/arm")
@needs(Scope.TRADE)
def ask_arm(strategy_id: str) -> ResponseReturnValue:
    view = read_schedule(owner_id(), strategy_id)
    return ask(f"Arm {view.strategy.name}?", "strategies/_arm.html", view=view)


@bp.post("/<strategy_id>/arm")
def arm(strategy_id: str) -> ResponseReturnValue:
    services().strategies.get(owner_id(), strategy_id)
    services().schedules.arm(owner_id(), strategy_id, _version())
    strategy = services().strategies.get(owner_id(), strategy_id)
    flash(f"{strategy.name} is armed: it enters by itself from now on.")
    return redirect(url_for("schedule.show", strategy_id=strategy_id), 303)


@bp.post("/<strategy_id>/disarm")
def disarm(strategy_id: str) -> ResponseReturnValue:
    strategy = services().strategies.get(owner_id(), strategy_id)
    services().schedules.disarm(owner_id(), strategy_id)
    flash(f"{strategy.name} is disarmed: it enters no more by itself. Runs under way go on.")
    return redirect(url_for("schedule.show", strategy_id=strategy_id), 303)


@bp.get("/readiness")
def readiness() -> ResponseReturnValue:
    return render_template("strategies/readiness.html", readiness=read_readiness(owner_id()))


@bp.get("/readiness/live")
def readiness_live() -> ResponseReturnValue:
    return render_template("strategies/_readiness.html", readiness=read_readiness(owner_id()))


@bp.post("/readiness")
def check() -> ResponseReturnValue:
    desk = services()
    with desk.db.write() as session:
        errands.ask(session, owner_id(), CHECK, {}, desk.clock.now())
        after_commit(session, lambda: desk.link.send("errands", {}))
    flash("Every account is being asked; what it says appears here.")
    return redirect(url_for("schedule.readiness"), 303)


def _version() -> int:
    typed = request.form.get("version", "")
    if not typed.isdecimal() or len(typed) > LONGEST_VERSION:
        raise Invalid.field("version", "Look at what it will do first: nothing was armed.")
    return int(typed)
