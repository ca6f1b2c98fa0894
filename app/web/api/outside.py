"""Trades made outside the desk, over the API: where the books differ, and what a person decides about it."""

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from app.portfolio.differences import missing, surplus
from app.portfolio.models import PositionDifference
from app.web.api.operation import operation
from app.web.api.shapes import Amount, Answer, Asked, Id, Instant, Quantity
from app.web.current import owner_id, services
from app.web.order_lines import owned_accounts
from app.web.outside import sequence

bp = Blueprint("outside", __name__, url_prefix="/api/v1")

TAG = "Positions"
Name = Annotated[str, Field(examples=["26112300000012"])]


class DifferenceShown(Answer):
    """Quantities are signed: sold is negative."""

    id: Id
    account_id: Id
    exchange: Annotated[str, Field(examples=["NFO"])]
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    product: Annotated[str, Field(examples=["NRML"])]
    desk_quantity: Annotated[Amount, Field(examples=["130"])]
    venue_quantity: Annotated[Amount, Field(examples=["0"])]
    missing: Annotated[Amount, Field(description="Filled by the desk, and gone there.", examples=["130"])]
    surplus: Annotated[Amount, Field(description="Held there beyond the desk's own: can be adopted.", examples=["0"])]
    reason: Annotated[str, Field(examples=["Traded outside the desk: SELL 130 at ≈10:42 (order 26112300000012)."])]
    first_seen_at: Instant
    last_seen_at: Instant


class DifferenceList(Answer):
    items: list[DifferenceShown]


class QuantityAsked(Asked):
    quantity: Annotated[Quantity, Field(description="What was shown: another is refused.", examples=["130"])]


class ForeignOrderShown(Answer):
    """An order in a venue's book that the desk did not make. Who made it is not known."""

    id: Annotated[str, Field(examples=["17"])]
    account_id: Id
    venue_order_id: Name
    exchange: Annotated[str, Field(examples=["NFO"])]
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    product: Annotated[str, Field(examples=["NRML"])]
    side: Annotated[str, Field(examples=["SELL"])]
    quantity: Annotated[Amount, Field(examples=["130"])]
    filled_quantity: Annotated[Amount | None, Field(examples=["130"])]
    average_price: Amount | None
    status: Annotated[str, Field(description="As the venue has it.", examples=["filled"])]
    last_seen_at: Instant


class ForeignOrderList(Answer):
    items: list[ForeignOrderShown]


class Adopted(Answer):
    order_id: Annotated[str, Field(description="The order of the desk that it became.")]


class AdoptedRun(Answer):
    run_id: Annotated[str, Field(description="The open run that holds it now.")]


@bp.get("/differences")
@operation(
    TAG, "List where the venues' books and the desk differ", "Proven ones only, newest first.", gives=DifferenceList
)
def differences() -> DifferenceList:
    return DifferenceList(items=[_shown(row) for row in services().adopting.differences(owner_id())])


@bp.post("/differences/<difference_id>/adopt")
@operation(
    TAG,
    "Adopt an external position",
    "What the venue holds beyond the desk's own becomes an open run. Nothing is sent; it counts once.",
    takes=QuantityAsked,
    gives=AdoptedRun,
)
def adopt_position(difference_id: str, body: QuantityAsked) -> AdoptedRun:
    return AdoptedRun(run_id=services().adopting.adopt_position(owner_id(), difference_id, body.quantity))


@bp.post("/differences/<difference_id>/accept")
@operation(
    TAG,
    "Accept the venue's book for a position of no live run",
    "Booked as closed outside the desk. Nothing is sent; it counts once.",
    takes=QuantityAsked,
    gives=Adopted,
)
def accept_position(difference_id: str, body: QuantityAsked) -> Adopted:
    return Adopted(order_id=services().adopting.accept_position(owner_id(), difference_id, body.quantity))


@bp.post("/leg-runs/<leg_run_id>/accept")
@operation(
    TAG,
    "Accept that a leg was closed at the broker",
    "Booked as the leg's exit. Nothing is sent; it counts once.",
    takes=QuantityAsked,
    gives=Adopted,
)
def accept_leg(leg_run_id: str, body: QuantityAsked) -> Adopted:
    return Adopted(order_id=services().adopting.accept(owner_id(), leg_run_id, body.quantity))


@bp.get("/external-orders")
@operation(TAG, "List orders made outside the desk", "The newest two hundred.", gives=ForeignOrderList)
def foreign_orders() -> ForeignOrderList:
    found = services().orders.foreign(list(owned_accounts(owner_id())))
    columns = [name for name in ForeignOrderShown.model_fields if name != "id"]
    return ForeignOrderList(
        items=[
            ForeignOrderShown.model_validate({"id": str(row.seq)} | {name: getattr(row, name) for name in columns})
            for row in found
        ]
    )


@bp.post("/external-orders/<foreign_seq>/adopt")
@operation(TAG, "Adopt an external order", "It becomes the desk's by hand, once. Nothing is sent.", gives=Adopted)
def adopt_order(foreign_seq: str) -> Adopted:
    adopting = services().adopting
    row = adopting.foreign_order(owner_id(), sequence(foreign_seq))
    return Adopted(order_id=adopting.adopt_order(owner_id(), row.account_id, row.venue_order_id))


def _shown(row: PositionDifference) -> DifferenceShown:
    figures = {
        "missing": missing(row.desk_quantity, row.venue_quantity),
        "surplus": surplus(row.desk_quantity, row.venue_quantity),
    }
    columns = [name for name in DifferenceShown.model_fields if name not in figures]
    return DifferenceShown.model_validate(figures | {name: getattr(row, name) for name in columns})
