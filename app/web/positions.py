"""Positions: what the desk filled, what the venues say, and where they differ."""

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.web.current import owner_id
from app.web.position_groups import BY, groups_of
from app.web.position_view import read_book

bp = Blueprint("positions", __name__, url_prefix="/positions")


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    by = request.args.get("by", "")
    book = read_book(owner_id())
    groups = groups_of(owner_id(), by, book) if by in BY and by else []
    return {"book": book, "by": by if by in BY else "", "choices": BY, "groups": groups}


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("positions/index.html", **partials())


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    shown = partials()
    return render_template("positions/_groups.html" if shown["by"] else "positions/_rows.html", **shown)
