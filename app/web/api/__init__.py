"""The JSON door: the same services the pages use, over HTTP, for programs and for scripts of a signed-in person."""

from flask import Blueprint

from app.web.api import (
    accounts,
    guide,
    health,
    instruments,
    journal,
    me,
    positions,
    runs,
    strategies,
    tokens,
    waiting,
)

bp = Blueprint("api", __name__)

for room in (me, health, accounts, instruments, strategies, runs, journal, positions, waiting, tokens, guide):
    bp.register_blueprint(room.bp)
