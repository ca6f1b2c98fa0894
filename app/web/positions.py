"""Positions: what the desk filled, what the venues say, and where they differ."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.web.current import owner_id
from app.web.position_view import read_book

bp = Blueprint("positions", __name__, url_prefix="/positions")


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    return {"book": read_book(owner_id())}


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("positions/index.html", **partials())


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("positions/_rows.html", **partials())
