"""The engine's page: its heartbeat and jobs, the feed with its connections, and what happened to it."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.web.engine_view import look

bp = Blueprint("engine", __name__)


def partials() -> dict[str, Any]:
    return {"view": look()}


@bp.get("/engine")
def index() -> ResponseReturnValue:
    return render_template("engine/index.html", **partials())


@bp.get("/engine/live")
def rows() -> ResponseReturnValue:
    return render_template("engine/_live.html", **partials())
