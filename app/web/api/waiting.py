"""Errands over the API: what the engine is asked, and its answer when it comes soon enough."""

import time
from datetime import datetime
from typing import Annotated, Any

from flask import Blueprint, url_for
from pydantic import BeforeValidator, Field

from app.core import errands
from app.core.db import after_commit
from app.core.errands import Errand
from app.core.errors import NotFound
from app.core.validation import no_boolean
from app.web.api.operation import Reply, operation
from app.web.api.shapes import Answer, Asked, Id, Instant
from app.web.current import owner_id, services

bp = Blueprint("errands", __name__, url_prefix="/api/v1/errands")

LOOK_EVERY = 0.1  # seconds
LONGEST = 10


class ErrandShown(Answer):
    """A question to the engine. `done_at` is null while it works; then either `answer` or `error` is there."""

    id: Id
    kind: Annotated[str, Field(examples=["preview_run"])]
    created_at: Instant
    taken_at: Instant | None
    done_at: Instant | None
    progress: Annotated[list[Any], Field(description="Steps done so far.", examples=[[]])]
    answer: dict[str, Any] | None
    error: str | None


class WaitAsked(Asked):
    wait: Annotated[
        int, Field(ge=0, le=LONGEST, description="Seconds to wait for the answer."), BeforeValidator(no_boolean)
    ] = LONGEST


@bp.get("/<errand_id>")
@operation("Errands", "Look at an errand", gives=ErrandShown)
def get(errand_id: str) -> ErrandShown:
    return ErrandShown.model_validate(_find(owner_id(), errand_id))


def ask(owner: str, kind: str, question: dict[str, Any]) -> Errand:
    desk = services()
    with desk.db.write() as session:
        errand = errands.ask(session, owner, kind, question, desk.clock.now())
        after_commit(session, lambda: desk.link.send("errands", {}))
    return errand


def wait_for(errand: Errand, seconds: float) -> Errand:
    """As it is when it is done, or after so many seconds."""
    clock = services().clock
    until = clock.monotonic() + seconds
    while errand.done_at is None and clock.monotonic() < until:
        time.sleep(LOOK_EVERY)
        errand = _find(errand.owner_id, errand.id)
    return errand


def answered(errand: Errand, seconds: int = 0) -> Reply:
    """200 with the answer when it comes in time, else 202 and where to look."""
    errand = wait_for(errand, seconds)
    shown = ErrandShown.model_validate(errand)
    where = url_for("api.errands.get", errand_id=errand.id)
    return Reply(shown, 200) if _is_done(errand.done_at) else Reply(shown, 202, where)


def _is_done(done_at: datetime | None) -> bool:
    return done_at is not None


def _find(owner: str, errand_id: str) -> Errand:
    with services().db.read() as session:
        errand = errands.find(session, owner, errand_id)
    if errand is None:
        raise NotFound("There is no such errand, or it is over for more than a day.")
    return errand
