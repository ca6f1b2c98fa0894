"""The literal addresses of the multi-account guide, for programs written for it."""

from typing import Annotated

from flask import Blueprint
from pydantic import Field, RootModel

from app.accounts.health import age_seconds
from app.portfolio.models import VenueReading
from app.web.api.operation import operation
from app.web.api.positions import PositionShown, positions_of
from app.web.api.shapes import Answer, Id, Instant
from app.web.current import owner_id, services

bp = Blueprint("guide", __name__, url_prefix="/api")

TAG = "Guide"


class GuideAccount(Answer):
    id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    broker: Annotated[str, Field(examples=["zerodha"])]
    is_primary: bool
    is_active: bool


class GuideAccounts(RootModel[list[GuideAccount]]):
    """The caller's accounts, as a bare list."""


class GuidePositions(Answer):
    account_id: Id
    positions: list[PositionShown]
    read_at: Annotated[Instant | None, Field(description="When the venue's book was last read whole.")]
    age_seconds: Annotated[int | None, Field(examples=[2])]


@bp.get("/accounts")
@operation(TAG, "Accounts: id, name, broker, is_primary, is_active", gives=GuideAccounts)
def accounts() -> GuideAccounts:
    return GuideAccounts(
        [
            GuideAccount(id=row.id, name=row.name, broker=row.broker, is_primary=row.is_primary, is_active=row.enabled)
            for row in services().accounts.list(owner_id())
        ]
    )


@bp.get("/positions/<account_id>")
@operation(TAG, "Positions of one account", gives=GuidePositions)
def positions(account_id: str) -> GuidePositions:
    held = positions_of(account_id)
    with services().db.read() as session:
        reading = session.get(VenueReading, account_id)
    read_at = reading.positions_at if reading else None
    age = age_seconds(read_at, services().clock.now())
    return GuidePositions(account_id=account_id, positions=held, read_at=read_at, age_seconds=age)
