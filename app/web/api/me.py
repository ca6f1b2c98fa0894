"""Who is calling, and what they may do."""

from typing import Annotated, Literal

from flask import Blueprint
from flask_wtf.csrf import generate_csrf
from pydantic import Field

from app.web.api.operation import operation
from app.web.api.shapes import Answer, Id
from app.web.current import identity

bp = Blueprint("me", __name__, url_prefix="/api/v1/me")


class Me(Answer):
    id: Id
    name: Annotated[str, Field(examples=["Asha"])]
    role: Annotated[str, Field(examples=["trader"])]
    owner_id: Annotated[Id, Field(description="Whose desk this is: a viewer looks at another's.")]
    signed_in_by: Literal["session", "token"]
    scopes: Annotated[list[str], Field(examples=[["read", "trade"]])]
    csrf_token: Annotated[
        str | None,
        Field(description="For the header X-CSRFToken; a program with a token needs none.", examples=[None]),
    ]


@bp.get("")
@operation("Desk", "Who am I", gives=Me)
def show() -> Me:
    caller = identity()
    return Me(
        id=caller.user_id,
        name=caller.user.name,
        role=caller.user.role,
        owner_id=caller.owner_id,
        signed_in_by="token" if caller.is_program else "session",
        scopes=sorted(scope.value for scope in caller.scopes),
        csrf_token=None if caller.is_program else generate_csrf(),
    )
