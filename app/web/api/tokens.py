"""A person's own API tokens. Only a person with a session makes one, and only with their password."""

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import Field, StringConstraints

from app.core.errors import Invalid
from app.users.api_tokens import TokenWish
from app.users.roles import Scope
from app.web.access import needs
from app.web.api.operation import operation
from app.web.api.shapes import Answer, Asked, Id, Instant, Moment
from app.web.current import identity, services, visitor
from app.web.tiers import tier

bp = Blueprint("tokens", __name__, url_prefix="/api/v1/tokens")

TAG = "Tokens"
Network = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]


class TokenAsked(Asked):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), Field(examples=["bot"])]
    scopes: Annotated[list[Literal["read", "trade", "manage", "metrics"]], Field(min_length=1, max_length=4)]
    allowed_ips: Annotated[
        list[Network], Field(max_length=50, examples=[["203.0.113.7"]], description="Empty: from anywhere.")
    ] = Field(default_factory=list)
    expires_at: Annotated[Moment | None, Field(description="Null: until revoked.")] = None
    password: Annotated[str, StringConstraints(min_length=1, max_length=1000), Field(examples=["your password"])]


class TokenShown(Answer):
    id: Id
    name: Annotated[str, Field(examples=["bot"])]
    hint: Annotated[str, Field(description="The last four characters.", examples=["x7Qa"])]
    scopes: Annotated[list[str], Field(examples=[["read", "trade"]])]
    allowed_ips: Annotated[list[str], Field(examples=[["203.0.113.7/32"]])]
    created_at: Instant
    last_used_at: Instant | None
    expires_at: Instant | None


class TokenMade(Answer):
    token: TokenShown
    secret: Annotated[str, Field(description="Shown this once and never again.", examples=["mdk_…"])]


class TokenList(Answer):
    items: list[TokenShown]


@bp.get("")
@needs(Scope.SELF)
@operation(TAG, "List your tokens", gives=TokenList)
def index() -> TokenList:
    rows = services().users.tokens.list(identity().user_id)
    return TokenList(items=[TokenShown.model_validate(row) for row in rows])


@bp.post("")
@needs(Scope.SELF)
@tier("auth")
@operation(TAG, "Make a token", takes=TokenAsked, gives=TokenMade, status=201)
def create(body: TokenAsked) -> TokenMade:
    me, users = identity(), services().users
    if body.expires_at is not None and body.expires_at <= services().clock.now():
        raise Invalid.field("expires_at", "This moment is past.")
    users.door.confirm(me.user, body.password, visitor().ip)
    wish = TokenWish(body.name, list(body.scopes), body.allowed_ips, body.expires_at)
    row, secret = users.keyring.create_token(me.user_id, wish)
    return TokenMade(token=TokenShown.model_validate(row), secret=secret)


@bp.delete("/<token_id>")
@needs(Scope.SELF)
@operation(TAG, "Revoke a token", status=204)
def revoke(token_id: str) -> None:
    services().users.keyring.revoke_token(identity().user_id, token_id)
