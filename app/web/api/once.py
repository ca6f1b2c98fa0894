"""`Idempotency-Key`: what a key stands for is done once; asked again, the first answer is given again."""

import hmac
import re
from collections.abc import Callable

from flask import Response, current_app, request

from app.core import idempotency
from app.core.errors import Invalid
from app.core.idempotency import HEADER, Kept
from app.web.current import identity, services

KEY = re.compile(r"[!-~]{1,128}")
REPLAYED = "Idempotency-Replayed"


def key_of_request(required: bool) -> str | None:
    key = request.headers.get(HEADER)
    if key is None and required:
        raise Invalid.field(HEADER, "This request needs a key of its own in this header, so that it happens once.")
    if key is not None and not KEY.fullmatch(key):
        raise Invalid.field(HEADER, "The key must be 1 to 128 printable ASCII characters without blanks.")
    return key


def answer_once(key: str, act: Callable[[], Response]) -> Response:
    """What was refused, or failed, is not kept: the key may be used again."""
    desk = services()
    claim = idempotency.claim(desk.db, identity().user_id, key, _fingerprint(), desk.clock.now())
    if claim.kept is not None:
        return _again(claim.kept)
    try:
        response = act()
    except BaseException:
        idempotency.release(desk.db, claim.id)
        raise
    sealed = desk.vault.seal(response.get_data(as_text=True))
    kept = Kept(response.status_code, response.headers.get("Location"), sealed)
    idempotency.keep(desk.db, claim.id, desk.clock.now(), kept)
    return response


def _again(kept: Kept) -> Response:
    body = services().vault.open(kept.answer_sealed)
    response = Response(body, kept.status, mimetype="application/json")
    response.headers[REPLAYED] = "true"
    if kept.location:
        response.headers["Location"] = kept.location
    return response


def _fingerprint() -> str:
    """Keyed, as a body may hold a password: nobody can try words against what is stored."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    question = b"\n".join([request.method.encode(), request.path.encode(), request.get_data()])
    return hmac.new(secret, question, "sha256").hexdigest()
