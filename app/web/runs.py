"""Runs: the history, one run live, and its ways out. Who decides an exit first decides it; asking again is harmless."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied, NotFound
from app.portfolio.curves import of_run
from app.strategies.models import Run
from app.web.asking import ask
from app.web.current import identity, owner_id, services
from app.web.curve_view import draw_curve
from app.web.order_lines import owned_accounts
from app.web.run_history import history
from app.web.run_view import LegLine, PartLine, RunView, read_run
from app.web.tiers import tier
from app.web.words import count

bp = Blueprint("runs", __name__, url_prefix="/runs")

BY_HAND = "by hand"
MOST_NOTES = 12  # outcomes told one by one; of more accounts the page itself tells


def partials(run_id: str) -> dict[str, Any]:
    """What the page of a run shows; the first paint and each refresh use the same."""
    return {"view": read_run(owner_id(), run_id)}


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("runs/index.html", **_history())


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("runs/_rows.html", **_history())


def _history() -> dict[str, Any]:
    return {"history": history(owner_id(), request.args.get("before", ""))}


@bp.get("/<run_id>")
def detail(run_id: str) -> ResponseReturnValue:
    shown = partials(run_id)
    return render_template("runs/detail.html", **shown, **_curve(shown["view"].run))


@bp.get("/<run_id>/curve")
def curve(run_id: str) -> ResponseReturnValue:
    return render_template("runs/_curve.html", **_curve(services().strategies.get_run(owner_id(), run_id)))


def _curve(run: Run) -> dict[str, Any]:
    """Of several currencies nothing is sampled: they are never added up."""
    owned = owned_accounts(owner_id())
    accounts = [owned[share["account_id"]] for share in run.accounts]
    currencies, modes = {one.currency for one in accounts}, {one.mode for one in accounts}
    currency = currencies.pop() if len(currencies) == 1 else "INR"
    drawn = draw_curve(services().curves.read(of_run(run.id)), currency, "P&L of the run")
    return {"run": run, "currency": currency, "drawn": drawn, "is_mixed": len(modes) > 1}


@bp.get("/<run_id>/live")
def live(run_id: str) -> ResponseReturnValue:
    return render_template("runs/_live.html", **partials(run_id))


@bp.route("/<run_id>/exit", methods=["GET", "POST"])
@tier("exit")
def exit_run(run_id: str) -> ResponseReturnValue:
    """Decided before anything is read for the page: neither its size nor a fault in it keeps an exit waiting."""
    if request.method == "GET":
        view = read_run(owner_id(), run_id)
        return ask(f"Exit {view.run.name}?", "runs/_exit.html", view=view, parts=view.live_parts)
    with _ended_is_no_fault():
        decided = services().strategies.exit_run(owner_id(), run_id, BY_HAND, identity().user.name)
        _tell(decided, read_run(owner_id(), run_id).live_parts)
    return _to(run_id)


@bp.route("/<run_id>/accounts/<account_run_id>/exit", methods=["GET", "POST"])
@tier("exit")
def exit_account(run_id: str, account_run_id: str) -> ResponseReturnValue:
    view = read_run(owner_id(), run_id)
    part = _part(view, account_run_id)
    if request.method == "GET":
        return ask(f"Exit {view.run.name} in {part.account.name}?", "runs/_exit.html", view=view, parts=[part])
    with _ended_is_no_fault():
        decided = services().strategies.exit_account(owner_id(), account_run_id, BY_HAND, identity().user.name)
        _tell(decided, [part])
    return _to(run_id)


@bp.route("/<run_id>/legs/<leg_run_id>/exit", methods=["GET", "POST"])
@tier("exit")
def exit_leg(run_id: str, leg_run_id: str) -> ResponseReturnValue:
    view = read_run(owner_id(), run_id)
    part, leg = _leg(view, leg_run_id)
    if request.method == "GET":
        title = f"Exit leg {leg.leg.number} in {part.account.name}?"
        return ask(title, "runs/_exit_leg.html", view=view, part=part, leg=leg)
    with _ended_is_no_fault():
        decided = services().strategies.exit_leg(owner_id(), leg_run_id, BY_HAND, identity().user.name)
        said = "the exit is decided" if decided else "an exit was decided before; it is tried again"
        flash(f"{part.account.name}, leg {leg.leg.number}: {said}.")
    return _to(run_id)


@contextmanager
def _ended_is_no_fault() -> Iterator[None]:
    """Whoever asks a moment too late, as in a second tab, has what they wanted: the page says how it stands."""
    try:
        yield
    except Denied as too_late:
        flash(too_late.message)


def _part(view: RunView, account_run_id: str) -> PartLine:
    for part in view.parts:
        if part.part.id == account_run_id:
            return part
    raise NotFound("There is no such account in this run.")


def _leg(view: RunView, leg_run_id: str) -> tuple[PartLine, LegLine]:
    for part in view.parts:
        for leg in part.legs:
            if leg.leg.id == leg_run_id:
                return part, leg
    raise NotFound("There is no such leg in this run.")


def _tell(decided: bool, parts: list[PartLine]) -> None:
    """One sentence per account, where there is room for it."""
    if not decided:
        flash("This exit was decided before. What is still held is tried again.")
    elif not parts:
        flash("The exit is decided, and over already.")
    for part in parts[:MOST_NOTES]:
        flash(f"{part.account.name}: {_what_happens(part)}.")
    if len(parts) > MOST_NOTES:
        flash(f"And {count(len(parts) - MOST_NOTES, 'more account')}: see below.")


def _what_happens(part: PartLine) -> str:
    if part.held:
        return f"{count(part.held, 'position')} on the way out"
    return "nothing is held; what is still open is cancelled"


def _to(run_id: str) -> ResponseReturnValue:
    return redirect(url_for("runs.detail", run_id=run_id), 303)
