"""Who is calling: a person with a session cookie, or a program with an API token. Never both.

A call with an Authorization header is a program's: its cookie is not looked at, so a page of another site
gains nothing by sending one along.
"""

from dataclasses import dataclass

from flask import request, session

from app.core.actors import Actor
from app.core.errors import DeskError
from app.users.door import Visitor
from app.users.models import User
from app.users.roles import Scope, scopes_of
from app.users.service import Users

SID = "sid"


class InvalidApiKey(DeskError):
    code = "invalid_api_key"
    status = 403


@dataclass(frozen=True, slots=True)
class Identity:
    """`session_id` is empty for a program, `token_id` for a person."""

    user: User
    scopes: frozenset[Scope]
    session_id: str = ""
    token_id: str = ""

    @property
    def user_id(self) -> str:
        return self.user.id

    @property
    def owner_id(self) -> str:
        return self.user.owner_id

    @property
    def is_program(self) -> bool:
        return bool(self.token_id)

    def may(self, scope: str) -> bool:
        return scope in self.scopes


def find_identity(users: Users) -> Identity | None:
    """Raises InvalidApiKey for a token that opens nothing; a stale cookie is a stranger's."""
    if "Authorization" in request.headers:
        return _program(users)
    secret = session.get(SID)
    found = users.sessions.find(secret) if isinstance(secret, str) else None
    if found is None:
        return None
    return Identity(found.user, scopes_of(found.user.role), session_id=found.session.id)


def visitor_here() -> Visitor:
    return Visitor(request.remote_addr or "", request.user_agent.string)


def actor_of(identity: Identity | None) -> Actor:
    ip = request.remote_addr or ""
    if identity is None:
        return Actor(None, "stranger", ip)
    return Actor(identity.user_id, identity.user.name, ip)


def identity_of_token(users: Users, secret: str, ip: str) -> Identity | None:
    """Of a program that calls from that address; None for a token that opens nothing."""
    found = users.tokens.find(secret.strip(), ip)
    if found is None:
        return None
    return Identity(found.user, scopes_of(found.user.role, found.token.scopes), token_id=found.token.id)


def _program(users: Users) -> Identity:
    kind, _, secret = request.headers["Authorization"].partition(" ")
    found = identity_of_token(users, secret, request.remote_addr or "") if kind.lower() == "bearer" else None
    if found is None:
        raise InvalidApiKey("This API token opens nothing: it is wrong, revoked, expired or used from elsewhere.")
    return found
