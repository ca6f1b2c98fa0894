"""The list of strategies, and taking one away."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.web.asking import ask
from app.web.current import owner_id, services
from app.web.strategy_list import strategy_lines

bp = Blueprint("strategies", __name__, url_prefix="/strategies")


def partials() -> dict[str, Any]:
    """What the list shows; the first paint and each refresh use the same."""
    return {"lines": strategy_lines(owner_id())}


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("strategies/index.html", **partials())


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("strategies/_rows.html", **partials())


@bp.route("/<strategy_id>/remove", methods=["GET", "POST"])
def remove(strategy_id: str) -> ResponseReturnValue:
    strategy = services().strategies.get(owner_id(), strategy_id)
    if request.method == "GET":
        return ask(f"Remove {strategy.name}?", "strategies/_remove.html", strategy=strategy)
    services().strategies.remove(owner_id(), strategy_id)
    flash(f"{strategy.name} is removed. Its runs and orders stay in the journal.")
    return redirect(url_for("strategies.index"), 303)
